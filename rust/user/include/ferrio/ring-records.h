/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * ferrio/ring-records.h - move records through a mapped ring, of one producer or many.
 *
 *	struct ring_records rr;
 *	int end = ring_records(plain, FERRIO_RB_WRITE, 65536, 0, &rr);
 *
 *	struct message *m = ring_record_reserve(&rr, sizeof(*m));
 *	...				(build it where it is)
 *	ring_record_commit(&rr, sizeof(*m));
 *
 * A record is whole or not there at all, and in one piece wherever it lies.  The
 * protocol is in Documentation/records.rst; what is said in ferrio/ring.h of trust,
 * threads and languages holds here, too.
 */
#ifndef FERRIO_RING_RECORDS_H
#define FERRIO_RING_RECORDS_H

#include <ferrio/ring-many.h>

/* All of a header but the length. */
static inline RING__FAST uint64_t ring__header(uint64_t position)
{
	return position / 8 << FERRIO_RB_RECORD_CHECK_SHIFT | FERRIO_RB_RECORD_PHASE;
}

/* The only writer of a slot's words is its holder; others read them. */
static inline void ring__count(__u64 *counter)
{
	__atomic_store_n(counter, ring__relaxed(counter) + 1, __ATOMIC_RELAXED);
}

/**
 * ring_records() - map an end of a ring of records
 * @fd: an open of /dev/ringbuffer, a file of a driver, or an end
 * @rw: as of ringbuffer()
 * @size: as of ringbuffer()
 * @flags: FERRIO_RB_RECORDS_DROP: the ring drops what has no room, and counts it;
 *	0: its producer waits.  With FERRIO_RB_RECORDS_MANY it has many producers.  Of a ring
 *	that is in use, nothing
 * @rr: is filled in; by a failure, too, so that all calls with it give EBADF
 *
 * What an earlier holder of a producer end has lost was for that one to tell.
 *
 * A driver's file has to stay open as long as the end is used: its last close is
 * what may end the stream.
 *
 * Return: as ringbuffer(), and EINVAL: @flags; EPROTO: a ring of bytes; EOPNOTSUPP: the
 * module knows no such records; of many producers EBUSY: this end is mapped, ENFILE:
 * FERRIO_RB_SLOTS others are.
 */
static inline int ring_records(int fd, int rw, uint32_t size, unsigned int flags,
			       struct ring_records *rr)
{
	struct ferrio_rb_size arg = { sizeof(arg), (uint32_t)FERRIO_RB_RECORDS | flags, size };
	struct ferrio_rb_info info;
	size_t i;
	int end;

	memset(rr, 0, sizeof(*rr));
	ring__clear(&rr->rb);
	rr->reserved = RING__NOTHING;
	if (flags & ~(unsigned int)(FERRIO_RB_RECORDS_DROP | FERRIO_RB_RECORDS_MANY)) {
		errno = EINVAL;
		return -1;
	}
	if (ring__info(fd, &info))
		return -1;
	if (!(info.features & (flags & FERRIO_RB_RECORDS_MANY ? FERRIO_RB_FEAT_MANY :
			       FERRIO_RB_FEAT_RECORDS))) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (!size)
		arg.bytes = info.ring_bytes;
	if (info.kind == FERRIO_RB_KIND_PLAIN &&
	    !(info.state & FERRIO_RB_STATE_ALLOCATED) &&
	    ring__ioctl(fd, FERRIO_RB_SET_SIZE, &arg) < 0 && errno != EBUSY)
		return -1;
	if (ring__info(fd, &info))
		return -1;
	if (!(info.records & FERRIO_RB_RECORDS)) {
		errno = EPROTO;
		return -1;
	}
	/* The size is set; a set of it by ringbuffer() would be one of a ring of bytes. */
	if (size && size != info.ring_bytes) {
		errno = EBUSY;
		return -1;
	}
	end = ring__open(fd, rw, 0, 1, &rr->rb);
	if (end < 0)
		return end;
	rr->many = !!(info.records & FERRIO_RB_RECORDS_MANY);
	rr->drops = !!(info.records & FERRIO_RB_RECORDS_DROP);
	if (rw != FERRIO_RB_WRITE)
		return end;
	rr->owner = 1;
	if (rr->many) {
		/* The mapping has got a slot; which one? */
		if (ring__info(end, &info) || info.slot - 1 >= FERRIO_RB_SLOTS) {
			ringbuffer_unmap(&rr->rb);
			if (end != fd)
				close(end);
			errno = EPROTO;
			return -1;
		}
		rr->owner = info.slot;
	}
	rr->slot = ring__slot(&rr->rb, rr->owner);
	for (i = 0; i < FERRIO_RB_LOST_CAUSES; i++)
		rr->told[i] = ring__relaxed(&rr->slot->lost[i]);
	return end;
}

/**
 * ring_records_close() - undo the mapping and close the descriptor
 * @rr: of ring_records()
 *
 * What is reserved has not happened.
 */
static inline void ring_records_close(struct ring_records *rr)
{
	ringbuffer_close(&rr->rb);
	rr->slot = NULL;
	rr->reserved = RING__NOTHING;
	rr->extent = 0;
}

/* P1 and P2: room for a record, and for the header of the next one. */
static inline RING__FAST void *ring__room(struct ring_records *rr, uint64_t len)
{
	size_t need = (size_t)(ring__extent(len) + FERRIO_RB_RECORD_HEADER_BYTES);
	unsigned char nonblock = rr->rb.nonblock;
	void *room;

	rr->rb.nonblock |= rr->drops;
	room = ringbuffer_reserve(&rr->rb, need);
	rr->rb.nonblock = nonblock;
	return room;
}

/* P3 and P4, and P5 unless @quiet. */
static inline RING__FAST void ring__publish(struct ring_records *rr, uint64_t at, uint64_t bits,
					    int quiet)
{
	__u64 *header = (__u64 *)(void *)ring__place(&rr->rb, at);

	__atomic_store_n(header, ring__header(at) | bits, __ATOMIC_RELAXED);
	at += ring__extent(bits & FERRIO_RB_RECORD_LEN);
	if (quiet)
		__atomic_store_n(rr->rb.own, at, __ATOMIC_RELEASE);
	else
		ring__advance(&rr->rb, at);
}

/* A record of a ring that drops is lost, for what errno says. */
static RING__SLOW void ring__lose(struct ring_records *rr)
{
	if (!rr->drops || !rr->slot)
		return;
	if (errno == EAGAIN) {
		errno = ENOBUFS;
		ring__count(&rr->slot->lost[FERRIO_RB_LOST_FULL]);
	} else if (errno == EMSGSIZE) {
		ring__count(&rr->slot->lost[FERRIO_RB_LOST_TOO_LARGE]);
	} else if (errno == EBADMSG) {
		ring__count(&rr->slot->lost[FERRIO_RB_LOST_PEER]);
	}
}

/* Before the next record of a ring that drops: what was lost since a gap told. */
static inline int ring__tell(struct ring_records *rr)
{
	__u64 news[FERRIO_RB_LOST_CAUSES], total, any = 0;
	unsigned char *room;
	size_t i;

	for (i = 0; i < FERRIO_RB_LOST_CAUSES; i++) {
		total = ring__relaxed(&rr->slot->lost[i]);
		news[i] = total - rr->told[i];
		any |= news[i];
	}
	if (RING__LIKELY(!any))
		return 0;
	if (rr->many) {
		if (ring__tell_many(rr, news, sizeof(news)))
			return -1;
	} else {
		room = (unsigned char *)ring__room(rr, sizeof(news));
		if (!room)
			return -1;
		memcpy(room + FERRIO_RB_RECORD_HEADER_BYTES, news, sizeof(news));
		ring__publish(rr, ring__relaxed(rr->rb.own), sizeof(news) | FERRIO_RB_RECORD_GAP,
			      0);
	}
	for (i = 0; i < FERRIO_RB_LOST_CAUSES; i++)
		rr->told[i] += news[i];
	return 0;
}

/* The payload of the largest record. */
static inline uint64_t ring__largest(const struct ring_records *rr)
{
	return rr->rb.size - 2 * FERRIO_RB_RECORD_HEADER_BYTES;
}

/**
 * ring_record_reserve() - space to build a record in
 * @rr: a producer
 * @bytes: its payload, in one piece; what lies there is anything
 *
 * Nobody sees it before it is committed, and there is one at a time.  Among many
 * producers the consumer stops in front of it until then.
 *
 * Return: the space; NULL with errno: EAGAIN, there is no room now and the end
 * does not block; ENOBUFS, there is none and the ring drops; EMSGSIZE, there never
 * is, as it is more than the ring's size less 16; EBUSY, one is reserved; EINTR, EPIPE,
 * EBADMSG, EBADF as in ringbuffer_reserve().
 */
static inline void *ring_record_reserve(struct ring_records *rr, size_t bytes)
{
	unsigned char *room = NULL;

	if (rr->reserved != RING__NOTHING) {
		errno = EBUSY;
		return NULL;
	}
	if (!rr->slot) {
		errno = EBADF;
		return NULL;
	}
	if (rr->drops && ring__tell(rr)) {
		/* Of the two causes the one that will not go away. */
		if (errno == EAGAIN && bytes > ring__largest(rr))
			errno = EMSGSIZE;
	} else if (RING__UNLIKELY(bytes > ring__largest(rr))) {
		errno = EMSGSIZE;
	} else if (!rr->many) {
		room = (unsigned char *)ring__room(rr, bytes);
	} else if (!ring__claim_room(rr, bytes)) {
		room = (unsigned char *)ring__header_at(&rr->rb, rr->at);
	}
	if (RING__UNLIKELY(!room)) {
		ring__lose(rr);
		return NULL;
	}
	if (!rr->many)
		rr->at = ring__relaxed(rr->rb.own);
	rr->reserved = bytes;
	return room + FERRIO_RB_RECORD_HEADER_BYTES;
}

/* Ends the record that is reserved. */
static inline RING__FAST int ring__commit(struct ring_records *rr, size_t bytes, int quiet)
{
	if (rr->reserved == RING__NOTHING ||
	    (!rr->many && ring__relaxed(rr->rb.own) != rr->at)) {
		rr->reserved = RING__NOTHING;
		errno = EINVAL;
		return -1;
	}
	if (bytes > rr->reserved) {
		errno = EMSGSIZE;
		return -1;
	}
	rr->reserved = RING__NOTHING;
	if (!rr->many) {
		ring__publish(rr, rr->at, bytes, quiet);
		return 0;
	}
	if (ring__redeem(&rr->rb, rr->at, rr->header))
		return -1;
	ring__end(&rr->rb, rr->owner, rr->at, rr->header, bytes, quiet);
	return 0;
}

/**
 * ring_record_commit() - publish the record that is reserved
 * @rr: a producer
 * @bytes: its payload, at most what was reserved
 *
 * Return: 0, and the consumer is woken if it sleeps for it; -1 with errno: EMSGSIZE,
 * more than was reserved, which still is; EINVAL, nothing is reserved, or another
 * holder has moved the end; among many producers, it was ended through a copy of @rr,
 * or @rr was never given it.
 */
static inline int ring_record_commit(struct ring_records *rr, size_t bytes)
{
	return ring__commit(rr, bytes, 0);
}

/**
 * ring_record_commit_quiet() - the same, and the consumer sleeps on
 * @rr: a producer
 * @bytes: as of ring_record_commit()
 *
 * For some records in a row, and ringbuffer_wakeup() of the end behind them.  Of one producer
 * the next ring_record_commit() wakes for them as well; among many it wakes for its own record
 * alone, which the consumer is not at.  Else who sleeps may sleep for ever.
 *
 * Return: as of ring_record_commit().
 */
static inline int ring_record_commit_quiet(struct ring_records *rr, size_t bytes)
{
	return ring__commit(rr, bytes, 1);
}

/**
 * ring_record_discard() - take back the record that is reserved
 * @rr: a producer
 *
 * Return: 0; -1 with errno: EINVAL, nothing is reserved.
 */
static inline int ring_record_discard(struct ring_records *rr)
{
	if (rr->reserved == RING__NOTHING) {
		errno = EINVAL;
		return -1;
	}
	rr->reserved = RING__NOTHING;
	if (rr->many) {
		if (ring__redeem(&rr->rb, rr->at, rr->header))
			return -1;
		ring__end(&rr->rb, rr->owner, rr->at, rr->header | FERRIO_RB_RECORD_DISCARD,
			  rr->header & FERRIO_RB_RECORD_LEN, 0);
	}
	ring__count(&rr->slot->discarded);
	return 0;
}

/**
 * ring_record_write() - write(2) of a record without the call
 * @rr: a producer
 * @from: where from
 * @bytes: its payload, which may be nothing
 *
 * Return: 0; -1 with errno as of ring_record_reserve().
 */
static inline int ring_record_write(struct ring_records *rr, const void *from, size_t bytes)
{
	void *room = ring_record_reserve(rr, bytes);

	if (!room)
		return -1;
	if (bytes)
		memcpy(room, from, bytes);
	return ring_record_commit(rr, bytes);
}

/**
 * ring_record_done() - give the record back that ring_record_next() gave
 * @rr: a consumer
 *
 * Return: 0, also if there is none; -1 with errno as of ringbuffer_consume().
 */
static inline RING__FAST int ring_record_done(struct ring_records *rr)
{
	uint64_t extent = rr->extent;

	rr->extent = 0;
	if (rr->many && extent) {
		ring__advance(&rr->rb, rr->at);
		return 0;
	}
	return extent ? ringbuffer_consume(&rr->rb, (size_t)extent) : 0;
}

/* ring_record_next() of a ring of many producers. */
static inline int ring__next_of_many(struct ring_records *rr, const void **payload,
				     size_t *bytes)
{
	uint64_t header, own;
	int found, busy;

	if (!rr->rb.window || rr->rb.rw != FERRIO_RB_READ) {
		errno = EBADF;
		return -1;
	}
	for (;;) {
		found = ring__find(&rr->rb, &header, &busy);
		if (RING__UNLIKELY(found < 0 && errno == EAGAIN))
			found = ring__await_record(rr, &header);
		if (RING__UNLIKELY(found <= 0))
			return found;
		own = ring__relaxed(rr->rb.own);
		*bytes = (size_t)(header & FERRIO_RB_RECORD_LEN);
		*payload = ring__place(&rr->rb, own & RING__POSITION) +
			FERRIO_RB_RECORD_HEADER_BYTES;
		rr->at = ring__behind(own, header);
		rr->extent = ring__extent(*bytes);
		if (RING__LIKELY(!(header & (FERRIO_RB_RECORD_DISCARD | FERRIO_RB_RECORD_GAP))))
			return 1;
		if (!(header & FERRIO_RB_RECORD_DISCARD)) {
			if (*bytes != sizeof(rr->lost)) {
				rr->extent = 0;
				return (int)ring__blame(&rr->rb);
			}
			memcpy(rr->lost, *payload, sizeof(rr->lost));
			ring_record_done(rr);
			errno = ENOBUFS;
			return -1;
		}
		ring_record_done(rr);
	}
}

/* ring_record_next(), with no record in hand, whatever comes. */
static RING__SLOW int ring__next_slow(struct ring_records *rr, const void **payload,
				      size_t *bytes)
{
	const uint64_t known = FERRIO_RB_RECORD_LEN | FERRIO_RB_RECORD_DISCARD |
		FERRIO_RB_RECORD_GAP;
	uint64_t header, own;
	size_t there;

	if (rr->many)
		return ring__next_of_many(rr, payload, bytes);
	for (;;) {
		there = FERRIO_RB_RECORD_HEADER_BYTES;
		if (!ringbuffer_peek(&rr->rb, &there))
			return -1;
		if (!there)
			return 0;
		own = ring__relaxed(rr->rb.own) & ~7ULL;
		/* Relaxed: the position that it is in front of was loaded with acquire. */
		header = ring__relaxed((const __u64 *)(const void *)ring__place(&rr->rb, own));
		*bytes = (size_t)(header & FERRIO_RB_RECORD_LEN);
		rr->extent = ring__extent(*bytes);
		/* Whose word it is: the producer's, or of two consumers at once. */
		if (RING__UNLIKELY((header & ~known) != ring__header(own) || rr->extent > there ||
				   (header & FERRIO_RB_RECORD_GAP &&
				    *bytes != sizeof(rr->lost)))) {
			rr->extent = 0;
			return (int)ring__blame(&rr->rb);
		}
		*payload = ring__place(&rr->rb, own) + FERRIO_RB_RECORD_HEADER_BYTES;
		if (RING__LIKELY(!(header & (FERRIO_RB_RECORD_DISCARD | FERRIO_RB_RECORD_GAP))))
			return 1;
		if (!(header & FERRIO_RB_RECORD_DISCARD)) {
			memcpy(rr->lost, *payload, sizeof(rr->lost));
			ring_record_done(rr);
			errno = ENOBUFS;
			return -1;
		}
		ring_record_done(rr);
	}
}

/**
 * ring_record_next() - the next record, where it lies
 * @rr: a consumer
 * @payload: is set; until ring_record_done(), which this calls first
 * @bytes: is set: how long it is
 *
 * Waits for one, unless the end does not block.  A producer may write what is
 * there at any time: who does not trust it copies before it checks.
 *
 * Return: 1; 0: the stream has ended; -1 with errno: ENOBUFS, records were lost
 * here, @lost of @rr says how many, and the next call goes on; EAGAIN, EINTR, EBADMSG,
 * EBADF as in ringbuffer_peek().
 */
static inline RING__FAST int ring_record_next(struct ring_records *rr, const void **payload,
					      size_t *bytes)
{
	uint64_t header, own;

	ring_record_done(rr);
	if (RING__LIKELY(!rr->many && ring__ready(&rr->rb, FERRIO_RB_READ,
						  FERRIO_RB_RECORD_HEADER_BYTES, &own))) {
		own &= ~7ULL;
		*payload = ring__place(&rr->rb, own) + FERRIO_RB_RECORD_HEADER_BYTES;
		/* Relaxed: the position that it is in front of was loaded with acquire. */
		header = ring__relaxed((const __u64 *)*payload - 1);
		*bytes = (size_t)(header & FERRIO_RB_RECORD_LEN);
		rr->extent = ring__extent(*bytes);
		/* A record, and nothing else, that is there as a whole. */
		if (RING__LIKELY((header & ~(uint64_t)FERRIO_RB_RECORD_LEN) == ring__header(own) &&
				 ring__fits(&rr->rb, own, rr->extent)))
			return 1;
		rr->extent = 0;
	}
	return ring__next_slow(rr, payload, bytes);
}

#endif /* FERRIO_RING_RECORDS_H */
