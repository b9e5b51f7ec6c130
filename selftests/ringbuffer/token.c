// SPDX-License-Identifier: GPL-2.0
/*
 * A call whose copy stalls in a page fault holds its end's token.  Others in
 * the same end wait for it killably or get EAGAIN; nobody else notices.
 */

#include <sys/uio.h>

#include "fix_ring.h"
#include "../stall.h"

/* A child that sleeps in read or write for the token, and is killed there. */
static void kill_waiter(int fd, long nr)
{
	char c = 0;
	pid_t pid = fork();

	if (pid < 0)
		rb_die("fork: %s", strerror(errno));
	if (!pid) {
		syscall(nr, fd, &c, 1);
		_exit(1);
	}
	rb_asleep(pid, pid, nr);
	rb_reap_killed(pid);
}

TEST_F(ring, stalled_reader)
{
	static char in[300], page[RB_PAGE], out[300];
	struct iovec v = { .iov_base = out, .iov_len = sizeof(out) };
	struct pollfd pfd = { .fd = self->rb.r, .events = POLLIN };
	struct ferrio_rb_info info;
	struct rb_call a, b;
	struct stall s;

	stall_init(&s);
	rb_pattern(in, sizeof(in), 0);
	ASSERT_EQ(200, write(self->rb.w, in, 200));
	rb_call_read(&a, self->rb.r, s.page, 100);
	stall_met(&s);

	/* not concerned: the writer, poll, ioctls, fdinfo */
	EXPECT_EQ(50, write(self->rb.w, in + 200, 50));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLIN, pfd.revents);
	EXPECT_EQ(250, rb_avail(self->rb.r));
	rb_info(self->rb.r, &info);
	EXPECT_EQ(0, rb_fdinfo(self->rb.r, "rb-read"));

	/* another reader */
	EXPECT_EQ(-EAGAIN, E(preadv2(self->rb.r, &v, 1, -1, RWF_NOWAIT)));
	rb_nonblock(&self->rb, true);
	EXPECT_EQ(-EAGAIN, E(read(self->rb.r, out, 1)));
	rb_nonblock(&self->rb, false);
	kill_waiter(self->rb.r, SYS_read);
	rb_call_read(&b, self->rb.r, out, sizeof(out));
	rb_call_asleep(&b);

	stall_end(&s, page);
	EXPECT_EQ(100, rb_call_end(&a));
	EXPECT_EQ(150, rb_call_end(&b));
	EXPECT_EQ(-1, rb_mismatch(s.page, 100, 0));
	EXPECT_EQ(-1, rb_mismatch(out, 150, 100));
}

TEST_F(ring, stalled_writer)
{
	static char page[RB_PAGE], out[300];
	struct iovec v = { .iov_base = out, .iov_len = 1 };
	struct ferrio_rb_info info;
	struct rb_call a, b;
	struct stall s;

	stall_init(&s);
	rb_pattern(page, sizeof(page), 0);
	ASSERT_EQ(10, write(self->rb.w, page, 10));
	rb_call_write(&a, self->rb.w, s.page + 10, 100);
	stall_met(&s);

	/* not concerned: the reader */
	EXPECT_EQ(10, rb_avail(self->rb.r));
	EXPECT_EQ(10, read(self->rb.r, out, sizeof(out)));
	EXPECT_EQ(-1, rb_mismatch(out, 10, 0));
	rb_info(self->rb.w, &info);

	EXPECT_EQ(-EAGAIN, E(pwritev2(self->rb.w, &v, 1, -1, RWF_NOWAIT)));
	rb_nonblock(&self->rb, true);
	EXPECT_EQ(-EAGAIN, E(write(self->rb.w, out, 1)));
	rb_nonblock(&self->rb, false);
	kill_waiter(self->rb.w, SYS_write);
	rb_call_write(&b, self->rb.w, page + 110, 40);
	rb_call_asleep(&b);
	EXPECT_EQ(0, rb_avail(self->rb.r));

	stall_end(&s, page);
	EXPECT_EQ(100, rb_call_end(&a));
	EXPECT_EQ(40, rb_call_end(&b));
	EXPECT_EQ(140, read(self->rb.r, out, sizeof(out)));
	EXPECT_EQ(-1, rb_mismatch(out, 140, 10));
}

/* Killed in its stalled copy: the token is free, no byte is lost. */
TEST_F(ring, stalled_reader_killed)
{
	char in[100], out[200];
	struct iovec v = { .iov_base = out, .iov_len = 1 };
	pid_t pid;

	rb_pattern(in, sizeof(in), 0);
	ASSERT_EQ(100, write(self->rb.w, in, 100));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct stall s;

		stall_init(&s);
		syscall(SYS_read, self->rb.r, s.page, 100);
		_exit(1);
	}
	rb_asleep(pid, pid, SYS_read);
	EXPECT_EQ(-EAGAIN, E(preadv2(self->rb.r, &v, 1, -1, RWF_NOWAIT)));
	rb_reap_killed(pid);
	EXPECT_EQ(100, rb_avail(self->rb.r));
	EXPECT_EQ(100, read(self->rb.r, out, sizeof(out)));
	EXPECT_EQ(-1, rb_mismatch(out, 100, 0));
}

TEST_F(ring, stalled_writer_killed)
{
	char out[200];
	pid_t pid;

	/* the first use is not the child's: its pages are this test's */
	rb_skip(&self->rb, 1);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct stall s;

		stall_init(&s);
		syscall(SYS_write, self->rb.w, s.page, 100);
		_exit(1);
	}
	rb_asleep(pid, pid, SYS_write);
	rb_reap_killed(pid);
	EXPECT_EQ(0, rb_avail(self->rb.r));
	EXPECT_EQ(3, write(self->rb.w, "abc", 3));
	EXPECT_EQ(3, read(self->rb.r, out, sizeof(out)));
	EXPECT_EQ(0, memcmp(out, "abc", 3));
}

TEST_HARNESS_MAIN
