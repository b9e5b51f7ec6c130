/* SPDX-License-Identifier: GPL-2.0 */
/* The devices that make each call of ferrio_ring.h: in C, and in Rust. */
#ifndef RD_H
#define RD_H

#include "ferrio_rings.h"
#include "rb_harness.h"
#include "../drivers_main.h"

#define RD_READ		1U	/* FERRIO_RING_READ */
#define RD_WRITE	2U	/* FERRIO_RING_WRITE */
#define RD_SHARED	1U	/* FERRIO_RING_SHARED */
#define RD_RECORDS	2U	/* FERRIO_RING_RECORDS */
#define RD_DROP		4U	/* FERRIO_RING_DROP */
#define RD_RESTARTSYS	512	/* ERESTARTSYS, which a driver sees */

/* In the order of the variants below. */
static const char *const rd_drivers[] = { "ferrio_rings_c", "ferrio_rings_rust", NULL };

/* What the call gave; or the error of the device. */
static inline long rd_do(int fd, struct ferrio_test_ring arg)
{
	long ret;

	arg.size = sizeof(arg);
	ret = E(ioctl(fd, FERRIO_TEST_RING_CALL, &arg));
	return ret ? ret : arg.result;
}

#define RD(fd, what, ...)	\
	rd_do(fd, (struct ferrio_test_ring) { .how = FERRIO_TEST_RING_##what, __VA_ARGS__ })

/* By the driver, in one of its contexts. */
static inline long rd_write(int fd, unsigned int where, const void *data, size_t len)
{
	return RD(fd, WRITE, .where = where, .data = (uintptr_t)data, .len = len);
}

static inline long rd_read(int fd, unsigned int where, void *data, size_t min, size_t len)
{
	return RD(fd, READ, .where = where, .data = (uintptr_t)data, .min = min, .len = len);
}

static inline long rd_build(int fd, unsigned int where, const void *data, size_t len,
			    size_t commit)
{
	return RD(fd, BUILD, .where = where, .data = (uintptr_t)data, .len = len, .min = commit);
}

/* An open file of a device, with rings of @bytes, if that is not 0. */
static inline int rd_open(const char *device, int mode, unsigned int directions, size_t bytes)
{
	int fd = open(device, mode | O_CLOEXEC);
	long ret;

	if (fd < 0)
		rb_die("%s: %s", device, strerror(errno));
	if (bytes) {
		ret = RD(fd, ALLOC, .len = bytes, .directions = directions);
		if (ret)
			rb_die("%s: no rings: %ld", device, ret);
	}
	return fd;
}

static inline bool rd_is_rust(const char *device)
{
	return !strcmp(device, FERRIO_TEST_RINGS_RUST);
}

static const unsigned int contexts[] = {
	FERRIO_TEST_RING_SLEEPING, FERRIO_TEST_RING_ATOMIC, FERRIO_TEST_RING_HARDIRQ,
	FERRIO_TEST_RING_SOFTIRQ,
};

/* Those that the variant's device has. */
#define FOR_EACH_CONTEXT(where)							\
	for (unsigned int _i = 0, where;					\
	     _i < (rd_is_rust(variant->device) ? 2 : ARRAY_SIZE(contexts)) &&	\
	     (where = contexts[_i], true); _i++)

int main(int argc, char **argv)
{
	return drivers_main(argc, argv, rd_drivers);
}

#endif /* RD_H */
