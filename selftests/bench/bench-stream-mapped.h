/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two loops of bench-stream over a mapped ring: each message is built and
 * checked where it lies, and published before the next one is built.
 */
#ifndef BENCH_STREAM_MAPPED_H
#define BENCH_STREAM_MAPPED_H

#include <ferrio/ring.h>

#include "bench-stream-work.h"

/* Inlined with a size that is known, as a program knows that of its messages. */
static __always_inline int mapped_produce_sized(struct ringbuffer *rb, size_t size, uint64_t messages)
{
	for (uint64_t seq = 0; seq < messages; seq++) {
		void *message = ringbuffer_reserve(rb, size);

		if (!message)
			return -1;
		build(message, size, seq);
		if (ringbuffer_commit(rb, size))
			return -1;
	}
	return 0;
}

static __always_inline int mapped_consume_sized(struct ringbuffer *rb, size_t size, uint64_t messages)
{
	for (uint64_t seq = 0; seq < messages; seq++) {
		size_t there = size;
		const void *message = ringbuffer_peek(rb, &there);

		if (!message)
			return -1;
		if (there < size || !check(message, size, seq)) {
			errno = EPROTO;
			return -1;
		}
		if (ringbuffer_consume(rb, size))
			return -1;
	}
	return 0;
}

/* Not into main(): what runs once is compiled to be small, not to be fast. */
static __attribute((noinline, unused))
int mapped_produce(struct ringbuffer *rb, size_t size, uint64_t messages)
{
	return size == 16 ? mapped_produce_sized(rb, 16, messages) :
		mapped_produce_sized(rb, size, messages);
}

static __attribute((noinline, unused))
int mapped_consume(struct ringbuffer *rb, size_t size, uint64_t messages)
{
	return size == 16 ? mapped_consume_sized(rb, 16, messages) :
		mapped_consume_sized(rb, size, messages);
}

#endif /* BENCH_STREAM_MAPPED_H */
