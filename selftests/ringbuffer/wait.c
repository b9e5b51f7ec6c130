// SPDX-License-Identifier: GPL-2.0
/* FERRIO_RB_WAIT and FERRIO_RB_WAKEUP: every errno, who is woken, what counts. */

#include "fix_ring.h"

#define MS	1000000ULL	/* nanoseconds */

/* For @rw of @rb: the descriptor that holds that end. */
static int end_of(struct rb *rb, unsigned int rw)
{
	return rw == FERRIO_RB_READ ? rb->r : rb->w;
}

static struct ferrio_rb_wait wish(unsigned int rw, uint64_t bytes,
				  unsigned int flags, uint64_t timeout)
{
	return (struct ferrio_rb_wait){
		.size = sizeof(struct ferrio_rb_wait), .flags = flags,
		.rw = rw, .min_bytes = bytes, .timeout = timeout,
	};
}

static long look(struct rb *rb, unsigned int rw, uint64_t bytes)
{
	struct ferrio_rb_wait w = wish(rw, bytes, FERRIO_RB_WAIT_RELATIVE, 0);
	long ret = E(ioctl(end_of(rb, rw), FERRIO_RB_WAIT, &w));

	return ret ? ret : (long)w.bytes;
}

static void wait_start(struct rb_call *c, struct rb *rb,
		       struct ferrio_rb_wait *w)
{
	rb_call_ioctl(c, end_of(rb, w->rw), FERRIO_RB_WAIT, w);
	rb_call_asleep(c);
}

TEST_F(ring, wrong_arguments)
{
	static const struct {
		unsigned int flags, rw;
		uint64_t bytes, timeout;
	} bad[] = {
		{ 0, 0, 0, 1 }, { 3, 0, 0, 0 }, { 4, 0, 0, 0 },
		{ 1U << 31, 0, 0, 0 }, { 0, 2, 0, 0 }, { 0, ~0U, 0, 0 },
		{ 0, 0, RB_DEFAULT + 1, 0 }, { 0, 1, RB_DEFAULT + 1, 0 },
		{ 0, 0, 1ULL << 32, 0 }, { 0, 1, ~0ULL, 0 },
	};
	struct ferrio_rb_wakeup call = { .size = sizeof(call) };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ferrio_rb_wait w = wish(bad[i].rw, bad[i].bytes,
					       bad[i].flags, bad[i].timeout);

		EXPECT_EQ(-EINVAL, E(ioctl(self->rb.r, FERRIO_RB_WAIT, &w)))
			TH_LOG("case %zu", i);
	}
	for (int i = 0; i < 3; i++) {
		call.flags = i == 0;
		call.pad = i == 1;
		call.rw = i == 2 ? 2 : FERRIO_RB_READ;
		EXPECT_EQ(-EINVAL, E(ioctl(self->rb.r, FERRIO_RB_WAKEUP, &call)));
		EXPECT_EQ(-EINVAL, E(ioctl(self->rb.r, FERRIO_RB_BLAME, &call)));
	}
	EXPECT_EQ(0, rb_fdinfo(self->rb.r, "rb-corrupt"));
}

TEST_F(ring, wrong_end)
{
	unsigned int other[2] = { FERRIO_RB_WRITE, FERRIO_RB_READ };
	int fd[2] = { self->rb.r, self->rb.w };

	if (variant->kind == RB_PLAIN)
		for (int i = 0; i < 2; i++)
			fd[i] = rb_mint(self->rb.r, !other[i]);
	for (int i = 0; i < 2; i++) {
		struct ferrio_rb_wait w = wish(other[i], 1, 0, 0);

		EXPECT_EQ(-EBADF, E(ioctl(fd[i], FERRIO_RB_WAIT, &w)));
		EXPECT_EQ(-EBADF, rb_wakeup(fd[i], other[i]));
		EXPECT_EQ(-EBADF, rb_blame(fd[i], other[i]));
	}
	EXPECT_EQ(0, rb_fdinfo(fd[0], "rb-corrupt"));
	if (variant->kind == RB_PLAIN)
		for (int i = 0; i < 2; i++)
			close(fd[i]);
}

/* What is there already needs no sleep, and is told. */
TEST_F(ring, granted_at_once)
{
	static const char buf[100];
	struct rb *rb = &self->rb;
	struct ferrio_rb_wait w;

	EXPECT_EQ(RB_DEFAULT, look(rb, FERRIO_RB_WRITE, RB_DEFAULT));
	EXPECT_EQ(-ETIMEDOUT, look(rb, FERRIO_RB_READ, 0));
	ASSERT_EQ(100, write(rb->w, buf, 100));
	EXPECT_EQ(100, look(rb, FERRIO_RB_READ, 0));
	EXPECT_EQ(100, look(rb, FERRIO_RB_READ, 100));
	EXPECT_EQ(-ETIMEDOUT, look(rb, FERRIO_RB_READ, 101));
	EXPECT_EQ(RB_DEFAULT - 100, look(rb, FERRIO_RB_WRITE, 1));
	EXPECT_EQ(-ETIMEDOUT, look(rb, FERRIO_RB_WRITE, RB_DEFAULT - 99));
	w = wish(FERRIO_RB_READ, 1, 0, 0);
	ASSERT_EQ(0, E(ioctl(rb->r, FERRIO_RB_WAIT, &w)));
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED, w.state);
	EXPECT_EQ(0, rb_fdinfo(rb->r, "rb-consumer-sleeps"));
}

TEST_F(ring, times)
{
	struct rb *rb = &self->rb;
	struct ferrio_rb_wait w;
	uint64_t start = rb_now();

	w = wish(FERRIO_RB_READ, 1, FERRIO_RB_WAIT_RELATIVE, 30 * MS);
	EXPECT_EQ(-ETIMEDOUT, E(ioctl(rb->r, FERRIO_RB_WAIT, &w)));
	EXPECT_LE(30 * MS, rb_now() - start);
	start = rb_now();
	w = wish(FERRIO_RB_READ, 1, FERRIO_RB_WAIT_ABSOLUTE, start + 30 * MS);
	EXPECT_EQ(-ETIMEDOUT, E(ioctl(rb->r, FERRIO_RB_WAIT, &w)));
	EXPECT_LE(start + 30 * MS, rb_now());
	/* in the past, and as far in the past as can be */
	w = wish(FERRIO_RB_READ, 1, FERRIO_RB_WAIT_ABSOLUTE, start);
	EXPECT_EQ(-ETIMEDOUT, E(ioctl(rb->r, FERRIO_RB_WAIT, &w)));
	w = wish(FERRIO_RB_READ, 1, FERRIO_RB_WAIT_ABSOLUTE, 0);
	EXPECT_EQ(-ETIMEDOUT, E(ioctl(rb->r, FERRIO_RB_WAIT, &w)));
	EXPECT_EQ(0, rb_avail(rb->r));
}

/* Woken by what was asked for, and not by less. */
TEST_F(ring, minimum)
{
	static char buf[RB_DEFAULT];
	struct rb *rb = &self->rb;
	struct ferrio_rb_wait w = wish(FERRIO_RB_READ, 10, 0, 0);
	struct rb_call c;

	ASSERT_EQ(1, write(rb->w, buf, 1));
	wait_start(&c, rb, &w);
	ASSERT_EQ(8, write(rb->w, buf, 8));
	EXPECT_FALSE(rb_call_done(&c));
	EXPECT_EQ(1, rb_fdinfo(rb->r, "rb-consumer-arms"));
	EXPECT_EQ(0, rb_fdinfo(rb->r, "rb-consumer-wakes"));
	ASSERT_EQ(1, write(rb->w, buf, 1));
	EXPECT_EQ(0, rb_call_end(&c));
	EXPECT_EQ(10, w.bytes);
	EXPECT_EQ(1, rb_fdinfo(rb->r, "rb-consumer-wakes"));
	EXPECT_EQ(1, rb_fdinfo(rb->r, "rb-consumer-sleeps"));
	EXPECT_EQ(0, rb_fdinfo(rb->r, "rb-consumer-spurious"));

	ASSERT_EQ(10, read(rb->r, buf, 10));
	rb_fill(rb);
	w = wish(FERRIO_RB_WRITE, RB_DEFAULT, 0, 0);
	wait_start(&c, rb, &w);
	ASSERT_EQ(RB_DEFAULT - 1, read(rb->r, buf, RB_DEFAULT - 1));
	EXPECT_FALSE(rb_call_done(&c));
	EXPECT_EQ(0, rb_fdinfo(rb->r, "rb-producer-wakes"));
	ASSERT_EQ(1, read(rb->r, buf, 1));
	EXPECT_EQ(0, rb_call_end(&c));
	EXPECT_EQ(RB_DEFAULT, w.bytes);
	EXPECT_EQ(1, rb_fdinfo(rb->r, "rb-producer-wakes"));
}

/* Two waiters of one end: the smaller wish is granted, the larger goes on. */
TEST_F(ring, two_wishes)
{
	struct rb *rb = &self->rb;
	struct ferrio_rb_wait many = wish(FERRIO_RB_READ, 100, 0, 0);
	struct ferrio_rb_wait few = wish(FERRIO_RB_READ, 10, 0, 0);
	static const char buf[100];
	struct rb_call a, b;

	/* the first use wakes who waits already */
	rb_skip(rb, 1);
	wait_start(&a, rb, &many);
	wait_start(&b, rb, &few);
	EXPECT_EQ(1, rb_fdinfo(rb->r, "rb-consumer-arms"));
	ASSERT_EQ(10, write(rb->w, buf, 10));
	EXPECT_EQ(0, rb_call_end(&b));
	EXPECT_EQ(10, few.bytes);
	rb_call_asleep(&a);
	ASSERT_EQ(89, write(rb->w, buf, 89));
	EXPECT_FALSE(rb_call_done(&a));
	ASSERT_EQ(1, write(rb->w, buf, 1));
	EXPECT_EQ(0, rb_call_end(&a));
	EXPECT_EQ(100, many.bytes);
	EXPECT_EQ(rb_fdinfo(rb->r, "rb-consumer-arms"),
		  rb_fdinfo(rb->r, "rb-consumer-wakes"));
}

/*
 * A producer would rather be woken for more than it needs.  But not when the
 * consumer waits for just that.
 */
TEST_F(ring, both_wait)
{
	struct ferrio_rb_wait all = wish(FERRIO_RB_READ, RB_DEFAULT - 100 + 16, 0, 0);
	struct ferrio_rb_wait few = wish(FERRIO_RB_WRITE, 50, 0, 0);
	static char buf[RB_DEFAULT];
	struct rb *rb = &self->rb;
	struct rb_call reader, writer;

	/* a writer, awake only at PIPE_BUF free bytes; then the consumer sleeps */
	rb_fill(rb);
	rb_call_write(&writer, rb->w, buf, 16);
	rb_call_asleep(&writer);
	ASSERT_EQ(100, read(rb->r, buf, 100));
	EXPECT_FALSE(rb_call_done(&writer));
	rb_call_ioctl(&reader, rb->r, FERRIO_RB_WAIT, &all);
	EXPECT_EQ(16, rb_call_end(&writer));
	EXPECT_EQ(0, rb_call_end(&reader));
	EXPECT_EQ(RB_DEFAULT - 84, all.bytes);

	/* the consumer is asleep already when the producer waits for space */
	all.min_bytes = RB_DEFAULT - 40;
	wait_start(&reader, rb, &all);
	EXPECT_EQ(0, E(ioctl(rb->w, FERRIO_RB_WAIT, &few)));
	EXPECT_EQ(84, few.bytes);
	few.min_bytes = 85;
	wait_start(&writer, rb, &few);
	/* it needs more than there is: only a reader can help */
	ASSERT_EQ(1, read(rb->r, buf, 1));
	EXPECT_EQ(0, rb_call_end(&writer));
	EXPECT_EQ(85, few.bytes);
	ASSERT_EQ(45, write(rb->w, buf, 45));
	EXPECT_EQ(0, rb_call_end(&reader));
}

TEST_F(ring, producer_goes)
{
	struct ferrio_rb_wait w = wish(FERRIO_RB_READ, 10, 0, 0);
	struct rb *rb = &self->rb;
	struct rb_call c;
	char buf[4];

	ASSERT_EQ(4, write(rb->w, "last", 4));
	wait_start(&c, rb, &w);
	rb_close_w(rb);
	EXPECT_EQ(0, rb_call_end(&c));
	EXPECT_EQ(4, w.bytes);
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED | FERRIO_RB_STATE_WRITE_CLOSED,
		  w.state);
	ASSERT_EQ(4, read(rb->r, buf, 4));
	EXPECT_EQ(0, look(rb, FERRIO_RB_READ, 1));
}

TEST_F(ring, consumer_goes)
{
	struct ferrio_rb_wait w = wish(FERRIO_RB_WRITE, 10, 0, 0);
	struct rb *rb = &self->rb;
	struct rb_call c;

	rb_fill(rb);
	wait_start(&c, rb, &w);
	rb_close_r(rb);
	EXPECT_EQ(-EPIPE, rb_call_end(&c));
	EXPECT_EQ(-EPIPE, look(rb, FERRIO_RB_WRITE, 1));
	/* who only waits is not written to: no SIGPIPE */
	EXPECT_EQ(0, rb_caught(SIGPIPE));
}

TEST_F(ring, end_given_up)
{
	struct ferrio_rb_wait w = wish(FERRIO_RB_READ, 10, 0, 0);
	struct rb_call c;

	wait_start(&c, &self->rb, &w);
	ASSERT_EQ(0, rb_shutdown(self->rb.r, FERRIO_RB_READ));
	EXPECT_EQ(-EBADF, rb_call_end(&c));
}

/* A wait that began at a time of its own must not begin anew. */
TEST_F(ring, signals)
{
	struct ferrio_rb_wait w = wish(FERRIO_RB_READ, 1, 0, 0);
	struct rb *rb = &self->rb;
	struct rb_call c;
	char byte;

	rb_catch(SIGUSR1, SA_RESTART);
	wait_start(&c, rb, &w);
	rb_call_signal(&c, SIGUSR1);
	rb_caught_wait(SIGUSR1, 1);
	rb_call_asleep(&c);
	ASSERT_EQ(1, write(rb->w, "x", 1));
	EXPECT_EQ(0, rb_call_end(&c));
	rb_skip(rb, 0);
	ASSERT_EQ(1, read(rb->r, &byte, 1));

	w = wish(FERRIO_RB_READ, 1, FERRIO_RB_WAIT_RELATIVE, 3600000 * MS);
	wait_start(&c, rb, &w);
	rb_call_signal(&c, SIGUSR1);
	EXPECT_EQ(-EINTR, rb_call_end(&c));

	w = wish(FERRIO_RB_READ, 1, FERRIO_RB_WAIT_ABSOLUTE,
		 rb_now() + 3600000 * MS);
	wait_start(&c, rb, &w);
	rb_call_signal(&c, SIGUSR1);
	rb_caught_wait(SIGUSR1, 3);
	rb_call_asleep(&c);
	rb_catch(SIGUSR1, 0);
	rb_call_signal(&c, SIGUSR1);
	EXPECT_EQ(-EINTR, rb_call_end(&c));
}

TEST_F(ring, killed)
{
	struct ferrio_rb_wait w = wish(FERRIO_RB_READ, 1, 0, 0);
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		ioctl(self->rb.r, FERRIO_RB_WAIT, &w);
		_exit(1);
	}
	rb_asleep(pid, pid, SYS_ioctl);
	rb_reap_killed(pid);
	EXPECT_EQ(1, write(self->rb.w, "x", 1));
	EXPECT_EQ(1, look(&self->rb, FERRIO_RB_READ, 1));
}

/* A call for nobody is counted, one for somebody ends his sleep. */
TEST_F(ring, wakeup)
{
	struct ferrio_rb_wait w = wish(FERRIO_RB_READ, 1, 0, 0);
	struct rb *rb = &self->rb;
	struct rb_call c;

	/* the first use wakes who waits already */
	rb_skip(&self->rb, 1);
	EXPECT_EQ(0, rb_wakeup(rb->w, FERRIO_RB_WRITE));
	EXPECT_EQ(1, rb_fdinfo(rb->r, "rb-consumer-suppressed"));
	EXPECT_EQ(0, rb_wakeup(rb->r, FERRIO_RB_READ));
	EXPECT_EQ(1, rb_fdinfo(rb->r, "rb-producer-suppressed"));
	wait_start(&c, rb, &w);
	EXPECT_EQ(0, rb_wakeup(rb->w, FERRIO_RB_WRITE));
	/* for nothing: it looks, and waits again */
	while (rb_fdinfo(rb->r, "rb-consumer-spurious") != 1)
		rb_sleep_ms(1);
	rb_call_asleep(&c);
	EXPECT_EQ(2, rb_fdinfo(rb->r, "rb-consumer-arms"));
	EXPECT_EQ(1, rb_fdinfo(rb->r, "rb-consumer-wakes"));
	EXPECT_EQ(1, rb_fdinfo(rb->r, "rb-consumer-suppressed"));
	ASSERT_EQ(1, write(rb->w, "x", 1));
	EXPECT_EQ(0, rb_call_end(&c));
	EXPECT_EQ(2, rb_fdinfo(rb->r, "rb-consumer-wakes"));
	EXPECT_EQ(1, rb_fdinfo(rb->r, "rb-consumer-spurious"));
	EXPECT_EQ(2, rb_fdinfo(rb->r, "rb-consumer-sleeps"));
}

/* A holder that cannot go on: for both ends, at once and for ever. */
TEST_F(ring, blame)
{
	struct ferrio_rb_wait w = wish(FERRIO_RB_WRITE, 1, 0, 0);
	struct rb *rb = &self->rb;
	struct ferrio_rb_info info;
	struct pollfd p = { .fd = rb->w, .events = POLLIN | POLLOUT };
	struct rb_call reader;
	int other, fds[2];
	struct rb innocent;
	char c;

	rb_start(&innocent, variant->kind, RB_PAGE);
	rb_call_read(&reader, rb->r, &c, 1);
	rb_call_asleep(&reader);
	EXPECT_EQ(0, rb_blame(rb->w, FERRIO_RB_WRITE));
	EXPECT_EQ(-EBADMSG, rb_call_end(&reader));
	EXPECT_EQ(-EBADMSG, E(read(rb->r, &c, 1)));
	EXPECT_EQ(-EBADMSG, E(write(rb->w, &c, 1)));
	EXPECT_EQ(-EBADMSG, E(ioctl(rb->w, FERRIO_RB_WAIT, &w)));
	EXPECT_EQ(-EBADMSG, look(rb, FERRIO_RB_READ, 1));
	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(-EBADMSG, E(splice(rb->r, NULL, fds[1], NULL, 10, 0)));
	ASSERT_EQ(3, write(fds[1], "abc", 3));
	EXPECT_EQ(-EBADMSG, E(splice(fds[0], NULL, rb->w, NULL, 10, 0)));
	close(fds[0]);
	close(fds[1]);
	EXPECT_EQ(0, rb_caught(SIGPIPE));
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLERR, p.revents & (POLLERR | POLLHUP));
	rb_info(rb->r, &info);
	EXPECT_EQ(FERRIO_RB_CORRUPT_CONSUMER_TOLD, info.corrupt);
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED | FERRIO_RB_STATE_CORRUPT,
		  info.state | FERRIO_RB_STATE_ALLOCATED);
	EXPECT_EQ(FERRIO_RB_CORRUPT_CONSUMER_TOLD,
		  rb_fdinfo(rb->r, "rb-corrupt"));
	/* the first reason stays */
	EXPECT_EQ(0, rb_blame(rb->r, FERRIO_RB_READ));
	EXPECT_EQ(FERRIO_RB_CORRUPT_CONSUMER_TOLD,
		  rb_fdinfo(rb->r, "rb-corrupt"));
	if (variant->kind == RB_PLAIN) {
		/* also for an end that is made later */
		other = rb_mint(rb->r, FERRIO_RB_READ);
		EXPECT_EQ(-EBADMSG, E(read(other, &c, 1)));
		close(other);
	}
	EXPECT_EQ(1, write(innocent.w, "x", 1));
	EXPECT_EQ(1, read(innocent.r, &c, 1));
	EXPECT_EQ(0, rb_fdinfo(innocent.r, "rb-corrupt"));
	rb_stop(&innocent);
}

struct traffic {
	struct rb *rb;
	uint64_t seed;
	size_t total;
	bool reads;
};

/* Moves @total bytes by read or write and waits of random kinds. */
static void *traffic(void *arg)
{
	struct traffic *t = arg;
	unsigned int rw = t->reads ? FERRIO_RB_READ : FERRIO_RB_WRITE;
	int fd = end_of(t->rb, rw);
	size_t done = 0;
	char buf[3 * RB_PAGE];

	while (done < t->total) {
		uint64_t r = rb_random(&t->seed);
		size_t len = 1 + r % sizeof(buf);
		struct ferrio_rb_wait w = wish(rw, 1 + (r >> 20) % RB_PAGE,
					       FERRIO_RB_WAIT_RELATIVE,
					       (r >> 40) % (2 * MS));
		long ret;

		if (len > t->total - done)
			len = t->total - done;
		if (r >> 63) {
			ret = E(ioctl(fd, FERRIO_RB_WAIT, &w));
			if (ret && ret != -ETIMEDOUT)
				rb_die("wait: %ld", ret);
		}
		ret = E(t->reads ? read(fd, buf, len) : write(fd, buf, len));
		if (ret <= 0)
			rb_die("%s: %ld", t->reads ? "read" : "write", ret);
		done += ret;
	}
	return NULL;
}

/* What the counters promise, after much traffic. */
TEST_F_TIMEOUT(ring, identities, 90)
{
	static const char *const ends[] = { "consumer", "producer" };
	struct traffic t[2];
	pthread_t thread[2];
	uint64_t seed = rb_seed();
	struct ferrio_rb_wait byte = wish(FERRIO_RB_READ, 1, 0, 0);
	struct ferrio_rb_wait all = wish(FERRIO_RB_WRITE, RB_DEFAULT, 0, 0);
	static char buf[RB_DEFAULT];
	struct rb_call c;

	/* traffic alone lets the slower end do without a sleep */
	wait_start(&c, &self->rb, &byte);
	rb_fill(&self->rb);
	EXPECT_EQ(0, rb_call_end(&c));
	wait_start(&c, &self->rb, &all);
	EXPECT_EQ(RB_DEFAULT, read(self->rb.r, buf, RB_DEFAULT));
	EXPECT_EQ(0, rb_call_end(&c));
	for (int i = 0; i < 2; i++) {
		t[i] = (struct traffic){
			.rb = &self->rb, .seed = seed + i, .reads = i,
			.total = (size_t)rounds(6000, 500) * RB_PAGE,
		};
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, traffic, &t[i]));
	}
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	for (int i = 0; i < 2; i++) {
		char key[40];
		long arms, wakes, sleeps, spurious;

		snprintf(key, sizeof(key), "rb-%s-arms", ends[i]);
		arms = rb_fdinfo(self->rb.r, key);
		snprintf(key, sizeof(key), "rb-%s-wakes", ends[i]);
		wakes = rb_fdinfo(self->rb.r, key);
		snprintf(key, sizeof(key), "rb-%s-sleeps", ends[i]);
		sleeps = rb_fdinfo(self->rb.r, key);
		snprintf(key, sizeof(key), "rb-%s-spurious", ends[i]);
		spurious = rb_fdinfo(self->rb.r, key);
		TH_LOG("%s: %ld arms, %ld wakes, %ld sleeps, %ld spurious",
		       ends[i], arms, wakes, sleeps, spurious);
		EXPECT_LE(1, arms);
		EXPECT_LE(0, arms - wakes);
		EXPECT_GE(1, arms - wakes);
		EXPECT_LE(1, sleeps);
		EXPECT_LE(spurious, sleeps);
	}
	EXPECT_EQ(0, rb_fdinfo(self->rb.r, "rb-misuse"));
}

TEST_HARNESS_MAIN
