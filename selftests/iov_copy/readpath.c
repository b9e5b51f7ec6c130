// SPDX-License-Identifier: GPL-2.0
/*
 * Reads take no memory: the kernel's own events of allocations by the calling thread are
 * counted, between two marks.
 */

#include "ic.h"
#include "../trace.h"

#define READS	1000
#define PAGES	256	/* a mebibyte */

/* A thousand reads of each kind; the buffer is there before. */
struct reads {
	int fd;
	char *buf;
	struct iovec v[64];
};

/* @segments segments of @len bytes, one after the other. */
static void segments(struct reads *r, int count, size_t len)
{
	for (int i = 0; i < count; i++)
		r->v[i] = (struct iovec){ r->buf + i * len, len };
}

FIXTURE(readpath) {
	long live;
	struct reads r;
	struct trace t;
	char other[256];
};

FIXTURE_SETUP(readpath)
{
	self->live = rb_live_pages();
	self->r.fd = ic_open(O_RDWR);
	self->r.buf = ic_memory(PAGES * RB_PAGE, PROT_READ | PROT_WRITE);
	rb_pattern(self->r.buf, PAGES * RB_PAGE, 0);
	/* data, and holes behind it */
	ASSERT_EQ(PAGES * RB_PAGE, E(pwrite(self->r.fd, self->r.buf, PAGES * RB_PAGE, 0)));
	trace_open(&self->t);
	trace_filter("kmem");
	trace_event("kmem/kmalloc");
	trace_event("kmem/kmem_cache_alloc");
	trace_event("kmem/mm_page_alloc");
}

FIXTURE_TEARDOWN(readpath)
{
	trace_close(&self->t);
	munmap(self->r.buf, PAGES * RB_PAGE);
	close(self->r.fd);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* @count calls, and not one allocation. */
#define NO_ALLOCATION(count, want, call) do { \
	int __bad = 0, __left = (count); \
	trace_start(&self->t); \
	while (__left--) \
		__bad += E(call) != (long)(want); \
	EXPECT_EQ(0, trace_stop(&self->t, NULL, self->other)) TH_LOG("%s", self->other); \
	EXPECT_EQ(0, __bad); \
} while (0)

/* The counter sees what there is: a write to a hole takes a page. */
TEST_F(readpath, the_counter_counts)
{
	struct reads *r = &self->r;

	trace_start(&self->t);
	EXPECT_EQ(1, E(pwrite(r->fd, "x", 1, 32 * IC_MIB)));
	/* a page, and the table that it is in */
	EXPECT_LE(2, trace_stop(&self->t, "mm_page_alloc:", self->other));
	trace_start(&self->t);
	EXPECT_EQ(1, E(pwrite(r->fd, "x", 1, 32 * IC_MIB + RB_PAGE)));
	EXPECT_LE(1, trace_stop(&self->t, "mm_page_alloc:", self->other));
	NO_ALLOCATION(READS, 1, pwrite(r->fd, "y", 1, 32 * IC_MIB));
}

/* One test for all, as to begin and end a trace takes longer than the reads. */
TEST_F(readpath, no_read_takes_memory)
{
	struct reads *r = &self->r;
	const size_t n = 256, all = PAGES * RB_PAGE;

	ASSERT_EQ(0, E(lseek(r->fd, 0, SEEK_SET)));
	NO_ALLOCATION(READS, n, read(r->fd, r->buf, n));
	EXPECT_EQ(READS * n, E(lseek(r->fd, 0, SEEK_CUR)));
	NO_ALLOCATION(READS, RB_PAGE, pread(r->fd, r->buf, RB_PAGE, 77));
	EXPECT_EQ(-1, rb_mismatch(r->buf, RB_PAGE, 77));

	/* a mebibyte, and one of holes, which stay holes */
	NO_ALLOCATION(rounds(250, 40), all, pread(r->fd, r->buf, all, 0));
	EXPECT_EQ(-1, rb_mismatch(r->buf, all, 0));
	NO_ALLOCATION(rounds(250, 40), all, pread(r->fd, r->buf, all, 8 * IC_MIB));
	EXPECT_TRUE(ic_all(r->buf, all, 0));
	EXPECT_EQ(PAGES, ic_pages(r->fd));

	/* eight segments fit on the stack of the call */
	segments(r, 8, 32 * RB_PAGE);
	NO_ALLOCATION(rounds(100, 20), all, preadv(r->fd, r->v, 8, 0));
	EXPECT_EQ(-1, rb_mismatch(r->buf, all, 0));
	segments(r, 64, 64);
	NO_ALLOCATION(READS, 8 * 64, preadv(r->fd, r->v, 8, 5));
	EXPECT_EQ(-1, rb_mismatch(r->buf, 8 * 64, 5));

	/* for more the VFS takes an array; it counts, not what the allocator does for it */
	trace_write("events/kmem/kmem_cache_alloc/enable", "0");
	trace_write("events/kmem/mm_page_alloc/enable", "0");
	trace_start(&self->t);
	for (int i = 0; i < READS; i++)
		ASSERT_EQ(64 * 64, E(preadv(r->fd, r->v, 64, 6)));
	EXPECT_EQ(READS, trace_stop(&self->t, "bytes_req=1024 ", self->other));
	EXPECT_EQ(-1, rb_mismatch(r->buf, 64 * 64, 6));
}

TEST_HARNESS_MAIN
