/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a program knows of an end that it has mapped, and the part of a turn that
 * is rare: looking at the peer, waiting for it, waking it.
 *
 * Part of ferrio/ring.h, which is what programs include.  The protocol, with the
 * numbers of the steps that are named here, is in Documentation/mapped-ring.rst.
 */
#ifndef FERRIO_RING_END_H
#define FERRIO_RING_END_H

#include <ferrio/ring-call.h>

#define RING__LIKELY(x)		__builtin_expect(!!(x), 1)
#define RING__UNLIKELY(x)	__builtin_expect(!!(x), 0)
/* What the compiler cannot see but may use: it saves looking twice. */
#define RING__GIVEN(x)		do { if (!(x)) __builtin_unreachable(); } while (0)
/* In line even where the compiler takes a loop for one that runs once. */
#define RING__FAST	__attribute((always_inline, unused))
/* Out of line, so that the turns of a loop stay small wherever it is written. */
#define RING__SLOW	__attribute((noinline, cold, unused))

/* A lock inside of such a load could be neither shared nor read-only. */
#if __GCC_ATOMIC_LLONG_LOCK_FREE != 2
#error "ferrio/ring.h needs atomic loads and stores of 64 bits"
#endif

/* struct ringbuffer.spin: never sleep. */
#define RINGBUFFER_SPIN_FOREVER	UINT32_MAX
/* Its value at first, with more than one CPU: about what a sleep would cost. */
#define RINGBUFFER_SPIN		128U
/* No ring is smaller, and a write(2) of so many bytes (PIPE_BUF) is one piece. */
#define RING__ATOMIC		4096U

/**
 * struct ringbuffer - an end, mapped
 * @fd: its descriptor; the mapping needs it for as long as it may wait or wake
 * @rw: FERRIO_RB_READ, FERRIO_RB_WRITE or FERRIO_RB_OBSERVE
 * @nonblock: EAGAIN instead of waiting; false at first
 * @spin: how often to look before it sleeps; 0 on one CPU, where the peer
 *	cannot move meanwhile
 * @size: bytes that the ring holds
 * @own: the own position
 * @peer: the page of the other end
 * @consumer: the page of the consumer
 * @producer: the page of the producer
 * @data: the data, twice in a row
 * @mask: @size - 1
 * @limit: where the own position has to stop, by what is known of the peer's
 * @slack: @limit less the peer's position: for the producer @size, else 0
 * @state: of the ring, for turns as a consumer and as a producer; where this end
 *	has no such turns (any more), one that stops them, so that what is for ever
 *	costs no question of its own
 * @woken: the arm that was last called for
 * @window: the whole mapping; NULL: not mapped
 * @window_bytes: how long it is
 *
 * Only ringbuffer() makes one; it does so when it fails, too.  @nonblock and @spin
 * may be changed, @fd, @rw and @size be read; the rest is the library's.
 * One thread at a time may use it.
 */
struct ringbuffer {
	__u64 *own;
	const struct ferrio_rb_end_page *peer;
	const __u64 *state[2];
	const struct ferrio_rb_end_page *consumer;
	const struct ferrio_rb_end_page *producer;
	unsigned char *data;
	uint64_t limit;
	uint64_t size;
	uint64_t mask;
	uint64_t slack;
	uint64_t woken;
	int fd;
	int rw;
	uint32_t spin;
	unsigned char nonblock;
	unsigned char *window;
	size_t window_bytes;
};

/* The own position of who has none. */
static __u64 ring__nowhere __attribute((unused));

/* The state that stops every turn. */
static const __u64 ring__stopped = FERRIO_RB_STATE_CORRUPT | FERRIO_RB_STATE_READ_CLOSED;

/* What ends a turn before it looks at positions. */
static inline RING__FAST uint64_t  ring__stop(int rw)
{
	return rw == FERRIO_RB_READ ?
		FERRIO_RB_STATE_CORRUPT | FERRIO_RB_STATE_READ_CLOSED :
		FERRIO_RB_STATE_CORRUPT | FERRIO_RB_STATE_READ_CLOSED |
		FERRIO_RB_STATE_WRITE_CLOSED;
}

/* An end that is closed although somebody has it mapped was given up. */
static inline uint64_t ring__given_up(int rw)
{
	return rw == FERRIO_RB_READ ? FERRIO_RB_STATE_READ_CLOSED :
		FERRIO_RB_STATE_WRITE_CLOSED;
}

static inline RING__FAST uint64_t  ring__relaxed(const __u64 *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline RING__FAST uint64_t  ring__acquire(const __u64 *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void ring__pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" : : : "memory");
#endif
}

/*
 * The full fence between the own position and the peer's arm, W2.  On x86 any
 * locked instruction is one, and the cheapest is one on the stack, which is in the
 * cache: clang would take mfence, which takes twice as long, and an exchange of the
 * position itself, one instruction less, was half as long again.
 */
static inline RING__FAST void  ring__fence(void)
{
#ifdef __x86_64__
	__asm__ volatile("lock; orl $0,(%%rsp)" : : : "memory", "cc");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/*
 * W5: somebody at the other end is armed, and waits for what there is now.  A
 * call that fails is not told to the caller, whose bytes have moved.
 */
static RING__SLOW void ring__wake(struct ringbuffer *rb, uint64_t armed)
{
	int saved = errno;

	rb->woken = armed;
	ringbuffer_wakeup(rb->fd, rb->rw);
	errno = saved;
}

/* Steps 5 and 6. */
static inline RING__FAST void  ring__advance(struct ringbuffer *rb, uint64_t position)
{
	uint64_t armed;

	__atomic_store_n(rb->own, position, __ATOMIC_RELEASE);
	ring__fence();
	armed = ring__acquire(&rb->peer->armed);
	if (RING__UNLIKELY(armed) && armed != rb->woken &&
	    (int64_t)(position - ring__relaxed(&rb->peer->wanted)) >= 0)
		ring__wake(rb, armed);
}

/* From now on every turn ends in EBADMSG. */
static RING__SLOW int64_t ring__corrupt(struct ringbuffer *rb)
{
	rb->state[FERRIO_RB_READ] = &ring__stopped;
	rb->state[FERRIO_RB_WRITE] = &ring__stopped;
	errno = EBADMSG;
	return -1;
}

/* The peer's position is impossible: say so, once, to all who use this ring. */
static RING__SLOW int64_t ring__blame(struct ringbuffer *rb)
{
	ring__command(rb->fd, FERRIO_RB_BLAME, rb->rw);
	return ring__corrupt(rb);
}

/* How often an own position that another holder moves is looked at again. */
#define RING__TRIES	16

/*
 * Steps 1 to 3 with what the peer's position is now.  Returns the bytes that
 * can be moved, and in @state the state from before that position was loaded, so
 * that a closed producer's is the last one; -1 with errno.
 */
static RING__SLOW int64_t ring__look(struct ringbuffer *rb, int rw, uint64_t *state)
{
	uint64_t own, limit;
	int tries;

	if (!rb->window || rb->rw != rw) {
		errno = EBADF;
		return -1;
	}
	for (tries = 0; tries < RING__TRIES; tries++) {
		own = ring__relaxed(rb->own);
		*state = ring__acquire(rb->state[rw]);
		if (*state & FERRIO_RB_STATE_CORRUPT)
			return ring__corrupt(rb);
		if (*state & ring__stop(rw)) {
			errno = *state & ring__given_up(rw) ? EBADF : EPIPE;
			return -1;
		}
		limit = ring__acquire(&rb->peer->position) + rb->slack;
		if (limit - own <= rb->size) {
			rb->limit = limit;
			return (int64_t)(limit - own);
		}
		/* Both words of the rule have to be of the same time. */
		if (ring__relaxed(rb->own) == own)
			break;
	}
	return ring__blame(rb);
}

/*
 * Looks, spins and sleeps until @need bytes can be moved.  Returns how many can
 * be: fewer only for a consumer whose stream has ended; -1 with errno.
 */
static RING__SLOW int64_t ring__await(struct ringbuffer *rb, int rw, uint64_t need)
{
	uint32_t turns = 0;
	uint64_t state;
	int64_t bytes;

	for (;;) {
		bytes = ring__look(rb, rw, &state);
		if (bytes < 0 || (uint64_t)bytes >= need)
			return bytes;
		if (need > rb->size) {
			errno = EINVAL;
			return -1;
		}
		if (rw == FERRIO_RB_READ && state & FERRIO_RB_STATE_WRITE_CLOSED)
			return bytes;
		if (rb->nonblock) {
			errno = EAGAIN;
			return -1;
		}
		if (turns < rb->spin) {
			turns += rb->spin != RINGBUFFER_SPIN_FOREVER;
			ring__pause();
			continue;
		}
		turns = 0;
		if (!ringbuffer_wait(rb->fd, rw, need, NULL, 0))
			continue;
		return errno == EBADMSG ? ring__corrupt(rb) : -1;
	}
}

/* Does the own position, moved on by @bytes, stay within the known limit? */
static inline RING__FAST int  ring__fits(const struct ringbuffer *rb, uint64_t own, uint64_t bytes)
{
	/* A constant is known here, and no ring is that small. */
	if (!(__builtin_constant_p(bytes) && bytes <= RING__ATOMIC) &&
	    RING__UNLIKELY(bytes > rb->size))
		return 0;
	/*
	 * The limit may lie behind the own position, when another holder has moved
	 * that; so their distance has a sign.
	 */
	return (int64_t)(rb->limit - (own + bytes)) >= 0;
}

/*
 * Steps 1 to 3 with what is known of the peer: can @need bytes be moved?  If not,
 * ring__await() has to say.
 */
static inline RING__FAST int  ring__ready(const struct ringbuffer *rb, int rw, uint64_t need,
			      uint64_t *own)
{
	if (RING__UNLIKELY(ring__acquire(rb->state[rw]) & ring__stop(rw)))
		return 0;
	*own = ring__relaxed(rb->own);
	return ring__fits(rb, *own, need);
}

/* Where in the memory a position is. */
static inline RING__FAST unsigned char *ring__place(const struct ringbuffer *rb, uint64_t position)
{
	unsigned char *place = rb->data + (position & rb->mask);

	RING__GIVEN(place);
	return place;
}

#endif /* FERRIO_RING_END_H */
