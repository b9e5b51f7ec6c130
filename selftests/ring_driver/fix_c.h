/* SPDX-License-Identifier: GPL-2.0 */
/* What only the device in C can be asked for. */
#ifndef FIX_C_H
#define FIX_C_H

#include "rd.h"

FIXTURE(c) {
	int fd;
	long live;
};

FIXTURE_SETUP(c)
{
	self->live = rb_live_pages();
	self->fd = rd_open(FERRIO_TEST_RINGS_C, O_RDWR, RD_READ | RD_WRITE, RB_PAGE);
	rb_catch(SIGPIPE, SA_RESTART);
}

FIXTURE_TEARDOWN(c)
{
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
}

#endif /* FIX_C_H */
