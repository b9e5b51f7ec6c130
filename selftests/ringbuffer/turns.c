// SPDX-License-Identifier: GPL-2.0
/*
 * Turns of one end: what those see who come while it is somebody else's, and
 * what is left of a turn whose end is given up meanwhile.
 */

#include <sys/epoll.h>

#include "fix_ring.h"
#include "../stall.h"

/* An epoll of its own for one descriptor, edge-triggered. */
static int edge(int fd, unsigned int events)
{
	struct epoll_event event = { .events = events | EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event))
		rb_die("epoll: %s", strerror(errno));
	return ep;
}

/* The bits of the next event, 0 if none comes in that time. */
static unsigned int next_event(int ep, int timeout_ms)
{
	struct epoll_event event;

	return epoll_wait(ep, &event, 1, timeout_ms) == 1 ? event.events : 0;
}

/* Longer than any wake takes: only a lost one gets here. */
#define LOST 20000

TEST_F(ring, refused_reader_gets_an_event)
{
	static char page[RB_PAGE], in[100], out[100];
	struct rb_call other;
	struct stall s;
	int ep;

	stall_init(&s);
	rb_pattern(in, sizeof(in), 0);
	ASSERT_EQ(100, write(self->rb.w, in, 100));
	ep = edge(self->rb.r, EPOLLIN);
	EXPECT_EQ(EPOLLIN, next_event(ep, 0));
	rb_call_read(&other, self->rb.r, s.page, 50);
	stall_met(&s);
	rb_nonblock(&self->rb, true);
	EXPECT_EQ(-EAGAIN, E(read(self->rb.r, out, 100)));
	EXPECT_EQ(0, next_event(ep, 0));

	stall_end(&s, page);
	EXPECT_EQ(50, rb_call_end(&other));
	/* Nobody writes any more: the event is for what the other one left. */
	EXPECT_EQ(EPOLLIN, next_event(ep, LOST));
	EXPECT_EQ(50, read(self->rb.r, out, 100));
	EXPECT_EQ(-1, rb_mismatch(out, 50, 50));
	close(ep);
}

TEST_F(ring, refused_writer_gets_an_event)
{
	static char page[RB_PAGE];
	struct rb_call other;
	struct stall s;
	int ep;

	stall_init(&s);
	rb_skip(&self->rb, 1);
	ep = edge(self->rb.w, EPOLLOUT);
	EXPECT_EQ(EPOLLOUT, next_event(ep, 0));
	rb_call_write(&other, self->rb.w, s.page, 50);
	stall_met(&s);
	rb_nonblock(&self->rb, true);
	EXPECT_EQ(-EAGAIN, E(write(self->rb.w, page, 10)));
	EXPECT_EQ(0, next_event(ep, 0));

	stall_end(&s, page);
	EXPECT_EQ(50, rb_call_end(&other));
	/* Nobody reads: the event is for the space that was there all the time. */
	EXPECT_EQ(EPOLLOUT, next_event(ep, LOST));
	EXPECT_EQ(10, write(self->rb.w, page, 10));
	close(ep);
}

TEST_F(ring, shutdown_does_not_cut_a_turn)
{
	static char page[RB_PAGE], out[200];
	struct pollfd pfd = { .fd = self->rb.r, .events = POLLIN };
	struct rb_call turn, reader;
	struct stall s;

	stall_init(&s);
	rb_skip(&self->rb, 1);
	rb_pattern(page, sizeof(page), 0);
	rb_call_write(&turn, self->rb.w, s.page, 100);
	stall_met(&s);
	ASSERT_EQ(0, rb_shutdown(self->rb.w, FERRIO_RB_WRITE));
	self->rb.w_open = false;

	/* No producer is left, but its last turn is not over: this is no end. */
	rb_nonblock(&self->rb, true);
	EXPECT_EQ(-EAGAIN, E(read(self->rb.r, out, sizeof(out))));
	rb_nonblock(&self->rb, false);
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	rb_call_read(&reader, self->rb.r, out, sizeof(out));
	rb_call_asleep(&reader);

	stall_end(&s, page);
	EXPECT_EQ(100, rb_call_end(&turn));
	EXPECT_EQ(100, rb_call_end(&reader));
	EXPECT_EQ(-1, rb_mismatch(out, 100, 0));
	EXPECT_EQ(0, read(self->rb.r, out, sizeof(out)));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLHUP, pfd.revents);
}

/* The turn ends without a byte: the reader has to be woken for the end. */
TEST_F(ring, end_comes_behind_an_empty_turn)
{
	static char out[200];
	struct rb_call reader;
	int status;
	pid_t pid;

	rb_skip(&self->rb, 1);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct stall s;

		stall_init(&s);
		syscall(SYS_write, self->rb.w, s.page, 100);
		_exit(1);
	}
	rb_asleep(pid, pid, SYS_write);
	ASSERT_EQ(0, rb_shutdown(self->rb.w, FERRIO_RB_WRITE));
	self->rb.w_open = false;
	rb_call_read(&reader, self->rb.r, out, sizeof(out));
	rb_call_asleep(&reader);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, rb_call_end(&reader));
}

/* Who does not hold the end is told so, whoever's turn it is. */
TEST_F(ring, wrong_end_does_not_wait)
{
	static char page[RB_PAGE], in[10];
	int pipe_fds[2], plain = -1, consumer, producer;
	struct rb_call turn;
	struct stall s;

	if (self->rb.kind == RB_PLAIN) {
		plain = self->rb.r;
		consumer = rb_mint(plain, FERRIO_RB_READ);
		producer = rb_mint(plain, FERRIO_RB_WRITE);
	} else {
		consumer = self->rb.r;
		producer = self->rb.w;
	}
	ASSERT_EQ(0, pipe(pipe_fds));
	/* The pipe is empty and stays so: a splice that waits for it is lost. */
	EXPECT_EQ(-EBADF, E(splice(pipe_fds[0], NULL, consumer, NULL, 10, 0)));
	EXPECT_EQ(-EBADF, E(splice(producer, NULL, pipe_fds[1], NULL, 10, 0)));

	stall_init(&s);
	rb_call_write(&turn, producer, s.page, 100);
	stall_met(&s);
	EXPECT_EQ(-EBADF, E(write(consumer, in, 10)));
	stall_end(&s, page);
	EXPECT_EQ(100, rb_call_end(&turn));

	stall_init(&s);
	rb_call_read(&turn, consumer, s.page, 100);
	stall_met(&s);
	EXPECT_EQ(-EBADF, E(read(producer, in, 10)));
	stall_end(&s, page);
	EXPECT_EQ(100, rb_call_end(&turn));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	if (plain >= 0) {
		close(consumer);
		close(producer);
	}
}

struct last_byte {
	int fd;
	pthread_barrier_t start;
};

static void *write_and_go(void *arg)
{
	struct last_byte *l = arg;

	pthread_barrier_wait(&l->start);
	if (write(l->fd, "x", 1) != 1 || rb_shutdown(l->fd, FERRIO_RB_WRITE))
		rb_die("write and shutdown: %s", strerror(errno));
	return NULL;
}

/* First use, last byte and close at once: the byte comes before the end. */
TEST(first_byte_is_not_lost)
{
	int i, n = rounds(400, 40);
	struct last_byte l;
	pthread_t thread;
	char c;
	long got;

	for (i = 0; i < n; i++) {
		l.fd = rb_open(O_RDWR | O_NONBLOCK);
		pthread_barrier_init(&l.start, NULL, 2);
		ASSERT_EQ(0, pthread_create(&thread, NULL, write_and_go, &l));
		pthread_barrier_wait(&l.start);
		do {
			got = E(read(l.fd, &c, 1));
		} while (got == -EAGAIN);
		ASSERT_EQ(1, got);
		ASSERT_EQ('x', c);
		pthread_join(thread, NULL);
		ASSERT_EQ(0, read(l.fd, &c, 1));
		pthread_barrier_destroy(&l.start);
		close(l.fd);
	}
}

TEST_HARNESS_MAIN
