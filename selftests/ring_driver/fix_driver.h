/* SPDX-License-Identifier: GPL-2.0 */
/* Tests that start from a file of a driver with rings, in C and in Rust. */
#ifndef FIX_DRIVER_H
#define FIX_DRIVER_H

#include "rd.h"

FIXTURE(driver) {
	int fd;
	long live;
};

FIXTURE_VARIANT(driver) {
	const char *device;
};

FIXTURE_VARIANT_ADD(driver, c) {
	.device = FERRIO_TEST_RINGS_C,
};

FIXTURE_VARIANT_ADD(driver, rust) {
	.device = FERRIO_TEST_RINGS_RUST,
};

/* Both directions, of one page each. */
FIXTURE_SETUP(driver)
{
	self->live = rb_live_pages();
	self->fd = rd_open(variant->device, O_RDWR, RD_READ | RD_WRITE, RB_PAGE);
	rb_catch(SIGPIPE, SA_RESTART);
}

FIXTURE_TEARDOWN(driver)
{
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
}

#endif /* FIX_DRIVER_H */
