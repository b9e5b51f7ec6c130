/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What holds for a pipe and for a ring is asserted on both: the pipe shows
 * that the test is right, the ring that the module is.
 */
#ifndef FIX_BYTE_H
#define FIX_BYTE_H

#include "rb_harness.h"

FIXTURE(byte) {
	struct rb rb;
};

FIXTURE_VARIANT(byte) {
	enum rb_kind kind;
};

FIXTURE_VARIANT_ADD(byte, ring_plain) {
	.kind = RB_PLAIN,
};

FIXTURE_VARIANT_ADD(byte, ring_ends) {
	.kind = RB_ENDS,
};

FIXTURE_VARIANT_ADD(byte, pipe) {
	.kind = RB_PIPE,
};

FIXTURE_SETUP(byte)
{
	rb_start(&self->rb, variant->kind, RB_DEFAULT);
}

FIXTURE_TEARDOWN(byte)
{
	rb_stop(&self->rb);
	if (variant->kind != RB_PIPE)
		EXPECT_TRUE(rb_pages_return(self->rb.live));
}

#endif /* FIX_BYTE_H */
