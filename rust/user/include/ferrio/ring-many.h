/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The handle of records, and the protocol of many producers and their consumer on
 * mapped words.
 *
 * Part of ferrio/ring-records.h, which is what programs include.  The steps that are
 * named here are those of Documentation/records.rst.
 */
#ifndef FERRIO_RING_MANY_H
#define FERRIO_RING_MANY_H

#include <ferrio/ring.h>

/* Nothing is reserved. */
#define RING__NOTHING	UINT64_MAX

/**
 * struct ring_records - an end of a ring of records, mapped
 * @rb: the end; its @nonblock and @spin may be changed, its @fd, @rw and @size be read
 * @lost: of a consumer: what the last gap told, by cause (FERRIO_RB_LOST_FULL, ...)
 * @slot: of a producer: where it counts what it has lost; of many: what it has reserved
 * @told: of that, what gaps have told
 * @at: the position of what is reserved; of a consumer of many: the cursor behind its record
 * @header: of many: its header, which with @at is the token that ends it
 * @owner: of many: the number of the slot + 1
 * @busy: of many: how often the consumer, never sleeping, has met what is not committed
 * @reserved: its bytes of payload, or RING__NOTHING
 * @extent: of a consumer: what ring_record_done() gives back
 * @drops: the ring drops
 * @many: it has many producers
 *
 * A producer among many has one reservation at a time, and its mapping is not
 * inherited by a child of fork(2), which maps an end of its own.  If the process dies the
 * kernel discards what is reserved.
 */
struct ring_records {
	struct ringbuffer rb;
	uint64_t lost[FERRIO_RB_LOST_CAUSES];
	struct ferrio_rb_slot *slot;
	uint64_t told[FERRIO_RB_LOST_CAUSES];
	uint64_t at;
	uint64_t header;
	uint64_t owner;
	uint64_t reserved;
	uint64_t extent;
	uint32_t busy;
	unsigned char drops;
	unsigned char many;
};

/* The owner's bits in front of the position, in `reserve`; in `limit` the cursor's. */
#define RING__OWNER		0xffULL
#define RING__OWNER_BITS	8
/* A cursor is a position, and in its lowest bit what PHASE is there without a header. */
#define RING__POSITION		(~7ULL)
/* How often a step is tried that only the success of another producer makes fail. */
#define RING__MANY_TRIES	4096
/* How many bytes the limit goes, if so many are consumed, though fewer are needed. */
#define RING__AHEAD		1024U
/* From a position to the check, and from a cursor's lowest bit to PHASE. */
#define RING__CHECK		(FERRIO_RB_RECORD_CHECK_SHIFT - 3)
/* How often a busy record is met before the kernel looks: not blocking; and spinning for ever. */
#define RING__BUSY		64U
#define RING__BUSY_SPINNING	(1U << 16)

/* What is as the position says, and 0. */
#define RING__FIXED	(~(FERRIO_RB_RECORD_LEN | FERRIO_RB_RECORD_BUSY | \
			   FERRIO_RB_RECORD_DISCARD | FERRIO_RB_RECORD_GAP | \
			   FERRIO_RB_RECORD_HELD | FERRIO_RB_RECORD_NEXT | \
			   FERRIO_RB_RECORD_PHASE))

/* What a payload takes with its header. */
static inline RING__FAST uint64_t ring__extent(uint64_t len)
{
	return (len + FERRIO_RB_RECORD_HEADER_BYTES + 7) & RING__POSITION;
}

/* The position of which @word has the low 56 bits, as the next one from @from on. */
static inline RING__FAST uint64_t ring__extend(uint64_t word, uint64_t from)
{
	return from + (((word & ~RING__OWNER) - (from << RING__OWNER_BITS)) >> RING__OWNER_BITS);
}

static inline RING__FAST __u64 *ring__header_at(const struct ringbuffer *rb, uint64_t at)
{
	return (__u64 *)(void *)ring__place(rb, at & RING__POSITION);
}

static inline RING__FAST struct ferrio_rb_producer_page *ring__page(const struct ringbuffer *rb)
{
	/* Of a consumer it is mapped for reading. */
	return (struct ferrio_rb_producer_page *)(uintptr_t)rb->producer;
}

static inline RING__FAST struct ferrio_rb_slot *ring__slot(const struct ringbuffer *rb,
							    uint64_t owner)
{
	return (struct ferrio_rb_slot *)(void *)(ring__page(rb) + 1) + (owner - 1);
}

static inline RING__FAST int ring__exchange(__u64 *word, uint64_t old, uint64_t new_word)
{
	__u64 was = old;

	return __atomic_compare_exchange_n(word, &was, new_word, 0, __ATOMIC_RELEASE,
					   __ATOMIC_RELAXED);
}

/* What @header says of the cursor behind it. */
static inline RING__FAST uint64_t ring__behind(uint64_t cursor, uint64_t header)
{
	return ((cursor & RING__POSITION) + ring__extent(header & FERRIO_RB_RECORD_LEN)) |
		!!(header & FERRIO_RB_RECORD_NEXT);
}

/* A header for this cursor, of a record that has ended? */
static inline RING__FAST int ring__is_ended(uint64_t cursor, uint64_t header)
{
	return ((header ^ cursor << RING__CHECK) &
		(RING__FIXED | FERRIO_RB_RECORD_BUSY | FERRIO_RB_RECORD_PHASE)) ==
		FERRIO_RB_RECORD_PHASE;
}

/* What was found is impossible, unless one of the words has moved meanwhile: 0. */
static RING__SLOW int ring__impossible(struct ringbuffer *rb, uint64_t reserve, uint64_t limit)
{
	struct ferrio_rb_producer_page *page = ring__page(rb);

	/* The last values count, and not older ones. */
	if (!ring__exchange(&page->limit, limit, limit) ||
	    !ring__exchange(&page->reserve, reserve, reserve))
		return 0;
	return (int)ring__blame(rb);
}

/* M3: move the limit for @extent bytes.  0: look again; -1 with errno. */
static RING__SLOW int ring__make_room(struct ringbuffer *rb, uint64_t reserve, uint64_t limit,
				      uint64_t extent)
{
	/* Acquire: pairs with C6, and with M6 of those whose headers are read below. */
	uint64_t consumer = ring__acquire(&rb->peer->position) & RING__POSITION;
	uint64_t at = limit >> RING__OWNER_BITS, cursor = at | (limit & 1), gone = 0;
	uint64_t consumed, there, goal, header, step;

	consumed = (consumer - at) << RING__OWNER_BITS >> RING__OWNER_BITS;
	there = ring__extend(reserve, consumer) - consumer;
	if (there > rb->size)
		return ring__impossible(rb, reserve, limit);
	if (there + extent + FERRIO_RB_RECORD_HEADER_BYTES > rb->size) {
		errno = EAGAIN;
		return -1;
	}
	if (consumed > rb->size - there)
		return ring__impossible(rb, reserve, limit);
	/* Not all the way: whoever spoils the exchange has spoilt that much. */
	goal = consumed < RING__AHEAD ? consumed : RING__AHEAD;
	/* Nothing was consumed, and yet there is room: impossible, and found to be. */
	if (!goal)
		goal = 1;
	while (gone < goal) {
		header = ring__relaxed(ring__header_at(rb, cursor));
		step = ring__extent(header & FERRIO_RB_RECORD_LEN);
		if (!ring__is_ended(cursor, header) || step > consumed - gone)
			return ring__impossible(rb, reserve, limit);
		gone += step;
		cursor = ring__behind(cursor, header);
	}
	/* If this fails, somebody else was faster. */
	ring__exchange(&ring__page(rb)->limit, limit,
		       (cursor & RING__POSITION) << RING__OWNER_BITS | (cursor & 1));
	return 0;
}

/* M5: what this holder is about to reserve; returns the number of its claim. */
static inline RING__FAST uint64_t ring__announce(struct ferrio_rb_slot *slot, uint64_t at,
						 uint64_t header)
{
	uint64_t number = (ring__relaxed(&slot->claim) & ~3ULL) + 4;

	__atomic_store_n(&slot->position, at, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->header, header, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->claim, number | FERRIO_RB_SLOT_ASKING, __ATOMIC_RELEASE);
	return number;
}

/* M5: the last owner has reserved, whatever becomes of it. */
static inline RING__FAST void ring__confirm(struct ferrio_rb_slot *slot, uint64_t reserve)
{
	uint64_t claim = ring__acquire(&slot->claim), end;

	if ((claim & 3) != FERRIO_RB_SLOT_ASKING)
		return;
	end = ring__relaxed(&slot->position) +
		ring__extent(ring__relaxed(&slot->header) & FERRIO_RB_RECORD_LEN);
	if (end << RING__OWNER_BITS >> RING__OWNER_BITS == reserve >> RING__OWNER_BITS)
		ring__exchange(&slot->claim, claim, (claim & ~3ULL) | FERRIO_RB_SLOT_WON);
}

static inline RING__FAST void ring__idle(struct ferrio_rb_slot *slot)
{
	uint64_t number = ring__relaxed(&slot->claim) & ~3ULL;

	__atomic_store_n(&slot->claim, number | FERRIO_RB_SLOT_IDLE, __ATOMIC_RELEASE);
}

/* What ends a producer before it looks at positions; -1 with errno. */
static inline RING__FAST int ring__may_produce(struct ringbuffer *rb)
{
	uint64_t state = ring__relaxed(rb->state[FERRIO_RB_WRITE]);

	if (RING__LIKELY(!(state & ring__stop(FERRIO_RB_WRITE))))
		return 0;
	if (state & FERRIO_RB_STATE_CORRUPT)
		return (int)ring__corrupt(rb);
	errno = state & FERRIO_RB_STATE_WRITE_CLOSED ? EBADF : EPIPE;
	return -1;
}

/*
 * M1 to M7 for the holder @owner, once: a record with these bits.  Returns 0, and where it
 * begins in @begin and its header, committed, in @made; -1 with errno, EAGAIN if there is no
 * room.
 */
static inline int ring__claim(struct ringbuffer *rb, uint64_t owner, uint64_t bits,
			      uint64_t *begin, uint64_t *made)
{
	struct ferrio_rb_producer_page *page = ring__page(rb);
	struct ferrio_rb_slot *slot = ring__slot(rb, owner);
	const uint64_t extent = ring__extent(bits & FERRIO_RB_RECORD_LEN);
	uint64_t reserve, limit, at, header, number, last, tries;
	__u64 *here;

	if (ring__may_produce(rb))
		return -1;
	if ((ring__relaxed(&slot->claim) & 3) != FERRIO_RB_SLOT_IDLE) {
		errno = EBUSY;
		return -1;
	}
	/* As many goes at the limit as its way needs, and those that others spoil. */
	for (tries = 0; tries < RING__MANY_TRIES + extent / RING__AHEAD; tries++) {
		/* M1, M2: acquire pairs with M6, M3 of others. */
		reserve = ring__acquire(&page->reserve);
		limit = ring__acquire(&page->limit);
		if ((reserve & ~RING__OWNER) - (limit & ~RING__OWNER) >
		    (rb->size - FERRIO_RB_RECORD_HEADER_BYTES - extent) << RING__OWNER_BITS) {
			if (!ring__make_room(rb, reserve, limit, extent))
				continue;
			ring__idle(slot);
			return -1;
		}
		at = reserve >> RING__OWNER_BITS;
		if (RING__UNLIKELY(at & ~RING__POSITION)) {
			ring__idle(slot);
			return (int)ring__blame(rb);
		}
		/* M4: both places are free, and stay as they are until M6. */
		here = ring__header_at(rb, at);
		header = bits | at << RING__CHECK |
			(~ring__relaxed(here) & FERRIO_RB_RECORD_PHASE) |
			(ring__relaxed(ring__header_at(rb, at + extent)) &
			 FERRIO_RB_RECORD_PHASE) >> 1;
		number = ring__announce(slot, at, header);
		last = reserve & RING__OWNER;
		if (last && last != owner && last <= FERRIO_RB_SLOTS)
			ring__confirm(ring__slot(rb, last), reserve);
		/* M6: release, which also keeps M4 in front. */
		if (!ring__exchange(&page->reserve, reserve,
				    ((reserve & ~RING__OWNER) + (extent << RING__OWNER_BITS)) |
				    owner))
			continue;
		__atomic_store_n(&slot->claim, number | FERRIO_RB_SLOT_WON, __ATOMIC_RELAXED);
		__atomic_store_n(here, header | FERRIO_RB_RECORD_BUSY, __ATOMIC_RELAXED);
		*begin = at;
		*made = header;
		return 0;
	}
	/* Somebody moves the words all the time: of this record alone. */
	ring__idle(slot);
	errno = EBADMSG;
	return -1;
}

/* M9. */
static inline RING__FAST void ring__notify(struct ringbuffer *rb, uint64_t at)
{
	uint64_t armed, from, end;
	int64_t min;

	ring__fence();
	armed = ring__acquire(&rb->peer->armed);
	if (RING__LIKELY(!armed) || armed == rb->woken)
		return;
	from = ring__relaxed(&rb->peer->position) & RING__POSITION;
	end = ring__extend(ring__relaxed(&ring__page(rb)->reserve), from);
	/* What an earlier arm left behind counts as the next record. */
	min = (int64_t)(ring__relaxed(&rb->peer->wanted) - from);
	if (min < 1)
		min = 1;
	if (ring__extend(at << RING__OWNER_BITS, from) - from < (uint64_t)min &&
	    end - from >= (uint64_t)min)
		ring__wake(rb, armed);
}

/* Redeems what is reserved: once, whoever tries.  -1: EINVAL, it is not. */
static inline int ring__redeem(struct ringbuffer *rb, uint64_t at, uint64_t header)
{
	struct ferrio_rb_producer_page *page = ring__page(rb);
	const uint64_t busy = header | FERRIO_RB_RECORD_BUSY;
	uint64_t limit = ring__acquire(&page->limit) & ~RING__OWNER;
	uint64_t there = (ring__acquire(&page->reserve) & ~RING__OWNER) - limit;

	/* In front of the limit there may be payload, which can look like anything. */
	if (header & (FERRIO_RB_RECORD_BUSY | FERRIO_RB_RECORD_DISCARD | FERRIO_RB_RECORD_HELD |
		      (RING__FIXED & ((1ULL << FERRIO_RB_RECORD_CHECK_SHIFT) - 1))) ||
	    (header ^ at << RING__CHECK) >> FERRIO_RB_RECORD_CHECK_SHIFT ||
	    at & ~RING__POSITION || (at << RING__OWNER_BITS) - limit >= there ||
	    !ring__exchange(ring__header_at(rb, at), busy, busy | FERRIO_RB_RECORD_HELD)) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

/* M8, and M9 unless @quiet, of what is redeemed: @bytes of it. */
static inline void ring__end(struct ringbuffer *rb, uint64_t owner, uint64_t at, uint64_t header,
			     uint64_t bytes, int quiet)
{
	uint64_t whole = ring__extent(header & FERRIO_RB_RECORD_LEN), part = ring__extent(bytes);

	header = (header & ~FERRIO_RB_RECORD_LEN) | bytes;
	if (part < whole) {
		/* A record behind it that is skipped; it is seen by who sees the header. */
		__atomic_store_n(ring__header_at(rb, at + part),
				 (whole - part - FERRIO_RB_RECORD_HEADER_BYTES) |
				 (at + part) << RING__CHECK | FERRIO_RB_RECORD_DISCARD |
				 FERRIO_RB_RECORD_PHASE | (header & FERRIO_RB_RECORD_NEXT),
				 __ATOMIC_RELAXED);
		header &= ~FERRIO_RB_RECORD_NEXT;
	}
	__atomic_store_n(ring__header_at(rb, at), header, __ATOMIC_RELEASE);
	ring__idle(ring__slot(rb, owner));
	if (!quiet)
		ring__notify(rb, at);
}

/*
 * C1 to C4: the header at the own position, once.  Returns 1, and in @header what is
 * checked; 0 at the end of the stream; -1 with errno, EAGAIN: there is none yet, and
 * in @busy whether there will be.
 */
static inline int ring__find(struct ringbuffer *rb, uint64_t *header, int *busy)
{
	/* Acquire, and in front of the others: what is not there when all have left stays so. */
	uint64_t state = ring__acquire(rb->state[FERRIO_RB_READ]);
	uint64_t cursor = ring__relaxed(rb->own), at = cursor & RING__POSITION;
	uint64_t there, word, made;

	*busy = 0;
	if (state & FERRIO_RB_STATE_CORRUPT)
		return (int)ring__corrupt(rb);
	if (state & FERRIO_RB_STATE_READ_CLOSED) {
		errno = EBADF;
		return -1;
	}
	there = ring__extend(ring__acquire(&ring__page(rb)->reserve), at) - at;
	if (!there) {
		errno = EAGAIN;
		return state & FERRIO_RB_STATE_WRITE_CLOSED ? 0 : -1;
	}
	if (RING__UNLIKELY(there > rb->size))
		return (int)ring__blame(rb);
	word = ring__acquire(ring__header_at(rb, at));
	made = (word ^ cursor << RING__CHECK) & FERRIO_RB_RECORD_PHASE;
	if (made && (word ^ cursor << RING__CHECK) & RING__FIXED)
		return (int)ring__blame(rb);
	if (!made || word & FERRIO_RB_RECORD_BUSY) {
		if (state & FERRIO_RB_STATE_WRITE_CLOSED)
			return (int)ring__blame(rb);
		*busy = 1;
		errno = EAGAIN;
		return -1;
	}
	if (RING__UNLIKELY(ring__extent(word & FERRIO_RB_RECORD_LEN) > there))
		return (int)ring__blame(rb);
	*header = word;
	return 1;
}

/*
 * M1 to M7: what ring__claim() does, and waits for space where the end blocks and the ring does
 * not drop.
 */
static inline int ring__claim_room(struct ring_records *rr, uint64_t bits)
{
	const uint64_t need = ring__extent(bits & FERRIO_RB_RECORD_LEN) +
		FERRIO_RB_RECORD_HEADER_BYTES;
	uint32_t turns = 0;

	while (ring__claim(&rr->rb, rr->owner, bits, &rr->at, &rr->header)) {
		if (errno != EAGAIN || rr->rb.nonblock || rr->drops)
			return -1;
		if (turns < rr->rb.spin) {
			turns += rr->rb.spin != RINGBUFFER_SPIN_FOREVER;
			ring__pause();
			continue;
		}
		turns = 0;
		if (ringbuffer_wait(rr->rb.fd, FERRIO_RB_WRITE, need, NULL, 0))
			return -1;
	}
	return 0;
}

/* As ring__room() and ring__publish(), for a gap of these numbers among many producers. */
static inline int ring__tell_many(struct ring_records *rr, const __u64 *news, size_t bytes)
{
	if (ring__claim_room(rr, bytes | FERRIO_RB_RECORD_GAP))
		return -1;
	memcpy((unsigned char *)ring__header_at(&rr->rb, rr->at) + FERRIO_RB_RECORD_HEADER_BYTES,
	       news, bytes);
	ring__end(&rr->rb, rr->owner, rr->at, rr->header, bytes, 0);
	return 0;
}

/*
 * Who has reserved a busy record may be dead.  The kernel looks for that when somebody sleeps for
 * it; who never does asks, once in a while.  Whether it is time.
 */
static inline int ring__asks(struct ring_records *rr)
{
	if (rr->rb.nonblock)
		return !(++rr->busy % RING__BUSY);
	return rr->rb.spin == RINGBUFFER_SPIN_FOREVER && !(++rr->busy % RING__BUSY_SPINNING);
}

/* Waits for the next header of many producers; as ring__find(). */
static RING__SLOW int ring__await_record(struct ring_records *rr, uint64_t *header)
{
	const struct timespec now = { 0, 0 };
	uint32_t turns = 0;
	int found, busy;

	for (;;) {
		found = ring__find(&rr->rb, header, &busy);
		if (found >= 0 || errno != EAGAIN)
			return found;
		if (busy && ring__asks(rr) &&
		    !ringbuffer_wait(rr->rb.fd, FERRIO_RB_READ, 1, &now, 0))
			continue;
		if (rr->rb.nonblock) {
			errno = EAGAIN;
			return -1;
		}
		if (turns < rr->rb.spin) {
			turns += rr->rb.spin != RINGBUFFER_SPIN_FOREVER;
			ring__pause();
			continue;
		}
		turns = 0;
		if (ringbuffer_wait(rr->rb.fd, FERRIO_RB_READ, 1, NULL, 0))
			return errno == EBADMSG ? (int)ring__corrupt(&rr->rb) : -1;
	}
}

#endif /* FERRIO_RING_MANY_H */
