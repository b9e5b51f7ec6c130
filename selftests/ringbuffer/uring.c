// SPDX-License-Identifier: GPL-2.0
/* io_uring on every end: results, who waits and how it ends; a pipe beside it. */

#include "fix_byte.h"
#include "../uring.h"

/* Tags of requests. */
enum { A = 1, B };

static char in[2 * RB_DEFAULT], out[2 * RB_DEFAULT];

/* A request that is going to wait. */
static void start(struct uring *u, int op, int fd, const void *addr, size_t len,
		  uint64_t tag)
{
	int before = uring_waiting(u);

	uring_add(u, op, fd, addr, len, tag);
	uring_submit(u);
	if (!uring_idle(u) || uring_waiting(u) != before + 1)
		rb_die("request %llu (%d) does not wait",
		       (unsigned long long)tag, op);
}

TEST_F(byte, reads_and_writes)
{
	static const size_t lengths[] = {
		1, RB_PAGE, RB_PAGE + 1, RB_DEFAULT - 1, RB_DEFAULT,
	};
	struct rb *rb = &self->rb;
	struct uring u;

	uring_start(&u, 0);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		size_t n = lengths[i];
		struct iovec from[3] = { { in, 1 }, { in + 1, 0 },
					 { in + 1, n - 1 } };
		struct iovec to[2] = { { out, n / 2 }, { out + n / 2, n } };

		rb_pattern(in, n, n);
		ASSERT_EQ(n, uring_do(&u, IORING_OP_WRITE, rb->w, in, n));
		ASSERT_EQ(n, rb_avail(rb->r));
		ASSERT_EQ(n, uring_do(&u, IORING_OP_READ, rb->r, out, n + 1));
		ASSERT_EQ(-1, rb_mismatch(out, n, n));
		memset(out, 0, n);
		ASSERT_EQ(n, uring_do(&u, IORING_OP_WRITEV, rb->w, from, 3));
		ASSERT_EQ(n, uring_do(&u, IORING_OP_READV, rb->r, to, 2));
		ASSERT_EQ(-1, rb_mismatch(out, n, n));
	}
	EXPECT_EQ(0, uring_do(&u, IORING_OP_READ, rb->r, out, 0));
	EXPECT_EQ(0, uring_do(&u, IORING_OP_WRITE, rb->w, in, 0));
	/* what there is room for; what is there */
	rb_pattern(in, sizeof(in), 0);
	EXPECT_EQ(RB_DEFAULT, uring_do(&u, IORING_OP_WRITE, rb->w, in,
				       sizeof(in)));
	EXPECT_EQ(RB_DEFAULT, uring_do(&u, IORING_OP_READ, rb->r, out,
				       sizeof(out)));
	EXPECT_EQ(-1, rb_mismatch(out, RB_DEFAULT, 0));
	uring_stop(&u);
}

TEST_F(byte, registered_buffers)
{
	struct iovec buffers[2] = { { in, sizeof(in) }, { out, sizeof(out) } };
	struct rb *rb = &self->rb;
	struct uring u;

	uring_start(&u, 0);
	uring_register(&u, IORING_REGISTER_BUFFERS, buffers, 2);
	rb_pattern(in, RB_DEFAULT, 0);
	for (size_t n = 1; n <= RB_DEFAULT; n = 3 * n + 1) {
		uring_add(&u, IORING_OP_WRITE_FIXED, rb->w, in, n, A)->buf_index = 0;
		uring_submit(&u);
		ASSERT_EQ(n, uring_end(&u, A));
		uring_add(&u, IORING_OP_READ_FIXED, rb->r, out + 5, n + 1,
			  B)->buf_index = 1;
		uring_submit(&u);
		ASSERT_EQ(n, uring_end(&u, B));
		ASSERT_EQ(-1, rb_mismatch(out + 5, n, 0));
	}
	/* one that waits */
	uring_add(&u, IORING_OP_READ_FIXED, rb->r, out, 3, A)->buf_index = 1;
	uring_submit(&u);
	EXPECT_TRUE(uring_idle(&u));
	ASSERT_EQ(3, write(rb->w, "abc", 3));
	EXPECT_EQ(3, uring_end(&u, A));
	EXPECT_EQ(0, memcmp(out, "abc", 3));
	/* outside of the buffer */
	uring_add(&u, IORING_OP_READ_FIXED, rb->r, in, 3, B)->buf_index = 1;
	uring_submit(&u);
	EXPECT_EQ(-EFAULT, uring_end(&u, B));
	uring_stop(&u);
}

/* A registered file holds its end, whether it has a descriptor or not. */
TEST_F(byte, registered_files)
{
	struct rb *rb = &self->rb;
	struct uring u;
	int r = rb->r;

	if (variant->kind == RB_PLAIN) {
		/* the file keeps the producer end alone */
		r = rb_mint(rb->r, FERRIO_RB_READ);
		rb_close_r(rb);
		rb->r = -1;
	}
	uring_start(&u, 0);
	uring_register(&u, IORING_REGISTER_FILES, &rb->w, 1);
	close(rb->w);
	rb->w = -1;
	rb_pattern(in, 100, 0);
	uring_add(&u, IORING_OP_WRITE, 0, in, 100, A)->flags = IOSQE_FIXED_FILE;
	uring_submit(&u);
	EXPECT_EQ(100, uring_end(&u, A));
	EXPECT_EQ(100, read(r, out, sizeof(out)));
	start(&u, IORING_OP_READ, r, out, 1, B);
	uring_register(&u, IORING_UNREGISTER_FILES, NULL, 0);
	EXPECT_EQ(0, uring_end(&u, B));
	uring_stop(&u);
	rb->r = r;
}

/* No position: none is -1, others are not looked at. */
TEST_F(byte, offsets)
{
	static const int64_t offsets[] = { -1, 0, 1, RB_PAGE, INT64_MAX / 2, -2 };
	struct rb *rb = &self->rb;
	struct uring u;

	uring_start(&u, 0);
	rb_pattern(in, 10, 3);
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		long want = offsets[i] < -1 ? -EINVAL : 10;

		uring_add(&u, IORING_OP_WRITE, rb->w, in, 10, A)->off = offsets[i];
		uring_submit(&u);
		EXPECT_EQ(want, uring_end(&u, A));
		if (want < 0)
			ASSERT_EQ(10, write(rb->w, in, 10));
		uring_add(&u, IORING_OP_READ, rb->r, out, 20, B)->off = offsets[i];
		uring_submit(&u);
		EXPECT_EQ(want, uring_end(&u, B));
		if (want > 0)
			EXPECT_EQ(-1, rb_mismatch(out, 10, 3));
	}
	uring_stop(&u);
}

/* A read waits for data, a write for space; neither takes a thread. */
TEST_F(byte, waits)
{
	struct rb *rb = &self->rb;
	struct uring u;

	uring_start(&u, 0);
	start(&u, IORING_OP_READ, rb->r, out, 10, A);
	ASSERT_EQ(3, write(rb->w, "abc", 3));
	EXPECT_EQ(3, uring_end(&u, A));
	EXPECT_EQ(0, memcmp(out, "abc", 3));

	rb_fill(rb);
	rb_pattern(in, RB_PAGE, RB_DEFAULT);
	start(&u, IORING_OP_WRITE, rb->w, in, RB_PAGE, A);
	EXPECT_EQ(RB_DEFAULT, rb_avail(rb->r));
	ASSERT_EQ(RB_PAGE, read(rb->r, out, RB_PAGE));
	EXPECT_EQ(RB_PAGE, uring_end(&u, A));
	ASSERT_EQ(RB_DEFAULT, read(rb->r, out, RB_DEFAULT));
	EXPECT_EQ(-1, rb_mismatch(out, RB_DEFAULT, RB_PAGE));
	EXPECT_EQ(0, uring_waiting(&u));
	if (variant->kind != RB_PIPE) {
		EXPECT_EQ(0, rb_fdinfo(rb->r, "rb-consumer-sleeps"));
		EXPECT_EQ(0, rb_fdinfo(rb->r, "rb-producer-sleeps"));
		EXPECT_EQ(0, rb_fdinfo(rb->r, "rb-misuse"));
	}
	uring_stop(&u);
}

/* One wake for each wait, however often it is done. */
TEST_F(byte, a_wake_for_a_wait)
{
	struct rb *rb = &self->rb;
	struct uring u;
	int n = rounds(200, 50);

	uring_start(&u, 0);
	rb_skip(rb, 1);
	for (int i = 0; i < n; i++) {
		start(&u, IORING_OP_READ, rb->r, out, 10, A);
		ASSERT_EQ(1, write(rb->w, "x", 1));
		ASSERT_EQ(1, uring_end(&u, A));
		/* nobody waits */
		ASSERT_EQ(1, write(rb->w, "y", 1));
		ASSERT_EQ(1, uring_do(&u, IORING_OP_READ, rb->r, out, 10));
	}
	if (variant->kind != RB_PIPE) {
		EXPECT_EQ(n, rb_fdinfo(rb->r, "rb-consumer-arms"));
		EXPECT_EQ(n, rb_fdinfo(rb->r, "rb-consumer-wakes"));
		EXPECT_EQ(0, rb_fdinfo(rb->r, "rb-consumer-sleeps"));
	}
	uring_stop(&u);
}

TEST_F(byte, faults)
{
	char *p = mmap(NULL, 2 * RB_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rb *rb = &self->rb;
	struct uring u;

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, mprotect(p + RB_PAGE, RB_PAGE, PROT_NONE));
	uring_start(&u, 0);
	rb_pattern(in, 3 * RB_PAGE, 0);
	ASSERT_EQ(2 * RB_PAGE, write(rb->w, in, 2 * RB_PAGE));
	EXPECT_EQ(-EFAULT, uring_do(&u, IORING_OP_READ, rb->r, p + RB_PAGE, 10));
	EXPECT_EQ(2 * RB_PAGE, rb_avail(rb->r));
	EXPECT_EQ(RB_PAGE, uring_do(&u, IORING_OP_READ, rb->r, p, 2 * RB_PAGE));
	EXPECT_EQ(-1, rb_mismatch(p, RB_PAGE, 0));
	ASSERT_EQ(RB_PAGE, read(rb->r, out, sizeof(out)));
	EXPECT_EQ(-1, rb_mismatch(out, RB_PAGE, RB_PAGE));

	EXPECT_EQ(-EFAULT, uring_do(&u, IORING_OP_WRITE, rb->w, p + RB_PAGE, 1));
	EXPECT_EQ(-EFAULT, uring_do(&u, IORING_OP_WRITE, rb->w, p + RB_PAGE - 1,
				    RB_PAGE));
	EXPECT_EQ(0, rb_avail(rb->r));
	EXPECT_EQ(RB_PAGE, uring_do(&u, IORING_OP_WRITE, rb->w, p, 2 * RB_PAGE));
	EXPECT_EQ(RB_PAGE, rb_avail(rb->r));
	ASSERT_EQ(RB_PAGE, read(rb->r, out, sizeof(out)));

	/* one that has waited */
	start(&u, IORING_OP_READ, rb->r, p + RB_PAGE, 10, A);
	ASSERT_EQ(3, write(rb->w, "abc", 3));
	EXPECT_EQ(-EFAULT, uring_end(&u, A));
	EXPECT_EQ(3, rb_avail(rb->r));
	uring_stop(&u);
}

TEST_F(byte, wrong_direction)
{
	struct rb *rb = &self->rb;
	struct uring u;

	uring_start(&u, 0);
	if (variant->kind == RB_PLAIN) {
		/* what is given up, also by one that waits for it */
		start(&u, IORING_OP_READ, rb->r, out, 1, A);
		rb_close_r(rb);
		EXPECT_EQ(-EBADF, uring_end(&u, A));
		EXPECT_EQ(-EBADF, uring_do(&u, IORING_OP_READ, rb->r, out, 1));
		rb_close_w(rb);
		EXPECT_EQ(-EBADF, uring_do(&u, IORING_OP_WRITE, rb->w, in, 1));
	} else {
		EXPECT_EQ(-EBADF, uring_do(&u, IORING_OP_WRITE, rb->r, in, 1));
		EXPECT_EQ(-EBADF, uring_do(&u, IORING_OP_READ, rb->w, out, 1));
	}
	EXPECT_EQ(0, rb_caught(SIGPIPE));
	uring_stop(&u);
}

TEST_F(byte, end_of_stream)
{
	struct rb *rb = &self->rb;
	struct uring u;

	uring_start(&u, 0);
	start(&u, IORING_OP_READ, rb->r, out, 10, A);
	rb_close_w(rb);
	EXPECT_EQ(0, uring_end(&u, A));
	EXPECT_EQ(0, uring_do(&u, IORING_OP_READ, rb->r, out, 10));
	uring_stop(&u);
}

/* EPIPE, and the signal is as for write(2): one each, none if it is not wanted. */
TEST_F(byte, no_reader)
{
	struct rb *rb = &self->rb;
	struct uring u;

	uring_start(&u, 0);
	rb_fill(rb);
	start(&u, IORING_OP_WRITE, rb->w, in, 10, A);
	rb_close_r(rb);
	EXPECT_EQ(-EPIPE, uring_end(&u, A));
	EXPECT_EQ(1, rb_caught(SIGPIPE));
	EXPECT_EQ(-EPIPE, uring_do(&u, IORING_OP_WRITE, rb->w, in, 10));
	EXPECT_EQ(2, rb_caught(SIGPIPE));
	uring_add(&u, IORING_OP_WRITE, rb->w, in, 10, A)->rw_flags = RWF_NOSIGNAL;
	uring_submit(&u);
	EXPECT_EQ(-EPIPE, uring_end(&u, A));
	EXPECT_EQ(2, rb_caught(SIGPIPE));
	uring_stop(&u);
}

/* A write by a kernel thread kills nobody: the signal is the thread's. */
TEST_F(byte, no_reader_of_a_thread)
{
	struct rb *rb = &self->rb;
	struct uring u, sq;

	uring_start(&u, 0);
	uring_start(&sq, IORING_SETUP_SQPOLL);
	rb_close_r(rb);
	signal(SIGPIPE, SIG_DFL);
	uring_add(&u, IORING_OP_WRITE, rb->w, in, 10, A)->flags = IOSQE_ASYNC;
	uring_submit(&u);
	EXPECT_EQ(-EPIPE, uring_end(&u, A));
	EXPECT_EQ(-EPIPE, uring_do(&sq, IORING_OP_WRITE, rb->w, in, 10));
	uring_stop(&u);
	uring_stop(&sq);
}

TEST_HARNESS_MAIN
