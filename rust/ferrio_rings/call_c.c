// SPDX-License-Identifier: GPL-2.0
/* The calls of the driver's ends, in each context in which a driver makes them. */
#include <linux/preempt.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "rings_c.h"

static void *call_reserve(struct call *call, bool atomic)
{
	struct ferrio_ring *ring = call->rings->ring;

	return atomic ? ferrio_ring_reserve_atomic(ring, call->arg->len) :
		ferrio_ring_reserve(ring, call->arg->len);
}

static s64 call_commit(struct call *call, size_t len, bool atomic)
{
	struct ferrio_ring *ring = call->rings->ring;

	return atomic ? ferrio_ring_commit_atomic(ring, len) : ferrio_ring_commit(ring, len);
}

/* The driver's ends: the calls of which there are two forms. */
static s64 call_end(struct call *call, bool atomic)
{
	struct ferrio_ring *ring = call->rings->ring;
	struct ferrio_test_ring *arg = call->arg;
	void *place;

	switch (arg->how) {
	case FERRIO_TEST_RING_WRITE:
		return atomic ? ferrio_ring_write_atomic(ring, call->data, arg->len) :
			ferrio_ring_write(ring, call->data, arg->len);
	case FERRIO_TEST_RING_READ:
		return atomic ? ferrio_ring_read_atomic(ring, call->data, arg->min, arg->len) :
			ferrio_ring_read(ring, call->data, arg->min, arg->len);
	case FERRIO_TEST_RING_BUILD:
	case FERRIO_TEST_RING_RESERVE:
		place = call_reserve(call, atomic);
		if (IS_ERR(place))
			return PTR_ERR(place);
		memcpy(place, call->data, min_t(u64, arg->len, FERRIO_TEST_RING_MAX));
		return arg->how == FERRIO_TEST_RING_BUILD ?
			call_commit(call, arg->min, atomic) : 0;
	case FERRIO_TEST_RING_COMMIT:
		return call_commit(call, arg->len, atomic);
	case FERRIO_TEST_RING_NO_DATA:
		return atomic ? ferrio_ring_write_atomic(ring, NULL, arg->len) :
			ferrio_ring_write(ring, NULL, arg->len);
	case FERRIO_TEST_RING_NO_ROOM:
		return atomic ? ferrio_ring_read_atomic(ring, NULL, arg->min, arg->len) :
			ferrio_ring_read(ring, NULL, arg->min, arg->len);
	default:
		return call_record(call, atomic);
	}
}

static enum hrtimer_restart call_timer(struct hrtimer *timer)
{
	struct call *call = container_of(timer, struct call, timer);
	bool there = call->arg->where == FERRIO_TEST_RING_HARDIRQ ? in_hardirq() :
		in_serving_softirq() && !in_hardirq();

	call->arg->result = there ? call_end(call, true) : -ENOTRECOVERABLE;
	complete(&call->done);
	return HRTIMER_NORESTART;
}

static void call_in_interrupt(struct call *call, enum hrtimer_mode mode)
{
	init_completion(&call->done);
	hrtimer_setup_on_stack(&call->timer, call_timer, CLOCK_MONOTONIC, mode);
	hrtimer_start(&call->timer, 0, mode);
	wait_for_completion(&call->done);
	hrtimer_cancel(&call->timer);
	destroy_hrtimer_on_stack(&call->timer);
}

void call_somewhere(struct call *call)
{
	static DEFINE_RAW_SPINLOCK(lock);
	unsigned long flags;

	switch (call->arg->where) {
	case FERRIO_TEST_RING_SLEEPING:
		call->arg->result = call_end(call, false);
		break;
	case FERRIO_TEST_RING_ATOMIC:
		raw_spin_lock_irqsave(&lock, flags);
		call->arg->result = call_end(call, true);
		raw_spin_unlock_irqrestore(&lock, flags);
		break;
	case FERRIO_TEST_RING_HARDIRQ:
		call_in_interrupt(call, HRTIMER_MODE_REL_HARD);
		break;
	case FERRIO_TEST_RING_SOFTIRQ:
		call_in_interrupt(call, HRTIMER_MODE_REL_SOFT);
		break;
	default:
		call->arg->result = -EINVAL;
	}
}
