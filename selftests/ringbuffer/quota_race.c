// SPDX-License-Identifier: GPL-2.0
/* The limit of a user with many processes at once: exact, whoever comes first. */

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "hold.h"
#include "quota.h"

#define RACERS	6

/* Shared by the racers and whoever starts them, round by round. */
struct race {
	int begin, done, end, gone;
	long ret[RACERS];
};

static struct race *race;

static void await(const int *word, int value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) < value)
		sched_yield();
}

static void arrive(int *word)
{
	__atomic_add_fetch(word, 1, __ATOMIC_ACQ_REL);
}

/* Each races for a ring. */
static void race_rings(int me)
{
	limited(USER);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int n = 1;; n++) {
		await(&race->begin, n);
		race->ret[me] = raw_open();
		arrive(&race->done);
		await(&race->end, n);
		if (race->ret[me] >= 0)
			close(race->ret[me]);
		arrive(&race->gone);
	}
}

/* Each has a ring, and races for its memory. */
static void race_bytes(int me)
{
	limited(USER);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int n = 1;; n++) {
		int fd = new_ring(RB_PAGE);

		await(&race->begin, n);
		race->ret[me] = me % 2 ? E(write(fd, "x", 1)) :
			rb_try_mint(fd, FERRIO_RB_WRITE);
		arrive(&race->done);
		await(&race->end, n);
		if (!(me % 2) && race->ret[me] >= 0)
			close(race->ret[me]);
		close(fd);
		arrive(&race->gone);
	}
}

/* All have the same ring, of which one makes the memory. */
static int shared_ring[2];

static void race_first_use(int me)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int n = 1;; n++) {
		int fd;

		await(&race->begin, n);
		fd = rb_receive_fd(shared_ring[0]);
		race->ret[me] = E(write(fd, "x", 1));
		arrive(&race->done);
		await(&race->end, n);
		close(fd);
		arrive(&race->gone);
	}
}

static void race_start(void (*work)(int), pid_t *racer)
{
	race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (race == MAP_FAILED)
		rb_die("mmap: %s", strerror(errno));
	for (int i = 0; i < RACERS; i++)
		racer[i] = start(work, i);
}

static void race_stop(pid_t *racer)
{
	for (int i = 0; i < RACERS; i++)
		rb_reap_killed(racer[i]);
}

/* Each racer had his share or EDQUOT; how many had it. */
static int winners(struct __test_metadata *_metadata)
{
	int won = 0;

	for (int i = 0; i < RACERS; i++) {
		EXPECT_TRUE(race->ret[i] >= 0 || race->ret[i] == -EDQUOT)
			TH_LOG("racer %d: %ld", i, race->ret[i]);
		won += race->ret[i] >= 0;
	}
	return won;
}

/* For what is left of rings, or of bytes, there are as many winners. */
TEST_F_TIMEOUT(quota, last_ring, 300)
{
	int show = meter(USER), fd[RINGS], round = 0;
	pid_t racer[RACERS];

	race_start(race_rings, racer);
	for (int left = 3; left >= 1; left--) {
		int hold = RINGS - 1 - left;

		ASSERT_EQ(0, setresuid(USER, 0, 0));
		for (int i = 0; i < hold; i++)
			fd[i] = new_ring(RB_PAGE);
		ASSERT_EQ(0, setresuid(0, 0, 0));
		for (int i = rounds(100, 15); i; i--) {
			round++;
			__atomic_store_n(&race->begin, round, __ATOMIC_RELEASE);
			await(&race->done, round * RACERS);
			ASSERT_EQ(left, winners(_metadata));
			ASSERT_EQ(RINGS, user_rings(show));
			__atomic_store_n(&race->end, round, __ATOMIC_RELEASE);
			await(&race->gone, round * RACERS);
			ASSERT_EQ(RINGS - left, user_rings(show));
		}
		for (int i = 0; i < hold; i++)
			close(fd[i]);
	}
	race_stop(racer);
	ACCOUNT(1, 0, show);
}

TEST_F_TIMEOUT(quota, last_bytes, 300)
{
	int show = meter(USER), hold, round = 0;
	pid_t racer[RACERS];
	const int left = 4;

	/* a ring each, this one's, and that of the meter's */
	ASSERT_GT(RINGS, RACERS + 2);
	set_limit("user_max_bytes", 8 * RB_PAGE + left * RB_PAGE);
	ASSERT_EQ(0, setresuid(USER, 0, 0));
	hold = new_ring(8 * RB_PAGE);
	ASSERT_EQ(0, setresuid(0, 0, 0));
	ASSERT_EQ(1, write(hold, "x", 1));
	race_start(race_bytes, racer);
	for (int i = rounds(200, 30); i; i--) {
		round++;
		__atomic_store_n(&race->begin, round, __ATOMIC_RELEASE);
		await(&race->done, round * RACERS);
		ASSERT_EQ(left, winners(_metadata));
		ASSERT_EQ(8 * RB_PAGE + left * RB_PAGE, user_bytes(show));
		__atomic_store_n(&race->end, round, __ATOMIC_RELEASE);
		await(&race->gone, round * RACERS);
		ASSERT_EQ(8 * RB_PAGE, user_bytes(show));
	}
	race_stop(racer);
	close(hold);
	ACCOUNT(1, 0, show);
}

/* A ring whose first use many make counts once. */
TEST_F_TIMEOUT(quota, counted_once, 300)
{
	int show = meter(USER), fd, round = 0;
	pid_t racer[RACERS];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, shared_ring));
	race_start(race_first_use, racer);
	for (int i = rounds(200, 30); i; i--) {
		round++;
		ASSERT_EQ(0, setresuid(USER, 0, 0));
		fd = new_ring(BYTES);
		ASSERT_EQ(0, setresuid(0, 0, 0));
		for (int j = 0; j < RACERS; j++)
			rb_send_fd(shared_ring[1], fd);
		__atomic_store_n(&race->begin, round, __ATOMIC_RELEASE);
		await(&race->done, round * RACERS);
		ASSERT_EQ(RACERS, winners(_metadata));
		ASSERT_EQ(RACERS, rb_avail(fd));
		ACCOUNT(2, BYTES, show);
		ASSERT_EQ(RB_HEAD_PAGES + BYTES / RB_PAGE,
			  rb_live_pages() - self->before.live);
		__atomic_store_n(&race->end, round, __ATOMIC_RELEASE);
		await(&race->gone, round * RACERS);
		close(fd);
		ACCOUNT(1, 0, show);
	}
	race_stop(racer);
}

TEST_HARNESS_MAIN
