// SPDX-License-Identifier: GPL-2.0
/*
 * The samples ring_timer_sample and ring_timer_c_sample, drivers that write a record in each
 * interrupt of a timer: in Rust, and in C.  How fast a guest is nobody knows, so nothing here
 * depends on it but how long a test takes.
 */
#include <sys/wait.h>

#include <ferrio/ring-records.h>

#include "../drivers.h"
#include "rb_harness.h"
#include "as_user.h"

#define DEVICE		"/dev/ring-timer"
#define PERIOD		1000000UL	/* ns */
#define PARAMETERS	"period_ns=1000000"
#define RING		65536
#define EXTENT		32		/* of a record, with its header */

struct sample {
	uint64_t time, number, overruns;
};

FIXTURE(timer) {
	long live;
	int fd;
};

FIXTURE_VARIANT(timer) {
	const char *module;
};

FIXTURE_VARIANT_ADD(timer, rust) {
	.module = "ring_timer_sample",
};

FIXTURE_VARIANT_ADD(timer, c) {
	.module = "ring_timer_c_sample",
};

FIXTURE_SETUP(timer)
{
	long ret = driver_insert(variant->module, PARAMETERS);

	if (ret)
		rb_die("%s: %s", variant->module, strerror(-ret));
	self->live = rb_live_pages();
	self->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (self->fd < 0)
		rb_die("%s: %s", DEVICE, strerror(errno));
}

FIXTURE_TEARDOWN(timer)
{
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
	EXPECT_EQ(0, driver_remove_soon(variant->module));
}

/* The next record; each ENOBUFS in front of it is a gap. */
static struct sample next_sample(int fd, int *gaps)
{
	struct sample sample;
	long n;

	while ((n = E(read(fd, &sample, sizeof(sample)))) == -ENOBUFS)
		++*gaps;
	if (n != sizeof(sample))
		rb_die("a record: %ld", n);
	return sample;
}

static uint64_t missing(const struct sample *last, uint64_t got)
{
	return last->number + 1 - got - last->overruns;
}

static uint64_t lost_full(int fd)
{
	struct ferrio_rb_info info;

	rb_info(fd, &info);
	if (info.lost.lost[FERRIO_RB_LOST_TOO_LARGE] || info.lost.lost[FERRIO_RB_LOST_ABORTED] ||
	    info.lost.lost[FERRIO_RB_LOST_PEER] || info.lost.discarded)
		rb_die("lost for another cause than a full ring");
	return info.lost.lost[FERRIO_RB_LOST_FULL];
}

/*
 * Period n begins at s + n * PERIOD for one s, whenever the interrupt comes: a record is
 * written behind the beginning of its own period, and in front of that of the next one that
 * has a record, or would have one.
 */
TEST_F(timer, rate)
{
	int64_t least = INT64_MIN, most = INT64_MAX, start, n = rounds(2000, 200);
	struct sample sample, last = { 0 };
	int gaps = 0;

	for (int64_t i = 0; i < n; i++) {
		sample = next_sample(self->fd, &gaps);
		start = sample.time - sample.number * PERIOD;
		most = start < most ? start : most;
		if (i) {
			ASSERT_LT(last.number, sample.number);
			ASSERT_LE(last.time, sample.time);
			start = last.time - sample.number * PERIOD;
			least = start > least ? start : least;
		} else {
			EXPECT_EQ(0, sample.number);
		}
		last = sample;
	}
	EXPECT_LT(least, most);
}

/* A reader that stops: what found no room is counted, and told where it is missing. */
TEST_F(timer, losses)
{
	uint64_t got = 0, lost, before;
	struct sample sample;
	int gaps = 0;

	while (!lost_full(self->fd))
		rb_sleep_ms(10);
	/* all that is there, and on till nothing is lost that the records do not tell */
	do {
		before = lost_full(self->fd);
		sample = next_sample(self->fd, &gaps);
		got++;
	} while (got < RING / EXTENT || missing(&sample, got) != before);
	lost = missing(&sample, got);
	EXPECT_LT(0, lost);
	EXPECT_LT(0, gaps);
	EXPECT_LE(gaps, lost);
	EXPECT_EQ(lost, lost_full(self->fd));
	EXPECT_EQ(lost, rb_fdinfo(self->fd, "rbr-lost-full"));
}

/* As many are in the ring as have room, in a row. */
TEST_F(timer, full)
{
	struct sample sample;
	int gaps = 0;

	while (!lost_full(self->fd))
		rb_sleep_ms(10);
	for (int i = 0; i < RING / EXTENT - 1; i++) {
		sample = next_sample(self->fd, &gaps);
		ASSERT_EQ(i + sample.overruns, sample.number);
	}
	EXPECT_EQ(0, gaps);
}

/* One that has mapped the ring is told how many, by each gap. */
TEST_F(timer, mapped)
{
	uint64_t told = 0, got = 0, n = RING / EXTENT + rounds(2000, 200);
	struct sample sample = { 0 };
	struct ring_records rr;
	const void *payload = NULL;
	size_t bytes = 0;

	ASSERT_LE(0, ring_records(self->fd, FERRIO_RB_READ, 0, 0, &rr));
	while (!lost_full(self->fd))
		rb_sleep_ms(10);
	while (got < n) {
		if (ring_record_next(&rr, &payload, &bytes) == 1) {
			ASSERT_EQ(sizeof(sample), bytes);
			memcpy(&sample, payload, bytes);
			got++;
			/* each gap is in front of the record behind what was lost */
			ASSERT_EQ(told, missing(&sample, got));
			continue;
		}
		ASSERT_EQ(ENOBUFS, errno);
		ASSERT_LT(0, rr.lost[FERRIO_RB_LOST_FULL]);
		told += rr.lost[FERRIO_RB_LOST_FULL];
	}
	EXPECT_LT(0, told);
	ring_records_close(&rr);
}

/* Each open file has a ring and a timer of its own. */
TEST_F(timer, two)
{
	int gaps = 0, other;

	rb_sleep_ms(50);
	other = open(DEVICE, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, other);
	EXPECT_EQ(0, next_sample(other, &gaps).number);
	EXPECT_EQ(0, next_sample(self->fd, &gaps).number);
	close(other);
}

/* An open file keeps the module, and so does a window of it, with its timer. */
TEST_F(timer, module_stays)
{
	const struct ferrio_rb_producer_page *page;
	struct ferrio_rb_info info;
	uint64_t before, bytes;
	char *window;

	rb_info(self->fd, &info);
	bytes = info.map_bytes - info.map_state;
	EXPECT_EQ(-EWOULDBLOCK, driver_remove(variant->module));
	EXPECT_EQ(-EWOULDBLOCK, driver_remove("ringbuffer"));
	window = mmap(NULL, bytes, PROT_READ, MAP_SHARED, self->fd, info.map_state);
	ASSERT_NE(MAP_FAILED, window);
	page = (const void *)(window + info.map_producer - info.map_state);
	close(self->fd);
	self->fd = -1;
	before = __atomic_load_n(&page->reserve, __ATOMIC_RELAXED);
	for (int i = 0; i < 20000 && before == __atomic_load_n(&page->reserve, __ATOMIC_RELAXED);
	     i++)
		rb_sleep_ms(1);
	EXPECT_NE(before, __atomic_load_n(&page->reserve, __ATOMIC_RELAXED));
	EXPECT_EQ(-EWOULDBLOCK, driver_remove(variant->module));
	EXPECT_EQ(0, munmap(window, bytes));
}

/* What the module takes for a period. */
TEST_F(timer, parameters)
{
	static const char *const wrong[] = {
		"period_ns=0", "period_ns=999", "period_ns=1000000001", "period_ns=-1",
		"period_ns=soon", "period_ns=18446744073709551615",
	};

	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(0, driver_remove_soon(variant->module));
	for (int i = 0; i < ARRAY_SIZE(wrong); i++) {
		long ret = driver_insert(variant->module, wrong[i]);

		/* what is no number of that size at all is ERANGE in C */
		EXPECT_TRUE(ret == -EINVAL || ret == -ERANGE) {
			TH_LOG("%s: %ld", wrong[i], ret);
		}
	}
	ASSERT_EQ(0, driver_insert(variant->module, "period_ns=1000000000"));
}

static void opens_nothing(void)
{
	CHECK(-EACCES, E(open(DEVICE, O_RDONLY | O_CLOEXEC)));
}

TEST_F(timer, root_alone)
{
	EXPECT_EQ(0, as_user(1000, opens_nothing));
}

/* The programs that a newcomer begins with: each compares what it is told in all ways. */
static int program(const char *path, const char *option)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (option)
			execl(path, path, option, "-s", "100", "200", NULL);
		else
			execl(path, path, "200", NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		rb_die("%s: %s", path, strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(timer, programs)
{
	EXPECT_EQ(0, program("./ring_timer", NULL));
	EXPECT_EQ(0, program("./ring_timer", "-m"));
	EXPECT_EQ(0, program("../ringbuffer/example_ring_timer", NULL));
}

TEST_HARNESS_MAIN
