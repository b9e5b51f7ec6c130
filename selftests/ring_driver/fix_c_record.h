/* SPDX-License-Identifier: GPL-2.0 */
/* Tests that start from one ring of records of a driver in C: one that waits, one that drops. */
#ifndef FIX_C_RECORD_H
#define FIX_C_RECORD_H

#include "rd_record.h"

FIXTURE(c_record) {
	int fd;
	long live;
	bool drops;
};

FIXTURE_VARIANT(c_record) {
	const char *device;
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(c_record, wait) {
	.device = FERRIO_TEST_RINGS_C, .flags = RD_RECORDS,
};

FIXTURE_VARIANT_ADD(c_record, drop) {
	.device = FERRIO_TEST_RINGS_C, .flags = RD_RECORDS | RD_DROP,
};

FIXTURE_SETUP(c_record)
{
	self->live = rb_live_pages();
	self->fd = rd_records(variant->device, variant->flags, RB_PAGE);
	self->drops = variant->flags & RD_DROP;
}

FIXTURE_TEARDOWN(c_record)
{
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
}

#endif /* FIX_C_RECORD_H */
