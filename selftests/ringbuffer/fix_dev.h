/* SPDX-License-Identifier: GPL-2.0 */
/* Tests that start from one fresh descriptor of the device. */
#ifndef FIX_DEV_H
#define FIX_DEV_H

#include "rb_harness.h"

FIXTURE(dev) {
	int fd;
	long live;
};

FIXTURE_SETUP(dev)
{
	self->live = rb_live_pages();
	self->fd = rb_open(O_RDWR);
	rb_catch(SIGPIPE, SA_RESTART);
}

FIXTURE_TEARDOWN(dev)
{
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
}

#endif /* FIX_DEV_H */
