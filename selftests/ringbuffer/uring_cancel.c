// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring requests that wait and do not get what they wait for: cancelled, in a
 * chain that breaks, out of time, in a kernel thread, left behind by a process
 * that is gone.  A pipe beside it.
 */

#include <sys/wait.h>

#include "fix_byte.h"
#include "../uring.h"

/* Tags of requests. */
enum { A = 1, B, C, D, STOP };

static char in[RB_DEFAULT], out[RB_DEFAULT];

/* Submits what is queued, of which @n requests are going to wait. */
static void submit_waiting(struct uring *u, int n)
{
	uring_submit(u);
	uring_until_waiting(u, n);
	if (!uring_idle(u))
		rb_die("a request that should wait has completed");
}

/* Whether the ring is as if nobody had ever waited. */
static bool carries_on(struct rb *rb)
{
	rb_pattern(in, 3000, 77);
	return rb_avail(rb->r) == 0 && write(rb->w, in, 3000) == 3000 &&
	       read(rb->r, out, sizeof(out)) == 3000 &&
	       rb_mismatch(out, 3000, 77) == -1;
}

TEST_F(byte, cancel_read)
{
	struct rb *rb = &self->rb;
	struct uring u;

	uring_start(&u, 0);
	uring_add(&u, IORING_OP_READ, rb->r, out, 10, A);
	uring_add(&u, IORING_OP_READ, rb->r, out, 10, B);
	submit_waiting(&u, 2);
	uring_cancel(&u, A, STOP);
	uring_submit(&u);
	EXPECT_EQ(0, uring_end(&u, STOP));
	EXPECT_EQ(-ECANCELED, uring_end(&u, A));
	uring_cancel(&u, A, STOP);
	uring_submit(&u);
	EXPECT_EQ(-ENOENT, uring_end(&u, STOP));
	/* the other one gets the bytes */
	ASSERT_EQ(3, write(rb->w, "abc", 3));
	EXPECT_EQ(3, uring_end(&u, B));
	EXPECT_EQ(0, memcmp(out, "abc", 3));
	EXPECT_TRUE(carries_on(rb));
	uring_stop(&u);
}

TEST_F(byte, cancel_write)
{
	struct rb *rb = &self->rb;
	struct uring u;

	uring_start(&u, 0);
	rb_fill(rb);
	uring_add(&u, IORING_OP_WRITE, rb->w, in, 10, A);
	submit_waiting(&u, 1);
	uring_cancel(&u, A, STOP);
	uring_submit(&u);
	EXPECT_EQ(0, uring_end(&u, STOP));
	EXPECT_EQ(-ECANCELED, uring_end(&u, A));
	/* nothing of it has gone in */
	EXPECT_EQ(RB_DEFAULT, rb_avail(rb->r));
	ASSERT_EQ(RB_DEFAULT, read(rb->r, out, RB_DEFAULT));
	EXPECT_EQ(-1, rb_mismatch(out, RB_DEFAULT, 0));
	EXPECT_TRUE(carries_on(rb));
	uring_stop(&u);
}

TEST_F(byte, cancel_polls)
{
	struct rb *rb = &self->rb;
	struct uring_pool pool;
	struct uring u;

	uring_start(&u, 0);
	uring_pool_start(&u, &pool, 2, 100);
	rb_fill(rb);
	uring_poll(&u, rb->w, POLLOUT, false, A);
	uring_poll(&u, rb->w, POLLOUT, true, B);
	submit_waiting(&u, 2);
	for (int tag = A; tag <= B; tag++) {
		uring_cancel(&u, tag, STOP);
		uring_submit(&u);
		EXPECT_EQ(0, uring_end(&u, STOP));
		EXPECT_EQ(-ECANCELED, uring_end(&u, tag));
	}
	ASSERT_EQ(RB_DEFAULT, read(rb->r, out, RB_DEFAULT));
	uring_multishot(&u, rb->r, C);
	submit_waiting(&u, 1);
	uring_cancel(&u, C, STOP);
	uring_submit(&u);
	EXPECT_EQ(0, uring_end(&u, STOP));
	EXPECT_EQ(-ECANCELED, uring_end(&u, C));
	EXPECT_TRUE(carries_on(rb));
	uring_stop(&u);
}

/* All requests of one descriptor. */
TEST_F(byte, cancel_all)
{
	struct rb *rb = &self->rb;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe cqe;
	int ended = 0;
	struct uring u;

	uring_start(&u, 0);
	uring_add(&u, IORING_OP_READ, rb->r, out, 10, A);
	uring_add(&u, IORING_OP_READ, rb->r, out, 10, B);
	uring_poll(&u, rb->r, POLLIN, true, C);
	submit_waiting(&u, 3);
	sqe = uring_add(&u, IORING_OP_ASYNC_CANCEL, rb->r, NULL, 0, STOP);
	sqe->cancel_flags = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD;
	uring_submit(&u);
	for (int i = 0; i < 4; i++) {
		uring_next(&u, &cqe);
		EXPECT_EQ(cqe.user_data == STOP ? 3 : -ECANCELED, cqe.res);
		ended |= 1 << cqe.user_data;
	}
	EXPECT_EQ(1 << A | 1 << B | 1 << C | 1 << STOP, ended);
	EXPECT_TRUE(carries_on(rb));
	uring_stop(&u);
}

static void chain(struct uring *u, unsigned int flags, int op, int fd,
		  const void *addr, size_t len, uint64_t tag)
{
	uring_add(u, op, fd, addr, len, tag)->flags = flags;
}

TEST_F(byte, chains)
{
	struct rb *rb = &self->rb;
	struct uring u;

	uring_start(&u, 0);
	rb_pattern(in, 100, 0);
	/* whole */
	chain(&u, IOSQE_IO_LINK, IORING_OP_WRITE, rb->w, in, 100, A);
	chain(&u, IOSQE_IO_LINK, IORING_OP_READ, rb->r, out, 100, B);
	chain(&u, 0, IORING_OP_WRITE, rb->w, out, 100, C);
	uring_submit(&u);
	EXPECT_EQ(100, uring_end(&u, A));
	EXPECT_EQ(100, uring_end(&u, B));
	EXPECT_EQ(100, uring_end(&u, C));
	/* the second waits, and the third for that */
	chain(&u, IOSQE_IO_LINK, IORING_OP_READ, rb->r, out, 100, A);
	chain(&u, IOSQE_IO_LINK, IORING_OP_READ, rb->r, out + 100, 100, B);
	chain(&u, 0, IORING_OP_WRITE, rb->w, out, 200, C);
	uring_submit(&u);
	EXPECT_EQ(100, uring_end(&u, A));
	EXPECT_TRUE(uring_idle(&u));
	rb_pattern(in, 100, 100);
	ASSERT_EQ(100, write(rb->w, in, 100));
	EXPECT_EQ(100, uring_end(&u, B));
	EXPECT_EQ(200, uring_end(&u, C));
	ASSERT_EQ(200, read(rb->r, out, sizeof(out)));
	EXPECT_EQ(-1, rb_mismatch(out, 200, 0));
	uring_stop(&u);
}

TEST_F(byte, broken_chains)
{
	struct rb *rb = &self->rb;
	struct uring u;

	uring_start(&u, 0);
	/* by an error */
	chain(&u, IOSQE_IO_LINK, IORING_OP_WRITE, rb->w, NULL, 10, A);
	chain(&u, IOSQE_IO_LINK, IORING_OP_WRITE, rb->w, in, 10, B);
	chain(&u, 0, IORING_OP_READ, rb->r, out, 10, C);
	uring_submit(&u);
	EXPECT_EQ(-EFAULT, uring_end(&u, A));
	EXPECT_EQ(-ECANCELED, uring_end(&u, B));
	EXPECT_EQ(-ECANCELED, uring_end(&u, C));
	EXPECT_EQ(0, rb_avail(rb->r));
	/* by a short read, at once and after a wait */
	ASSERT_EQ(5, write(rb->w, in, 5));
	for (int i = 0; i < 2; i++) {
		chain(&u, IOSQE_IO_LINK, IORING_OP_READ, rb->r, out, 10, A);
		chain(&u, 0, IORING_OP_WRITE, rb->w, in, 10, B);
		uring_submit(&u);
		if (i)
			ASSERT_EQ(5, write(rb->w, in, 5));
		EXPECT_EQ(5, uring_end(&u, A));
		EXPECT_EQ(-ECANCELED, uring_end(&u, B));
		EXPECT_EQ(0, rb_avail(rb->r));
	}
	/* by a write of which a part went in */
	chain(&u, IOSQE_IO_LINK, IORING_OP_WRITEV, rb->w, (struct iovec[]){
	      { in, RB_DEFAULT }, { in, 1 } }, 2, A);
	chain(&u, 0, IORING_OP_READ, rb->r, out, 10, B);
	uring_submit(&u);
	EXPECT_EQ(RB_DEFAULT, uring_end(&u, A));
	EXPECT_EQ(-ECANCELED, uring_end(&u, B));
	ASSERT_EQ(RB_DEFAULT, read(rb->r, out, RB_DEFAULT));
	/* a hard one does not break */
	chain(&u, IOSQE_IO_HARDLINK, IORING_OP_WRITE, rb->w, NULL, 10, A);
	chain(&u, IOSQE_IO_HARDLINK, IORING_OP_WRITE, rb->w, in, 10, B);
	chain(&u, IOSQE_IO_HARDLINK, IORING_OP_READ, rb->r, out, 20, C);
	chain(&u, 0, IORING_OP_WRITE, rb->w, in, 1, D);
	uring_submit(&u);
	EXPECT_EQ(-EFAULT, uring_end(&u, A));
	EXPECT_EQ(10, uring_end(&u, B));
	EXPECT_EQ(10, uring_end(&u, C));
	EXPECT_EQ(1, uring_end(&u, D));
	EXPECT_EQ(1, rb_avail(rb->r));
	uring_stop(&u);
}

/* A chain whose first request is cancelled while it waits. */
TEST_F(byte, cancelled_chain)
{
	struct rb *rb = &self->rb;
	struct uring u;

	uring_start(&u, 0);
	chain(&u, IOSQE_IO_LINK, IORING_OP_READ, rb->r, out, 10, A);
	chain(&u, 0, IORING_OP_WRITE, rb->w, in, 10, B);
	submit_waiting(&u, 1);
	uring_cancel(&u, A, STOP);
	uring_submit(&u);
	EXPECT_EQ(0, uring_end(&u, STOP));
	EXPECT_EQ(-ECANCELED, uring_end(&u, A));
	EXPECT_EQ(-ECANCELED, uring_end(&u, B));
	EXPECT_TRUE(carries_on(rb));
	uring_stop(&u);
}

TEST_F(byte, timeouts)
{
	struct __kernel_timespec soon = { .tv_nsec = 2000000 };
	struct __kernel_timespec late = { .tv_sec = 1000 };
	struct rb *rb = &self->rb;
	struct io_uring_cqe cqe;
	struct uring u;

	uring_start(&u, 0);
	for (int i = 0; i < 2; i++) {
		/* a read of nothing, then a write to a full ring */
		if (i) {
			rb_fill(rb);
			chain(&u, IOSQE_IO_LINK, IORING_OP_WRITE, rb->w, in, 9, A);
		} else {
			chain(&u, IOSQE_IO_LINK, IORING_OP_READ, rb->r, out, 9, A);
		}
		chain(&u, 0, IORING_OP_LINK_TIMEOUT, -1, &soon, 1, B);
		uring_submit(&u);
		for (int j = 0; j < 2; j++) {
			uring_next(&u, &cqe);
			EXPECT_EQ(cqe.user_data == A ? -ECANCELED : -ETIME,
				  cqe.res);
		}
	}
	EXPECT_EQ(RB_DEFAULT, rb_avail(rb->r));
	ASSERT_EQ(RB_DEFAULT, read(rb->r, out, RB_DEFAULT));
	/* in time */
	chain(&u, IOSQE_IO_LINK, IORING_OP_READ, rb->r, out, 9, A);
	chain(&u, 0, IORING_OP_LINK_TIMEOUT, -1, &late, 1, B);
	submit_waiting(&u, 1);
	ASSERT_EQ(3, write(rb->w, in, 3));
	for (int j = 0; j < 2; j++) {
		uring_next(&u, &cqe);
		EXPECT_EQ(cqe.user_data == A ? 3 : -ECANCELED, cqe.res);
	}
	EXPECT_TRUE(carries_on(rb));
	uring_stop(&u);
}

/* From a worker thread, and from the thread that takes requests itself. */
static void by_thread(struct __test_metadata *_metadata, struct rb *rb,
		      struct uring *u, unsigned int flags)
{
	rb_pattern(in, RB_DEFAULT, 0);
	chain(u, flags, IORING_OP_WRITE, rb->w, in, 100, A);
	uring_submit(u);
	ASSERT_EQ(100, uring_end(u, A));
	chain(u, flags, IORING_OP_READ, rb->r, out, 200, B);
	uring_submit(u);
	ASSERT_EQ(100, uring_end(u, B));
	EXPECT_EQ(-1, rb_mismatch(out, 100, 0));
	/* waits: no thread is used up */
	chain(u, flags, IORING_OP_READ, rb->r, out, 200, A);
	submit_waiting(u, 1);
	ASSERT_EQ(100, write(rb->w, in, 100));
	ASSERT_EQ(100, uring_end(u, A));
	rb_fill(rb);
	chain(u, flags, IORING_OP_WRITE, rb->w, in, RB_PAGE, A);
	submit_waiting(u, 1);
	ASSERT_EQ(RB_PAGE, read(rb->r, out, RB_PAGE));
	ASSERT_EQ(RB_PAGE, uring_end(u, A));
	ASSERT_EQ(RB_DEFAULT, read(rb->r, out, RB_DEFAULT));
	/* and is cancelled */
	chain(u, flags, IORING_OP_READ, rb->r, out, 200, A);
	submit_waiting(u, 1);
	uring_cancel(u, A, STOP);
	uring_submit(u);
	for (int i = 0; i < 2; i++) {
		struct io_uring_cqe cqe;

		uring_next(u, &cqe);
		EXPECT_EQ(cqe.user_data == A ? -ECANCELED : 0, cqe.res);
	}
	EXPECT_TRUE(carries_on(rb));
}

TEST_F(byte, in_a_worker)
{
	struct uring u;

	uring_start(&u, 0);
	by_thread(_metadata, &self->rb, &u, IOSQE_ASYNC);
	uring_stop(&u);
}

TEST_F(byte, in_the_submission_thread)
{
	struct uring u;

	uring_start(&u, IORING_SETUP_SQPOLL);
	by_thread(_metadata, &self->rb, &u, 0);
	uring_stop(&u);
}

/* Its completions are made when they are asked for, and only then. */
TEST_F(byte, deferred)
{
	struct uring u;

	uring_start(&u, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	by_thread(_metadata, &self->rb, &u, 0);
	uring_stop(&u);
}

/* The only holder of the other end is killed while a request waits. */
TEST_F(byte, peer_is_killed)
{
	struct rb *rb = &self->rb;
	struct uring u;
	int end = -1;
	pid_t pid;

	uring_start(&u, 0);
	for (int i = 0; i < 2; i++) {
		if (i) {
			rb_stop(rb);
			rb_start(rb, variant->kind, RB_DEFAULT);
			rb_fill(rb);
		}
		if (variant->kind == RB_PLAIN)
			end = rb_mint(rb->r, i ? FERRIO_RB_READ : FERRIO_RB_WRITE);
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			pause();
			_exit(1);
		}
		if (i) {
			rb_close_r(rb);
			uring_add(&u, IORING_OP_WRITE, rb->w, in, 9, A);
		} else {
			rb_close_w(rb);
			uring_add(&u, IORING_OP_READ, rb->r, out, 9, A);
		}
		if (end >= 0)
			close(end);
		submit_waiting(&u, 1);
		rb_reap_killed(pid);
		EXPECT_EQ(i ? -EPIPE : 0, uring_end(&u, A));
	}
	EXPECT_EQ(1, rb_caught(SIGPIPE));
	uring_stop(&u);
}

/*
 * A process is gone with requests of every kind, and so are its ends.  With @last
 * it was the only one that had the read side.
 */
static void leave(struct rb *rb, bool killed, bool last)
{
	bool minted = last && rb->kind == RB_PLAIN;
	int r = minted ? rb_mint(rb->r, FERRIO_RB_READ) : rb->r;
	int up[2];
	pid_t pid;
	char c;

	if (pipe(up))
		rb_die("pipe: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		struct uring_pool pool;
		struct uring u;

		uring_start(&u, 0);
		uring_pool_start(&u, &pool, 2, 100);
		uring_add(&u, IORING_OP_READ, r, out, 9, A);
		uring_multishot(&u, r, B);
		uring_poll(&u, r, POLLIN, true, C);
		chain(&u, IOSQE_ASYNC, IORING_OP_READ, r, out, 9, D);
		submit_waiting(&u, 4);
		if (write(up[1], "x", 1) != 1)
			_exit(1);
		if (killed || last)
			pause();
		_exit(0);
	}
	if (pid < 0 || read(up[0], &c, 1) != 1)
		rb_die("no child: %s", strerror(errno));
	if (last)
		rb_close_r(rb);
	if (minted)
		close(r);
	if (killed || last)
		rb_reap_killed(pid);
	else if (waitpid(pid, NULL, 0) != pid)
		rb_die("waitpid: %s", strerror(errno));
	close(up[0]);
	close(up[1]);
}

TEST_F(byte, process_ends_with_requests)
{
	struct rb *rb = &self->rb;
	struct pollfd p;

	for (int i = 0; i < rounds(10, 2); i++)
		leave(rb, i % 2, false);
	EXPECT_TRUE(carries_on(rb));
	leave(rb, true, true);
	/* what the requests held may go a little later than the process */
	p = (struct pollfd){ .fd = rb->w };
	ASSERT_EQ(1, poll(&p, 1, -1));
	EXPECT_EQ(POLLERR, p.revents & POLLERR);
	EXPECT_EQ(-EPIPE, E(write(rb->w, in, 1)));
}

TEST_HARNESS_MAIN
