// SPDX-License-Identifier: GPL-2.0
/* What one user may hold: counted, refused, returned, exceeded by root. */

#include "as_user.h"
#include "fix_dev.h"

#define NOBODY	65534
#define OTHER	10002

/* close(2) of the last file runs ->release in this task before it returns. */
static void rings_work(void)
{
	int fd[1025];
	int max = rb_param("user_max_rings");
	int end;

	if (max > 1024)
		rb_die("user_max_rings is %d: this test wants at most 1024",
		       max);
	for (int i = 0; i < max; i++) {
		fd[i] = raw_open();
		if (fd[i] < 0)
			rb_die("open of ring %d of %d gave %d", i, max, fd[i]);
	}
	CHECK(max, user_rings(fd[0]));
	CHECK(0, user_bytes(fd[0]));
	CHECK(-EDQUOT, raw_open());
	CHECK(-EDQUOT, raw_open());
	CHECK(max, user_rings(fd[0]));

	/* one goes, one comes */
	close(fd[max - 1]);
	CHECK(max - 1, user_rings(fd[0]));
	fd[max - 1] = raw_open();
	CHECK(true, fd[max - 1] >= 0);
	CHECK(-EDQUOT, raw_open());

	/* a ring counts as long as one of its ends is there */
	end = rb_mint(fd[max - 1], FERRIO_RB_READ);
	close(fd[max - 1]);
	CHECK(-EDQUOT, raw_open());
	CHECK(max, user_rings(fd[0]));
	close(end);
	CHECK(max - 1, user_rings(fd[0]));
	for (int i = 1; i < max - 1; i++)
		close(fd[i]);
	CHECK(1, user_rings(fd[0]));
	CHECK(0, user_bytes(fd[0]));
}

static void apart_work(void)
{
	int fd = raw_open();

	CHECK(1, user_rings(fd));
	CHECK(1, E(write(fd, "x", 1)));
	CHECK(65536, user_bytes(fd));
	close(fd);
}

TEST_F_TIMEOUT(dev, rings, 60)
{
	EXPECT_EQ(0, as_user(NOBODY, rings_work));
	/* all of it is returned: the same user starts from nothing */
	EXPECT_EQ(0, as_user(NOBODY, apart_work));
}

static void bytes_work(void)
{
	uint64_t max = rb_param("user_max_bytes");
	int a = raw_open(), b = raw_open(), c = raw_open();
	int pipefd[2];

	/* All of it in one ring; no byte is left for a second. */
	CHECK(0, rb_set_size(a, max));
	CHECK(0, user_bytes(a));
	CHECK(1, E(write(a, "x", 1)));
	CHECK(max, user_bytes(b));
	CHECK(0, rb_set_size(b, 4096));
	CHECK(-EDQUOT, E(write(b, "x", 1)));
	CHECK(-EDQUOT, rb_try_mint(b, FERRIO_RB_READ));
	CHECK(-EDQUOT, rb_try_mint(b, FERRIO_RB_WRITE));
	CHECK(0, pipe(pipefd));
	CHECK(1, E(write(pipefd[1], "x", 1)));
	CHECK(-EDQUOT, E(splice(pipefd[0], NULL, b, NULL, 1, 0)));
	CHECK(1, rb_avail(pipefd[0]));
	CHECK(max, user_bytes(b));
	CHECK(3, user_rings(b));

	/* The ring that was refused can be used once there is room. */
	close(a);
	CHECK(0, user_bytes(b));
	CHECK(2, user_rings(b));
	CHECK(1, E(write(b, "x", 1)));
	CHECK(4096, user_bytes(c));

	/* One page too much, by size alone. */
	CHECK(0, rb_set_size(c, max));
	CHECK(-EDQUOT, E(write(c, "x", 1)));
	CHECK(0, rb_set_size(c, 8192));
	CHECK(1, E(write(c, "x", 1)));
	CHECK(4096 + 8192, user_bytes(b));
	close(c);
	close(b);
}

TEST_F_TIMEOUT(dev, bytes, 60)
{
	EXPECT_EQ(0, as_user(NOBODY, bytes_work));
}

/* Each user has an account of his own. */
TEST_F(dev, users_apart)
{
	ASSERT_EQ(1, write(self->fd, "x", 1));
	EXPECT_EQ(0, as_user(NOBODY, apart_work));
	EXPECT_EQ(0, as_user(OTHER, apart_work));
}

/* CAP_SYS_RESOURCE goes beyond both limits; without it they hold for root. */
TEST_F_TIMEOUT(dev, root_exceeds, 60)
{
	int max = rb_param("user_max_rings");
	uint64_t bytes = rb_param("user_max_bytes");
	struct rlimit many = { 4096, 4096 };
	int before = user_rings(self->fd);
	int rings = max + 3;
	int big;

	/* A thousand opens take a minute there; `rings` has done them once. */
	if (rb_test_kernel())
		rings = before + 3;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &many));
	for (int i = before; i < rings; i++)
		ASSERT_LE(0, raw_open());
	EXPECT_EQ(rings, user_rings(self->fd));
	big = raw_open();
	EXPECT_EQ(0, rb_set_size(big, 2 * bytes));
	effective_cap(CAP_SYS_RESOURCE, false);
	if (rings > max)
		EXPECT_EQ(-EDQUOT, raw_open());
	/* Opened with the privilege, so it may be used without. */
	EXPECT_EQ(1, write(big, "x", 1));
	EXPECT_EQ(2 * bytes, user_bytes(big));
	EXPECT_EQ(rings + 1, user_rings(self->fd));
	EXPECT_EQ(0, syscall(SYS_close_range, self->fd + 1, ~0U, 0));
	EXPECT_EQ(before, user_rings(self->fd));
}

/* The real user is charged, whatever the effective one is. */
TEST_F(dev, real_user)
{
	int before = user_rings(self->fd);
	int fd;

	ASSERT_EQ(0, setresuid(-1, OTHER, -1));
	fd = raw_open();
	ASSERT_LE(0, fd);
	EXPECT_EQ(before + 1, user_rings(fd));
	ASSERT_EQ(0, setresuid(-1, 0, -1));
	close(fd);
	EXPECT_EQ(before, user_rings(self->fd));

	/* The opener pays, whoever writes first. */
	ASSERT_EQ(0, setresuid(OTHER, 0, 0));
	fd = raw_open();
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, user_rings(fd));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(65536, user_bytes(fd));
	EXPECT_EQ(1, user_rings(fd));
	EXPECT_EQ(before, user_rings(self->fd));
	close(fd);
}

/*
 * A privileged program that was handed a ring, as its stdout perhaps, makes
 * the first use: the limits stay those of the one who opened it.
 */
TEST_F(dev, no_deputy)
{
	uint64_t limit = rb_param("user_max_bytes");
	int fd;

	ASSERT_EQ(0, setresuid(OTHER, OTHER, 0));
	fd = raw_open();
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, rb_set_size(fd, 2 * limit));
	EXPECT_EQ(-EDQUOT, E(write(fd, "x", 1)));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	EXPECT_EQ(-EDQUOT, E(write(fd, "x", 1)));
	EXPECT_EQ(-EDQUOT, rb_try_mint(fd, FERRIO_RB_READ));
	EXPECT_EQ(0, user_bytes(fd));
	close(fd);
}

TEST_F(dev, parameters)
{
	struct ferrio_rb_info info;

	rb_info(self->fd, &info);
	EXPECT_EQ(1024, rb_param("user_max_rings"));
	EXPECT_EQ(64UL << 20, rb_param("user_max_bytes"));
	EXPECT_EQ(info.user_max_rings, rb_param("user_max_rings"));
	EXPECT_EQ(info.user_max_bytes, rb_param("user_max_bytes"));
}

TEST_HARNESS_MAIN
