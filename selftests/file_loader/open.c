// SPDX-License-Identifier: GPL-2.0
/* What an open by LOAD_PATH has of open(2), and what it leaves out. */
#define _GNU_SOURCE
#include <signal.h>

#include "bpf.h"
#include "fl_dev.h"
#include "other.h"

#define MAY_READ	4	/* of the kernel */

/* What a task has open, or sees, is not what PID 1 sees. */
TEST_F(dev, links_of_proc)
{
	int file = fl_file(100), memory = memfd_create("fl-memory", MFD_CLOEXEC);
	char path[64];
	long blob;

	ASSERT_EQ(1, write(memory, "x", 1));
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), memory);
	EXPECT_EQ(-AT(OPEN, ELOOP), fl_load_path(self->fd, path));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	EXPECT_EQ(-AT(OPEN, ELOOP), fl_load_path(self->fd, path));
	EXPECT_EQ(-AT(OPEN, ELOOP), fl_load_path(self->fd, "/proc/self/root" FL_FILE));
	EXPECT_EQ(-AT(OPEN, ELOOP), fl_load_path(self->fd, "/proc/self/exe"));
	/* A link that says a name is one like any other, in /proc, too. */
	EXPECT_EQ(-AT(SIZE, EINVAL), fl_load_path(self->fd, "/proc/self/status"));
	ASSERT_EQ(0, symlink(FL_FILE, "/tmp/fl-link"));
	blob = fl_load_path(self->fd, "/tmp/fl-link");
	EXPECT_LE(0, blob);
	close(blob);
	unlink("/tmp/fl-link");
	close(memory);
	close(file);
}

/* A mode of the descriptor would be one of the load. */
TEST_F(dev, direct)
{
	int file = fl_file(100), direct = open(FL_FILE, O_RDONLY | O_DIRECT);
	long blob;

	ASSERT_LE(0, direct);
	EXPECT_EQ(-AT(OPEN, EINVAL), fl_load_fd(self->fd, direct));
	ASSERT_EQ(0, fcntl(direct, F_SETFL, 0));
	blob = fl_load_fd(self->fd, direct);
	EXPECT_LE(0, blob);
	close(blob);
	close(direct);
	close(file);
}

/* The hook at which IMA measures, behind the open: once, and it can refuse. */
TEST_F(dev, hook_behind_the_open)
{
	int file = fl_file(100);
	struct bpf_hook h;
	long got;

	bpf_hook(&h, "bpf_lsm_file_post_open", 1, -1, -EXDEV);
	got = fl_load_path(self->fd, FL_FILE);
	bpf_answer(&h, 0);
	EXPECT_EQ(-AT(OPEN, EXDEV), got);
	EXPECT_EQ(self->live, rb_live_pages());

	bpf_all_calls(&h);
	got = fl_load_path(self->fd, FL_FILE);
	EXPECT_EQ(1, bpf_calls(&h, BPF_KEY(MAY_READ, 0)));
	EXPECT_LE(0, got);
	close(got);
	/* A descriptor is open already. */
	got = fl_load_fd(self->fd, file);
	EXPECT_EQ(0, bpf_all_calls(&h));
	EXPECT_LE(0, got);
	close(got);
	bpf_unhook(&h);
	close(file);
}

static void nothing(int signal)
{
	(void)signal;
}

/* Who has a lease is waited for, as by open(2); a signal ends the wait, and the load. */
TEST_F(dev, lease)
{
	struct sigaction restart = { .sa_handler = nothing, .sa_flags = SA_RESTART };
	struct fl_other o;
	int file = fl_file(100), holder;

	close(file);
	holder = open(FL_FILE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, holder);
	signal(SIGIO, SIG_IGN);
	sigaction(SIGUSR1, &restart, NULL);
	ASSERT_EQ(0, fcntl(holder, F_SETLEASE, F_WRLCK));
	fl_other_path(&o, self->fd, FL_FILE);
	fl_other_asleep(&o);
	kill(o.pid, SIGUSR1);
	EXPECT_EQ(-AT(OPEN, EINTR), fl_other_end(&o));
	fl_other_path(&o, self->fd, FL_FILE);
	fl_other_asleep(&o);
	ASSERT_EQ(0, fcntl(holder, F_SETLEASE, F_UNLCK));
	EXPECT_EQ(-AT(BUSY, ETXTBSY), fl_other_end(&o));
	close(holder);
}

TEST_HARNESS_MAIN
