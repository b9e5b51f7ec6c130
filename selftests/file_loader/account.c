// SPDX-License-Identifier: GPL-2.0
/* Whose memory cgroup a blob is charged to, and when that ends. */
#define _GNU_SOURCE
#include "fl_dev.h"
#include "../cgroup.h"

#define MIB	(1UL << 20)
#define PAGES	(16 * MIB / RB_PAGE)

/*
 * A child that is in a group by itself loads and hands the blob over, as its
 * parent's descriptors are not shared.
 */
static long load_in(const char *group, int dev, int file)
{
	struct ferrio_fl_load load = fl_request(file);
	int ends[2], status;
	long ret = 0;
	pid_t pid;

	if (pipe(ends))
		rb_die("pipe: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		cg_move(getpid(), group);
		ret = fl_load(dev, FERRIO_FL_LOAD_FD, &load);
		if (write(ends[1], &ret, sizeof(ret)) != sizeof(ret))
			_exit(1);
		/* Until the parent has its own descriptor, or has no use for one. */
		pause();
	}
	if (pid < 0 || read(ends[0], &ret, sizeof(ret)) != sizeof(ret))
		rb_die("the loader: %s", strerror(errno));
	if (ret >= 0) {
		int pidfd = syscall(SYS_pidfd_open, pid, 0);

		ret = syscall(SYS_pidfd_getfd, pidfd, ret, 0);
		if (ret < 0)
			rb_die("pidfd_getfd: %s", strerror(errno));
		close(pidfd);
	}
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		rb_die("waitpid: %s", strerror(errno));
	close(ends[0]);
	close(ends[1]);
	return ret;
}

/* Whoever loads pays, as long as the blob lives, whoever has it by then. */
TEST_F(dev, loader_is_charged)
{
	int file = fl_file(PAGES * RB_PAGE);
	struct cg cg;
	long blob;

	cg_make(&cg);
	blob = load_in(cg.a, self->fd, file);
	ASSERT_LE(0, blob);
	EXPECT_TRUE(cg_charged(cg.a, PAGES));
	EXPECT_TRUE(cg_charged(cg.b, 0));
	EXPECT_EQ(self->live + PAGES, rb_live_pages());
	close(blob);
	EXPECT_TRUE(rb_pages_return(self->live));
	EXPECT_TRUE(cg_charged(cg.a, 0));
	cg_unmake(&cg);
	close(file);
}

/* A full group is ENOMEM and not a dead process, and what was taken goes back. */
TEST_F(dev, full_group)
{
	int file = fl_file(PAGES * RB_PAGE);
	struct cg cg;

	cg_make(&cg);
	cg_limit(cg.a, 8 * MIB);
	EXPECT_EQ(-AT(MEMORY, ENOMEM), load_in(cg.a, self->fd, file));
	EXPECT_EQ(0, cg_value(cg.a, "memory.events", "oom_kill"));
	EXPECT_EQ(self->live, rb_live_pages());
	EXPECT_TRUE(cg_charged(cg.a, 0));
	cg_unmake(&cg);
	close(file);
}

TEST_HARNESS_MAIN
