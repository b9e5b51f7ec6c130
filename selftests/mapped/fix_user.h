/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Both ends of a fake ring, mapped, neither of them blocking.  Each test runs
 * with positions that begin at 0, and that pass 2^32 and 2^64 on the way.
 */
#ifndef FIX_USER_H
#define FIX_USER_H

#include "user.h"

FIXTURE(user) {
	struct fake *f;
	struct ringbuffer r, w;
};

FIXTURE_VARIANT(user) {
	uint64_t start;
};

FIXTURE_VARIANT_ADD(user, from_0) {
	.start = 0,
};

FIXTURE_VARIANT_ADD(user, past_32_bits) {
	.start = (1ULL << 32) - 5,
};

FIXTURE_VARIANT_ADD(user, past_64_bits) {
	.start = -3ULL,
};

FIXTURE_SETUP(user)
{
	self->f = fake_open(variant->start);
	ASSERT_LE(0, ringbuffer(self->f->plain, R, SIZE, &self->r));
	ASSERT_LE(0, ringbuffer(self->f->plain, W, SIZE, &self->w));
	self->r.nonblock = 1;
	self->w.nonblock = 1;
}

FIXTURE_TEARDOWN(user)
{
	ringbuffer_unmap(&self->r);
	ringbuffer_unmap(&self->w);
	fake_close(self->f);
}

#endif /* FIX_USER_H */
