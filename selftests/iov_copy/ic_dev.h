/* SPDX-License-Identifier: GPL-2.0 */
/* Tests that start from one fresh descriptor of the device. */
#ifndef IC_DEV_H
#define IC_DEV_H

#include "ic.h"

FIXTURE(dev) {
	int fd;
	long live;
};

FIXTURE_SETUP(dev)
{
	self->live = rb_live_pages();
	self->fd = ic_open(O_RDWR);
}

FIXTURE_TEARDOWN(dev)
{
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
	EXPECT_EQ(0, ic_pinned_pages());
}

#endif /* IC_DEV_H */
