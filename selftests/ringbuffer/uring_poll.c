// SPDX-License-Identifier: GPL-2.0
/* io_uring's polls and multishot reads: each event once, and none that is not. */

#include "fix_byte.h"
#include "../uring.h"

#define OUT	(POLLOUT | POLLWRNORM)

/* Tags of requests. */
enum { A = 1, B };

static char in[RB_DEFAULT], out[RB_DEFAULT];

TEST_F(byte, poll_once)
{
	int gone = variant->kind == RB_PIPE ? POLLERR : POLLERR | POLLHUP;
	struct rb *rb = &self->rb;
	struct uring u;

	uring_start(&u, 0);
	/* at once, and what is not asked for is not told */
	uring_poll(&u, rb->w, POLLOUT, false, A);
	uring_submit(&u);
	EXPECT_EQ(POLLOUT, uring_end(&u, A));
	uring_poll(&u, rb->w, POLLOUT | POLLWRNORM, false, A);
	uring_submit(&u);
	EXPECT_EQ(OUT, uring_end(&u, A));
	/* waits, also for the first use of all */
	uring_poll(&u, rb->r, POLLIN, false, A);
	uring_submit(&u);
	EXPECT_TRUE(uring_idle(&u));
	rb_pattern(in, RB_DEFAULT, 0);
	ASSERT_EQ(1, write(rb->w, in, 1));
	EXPECT_EQ(POLLIN, uring_end(&u, A));
	EXPECT_TRUE(uring_idle(&u));
	ASSERT_EQ(RB_DEFAULT - 1, write(rb->w, in, RB_DEFAULT - 1));
	EXPECT_TRUE(uring_idle(&u));
	uring_poll(&u, rb->w, POLLOUT, false, B);
	uring_submit(&u);
	EXPECT_TRUE(uring_idle(&u));
	ASSERT_EQ(RB_PAGE, read(rb->r, out, RB_PAGE));
	EXPECT_EQ(POLLOUT, uring_end(&u, B));
	/* the ends go */
	ASSERT_EQ(RB_DEFAULT - RB_PAGE, read(rb->r, out, RB_DEFAULT));
	if (variant->kind == RB_PLAIN) {
		uring_stop(&u);
		return;
	}
	uring_poll(&u, rb->r, POLLIN, false, A);
	uring_submit(&u);
	EXPECT_TRUE(uring_idle(&u));
	rb_close_w(rb);
	EXPECT_EQ(POLLHUP, uring_end(&u, A));
	uring_stop(&u);

	rb_stop(rb);
	rb_start(rb, variant->kind, RB_PAGE);
	uring_start(&u, 0);
	rb_fill(rb);
	uring_poll(&u, rb->w, POLLOUT, false, B);
	uring_submit(&u);
	EXPECT_TRUE(uring_idle(&u));
	rb_close_r(rb);
	EXPECT_EQ(gone, uring_end(&u, B));
	uring_stop(&u);
}

/* The completion of a poll that goes on. */
static int event(struct uring *u, uint64_t tag)
{
	struct io_uring_cqe cqe;

	uring_next(u, &cqe);
	if (cqe.user_data != tag || !(cqe.flags & IORING_CQE_F_MORE))
		rb_die("completion of %llu: %d, flags %#x",
		       (unsigned long long)cqe.user_data, cqe.res, cqe.flags);
	return cqe.res;
}

/*
 * An event for each batch.  Whoever has read all there was, as it asked for more
 * or knows how much there is, need not try again before the next event.
 */
TEST_F(byte, poll_again_and_again)
{
	struct rb *rb = &self->rb;
	struct uring u;
	long n;

	uring_start(&u, 0);
	rb_pattern(in, RB_DEFAULT, 0);
	uring_poll(&u, rb->r, POLLIN, true, A);
	uring_submit(&u);
	EXPECT_TRUE(uring_idle(&u));
	for (int i = 1; i < 20; i++) {
		ASSERT_EQ(i, write(rb->w, in, i));
		ASSERT_EQ(POLLIN, event(&u, A));
		/* short; exactly; by io_uring; to the EAGAIN */
		n = i % 4 ? i : 99;
		if (i % 4 == 2)
			n = uring_do(&u, IORING_OP_READ, rb->r, out, 99);
		else
			n = read(rb->r, out, n);
		ASSERT_EQ(i, n);
		rb_nonblock(rb, true);
		if (i % 4 == 3)
			ASSERT_EQ(-EAGAIN, E(read(rb->r, out, 1)));
		rb_nonblock(rb, false);
		ASSERT_TRUE(uring_idle(&u));
	}
	uring_cancel(&u, A, B);
	uring_submit(&u);
	EXPECT_EQ(0, uring_end(&u, B));
	EXPECT_EQ(-ECANCELED, uring_end(&u, A));
	ASSERT_EQ(1, write(rb->w, in, 1));
	EXPECT_TRUE(uring_idle(&u));
	uring_stop(&u);
}

/* The same for space: after a write that did not go in whole, or filled the ring. */
TEST_F(byte, poll_for_space)
{
	struct rb *rb = &self->rb;
	struct uring u;

	uring_start(&u, 0);
	rb_pattern(in, RB_DEFAULT, 0);
	rb_fill(rb);
	uring_poll(&u, rb->w, POLLOUT, true, A);
	uring_submit(&u);
	EXPECT_TRUE(uring_idle(&u));
	for (int i = 0; i < 12; i++) {
		ASSERT_EQ(2 * RB_PAGE, read(rb->r, out, 2 * RB_PAGE));
		ASSERT_EQ(POLLOUT, event(&u, A));
		rb_nonblock(rb, true);
		ASSERT_EQ(2 * RB_PAGE, write(rb->w, in, (2 + i % 2) * RB_PAGE));
		if (i % 3 == 0)
			ASSERT_EQ(-EAGAIN, E(write(rb->w, in, 1)));
		rb_nonblock(rb, false);
		ASSERT_TRUE(uring_idle(&u));
	}
	uring_stop(&u);
}

/* One request, a completion and a buffer for each batch, until the end. */
TEST_F(byte, read_multishot)
{
	struct rb *rb = &self->rb;
	struct io_uring_cqe cqe;
	struct uring_pool pool;
	uint64_t pos = 0;
	struct uring u;

	uring_start(&u, 0);
	uring_pool_start(&u, &pool, 4, 1000);
	uring_multishot(&u, rb->r, A);
	uring_submit(&u);
	EXPECT_TRUE(uring_idle(&u));
	for (int i = 0; i < 20; i++) {
		size_t n = 1 + 49 * i;

		rb_pattern(in, n, pos);
		ASSERT_EQ(n, write(rb->w, in, n));
		uring_next(&u, &cqe);
		ASSERT_EQ(n, cqe.res);
		ASSERT_TRUE(cqe.flags & IORING_CQE_F_MORE);
		ASSERT_EQ(-1, rb_mismatch(uring_got(&pool, &cqe), n, pos));
		uring_give(&pool, cqe.flags >> IORING_CQE_BUFFER_SHIFT);
		ASSERT_TRUE(uring_idle(&u));
		pos += n;
	}
	/* the buffers come to an end: four of five thousand bytes are read */
	rb_pattern(in, 5000, pos);
	ASSERT_EQ(5000, write(rb->w, in, 5000));
	for (int i = 0; i < 4; i++) {
		uring_next(&u, &cqe);
		ASSERT_EQ(1000, cqe.res);
		ASSERT_TRUE(cqe.flags & IORING_CQE_F_MORE);
		ASSERT_EQ(-1, rb_mismatch(uring_got(&pool, &cqe), 1000, pos));
		pos += 1000;
	}
	EXPECT_EQ(-ENOBUFS, uring_end(&u, A));
	EXPECT_EQ(1000, rb_avail(rb->r));
	for (int i = 0; i < 4; i++)
		uring_give(&pool, i);
	/* what is there already, then the end of the stream */
	uring_multishot(&u, rb->r, B);
	uring_submit(&u);
	uring_next(&u, &cqe);
	EXPECT_EQ(1000, cqe.res);
	EXPECT_EQ(-1, rb_mismatch(uring_got(&pool, &cqe), 1000, pos));
	EXPECT_TRUE(uring_idle(&u));
	rb_close_w(rb);
	EXPECT_EQ(0, uring_end(&u, B));
	uring_stop(&u);
}

TEST_HARNESS_MAIN
