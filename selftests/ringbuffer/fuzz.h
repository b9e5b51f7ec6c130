/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the calls of the fuzzer share: the threads' memory, the descriptors and
 * the place for windows that all of them use, and what they tell their watchdog.
 *
 * What a thread does in its step number n follows from the seed, the thread and n
 * alone, whatever came of the steps before; which file a descriptor's slot holds
 * at that time, and how far the other threads are, is the scheduler's business.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <limits.h>
#include <linux/aio_abi.h>
#include <sched.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "hold.h"
#include "../uring.h"

#define FUZZ_THREADS	4
#define FUZZ_SLOTS	24
#define FUZZ_KINDS	64	/* at most */
#define FUZZ_ERRNOS	256
#define FUZZ_LAST	16	/* calls of each thread that are shown */
#define FUZZ_INSIDE	LONG_MIN
#define FUZZ_USER	65534	/* without privileges: the limits hold for him */

/* Descriptors of rings are above all others, so that a stale number is a ring's. */
#define FUZZ_FIRST_FD	512
#define FUZZ_LAST_FD	1023

#define FUZZ_BUF	(128UL << 10)
#define FUZZ_IOCBS	16	/* of a thread */

/* Requests that were granted are counted by operation: io_uring's, then AIO's. */
#define FUZZ_OPS	80
#define FUZZ_FIRST_AIO	64
#define FUZZ_WINDOWS	16
#define FUZZ_ROOM	(1UL << 20)	/* for each of them */

/* ---- in memory that the watchdog sees ---- */

struct fuzz_call {
	int kind;
	uint64_t step;
	long arg[3];
	long ret;
};

struct fuzz_told {
	pid_t tid;
	uint64_t steps;
	struct fuzz_call last[FUZZ_LAST];
};

struct fuzz_shared {
	int stop;
	uint64_t seed;
	struct fuzz_told thread[FUZZ_THREADS];
	unsigned long good[FUZZ_KINDS];
	unsigned long bad[FUZZ_KINDS][FUZZ_ERRNOS];
	unsigned long done[FUZZ_OPS];
	/* a call that had to fail and did not; the first of them */
	int granted;
	struct fuzz_call wrong;
};

/* ---- of the fuzzer's process ---- */

struct fuzz {
	pthread_t thread;
	int number;
	uint64_t random;
	bool must_fail;
	struct fuzz_call *call;
	struct fuzz_told *told;
	char *buf;		/* FUZZ_BUF bytes, and then nothing */
	char *page, *readable;	/* the same page, writable and not */
	int pipe[2];
	struct uring uring;
	struct uring_pool pool;
	struct __kernel_timespec soon;
	int requests;		/* under way */
	aio_context_t aio;
	struct iocb iocb[FUZZ_IOCBS];
	struct iovec iov[8];	/* of a request */
	sigjmp_buf fault;
	volatile int guarded;
};

static struct fuzz_shared *fuzz_shared;
static int fuzz_slot[FUZZ_SLOTS];
static char *fuzz_arena;	/* FUZZ_WINDOWS rooms, and one that is never used */
static size_t fuzz_mapped[FUZZ_WINDOWS];	/* bytes, as far as one knows */
static int fuzz_pipe[2], fuzz_sock[2], fuzz_file, fuzz_epoll, fuzz_tick;
static pthread_barrier_t fuzz_begin;
static __thread struct fuzz *fuzz_me;

static inline uint64_t fuzz_random(struct fuzz *t, uint64_t below)
{
	return rb_random(&t->random) % below;
}

static inline bool fuzz_odds(struct fuzz *t, uint64_t one_in)
{
	return !fuzz_random(t, one_in);
}

/* Says what the call is about, should it never come back. */
static inline void fuzz_say(struct fuzz *t, long a, long b, long c)
{
	t->call->arg[0] = a;
	t->call->arg[1] = b;
	t->call->arg[2] = c;
}

/* Lengths at all scales. */
static inline size_t fuzz_length(struct fuzz *t)
{
	switch (fuzz_random(t, 8)) {
	case 0:
		return fuzz_random(t, 4);
	case 1:
		return RB_PAGE - 1 + fuzz_random(t, 3);
	case 2:
		return fuzz_random(t, FUZZ_BUF);
	case 3:
		return RB_PAGE << fuzz_random(t, 5);
	default:
		return fuzz_random(t, 2000);
	}
}

/* A word as somebody might write it who wants to do harm. */
static inline uint64_t fuzz_word(struct fuzz *t)
{
	static const uint64_t edge[] = {
		0, 1, RB_PAGE, INT32_MAX, 1ULL << 31, UINT32_MAX, 1ULL << 32,
		INT64_MAX, 1ULL << 63, UINT64_MAX,
	};
	uint64_t word = edge[fuzz_random(t, ARRAY_SIZE(edge))];

	switch (fuzz_random(t, 4)) {
	case 0:
		return rb_random(&t->random);
	case 1:
		return word - 1 + fuzz_random(t, 3);
	case 2:
		return fuzz_random(t, 8);
	default:
		return word;
	}
}

/* Somewhere in a window, or where one could be. */
static inline char *fuzz_in_window(struct fuzz *t)
{
	size_t bytes = 0;
	int w = 0;

	for (int i = 0; i < 4 && !bytes; i++) {
		w = fuzz_random(t, FUZZ_WINDOWS);
		bytes = __atomic_load_n(&fuzz_mapped[w], __ATOMIC_RELAXED);
	}
	return fuzz_arena + w * FUZZ_ROOM +
	       fuzz_random(t, bytes ? bytes : RB_PAGE);
}

/* A buffer of @len bytes, mostly. */
static inline void *fuzz_buffer(struct fuzz *t, size_t len)
{
	switch (fuzz_random(t, 32)) {
	case 0:
		return NULL;
	case 1:
		return (void *)0xffff888000100000UL;
	case 2:
		return t->buf + FUZZ_BUF;
	case 3:
		return t->buf + FUZZ_BUF - len / 2;
	case 4:
		return t->readable;
	case 5:
	case 6:
	case 7:
		return fuzz_in_window(t);
	default:
		return t->buf + fuzz_random(t, FUZZ_BUF - (len < FUZZ_BUF ? len :
							   FUZZ_BUF - 1));
	}
}

/* A descriptor of a ring, unless somebody has closed it meanwhile. */
static inline int fuzz_fd(struct fuzz *t)
{
	int fd = __atomic_load_n(&fuzz_slot[fuzz_random(t, FUZZ_SLOTS)],
				 __ATOMIC_RELAXED);

	return fuzz_odds(t, 64) ? FUZZ_LAST_FD : fd;
}

/* What takes a slot closes what was there. */
static inline void fuzz_put(struct fuzz *t, int fd)
{
	int *slot = &fuzz_slot[fuzz_random(t, FUZZ_SLOTS)], old;
	int high = fcntl(fd, F_DUPFD_CLOEXEC, FUZZ_FIRST_FD);

	close(fd);
	if (high < 0)
		return;
	old = __atomic_exchange_n(slot, high, __ATOMIC_SEQ_CST);
	if (old >= 0)
		close(old);
}

/* The result of a call that makes a descriptor. */
static inline long fuzz_made(struct fuzz *t, long fd)
{
	if (fd < 0)
		return fd;
	fuzz_put(t, fd);
	return 0;
}

/* One of a pipe's two ends: the thread's own, or the one that all share. */
static inline int fuzz_pipe_end(struct fuzz *t, int end)
{
	return fuzz_odds(t, 4) ? fuzz_pipe[end] : t->pipe[end];
}

#endif /* FUZZ_H */
