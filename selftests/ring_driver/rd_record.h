/* SPDX-License-Identifier: GPL-2.0 */
/* The calls of ferrio_ring_record.h, and a program that has the ring mapped. */
#ifndef RD_RECORD_H
#define RD_RECORD_H

#include <ferrio/ring-records.h>

#include "rd.h"

#define LARGEST	(RB_PAGE - 16)

static inline uint64_t extent_of(uint64_t len)
{
	return (len + 8 + 7) / 8 * 8;
}

static inline int rd_records(const char *device, unsigned int flags, size_t bytes)
{
	int fd = rd_open(device, O_RDONLY, 0, 0);
	long ret = RD(fd, ALLOC, .len = bytes, .directions = RD_READ, .flags = flags);

	if (ret)
		rb_die("%s: no ring: %ld", device, ret);
	return fd;
}

/* By the driver: a record of @len bytes, of which @commit are committed. */
static inline long rd_record(int fd, unsigned int where, const void *data, size_t len,
			     size_t commit)
{
	return RD(fd, RECORD, .where = where, .data = (uintptr_t)data, .len = len, .min = commit);
}

static inline long rd_take_back(int fd, unsigned int where, const void *data, size_t len)
{
	return RD(fd, TAKE_BACK, .where = where, .data = (uintptr_t)data, .len = len);
}

/* In C alone: a record that is ended by another call. */
static inline long rd_hold(int fd, unsigned int where, const void *data, size_t len,
			   uint64_t *record)
{
	struct ferrio_test_ring arg = {
		.size = sizeof(arg), .how = FERRIO_TEST_RING_HOLD, .where = where,
		.data = (uintptr_t)data, .len = len,
	};

	*record = 0;
	if (ioctl(fd, FERRIO_TEST_RING_CALL, &arg))
		return -errno;
	*record = arg.min;
	return arg.result;
}

static inline long rd_end(int fd, unsigned int where, uint64_t record, size_t len)
{
	return RD(fd, END, .where = where, .min = record, .len = len);
}

static inline long rd_undo(int fd, unsigned int where, uint64_t record)
{
	return RD(fd, UNDO, .where = where, .min = record);
}

static inline void rd_nonblock(int fd)
{
	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		rb_die("F_SETFL: %s", strerror(errno));
}

/* An end of its own, which does not block. */
static inline struct ring_records map_end(int fd)
{
	struct ring_records rr;
	int end = rb_mint(fd, FERRIO_RB_READ);

	if (ring_records(end, FERRIO_RB_READ, 0, 0, &rr) != end)
		rb_die("ring_records: %s", strerror(errno));
	rr.rb.nonblock = true;
	return rr;
}

/* What the mapped consumer finds next: its length, or an error. */
static inline long next_of(struct ring_records *rr, const void **payload)
{
	size_t bytes = 0;
	int got = ring_record_next(rr, payload, &bytes);

	return got < 0 ? -errno : got ? (long)bytes : -ENODATA;
}

/* The next record; what the gaps in front of it tell is added up in @told. */
static inline long record_of(struct ring_records *rr, const void **payload,
			     uint64_t told[FERRIO_RB_LOST_CAUSES])
{
	long got;

	while ((got = next_of(rr, payload)) == -ENOBUFS)
		for (int cause = 0; cause < FERRIO_RB_LOST_CAUSES; cause++)
			told[cause] += rr->lost[cause];
	return got;
}

/* Both ends of an empty ring of the device in C go on at @start, a multiple of 8. */
static inline void start_at(int fd, struct ring_records *c, uint64_t start)
{
	const struct ferrio_rb_producer_page *page = ring__page(&c->rb);
	long error;

	error = RD(fd, POKE, .data = (uintptr_t)&page->reserve, .min = start << 8);
	error |= RD(fd, POKE, .data = (uintptr_t)&page->limit, .min = start << 8);
	if (error || page->reserve != start << 8)
		rb_die("the producers' words cannot be written");
	__atomic_store_n(c->rb.own, start, __ATOMIC_RELEASE);
}

static inline uint64_t rd_lost(int fd, int cause)
{
	struct ferrio_rb_info info;

	rb_info(fd, &info);
	return info.lost.lost[cause];
}

#endif /* RD_RECORD_H */
