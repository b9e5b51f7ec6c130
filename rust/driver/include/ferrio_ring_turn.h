/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of ferrio_ring.h that is inline: a message's way through the driver's end of a
 * ring as far as nobody has to be asked.  What is in here is for the functions of that
 * header alone, and for the Rust crate, which has the same steps: those of
 * Documentation/mapped-ring.rst.
 */
#ifndef _FERRIO_RING_TURN_H
#define _FERRIO_RING_TURN_H

#include <linux/atomic.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/barrier.h>
#include <ferrio/ringbuffer.h>

/*
 * ringbuffer.ko writes it.  @armed and @wanted may change at any time: when the driver gives the
 * end up they lead to words that have it called.
 */
struct ferrio_ring_end {
	u64 *own;		/* the own position; programs can read it */
	const u64 *state;	/* FERRIO_RB_STATE_*; programs can read it */
	const u64 *armed;	/* not 0: somebody sleeps at the other end, */
	const u64 *wanted;	/* until the own position is there */
	u8 *data;		/* the data, twice in a row */
	u64 mask;		/* the size less 1 */
	u64 limit;		/* how far @own can go, by what is known of the other end */
};

/* The rings of a device, or of an open file of one, one for each direction. */
struct ferrio_ring {
	struct ferrio_ring_end *read, *write;	/* NULL: there is none */
	/* and what is ringbuffer.ko's */
};

/* What they leave; and what is left to be done for what they did, before it has counted. */
int ferrio_ring_write_slow(struct ferrio_ring *ring, const void *from, size_t len);
int ferrio_ring_write_atomic_slow(struct ferrio_ring *ring, const void *from, size_t len);
ssize_t ferrio_ring_read_slow(struct ferrio_ring *ring, void *to, size_t min, size_t len);
ssize_t ferrio_ring_read_atomic_slow(struct ferrio_ring *ring, void *to, size_t min, size_t len);
int ferrio_ring_wake(struct ferrio_ring *ring, unsigned int directions);
int ferrio_ring_wake_atomic(struct ferrio_ring *ring, unsigned int directions);

/* The states in which a producer and a consumer have to ask. */
#define FERRIO_RING_STOPS_WRITE	\
	(FERRIO_RB_STATE_READ_CLOSED | FERRIO_RB_STATE_WRITE_CLOSED | FERRIO_RB_STATE_CORRUPT)
#define FERRIO_RING_STOPS_READ	(FERRIO_RB_STATE_READ_CLOSED | FERRIO_RB_STATE_CORRUPT)

/* Where a turn is. */
struct ferrio_ring_turn {
	u64 *own;
	u64 position;
	u64 bytes;
	u8 *start;
};

/* Whether @len bytes can be moved by what is known; if so, all that can. */
static __always_inline bool ferrio_ring_begin(const struct ferrio_ring_end *end, u64 stops,
					      size_t len, struct ferrio_ring_turn *turn)
{
	if (!end || READ_ONCE(*end->state) & stops)
		return false;
	turn->own = end->own;
	turn->position = READ_ONCE(*turn->own);
	turn->bytes = end->limit - turn->position;
	turn->start = end->data + (turn->position & end->mask);
	return len <= SSIZE_MAX && (s64)turn->bytes >= (s64)len;
}

/* Says that @len bytes have been moved; whether ringbuffer.ko has to be told. */
static __always_inline bool ferrio_ring_publish(const struct ferrio_ring_end *end,
						const struct ferrio_ring_turn *turn, size_t len)
{
	/*
	 * Release, which pairs with the acquire of the other end: the bytes were moved before.
	 * And a full fence, which pairs with that of a sleeper, between its arm and its last look
	 * at the position, and with that of ferrio_ring_shutdown().
	 */
	xchg(turn->own, turn->position + len);
	/* Acquire: what is wanted is as of this arm, or a later one. */
	if (likely(!smp_load_acquire(READ_ONCE(end->armed))))
		return false;
	/* Only this end writes its position. */
	return (s64)(READ_ONCE(*turn->own) - READ_ONCE(*READ_ONCE(end->wanted))) >= 0;
}

static __always_inline bool ferrio_ring_put_now(struct ferrio_ring_end *end, const void *from,
						size_t len, bool *wake)
{
	struct ferrio_ring_turn turn;

	if (!from || !ferrio_ring_begin(end, FERRIO_RING_STOPS_WRITE, len, &turn))
		return false;
	memcpy(turn.start, from, len);
	*wake = ferrio_ring_publish(end, &turn, len);
	return true;
}

static __always_inline size_t ferrio_ring_take_now(struct ferrio_ring_end *end, void *to,
						   size_t min, size_t len, bool *wake)
{
	struct ferrio_ring_turn turn;

	if (!to || !min || min > len ||
	    !ferrio_ring_begin(end, FERRIO_RING_STOPS_READ, min, &turn))
		return 0;
	len = min_t(u64, len, turn.bytes);
	memcpy(to, turn.start, len);
	*wake = ferrio_ring_publish(end, &turn, len);
	return len;
}

#endif /* _FERRIO_RING_TURN_H */
