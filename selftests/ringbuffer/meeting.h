/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two things that are done at once, on two CPUs: both wait until the other is there,
 * spinning, and one begins as much later as it is told to.
 */
#ifndef MEETING_H
#define MEETING_H

#include <linux/futex.h>
#include <sched.h>

#include "rb.h"

struct meeter {
	void (*act)(void *arg);
	void *arg;
	uint64_t delay;		/* turns of a loop */
};

struct meeting {
	pthread_t thread;
	struct meeter other;	/* the thread's part; without act: go home */
	unsigned int rounds;	/* begun */
	unsigned int there;	/* how many have come, two a round */
	unsigned int done;
};

/* Nothing, or any length of time up to that of a call. */
static inline uint64_t meeting_delay(uint64_t *seed)
{
	uint64_t below = 1ULL << rb_random(seed) % 14;

	return rb_random(seed) % below;
}

static inline void meeting_act(struct meeting *m, const struct meeter *one,
			       unsigned int number)
{
	__atomic_add_fetch(&m->there, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; __atomic_load_n(&m->there, __ATOMIC_SEQ_CST) < 2 * number; i++)
		if (i % 1024 == 1023)
			sched_yield();
	for (volatile uint64_t i = 0; i < one->delay; i++)
		;
	one->act(one->arg);
}

static inline void *meeting_thread(void *arg)
{
	struct meeting *m = arg;
	unsigned int number = 0;

	rb_pin(1);
	for (;;) {
		number++;
		while (__atomic_load_n(&m->rounds, __ATOMIC_ACQUIRE) < number)
			syscall(SYS_futex, &m->rounds, FUTEX_WAIT_PRIVATE,
				number - 1, NULL, NULL, 0);
		if (!m->other.act)
			return NULL;
		meeting_act(m, &m->other, number);
		__atomic_store_n(&m->done, number, __ATOMIC_RELEASE);
	}
}

/* The caller is on the first CPU from now on, and the other on the second. */
static inline void meeting_start(struct meeting *m)
{
	rb_pin(0);
	memset(m, 0, sizeof(*m));
	if (pthread_create(&m->thread, NULL, meeting_thread, m))
		rb_die("pthread_create failed");
}

static inline void meeting_call(struct meeting *m, const struct meeter *other)
{
	m->other = *other;
	__atomic_add_fetch(&m->rounds, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &m->rounds, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Until both are over. */
static inline void meeting_both(struct meeting *m, const struct meeter *mine,
				const struct meeter *other)
{
	meeting_call(m, other);
	meeting_act(m, mine, m->rounds);
	while (__atomic_load_n(&m->done, __ATOMIC_ACQUIRE) < m->rounds)
		sched_yield();
}

static inline void meeting_end(struct meeting *m)
{
	meeting_call(m, &(struct meeter){});
	pthread_join(m->thread, NULL);
}

#endif /* MEETING_H */
