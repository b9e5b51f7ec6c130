// SPDX-License-Identifier: GPL-2.0
/*
 * Producers of one ring of a driver in all contexts of all CPUs, in the middle of each other, and
 * one consumer.  When it is over each record that was offered is accounted for, once.
 */
#include "rd_record.h"

#define PRODUCERS	(FERRIO_TEST_STORM_KINDS * FERRIO_TEST_STORM_CPUS)
#define LAST		~0ULL		/* the producer of the record behind the storm */

FIXTURE(storm) {
	int fd;
	long live;
	bool drops;
};

FIXTURE_VARIANT(storm) {
	const char *device;
	unsigned int flags;
	bool mapped;
	size_t bytes;
	uint64_t start;
};

/* Positions pass what CHECK holds, 2^32, what the producers' words hold, and 2^64. */
FIXTURE_VARIANT_ADD(storm, wait_calls) {
	.device = FERRIO_TEST_RINGS_C, .flags = RD_RECORDS,
	.bytes = RB_PAGE, .start = (1ULL << 56) - 3 * RB_PAGE,
};

FIXTURE_VARIANT_ADD(storm, wait_mapped) {
	.device = FERRIO_TEST_RINGS_C, .flags = RD_RECORDS, .mapped = true,
	.bytes = 16 * RB_PAGE, .start = 0ULL - 48 * RB_PAGE,
};

FIXTURE_VARIANT_ADD(storm, drop_calls) {
	.device = FERRIO_TEST_RINGS_C, .flags = RD_RECORDS | RD_DROP,
	.bytes = 16 * RB_PAGE, .start = (1ULL << 19) - 48 * RB_PAGE,
};

FIXTURE_VARIANT_ADD(storm, drop_mapped) {
	.device = FERRIO_TEST_RINGS_C, .flags = RD_RECORDS | RD_DROP, .mapped = true,
	.bytes = RB_PAGE, .start = (1ULL << 32) - 3 * RB_PAGE,
};

FIXTURE_SETUP(storm)
{
	self->live = rb_live_pages();
	self->fd = rd_records(variant->device, variant->flags, variant->bytes);
	self->drops = variant->flags & RD_DROP;
}

FIXTURE_TEARDOWN(storm)
{
	close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* What the consumer has seen. */
struct seen {
	uint64_t records[PRODUCERS];
	uint64_t next[PRODUCERS];
	uint64_t empty, gaps;
	uint64_t told[FERRIO_RB_LOST_CAUSES];
};

/* What the driver did, said by a thread that ends the storm after a while. */
struct storm {
	int fd;
	struct ferrio_test_producer did[PRODUCERS];
	long producers;
	uint64_t late;		/* lost of the last record, before there was room for it */
	pthread_t thread;
};

static void *end_storm(void *data)
{
	const uint64_t last[2] = { LAST };
	struct storm *storm = data;
	long ret;

	/* Ten seconds with FERRIO_LONG. */
	rb_sleep_ms(rounds(1000, 1000));
	storm->producers = RD(storm->fd, CALM, .data = (uintptr_t)storm->did, .len = PRODUCERS);
	/* It tells what was lost, at last of itself. */
	while ((ret = rd_record(storm->fd, FERRIO_TEST_RING_SLEEPING, last, sizeof(last),
				sizeof(last))) == -ENOBUFS)
		storm->late++;
	if (ret)
		rb_die("the last record: %ld", ret);
	return NULL;
}

/* The next record: its length, or an error; it stays until the next call. */
static long next(struct ring_records *c, int fd, bool mapped, const unsigned char **record)
{
	static unsigned char buf[16 * RB_PAGE];
	const void *payload;
	long got;

	if (!mapped) {
		*record = buf;
		return E(read(fd, buf, sizeof(buf)));
	}
	got = next_of(c, &payload);
	*record = payload;
	return got;
}

static void account(struct __test_metadata *_metadata, struct seen *seen,
		    const unsigned char *record, long bytes)
{
	uint64_t producer, number;

	if (!bytes) {
		seen->empty++;
		return;
	}
	ASSERT_LE(16, bytes);
	memcpy(&producer, record, 8);
	memcpy(&number, record + 8, 8);
	ASSERT_GT(PRODUCERS, producer);
	ASSERT_LE(seen->next[producer], number);
	for (long i = 16; i < bytes; i++)
		ASSERT_EQ((unsigned char)(producer + number), record[i]);
	seen->next[producer] = number + 1;
	seen->records[producer]++;
}

static void consume(struct __test_metadata *_metadata, struct ring_records *c, int fd, bool mapped,
		    struct seen *seen)
{
	const unsigned char *record;
	uint64_t producer;

	for (;;) {
		long got = next(c, fd, mapped, &record);

		if (got == -ENOBUFS) {
			seen->gaps++;
			for (int cause = 0; mapped && cause < FERRIO_RB_LOST_CAUSES; cause++)
				seen->told[cause] += c->lost[cause];
			continue;
		}
		ASSERT_LE(0, got);
		if (got >= 8) {
			memcpy(&producer, record, 8);
			if (producer == LAST)
				return;
		}
		account(_metadata, seen, record, got);
	}
}

/* Each that did anything, and no call of it that gave what it must not. */
static void check_producers(struct __test_metadata *_metadata, const struct storm *storm,
			    const struct seen *seen, struct ferrio_test_producer *sum)
{
	uint64_t records = 0, empty = 0;

	ASSERT_LT(0, storm->producers);
	ASSERT_EQ(0, storm->producers % FERRIO_TEST_STORM_KINDS);
	for (long i = 0; i < storm->producers; i++) {
		const struct ferrio_test_producer *p = &storm->did[i];

		EXPECT_EQ(0, p->wrong);
		EXPECT_LT(0, p->committed);
		EXPECT_EQ(p->offered, p->committed + p->discarded + p->full + p->too_large +
			  p->stopped);
		EXPECT_GE(p->offered, seen->next[i]);
		EXPECT_EQ(p->committed - p->empty, seen->records[i]);
		records += seen->records[i];
		empty += p->empty;
		sum->offered += p->offered;
		sum->committed += p->committed;
		sum->discarded += p->discarded;
		sum->full += p->full;
		sum->too_large += p->too_large;
		sum->stopped += p->stopped;
	}
	EXPECT_EQ(empty, seen->empty);
	EXPECT_EQ(sum->committed, records + empty);
	TH_LOG("%llu offered, %llu read, %llu discarded, %llu full, %llu too large",
	       (unsigned long long)sum->offered, (unsigned long long)records,
	       (unsigned long long)sum->discarded, (unsigned long long)sum->full,
	       (unsigned long long)sum->too_large);
}

TEST_F_TIMEOUT(storm, conserves, 60)
{
	struct storm storm = { .fd = self->fd };
	struct ferrio_test_producer sum = { 0 };
	struct ring_records c = map_end(self->fd);
	const struct ferrio_rb_state_page *page;
	struct ferrio_rb_info info;
	struct seen seen = { 0 };
	int r;

	start_at(self->fd, &c, variant->start);
	r = c.rb.fd;
	c.rb.nonblock = false;
	c.rb.spin = 0;
	ASSERT_EQ(0, RD(self->fd, STORM, .len = 500, .min = rb_test_kernel() ? 2000000 : 300000));
	ASSERT_EQ(-EBUSY, RD(self->fd, STORM, .len = 500, .min = 300000));
	ASSERT_EQ(0, pthread_create(&storm.thread, NULL, end_storm, &storm));
	consume(_metadata, &c, r, variant->mapped, &seen);
	ASSERT_EQ(0, pthread_join(storm.thread, NULL));
	EXPECT_EQ(-ESRCH, RD(self->fd, CALM));
	check_producers(_metadata, &storm, &seen, &sum);

	rb_info(self->fd, &info);
	EXPECT_EQ(sum.discarded, info.lost.discarded);
	EXPECT_EQ(0, info.lost.lost[FERRIO_RB_LOST_ABORTED]);
	EXPECT_EQ(0, info.lost.lost[FERRIO_RB_LOST_PEER]);
	if (self->drops) {
		EXPECT_EQ(sum.full + storm.late, info.lost.lost[FERRIO_RB_LOST_FULL]);
		EXPECT_EQ(sum.too_large, info.lost.lost[FERRIO_RB_LOST_TOO_LARGE]);
		EXPECT_EQ(0, sum.stopped);
		EXPECT_LT(0, seen.gaps);
	} else {
		EXPECT_EQ(0, info.lost.lost[FERRIO_RB_LOST_FULL]);
		EXPECT_EQ(0, info.lost.lost[FERRIO_RB_LOST_TOO_LARGE]);
		EXPECT_EQ(0, seen.gaps);
	}
	page = (const void *)(c.rb.window + RB_PAGE);
	EXPECT_EQ(0, memcmp(&page->lost, &info.lost, sizeof(info.lost)));
	for (int cause = 0; variant->mapped && cause < FERRIO_RB_LOST_CAUSES; cause++)
		EXPECT_EQ(info.lost.lost[cause], seen.told[cause]);
	if (variant->mapped)
		ring_record_done(&c);
	EXPECT_EQ(0, rb_avail(self->fd));
	EXPECT_EQ(rb_fdinfo(self->fd, "rbr-read"), rb_fdinfo(self->fd, "rbr-written"));
	EXPECT_EQ(0, info.corrupt);
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rbr-misuse"));
	ring_records_close(&c);
}

/* It ends with its file, in the middle. */
TEST_F(storm, ends_with_its_file)
{
	struct ring_records c = map_end(self->fd);
	const void *out;
	long got;

	c.rb.nonblock = false;
	ASSERT_EQ(0, RD(self->fd, STORM, .len = 100, .min = rb_test_kernel() ? 2000000 : 300000));
	for (int i = 0; i < 50; i++) {
		got = next_of(&c, &out);
		ASSERT_TRUE(got >= 0 || got == -ENOBUFS);
	}
	close(self->fd);
	do {
		got = next_of(&c, &out);
	} while (got >= 0 || got == -ENOBUFS);
	EXPECT_EQ(-ENODATA, got);
	ring_records_close(&c);
	self->fd = rd_records(variant->device, variant->flags, variant->bytes);
}
