// SPDX-License-Identifier: GPL-2.0
/*
 * What makes and ends a ring's life, two at a time on two CPUs: each pair of
 * operations on one file.  Each says what it may say, the holders are counted
 * exactly, and nothing is left.
 */

#include <linux/futex.h>
#include <sched.h>

#include "accounts.h"
#include "lives_ops.h"
#include "rb_harness.h"

/* ---- the second CPU ---- */

/* A step is made by both at once: the one who waits for the other spins. */
struct meeting {
	pthread_t thread;
	struct act *act;	/* of the other one; NULL: go home */
	unsigned int rounds;	/* begun */
	unsigned int there;	/* how many have come, two a round */
	unsigned int done;
};

static struct meeting meeting;

static void spin(uint64_t times)
{
	for (volatile uint64_t i = 0; i < times; i++)
		;
}

static void meet(struct act *a, unsigned int number)
{
	__atomic_add_fetch(&meeting.there, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; __atomic_load_n(&meeting.there, __ATOMIC_SEQ_CST) <
			2 * number; i++)
		if (i % 1024 == 1023)
			sched_yield();
	spin(a->delay);
	life_act(a);
}

static void *second(void *arg)
{
	unsigned int number = 0;

	rb_pin(1);
	for (;;) {
		number++;
		while (__atomic_load_n(&meeting.rounds, __ATOMIC_ACQUIRE) < number)
			syscall(SYS_futex, &meeting.rounds, FUTEX_WAIT_PRIVATE,
				number - 1, NULL, NULL, 0);
		if (!meeting.act)
			return arg;
		meet(meeting.act, number);
		__atomic_store_n(&meeting.done, number, __ATOMIC_RELEASE);
	}
}

static void both(struct act *mine, struct act *other)
{
	unsigned int number = meeting.rounds + 1;

	meeting.act = other;
	__atomic_store_n(&meeting.rounds, number, __ATOMIC_RELEASE);
	syscall(SYS_futex, &meeting.rounds, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	if (!other)
		return;
	meet(mine, number);
	while (__atomic_load_n(&meeting.done, __ATOMIC_ACQUIRE) < number)
		sched_yield();
}

/* ---- a round ---- */

FIXTURE(life) {
	struct accounts before;
	uint64_t seed;
	int keeper;	/* of another ring, so that the module is never unused */
	bool wrong;
};

/* Of one kind, one is drawn each round. */
enum family { MAP, CLOSES, DUPS, FORKS, KILLS, REMOVES, RESIZES, IOCTL, FAMILIES };

static const enum operation first_of[FAMILIES + 1] = {
	MMAP, CLOSE, DUP, FORK, KILL, REMOVE, RESIZE, MINT, OPS
};

FIXTURE_VARIANT(life) {
	enum family family;
};

FIXTURE_VARIANT_ADD(life, map) {
	.family = MAP,
};

FIXTURE_VARIANT_ADD(life, close) {
	.family = CLOSES,
};

FIXTURE_VARIANT_ADD(life, dup) {
	.family = DUPS,
};

FIXTURE_VARIANT_ADD(life, fork) {
	.family = FORKS,
};

FIXTURE_VARIANT_ADD(life, kill) {
	.family = KILLS,
};

FIXTURE_VARIANT_ADD(life, remove) {
	.family = REMOVES,
};

FIXTURE_VARIANT_ADD(life, resize) {
	.family = RESIZES,
};

FIXTURE_VARIANT_ADD(life, ioctl) {
	.family = IOCTL,
};

FIXTURE_SETUP(life)
{
	signal(SIGPIPE, SIG_IGN);
	self->seed = rb_seed();
	accounts_take(&self->before);
	self->keeper = rb_open(O_RDWR);
	rb_pin(0);
	memset(&meeting, 0, sizeof(meeting));
	if (pthread_create(&meeting.thread, NULL, second, NULL))
		rb_die("pthread_create failed");
}

FIXTURE_TEARDOWN(life)
{
	both(NULL, NULL);
	pthread_join(meeting.thread, NULL);
	close(self->keeper);
	EXPECT_TRUE(accounts_even(&self->before));
}

/* How often an operation did what it is for, of the two. */
static int times(const struct act *act, enum operation op)
{
	int n = 0;

	for (int i = 0; i < 2; i++)
		n += act[i].op == op && act[i].ret >= 0;
	return n;
}

/* A file's lines, read once. */
struct lines {
	char text[4096];
};

static void lines_read(struct lines *l, int fd)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, l->text, sizeof(l->text) - 1);
	if (n <= 0)
		rb_die("%s: %s", path, strerror(errno));
	close(fd);
	l->text[n] = '\0';
}

static long line(const struct lines *l, const char *end, const char *what)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\nrb-%s%s:\t", end, what);
	at = strstr(l->text, key);
	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

/* What the counters of an end promise whenever nobody is in a call. */
static bool counters_fit(const struct lines *l, const char *end)
{
	long armed = line(l, end, "arms") - line(l, end, "wakes");
	long spurious = line(l, end, "spurious");

	return (armed == 0 || armed == 1) && spurious >= 0 &&
	       spurious <= line(l, end, "sleeps");
}

/* Who holds what now is known exactly, whichever came first. */
static bool holders_are_right(const struct life *l, const struct act *act)
{
	bool own = l->stage == SHARED || l->stage == ALONE;	/* the end is a file of its own */
	bool file = !times(act, CLOSE) || times(act, DUP) || times(act, MMAP) ||
		    (own && !times(act, MUNMAP));
	int producers = file && !times(act, SHUTDOWN);
	int consumers = 1 + (own || file);
	int maps = times(act, MMAP) + !times(act, MUNMAP);
	struct ferrio_rb_info info;
	struct lines told;
	bool closed;

	if (l->stage == SHARED)
		producers++;
	if (l->minted == FERRIO_RB_WRITE)
		producers += times(act, MINT);
	if (l->minted == FERRIO_RB_READ)
		consumers += times(act, MINT);
	rb_info(l->watch, &info);
	lines_read(&told, l->watch);
	closed = info.state & FERRIO_RB_STATE_WRITE_CLOSED;
	if (line(&told, "", "producers") == producers &&
	    line(&told, "", "consumers") == consumers &&
	    line(&told, "", "maps") == maps && closed == !producers &&
	    !(info.state & FERRIO_RB_STATE_READ_CLOSED) &&
	    counters_fit(&told, "consumer-") && counters_fit(&told, "producer-"))
		return true;
	fprintf(stderr, "# %d producers, %d consumers, %d maps, not state %#x and %s\n",
		producers, consumers, maps, info.state, told.text);
	return false;
}

static void reap(const struct life *l, const struct act *act)
{
	for (int i = 0; i < 2; i++)
		if (act[i].op == FORK && act[i].ret > 0)
			waitpid(act[i].ret, NULL, 0);
	if (l->victim)
		rb_reap_killed(l->victim);
}

/* Closes all but the observer. */
static void life_end(const struct life *l, const struct act *act)
{
	for (int i = 0; i < 2; i++) {
		if ((act[i].op == DUP || act[i].op == MINT) && act[i].ret >= 0)
			close(act[i].ret);
		if (act[i].window)
			munmap(act[i].window, 3 * RB_PAGE);
	}
	if (l->window && !times(act, MUNMAP))
		munmap(l->window, l->window_bytes);
	if (!times(act, CLOSE))
		close(l->end);
	if (l->end != l->plain)
		close(l->plain);
	if (l->reader != l->plain)
		close(l->reader);
}

/* After the last of them nobody holds an end, and it is corrupt if it was blamed. */
static bool nobody_is_left(const struct life *l, const struct act *act)
{
	unsigned int want = FERRIO_RB_STATE_ALLOCATED |
		FERRIO_RB_STATE_READ_CLOSED | FERRIO_RB_STATE_WRITE_CLOSED;
	struct ferrio_rb_info info;

	if (times(act, BLAME))
		want |= FERRIO_RB_STATE_CORRUPT;
	for (int i = 0; i < 2000; i++) {
		rb_info(l->watch, &info);
		if (info.state == want)
			return true;
		rb_sleep_ms(1);
	}
	fprintf(stderr, "# state %#x, not %#x\n", info.state, want);
	return false;
}

static bool one_round(struct _test_data_life *self, enum operation op,
		      enum operation other, unsigned int round)
{
	struct life l;
	struct act act[2] = {
		{ .op = op, .life = &l, .number = 0 },
		{ .op = other, .life = &l, .number = 1 },
	};
	bool fine = true, look = round % 16 / STAGES == round / 16 % STAGES;

	life_begin(&l, round % STAGES, round);
	l.minted = rb_random(&self->seed) % 3;
	if (op == KILL || other == KILL)
		life_victim(&l);
	/* one or the other comes later, by nothing or by the length of a call */
	act[round / STAGES % 2].delay = rb_random(&self->seed) %
		(1ULL << rb_random(&self->seed) % 14);
	both(&act[0], &act[1]);
	for (int i = 0; i < 2; i++) {
		if (life_may_say(&act[i], &act[!i]))
			continue;
		fprintf(stderr, "# %s says %ld\n", operation_name[act[i].op],
			act[i].ret);
		fine = false;
	}
	/* what can be done only once was done once */
	if (op == other && (op == CLOSE || op == SHUTDOWN) && times(act, op) != 1) {
		fprintf(stderr, "# both or none did it\n");
		fine = false;
	}
	reap(&l, act);
	if (l.watch >= 0 && look)
		fine &= holders_are_right(&l, act);
	life_end(&l, act);
	if (l.watch >= 0) {
		fine &= nobody_is_left(&l, act);
		close(l.watch);
	}
	if (!fine)
		fprintf(stderr, "# %s against %s, round %u, stage %d\n",
			operation_name[op], operation_name[other], round, l.stage);
	return fine;
}

static enum operation member(struct _test_data_life *self, enum family family)
{
	unsigned int size = first_of[family + 1] - first_of[family];

	return first_of[family] + rb_random(&self->seed) % size;
}

/* In one family, each with itself as often as with all others. */
static bool family_round(struct _test_data_life *self, enum family family,
			 enum family other, unsigned int round)
{
	enum operation op = member(self, family);

	if (family == other && rb_random(&self->seed) % 2)
		return one_round(self, op, op, round);
	return one_round(self, op, member(self, other), round);
}

TEST_F_TIMEOUT(life, against_each, 60)
{
	unsigned int n = rounds(24, 50);

	for (int other = variant->family; other < FAMILIES; other++) {
		uint64_t begin = now_ns();
		long live = rb_live_pages();

		for (unsigned int i = 0; i < n; i++) {
			bool fine = family_round(self, variant->family, other, i);

			ASSERT_TRUE(fine);
		}
		ASSERT_TRUE(rb_pages_return(live));
		TH_LOG("%s: %llu us a round", operation_name[first_of[other]],
		       (unsigned long long)(now_ns() - begin) / 1000 / n);
	}
}

/* ---- the last one goes, and the module behind it ---- */

enum last { BY_CLOSE, BY_UNMAP, BY_EXIT, BY_KILL, BY_SOCKET, LASTS };

FIXTURE(module) {
	int image;
};

FIXTURE_SETUP(module)
{
	self->image = reload_image();
}

/* Whatever happened, the next test finds the module. */
FIXTURE_TEARDOWN(module)
{
	if (!reload_there())
		EXPECT_EQ(0, reload_insert(self->image));
	close(self->image);
}

struct last_one {
	enum last by;
	int end;
	char *window;
	int sock[2];
	pid_t pid;
	long removed;
};

static void last_goes(struct last_one *l)
{
	switch (l->by) {
	case BY_CLOSE:
		close(l->end);
		break;
	case BY_UNMAP:
		munmap(l->window, 3 * RB_PAGE);
		break;
	case BY_EXIT:
		close(l->sock[1]);	/* what it waits for */
		break;
	case BY_KILL:
		kill(l->pid, SIGKILL);
		break;
	default:
		close(l->sock[0]);
		close(l->sock[1]);
	}
}

static void *remove_it(void *arg)
{
	struct last_one *l = arg;

	rb_pin(1);
	do {
		l->removed = reload_remove();
	} while (l->removed == -EWOULDBLOCK);
	return NULL;
}

static void last_begin(struct last_one *l, enum last by)
{
	int fd[2];
	char c;

	memset(l, 0, sizeof(*l));
	l->by = by;
	hold_ends(LIFE_SIZE, fd);
	close(fd[FERRIO_RB_READ]);
	l->end = fd[FERRIO_RB_WRITE];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, l->sock))
		rb_die("socketpair: %s", strerror(errno));
	if (by == BY_EXIT || by == BY_KILL) {
		l->pid = fork();
		if (!l->pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(l->sock[1]);
			life_map(l->end, 2, 3);
			(void)!read(l->sock[0], &c, 1);
			_exit(0);
		}
	}
	if (by == BY_UNMAP)
		l->window = life_map(l->end, 2, 3);
	if (by == BY_SOCKET)
		hold_send(l->sock[0], l->end);
	if (by != BY_CLOSE)
		close(l->end);
}

TEST_F_TIMEOUT(module, goes_behind_the_last, 60)
{
	int n = LASTS * rounds(2, 1);
	uint64_t seed = rb_seed();
	struct last_one l;

	rb_pin(0);
	for (int i = 0; i < n; i++) {
		pthread_t thread;

		last_begin(&l, i % LASTS);
		ASSERT_EQ(-EWOULDBLOCK, reload_remove()) TH_LOG("way %d", l.by);
		ASSERT_EQ(0, pthread_create(&thread, NULL, remove_it, &l));
		spin(rb_random(&seed) % 100000);
		last_goes(&l);
		pthread_join(thread, NULL);
		EXPECT_EQ(0, l.removed) TH_LOG("way %d", l.by);
		if (l.pid)
			waitpid(l.pid, NULL, 0);
		if (l.by != BY_SOCKET) {
			close(l.sock[0]);
			if (l.by != BY_EXIT)
				close(l.sock[1]);
		}
		ASSERT_FALSE(reload_there());
		ASSERT_EQ(0, reload_insert(self->image));
		close(rb_open(O_RDWR));
	}
}

TEST_HARNESS_MAIN
