// SPDX-License-Identifier: GPL-2.0
/* A signal in each wait: EINTR, restart, partial counts; and SIGKILL. */

#include "fix_byte.h"

TEST_F(byte, read_interrupted)
{
	struct rb_call c;
	char buf[8];

	rb_catch(SIGUSR1, 0);
	rb_call_read(&c, self->rb.r, buf, sizeof(buf));
	rb_call_asleep(&c);
	rb_call_signal(&c, SIGUSR1);
	EXPECT_EQ(-EINTR, rb_call_end(&c));
	EXPECT_EQ(1, rb_caught(SIGUSR1));
	/* nothing is left behind by it */
	EXPECT_EQ(3, write(self->rb.w, "abc", 3));
	EXPECT_EQ(3, read(self->rb.r, buf, sizeof(buf)));
}

TEST_F(byte, read_restarted)
{
	struct rb_call c;
	char buf[8];

	rb_catch(SIGUSR1, SA_RESTART);
	rb_call_read(&c, self->rb.r, buf, sizeof(buf));
	rb_call_asleep(&c);
	rb_call_signal(&c, SIGUSR1);
	rb_caught_wait(SIGUSR1, 1);
	rb_call_asleep(&c);
	EXPECT_EQ(3, write(self->rb.w, "abc", 3));
	EXPECT_EQ(3, rb_call_end(&c));
	EXPECT_EQ(0, memcmp(buf, "abc", 3));
}

TEST_F(byte, write_interrupted)
{
	static char buf[RB_DEFAULT];
	struct rb_call c;

	rb_catch(SIGUSR1, 0);
	rb_fill(&self->rb);
	rb_call_write(&c, self->rb.w, "x", 1);
	rb_call_asleep(&c);
	rb_call_signal(&c, SIGUSR1);
	EXPECT_EQ(-EINTR, rb_call_end(&c));
	EXPECT_EQ(RB_DEFAULT, rb_avail(self->rb.r));
	EXPECT_EQ(RB_DEFAULT, read(self->rb.r, buf, sizeof(buf)));
	EXPECT_EQ(-1, rb_mismatch(buf, RB_DEFAULT, 0));
}

TEST_F(byte, write_restarted)
{
	static char buf[RB_DEFAULT];
	struct rb_call c;

	rb_catch(SIGUSR1, SA_RESTART);
	rb_fill(&self->rb);
	rb_call_write(&c, self->rb.w, "x", 1);
	rb_call_asleep(&c);
	rb_call_signal(&c, SIGUSR1);
	rb_caught_wait(SIGUSR1, 1);
	rb_call_asleep(&c);
	EXPECT_EQ(RB_PAGE, read(self->rb.r, buf, RB_PAGE));
	EXPECT_EQ(1, rb_call_end(&c));
	EXPECT_EQ(RB_DEFAULT - RB_PAGE + 1, rb_avail(self->rb.r));
}

/* What a long write has written is told, never restarted. */
TEST_F(byte, long_write_partial)
{
	static char in[2 * RB_DEFAULT], out[RB_DEFAULT];
	struct rb_call c;

	rb_catch(SIGUSR1, SA_RESTART);
	rb_pattern(in, sizeof(in), 0);
	rb_call_write(&c, self->rb.w, in, sizeof(in));
	rb_call_asleep(&c);
	EXPECT_EQ(RB_DEFAULT, rb_avail(self->rb.r));
	rb_call_signal(&c, SIGUSR1);
	EXPECT_EQ(RB_DEFAULT, rb_call_end(&c));
	EXPECT_EQ(RB_DEFAULT, rb_avail(self->rb.r));
	EXPECT_EQ(RB_DEFAULT, read(self->rb.r, out, sizeof(out)));
	EXPECT_EQ(-1, rb_mismatch(out, RB_DEFAULT, 0));
}

/* poll(2) is never restarted. */
TEST_F(byte, poll_interrupted)
{
	struct pollfd pfd = { .fd = self->rb.r, .events = POLLIN };
	struct rb_call c;

	rb_catch(SIGUSR1, SA_RESTART);
	rb_call_poll(&c, &pfd, -1);
	rb_call_asleep(&c);
	rb_call_signal(&c, SIGUSR1);
	EXPECT_EQ(-EINTR, rb_call_end(&c));
	EXPECT_EQ(0, rb_avail(self->rb.r));
}

static int pipe_with(size_t bytes, int *w)
{
	static char buf[RB_DEFAULT];
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) ||
	    write(fd[1], buf, bytes) != (ssize_t)bytes)
		rb_die("pipe: %s", strerror(errno));
	*w = fd[1];
	return fd[0];
}

TEST_F(byte, splice_out_interrupted)
{
	int w, r = pipe_with(0, &w);
	struct rb_call c;

	rb_catch(SIGUSR1, 0);
	rb_call_splice(&c, self->rb.r, w, 100, 0);
	rb_call_asleep(&c);
	rb_call_signal(&c, SIGUSR1);
	/* between two pipes this call is -ERESTARTSYS as well */
	EXPECT_EQ(-EINTR, rb_call_end(&c));
	EXPECT_EQ(0, rb_avail(r));
	rb_catch(SIGUSR1, SA_RESTART);
	rb_call_splice(&c, self->rb.r, w, 100, 0);
	rb_call_asleep(&c);
	rb_call_signal(&c, SIGUSR1);
	rb_caught_wait(SIGUSR1, 1);
	rb_call_asleep(&c);
	EXPECT_EQ(5, write(self->rb.w, "abcde", 5));
	EXPECT_EQ(5, rb_call_end(&c));
	EXPECT_EQ(5, rb_avail(r));
	close(r);
	close(w);
}

TEST_F(byte, splice_in_interrupted)
{
	static char buf[RB_DEFAULT];
	int w, r = pipe_with(2 * RB_PAGE, &w);
	struct rb_call c;

	rb_catch(SIGUSR1, 0);
	rb_fill(&self->rb);
	rb_call_splice(&c, r, self->rb.w, 2 * RB_PAGE, 0);
	rb_call_asleep(&c);
	rb_call_signal(&c, SIGUSR1);
	EXPECT_EQ(-EINTR, rb_call_end(&c));
	EXPECT_EQ(2 * RB_PAGE, rb_avail(r));
	EXPECT_EQ(RB_DEFAULT, rb_avail(self->rb.r));
	if (variant->kind != RB_PIPE) {
		/* one page goes, then a signal: one page is told */
		ASSERT_EQ(RB_PAGE, read(self->rb.r, buf, RB_PAGE));
		rb_call_splice(&c, r, self->rb.w, 2 * RB_PAGE, 0);
		rb_call_asleep(&c);
		rb_call_signal(&c, SIGUSR1);
		EXPECT_EQ(RB_PAGE, rb_call_end(&c));
		EXPECT_EQ(RB_PAGE, rb_avail(r));
		EXPECT_EQ(RB_DEFAULT, rb_avail(self->rb.r));
	}
	close(r);
	close(w);
}

/* The waits in which a child is killed. */
enum wait { W_READ, W_WRITE, W_LONG, W_POLL, W_SPLICE_OUT, W_SPLICE_IN, W_END };

static const long wait_nr[W_END] = {
	SYS_read, SYS_write, SYS_write, SYS_poll, SYS_splice, SYS_splice,
};

static void wait_forever(struct rb *rb, enum wait how, int pipe_r, int pipe_w)
{
	static char buf[2 * RB_DEFAULT];
	struct pollfd pfd = { .fd = rb->r, .events = POLLIN };

	switch (how) {
	case W_READ:
		syscall(SYS_read, rb->r, buf, 1);
		break;
	case W_WRITE:
		syscall(SYS_write, rb->w, buf, 1);
		break;
	case W_LONG:
		syscall(SYS_write, rb->w, buf, sizeof(buf));
		break;
	case W_POLL:
		syscall(SYS_poll, &pfd, 1, -1);
		break;
	case W_SPLICE_OUT:
		syscall(SYS_splice, rb->r, NULL, pipe_w, NULL, 100, 0);
		break;
	default:
		syscall(SYS_splice, pipe_r, NULL, rb->w, NULL, 100, 0);
		break;
	}
	_exit(1);
}

/* SIGKILL ends every wait, and the ring is as good as before. */
TEST_F(byte, killed)
{
	static char buf[RB_DEFAULT];
	struct rb *rb = &self->rb;

	for (enum wait how = 0; how < W_END; how++) {
		int pipe_w, pipe_r = pipe_with(100, &pipe_w);
		bool full = how == W_WRITE || how == W_SPLICE_IN;
		pid_t pid;

		if (full)
			rb_fill(rb);
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			wait_forever(rb, how, pipe_r, pipe_w);
		rb_asleep(pid, pid, wait_nr[how]);
		rb_reap_killed(pid);
		full |= how == W_LONG;
		ASSERT_EQ(full ? RB_DEFAULT : 0, rb_avail(rb->r));
		EXPECT_EQ(100, rb_avail(pipe_r));
		if (full)
			ASSERT_EQ(RB_DEFAULT, read(rb->r, buf, sizeof(buf)));
		ASSERT_EQ(3, write(rb->w, "abc", 3));
		ASSERT_EQ(3, read(rb->r, buf, sizeof(buf)));
		close(pipe_r);
		close(pipe_w);
	}
}

TEST_HARNESS_MAIN
