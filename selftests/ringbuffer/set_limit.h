/* SPDX-License-Identifier: GPL-2.0 */
/* A limit of the module is changed; whoever does that puts it back in a teardown. */
#ifndef SET_LIMIT_H
#define SET_LIMIT_H

#include <stdio.h>

#include "rb.h"

#define PARAMETERS	"/sys/module/ringbuffer/parameters/"

static inline void set_limit(const char *name, uint64_t value)
{
	char path[128], text[32];
	long ret;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	ret = rb_write_file(path, text);
	if (ret)
		rb_die("%s: %s", path, strerror(-ret));
}

#endif /* SET_LIMIT_H */
