// SPDX-License-Identifier: GPL-2.0
/*
 * What keeps an end when its holder is killed, and that it goes with the last of
 * it: a fork child, a mapping, a descriptor in flight.
 */

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "hold.h"
#include "rb_harness.h"

#define SIZE	(4 * RB_PAGE)
#define SOON	1000	/* ms */

FIXTURE(kept) {
	struct hold mine;
	int fd;		/* of the other end */
	long live;
};

FIXTURE_VARIANT(kept) {
	unsigned int rw;
};

FIXTURE_VARIANT_ADD(kept, producer) {
	.rw = FERRIO_RB_WRITE,
};

FIXTURE_VARIANT_ADD(kept, consumer) {
	.rw = FERRIO_RB_READ,
};

FIXTURE_SETUP(kept)
{
	int fd[2];

	signal(SIGPIPE, SIG_IGN);
	self->live = rb_live_pages();
	hold_ends(SIZE, fd);
	self->fd = fd[variant->rw];
	hold_take(&self->mine, fd[!variant->rw], !variant->rw, false);
}

FIXTURE_TEARDOWN(kept)
{
	hold_drop(&self->mine);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* No HUP now, and none that is only late. */
static bool stays(const struct hold *h)
{
	struct pollfd pfd = { .fd = h->fd };

	return poll(&pfd, 1, 50) == 0;
}

static bool goes(const struct hold *h)
{
	struct pollfd pfd = { .fd = h->fd };

	return poll(&pfd, 1, SOON) == 1 &&
	       pfd.revents == (h->rw == FERRIO_RB_READ ? POLLHUP : POLLHUP | POLLERR);
}

/* A child that holds the end, mapped or by its descriptor, and what is inherited. */
static pid_t keeper(struct hold *mine, int fd, unsigned int rw, bool mapped,
		    int say)
{
	struct hold h;
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(mine->fd);
	if (mapped) {
		hold_take(&h, fd, rw, true);
		close(fd);
	}
	if (write(say, "k", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

TEST_F(kept, by_a_fork_child)
{
	int fds[2];
	pid_t a, b;
	char c;

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));
	a = keeper(&self->mine, self->fd, variant->rw, false, fds[1]);
	b = keeper(&self->mine, self->fd, variant->rw, true, fds[1]);
	close(self->fd);
	ASSERT_EQ(1, read(fds[0], &c, 1));
	ASSERT_EQ(1, read(fds[0], &c, 1));
	EXPECT_TRUE(stays(&self->mine));
	rb_reap_killed(a);
	EXPECT_TRUE(stays(&self->mine));
	EXPECT_EQ(1, rb_fdinfo(self->mine.fd, variant->rw == FERRIO_RB_READ ?
			       "rb-consumers" : "rb-producers"));
	rb_reap_killed(b);
	EXPECT_TRUE(goes(&self->mine));
	close(fds[0]);
	close(fds[1]);
}

/* A child that inherits the mapping of one that has closed its descriptor. */
TEST_F(kept, by_a_forked_mapping)
{
	struct hold h;
	int fds[2];
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));
	hold_take(&h, self->fd, variant->rw, true);
	close(self->fd);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(self->mine.fd);
		if (write(fds[1], "k", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ASSERT_EQ(1, read(fds[0], &c, 1));
	ringbuffer_unmap(&h.rb);
	EXPECT_TRUE(stays(&self->mine));
	EXPECT_EQ(2, rb_fdinfo(self->mine.fd, "rb-maps"));
	rb_reap_killed(pid);
	EXPECT_TRUE(goes(&self->mine));
	EXPECT_EQ(0, rb_fdinfo(self->mine.fd, "rb-maps"));
	close(fds[0]);
	close(fds[1]);
}

/* Each of the two mappings alone; and it can still be used. */
TEST_F(kept, by_a_mapping)
{
	struct hold h;
	size_t split;
	char c = 0;

	hold_take(&h, self->fd, variant->rw, true);
	close(self->fd);
	EXPECT_TRUE(stays(&self->mine));
	h.rb.spin = RINGBUFFER_SPIN_FOREVER;
	if (variant->rw == FERRIO_RB_WRITE) {
		EXPECT_EQ(1, hold_move(&h, &c, 1));
		EXPECT_EQ(1, hold_move(&self->mine, &c, 1));
	} else {
		EXPECT_EQ(1, hold_move(&self->mine, &c, 1));
		EXPECT_EQ(1, hold_move(&h, &c, 1));
	}
	split = (variant->rw == FERRIO_RB_READ ? 1 : 2) * RB_PAGE;
	ASSERT_EQ(0, munmap(h.rb.window, split));
	EXPECT_TRUE(stays(&self->mine));
	ASSERT_EQ(0, munmap(h.rb.window + split, h.rb.window_bytes - split));
	EXPECT_TRUE(goes(&self->mine));
}

/* Its sender is killed while the descriptor is under way. */
static void send_and_die(const struct hold *mine, int fd, int over)
{
	pid_t pid = fork();

	if (!pid) {
		close(mine->fd);
		rb_send_fd(over, fd);
		close(fd);
		for (;;)
			pause();
	}
	close(fd);
	rb_asleep(pid, pid, SYS_pause);
	rb_reap_killed(pid);
}

TEST_F(kept, in_flight)
{
	int sock[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock));
	send_and_die(&self->mine, self->fd, sock[0]);
	EXPECT_TRUE(stays(&self->mine));
	close(sock[0]);
	EXPECT_TRUE(stays(&self->mine));
	close(sock[1]);
	EXPECT_TRUE(goes(&self->mine));
}

/* Two sockets that hold each other are found by the garbage collector only. */
TEST_F(kept, in_flight_in_a_circle)
{
	int sock[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock));
	send_and_die(&self->mine, self->fd, sock[0]);
	rb_send_fd(sock[0], sock[0]);
	rb_send_fd(sock[1], sock[1]);
	EXPECT_TRUE(stays(&self->mine));
	close(sock[0]);
	close(sock[1]);
	/* closing any unix socket starts it, if nothing else does */
	for (int i = 0; i < 20 && stays(&self->mine); i++)
		close(socket(AF_UNIX, SOCK_STREAM, 0));
	EXPECT_TRUE(goes(&self->mine));
}

TEST_HARNESS_MAIN
