// SPDX-License-Identifier: GPL-2.0
/* io_uring: each way to read and write, from plain and registered buffers. */

#include "ic.h"
#include "../uring.h"

FIXTURE(uring) {
	int fd;
	long live;
	struct uring u;
	char *buf;	/* registered as buffer 0, of BUF bytes */
};

#define BUF	(4 * RB_PAGE)

/* Newer than the headers of Debian 13. */
#define OP_READV_FIXED	60
#define OP_WRITEV_FIXED	61

FIXTURE_SETUP(uring)
{
	struct iovec v;

	self->live = rb_live_pages();
	self->fd = ic_open(O_RDWR);
	uring_start(&self->u, 0);
	self->buf = ic_memory(BUF, PROT_READ | PROT_WRITE);
	v = (struct iovec){ self->buf, BUF };
	uring_register(&self->u, IORING_REGISTER_BUFFERS, &v, 1);
}

FIXTURE_TEARDOWN(uring)
{
	uring_stop(&self->u);
	munmap(self->buf, BUF);
	close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* One request at @at, with @flags of preadv2; its result. */
static long one(struct uring *u, int op, int fd, const void *addr, size_t len,
		long at, int flags)
{
	struct io_uring_sqe *sqe = uring_add(u, op, fd, addr, len, 1);

	sqe->off = at;
	sqe->rw_flags = flags;
	uring_submit(u);
	return uring_end(u, 1);
}

/* What is written by one way is read by each; into holes, and over pages. */
TEST_F(uring, every_way)
{
	static const struct { int w, r; bool vector; } ways[] = {
		{ IORING_OP_WRITE, IORING_OP_READ, false },
		{ IORING_OP_WRITEV, IORING_OP_READV, true },
		{ IORING_OP_WRITE_FIXED, IORING_OP_READ_FIXED, false },
		{ OP_WRITEV_FIXED, OP_READV_FIXED, true },
	};
	char *b = self->buf;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		/* at an odd place of the buffer, as a registered one can be used */
		struct iovec v[3] = { { b + 5, 7 }, { b + 12, RB_PAGE }, { b + 12 + RB_PAGE, 100 } };
		const size_t n = 107 + RB_PAGE, at = i * IC_MIB + RB_PAGE - 3;
		const void *addr = ways[i].vector ? (void *)v : b + 5;
		const size_t len = ways[i].vector ? 3 : n;

		for (int round = 0; round < 2; round++) {
			memset(b, 0x55, BUF);
			rb_pattern(b + 5, n, round);
			ASSERT_EQ(n, one(&self->u, ways[i].w, self->fd, addr, len, at, 0));
			ASSERT_EQ(3 * (i + 1), ic_pages(self->fd));
			memset(b, 0x55, BUF);
			ASSERT_EQ(n, one(&self->u, ways[i].r, self->fd, addr, len, at, 0));
			EXPECT_EQ(-1, rb_mismatch(b + 5, n, round));
			EXPECT_TRUE(ic_all(b, 5, 0x55));
			EXPECT_TRUE(ic_all(b + 5 + n, BUF - 5 - n, 0x55));
			/* and by the plain call */
			ASSERT_EQ(n, E(pread(self->fd, b, n, at)));
			EXPECT_EQ(-1, rb_mismatch(b, n, round));
		}
		EXPECT_EQ(0, E(lseek(self->fd, 0, SEEK_CUR)));
	}
}

TEST_F(uring, position)
{
	rb_pattern(self->buf, BUF, 0);
	EXPECT_EQ(100, one(&self->u, IORING_OP_WRITE, self->fd, self->buf, 100, -1, 0));
	EXPECT_EQ(50, one(&self->u, IORING_OP_WRITE_FIXED, self->fd, self->buf + 100, 50, -1, 0));
	EXPECT_EQ(150, E(lseek(self->fd, 0, SEEK_CUR)));
	ASSERT_EQ(10, E(lseek(self->fd, 10, SEEK_SET)));
	EXPECT_EQ(140, one(&self->u, IORING_OP_READ, self->fd, self->buf, 140, -1, 0));
	EXPECT_EQ(150, E(lseek(self->fd, 0, SEEK_CUR)));
	EXPECT_EQ(-1, rb_mismatch(self->buf, 140, 10));
}

TEST_F(uring, ends_and_faults)
{
	char *cliff = ic_cliff(2);

	rb_pattern(self->buf, BUF, 0);
	EXPECT_EQ(10, one(&self->u, IORING_OP_WRITE, self->fd, self->buf, 100,
			  IC_DEFAULT - 10, 0));
	EXPECT_EQ(-ENOSPC, one(&self->u, IORING_OP_WRITE, self->fd, self->buf, 1, IC_DEFAULT, 0));
	EXPECT_EQ(10, one(&self->u, IORING_OP_READ, self->fd, self->buf, 100, IC_DEFAULT - 10, 0));
	EXPECT_EQ(0, one(&self->u, IORING_OP_READ, self->fd, self->buf, 1, IC_DEFAULT, 0));
	EXPECT_EQ(0, one(&self->u, IORING_OP_READ, self->fd, self->buf, 0, 0, 0));
	EXPECT_EQ(0, one(&self->u, IORING_OP_READ_FIXED, self->fd, self->buf, 0, 0, 0));
	EXPECT_EQ(RB_PAGE, one(&self->u, IORING_OP_READ, self->fd, cliff, 2 * RB_PAGE, 0, 0));
	EXPECT_EQ(-EFAULT, one(&self->u, IORING_OP_READ, self->fd, cliff + RB_PAGE, 1, 0, 0));
	EXPECT_EQ(-EFAULT, one(&self->u, IORING_OP_WRITE, self->fd, cliff + RB_PAGE, 1, 0, 0));
	EXPECT_EQ(-EFAULT, one(&self->u, IORING_OP_READ_FIXED, self->fd, self->buf + BUF, 1, 0, 0));
	EXPECT_EQ(-EINVAL, one(&self->u, IORING_OP_READ, self->fd, self->buf, 1, -2, 0));
	munmap(cliff, 2 * RB_PAGE);
}

/* A hole is EAGAIN for who asks not to wait; for others a worker makes the page. */
TEST_F(uring, flags)
{
	char *b = self->buf;

	EXPECT_EQ(-EAGAIN, one(&self->u, IORING_OP_WRITE, self->fd, b, 1, 0, RWF_NOWAIT));
	EXPECT_EQ(-EAGAIN, one(&self->u, IORING_OP_WRITE_FIXED, self->fd, b, 1, 0, RWF_NOWAIT));
	EXPECT_EQ(0, ic_pages(self->fd));
	EXPECT_EQ(1, one(&self->u, IORING_OP_WRITE, self->fd, b, 1, 0, 0));
	EXPECT_EQ(1, ic_pages(self->fd));
	EXPECT_EQ(1, one(&self->u, IORING_OP_WRITE, self->fd, b, 1, 0, RWF_NOWAIT));
	EXPECT_EQ(1, one(&self->u, IORING_OP_READ, self->fd, b, 1, IC_MIB, RWF_NOWAIT));
	EXPECT_EQ(-ENOSPC, one(&self->u, IORING_OP_WRITE, self->fd, b, 1, 0, RWF_APPEND));
	EXPECT_EQ(-EINVAL, one(&self->u, IORING_OP_READ, self->fd, b, 1, 0, RWF_HIPRI));
	EXPECT_EQ(-EOPNOTSUPP, one(&self->u, IORING_OP_WRITE, self->fd, b, 1, 0, RWF_ATOMIC));
	EXPECT_EQ(-EOPNOTSUPP, one(&self->u, IORING_OP_READ, self->fd, b, 1, 0, RWF_DONTCACHE));
	EXPECT_EQ(1, one(&self->u, IORING_OP_WRITE, self->fd, b, 1, 0, RWF_DSYNC));
}

/* Half over pages, half over holes: the worker does the rest, and the count is whole. */
TEST_F(uring, half_a_hole)
{
	ASSERT_EQ(2 * RB_PAGE, E(pwrite(self->fd, self->buf, 2 * RB_PAGE, 0)));
	rb_pattern(self->buf, BUF, 8);
	ASSERT_EQ(BUF, one(&self->u, IORING_OP_WRITE, self->fd, self->buf, BUF, 0, 0));
	memset(self->buf, 0, BUF);
	ASSERT_EQ(BUF, E(pread(self->fd, self->buf, BUF, 0)));
	EXPECT_EQ(-1, rb_mismatch(self->buf, BUF, 8));
}

/* On an O_NONBLOCK file a write makes its pages, as there is no worker then. */
TEST_F(uring, nonblock)
{
	int fd = ic_open(O_RDWR | O_NONBLOCK);

	EXPECT_EQ(2 * RB_PAGE, one(&self->u, IORING_OP_WRITE, fd, self->buf, 2 * RB_PAGE, 0, 0));
	EXPECT_EQ(2, ic_pages(fd));
	close(fd);
}

TEST_F(uring, multishot_needs_poll)
{
	struct uring_pool pool;
	struct io_uring_cqe cqe;

	uring_pool_start(&self->u, &pool, 8, 64);
	uring_multishot(&self->u, self->fd, 9);
	uring_submit(&self->u);
	uring_next(&self->u, &cqe);
	EXPECT_EQ(9, cqe.user_data);
	EXPECT_EQ(-EBADFD, cqe.res);
	EXPECT_EQ(0, cqe.flags);
}

/* Many at once, each at its own place. */
TEST_F(uring, many_at_once)
{
	const int n = URING_ENTRIES;
	long done = 0;

	rb_pattern(self->buf, BUF, 0);
	for (int i = 0; i < n; i++)
		uring_add(&self->u, IORING_OP_WRITE_FIXED, self->fd, self->buf + i * 256, 256,
			  i)->off = (n - i) * 3 * RB_PAGE;
	uring_submit(&self->u);
	for (int i = 0; i < n; i++) {
		struct io_uring_cqe cqe;

		uring_next(&self->u, &cqe);
		EXPECT_EQ(256, cqe.res);
		done += cqe.user_data;
	}
	EXPECT_EQ(n * (n - 1) / 2, done);
	EXPECT_EQ(n, ic_pages(self->fd));
	memset(self->buf, 0, BUF);
	for (int i = 0; i < n; i++)
		ASSERT_EQ(256, E(pread(self->fd, self->buf + i * 256, 256, (n - i) * 3 * RB_PAGE)));
	EXPECT_EQ(-1, rb_mismatch(self->buf, BUF, 0));
}

TEST_HARNESS_MAIN
