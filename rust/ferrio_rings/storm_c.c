// SPDX-License-Identifier: GPL-2.0
/*
 * Producers of one ring of records, all at once: on each CPU a thread, a timer's softirq and
 * a timer's interrupt, which come in the middle of each other.  Each counts what it did.
 */
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/preempt.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "rings_c.h"

enum kind {
	THREAD,
	SOFTIRQ,
	HARDIRQ,
	KINDS = FERRIO_TEST_STORM_KINDS
};

/* What a record begins with. */
struct head {
	u64 producer;
	u64 number;
};

struct producer {
	struct storm *storm;
	enum kind kind;
	u64 id;
	struct rnd_state random;
	struct ferrio_test_producer did;
	struct hrtimer timer;		/* of the interrupts */
};

struct storm_cpu {
	struct producer producer[KINDS];
	struct task_struct *thread;
	/* A record that the thread has left for the interrupt to commit. */
	void *left;
	size_t left_bytes;
};

struct storm {
	struct ferrio_ring *ring;
	size_t never;			/* bytes that no record has */
	size_t largest;
	u32 period;			/* ns, of each timer */
	unsigned int cpus;
	struct storm_cpu cpu[];
};

static u32 below(struct producer *p, u32 limit)
{
	return prandom_u32_state(&p->random) % limit;
}

/* A record, filled in; NULL: why not is counted. */
static void *offer(struct producer *p, size_t *len, bool atomic)
{
	struct storm *storm = p->storm;
	struct head head = { .producer = p->id, .number = p->did.offered++ };
	void *record;

	*len = below(p, 200) ? sizeof(head) + below(p, storm->largest - sizeof(head) + 1) :
		storm->never;
	record = atomic ? ferrio_ring_record_reserve_atomic(storm->ring, *len) :
		ferrio_ring_record_reserve(storm->ring, *len);
	if (!IS_ERR(record)) {
		memset(record, head.producer + head.number, *len);
		memcpy(record, &head, sizeof(head));
		return record;
	}
	switch (PTR_ERR(record)) {
	case -EAGAIN:
	case -ENOBUFS:
		p->did.full++;
		break;
	case -EMSGSIZE:
		p->did.too_large++;
		break;
	case -EINTR:
		p->did.stopped++;
		break;
	default:
		p->did.wrong++;
	}
	return NULL;
}

/* Ends it in one of the ways that there are. */
static void end(struct producer *p, void *record, size_t len, bool atomic)
{
	struct ferrio_ring *ring = p->storm->ring;
	int ret;

	switch (below(p, 8)) {
	case 0:
		p->did.discarded++;
		p->did.wrong += !!ferrio_ring_record_discard(ring, record);
		return;
	case 1:
		/* part of it, or no byte */
		len = below(p, 4) ? sizeof(struct head) + below(p, len - sizeof(struct head) + 1) :
			0;
		break;
	default:
		break;
	}
	p->did.empty += !len;
	p->did.committed++;
	ret = atomic ? ferrio_ring_record_commit_atomic(ring, record, len) :
		ferrio_ring_record_commit(ring, record, len);
	p->did.wrong += !!ret;
}

/* Who has counted it is the thread. */
static void end_left(struct storm_cpu *cpu, struct producer *p)
{
	/* Full: pairs with the release of leave(). */
	void *record = xchg(&cpu->left, NULL);

	if (record && ferrio_ring_record_commit_atomic(p->storm->ring, record, cpu->left_bytes))
		p->did.wrong++;
}

static bool leave(struct storm_cpu *cpu, struct producer *p, void *record, size_t len)
{
	/* The interrupt is on this CPU, and takes what is there as a whole. */
	if (READ_ONCE(cpu->left))
		return false;
	cpu->left_bytes = len;
	/* Who finds the record finds its length. */
	smp_store_release(&cpu->left, record);
	p->did.committed++;
	return true;
}

static enum hrtimer_restart storm_timer(struct hrtimer *timer)
{
	struct producer *p = container_of(timer, struct producer, timer);
	bool hard = p->kind == HARDIRQ;
	size_t len;

	if (hard ? !in_hardirq() : !in_serving_softirq() || in_hardirq())
		p->did.wrong++;
	if (hard)
		end_left(container_of(p, struct storm_cpu, producer[HARDIRQ]), p);
	for (u32 n = 1 + below(p, 3); n; n--) {
		void *record = offer(p, &len, true);

		if (record)
			end(p, record, len, true);
	}
	hrtimer_forward_now(timer, ns_to_ktime(p->storm->period / 2 + below(p, p->storm->period)));
	return HRTIMER_RESTART;
}

/* One record or two; whether there was room. */
static bool thread_turn(struct storm_cpu *cpu, struct producer *p)
{
	bool two = !below(p, 4);
	size_t len, second_len;
	void *first, *second;

	/* Who has one does not sleep for another. */
	first = offer(p, &len, two || below(p, 2));
	if (!first)
		return false;
	second = two ? offer(p, &second_len, true) : NULL;
	if (second)
		end(p, second, second_len, below(p, 2));
	if (below(p, 8) || !leave(cpu, p, first, len))
		end(p, first, len, below(p, 2));
	return !two || second;
}

static int storm_thread(void *data)
{
	struct storm_cpu *cpu = data;
	struct producer *p = &cpu->producer[THREAD];

	hrtimer_start(&cpu->producer[SOFTIRQ].timer, ns_to_ktime(p->storm->period),
		      HRTIMER_MODE_REL_PINNED_SOFT);
	hrtimer_start(&cpu->producer[HARDIRQ].timer, ns_to_ktime(p->storm->period),
		      HRTIMER_MODE_REL_PINNED_HARD);
	while (!kthread_should_stop()) {
		if (!thread_turn(cpu, p) || !below(p, 16))
			usleep_range(20, 200);
		cond_resched();
	}
	return 0;
}

static void storm_cpu_init(struct storm *storm, struct storm_cpu *cpu, u64 first_id)
{
	for (enum kind kind = THREAD; kind < KINDS; kind++) {
		struct producer *p = &cpu->producer[kind];

		p->storm = storm;
		p->kind = kind;
		p->id = first_id + kind;
		prandom_seed_state(&p->random, get_random_u64());
	}
	hrtimer_setup(&cpu->producer[SOFTIRQ].timer, storm_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_SOFT);
	hrtimer_setup(&cpu->producer[HARDIRQ].timer, storm_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
}

/* All of them have ended, and so has each record. */
static void calm(struct storm *storm)
{
	struct storm_cpu *cpu;

	/* The threads first: what they leave is ended by an interrupt, or below. */
	for (cpu = storm->cpu; cpu < &storm->cpu[storm->cpus]; cpu++)
		kthread_stop(cpu->thread);
	for (cpu = storm->cpu; cpu < &storm->cpu[storm->cpus]; cpu++) {
		hrtimer_cancel(&cpu->producer[SOFTIRQ].timer);
		hrtimer_cancel(&cpu->producer[HARDIRQ].timer);
		end_left(cpu, &cpu->producer[THREAD]);
	}
}

s64 storm_start(struct rings *rings, const struct ferrio_test_ring *arg)
{
	struct storm *storm;
	unsigned int on;

	if (arg->len < sizeof(struct head) || arg->len > rings->bytes || arg->min < 1000 ||
	    arg->min > NSEC_PER_SEC)
		return -EINVAL;
	guard(mutex)(&rings->lock);
	if (rings->storm)
		return -EBUSY;
	storm = kvzalloc(struct_size(storm, cpu, FERRIO_TEST_STORM_CPUS), GFP_KERNEL);
	if (!storm)
		return -ENOMEM;
	storm->ring = rings->ring;
	storm->never = rings->bytes;
	storm->largest = arg->len;
	storm->period = arg->min;
	for_each_online_cpu(on) {
		struct storm_cpu *cpu = &storm->cpu[storm->cpus];

		if (storm->cpus == FERRIO_TEST_STORM_CPUS)
			break;
		storm_cpu_init(storm, cpu, storm->cpus * KINDS);
		cpu->thread = kthread_create_on_cpu(storm_thread, cpu, on, "ferrio_storm/%u");
		if (IS_ERR(cpu->thread)) {
			s64 ret = PTR_ERR(cpu->thread);

			calm(storm);
			kvfree(storm);
			return ret;
		}
		storm->cpus++;
	}
	for (on = 0; on < storm->cpus; on++)
		wake_up_process(storm->cpu[on].thread);
	rings->storm = storm;
	return 0;
}

s64 storm_stop(struct rings *rings, const struct ferrio_test_ring *arg)
{
	struct ferrio_test_producer __user *to;
	struct storm *storm;
	s64 ret = 0;

	guard(mutex)(&rings->lock);
	storm = rings->storm;
	if (!storm)
		return -ESRCH;
	calm(storm);
	rings->storm = NULL;
	if (arg) {
		to = u64_to_user_ptr(arg->data);
		for (u64 id = 0; id < storm->cpus * KINDS && !ret; id++, to++) {
			struct producer *p = &storm->cpu[id / KINDS].producer[id % KINDS];

			if (id >= arg->len || copy_to_user(to, &p->did, sizeof(p->did)))
				ret = -EFAULT;
		}
		ret = ret ?: storm->cpus * KINDS;
	}
	kvfree(storm);
	return ret;
}
