/* SPDX-License-Identifier: GPL-2.0 */
/* Tests that start from one ring of records, of one page: one that waits, one that drops. */
#ifndef FIX_RECORDS_H
#define FIX_RECORDS_H

#include <ferrio/ring-records.h>

#include "rb_harness.h"

#define LARGEST	(RB_PAGE - 16)

static inline long set_records(int fd, uint64_t bytes, unsigned int flags)
{
	struct ferrio_rb_size size = {
		.size = sizeof(size), .flags = flags, .bytes = bytes,
	};

	return E(ioctl(fd, FERRIO_RB_SET_SIZE, &size));
}

static inline uint64_t extent_of(uint64_t len)
{
	return (len + 8 + 7) / 8 * 8;
}

/* The sum of what was lost for a cause. */
static inline uint64_t lost(int fd, int cause)
{
	struct ferrio_rb_info info;

	rb_info(fd, &info);
	return info.lost.lost[cause];
}

FIXTURE(records) {
	int fd;
	long live;
};

FIXTURE_VARIANT(records) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(records, wait) {
	.flags = FERRIO_RB_RECORDS,
};

FIXTURE_VARIANT_ADD(records, drop) {
	.flags = FERRIO_RB_RECORDS | FERRIO_RB_RECORDS_DROP,
};

FIXTURE_SETUP(records)
{
	self->live = rb_live_pages();
	self->fd = rb_open(O_RDWR);
	ASSERT_EQ(0, set_records(self->fd, RB_PAGE, variant->flags));
	rb_catch(SIGPIPE, SA_RESTART);
}

FIXTURE_TEARDOWN(records)
{
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
}

#endif /* FIX_RECORDS_H */
