// SPDX-License-Identifier: GPL-2.0
/* Looking, spinning, sleeping: when, for how much, and what ends it. */

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "fix_user.h"

#define WAITS()		fake_calls(self->f, FERRIO_RB_WAIT)

/* One call made by a thread. */
struct call {
	struct ringbuffer *rb;
	size_t bytes;
	bool in_place;
	long ret;
	bool done;
	pthread_t thread;
	unsigned char buf[2 * SIZE];
};

static void *make(void *arg)
{
	struct call *c = arg;
	size_t there = c->bytes;

	if (c->in_place && c->rb->rw == R)
		c->ret = ringbuffer_peek(c->rb, &there) ? (long)there : -(long)errno;
	else if (c->in_place)
		c->ret = P(ringbuffer_reserve(c->rb, c->bytes));
	else
		c->ret = c->rb->rw == R ? E(ringbuffer_read(c->rb, c->buf, c->bytes)) :
			E(ringbuffer_write(c->rb, c->buf, c->bytes));
	__atomic_store_n(&c->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static struct call *begin(struct ringbuffer *rb, size_t bytes, bool in_place)
{
	struct call *c = calloc(1, sizeof(*c));

	rb->nonblock = 0;
	c->rb = rb;
	c->bytes = bytes;
	c->in_place = in_place;
	if (pthread_create(&c->thread, NULL, make, c))
		abort();
	return c;
}

/* Until somebody has gone to sleep @sleeps times. */
static void asleep(struct fake *f, uint64_t sleeps)
{
	while (__atomic_load_n(&f->books->sleeps, __ATOMIC_RELAXED) < sleeps)
		sched_yield();
}

static long end(struct call *c)
{
	long ret;

	pthread_join(c->thread, NULL);
	ret = c->ret;
	free(c);
	return ret;
}

TEST_F(user, reader_sleeps)
{
	struct call *c = begin(&self->r, 100, false);

	asleep(self->f, 1);
	EXPECT_FALSE(__atomic_load_n(&c->done, __ATOMIC_ACQUIRE));
	ASSERT_EQ(30, ringbuffer_write(&self->w, "some bytes for the one who waits", 30));
	EXPECT_EQ(30, end(c));
	EXPECT_EQ(1, WAITS());
	EXPECT_EQ(1, self->f->books->wakes);
	EXPECT_EQ(1, self->f->books->asked.min_bytes);
	EXPECT_EQ(R, self->f->books->asked.rw);
	EXPECT_EQ(0, self->f->books->asked.flags);
	EXPECT_EQ(0, self->f->books->asked.timeout);
}

/* It sleeps for as many as it needs, and is not woken by fewer. */
TEST_F(user, peek_sleeps_for_its_bytes)
{
	struct call *c = begin(&self->r, 16, true);
	unsigned char b[16] = "";

	asleep(self->f, 1);
	EXPECT_EQ(16, self->f->books->asked.min_bytes);
	ASSERT_EQ(15, ringbuffer_write(&self->w, b, 15));
	EXPECT_EQ(0, self->f->books->wakes);
	ASSERT_EQ(1, ringbuffer_write(&self->w, b, 1));
	EXPECT_EQ(16, end(c));
	EXPECT_EQ(1, self->f->books->wakes);
}

/* A producer asks for what it needs; what is worth a wake, the kernel knows. */
TEST_F(user, producer_asks_for_its_need)
{
	static unsigned char b[SIZE];
	struct call *c;

	ASSERT_EQ(SIZE, ringbuffer_write(&self->w, b, SIZE));
	c = begin(&self->w, 16, true);
	asleep(self->f, 1);
	EXPECT_EQ(16, self->f->books->asked.min_bytes);
	EXPECT_EQ(W, self->f->books->asked.rw);
	ASSERT_EQ(15, ringbuffer_read(&self->r, b, 15));
	EXPECT_EQ(0, self->f->books->wakes);
	ASSERT_EQ(1, ringbuffer_read(&self->r, b, 1));
	EXPECT_EQ(0, end(c));
	EXPECT_EQ(1, self->f->books->wakes);

	c = begin(&self->w, SIZE / 2, true);
	asleep(self->f, 2);
	EXPECT_EQ(SIZE / 2, self->f->books->asked.min_bytes);
	ASSERT_EQ(SIZE / 2 - 16, ringbuffer_read(&self->r, b, SIZE / 2 - 16));
	EXPECT_EQ(0, end(c));
	EXPECT_EQ(2, self->f->books->wakes);
}

/* write() returns when all is written, in as many turns as that takes. */
TEST_F(user, writer_writes_all)
{
	static unsigned char b[2 * SIZE];
	struct call *c = begin(&self->w, 2 * SIZE, false);
	uint64_t out = 0;
	ssize_t n;

	asleep(self->f, 1);
	EXPECT_FALSE(__atomic_load_n(&c->done, __ATOMIC_ACQUIRE));
	while (out < 2 * SIZE) {
		n = E(ringbuffer_read(&self->r, b, 3000));
		ASSERT_TRUE(n > 0 || n == -EAGAIN);
		out += n > 0 ? n : 0;
	}
	EXPECT_EQ(2 * SIZE, end(c));
}

TEST_F(user, nonblock_never_waits)
{
	static unsigned char b[SIZE];

	EXPECT_EQ(-EAGAIN, E(ringbuffer_read(&self->r, b, 1)));
	ASSERT_EQ(SIZE, ringbuffer_write(&self->w, b, SIZE));
	EXPECT_EQ(-EAGAIN, E(ringbuffer_write(&self->w, b, 1)));
	EXPECT_EQ(0, WAITS());
}

/* What does not fit into the ring is an error, not a wait without end. */
TEST_F(user, more_than_the_ring)
{
	size_t bytes = SIZE + 1;

	self->r.nonblock = 0;
	self->w.nonblock = 0;
	EXPECT_EQ(-EINVAL, P(ringbuffer_reserve(&self->w, bytes)));
	EXPECT_EQ(-EINVAL, P(ringbuffer_peek(&self->r, &bytes)));
	EXPECT_EQ(0, WAITS());
}

/* No call at all: the peer is awake, and so are we. */
TEST_F(user, spins_for_ever)
{
	struct call *c;

	self->r.spin = RINGBUFFER_SPIN_FOREVER;
	c = begin(&self->r, 16, true);
	for (int i = 0; i < 1000; i++)
		sched_yield();
	EXPECT_FALSE(__atomic_load_n(&c->done, __ATOMIC_ACQUIRE));
	ASSERT_EQ(16, ringbuffer_write(&self->w, "sixteen bytes...", 16));
	EXPECT_EQ(16, end(c));
	EXPECT_EQ(0, WAITS());
	EXPECT_EQ(0, fake_calls(self->f, FERRIO_RB_WAKEUP));
}

static void nothing(int sig)
{
	(void)sig;
}

TEST_F(user, signal)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct call *c;
	char b[4096] = "";

	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	c = begin(&self->r, 100, false);
	asleep(self->f, 1);
	while (!__atomic_load_n(&c->done, __ATOMIC_ACQUIRE)) {
		pthread_kill(c->thread, SIGUSR1);
		sched_yield();
	}
	EXPECT_EQ(-EINTR, end(c));

	/* behind some bytes: their count */
	c = begin(&self->w, SIZE + 100, false);
	asleep(self->f, 2);
	while (!__atomic_load_n(&c->done, __ATOMIC_ACQUIRE)) {
		pthread_kill(c->thread, SIGUSR1);
		sched_yield();
	}
	EXPECT_EQ(SIZE, end(c));
	EXPECT_EQ(4096, ringbuffer_read(&self->r, b, 4096));
}

TEST_F(user, peer_goes)
{
	struct call *c = begin(&self->r, 100, false);

	asleep(self->f, 1);
	fake_end_close(self->w.fd);
	EXPECT_EQ(0, end(c));
}

TEST_F(user, consumer_goes)
{
	struct call *c = begin(&self->w, SIZE + 100, false);

	asleep(self->f, 1);
	fake_end_close(self->r.fd);
	EXPECT_EQ(SIZE, end(c));
	EXPECT_EQ(-EPIPE, P(ringbuffer_reserve(&self->w, 1)));
}

TEST_F(user, corrupt_while_asleep)
{
	struct call *c = begin(&self->r, 100, true);

	asleep(self->f, 1);
	fake_move(self->f, R, variant->start + 1);
	EXPECT_EQ(-EBADMSG, E(ringbuffer_write(&self->w, "x", 1)));
	EXPECT_EQ(-EBADMSG, end(c));
	EXPECT_EQ(1, fake_calls(self->f, FERRIO_RB_BLAME));
}

/* What the wait itself says goes to the caller. */
TEST_F(user, wait_fails)
{
	char c;

	self->r.nonblock = 0;
	self->f->fail[FAKE_CALL(FERRIO_RB_WAIT)] = ENOMEM;
	EXPECT_EQ(-ENOMEM, E(ringbuffer_read(&self->r, &c, 1)));
	self->f->fail[FAKE_CALL(FERRIO_RB_WAIT)] = EBADMSG;
	EXPECT_EQ(-EBADMSG, E(ringbuffer_read(&self->r, &c, 1)));
	EXPECT_EQ(2, WAITS());
	/* final, and it is the module that said so */
	EXPECT_EQ(-EBADMSG, E(ringbuffer_read(&self->r, &c, 1)));
	EXPECT_EQ(2, WAITS());
	EXPECT_EQ(0, fake_calls(self->f, FERRIO_RB_BLAME));
}

/* The raw call: what goes over the wire for what is asked. */
TEST_F(user, raw_wait)
{
	const struct timespec soon = { 1, 500 }, never = { INT64_MAX, 0 };
	const struct timespec wrong[] = { { -1, 0 }, { 0, -1 }, { 0, 1000000000 } };
	const struct ferrio_rb_wait *asked = &self->f->books->asked;
	const struct timespec past = { 0, 1 };

	ASSERT_EQ(1, ringbuffer_write(&self->w, "x", 1));
	EXPECT_EQ(0, ringbuffer_wait(self->r.fd, R, 1, NULL, 0));
	EXPECT_EQ(0, asked->flags);
	EXPECT_EQ(0, asked->timeout);
	EXPECT_EQ(1, asked->min_bytes);
	EXPECT_EQ(R, asked->rw);
	EXPECT_EQ(0, ringbuffer_wait(self->w.fd, W, 100, &soon, 0));
	EXPECT_EQ(FERRIO_RB_WAIT_RELATIVE, asked->flags);
	EXPECT_EQ(1000000500, asked->timeout);
	EXPECT_EQ(100, asked->min_bytes);
	EXPECT_EQ(W, asked->rw);
	EXPECT_EQ(0, ringbuffer_wait(self->r.fd, R, 0, &soon, FERRIO_RB_WAIT_ABSOLUTE));
	EXPECT_EQ(FERRIO_RB_WAIT_ABSOLUTE, asked->flags);
	EXPECT_EQ(0, ringbuffer_wait(self->r.fd, R, 0, &never, FERRIO_RB_WAIT_RELATIVE));
	EXPECT_EQ(UINT64_MAX, asked->timeout);
	EXPECT_EQ(4, WAITS());
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(-EINVAL, E(ringbuffer_wait(self->r.fd, R, 1, &wrong[i], 0)));
	EXPECT_EQ(-EINVAL, E(ringbuffer_wait(self->r.fd, R, 1, &soon, 4)));
	EXPECT_EQ(-EINVAL, E(ringbuffer_wait(self->r.fd, R, 1, NULL,
					     FERRIO_RB_WAIT_ABSOLUTE)));
	EXPECT_EQ(4, WAITS());
	EXPECT_EQ(-EINVAL, E(ringbuffer_wait(self->r.fd, R, SIZE + 1, NULL, 0)));
	EXPECT_EQ(-EINVAL, E(ringbuffer_wait(self->r.fd, 2, 1, NULL, 0)));
	EXPECT_EQ(-ETIMEDOUT, E(ringbuffer_wait(self->r.fd, R, 2, &past, 0)));
	EXPECT_EQ(-ETIMEDOUT, E(ringbuffer_wait(self->r.fd, R, 2, &past,
						FERRIO_RB_WAIT_ABSOLUTE)));
}

/*
 * A stream between two processes, copied and in place, with all lengths; without
 * spinning, so that they sleep as often as they can.
 */
static int consumer(struct ringbuffer *r, uint64_t total)
{
	static unsigned char b[5000];
	uint64_t seed = 8, out = 0;

	while (out < total) {
		size_t bytes = roll(&seed) % sizeof(b) + 1;
		const void *p = b;
		ssize_t n;

		if (bytes & 1) {
			bytes = bytes % 64;
			p = ringbuffer_peek(r, &bytes);
			n = p ? (ssize_t)bytes : -1;
		} else {
			n = ringbuffer_read(r, b, bytes);
		}
		if (n <= 0 || differs(p, n, out) != -1)
			return 1;
		if (p != b && ringbuffer_consume(r, n))
			return 2;
		out += n;
	}
	return ringbuffer_read(r, b, 1) ? 3 : 0;
}

static int producer(struct ringbuffer *w, uint64_t total)
{
	static unsigned char b[20000];
	uint64_t seed = 9, in = 0;

	while (in < total) {
		size_t bytes = roll(&seed) % sizeof(b) + 1;
		void *p;

		if (bytes > total - in)
			bytes = total - in;
		if (bytes & 1) {
			p = ringbuffer_reserve(w, bytes);
			if (!p)
				return 4;
			fill(p, bytes, in);
			if (ringbuffer_commit(w, bytes))
				return 5;
		} else {
			fill(b, bytes, in);
			if (ringbuffer_write(w, b, bytes) != (ssize_t)bytes)
				return 6;
		}
		in += bytes;
	}
	return 0;
}

static void stream(struct __test_metadata *_metadata, struct fake *f,
		   struct ringbuffer *r, struct ringbuffer *w, uint64_t total)
{
	int status;
	pid_t pid;

	r->nonblock = 0;
	w->nonblock = 0;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		fake_end_close(w->fd);
		_exit(consumer(r, total));
	}
	EXPECT_EQ(0, producer(w, total));
	fake_end_close(w->fd);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, fake_calls(f, FERRIO_RB_BLAME));
	EXPECT_LE(f->books->wakes, f->books->sequence);
}

TEST_F(user, stream_of_sleepers)
{
	self->r.spin = 0;
	self->w.spin = 0;
	stream(_metadata, self->f, &self->r, &self->w, 5000000);
	EXPECT_LT(0, WAITS());
}

TEST_F(user, stream_of_spinners)
{
	self->r.spin = RINGBUFFER_SPIN;
	self->w.spin = RINGBUFFER_SPIN;
	stream(_metadata, self->f, &self->r, &self->w, 5000000);
}

TEST_HARNESS_MAIN
