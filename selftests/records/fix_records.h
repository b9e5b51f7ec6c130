/* SPDX-License-Identifier: GPL-2.0 */
/* Tests that start from one ring of records, of one page: one that waits, one that drops. */
#ifndef FIX_RECORDS_H
#define FIX_RECORDS_H

#include "records.h"

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
