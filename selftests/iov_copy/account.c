// SPDX-License-Identifier: GPL-2.0
/* Pages: who is charged, how many there may be, and that all go back. */

#include <sys/wait.h>

#include "ic_dev.h"
#include "../cgroup.h"

#define LIMIT	"/sys/module/iov_copy/parameters/max_bytes"

/* Tests that change the limit: it is as it was behind them, however they end. */
FIXTURE(limit) {
	int fd;
	long live;
};

FIXTURE_SETUP(limit)
{
	self->live = rb_live_pages();
	self->fd = ic_open(O_RDWR);
}

FIXTURE_TEARDOWN(limit)
{
	close(self->fd);
	EXPECT_EQ(0, rb_write_file(LIMIT, IC_ALL_TEXT));
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* All files together, whoever has them, tables included; what is refused leaves no trace. */
TEST_F(limit, quota)
{
	static char buf[4 * RB_PAGE];
	struct ferrio_ic_info info;
	int other = ic_open(O_RDWR);

	/* eight pages are allowed: three and two tables here */
	ASSERT_EQ(0, rb_write_file(LIMIT, "32768"));
	EXPECT_EQ(3 * RB_PAGE, E(pwrite(self->fd, buf, 3 * RB_PAGE, 0)));
	/* and one with two tables there: a short count, then the errno */
	EXPECT_EQ(RB_PAGE, E(pwrite(other, buf, 2 * RB_PAGE, 0)));
	EXPECT_EQ(-EDQUOT, E(pwrite(other, buf, 1, RB_PAGE)));
	EXPECT_EQ(-EDQUOT, E(pwrite(self->fd, buf, 1, IC_MIB)));
	/* over what is there it goes on */
	EXPECT_EQ(3 * RB_PAGE, E(pwrite(self->fd, buf, 3 * RB_PAGE, 0)));
	ic_info(other, &info);
	EXPECT_EQ(8 * RB_PAGE, info.all_bytes);
	EXPECT_EQ(8 * RB_PAGE, info.all_max_bytes);
	EXPECT_EQ(RB_PAGE, info.stored_bytes);
	EXPECT_EQ(self->live + 8, rb_live_pages());
	/* closing gives back */
	close(other);
	EXPECT_TRUE(rb_pages_return(self->live + 5));
	EXPECT_EQ(3 * RB_PAGE, E(pwrite(self->fd, buf, 4 * RB_PAGE, IC_MIB)));
	EXPECT_EQ(-EDQUOT, E(pwrite(self->fd, buf, 1, 2 * IC_MIB)));
	EXPECT_EQ(self->live + 8, rb_live_pages());
	/* room for a table, and not for its page: the table stays, for the next one */
	ASSERT_EQ(0, rb_write_file(LIMIT, "36864"));
	EXPECT_EQ(-EDQUOT, E(pwrite(self->fd, buf, 1, 2 * IC_MIB)));
	EXPECT_EQ(self->live + 9, rb_live_pages());
	EXPECT_EQ(6, ic_pages(self->fd));
	/* a limit below what is there takes nothing away */
	ASSERT_EQ(0, rb_write_file(LIMIT, "0"));
	EXPECT_EQ(1, E(pwrite(self->fd, "x", 1, 0)));
	EXPECT_EQ(-EDQUOT, E(pwrite(self->fd, buf, 1, 2 * IC_MIB)));
	ASSERT_EQ(0, rb_write_file(LIMIT, IC_ALL_TEXT));
	EXPECT_EQ(1, E(pwrite(self->fd, buf, 1, 2 * IC_MIB)));
	EXPECT_EQ(self->live + 10, rb_live_pages());
}

struct racer {
	pthread_t thread;
	int fd, errors;
	long at, pages;
	long *made;
};

static void *race(void *arg)
{
	struct racer *r = arg;

	for (long i = 0; i < r->pages; i++) {
		long ret = E(pwrite(r->fd, &r->at, 1, i * RB_PAGE + r->at));

		r->errors += ret != 1;
	}
	return NULL;
}

/* Writers that meet at holes: each page is made once, and no write is lost. */
TEST_F(dev, writers_meet_at_holes)
{
	const long pages = rounds(4000, 1500);
	struct racer r[3];
	char c[3];

	ASSERT_EQ(0, ic_set_size(self->fd, pages * RB_PAGE));
	for (int i = 0; i < 3; i++) {
		r[i] = (struct racer){ .fd = self->fd, .at = i + 1, .pages = pages };
		ASSERT_EQ(0, pthread_create(&r[i].thread, NULL, race, &r[i]));
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(r[i].thread, NULL);
		EXPECT_EQ(0, r[i].errors);
	}
	EXPECT_EQ(pages, ic_pages(self->fd));
	EXPECT_EQ(self->live + pages + ic_tables(pages), rb_live_pages());
	for (long i = 0; i < pages; i++) {
		ASSERT_EQ(3, E(pread(self->fd, c, 3, i * RB_PAGE + 1)));
		ASSERT_EQ(0, memcmp(c, "\x01\x02\x03", 3));
	}
}

/* The opener's group is charged, whoever writes; all goes back with the file. */
TEST_F(dev, the_opener_is_charged)
{
	const long pages = 2000;
	struct cg cg;
	int status;
	pid_t pid;

	cg_make(&cg);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int fd;

		/* what its parent has opened is its parent's */
		cg_move(getpid(), cg.a);
		for (long i = 0; i < pages; i++)
			if (pwrite(self->fd, "x", 1, i * RB_PAGE) != 1)
				_exit(1);
		if (cg_kernel(cg.a) > pages / 2)
			_exit(2);
		/* what it opens itself is that of the group that it is in then */
		fd = ic_open(O_RDWR);
		cg_move(getpid(), cg.b);
		for (long i = 0; i < pages; i++)
			if (pwrite(fd, "x", 1, i * RB_PAGE) != 1)
				_exit(3);
		if (!cg_charged(cg.a, pages + ic_tables(pages)) || cg_kernel(cg.b) > pages / 2)
			_exit(4);
		close(fd);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(cg_charged(cg.a, 0));
	EXPECT_EQ(self->live + pages + ic_tables(pages), rb_live_pages());
	cg_unmake(&cg);
}

/* A full group is ENOMEM, and nobody is killed for it; what is there stays. */
TEST_F(dev, a_full_group_is_enomem)
{
	static char buf[RB_PAGE];
	long long kills;
	struct cg cg;
	int status;
	pid_t pid;

	cg_make(&cg);
	cg_limit(cg.a, 8 * IC_MIB);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		long i, ret = RB_PAGE;
		int fd;

		cg_move(getpid(), cg.a);
		fd = ic_open(O_RDWR);
		cg_move(getpid(), cg.b);
		memset(buf, 'a', sizeof(buf));
		for (i = 0; i < 16384 && ret == RB_PAGE; i++)
			ret = E(pwrite(fd, buf, RB_PAGE, i * RB_PAGE));
		if (ret != -ENOMEM || i < 512)
			_exit(1);
		/* by a long write the same is a short count */
		if (ic_pages(fd) != i - 1)
			_exit(2);
		for (long k = 0; k < i - 1; k++)
			if (pread(fd, buf, RB_PAGE, k * RB_PAGE) != RB_PAGE ||
			    !ic_all(buf, RB_PAGE, 'a'))
				_exit(3);
		close(fd);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	kills = cg_value(cg.a, "memory.events", "oom_kill");
	EXPECT_EQ(0, kills);
	cg_unmake(&cg);
}

TEST_HARNESS_MAIN
