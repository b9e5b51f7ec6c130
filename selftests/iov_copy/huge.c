// SPDX-License-Identifier: GPL-2.0
/*
 * Calls of 2 GiB and more: the count ends with the memory, and the kernel takes no more
 * pages than it then has.
 */

#include "ic.h"

#define LIMIT	"/sys/module/iov_copy/parameters/max_bytes"

#define SEGMENTS	1024
#define SEGMENT		(2 * IC_MIB)	/* so all are 2 GiB */

/*
 * What the kernel may take besides: the array of segments, page tables, and what others do
 * meanwhile.  A buffer as long as the call would be 500000 pages.
 */
#define SLACK	2048

/* Pages that were given out since the start, all of them and whoever has them now. */
static long pages_given(void)
{
	FILE *f = fopen("/proc/vmstat", "re");
	long sum = 0, value, zones = 0;
	char name[64];

	while (f && fscanf(f, "%63s %ld", name, &value) == 2) {
		if (strncmp(name, "pgalloc_", 8))
			continue;
		sum += value;
		zones++;
	}
	if (!f || !zones)
		rb_die("/proc/vmstat has no pgalloc_: CONFIG_VM_EVENT_COUNTERS");
	fclose(f);
	return sum;
}

FIXTURE(huge) {
	int fd;
	long live;
	char *buf;
	struct iovec v[SEGMENTS];
};

FIXTURE_VARIANT(huge) {
	size_t len;		/* of all segments but the last */
	size_t last;
	bool whole;		/* from the beginning, also if time is short */
};

/* 2 GiB less a page is what one call moves. */
FIXTURE_VARIANT_ADD(huge, as_much_as_a_call_moves) { .len = SEGMENT, .last = SEGMENT - RB_PAGE };
FIXTURE_VARIANT_ADD(huge, two_gibibytes) {
	.len = SEGMENT, .last = SEGMENT, .whole = true
};
FIXTURE_VARIANT_ADD(huge, four_gibibytes) { .len = 2 * SEGMENT, .last = 2 * SEGMENT };

FIXTURE_SETUP(huge)
{
	self->live = rb_live_pages();
	self->fd = ic_open(O_RDWR);
	/* the segments are all the same memory */
	self->buf = ic_memory(variant->len, PROT_READ | PROT_WRITE);
	rb_pattern(self->buf, variant->len, 0);
	for (int i = 0; i < SEGMENTS; i++)
		self->v[i] = (struct iovec){ self->buf, variant->len };
	self->v[SEGMENTS - 1].iov_len = variant->last;
	ASSERT_LE(IC_MAX_RW, (SEGMENTS - 1) * variant->len + variant->last);
}

FIXTURE_TEARDOWN(huge)
{
	ASSERT_EQ(0, rb_write_file(LIMIT, IC_ALL_TEXT));
	munmap(self->buf, variant->len);
	close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* Whether @size bytes are at @from, each @len of them @want; eight of these are looked at. */
static bool written(int fd, size_t from, size_t size, const char *want, size_t len)
{
	const size_t step = size / 8 < len ? len : size / 8;
	static char out[2 * SEGMENT];

	for (size_t at = 0; at < size; at += step)
		if (pread(fd, out, len, from + at) != (ssize_t)len || memcmp(out, want, len))
			return false;
	return true;
}

/* The memory ends: behind all of a gibibyte, where there is room for it, or its last part. */
TEST_F_TIMEOUT(huge, ends_with_the_memory, 60)
{
	const bool whole = !rb_test_kernel() && (getenv("FERRIO_LONG") || variant->whole);
	const size_t size = whole ? IC_MAX : 16 * IC_MIB, at = IC_MAX - size;
	long before, wrote, read;

	ASSERT_EQ(0, ic_set_size(self->fd, IC_MAX));
	ASSERT_EQ(at, E(lseek(self->fd, at, SEEK_SET)));
	before = pages_given();
	ASSERT_EQ(size, E(writev(self->fd, self->v, SEGMENTS)));
	wrote = pages_given() - before;
	EXPECT_EQ(IC_MAX, E(lseek(self->fd, 0, SEEK_CUR)));
	EXPECT_EQ(size / RB_PAGE, ic_pages(self->fd));
	EXPECT_EQ(self->live + (long)(size / RB_PAGE) + ic_tables(size / RB_PAGE), rb_live_pages());
	/* it counts what the device has, and so it would see more */
	EXPECT_LE(size / RB_PAGE, wrote);
	EXPECT_GE((long)(size / RB_PAGE) + SLACK, wrote);
	EXPECT_EQ(-ENOSPC, E(writev(self->fd, self->v, SEGMENTS)));
	EXPECT_TRUE(written(self->fd, at, size, self->buf, variant->len));
	/* the way back takes no page at all */
	before = pages_given();
	ASSERT_EQ(16 * IC_MIB, E(preadv(self->fd, self->v, SEGMENTS, IC_MAX - 16 * IC_MIB)));
	read = pages_given() - before;
	EXPECT_GE(SLACK, read);
	EXPECT_EQ(-1, rb_mismatch(self->buf, variant->len, 0));
	TH_LOG("%ld pages given for the write, %ld for the read", wrote, read);
}

/* There is room in the memory, but not for more pages. */
TEST_F(huge, ends_with_the_pages)
{
	const size_t size = 8 * IC_MIB;
	long before, wrote;

	ASSERT_EQ(0, ic_set_size(self->fd, IC_MAX));
	/* and their tables */
	ASSERT_EQ(0, rb_write_file(LIMIT, "8409088"));
	before = pages_given();
	ASSERT_EQ(size, E(writev(self->fd, self->v, SEGMENTS)));
	EXPECT_EQ(-EDQUOT, E(writev(self->fd, self->v, SEGMENTS)));
	wrote = pages_given() - before;
	EXPECT_GE((long)(size / RB_PAGE) + SLACK, wrote);
	EXPECT_EQ(size, E(lseek(self->fd, 0, SEEK_CUR)));
	EXPECT_EQ(size / RB_PAGE, ic_pages(self->fd));
	EXPECT_TRUE(written(self->fd, 0, size, self->buf, variant->len));
}

TEST_HARNESS_MAIN
