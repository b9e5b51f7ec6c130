// SPDX-License-Identifier: GPL-2.0
/* Each place of a driver's calls that can fail does, and leaves nothing. */
#include <sys/mman.h>

#include "../inject.h"
#include "rd.h"

FIXTURE(inject) {
	struct inject in;
	long live;
};

FIXTURE_VARIANT(inject) {
	const char *device;
};

FIXTURE_VARIANT_ADD(inject, c) {
	.device = FERRIO_TEST_RINGS_C,
};

FIXTURE_VARIANT_ADD(inject, rust) {
	.device = FERRIO_TEST_RINGS_RUST,
};

FIXTURE_SETUP(inject)
{
	if (!inject_possible())
		SKIP(return, "no " INJECT_NTH ": not a kernel with fault injection");
	self->live = rb_live_pages();
	inject_open(&self->in, true);
	inject_function(&self->in, "ringbuffer:ferrio_page_alloc", 0);
	inject_function(&self->in, "ringbuffer:ferrio_vmap", 0);
	inject_function(&self->in, "ringbuffer:ferrio_vma_insert", ENOMEM);
}

FIXTURE_TEARDOWN(inject)
{
	inject_close(&self->in);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* ferrio_ring_alloc(): no memory anywhere, and then it works. */
TEST_F_TIMEOUT(inject, alloc, 60)
{
	int fd, n, failed = 0;
	enum inject_hit hit;
	long ret;

	for (n = 1; n < 500; n++) {
		fd = rd_open(variant->device, O_RDWR, 0, 0);
		inject_logged(&self->in);
		inject_arm(&self->in, n);
		ret = RD(fd, ALLOC, .len = 2 * RB_PAGE, .directions = RD_READ | RD_WRITE);
		hit = inject_end(&self->in);
		if (hit == INJECT_NOTHING) {
			EXPECT_EQ(0, ret);
			close(fd);
			break;
		}
		if (hit == INJECT_COPY) {
			/* Before the call, or behind it. */
			EXPECT_EQ(-EFAULT, ret);
		} else if (ret || hit == INJECT_CALL) {
			/* Else the kernel does without: a vector in pages, a mapping's cache. */
			failed++;
			EXPECT_EQ(-ENOMEM, ret);
			EXPECT_EQ(self->live, rb_live_pages());
			EXPECT_EQ(0, RD(fd, ALLOC, .len = RB_PAGE, .directions = RD_READ));
		}
		close(fd);
		ASSERT_TRUE(rb_pages_return(self->live));
	}
	/* Five pages and a mapping for each ring, by the shim and by what it calls; objects. */
	EXPECT_LT(2 * (2 * (RB_HEAD_PAGES + 2) + 1), failed);
	EXPECT_GT(500, n);
}

/* The same for a ring of records, and then a record of it. */
TEST_F_TIMEOUT(inject, alloc_records, 60)
{
	int fd, n, failed = 0;
	enum inject_hit hit;
	long ret;

	for (n = 1; n < 500; n++) {
		fd = rd_open(variant->device, O_RDONLY, 0, 0);
		inject_logged(&self->in);
		inject_arm(&self->in, n);
		ret = RD(fd, ALLOC, .len = 2 * RB_PAGE, .directions = RD_READ,
			 .flags = RD_RECORDS | RD_DROP);
		hit = inject_end(&self->in);
		if (hit == INJECT_COPY) {
			EXPECT_EQ(-EFAULT, ret);
		} else if (hit != INJECT_NOTHING && (ret || hit == INJECT_CALL)) {
			failed++;
			EXPECT_EQ(-ENOMEM, ret);
			EXPECT_EQ(self->live, rb_live_pages());
			EXPECT_EQ(0, RD(fd, ALLOC, .len = RB_PAGE, .directions = RD_READ,
					.flags = RD_RECORDS));
		} else {
			EXPECT_EQ(0, ret);
		}
		if (hit != INJECT_COPY)
			EXPECT_EQ(0, RD(fd, RECORD, .where = FERRIO_TEST_RING_ATOMIC, .len = 100,
					.min = 100));
		close(fd);
		ASSERT_TRUE(rb_pages_return(self->live));
		if (hit == INJECT_NOTHING)
			break;
	}
	EXPECT_LT(2 * (RB_HEAD_PAGES + 2) + 1, failed);
	EXPECT_GT(500, n);
}

/* ferrio_ring_mmap(): a window that is not made is not counted. */
TEST_F_TIMEOUT(inject, mmap, 60)
{
	int fd = rd_open(variant->device, O_RDWR, RD_READ | RD_WRITE, RB_PAGE), n;
	enum inject_hit hit;
	void *at;

	for (n = 1; n < 500; n++) {
		inject_logged(&self->in);
		inject_arm(&self->in, n);
		at = mmap(NULL, 4 * RB_PAGE, PROT_READ, MAP_SHARED, fd, RB_PAGE);
		hit = inject_end(&self->in);
		if (at != MAP_FAILED) {
			EXPECT_EQ(1, rb_fdinfo(fd, "rbr-maps"));
			munmap(at, 4 * RB_PAGE);
		} else {
			EXPECT_EQ(0, rb_fdinfo(fd, "rbr-maps"));
		}
		if (hit == INJECT_NOTHING)
			break;
	}
	EXPECT_NE(MAP_FAILED, at);
	EXPECT_EQ(0, rb_fdinfo(fd, "rbr-maps"));
	EXPECT_LT(2, n);
	EXPECT_GT(500, n);
	close(fd);
}
