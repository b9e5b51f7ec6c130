/* SPDX-License-Identifier: GPL-2.0 */
/* What only a ring does, by a plain descriptor and by minted ends. */
#ifndef FIX_RING_H
#define FIX_RING_H

#include "rb_harness.h"

FIXTURE(ring) {
	struct rb rb;
};

FIXTURE_VARIANT(ring) {
	enum rb_kind kind;
};

FIXTURE_VARIANT_ADD(ring, plain) {
	.kind = RB_PLAIN,
};

FIXTURE_VARIANT_ADD(ring, ends) {
	.kind = RB_ENDS,
};

FIXTURE_SETUP(ring)
{
	rb_start(&self->rb, variant->kind, RB_DEFAULT);
}

FIXTURE_TEARDOWN(ring)
{
	rb_stop(&self->rb);
	EXPECT_TRUE(rb_pages_return(self->rb.live));
}

#endif /* FIX_RING_H */
