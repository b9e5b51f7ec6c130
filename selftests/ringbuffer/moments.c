// SPDX-License-Identifier: GPL-2.0
/*
 * What a mapped end sees at the moments between two states of a ring: its pages
 * come, its last turn ends, its size changes, its end is given up.
 */

#include <sys/epoll.h>

#include <ferrio/ring.h>

#include "fix_dev.h"
#include "../stall.h"

/* Longer than any wake takes: only a lost one gets here. */
#define LOST 20000

static struct ferrio_rb_wait wish(unsigned int rw, uint64_t bytes)
{
	return (struct ferrio_rb_wait){
		.size = sizeof(struct ferrio_rb_wait), .rw = rw, .min_bytes = bytes,
	};
}

static void wait_for_count(int fd, const char *name, long count)
{
	while (rb_fdinfo(fd, name) != count)
		rb_sleep_ms(1);
}

/*
 * A ring has no pages until somebody uses it.  Who waits before that is called by
 * who maps them later.
 */
TEST_F(dev, waits_before_there_are_pages)
{
	struct ferrio_rb_wait w = wish(FERRIO_RB_READ, 5);
	struct rb_call waiter;
	struct ringbuffer p;
	char buf[8];

	ASSERT_EQ(self->live, rb_live_pages());
	rb_call_ioctl(&waiter, self->fd, FERRIO_RB_WAIT, &w);
	rb_call_asleep(&waiter);
	ASSERT_EQ(1, rb_fdinfo(self->fd, "rb-consumer-arms"));
	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_WRITE, 0, &p));
	/* the pages came with a wake: now it is armed where the producer looks */
	wait_for_count(self->fd, "rb-consumer-arms", 2);
	EXPECT_EQ(4, ringbuffer_write(&p, "1234", 4));
	EXPECT_EQ(1, rb_fdinfo(self->fd, "rb-consumer-wakes"));
	EXPECT_EQ(1, ringbuffer_write(&p, "5", 1));
	EXPECT_EQ(0, rb_call_end(&waiter));
	EXPECT_EQ(5, w.bytes);
	EXPECT_EQ(2, rb_fdinfo(self->fd, "rb-consumer-arms"));
	EXPECT_EQ(2, rb_fdinfo(self->fd, "rb-consumer-wakes"));
	EXPECT_EQ(5, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "12345", 5));
	ringbuffer_close(&p);
}

struct meeting {
	int fd;
	struct ringbuffer p;
	int go;		/* both add one; whoever sees two goes */
};

static void meet(struct meeting *m)
{
	__atomic_add_fetch(&m->go, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&m->go, __ATOMIC_SEQ_CST) < 2)
		sched_yield();
}

static void *first_writer(void *arg)
{
	struct meeting *m = arg;

	meet(m);
	if (ringbuffer(m->fd, FERRIO_RB_WRITE, 0, &m->p) < 0 ||
	    ringbuffer_write(&m->p, "x", 1) != 1)
		rb_die("the first byte: %s", strerror(errno));
	return NULL;
}

/* The same with both at once: whoever is first, the byte is seen. */
TEST_F_TIMEOUT(dev, pages_come_while_one_arms, 90)
{
	for (int i = 0; i < rounds(300, 20); i++) {
		struct meeting m = { .fd = rb_open(O_RDWR) };
		struct pollfd pfd = { .fd = m.fd, .events = POLLIN };
		pthread_t thread;
		char c;

		ASSERT_EQ(0, pthread_create(&thread, NULL, first_writer, &m));
		meet(&m);
		for (int n = rand() % 500; n; n--)
			ring__pause();
		ASSERT_EQ(1, poll(&pfd, 1, LOST))
			TH_LOG("round %d: asleep with %ld bytes there", i,
			       rb_fdinfo(m.fd, "rb-written"));
		ASSERT_EQ(1, read(m.fd, &c, 1));
		pthread_join(thread, NULL);
		/* not before: the end of a stream wakes everybody */
		ringbuffer_close(&m.p);
		close(m.fd);
	}
}

/* A producer is given up in the middle of a write: first its bytes, then the end. */
TEST_F(dev, end_comes_behind_the_last_turn)
{
	static char page[RB_PAGE], out[200];
	struct ferrio_rb_wait w = wish(FERRIO_RB_READ, 1);
	struct rb_call turn, waiter;
	struct ringbuffer c;
	struct stall s;
	int w_fd;

	stall_init(&s);
	rb_pattern(page, sizeof(page), 0);
	w_fd = rb_mint(self->fd, FERRIO_RB_WRITE);
	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_READ, 0, &c));
	close(self->fd);
	self->fd = -1;
	c.nonblock = true;
	rb_call_write(&turn, w_fd, s.page, 100);
	stall_met(&s);
	ASSERT_EQ(0, rb_shutdown(w_fd, FERRIO_RB_WRITE));
	EXPECT_EQ(0, rb_fdinfo(c.fd, "rb-producers"));
	EXPECT_EQ(-EAGAIN, E(ringbuffer_read(&c, out, sizeof(out))));
	EXPECT_EQ(-EBADF, E(write(w_fd, out, 1)));
	rb_call_ioctl(&waiter, c.fd, FERRIO_RB_WAIT, &w);
	rb_call_asleep(&waiter);

	stall_end(&s, page);
	EXPECT_EQ(100, rb_call_end(&turn));
	EXPECT_EQ(0, rb_call_end(&waiter));
	EXPECT_EQ(100, w.bytes);
	EXPECT_EQ(100, ringbuffer_read(&c, out, sizeof(out)));
	EXPECT_EQ(-1, rb_mismatch(out, 100, 0));
	EXPECT_EQ(0, ringbuffer_read(&c, out, sizeof(out)));
	EXPECT_EQ(0, ringbuffer_wait(c.fd, FERRIO_RB_READ, 1, NULL, 0));
	ringbuffer_close(&c);
	close(w_fd);
}

static void *hundreds(void *arg)
{
	static char buf[100];
	int *fd = arg;

	for (int i = 0; i < 1280; i++)
		if (write(*fd, buf, sizeof(buf)) != sizeof(buf))
			rb_die("write %d: %s", i, strerror(errno));
	return NULL;
}

/* A small ring, and a consumer that looks for whole messages and never sleeps. */
TEST_F_TIMEOUT(dev, a_spinning_consumer_lets_writers_on, 60)
{
	struct ringbuffer c;
	pthread_t thread;
	size_t got = 0;
	int w;

	ASSERT_EQ(0, rb_set_size(self->fd, RB_PAGE));
	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_READ, 0, &c));
	w = rb_mint(self->fd, FERRIO_RB_WRITE);
	c.nonblock = true;
	ASSERT_EQ(0, pthread_create(&thread, NULL, hundreds, &w));
	for (int idle = 0; got < 1000 && idle < LOST;) {
		size_t there = 128;

		if (ringbuffer_peek(&c, &there)) {
			ASSERT_EQ(0, ringbuffer_consume(&c, 128));
			got++;
			idle = 0;
		} else {
			ASSERT_EQ(EAGAIN, errno);
			rb_sleep_ms(1);
			idle++;
		}
	}
	EXPECT_EQ(1000, got);
	pthread_join(thread, NULL);
	ringbuffer_close(&c);
	close(w);
}

static int exclusive(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		rb_die("epoll: %s", strerror(errno));
	return ep;
}

static void *one_event(void *arg)
{
	struct epoll_event ev;
	int *ep = arg;

	return (void *)(long)epoll_wait(*ep, &ev, 1, LOST);
}

/* A wake that is for one poller alone is for one that can do something about it. */
TEST_F_TIMEOUT(dev, onlookers_take_no_wake, 60)
{
	int r = rb_mint(self->fd, FERRIO_RB_READ);
	int o = rb_mint(self->fd, FERRIO_RB_OBSERVE);
	int ep[2] = { exclusive(o), exclusive(r) };
	pthread_t thread[2];
	void *ret;

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, one_event, &ep[i]));
		wait_for_count(self->fd, "rb-consumer-arms", 1);
		rb_sleep_ms(20);
	}
	ASSERT_EQ(1, write(self->fd, "x", 1));
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], &ret);
		EXPECT_EQ(1, (long)ret);
		close(ep[i]);
	}
	close(o);
	close(r);
}

/* Who has given an end up does not get its position again. */
TEST_F(dev, what_is_given_up_is_not_mapped)
{
	struct ringbuffer rb;

	for (int rw = FERRIO_RB_READ; rw <= FERRIO_RB_WRITE; rw++) {
		int fd = rb_mint(self->fd, rw);

		ASSERT_EQ(0, rb_shutdown(fd, rw));
		EXPECT_EQ(-EBADF, E(ringbuffer(fd, rw, 0, &rb)));
		EXPECT_EQ(0, rb_fdinfo(fd, "rb-maps"));
		close(fd);
	}
}

/* And it does not go on with what is mapped already. */
TEST_F(dev, what_is_given_up_is_not_used)
{
	struct ringbuffer p, c;
	char buf[4];

	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_WRITE, 0, &p));
	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_READ, 0, &c));
	ASSERT_EQ(1, ringbuffer_write(&p, "a", 1));
	ASSERT_EQ(0, rb_shutdown(p.fd, FERRIO_RB_WRITE));
	EXPECT_EQ(-EBADF, E(ringbuffer_write(&p, "b", 1)));
	EXPECT_EQ(-EBADF, ringbuffer_reserve(&p, 1) ? 0 : -errno);
	EXPECT_EQ(1, ringbuffer_read(&c, buf, sizeof(buf)));
	EXPECT_EQ(0, ringbuffer_read(&c, buf, sizeof(buf)));
	ASSERT_EQ(0, rb_shutdown(c.fd, FERRIO_RB_READ));
	EXPECT_EQ(-EBADF, E(ringbuffer_read(&c, buf, sizeof(buf))));
	ringbuffer_close(&p);
	ringbuffer_close(&c);
}

/* A wait for more than the ring will ever hold, since it became smaller, ends. */
TEST_F(dev, wait_for_more_than_the_new_size)
{
	struct ferrio_rb_wait w = wish(FERRIO_RB_READ, 2 * RB_PAGE);
	struct rb_call waiter;

	rb_call_ioctl(&waiter, self->fd, FERRIO_RB_WAIT, &w);
	rb_call_asleep(&waiter);
	ASSERT_EQ(0, rb_set_size(self->fd, 2 * RB_PAGE));
	rb_call_asleep(&waiter);
	ASSERT_EQ(0, rb_set_size(self->fd, RB_PAGE));
	EXPECT_EQ(-EINVAL, rb_call_end(&waiter));
}

TEST_HARNESS_MAIN
