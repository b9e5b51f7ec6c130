// SPDX-License-Identifier: GPL-2.0
/* A peer that does not keep to the protocol, in every word that it can write. */

#include <pthread.h>

#include "fix_user.h"

static unsigned char buf[2 * SIZE];

/* All that a holder can do with its end. */
static long act(struct ringbuffer *rb, int what)
{
	size_t there = 0;

	switch (what) {
	case 0:
		return rb->rw == R ? E(ringbuffer_read(rb, buf, 16)) :
			E(ringbuffer_write(rb, buf, 16));
	case 1:
		return rb->rw == R ? P(ringbuffer_peek(rb, &there)) :
			P(ringbuffer_reserve(rb, 16));
	case 2:
		return rb->rw == R ? E(ringbuffer_read(rb, buf, 0)) :
			E(ringbuffer_write(rb, buf, 0));
	case 3:
		return rb->rw == R ? E(ringbuffer_read(rb, buf, sizeof(buf))) :
			E(ringbuffer_write(rb, buf, sizeof(buf)));
	}
	return 0;
}

#define ACTS	4

/* @rb is corrupt: every call says so, to the module it was told once. */
#define EXPECT_CORRUPT(rb, reason) do { \
	uint64_t own_before = fake_position(self->f, (rb)->rw); \
	for (int act_nr = 0; act_nr < ACTS; act_nr++) \
		EXPECT_EQ(-EBADMSG, act(rb, act_nr)); \
	EXPECT_EQ(own_before, fake_position(self->f, (rb)->rw)); \
	EXPECT_EQ(1, fake_calls(self->f, FERRIO_RB_BLAME)); \
	EXPECT_EQ(reason, self->f->state->corrupt); \
} while (0)

/* Distances of the peer's position from where it should be. */
static const uint64_t impossible[] = {
	1, 2, 16, 4096, SIZE, 2 * SIZE, 1ULL << 31, 1ULL << 32, (1ULL << 32) + 1,
	(1ULL << 63) - SIZE, (1ULL << 63) - 1, 1ULL << 63, (1ULL << 63) + 1,
	0 - 2 * SIZE, -SIZE - 1,
};

#define IMPOSSIBLE	ARRAY_SIZE(impossible)

/*
 * The reader has taken 100 of 200 bytes and knows of all of them; the producer's
 * word says more than a ring behind it, or less than it has taken.
 */
TEST_F(user, producer_position)
{
	for (size_t i = 0; i < IMPOSSIBLE; i++) {
		struct fake *f = fake_open(variant->start);
		struct ringbuffer r;

		ASSERT_LE(0, ringbuffer(f->plain, R, SIZE, &r));
		r.nonblock = 1;
		fake_close(self->f);
		self->f = f;
		fake_move(f, W, variant->start + 200);
		ASSERT_EQ(100, ringbuffer_read(&r, buf, 100));
		fake_move(f, W, variant->start + 100 + SIZE + impossible[i]);
		/* what was seen before was right, and is there still */
		ASSERT_EQ(100, ringbuffer_read(&r, buf, 100));
		fake_move(f, W, variant->start + 200 + SIZE + impossible[i]);
		EXPECT_EQ(-EBADMSG, E(ringbuffer_read(&r, buf, 1)))
			TH_LOG("%#lx too far", impossible[i]);
		/* for ever, whatever the peer says then */
		fake_move(f, W, variant->start + 300);
		EXPECT_CORRUPT(&r, FERRIO_RB_CORRUPT_PRODUCER_TOLD);
		EXPECT_EQ(R, f->books->told);
		ringbuffer_unmap(&r);
		EXPECT_EQ(-EBADF, E(ringbuffer_read(&r, buf, 1)));
	}
}

/* The writer has filled the ring but for 100 bytes, of which it knows. */
TEST_F(user, consumer_position)
{
	for (size_t i = 0; i < IMPOSSIBLE; i++) {
		struct fake *f = fake_open(variant->start);
		struct ringbuffer w;

		ASSERT_LE(0, ringbuffer(f->plain, W, SIZE, &w));
		w.nonblock = 1;
		fake_close(self->f);
		self->f = f;
		ASSERT_EQ(SIZE - 100, ringbuffer_write(&w, buf, SIZE - 100));
		fake_move(f, R, variant->start + SIZE - 100 + impossible[i]);
		ASSERT_EQ(100, ringbuffer_write(&w, buf, 100));
		fake_move(f, R, variant->start + SIZE + impossible[i]);
		EXPECT_EQ(-EBADMSG, E(ringbuffer_write(&w, buf, 1)))
			TH_LOG("%#lx too far", impossible[i]);
		fake_move(f, R, variant->start + SIZE - 10);
		EXPECT_CORRUPT(&w, FERRIO_RB_CORRUPT_CONSUMER_TOLD);
		EXPECT_EQ(W, f->books->told);
		ringbuffer_unmap(&w);
	}
}

/* Each call finds it by itself. */
TEST_F(user, every_call_finds_it)
{
	for (int what = 0; what < ACTS; what++) {
		for (int rw = R; rw <= W; rw++) {
			struct fake *f = fake_open(variant->start);
			struct ringbuffer rb;

			ASSERT_LE(0, ringbuffer(f->plain, rw, SIZE, &rb));
			rb.nonblock = what & 1;	/* blocking ones do not block */
			fake_move(f, !rw, variant->start + (rw == R ? SIZE + 1 : 1));
			EXPECT_EQ(-EBADMSG, act(&rb, what))
				TH_LOG("call %d, end %d", what, rw);
			EXPECT_EQ(1, fake_calls(f, FERRIO_RB_BLAME));
			EXPECT_EQ(0, fake_calls(f, FERRIO_RB_WAIT));
			ringbuffer_unmap(&rb);
			fake_close(f);
		}
	}
}

/* The last values that are within the rule. */
TEST_F(user, just_possible)
{
	fake_move(self->f, W, variant->start + SIZE);
	EXPECT_EQ(SIZE, ringbuffer_read(&self->r, buf, sizeof(buf)));
	EXPECT_EQ(-EAGAIN, E(ringbuffer_read(&self->r, buf, 1)));
	EXPECT_EQ(SIZE, ringbuffer_write(&self->w, buf, sizeof(buf)));
	EXPECT_EQ(-EAGAIN, E(ringbuffer_write(&self->w, buf, 1)));
	fake_move(self->f, R, variant->start + 2 * SIZE);
	EXPECT_EQ(SIZE, ringbuffer_write(&self->w, buf, sizeof(buf)));
	EXPECT_EQ(0, fake_calls(self->f, FERRIO_RB_BLAME));
	EXPECT_EQ(0, self->f->state->corrupt);
}

/* Back and forth within the rule: not ours to judge, and nothing breaks. */
TEST_F(user, moves_within_the_rule)
{
	uint64_t seed = 4;

	for (int i = 0; i < 100000; i++) {
		uint64_t own = fake_position(self->f, R);

		fake_move(self->f, W, own + roll(&seed) % (SIZE + 1));
		ASSERT_LE(-EAGAIN, E(ringbuffer_read(&self->r, buf, roll(&seed) % 100)));
	}
	EXPECT_EQ(0, fake_calls(self->f, FERRIO_RB_BLAME));
}

/* The kernel has found it: known at once, and not told again. */
TEST_F(user, told_by_the_kernel)
{
	ASSERT_EQ(1000, ringbuffer_write(&self->w, buf, 1000));
	ASSERT_EQ(10, ringbuffer_read(&self->r, buf, 10));
	__atomic_or_fetch(&self->f->state->state, FERRIO_RB_STATE_CORRUPT,
			  __ATOMIC_RELEASE);
	for (int what = 0; what < ACTS; what++) {
		EXPECT_EQ(-EBADMSG, act(&self->r, what));
		EXPECT_EQ(-EBADMSG, act(&self->w, what));
	}
	EXPECT_EQ(variant->start + 10, fake_position(self->f, R));
	EXPECT_EQ(variant->start + 1000, fake_position(self->f, W));
	EXPECT_EQ(0, fake_calls(self->f, FERRIO_RB_BLAME));
}

/* One end blames, the other learns it from the state. */
TEST_F(user, both_ends_know)
{
	fake_move(self->f, W, variant->start - 1);
	EXPECT_EQ(-EBADMSG, act(&self->r, 0));
	EXPECT_EQ(-EBADMSG, act(&self->w, 0));
	EXPECT_EQ(1, fake_calls(self->f, FERRIO_RB_BLAME));
}

/* The module does not take it: the handle is corrupt all the same. */
TEST_F(user, blame_fails)
{
	self->f->fail[FAKE_CALL(FERRIO_RB_BLAME)] = EINTR;
	fake_move(self->f, W, variant->start - 1);
	for (int what = 0; what < ACTS; what++)
		EXPECT_EQ(-EBADMSG, act(&self->r, what));
	EXPECT_EQ(1, fake_calls(self->f, FERRIO_RB_BLAME));
}

/* `armed` and `wanted` cost a call for each new value at most, and never more. */
TEST_F(user, scribbled_arm)
{
	struct ferrio_rb_end_page *page = self->f->end[R];
	uint64_t seed = 5;

	for (int i = 1; i <= 1000; i++) {
		__atomic_store_n(&page->wanted, roll(&seed) << 33 | roll(&seed),
				 __ATOMIC_RELAXED);
		__atomic_store_n(&page->armed, (uint64_t)i << 40, __ATOMIC_RELEASE);
		ASSERT_EQ(8, ringbuffer_write(&self->w, buf, 8));
		ASSERT_EQ(8, ringbuffer_write(&self->w, buf, 8));
		ASSERT_EQ(16, ringbuffer_read(&self->r, buf, 16));
		ASSERT_LE(fake_calls(self->f, FERRIO_RB_WAKEUP), i);
	}
	EXPECT_LT(0, fake_calls(self->f, FERRIO_RB_WAKEUP));
	EXPECT_EQ(0, self->f->books->wakes);
	EXPECT_EQ(0, fake_calls(self->f, FERRIO_RB_BLAME));
}

/*
 * Somebody else writes all words of the peer while data moves: within the rule for
 * long, and for moments not, and in the end not any more.
 */
#define SCRIBBLES	300000

struct scribbler {
	struct fake *f;
	int rw;
	bool stop;
};

static void *scribble(void *arg)
{
	struct scribbler *s = arg;
	uint64_t seed = 6;

	for (int i = 0; i < SCRIBBLES && !__atomic_load_n(&s->stop, __ATOMIC_RELAXED); i++) {
		uint64_t own = fake_position(s->f, !s->rw);
		uint64_t dice = roll(&seed);

		own += s->rw == W ? dice % SIZE : -(dice % SIZE);
		if (dice % 1024 == 1023)
			own = roll(&seed) << 32 | dice;
		fake_move(s->f, s->rw, own);
		__atomic_store_n(&s->f->end[s->rw]->armed, dice & 1 ? dice : 0,
				 __ATOMIC_RELEASE);
		__atomic_store_n(&s->f->end[s->rw]->wanted, own + dice % 64,
				 __ATOMIC_RELAXED);
	}
	fake_move(s->f, s->rw, fake_position(s->f, !s->rw) + (1ULL << 40));
	return NULL;
}

static long victim(struct ringbuffer *rb)
{
	uint64_t seed = 7;
	long n;

	for (;;) {
		size_t bytes = roll(&seed) % 3000 + 1;

		n = rb->rw == R ? E(ringbuffer_read(rb, buf, bytes)) :
			E(ringbuffer_write(rb, buf, bytes));
		if (n != -EAGAIN && (n <= 0 || n > (long)bytes))
			return n;
	}
}

TEST_F(user, scribbler)
{
	for (int rw = R; rw <= W; rw++) {
		struct fake *f = fake_open(variant->start);
		struct scribbler s = { .f = f, .rw = !rw };
		struct ringbuffer rb;
		pthread_t thread;

		ASSERT_LE(0, ringbuffer(f->plain, rw, SIZE, &rb));
		rb.nonblock = 1;
		ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, &s));
		EXPECT_EQ(-EBADMSG, victim(&rb));
		__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		EXPECT_EQ(1, fake_calls(f, FERRIO_RB_BLAME));
		ringbuffer_unmap(&rb);
		fake_close(f);
	}
}

/* A ring beside a corrupt one loses nothing. */
TEST_F(user, another_ring)
{
	struct fake *f = fake_open(variant->start);
	struct ringbuffer r;

	ASSERT_LE(0, ringbuffer(f->plain, R, SIZE, &r));
	fill(buf, 500, 0);
	ASSERT_EQ(500, ringbuffer_write(&self->w, buf, 500));
	fake_move(f, W, variant->start - 1);
	EXPECT_EQ(-EBADMSG, act(&r, 0));
	ASSERT_EQ(500, ringbuffer_read(&self->r, buf, sizeof(buf)));
	EXPECT_EQ(-1, differs(buf, 500, 0));
	EXPECT_EQ(500, ringbuffer_write(&self->w, buf, 500));
	ringbuffer_unmap(&r);
	fake_close(f);
}

TEST_HARNESS_MAIN
