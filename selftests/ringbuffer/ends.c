// SPDX-License-Identifier: GPL-2.0
/* The life of an end: who keeps it, and what each side sees when it is gone. */

#include <sys/socket.h>

#include "fix_byte.h"

/*
 * Started again by the test inherited_by_exec: copies what comes in on
 * descriptor 0 to descriptor 1, as cat(1) does.
 */
static void __attribute__((constructor(101))) maybe_cat(void)
{
	char buf[3000];
	ssize_t n;

	if (!getenv("RB_CAT"))
		return;
	while ((n = read(0, buf, sizeof(buf))) > 0)
		if (write(1, buf, n) != n)
			_exit(2);
	_exit(n ? 3 : 0);
}

TEST_F(byte, end_of_file)
{
	char buf[100];

	rb_pattern(buf, 10, 0);
	ASSERT_EQ(10, write(self->rb.w, buf, 10));
	rb_close_w(&self->rb);
	EXPECT_EQ(10, rb_avail(self->rb.r));
	EXPECT_EQ(4, E(read(self->rb.r, buf, 4)));
	EXPECT_EQ(6, E(read(self->rb.r, buf + 4, sizeof(buf) - 4)));
	EXPECT_EQ(-1, rb_mismatch(buf, 10, 0));
	EXPECT_EQ(0, E(read(self->rb.r, buf, 1)));
	EXPECT_EQ(0, E(read(self->rb.r, buf, 1)));
	rb_nonblock(&self->rb, true);
	EXPECT_EQ(0, E(read(self->rb.r, buf, 1)));
}

TEST_F(byte, broken_pipe)
{
	ASSERT_EQ(10, write(self->rb.w, "0123456789", 10));
	rb_close_r(&self->rb);
	EXPECT_EQ(-EPIPE, E(write(self->rb.w, "x", 1)));
	EXPECT_EQ(1, rb_caught(SIGPIPE));
	EXPECT_EQ(-EPIPE, E(write(self->rb.w, "x", 1)));
	EXPECT_EQ(2, rb_caught(SIGPIPE));
	EXPECT_EQ(0, E(write(self->rb.w, "", 0)));
	rb_nonblock(&self->rb, true);
	EXPECT_EQ(-EPIPE, E(write(self->rb.w, "x", 1)));
	EXPECT_EQ(3, rb_caught(SIGPIPE));
}

TEST_F(byte, close_wakes_reader)
{
	struct rb_call c;
	char buf[10];

	rb_call_read(&c, self->rb.r, buf, sizeof(buf));
	rb_call_asleep(&c);
	rb_close_w(&self->rb);
	EXPECT_EQ(0, rb_call_end(&c));
}

TEST_F(byte, close_wakes_writer)
{
	struct rb_call c;

	rb_fill(&self->rb);
	rb_call_write(&c, self->rb.w, "x", 1);
	rb_call_asleep(&c);
	rb_close_r(&self->rb);
	EXPECT_EQ(-EPIPE, rb_call_end(&c));
	EXPECT_EQ(1, rb_caught(SIGPIPE));
}

/* A long write tells what it wrote before its reader went. */
TEST_F(byte, close_cuts_long_write)
{
	static char buf[2 * RB_DEFAULT];
	struct rb_call c;

	rb_call_write(&c, self->rb.w, buf, sizeof(buf));
	rb_call_asleep(&c);
	EXPECT_EQ(RB_DEFAULT, rb_avail(self->rb.r));
	rb_close_r(&self->rb);
	EXPECT_EQ(RB_DEFAULT, rb_call_end(&c));
	EXPECT_EQ(1, rb_caught(SIGPIPE));
}

TEST_F(byte, close_wakes_poller)
{
	struct pollfd pfd = { .fd = self->rb.r, .events = POLLIN };
	struct rb_call c;

	rb_call_poll(&c, &pfd, -1);
	rb_call_asleep(&c);
	rb_close_w(&self->rb);
	EXPECT_EQ(1, rb_call_end(&c));
	EXPECT_EQ(POLLHUP, pfd.revents);
}

TEST_F(byte, close_wakes_poller_of_write_side)
{
	struct pollfd pfd = { .fd = self->rb.w, .events = POLLOUT };
	struct rb_call c;

	rb_fill(&self->rb);
	rb_call_poll(&c, &pfd, -1);
	rb_call_asleep(&c);
	rb_close_r(&self->rb);
	EXPECT_EQ(1, rb_call_end(&c));
	EXPECT_EQ(variant->kind == RB_PIPE ? POLLERR : POLLERR | POLLHUP,
		  pfd.revents);
}

TEST_F(byte, dup_keeps)
{
	struct rb *rb = &self->rb;
	int r = dup(rb->r), w = dup(rb->w);
	char c;

	rb_stop(rb);
	EXPECT_EQ(1, write(w, "x", 1));
	EXPECT_EQ(1, read(r, &c, 1));
	if (variant->kind == RB_PLAIN) {
		/* one open file: what one number gives up, both have */
		EXPECT_EQ(0, rb_shutdown(r, FERRIO_RB_WRITE));
		EXPECT_EQ(-EBADF, E(write(w, "x", 1)));
		EXPECT_EQ(0, E(read(r, &c, 1)));
	} else {
		ASSERT_EQ(0, fcntl(r, F_SETFL, O_NONBLOCK));
		EXPECT_EQ(-EAGAIN, E(read(r, &c, 1)));
		close(w);
		w = -1;
		EXPECT_EQ(0, E(read(r, &c, 1)));
	}
	close(r);
	close(w);
}

/* A child's copy keeps the end until the child is gone. */
TEST_F(byte, fork_keeps)
{
	struct rb *rb = &self->rb;
	pid_t pid;
	char c;

	rb_nonblock(rb, true);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (variant->kind != RB_PLAIN)
			rb_close_r(rb);
		for (;;)
			pause();
	}
	rb_asleep(pid, pid, SYS_pause);
	if (variant->kind == RB_PLAIN) {
		/* the child's file is this one: nothing may be given up */
		int copy = dup(rb->r);

		close(rb->r);
		EXPECT_EQ(1, write(copy, "x", 1));
		rb->r = copy;
		rb->w = copy;
		rb_reap_killed(pid);
		EXPECT_EQ(1, read(rb->r, &c, 1));
		EXPECT_EQ(-EAGAIN, E(read(rb->r, &c, 1)));
		return;
	}
	rb_close_w(rb);
	EXPECT_EQ(-EAGAIN, E(read(rb->r, &c, 1)));
	rb_reap_killed(pid);
	EXPECT_EQ(0, E(read(rb->r, &c, 1)));
}

/* A descriptor in flight keeps its end; lost in flight, the end closes. */
TEST_F(byte, in_flight_keeps)
{
	struct rb *rb = &self->rb;
	int sock[2], w;
	char c;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	if (variant->kind == RB_PLAIN) {
		/* alone in flight, a plain descriptor keeps both ends */
		ASSERT_EQ(1, write(rb->w, "x", 1));
		rb_send_fd(sock[0], rb->w);
		rb_stop(rb);
		rb->r = rb_receive_fd(sock[1]);
		rb->w = rb->r;
		EXPECT_EQ(1, read(rb->r, &c, 1));
		EXPECT_EQ('x', c);
		close(sock[0]);
		close(sock[1]);
		return;
	}
	rb_nonblock(rb, true);
	rb_send_fd(sock[0], rb->w);
	rb_close_w(rb);
	EXPECT_EQ(-EAGAIN, E(read(rb->r, &c, 1)));
	w = rb_receive_fd(sock[1]);
	EXPECT_EQ(1, write(w, "y", 1));
	EXPECT_EQ(1, read(rb->r, &c, 1));
	EXPECT_EQ('y', c);
	rb_send_fd(sock[0], w);
	close(w);
	EXPECT_EQ(-EAGAIN, E(read(rb->r, &c, 1)));
	rb_nonblock(rb, false);
	close(sock[0]);
	close(sock[1]);
	/* release may come later than close: this read waits for it */
	EXPECT_EQ(0, E(read(rb->r, &c, 1)));
}

/*
 * An unmodified program reads one end as its stdin and writes another as its
 * stdout.  It sees the end of its input only if no other end was inherited.
 */
TEST_F(byte, inherited_by_exec)
{
	static char in[50000], out[50000];
	struct rb back;
	size_t pos = 0;
	int status;
	pid_t pid;

	if (variant->kind == RB_PLAIN) {
		/* a plain descriptor does not survive exec */
		EXPECT_EQ(FD_CLOEXEC, fcntl(self->rb.r, F_GETFD));
		return;
	}
	rb_start(&back, variant->kind, RB_DEFAULT);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		dup2(self->rb.r, 0);
		dup2(back.w, 1);
		setenv("RB_CAT", "1", 1);
		execl("/proc/self/exe", "cat", NULL);
		_exit(99);
	}
	rb_close_r(&self->rb);
	rb_close_w(&back);
	rb_pattern(in, sizeof(in), 0);
	EXPECT_EQ(sizeof(in), write(self->rb.w, in, sizeof(in)));
	rb_close_w(&self->rb);
	while (pos < sizeof(out)) {
		ssize_t n = read(back.r, out + pos, sizeof(out) - pos);

		ASSERT_GT(n, 0);
		pos += n;
	}
	EXPECT_EQ(0, read(back.r, out, 1));
	EXPECT_EQ(-1, rb_mismatch(out + 1, sizeof(out) - 1, 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	rb_stop(&back);
}

TEST_HARNESS_MAIN
