/* SPDX-License-Identifier: GPL-2.0 */
/* What all tests of rings of records take. */
#ifndef RECORDS_H
#define RECORDS_H

#include <ferrio/ring-records.h>

#include "rb_harness.h"

/* Of a ring of one page. */
#define LARGEST	(RB_PAGE - 16)

static inline long set_records(int fd, uint64_t bytes, unsigned int flags)
{
	struct ferrio_rb_size size = {
		.size = sizeof(size), .flags = flags, .bytes = bytes,
	};

	return E(ioctl(fd, FERRIO_RB_SET_SIZE, &size));
}

static inline uint64_t extent_of(uint64_t len)
{
	return (len + 8 + 7) / 8 * 8;
}

/* The sum of what was lost for a cause. */
static inline uint64_t lost(int fd, int cause)
{
	struct ferrio_rb_info info;

	rb_info(fd, &info);
	return info.lost.lost[cause];
}

#endif /* RECORDS_H */
