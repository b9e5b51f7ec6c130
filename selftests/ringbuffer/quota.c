// SPDX-License-Identifier: GPL-2.0
/*
 * The limit of a user, wherever his rings go: to children, to other users, through
 * sockets; and in user namespaces.  limits.c has what one process meets.
 */

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "hold.h"
#include "quota.h"

#define OTHER	10012

static void stay(int unused)
{
	(void)unused;
	pause();
}

/* However many processes have it, it is one ring; until the last has not. */
TEST_F(quota, forks)
{
	int show = meter(USER), fd;
	pid_t child[8];

	ASSERT_EQ(0, setresuid(USER, 0, 0));
	fd = new_ring(RB_PAGE);
	ASSERT_EQ(1, write(fd, "x", 1));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	for (size_t i = 0; i < ARRAY_SIZE(child); i++)
		child[i] = start(stay, 0);
	ACCOUNT(2, RB_PAGE, show);
	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(child); i++) {
		ACCOUNT(2, RB_PAGE, show);
		rb_reap_killed(child[i]);
	}
	ACCOUNT(1, 0, show);
}

/* Who opened it pays for good: not who he becomes, nor who uses it then. */
TEST_F(quota, changes_user)
{
	int show = meter(USER), other = meter(OTHER), fd[3];

	ASSERT_EQ(0, setresuid(USER, 0, 0));
	fd[0] = new_ring(RB_PAGE);
	fd[1] = new_ring(2 * RB_PAGE);
	ASSERT_EQ(1, write(fd[0], "x", 1));
	ASSERT_EQ(0, setresuid(OTHER, 0, 0));
	ACCOUNT(3, RB_PAGE, show);
	ACCOUNT(1, 0, other);
	ASSERT_EQ(1, write(fd[1], "x", 1));
	fd[2] = new_ring(4 * RB_PAGE);
	ASSERT_EQ(1, write(fd[2], "x", 1));
	ACCOUNT(3, 3 * RB_PAGE, show);
	ACCOUNT(2, 4 * RB_PAGE, other);
	close(fd[0]);
	ACCOUNT(2, 2 * RB_PAGE, show);
	ACCOUNT(2, 4 * RB_PAGE, other);
	ASSERT_EQ(0, setresuid(0, 0, 0));
	close(fd[2]);
	close(fd[1]);
	ACCOUNT(1, 0, show);
	ACCOUNT(1, 0, other);
}

static void give_ring(int over)
{
	int fd;

	become(USER);
	fd = new_ring(RB_PAGE);
	CHECK(1, write(fd, "x", 1));
	rb_send_fd(over, fd);
}

/* In flight, received, minted from and mapped, the sender being dead. */
TEST_F(quota, sent)
{
	int show = meter(USER), other = meter(OTHER), over[2], fd, end;
	void *at;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, over));
	EXPECT_EQ(0, end_of(start(give_ring, over[1])));
	ACCOUNT(2, RB_PAGE, show);
	ASSERT_EQ(0, setresuid(OTHER, OTHER, 0));
	fd = rb_receive_fd(over[0]);
	ASSERT_LE(0, fd);
	end = rb_mint(fd, FERRIO_RB_READ);
	at = mmap(NULL, RB_PAGE, PROT_READ, MAP_SHARED, end, 0);
	ASSERT_NE(MAP_FAILED, at);
	close(fd);
	ACCOUNT(2, RB_PAGE, show);
	close(end);
	ACCOUNT(2, RB_PAGE, show);
	ACCOUNT(1, 0, other);
	munmap(at, RB_PAGE);
	ACCOUNT(1, 0, show);

	/* never received */
	ASSERT_EQ(0, setresuid(0, 0, 0));
	EXPECT_EQ(0, end_of(start(give_ring, over[1])));
	ACCOUNT(2, RB_PAGE, show);
	close(over[0]);
	close(over[1]);
	for (int i = 0; i < 2000 && user_rings(show) != 1; i++)
		rb_sleep_ms(1);
	ACCOUNT(1, 0, show);
}

/* ---- limits that are changed ---- */

/* Opens @want rings, and cannot open more. */
static void fill_account(int want)
{
	for (int i = 0; i < want; i++)
		CHECK(true, raw_open() >= 0);
	CHECK(-EDQUOT, raw_open());
	CHECK(-EDQUOT, raw_open());
}

static void lower(int unused)
{
	int a, b;

	(void)unused;
	limited(USER);
	a = new_ring(RB_PAGE);
	b = new_ring(RB_PAGE);
	CHECK(1, write(a, "x", 1));
	/* what he has stays, and grows no more */
	set_limit("user_max_rings", 1);
	set_limit("user_max_bytes", RB_PAGE);
	CHECK(-EDQUOT, raw_open());
	CHECK(-EDQUOT, E(write(b, "x", 1)));
	CHECK(1, write(a, "x", 1));
	/* the one limit has no say in the other */
	set_limit("user_max_bytes", 2 * RB_PAGE);
	CHECK(1, write(b, "x", 1));
	close(a);
	CHECK(-EDQUOT, raw_open());
	close(b);
	a = raw_open();
	CHECK(1, user_rings(a));
	CHECK(-EDQUOT, raw_open());
	/* none at all */
	set_limit("user_max_bytes", 0);
	CHECK(-EDQUOT, E(write(a, "x", 1)));
	CHECK(-EDQUOT, rb_try_mint(a, FERRIO_RB_OBSERVE));
	close(a);
	set_limit("user_max_rings", 0);
	CHECK(-EDQUOT, raw_open());
	/* as many as one likes */
	set_limit("user_max_rings", UINT64_MAX);
	set_limit("user_max_bytes", UINT64_MAX);
	for (int i = 0; i < 2 * RINGS; i++) {
		a = new_ring(BYTES);
		CHECK(1, E(write(a, "x", 1)));
	}
	CHECK(2 * RINGS, user_rings(a));
	CHECK(2 * RINGS * BYTES, user_bytes(a));
}

/* A new limit holds at once, and takes nothing away. */
TEST_F(quota, changed)
{
	EXPECT_EQ(0, end_of(start(lower, 0)));
}

static void bytes_beyond(int fd, long want)
{
	CHECK(0, rb_set_size(fd, 2 * BYTES));
	CHECK(want, E(write(fd, "x", 1)));
}

/* The one capability, of a user who has no other. */
static void one_cap(int unused)
{
	int fd[2];

	(void)unused;
	CHECK(0, prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
	become(USER);
	CHECK(true, raw_open() >= 0);
	effective_cap(CAP_SYS_RESOURCE, true);
	for (int i = 1; i < RINGS + 2; i++)
		CHECK(true, raw_open() >= 0);
	fd[0] = raw_open();
	CHECK(RINGS + 3, user_rings(fd[0]));
	effective_cap(CAP_SYS_RESOURCE, false);
	CHECK(-EDQUOT, raw_open());
	bytes_beyond(fd[0], 1);
	CHECK(2 * BYTES, user_bytes(fd[0]));
}

TEST_F(quota, capability)
{
	EXPECT_EQ(0, end_of(start(one_cap, 0)));
}

static void write_map(pid_t pid, const char *what, const char *map)
{
	char path[64];
	long ret;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	ret = rb_write_file(path, map);
	if (ret)
		rb_die("%s to %s: %s", map, path, strerror(-ret));
}

/* Root of a user namespace, with all capabilities there, is who he was before. */
static void own_namespace(int uid)
{
	char map[32];
	int fd;

	if (uid) {
		become(uid);
		CHECK(0, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	}
	CHECK(0, unshare(CLONE_NEWUSER));
	snprintf(map, sizeof(map), "0 %d 1", uid);
	write_map(getpid(), "uid_map", map);
	CHECK(0, getuid());
	effective_cap(CAP_SYS_RESOURCE, true);
	fd = raw_open();
	CHECK(2, user_rings(fd));
	bytes_beyond(fd, -EDQUOT);
	CHECK(0, rb_set_size(fd, BYTES));
	CHECK(1, E(write(fd, "x", 1)));
	fill_account(RINGS - 2);
	CHECK(RINGS, user_rings(fd));
}

TEST_F(quota, namespace)
{
	int show = meter(USER), root = meter(0);

	EXPECT_EQ(0, end_of(start(own_namespace, USER)));
	ACCOUNT(1, 0, show);
	EXPECT_EQ(0, end_of(start(own_namespace, 0)));
	ACCOUNT(1, 0, root);
}

/* A user of a namespace, who is not told who he is outside. */
static int ready[2];

static void some_user(int uid)
{
	char c = 0;

	if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		rb_die("user %d of the namespace: %s", uid, strerror(errno));
	fill_account(RINGS - 1);
	CHECK(1, write(ready[1], &c, 1));
	pause();
}

/* Each id that a namespace was given has an account, that of the id outside. */
TEST_F(quota, subordinate_ids)
{
	int show[2] = { meter(USER), meter(USER + 1) }, go[2], told[2];
	char map[32], c = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, pipe(told));
	ASSERT_EQ(0, pipe(ready));
	fflush(NULL);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		pid_t user[2];

		CHECK(0, unshare(CLONE_NEWUSER));
		CHECK(1, write(told[1], &c, 1));
		CHECK(1, read(go[0], &c, 1));
		for (int i = 0; i < 2; i++)
			user[i] = start(some_user, i);
		for (int i = 0; i < 2; i++)
			CHECK(1, read(ready[0], &c, 1));
		CHECK(1, write(told[1], &c, 1));
		CHECK(1, read(go[0], &c, 1));
		CHECK(0, setresuid(0, 0, 0));
		for (int i = 0; i < 2; i++)
			rb_reap_killed(user[i]);
		_exit(0);
	}
	ASSERT_EQ(1, read(told[0], &c, 1));
	snprintf(map, sizeof(map), "0 %d 2", USER);
	write_map(pid, "uid_map", map);
	write_map(pid, "gid_map", map);
	ASSERT_EQ(1, write(go[1], &c, 1));
	ASSERT_EQ(1, read(told[0], &c, 1));
	ACCOUNT(RINGS, 0, show[0]);
	ACCOUNT(RINGS, 0, show[1]);
	ASSERT_EQ(1, write(go[1], &c, 1));
	EXPECT_EQ(0, end_of(pid));
	ACCOUNT(1, 0, show[0]);
	ACCOUNT(1, 0, show[1]);
}

TEST_HARNESS_MAIN
