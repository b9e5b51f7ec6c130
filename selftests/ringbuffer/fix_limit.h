/* SPDX-License-Identifier: GPL-2.0 */
/* Tests that change how many bytes a user may have, and nothing but that. */
#ifndef FIX_LIMIT_H
#define FIX_LIMIT_H

#include "rb_harness.h"
#include "set_limit.h"

FIXTURE(limit) {
	uint64_t bytes;
};

FIXTURE_SETUP(limit)
{
	self->bytes = rb_param("user_max_bytes");
}

/* By the parent, so that a test that dies puts it back as well. */
FIXTURE_TEARDOWN_PARENT(limit)
{
	if (self->bytes)
		set_limit("user_max_bytes", self->bytes);
}

#endif /* FIX_LIMIT_H */
