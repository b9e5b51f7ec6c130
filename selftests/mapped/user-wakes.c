// SPDX-License-Identifier: GPL-2.0
/* Whom a turn wakes: exactly those who wait for it, and once. */

#include "fix_user.h"

static unsigned char buf[SIZE];

#define WAKEUPS()	fake_calls(self->f, FERRIO_RB_WAKEUP)

/* What moves bytes, by its two ways; each by its fast and by its slow path. */
enum mover { COPY, IN_PLACE, COPY_SLOWLY, MOVERS };

static long move(struct ringbuffer *rb, enum mover how, size_t bytes)
{
	size_t there = bytes;

	if (how == COPY_SLOWLY)		/* as if nothing were known of the peer */
		rb->limit = ring__relaxed(rb->own);
	if (how != IN_PLACE)
		return rb->rw == R ? E(ringbuffer_read(rb, buf, bytes)) :
			E(ringbuffer_write(rb, buf, bytes));
	if (rb->rw == R)
		return ringbuffer_peek(rb, &there) && !ringbuffer_consume(rb, bytes) ?
			(long)bytes : -(long)errno;
	return ringbuffer_reserve(rb, bytes) && !ringbuffer_commit(rb, bytes) ?
		(long)bytes : -(long)errno;
}

TEST_F(user, nobody_sleeps)
{
	for (int how = COPY; how < MOVERS; how++) {
		ASSERT_EQ(100, move(&self->w, how, 100));
		ASSERT_EQ(100, move(&self->r, how, 100));
	}
	EXPECT_EQ(0, WAKEUPS());
}

/* The consumer waits for 100 bytes: nothing at 99, one call at 100, no more. */
TEST_F(user, producer_wakes)
{
	for (int how = COPY; how < MOVERS; how++) {
		uint64_t at = fake_position(self->f, W);
		uint64_t before = WAKEUPS();

		fake_arm(self->f, R, at + 100);
		ASSERT_EQ(99, move(&self->w, how, 99));
		EXPECT_EQ(before, WAKEUPS());
		ASSERT_EQ(1, move(&self->w, how, 1));
		EXPECT_EQ(before + 1, WAKEUPS());
		EXPECT_EQ(W, self->f->books->told);
		EXPECT_EQ(0, self->f->end[R]->armed);
		ASSERT_EQ(1, move(&self->w, how, 1));
		EXPECT_EQ(before + 1, WAKEUPS());
		ASSERT_EQ(101, move(&self->r, how, 101));
	}
	EXPECT_EQ(MOVERS, self->f->books->wakes);
	EXPECT_EQ(0, self->f->books->suppressed);
}

/* The producer waits for 100 bytes of space in a full ring. */
TEST_F(user, consumer_wakes)
{
	ASSERT_EQ(SIZE, move(&self->w, COPY, SIZE));
	for (int how = COPY; how < MOVERS; how++) {
		uint64_t at = fake_position(self->f, R);
		uint64_t before = WAKEUPS();

		fake_arm(self->f, W, at + 100);
		ASSERT_EQ(99, move(&self->r, how, 99));
		EXPECT_EQ(before, WAKEUPS());
		ASSERT_EQ(5, move(&self->r, how, 5));
		EXPECT_EQ(before + 1, WAKEUPS());
		EXPECT_EQ(R, self->f->books->told);
		ASSERT_EQ(1, move(&self->r, how, 1));
		EXPECT_EQ(before + 1, WAKEUPS());
	}
	EXPECT_EQ(MOVERS, self->f->books->wakes);
}

/* The wake is asked for once for each arm, although the word stays. */
TEST_F(user, once_for_each_arm)
{
	struct ferrio_rb_end_page *page = self->f->end[R];

	page->wanted = variant->start;
	page->armed = 7;
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(1, move(&self->w, COPY, 1));
	EXPECT_EQ(1, WAKEUPS());
	page->armed = 8;
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(1, move(&self->w, IN_PLACE, 1));
	EXPECT_EQ(2, WAKEUPS());
	page->armed = 0;
	ASSERT_EQ(1, move(&self->w, COPY, 1));
	page->armed = UINT64_MAX;
	ASSERT_EQ(1, move(&self->w, COPY, 1));
	EXPECT_EQ(3, WAKEUPS());
	/* not reached does not count as called for */
	page->wanted = fake_position(self->f, W) + 2;
	page->armed = 9;
	ASSERT_EQ(1, move(&self->w, COPY, 1));
	EXPECT_EQ(3, WAKEUPS());
	ASSERT_EQ(1, move(&self->w, COPY, 1));
	EXPECT_EQ(4, WAKEUPS());
}

/* What is only looked at, refused or given up wakes nobody. */
TEST_F(user, nothing_moved)
{
	size_t there = 0;

	fake_arm(self->f, R, variant->start);
	fake_arm(self->f, W, variant->start);
	EXPECT_EQ(-EAGAIN, move(&self->r, COPY, 1));
	EXPECT_EQ(-EAGAIN, P(ringbuffer_peek(&self->r, &there)));
	ASSERT_NE(NULL, ringbuffer_reserve(&self->w, 100));
	EXPECT_EQ(-EINVAL, E(ringbuffer_commit(&self->w, SIZE + 1)));
	EXPECT_EQ(-EINVAL, E(ringbuffer_consume(&self->r, 1)));
	EXPECT_EQ(0, E(ringbuffer_write(&self->w, buf, 0)));
	EXPECT_EQ(0, E(ringbuffer_read(&self->r, buf, 0)));
	EXPECT_EQ(0, WAKEUPS());
}

/* errno is that of the caller's last failure, not of a wake. */
TEST_F(user, errno_is_kept)
{
	fake_arm(self->f, R, variant->start);
	self->f->fail[FAKE_CALL(FERRIO_RB_WAKEUP)] = ENOTTY;
	errno = ERANGE;
	ASSERT_EQ(16, move(&self->w, COPY, 16));
	ASSERT_EQ(16, move(&self->w, IN_PLACE, 16));
	EXPECT_EQ(1, WAKEUPS());
	EXPECT_EQ(ERANGE, errno);
}

/* Each handle remembers for itself; one call too many is only that. */
TEST_F(user, two_handles)
{
	struct ringbuffer w2;

	ASSERT_LE(0, ringbuffer(self->w.fd, W, 0, &w2));
	fake_arm(self->f, R, variant->start + 16);
	ASSERT_EQ(16, move(&w2, COPY, 16));
	fake_arm(self->f, R, variant->start + 32);
	ASSERT_EQ(16, move(&self->w, COPY, 16));
	EXPECT_EQ(2, self->f->books->wakes);
	EXPECT_EQ(0, self->f->books->suppressed);
	ringbuffer_unmap(&w2);
}

/* The raw call, for those who move positions themselves. */
TEST_F(user, raw_call)
{
	EXPECT_EQ(0, ringbuffer_wakeup(self->w.fd, W));
	EXPECT_EQ(1, self->f->books->suppressed);
	EXPECT_EQ(W, self->f->books->told);
	fake_arm(self->f, W, variant->start);
	EXPECT_EQ(0, ringbuffer_wakeup(self->r.fd, R));
	EXPECT_EQ(1, self->f->books->wakes);
	EXPECT_EQ(-EINVAL, E(ringbuffer_wakeup(self->r.fd, 2)));
	EXPECT_EQ(-EINVAL, E(ringbuffer_wakeup(self->r.fd, -1)));
	EXPECT_EQ(-EBADF, E(ringbuffer_wakeup(-1, R)));
}

TEST_HARNESS_MAIN
