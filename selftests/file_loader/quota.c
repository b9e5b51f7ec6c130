// SPDX-License-Identifier: GPL-2.0
/* What each user may have of blobs.  The limits are lowered, and put back by the parent. */
#define _GNU_SOURCE
#include "child.h"
#include "fl.h"

#define PARAMETERS	"/sys/module/file_loader/parameters/"
#define MAX_BYTES	(3 * RB_PAGE)
#define MAX_BLOBS	2
#define ANN		10021
#define BOB		10022

FIXTURE(limits) {
	int fd;
	long bytes, blobs;
	long live;
};

static void set_limit(const char *path, long value)
{
	char text[32];
	long ret;

	snprintf(text, sizeof(text), "%ld", value);
	ret = rb_write_file(path, text);
	if (ret)
		rb_die("%s: %s", path, strerror(-ret));
}

FIXTURE_SETUP(limits)
{
	self->live = rb_live_pages();
	self->bytes = rb_read_number(PARAMETERS "user_max_bytes");
	self->blobs = rb_read_number(PARAMETERS "user_max_blobs");
	set_limit(PARAMETERS "user_max_bytes", MAX_BYTES);
	set_limit(PARAMETERS "user_max_blobs", MAX_BLOBS);
	self->fd = fl_open();
}

/* Also if the test has ended in its middle. */
FIXTURE_TEARDOWN_PARENT(limits)
{
	if (!self->blobs)
		return;
	set_limit(PARAMETERS "user_max_bytes", self->bytes);
	set_limit(PARAMETERS "user_max_blobs", self->blobs);
	unlink(FL_FILE);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* The account of the caller's real user id. */
#define ACCOUNT(blobs, bytes, dev) do {					\
	struct ferrio_fl_info __info;					\
									\
	fl_info(dev, &__info);						\
	EXPECT_EQ(blobs, __info.user_blobs);				\
	EXPECT_EQ(bytes, __info.user_bytes);				\
} while (0)

/* @uid's account, still root in all else. */
static void become(uid_t uid)
{
	if (setresuid(uid, 0, 0))
		rb_die("setresuid: %s", strerror(errno));
}

/* A limit of a user without CAP_SYS_RESOURCE: of whole pages, and of blobs. */
TEST_F(limits, of_a_user)
{
	struct ferrio_fl_info info;
	int file = fl_file(RB_PAGE + 1);
	long blob;

	blob = fl_load_fd(self->fd, file);
	ASSERT_LE(0, blob);
	fl_info(self->fd, &info);
	EXPECT_EQ(1, info.user_blobs);
	EXPECT_EQ(2 * RB_PAGE, info.user_bytes);
	EXPECT_EQ(MAX_BYTES, info.user_max_bytes);
	EXPECT_EQ(MAX_BLOBS, info.user_max_blobs);
	IN_CHILD(({
		drop_capability(CAP_SYS_RESOURCE);
		SAME(-AT(MEMORY, EDQUOT), fl_load_fd(self->fd, file));
		SAME(1, fl_load_bytes(self->fd, "x", 1) >= 0);
		SAME(-AT(MEMORY, EDQUOT), fl_load_bytes(self->fd, "x", 1));
	}));
	/* Privilege exceeds it. */
	IN_CHILD(({
		SAME(1, fl_load_fd(self->fd, file) >= 0);
		SAME(1, fl_load_fd(self->fd, file) >= 0);
	}));
	close(blob);
	close(file);
	ACCOUNT(0, 0, self->fd);
}

/* Full of one is not full of the other, and neither sees what the other has. */
TEST_F(limits, of_two_users)
{
	static const uid_t users[] = { ANN, BOB };
	static char bytes[MAX_BYTES];
	long blob[2][2];

	drop_capability(CAP_SYS_RESOURCE);
	for (int i = 0; i < 2; i++) {
		become(users[i]);
		ACCOUNT(0, 0, self->fd);
		blob[i][0] = fl_load_bytes(self->fd, bytes, RB_PAGE + 1);
		ASSERT_LE(0, blob[i][0]);
		/* A page more than there may be, and just as many. */
		EXPECT_EQ(-AT(MEMORY, EDQUOT), fl_load_bytes(self->fd, bytes, RB_PAGE + 1));
		ACCOUNT(1, 2 * RB_PAGE, self->fd);
		blob[i][1] = fl_load_bytes(self->fd, bytes, RB_PAGE);
		ASSERT_LE(0, blob[i][1]);
		ACCOUNT(2, 3 * RB_PAGE, self->fd);
		EXPECT_EQ(-AT(MEMORY, EDQUOT), fl_load_bytes(self->fd, bytes, 1));
	}
	/* It is the loader that counts, not whoever closes. */
	close(blob[0][1]);
	ACCOUNT(2, 3 * RB_PAGE, self->fd);
	become(ANN);
	ACCOUNT(1, 2 * RB_PAGE, self->fd);
	close(blob[1][0]);
	close(blob[1][1]);
	ACCOUNT(1, 2 * RB_PAGE, self->fd);
	close(blob[0][0]);
	ACCOUNT(0, 0, self->fd);
	become(BOB);
	ACCOUNT(0, 0, self->fd);
	become(0);
	ACCOUNT(0, 0, self->fd);
}

/* A blob that another user has by now counts for its maker until that one closes it. */
TEST_F(limits, handed_on)
{
	int told[2], go[2], status;
	long blob;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(told));
	ASSERT_EQ(0, pipe(go));
	become(ANN);
	blob = fl_load_bytes(self->fd, "abc", 3);
	ASSERT_LE(0, blob);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct ferrio_fl_info info;
		struct ferrio_fl_blob of;

		/* All of it, effective and saved. */
		SAME(0, setresuid(BOB, BOB, BOB));
		fl_info(self->fd, &info);
		SAME(0, info.user_blobs);
		fl_blob_info(blob, &of);
		SAME(ANN, of.uid);
		SAME(1, write(told[1], "x", 1));
		SAME(1, read(go[0], &c, 1));
		close(blob);
		fl_info(self->fd, &info);
		SAME(0, info.user_blobs);
		SAME(0, info.user_bytes);
		SAME(1, write(told[1], "x", 1));
		SAME(1, read(go[0], &c, 1));
		_exit(0);
	}
	ASSERT_EQ(1, read(told[0], &c, 1));
	close(blob);
	/* The last descriptor is Bob's. */
	ACCOUNT(1, RB_PAGE, self->fd);
	ASSERT_EQ(1, write(go[1], "x", 1));
	ASSERT_EQ(1, read(told[0], &c, 1));
	ACCOUNT(0, 0, self->fd);
	EXPECT_EQ(self->live, rb_live_pages());
	ASSERT_EQ(1, write(go[1], "x", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	become(0);
}

/* A racer: on a CPU of its own, one load in each round. */
struct racer {
	int cpu, dev;
	size_t len;
	unsigned int *round;
	unsigned int done;
	long blob;
	pthread_t thread;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	static char bytes[MAX_BYTES];

	rb_pin(r->cpu);
	for (unsigned int round = 1;; round++) {
		unsigned int now;

		while ((now = __atomic_load_n(r->round, __ATOMIC_ACQUIRE)) < round)
			sched_yield();
		if (now == UINT_MAX)
			return NULL;
		r->blob = fl_load_bytes(r->dev, bytes, r->len);
		__atomic_store_n(&r->done, round, __ATOMIC_RELEASE);
	}
}

/* Two loads, one of which fits: of the two of them, and of each other's room, one wins. */
static long wins(struct racer *racers, unsigned int *round)
{
	long won = 0;

	__atomic_add_fetch(round, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < 2; i++) {
		while (__atomic_load_n(&racers[i].done, __ATOMIC_ACQUIRE) < *round)
			sched_yield();
		if (racers[i].blob >= 0)
			won++;
		else if (racers[i].blob != -AT(MEMORY, EDQUOT))
			rb_die("a loser: %ld", racers[i].blob);
	}
	return won;
}

TEST_F(limits, last_bytes)
{
	/* By bytes: two pages of three.  By blobs: one of the last one. */
	static const size_t lens[] = { 2 * RB_PAGE, 1 };
	int cpus = sysconf(_SC_NPROCESSORS_ONLN), count = rounds(100, 20);
	struct racer racers[2];
	unsigned int round;

	drop_capability(CAP_SYS_RESOURCE);
	become(ANN);
	for (int kind = 0; kind < ARRAY_SIZE(lens); kind++) {
		long first = kind ? fl_load_bytes(self->fd, "x", 1) : -1;

		round = 0;
		for (int i = 0; i < 2; i++) {
			racers[i] = (struct racer) {
				.cpu = i % cpus, .dev = self->fd, .len = lens[kind],
				.round = &round,
			};
			ASSERT_EQ(0, pthread_create(&racers[i].thread, NULL, race, &racers[i]));
		}
		for (int i = 0; i < count; i++) {
			ASSERT_EQ(1, wins(racers, &round));
			close(racers[0].blob < 0 ? racers[1].blob : racers[0].blob);
			ACCOUNT(kind, kind * RB_PAGE, self->fd);
		}
		__atomic_store_n(&round, UINT_MAX, __ATOMIC_RELEASE);
		for (int i = 0; i < 2; i++)
			pthread_join(racers[i].thread, NULL);
		close(first);
	}
	become(0);
}

TEST_HARNESS_MAIN
