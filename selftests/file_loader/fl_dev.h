/* SPDX-License-Identifier: GPL-2.0 */
/* Tests that start from one descriptor of the device and no blob. */
#ifndef FL_DEV_H
#define FL_DEV_H

#include "fl.h"

FIXTURE(dev) {
	int fd;
	int fds;
	long live;
};

FIXTURE_SETUP(dev)
{
	self->live = rb_live_pages();
	self->fds = rb_count_fds();
	self->fd = fl_open();
}

FIXTURE_TEARDOWN(dev)
{
	struct ferrio_fl_info info;

	fl_info(self->fd, &info);
	EXPECT_EQ(0, info.user_blobs);
	EXPECT_EQ(0, info.user_bytes);
	close(self->fd);
	unlink(FL_FILE);
	/* Neither a blob nor anything else is left open. */
	EXPECT_EQ(self->fds, rb_count_fds());
	EXPECT_TRUE(rb_pages_return(self->live));
}

#endif /* FL_DEV_H */
