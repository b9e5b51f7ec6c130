/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * ferrio/ring.h - move data through a mapped ring, without a system call until
 * somebody has to sleep.  See ringbuffer(3).
 *
 *	struct ringbuffer rb;
 *	int end = ringbuffer(plain, FERRIO_RB_WRITE, 65536, &rb);
 *
 *	struct message *m = ringbuffer_reserve(&rb, sizeof(*m));
 *	...				(build it where it is)
 *	ringbuffer_commit(&rb, sizeof(*m));
 *
 * All is static and inline; any number of files of a program may include it, as C
 * from C11 on or as C++ from C++11 on.
 *
 * What the peer writes it may write at any time: a consumer that does not trust
 * its producer copies what it has peeked at before it checks it.
 */
#ifndef FERRIO_RING_H
#define FERRIO_RING_H

#include <string.h>
#include <sys/types.h>

#include <ferrio/ring-end.h>
#include <ferrio/ring-map.h>

/**
 * ringbuffer_reserve() - space to build something in
 * @rb: a producer
 * @bytes: how much; the space is in one piece wherever in the ring it is
 *
 * Nothing is taken yet: who gives up just does not commit, and the next call
 * returns the same place.
 *
 * Return: the space; NULL with errno: EAGAIN, it does not fit now and the end
 * does not block; EINVAL, it is more than the ring; EINTR, a signal came; EPIPE,
 * no consumer is left; EBADMSG, the ring is corrupt; EBADF, not a producer.
 */
static inline RING__FAST void *ringbuffer_reserve(struct ringbuffer *rb, size_t bytes)
{
	uint64_t own;

	if (!RING__LIKELY(ring__ready(rb, FERRIO_RB_WRITE, bytes, &own))) {
		if (ring__await(rb, FERRIO_RB_WRITE, bytes) < 0)
			return NULL;
		own = ring__relaxed(rb->own);
	}
	return ring__place(rb, own);
}

/* Another end, nothing, or more than there is. */
static RING__SLOW int ring__refuse(const struct ringbuffer *rb, int rw, size_t bytes)
{
	if (rb->rw == rw && !bytes)
		return 0;
	errno = rb->rw == rw ? EINVAL : EBADF;
	return -1;
}

/* Give @bytes, at most what was found to be there, to the peer. */
static inline RING__FAST int ring__move(struct ringbuffer *rb, int rw, size_t bytes)
{
	uint64_t own = ring__relaxed(rb->own);

	if (!RING__LIKELY(rb->rw == rw && ring__fits(rb, own, bytes)))
		return ring__refuse(rb, rw, bytes);
	ring__advance(rb, own + bytes);
	return 0;
}

/**
 * ringbuffer_commit() - publish the first bytes of the space reserved
 * @rb: a producer
 * @bytes: how many; at most what was reserved, which the caller has to know: only
 *	the space that was found is checked, and that may be more
 *
 * The consumer sees all of them at once, and is woken if it sleeps for them.
 *
 * Return: 0; -1 with errno: EINVAL, more than there is space; EBADF, not a
 * producer.
 */
static inline RING__FAST int ringbuffer_commit(struct ringbuffer *rb, size_t bytes)
{
	return ring__move(rb, FERRIO_RB_WRITE, bytes);
}

/**
 * ringbuffer_peek() - what is there to be consumed
 * @rb: a consumer
 * @bytes: in: how many there have to be; 0 is 1.  Out: how many there are, in one
 *	piece.  Fewer than asked for only at the end of the stream, at last 0.
 *
 * Return: the first of them, not NULL at the end of the stream either; NULL with
 * errno: EAGAIN, fewer are there now and the end does not block; EINVAL, the ring
 * cannot hold so many; EINTR, a signal came; EBADMSG, the ring is corrupt; EBADF,
 * not a consumer.
 */
static inline RING__FAST const void *ringbuffer_peek(struct ringbuffer *rb, size_t *bytes)
{
	uint64_t need = *bytes ? *bytes : 1;
	uint64_t there, own;
	int64_t found;

	if (RING__LIKELY(ring__ready(rb, FERRIO_RB_READ, need, &own))) {
		there = rb->limit - own;
		/* Only when another holder has moved the own position back. */
		if (RING__UNLIKELY(there > rb->size))
			there = rb->size;
		RING__GIVEN(there >= need);
	} else {
		found = ring__await(rb, FERRIO_RB_READ, need);
		if (found < 0)
			return NULL;
		there = (uint64_t)found;
		own = ring__relaxed(rb->own);
	}
	*bytes = (size_t)there;
	return ring__place(rb, own);
}

/**
 * ringbuffer_consume() - be done with the first bytes of those that are there
 * @rb: a consumer
 * @bytes: how many; at most what ringbuffer_peek() gave
 *
 * The producer may overwrite them from now on, and is woken if it sleeps for
 * that.
 *
 * Return: 0; -1 with errno: EINVAL, more than were there; EBADF, not a consumer.
 */
static inline RING__FAST int ringbuffer_consume(struct ringbuffer *rb, size_t bytes)
{
	return ring__move(rb, FERRIO_RB_READ, bytes);
}

static RING__SLOW ssize_t ring__read(struct ringbuffer *rb, void *to, size_t bytes)
{
	uint64_t state, own;
	int64_t found;

	/* A length of 0 asks nothing but whether the end can be read from. */
	found = bytes ? ring__await(rb, FERRIO_RB_READ, 1) :
		ring__look(rb, FERRIO_RB_READ, &state);
	if (found <= 0 || !bytes)
		return found < 0 ? -1 : 0;
	if (bytes > (uint64_t)found)
		bytes = (size_t)found;
	own = ring__relaxed(rb->own);
	memcpy(to, ring__place(rb, own), bytes);
	ring__advance(rb, own + bytes);
	return (ssize_t)bytes;
}

/**
 * ringbuffer_read() - read(2) without the call
 * @rb: a consumer
 * @to: where to
 * @bytes: how many at most
 *
 * Return: how many bytes were copied, all that are there up to @bytes; waits only
 * when there are none.  0: @bytes is 0, or the stream has ended.  -1 with errno:
 * EAGAIN, none are there and the end does not block; EINTR, EBADMSG and EBADF as
 * in ringbuffer_peek().
 */
static inline ssize_t ringbuffer_read(struct ringbuffer *rb, void *to, size_t bytes)
{
	uint64_t own;

	if (!RING__LIKELY(bytes && ring__ready(rb, FERRIO_RB_READ, bytes, &own)))
		return ring__read(rb, to, bytes);
	memcpy(to, ring__place(rb, own), bytes);
	ring__advance(rb, own + bytes);
	return (ssize_t)bytes;
}

static RING__SLOW ssize_t ring__write(struct ringbuffer *rb, const void *from, size_t bytes)
{
	const unsigned char *at = (const unsigned char *)from;
	size_t done = 0, part;
	uint64_t state, own;
	int64_t found;

	if (!bytes)
		return ring__look(rb, FERRIO_RB_WRITE, &state) < 0 ? -1 : 0;
	if (bytes > SIZE_MAX / 2)
		bytes = SIZE_MAX / 2;
	while (done < bytes) {
		part = bytes - done;
		if (bytes > RING__ATOMIC || bytes > rb->size)
			part = 1;
		found = ring__await(rb, FERRIO_RB_WRITE, part);
		if (found < 0)
			return done ? (ssize_t)done : -1;
		part = bytes - done;
		if (part > (uint64_t)found)
			part = (size_t)found;
		own = ring__relaxed(rb->own);
		memcpy(ring__place(rb, own), at + done, part);
		ring__advance(rb, own + part);
		done += part;
	}
	return (ssize_t)done;
}

/**
 * ringbuffer_write() - write(2) without the call
 * @rb: a producer
 * @from: where from
 * @bytes: how many
 *
 * All of them are written, with waits between if they have to be.  When the end
 * does not block, up to 4096 (PIPE_BUF) bytes are written whole or not at all, and
 * of more what fits.  No SIGPIPE is sent.
 *
 * Return: how many bytes were written; fewer when the end does not block, a
 * signal came or the consumer went after some.  -1 with errno: EAGAIN, EINTR,
 * EPIPE, EBADMSG and EBADF as in ringbuffer_reserve().
 */
static inline ssize_t ringbuffer_write(struct ringbuffer *rb, const void *from,
				       size_t bytes)
{
	uint64_t own;

	if (!RING__LIKELY(bytes && ring__ready(rb, FERRIO_RB_WRITE, bytes, &own)))
		return ring__write(rb, from, bytes);
	memcpy(ring__place(rb, own), from, bytes);
	ring__advance(rb, own + bytes);
	return (ssize_t)bytes;
}

/**
 * ringbuffer_used() - how many bytes are in the ring
 * @rb: any end, an observer too; 0 if it is not mapped
 *
 * Both positions move while it looks, so this is of some time during the call;
 * what cannot be is clamped to what a ring can hold.
 */
static inline uint64_t ringbuffer_used(const struct ringbuffer *rb)
{
	uint64_t from, to;
	int tries = 0;

	if (!rb->window)
		return 0;
	do {
		from = ring__acquire(&rb->consumer->position);
		to = ring__acquire(&rb->producer->position);
	} while (from != ring__acquire(&rb->consumer->position) &&
		 ++tries < RING__TRIES);
	return to - from <= rb->size ? to - from : rb->size;
}

#endif /* FERRIO_RING_H */
