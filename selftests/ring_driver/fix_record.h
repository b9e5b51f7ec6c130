/* SPDX-License-Identifier: GPL-2.0 */
/* Tests that start from a ring of records of a driver, of one page: it waits, or drops. */
#ifndef FIX_RECORD_H
#define FIX_RECORD_H

#include "rd_record.h"

FIXTURE(record) {
	int fd;
	long live;
	bool drops;
};

FIXTURE_VARIANT(record) {
	const char *device;
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(record, c_wait) {
	.device = FERRIO_TEST_RINGS_C, .flags = RD_RECORDS,
};

FIXTURE_VARIANT_ADD(record, c_drop) {
	.device = FERRIO_TEST_RINGS_C, .flags = RD_RECORDS | RD_DROP,
};

FIXTURE_VARIANT_ADD(record, rust_wait) {
	.device = FERRIO_TEST_RINGS_RUST, .flags = RD_RECORDS,
};

FIXTURE_VARIANT_ADD(record, rust_drop) {
	.device = FERRIO_TEST_RINGS_RUST, .flags = RD_RECORDS | RD_DROP,
};

FIXTURE_SETUP(record)
{
	self->live = rb_live_pages();
	self->fd = rd_records(variant->device, variant->flags, RB_PAGE);
	self->drops = variant->flags & RD_DROP;
}

FIXTURE_TEARDOWN(record)
{
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
}

#endif /* FIX_RECORD_H */
