// SPDX-License-Identifier: GPL-2.0
/*
 * What makes and ends a ring's life, two at a time on two CPUs: each pair of
 * operations on one file.  Each says what it may say, the holders are counted
 * exactly, and nothing is left.
 */

#include "accounts.h"
#include "lives_ops.h"
#include "meeting.h"
#include "rb_harness.h"

/* ---- a round ---- */

FIXTURE(life) {
	struct accounts before;
	struct meeting meeting;
	uint64_t seed;
};

/* Of one kind, one is drawn each round; of MAP mostly mmap(). */
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
	meeting_start(&self->meeting);
}

FIXTURE_TEARDOWN(life)
{
	meeting_end(&self->meeting);
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

static bool maps(enum operation op)
{
	return op == MMAP || op == MUNMAP;
}

/* A window is refused in half of the stages: to see that, one round in eight does. */
static enum life_stage stage_of(enum operation op, enum operation other,
				unsigned int round)
{
	/* munmap() is in one round of eight */
	if (op != MMAP && other != MMAP)
		return (maps(op) || maps(other) ? round / 8 : round) % STAGES;
	return round % 8 < 7 ? SHARED + round % 2 : PLAIN + round / 8 % 2;
}

static bool one_round(struct _test_data_life *self, enum operation op,
		      enum operation other, unsigned int round)
{
	struct life l;
	struct act act[2] = {
		{ .op = op, .life = &l, .number = 0 },
		{ .op = other, .life = &l, .number = 1 },
	};
	struct meeter meeter[2] = {
		{ .act = life_act, .arg = &act[0] },
		{ .act = life_act, .arg = &act[1] },
	};
	bool fine = true;

	life_begin(&l, stage_of(op, other, round));
	/* it takes ten times as long, and matters to nothing but windows */
	l.own_memory = maps(op) || maps(other) || round / STAGES % 8 == 0;
	l.minted = rb_random(&self->seed) % 3;
	if (op == KILL || other == KILL)
		life_victim(&l);
	/* one or the other comes later */
	meeter[rb_random(&self->seed) % 2].delay = meeting_delay(&self->seed);
	meeting_both(&self->meeting, &meeter[0], &meeter[1]);
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
	if (l.watch >= 0)
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

static enum operation member(struct _test_data_life *self, enum family family,
			     unsigned int round)
{
	unsigned int size = first_of[family + 1] - first_of[family];

	if (family == MAP)
		return round % 8 == 5 ? MUNMAP : MMAP;
	return first_of[family] + rb_random(&self->seed) % size;
}

/*
 * In one family, each with itself as often as with all others.  Whether it was a
 * round of the two families: a window, where there is to be one, could be made.
 */
static bool family_round(struct _test_data_life *self, enum family family,
			 enum family other, unsigned int round, unsigned int *of_both)
{
	enum operation op[2] = { member(self, family, round), 0 };
	bool alike = family == other && rb_random(&self->seed) % 2;

	op[1] = alike ? op[0] : member(self, other, round / 8);
	*of_both += (op[0] == MMAP || family != MAP) &&
		    (op[1] == MMAP || other != MAP) &&
		    (family != MAP || stage_of(op[0], op[1], round) < PLAIN);
	return one_round(self, op[0], op[1], round);
}

TEST_F_TIMEOUT(life, against_each, 60)
{
	unsigned int n = rounds(15, 50);

	for (int other = variant->family; other < FAMILIES; other++) {
		unsigned int of_both = 0, i = 0;
		uint64_t begin = rb_now();
		long live = rb_live_pages();

		/* the file is the module's last: lives_last.c has these */
		if (other == REMOVES && (variant->family == CLOSES ||
					 variant->family == KILLS))
			continue;
		while (of_both < n) {
			bool fine = family_round(self, variant->family, other, i++,
						 &of_both);

			ASSERT_TRUE(fine);
		}
		ASSERT_TRUE(rb_pages_return(live));
		TH_LOG("%s: %u of %u rounds, %llu us a round",
		       operation_name[first_of[other]], of_both, i,
		       (unsigned long long)(rb_now() - begin) / 1000 / i);
	}
}

TEST_HARNESS_MAIN
