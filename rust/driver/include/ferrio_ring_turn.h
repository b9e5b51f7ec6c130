/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of ferrio_ring.h that is inline: a message's way through the driver's end of a
 * ring as far as nobody has to be asked.  What is in here is for the functions of that
 * header alone, and for the Rust crate, which has the same steps: those of
 * Documentation/mapped-ring.rst.
 */
#ifndef _FERRIO_RING_TURN_H
#define _FERRIO_RING_TURN_H

#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/barrier.h>
#include <ferrio/ringbuffer.h>

/* ringbuffer.ko writes it, and the functions below @reserved. */
struct ferrio_ring_end {
	u64 *own;		/* the own position; programs can read it */
	const u64 *state;	/* FERRIO_RB_STATE_*; programs can read it */
	const u64 *armed;	/* not 0: somebody sleeps at the other end, */
	const u64 *wanted;	/* until the own position is there */
	u8 *data;		/* the data, twice in a row */
	u64 mask;		/* the size less 1 */
	u64 limit;		/* how far @own can go, by what is known of the other end */
	u64 reserved;		/* bytes */
};

/* The rings of a device, or of an open file of one, one for each direction. */
struct ferrio_ring {
	struct ferrio_ring_end *read, *write;	/* NULL: there is none */
	/* and what is ringbuffer.ko's */
};

/* What they leave, and who is to be woken for what they did. */
int ferrio_ring_write_slow(struct ferrio_ring *ring, const void *from, size_t len);
int ferrio_ring_write_atomic_slow(struct ferrio_ring *ring, const void *from, size_t len);
ssize_t ferrio_ring_read_slow(struct ferrio_ring *ring, void *to, size_t min, size_t len);
ssize_t ferrio_ring_read_atomic_slow(struct ferrio_ring *ring, void *to, size_t min, size_t len);
void ferrio_ring_wake(struct ferrio_ring *ring, unsigned int directions);
void ferrio_ring_wake_atomic(struct ferrio_ring *ring, unsigned int directions);

/* The states in which a producer and a consumer have to ask. */
#define FERRIO_RING_STOPS_WRITE	\
	(FERRIO_RB_STATE_READ_CLOSED | FERRIO_RB_STATE_WRITE_CLOSED | FERRIO_RB_STATE_CORRUPT)
#define FERRIO_RING_STOPS_READ	(FERRIO_RB_STATE_READ_CLOSED | FERRIO_RB_STATE_CORRUPT)

/* Whether @len bytes can be moved by what is known, and from which position on. */
static __always_inline bool ferrio_ring_begin(const struct ferrio_ring_end *end, u64 stops,
					      size_t len, u64 *at)
{
	if (!end || READ_ONCE(*end->state) & stops)
		return false;
	*at = READ_ONCE(*end->own);
	return len <= SSIZE_MAX && (s64)(end->limit - *at) >= (s64)len;
}

/* Says how far the bytes have been moved; whether somebody sleeps who waits for it. */
static __always_inline bool ferrio_ring_publish(struct ferrio_ring_end *end, u64 position)
{
	/* Pairs with the acquire of the other end: the bytes were moved before. */
	smp_store_release(end->own, position);
	/* Pairs with that of a sleeper, between its arm and its last look at the position. */
	smp_mb();
	/* Acquire: what is wanted is as of this arm, or a later one. */
	return unlikely(smp_load_acquire(end->armed)) &&
		(s64)(position - READ_ONCE(*end->wanted)) >= 0;
}

static __always_inline bool ferrio_ring_put_now(struct ferrio_ring_end *end, const void *from,
						size_t len, bool *wake)
{
	u64 at;

	if (!from || !ferrio_ring_begin(end, FERRIO_RING_STOPS_WRITE, len, &at))
		return false;
	memcpy(end->data + (at & end->mask), from, len);
	end->reserved = 0;
	*wake = ferrio_ring_publish(end, at + len);
	return true;
}

static __always_inline size_t ferrio_ring_take_now(struct ferrio_ring_end *end, void *to,
						   size_t min, size_t len, bool *wake)
{
	u64 at;

	if (!to || !min || min > len ||
	    !ferrio_ring_begin(end, FERRIO_RING_STOPS_READ, min, &at))
		return 0;
	len = min_t(u64, len, end->limit - at);
	memcpy(to, end->data + (at & end->mask), len);
	*wake = ferrio_ring_publish(end, at + len);
	return len;
}

#endif /* _FERRIO_RING_TURN_H */
