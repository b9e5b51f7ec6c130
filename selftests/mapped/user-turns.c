// SPDX-License-Identifier: GPL-2.0
/* Moving data: what fits, what is there, where it lies, how it ends. */

#include "fix_user.h"

static unsigned char buf[4 * SIZE];

static long reserved(struct ringbuffer *rb, size_t bytes)
{
	return P(ringbuffer_reserve(rb, bytes));
}

/* How many there are if there are as many as @bytes. */
static long peeked(struct ringbuffer *rb, size_t bytes)
{
	const void *p = ringbuffer_peek(rb, &bytes);

	return p ? (long)bytes : -(long)errno;
}

TEST_F(user, empty_and_full)
{
	EXPECT_EQ(-EAGAIN, E(ringbuffer_read(&self->r, buf, 1)));
	EXPECT_EQ(-EAGAIN, peeked(&self->r, 0));
	EXPECT_EQ(0, ringbuffer_used(&self->r));
	fill(buf, SIZE, 0);
	ASSERT_EQ(SIZE, ringbuffer_write(&self->w, buf, SIZE));
	EXPECT_EQ(-EAGAIN, E(ringbuffer_write(&self->w, buf, 1)));
	EXPECT_EQ(-EAGAIN, reserved(&self->w, 1));
	EXPECT_EQ(SIZE, ringbuffer_used(&self->w));
	EXPECT_EQ(SIZE, peeked(&self->r, SIZE));
	memset(buf, 0, SIZE);
	ASSERT_EQ(SIZE, ringbuffer_read(&self->r, buf, sizeof(buf)));
	EXPECT_EQ(-1, differs(buf, SIZE, 0));
	EXPECT_EQ(-EAGAIN, E(ringbuffer_read(&self->r, buf, 1)));
	EXPECT_EQ(variant->start + SIZE, fake_position(self->f, R));
	EXPECT_EQ(variant->start + SIZE, fake_position(self->f, W));
	EXPECT_EQ(0, self->f->state->corrupt);
}

/* A call of the other end, or of none. */
TEST_F(user, a_call_of_the_other_end)
{
	struct ringbuffer none;

	ASSERT_EQ(5, ringbuffer_write(&self->w, "12345", 5));
	ASSERT_EQ(5, peeked(&self->r, 5));
	EXPECT_EQ(-EBADF, E(ringbuffer_commit(&self->r, 5)));
	EXPECT_EQ(-EBADF, E(ringbuffer_commit(&self->r, 0)));
	EXPECT_EQ(-EBADF, E(ringbuffer_consume(&self->w, 1)));
	EXPECT_EQ(-EBADF, reserved(&self->r, 1));
	EXPECT_EQ(-EBADF, peeked(&self->w, 1));
	EXPECT_EQ(5, ringbuffer_used(&self->r));
	EXPECT_EQ(-EBADF, E(ringbuffer(-1, R, 0, &none)));
	EXPECT_EQ(-EBADF, E(ringbuffer_consume(&none, 1)));
	EXPECT_EQ(-EBADF, E(ringbuffer_consume(&none, 0)));
	EXPECT_EQ(-EBADF, E(ringbuffer_commit(&none, 0)));
	/* which has no descriptor, and neither has one that is all zero */
	ringbuffer_close(&none);
	memset(&none, 0, sizeof(none));
	ringbuffer_close(&none);
	EXPECT_EQ(0, none.fd);
}

/* Odd lengths, through 30 rings. */
TEST_F(user, read_and_write_wrap)
{
	uint64_t seed = 1, in = 0, out = 0;
	ssize_t n;

	while (out < 30 * SIZE) {
		size_t bytes = roll(&seed) % 5000 + 1;

		fill(buf, bytes, in);
		n = E(ringbuffer_write(&self->w, buf, bytes));
		ASSERT_TRUE(n == (ssize_t)bytes || n == -EAGAIN ||
			    (bytes > 4096 && n > 0));
		in += n > 0 ? n : 0;
		ASSERT_EQ(in - out, ringbuffer_used(&self->r));
		bytes = roll(&seed) % 5000 + 1;
		if (bytes > in - out)
			bytes = in - out;
		n = E(ringbuffer_read(&self->r, buf, bytes));
		ASSERT_EQ(bytes, n);
		ASSERT_EQ(-1, differs(buf, n, out));
		out += n;
	}
	EXPECT_EQ(variant->start + out, fake_position(self->f, R));
	EXPECT_EQ(0, fake_calls(self->f, FERRIO_RB_WAIT));
	EXPECT_EQ(0, fake_calls(self->f, FERRIO_RB_WAKEUP));
	EXPECT_EQ(0, fake_calls(self->f, FERRIO_RB_BLAME));
}

/* In place, each in one piece, also across the seam. */
TEST_F(user, reserve_and_peek_wrap)
{
	uint64_t seed = 2, in = 0, out = 0;

	while (out < 30 * SIZE) {
		size_t bytes = roll(&seed) % (SIZE / 3) + 1, there = 0;
		const void *from;
		void *to;

		to = ringbuffer_reserve(&self->w, bytes);
		if (to) {
			fill(to, bytes, in);
			if (!(roll(&seed) % 4))
				bytes = 0;	/* given up */
			ASSERT_EQ(0, ringbuffer_commit(&self->w, bytes));
			in += bytes;
		} else {
			ASSERT_EQ(EAGAIN, errno);
			ASSERT_GT(bytes, SIZE - (in - out));
		}
		from = ringbuffer_peek(&self->r, &there);
		if (!from) {
			ASSERT_EQ(EAGAIN, errno);
			ASSERT_EQ(in, out);
			continue;
		}
		ASSERT_LE(there, in - out);
		ASSERT_EQ(-1, differs(from, there, out));
		bytes = roll(&seed) % there + 1;
		ASSERT_EQ(0, ringbuffer_consume(&self->r, bytes));
		out += bytes;
	}
	EXPECT_EQ(variant->start + out, fake_position(self->f, R));
	EXPECT_EQ(variant->start + in, fake_position(self->f, W));
}

TEST_F(user, the_whole_ring_in_place)
{
	void *p;

	ASSERT_EQ(100, ringbuffer_write(&self->w, buf, 100));
	ASSERT_EQ(100, ringbuffer_read(&self->r, buf, 100));
	p = ringbuffer_reserve(&self->w, SIZE);
	ASSERT_NE(NULL, p);
	fill(p, SIZE, 100);
	ASSERT_EQ(0, ringbuffer_commit(&self->w, SIZE));
	EXPECT_EQ(SIZE, peeked(&self->r, SIZE));
	ASSERT_EQ(SIZE, ringbuffer_read(&self->r, buf, SIZE));
	EXPECT_EQ(-1, differs(buf, SIZE, 100));
}

/* Nothing is seen before it is committed, and giving up leaves nothing. */
TEST_F(user, reserved_is_not_published)
{
	void *p = ringbuffer_reserve(&self->w, 16);

	ASSERT_NE(NULL, p);
	memset(p, 1, 16);
	EXPECT_EQ(-EAGAIN, peeked(&self->r, 1));
	EXPECT_EQ(p, ringbuffer_reserve(&self->w, 32));
	ASSERT_EQ(0, ringbuffer_commit(&self->w, 8));
	EXPECT_EQ(8, peeked(&self->r, 0));
	/* the next place is 8 bytes on, or that in the first of the two copies */
	EXPECT_EQ(self->w.data + (variant->start + 8) % SIZE,
		  ringbuffer_reserve(&self->w, 1));
}

TEST_F(user, several_from_one_peek)
{
	ASSERT_EQ(64, ringbuffer_write(&self->w, buf, 64));
	EXPECT_EQ(64, peeked(&self->r, 16));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, ringbuffer_consume(&self->r, 16));
	EXPECT_EQ(-EAGAIN, peeked(&self->r, 16));
	EXPECT_EQ(variant->start + 64, fake_position(self->f, R));
}

TEST_F(user, at_least_so_many)
{
	ASSERT_EQ(10, ringbuffer_write(&self->w, buf, 10));
	EXPECT_EQ(-EAGAIN, peeked(&self->r, 11));
	EXPECT_EQ(10, peeked(&self->r, 10));
	ASSERT_EQ(5, ringbuffer_write(&self->w, buf, 5));
	EXPECT_EQ(15, peeked(&self->r, 11));
	EXPECT_EQ(-EINVAL, peeked(&self->r, SIZE + 1));
	EXPECT_EQ(-EINVAL, peeked(&self->r, SIZE_MAX));
}

/* More than the ring, or than was found: nothing moves. */
TEST_F(user, too_much)
{
	static const size_t much[] = {
		SIZE + 1, 2 * SIZE, SIZE_MAX / 2 + 1, SIZE_MAX - SIZE, SIZE_MAX,
	};

	ASSERT_EQ(16, ringbuffer_write(&self->w, buf, 16));
	ASSERT_EQ(16, peeked(&self->r, 0));
	EXPECT_EQ(0, reserved(&self->w, 16));
	for (size_t i = 0; i < ARRAY_SIZE(much); i++) {
		EXPECT_EQ(-EINVAL, reserved(&self->w, much[i]));
		EXPECT_EQ(-EINVAL, E(ringbuffer_commit(&self->w, much[i])));
		EXPECT_EQ(-EINVAL, E(ringbuffer_consume(&self->r, much[i])));
	}
	EXPECT_EQ(-EINVAL, E(ringbuffer_consume(&self->r, 17)));
	EXPECT_EQ(-EINVAL, E(ringbuffer_commit(&self->w, SIZE - 15)));
	EXPECT_EQ(variant->start, fake_position(self->f, R));
	EXPECT_EQ(variant->start + 16, fake_position(self->f, W));
	EXPECT_EQ(0, ringbuffer_commit(&self->w, 0));
	EXPECT_EQ(0, ringbuffer_consume(&self->r, 0));
	EXPECT_EQ(variant->start, fake_position(self->f, R));
	EXPECT_EQ(variant->start + 16, fake_position(self->f, W));
}

/* Up to PIPE_BUF whole or not at all, of more what fits. */
TEST_F(user, what_fits)
{
	ASSERT_EQ(SIZE - 100, ringbuffer_write(&self->w, buf, SIZE - 100));
	EXPECT_EQ(-EAGAIN, E(ringbuffer_write(&self->w, buf, 101)));
	EXPECT_EQ(-EAGAIN, E(ringbuffer_write(&self->w, buf, 4096)));
	EXPECT_EQ(variant->start + SIZE - 100, fake_position(self->f, W));
	EXPECT_EQ(0, ringbuffer_write(&self->w, buf, 0));
	EXPECT_EQ(100, ringbuffer_write(&self->w, buf, 4097));
	EXPECT_EQ(-EAGAIN, E(ringbuffer_write(&self->w, buf, 4097)));
	EXPECT_EQ(0, ringbuffer_write(&self->w, buf, 0));
	EXPECT_EQ(0, ringbuffer_read(&self->r, buf, 0));
	ASSERT_EQ(SIZE, ringbuffer_read(&self->r, buf, sizeof(buf)));
	EXPECT_EQ(0, ringbuffer_read(&self->r, buf, 0));
	EXPECT_EQ(SIZE, ringbuffer_write(&self->w, buf, sizeof(buf)));
}

/* All that was published comes before the end, and the end stays. */
TEST_F(user, end_of_stream)
{
	fill(buf, 20, 0);
	ASSERT_EQ(20, ringbuffer_write(&self->w, buf, 20));
	ASSERT_EQ(0, reserved(&self->w, 20));
	self->r.nonblock = 0;
	fake_end_close(self->w.fd);
	EXPECT_EQ(20, peeked(&self->r, 16));
	EXPECT_EQ(20, peeked(&self->r, 21));
	ASSERT_EQ(15, ringbuffer_read(&self->r, buf, 15));
	EXPECT_EQ(5, peeked(&self->r, 16));
	ASSERT_EQ(5, ringbuffer_read(&self->r, buf + 15, 100));
	EXPECT_EQ(-1, differs(buf, 20, 0));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0, ringbuffer_read(&self->r, buf, 100));
		EXPECT_EQ(0, peeked(&self->r, 16));
	}
	EXPECT_EQ(0, fake_calls(self->f, FERRIO_RB_WAIT));
}

/* Known at once, not when the space that was known is used up. */
TEST_F(user, no_consumer)
{
	ASSERT_EQ(16, ringbuffer_write(&self->w, buf, 16));
	self->w.nonblock = 0;
	fake_end_close(self->r.fd);
	EXPECT_EQ(-EPIPE, E(ringbuffer_write(&self->w, buf, 16)));
	EXPECT_EQ(-EPIPE, E(ringbuffer_write(&self->w, buf, 5000)));
	EXPECT_EQ(-EPIPE, E(ringbuffer_write(&self->w, buf, 0)));
	EXPECT_EQ(-EPIPE, reserved(&self->w, 16));
	EXPECT_EQ(-EPIPE, reserved(&self->w, 0));
	EXPECT_EQ(variant->start + 16, fake_position(self->f, W));
}

/* The own word is the truth: a second handle goes on where the first stopped. */
TEST_F(user, another_holder)
{
	struct ringbuffer r2, w2;
	uint64_t seed = 3, in = 0, out = 0;

	ASSERT_EQ(self->r.fd, ringbuffer(self->r.fd, R, 0, &r2));
	ASSERT_EQ(self->w.fd, ringbuffer(self->w.fd, W, SIZE, &w2));
	r2.nonblock = 1;
	w2.nonblock = 1;
	while (out < 10 * SIZE) {
		uint64_t dice = roll(&seed);
		size_t bytes = dice % 4096 + 1;
		ssize_t n;

		fill(buf, bytes, in);
		n = E(ringbuffer_write(dice & 8192 ? &w2 : &self->w, buf, bytes));
		ASSERT_EQ(bytes <= SIZE - (in - out) ? (long)bytes : -EAGAIN, n);
		in += n > 0 ? n : 0;
		dice = roll(&seed);
		bytes = dice % 8000 + 1;
		n = E(ringbuffer_read(dice & 8192 ? &r2 : &self->r, buf, bytes));
		ASSERT_TRUE(n > 0 || in == out);
		ASSERT_TRUE(n < 0 || differs(buf, n, out) == -1);
		out += n > 0 ? n : 0;
	}
	EXPECT_EQ(0, fake_calls(self->f, FERRIO_RB_BLAME));
	ringbuffer_unmap(&r2);
	ringbuffer_unmap(&w2);
}

/* What is known lies behind the own position: it is asked for anew. */
TEST_F(user, another_holder_was_faster)
{
	ASSERT_EQ(1000, ringbuffer_write(&self->w, buf, 1000));
	ASSERT_EQ(10, ringbuffer_read(&self->r, buf, 10));
	/* the reader knows of 1000, and finds its end at 3000 */
	fake_move(self->f, W, variant->start + 3100);
	fake_move(self->f, R, variant->start + 3000);
	EXPECT_EQ(100, peeked(&self->r, 1));
	EXPECT_EQ(100, ringbuffer_read(&self->r, buf, 5000));
	/* the writer knows of space up to SIZE, and finds its end behind that */
	fake_move(self->f, R, variant->start + SIZE);
	fake_move(self->f, W, variant->start + SIZE + 10);
	EXPECT_EQ(0, reserved(&self->w, SIZE - 10));
	EXPECT_EQ(-EAGAIN, reserved(&self->w, SIZE - 9));
	EXPECT_EQ(0, fake_calls(self->f, FERRIO_RB_BLAME));
}

TEST_F(user, wrong_end)
{
	struct ringbuffer o;
	int fd = ringbuffer(self->f->plain, FERRIO_RB_OBSERVE, 0, &o);

	ASSERT_LE(0, fd);
	ASSERT_EQ(100, ringbuffer_write(&self->w, buf, 100));
	EXPECT_EQ(-EBADF, E(ringbuffer_write(&self->r, buf, 1)));
	EXPECT_EQ(-EBADF, reserved(&self->r, 1));
	EXPECT_EQ(-EBADF, E(ringbuffer_read(&self->w, buf, 1)));
	EXPECT_EQ(-EBADF, peeked(&self->w, 1));
	EXPECT_EQ(-EBADF, E(ringbuffer_write(&o, buf, 1)));
	EXPECT_EQ(-EBADF, E(ringbuffer_read(&o, buf, 1)));
	EXPECT_EQ(-EBADF, E(ringbuffer_commit(&o, 1)));
	EXPECT_EQ(-EBADF, E(ringbuffer_consume(&o, 1)));
	EXPECT_EQ(100, ringbuffer_used(&o));
	ringbuffer_unmap(&o);
	EXPECT_EQ(0, ringbuffer_used(&o));
}

/* Observers see two words that move, and nothing impossible. */
TEST_F(user, observed)
{
	struct ringbuffer o;

	ASSERT_LE(0, ringbuffer(self->f->plain, FERRIO_RB_OBSERVE, 0, &o));
	EXPECT_EQ(0, ringbuffer_used(&o));
	fake_move(self->f, W, variant->start + SIZE + 1);
	EXPECT_EQ(SIZE, ringbuffer_used(&o));
	fake_move(self->f, W, variant->start - 1);
	EXPECT_EQ(SIZE, ringbuffer_used(&o));
	EXPECT_EQ(0, fake_calls(self->f, FERRIO_RB_BLAME));
	ringbuffer_unmap(&o);
}

TEST_F(user, unmapped)
{
	ASSERT_EQ(100, ringbuffer_write(&self->w, buf, 100));
	ringbuffer_unmap(&self->r);
	ringbuffer_unmap(&self->w);
	EXPECT_EQ(-EBADF, E(ringbuffer_write(&self->w, buf, 1)));
	EXPECT_EQ(-EBADF, reserved(&self->w, 1));
	EXPECT_EQ(-EBADF, E(ringbuffer_read(&self->r, buf, 1)));
	EXPECT_EQ(-EBADF, peeked(&self->r, 1));
	EXPECT_EQ(-EBADF, E(ringbuffer_commit(&self->w, 1)));
	EXPECT_EQ(-EBADF, E(ringbuffer_consume(&self->r, 1)));
	EXPECT_EQ(-EBADF, E(ringbuffer_commit(&self->w, 0)));
	EXPECT_EQ(0, ringbuffer_used(&self->r));
	ringbuffer_unmap(&self->r);
}

TEST_HARNESS_MAIN
