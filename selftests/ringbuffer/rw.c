// SPDX-License-Identifier: GPL-2.0
/* read(2), write(2) and their vectored forms: counts, contents, errno. */

#include <sys/uio.h>

#include "fix_byte.h"

static const size_t lengths[] = {
	1, RB_PAGE - 1, RB_PAGE, RB_PAGE + 1, RB_DEFAULT - 1, RB_DEFAULT,
};

/* Each length goes in and comes out whole; the same once more is EAGAIN. */
TEST_F(byte, lengths)
{
	static char in[RB_DEFAULT + 1], out[RB_DEFAULT + 1];

	rb_nonblock(&self->rb, true);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		size_t n = lengths[i];

		rb_pattern(in, n, n);
		ASSERT_EQ(n, E(write(self->rb.w, in, n)));
		ASSERT_EQ(n, rb_avail(self->rb.r));
		ASSERT_EQ(n, E(read(self->rb.r, out, sizeof(out))));
		ASSERT_EQ(-1, rb_mismatch(out, n, n));
		ASSERT_EQ(0, rb_avail(self->rb.r));
		ASSERT_EQ(-EAGAIN, E(read(self->rb.r, out, 1)));
	}
	/* One byte more than there is room for: the room is used. */
	rb_pattern(in, sizeof(in), 7);
	ASSERT_EQ(RB_DEFAULT, E(write(self->rb.w, in, sizeof(in))));
	ASSERT_EQ(-EAGAIN, E(write(self->rb.w, in, 1)));
	ASSERT_EQ(-EAGAIN, E(write(self->rb.w, in, sizeof(in))));
	ASSERT_EQ(RB_DEFAULT, E(read(self->rb.r, out, sizeof(out))));
	ASSERT_EQ(-1, rb_mismatch(out, RB_DEFAULT, 7));
}

/* Reads in pieces of each length give the stream in order. */
TEST_F(byte, pieces)
{
	static char out[RB_DEFAULT];

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		size_t n = lengths[i], pos = 0;

		if (n == 1)
			n = 37;
		rb_fill(&self->rb);
		while (pos < RB_DEFAULT) {
			size_t left = RB_DEFAULT - pos;
			size_t want = n < left ? n : left;

			ASSERT_EQ(want, E(read(self->rb.r, out, n)));
			ASSERT_EQ(-1, rb_mismatch(out, want, pos));
			pos += want;
		}
		ASSERT_EQ(0, rb_avail(self->rb.r));
	}
}

/* The data goes over the edge of the memory at every class of offset. */
TEST_F(byte, wrap)
{
	static const size_t small = 4 * RB_PAGE;
	static const size_t offsets[] = {
		0, 1, RB_PAGE - 1, RB_PAGE, RB_PAGE + 1, 4 * RB_PAGE - 1,
	};
	static char in[4 * RB_PAGE], out[4 * RB_PAGE];
	struct rb rb;

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		rb_start(&rb, variant->kind, small);
		rb_skip(&rb, offsets[i]);
		for (uint64_t round = 0; round < 3; round++) {
			rb_pattern(in, small, round * small);
			ASSERT_EQ(small, E(write(rb.w, in, small)));
			ASSERT_EQ(small, rb_avail(rb.r));
			ASSERT_EQ(small, E(read(rb.r, out, small)));
			ASSERT_EQ(-1, rb_mismatch(out, small, round * small));
			rb_skip(&rb, 1);
		}
		rb_stop(&rb);
	}
}

TEST_F(byte, zero_length)
{
	struct iovec none = { .iov_base = NULL, .iov_len = 0 };
	char c;

	/* Blocking descriptors, empty and full: neither call waits. */
	EXPECT_EQ(0, E(read(self->rb.r, &c, 0)));
	EXPECT_EQ(0, E(write(self->rb.w, &c, 0)));
	EXPECT_EQ(0, E(readv(self->rb.r, &none, 1)));
	EXPECT_EQ(0, E(writev(self->rb.w, &none, 1)));
	EXPECT_EQ(0, E(syscall(SYS_readv, self->rb.r, NULL, 0)));
	EXPECT_EQ(0, rb_avail(self->rb.r));
	rb_fill(&self->rb);
	EXPECT_EQ(0, E(read(self->rb.r, &c, 0)));
	EXPECT_EQ(0, E(write(self->rb.w, &c, 0)));
	EXPECT_EQ(RB_DEFAULT, rb_avail(self->rb.r));
}

TEST_F(byte, vectors)
{
	char in[3000], a[10], b[1500], c[4000];
	struct iovec wv[4] = {
		{ in, 1 }, { in + 1, 0 }, { in + 1, 1999 }, { in + 2000, 1000 },
	};
	struct iovec rv[3] = {
		{ a, sizeof(a) }, { b, sizeof(b) }, { c, sizeof(c) },
	};

	rb_pattern(in, sizeof(in), 0);
	ASSERT_EQ(3000, E(writev(self->rb.w, wv, 4)));
	ASSERT_EQ(3000, E(readv(self->rb.r, rv, 3)));
	EXPECT_EQ(-1, rb_mismatch(a, 10, 0));
	EXPECT_EQ(-1, rb_mismatch(b, 1500, 10));
	EXPECT_EQ(-1, rb_mismatch(c, 1490, 1510));
	EXPECT_EQ(-EINVAL, E(syscall(SYS_writev, self->rb.w, wv, -1)));
	EXPECT_EQ(-EINVAL, E(syscall(SYS_readv, self->rb.r, rv, 1025)));

	/* offset -1 is "the current position", the only one there is */
	ASSERT_EQ(3000, E(pwritev2(self->rb.w, wv, 4, -1, 0)));
	ASSERT_EQ(3000, E(preadv2(self->rb.r, rv, 3, -1, 0)));
	EXPECT_EQ(-1, rb_mismatch(c, 1490, 1510));
}

TEST_F(byte, short_read)
{
	char out[1000];

	rb_pattern(out, 100, 5);
	ASSERT_EQ(100, E(write(self->rb.w, out, 100)));
	ASSERT_EQ(100, E(read(self->rb.r, out, sizeof(out))));
	EXPECT_EQ(-1, rb_mismatch(out, 100, 5));
}

/* Leaves 4095 bytes of room, for the tests of PIPE_BUF. */
static void leave_4095(struct rb *rb)
{
	static char in[RB_DEFAULT];

	rb_pattern(in, RB_DEFAULT - RB_PAGE, 0);
	if (write(rb->w, in, RB_DEFAULT - RB_PAGE) != RB_DEFAULT - RB_PAGE)
		rb_die("filling fifteen pages failed");
	rb_pattern(in, 1, RB_DEFAULT - RB_PAGE);
	if (write(rb->w, in, 1) != 1)
		rb_die("writing one byte failed");
}

/* PIPE_BUF: whole or not at all; beyond it the room is used. */
TEST_F(byte, atomic_nonblock)
{
	static char in[2 * RB_PAGE], out[RB_DEFAULT];

	rb_nonblock(&self->rb, true);
	leave_4095(&self->rb);
	rb_pattern(in, 4095, RB_DEFAULT - 4095);
	EXPECT_EQ(-EAGAIN, E(write(self->rb.w, in, 4096)));
	EXPECT_EQ(RB_DEFAULT - 4095, rb_avail(self->rb.r));
	EXPECT_EQ(4095, E(write(self->rb.w, in, 4095)));
	EXPECT_EQ(-EAGAIN, E(write(self->rb.w, in, 1)));
	ASSERT_EQ(RB_DEFAULT, E(read(self->rb.r, out, RB_DEFAULT)));
	EXPECT_EQ(-1, rb_mismatch(out, RB_DEFAULT, 0));

	/* One page of room: two pages are written by half. */
	rb_fill(&self->rb);
	ASSERT_EQ(RB_PAGE, E(read(self->rb.r, out, RB_PAGE)));
	rb_pattern(in, sizeof(in), RB_DEFAULT);
	EXPECT_EQ(RB_PAGE, E(write(self->rb.w, in, sizeof(in))));
	ASSERT_EQ(RB_DEFAULT, E(read(self->rb.r, out, RB_DEFAULT)));
	EXPECT_EQ(-1, rb_mismatch(out, RB_DEFAULT, RB_PAGE));

	if (variant->kind == RB_PIPE)
		return;
	/* A ring has no slots: a longer write takes the last byte. */
	leave_4095(&self->rb);
	EXPECT_EQ(4095, E(write(self->rb.w, in, 4097)));
	EXPECT_EQ(RB_DEFAULT, rb_avail(self->rb.r));
}

/* A blocking write of PIPE_BUF bytes waits for all of its room. */
TEST_F(byte, atomic_block)
{
	static char in[RB_PAGE], out[RB_DEFAULT];
	struct rb_call c;

	leave_4095(&self->rb);
	rb_pattern(in, sizeof(in), RB_DEFAULT - 4095);
	rb_call_write(&c, self->rb.w, in, sizeof(in));
	rb_call_asleep(&c);
	EXPECT_EQ(RB_DEFAULT - 4095, rb_avail(self->rb.r));
	ASSERT_EQ(RB_PAGE, E(read(self->rb.r, out, RB_PAGE)));
	EXPECT_EQ(RB_PAGE, rb_call_end(&c));
	ASSERT_EQ(RB_DEFAULT - 4095, E(read(self->rb.r, out, RB_DEFAULT)));
	EXPECT_EQ(-1, rb_mismatch(out, RB_DEFAULT - 4095, RB_PAGE));
}

/* A long write waits again and again until all is written. */
TEST_F(byte, long_block)
{
	static char in[3 * RB_DEFAULT + 5], out[RB_DEFAULT];
	size_t pos = 0;
	struct rb_call c;

	rb_pattern(in, sizeof(in), 0);
	rb_call_write(&c, self->rb.w, in, sizeof(in));
	while (pos < sizeof(in)) {
		long n = E(read(self->rb.r, out, 5000));

		ASSERT_GT(n, 0);
		ASSERT_LE(n, 5000);
		ASSERT_EQ(-1, rb_mismatch(out, n, pos));
		pos += n;
	}
	EXPECT_EQ(sizeof(in), rb_call_end(&c));
	EXPECT_EQ(sizeof(in), pos);
	EXPECT_EQ(0, rb_avail(self->rb.r));
}

/* An empty ring lets a reader sleep until a byte comes. */
TEST_F(byte, read_sleeps)
{
	char out[10];
	struct rb_call c;

	rb_call_read(&c, self->rb.r, out, sizeof(out));
	rb_call_asleep(&c);
	ASSERT_EQ(3, E(write(self->rb.w, "abc", 3)));
	EXPECT_EQ(3, rb_call_end(&c));
	EXPECT_EQ(0, memcmp(out, "abc", 3));
}

/* Three pages, the last of them not accessible. */
static char *two_pages(void)
{
	char *p = mmap(NULL, 3 * RB_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + 2 * RB_PAGE, RB_PAGE, PROT_NONE))
		rb_die("mmap: %s", strerror(errno));
	return p;
}

/* A read that faults gives what came before, and loses nothing. */
TEST_F(byte, read_fault)
{
	static char in[3 * RB_PAGE];
	char *p = two_pages();

	rb_pattern(in, sizeof(in), 0);
	ASSERT_EQ(sizeof(in), E(write(self->rb.w, in, sizeof(in))));
	EXPECT_EQ(-EFAULT, E(read(self->rb.r, p + 2 * RB_PAGE, 100)));
	EXPECT_EQ(-EFAULT, E(syscall(SYS_read, self->rb.r, NULL, 9)));
	EXPECT_EQ(sizeof(in), rb_avail(self->rb.r));
	EXPECT_EQ(RB_PAGE, E(read(self->rb.r, p + RB_PAGE, 2 * RB_PAGE)));
	EXPECT_EQ(-1, rb_mismatch(p + RB_PAGE, RB_PAGE, 0));
	EXPECT_EQ(2 * RB_PAGE, rb_avail(self->rb.r));
	if (variant->kind != RB_PIPE) {
		/* A ring is exact to the byte, and next to the edge too. */
		EXPECT_EQ(10, E(read(self->rb.r, p + 2 * RB_PAGE - 10, 50)));
		EXPECT_EQ(-1, rb_mismatch(p + 2 * RB_PAGE - 10, 10, RB_PAGE));
		EXPECT_EQ(RB_PAGE + 10, E(read(self->rb.r, p + RB_PAGE - 10,
					       2 * RB_PAGE)));
		EXPECT_EQ(-1, rb_mismatch(p + RB_PAGE - 10, RB_PAGE + 10,
					  RB_PAGE + 10));
		EXPECT_EQ(RB_PAGE - 20, rb_avail(self->rb.r));
		EXPECT_EQ(RB_PAGE - 20, E(read(self->rb.r, p, RB_PAGE)));
		EXPECT_EQ(-1, rb_mismatch(p, RB_PAGE - 20, 2 * RB_PAGE + 20));
	}
}

/* A write of PIPE_BUF faults whole, a longer one after what it wrote. */
TEST_F(byte, write_fault)
{
	static char out[RB_DEFAULT];
	char *p = two_pages();

	rb_pattern(p, 2 * RB_PAGE, 0);
	EXPECT_EQ(-EFAULT, E(write(self->rb.w, p + 2 * RB_PAGE, 1)));
	EXPECT_EQ(-EFAULT, E(write(self->rb.w, p + 2 * RB_PAGE, RB_DEFAULT)));
	EXPECT_EQ(-EFAULT, E(write(self->rb.w, p + 2 * RB_PAGE - 1, 2)));
	EXPECT_EQ(-EFAULT, E(write(self->rb.w, p + RB_PAGE + 1, RB_PAGE)));
	EXPECT_EQ(0, rb_avail(self->rb.r));
	EXPECT_EQ(2 * RB_PAGE, E(write(self->rb.w, p, 3 * RB_PAGE)));
	EXPECT_EQ(2 * RB_PAGE, rb_avail(self->rb.r));
	ASSERT_EQ(2 * RB_PAGE, E(read(self->rb.r, out, sizeof(out))));
	EXPECT_EQ(-1, rb_mismatch(out, 2 * RB_PAGE, 0));
	if (variant->kind != RB_PIPE) {
		/* exact to the byte, over the edge of the memory too */
		rb_skip(&self->rb, RB_DEFAULT - 3 * RB_PAGE);
		EXPECT_EQ(RB_PAGE + 50, E(write(self->rb.w, p + RB_PAGE - 50,
						2 * RB_PAGE)));
		ASSERT_EQ(RB_PAGE + 50, E(read(self->rb.r, out, sizeof(out))));
		EXPECT_EQ(-1, rb_mismatch(out, RB_PAGE + 50, RB_PAGE - 50));
	}
	/* The writer after a fault works. */
	EXPECT_EQ(5, E(write(self->rb.w, p, 5)));
	EXPECT_EQ(5, E(read(self->rb.r, out, 10)));
}

TEST_F(byte, no_position)
{
	char c = 0;
	struct iovec v = { .iov_base = &c, .iov_len = 1 };

	ASSERT_EQ(1, E(write(self->rb.w, &c, 1)));
	EXPECT_EQ(-ESPIPE, E(pread(self->rb.r, &c, 1, 0)));
	EXPECT_EQ(-ESPIPE, E(pwrite(self->rb.w, &c, 1, 0)));
	EXPECT_EQ(-ESPIPE, E(preadv2(self->rb.r, &v, 1, 0, 0)));
	EXPECT_EQ(-ESPIPE, E(pwritev2(self->rb.w, &v, 1, 4096, 0)));
	EXPECT_EQ(-ESPIPE, E(lseek(self->rb.r, 0, SEEK_SET)));
	EXPECT_EQ(-ESPIPE, E(lseek(self->rb.w, 0, SEEK_CUR)));
	EXPECT_EQ(-ESPIPE, E(lseek(self->rb.r, 0, SEEK_END)));
	EXPECT_EQ(1, rb_avail(self->rb.r));
}

/* The wrong direction is EBADF; on a plain descriptor, what was given up. */
TEST_F(byte, wrong_direction)
{
	char c = 'x';
	struct iovec v = { .iov_base = &c, .iov_len = 1 };

	ASSERT_EQ(1, E(write(self->rb.w, &c, 1)));
	if (variant->kind == RB_PLAIN) {
		rb_close_w(&self->rb);
		EXPECT_EQ(-EBADF, E(write(self->rb.w, &c, 1)));
		EXPECT_EQ(-EBADF, E(writev(self->rb.w, &v, 1)));
		EXPECT_EQ(1, E(read(self->rb.r, &c, 1)));
		EXPECT_EQ(0, E(read(self->rb.r, &c, 1)));
		rb_close_r(&self->rb);
		EXPECT_EQ(-EBADF, E(read(self->rb.r, &c, 1)));
		EXPECT_EQ(-EBADF, E(readv(self->rb.r, &v, 1)));
		EXPECT_EQ(0, rb_caught(SIGPIPE));
		return;
	}
	EXPECT_EQ(-EBADF, E(write(self->rb.r, &c, 1)));
	EXPECT_EQ(-EBADF, E(writev(self->rb.r, &v, 1)));
	EXPECT_EQ(-EBADF, E(read(self->rb.w, &c, 1)));
	EXPECT_EQ(-EBADF, E(readv(self->rb.w, &v, 1)));
	EXPECT_EQ(1, E(read(self->rb.r, &c, 1)));
	EXPECT_EQ('x', c);
}

TEST_F(byte, nowait)
{
	char buf[16];
	struct iovec v = { .iov_base = buf, .iov_len = sizeof(buf) };

	/* The descriptors block; this one call does not. */
	EXPECT_EQ(-EAGAIN, E(preadv2(self->rb.r, &v, 1, -1, RWF_NOWAIT)));
	rb_pattern(buf, sizeof(buf), 0);
	EXPECT_EQ(16, E(pwritev2(self->rb.w, &v, 1, -1, RWF_NOWAIT)));
	memset(buf, 0, sizeof(buf));
	EXPECT_EQ(16, E(preadv2(self->rb.r, &v, 1, -1, RWF_NOWAIT)));
	EXPECT_EQ(-1, rb_mismatch(buf, 16, 0));
	rb_fill(&self->rb);
	EXPECT_EQ(-EAGAIN, E(pwritev2(self->rb.w, &v, 1, -1, RWF_NOWAIT)));
	EXPECT_EQ(RB_DEFAULT, rb_avail(self->rb.r));
}

TEST_F(byte, no_signal)
{
	char c = 0;
	struct iovec v = { .iov_base = &c, .iov_len = 1 };

	rb_close_r(&self->rb);
	EXPECT_EQ(-EPIPE, E(pwritev2(self->rb.w, &v, 1, -1, RWF_NOSIGNAL)));
	EXPECT_EQ(0, rb_caught(SIGPIPE));
	EXPECT_EQ(-EPIPE, E(pwritev2(self->rb.w, &v, 1, -1, 0)));
	EXPECT_EQ(1, rb_caught(SIGPIPE));
}

TEST_F(byte, unknown_flags)
{
	char c = 0;
	struct iovec v = { .iov_base = &c, .iov_len = 1 };

	for (int bit = 16; bit < 31; bit++) {
		EXPECT_EQ(-EOPNOTSUPP,
			  E(pwritev2(self->rb.w, &v, 1, -1, 1 << bit)));
		EXPECT_EQ(-EOPNOTSUPP,
			  E(preadv2(self->rb.r, &v, 1, -1, 1 << bit)));
	}
	EXPECT_EQ(0, rb_avail(self->rb.r));
}

/* O_NONBLOCK goes on and off by fcntl(2) while the ring is in use. */
TEST_F(byte, nonblock_by_fcntl)
{
	struct rb_call c;
	char buf[4];

	rb_nonblock(&self->rb, true);
	EXPECT_EQ(-EAGAIN, E(read(self->rb.r, buf, 4)));
	rb_nonblock(&self->rb, false);
	rb_call_read(&c, self->rb.r, buf, 4);
	rb_call_asleep(&c);
	EXPECT_EQ(4, E(write(self->rb.w, "wake", 4)));
	EXPECT_EQ(4, rb_call_end(&c));
	rb_fill(&self->rb);
	rb_nonblock(&self->rb, true);
	EXPECT_EQ(-EAGAIN, E(write(self->rb.w, buf, 4)));
}

TEST_HARNESS_MAIN
