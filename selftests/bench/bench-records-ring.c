// SPDX-License-Identifier: GPL-2.0
/*
 * Records through a ring of /dev/ringbuffer with one producer, both of whose ends this program has
 * mapped: so it is the protocol alone, by the library.
 */
#include <err.h>
#include <fcntl.h>

#include <ferrio/ring-records.h>

#include "bench-records.h"

static struct {
	struct ring_records producer, consumer;
	size_t size;
	bool quiet;
	/* The consumer's. */
	uint64_t seq;
} mapped;

static void make(size_t size, bool quiet)
{
	int fd = open("/dev/ringbuffer", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		err(1, "/dev/ringbuffer");
	if (ring_records(fd, FERRIO_RB_WRITE, RECORDS_BYTES, 0, &mapped.producer) < 0 ||
	    ring_records(fd, FERRIO_RB_READ, 0, 0, &mapped.consumer) < 0)
		err(1, "ring_records");
	mapped.producer.rb.nonblock = 1;
	mapped.consumer.rb.nonblock = 1;
	mapped.size = size;
	mapped.quiet = quiet;
}

static __always_inline void put_sized(uint64_t seq, uint64_t count, size_t size, bool quiet)
{
	for (; count; count--, seq++) {
		uint64_t *word = ring_record_reserve(&mapped.producer, size);

		if (!word)
			err(1, "record %lu", seq);
		for (size_t i = 0; i < size / sizeof(*word); i++)
			word[i] = seq;
		if (quiet ? ring_record_commit_quiet(&mapped.producer, size) :
			    ring_record_commit(&mapped.producer, size))
			err(1, "record %lu", seq);
	}
}

static void produce(uint64_t seq, uint64_t count)
{
	if (mapped.quiet && mapped.size == 16)
		put_sized(seq, count, 16, true);
	else if (mapped.quiet)
		put_sized(seq, count, 64, true);
	else if (mapped.size == 16)
		put_sized(seq, count, 16, false);
	else
		put_sized(seq, count, 64, false);
}

static void nothing(uint64_t seq, uint64_t count)
{
	for (; count; count--, seq++)
		__asm__ volatile("" : : "r"(seq) : "memory");
}

static __always_inline uint64_t take_sized(size_t size)
{
	const void *record;
	uint64_t n = 0;
	size_t len;

	for (; ring_record_next(&mapped.consumer, &record, &len) == 1; n++, mapped.seq++)
		if (len != size || !records_right(record, size, mapped.seq))
			errx(1, "record %lu: %zu bytes, or others", mapped.seq, len);
	if (errno != EAGAIN)
		err(1, "record %lu", mapped.seq);
	return n;
}

static uint64_t consume(void)
{
	return mapped.size == 16 ? take_sized(16) : take_sized(64);
}

const struct records_peer bench_mapped = {
	.name = "mapped",
	.make = make,
	.produce = produce,
	.nothing = nothing,
	.consume = consume,
};
