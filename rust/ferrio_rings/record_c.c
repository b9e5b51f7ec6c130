// SPDX-License-Identifier: GPL-2.0
/* Each function of ferrio_ring_record.h. */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "rings_c.h"

/* A record with the first bytes of what the program gave. */
static void *reserve(struct call *call, const char *data, size_t len, bool atomic)
{
	struct ferrio_ring *ring = call->rings->ring;
	void *record = atomic ? ferrio_ring_record_reserve_atomic(ring, len) :
		ferrio_ring_record_reserve(ring, len);

	if (!IS_ERR(record))
		memcpy(record, data, min_t(size_t, len, FERRIO_TEST_RING_MAX));
	return record;
}

static int commit(struct call *call, const void *record, size_t len, bool atomic)
{
	struct ferrio_ring *ring = call->rings->ring;

	return atomic ? ferrio_ring_record_commit_atomic(ring, record, len) :
		ferrio_ring_record_commit(ring, record, len);
}

/* What cannot be committed is not left behind. */
static int commit_or_not(struct call *call, const void *record, size_t len, bool atomic)
{
	int ret = commit(call, record, len, atomic);

	if (ret)
		ferrio_ring_record_discard(call->rings->ring, record);
	return ret;
}

/* The one that was reserved first is there when the other one is there already. */
static int call_two(struct call *call, size_t len)
{
	void *first, *second;
	int ret, last;

	first = reserve(call, call->data, len, true);
	if (IS_ERR(first))
		return PTR_ERR(first);
	second = reserve(call, call->data + len, len, true);
	ret = IS_ERR(second) ? PTR_ERR(second) : commit_or_not(call, second, len, true);
	last = commit_or_not(call, first, len, true);
	return ret ?: last;
}

s64 call_record(struct call *call, bool atomic)
{
	struct ferrio_ring *ring = call->rings->ring;
	struct ferrio_test_ring *arg = call->arg;
	const void *where = (const void *)(uintptr_t)arg->min;
	void *record;

	switch (arg->how) {
	case FERRIO_TEST_RING_RECORD:
	case FERRIO_TEST_RING_TAKE_BACK:
	case FERRIO_TEST_RING_HOLD:
		record = reserve(call, call->data, arg->len, atomic);
		if (IS_ERR(record))
			return PTR_ERR(record);
		if (arg->how == FERRIO_TEST_RING_RECORD)
			return commit_or_not(call, record, arg->min, atomic);
		if (arg->how == FERRIO_TEST_RING_TAKE_BACK)
			return ferrio_ring_record_discard(ring, record);
		arg->min = (uintptr_t)record;
		return 0;
	case FERRIO_TEST_RING_TWO:
		return call_two(call, arg->len / 2);
	case FERRIO_TEST_RING_END:
		return commit(call, where, arg->len, atomic);
	case FERRIO_TEST_RING_UNDO:
		return ferrio_ring_record_discard(ring, where);
	default:
		return -ENOTTY;
	}
}

/* One record of a thread. */
int record_zeros(struct ferrio_ring *ring, size_t len)
{
	void *record = ferrio_ring_record_reserve(ring, len);

	if (IS_ERR(record))
		return PTR_ERR(record);
	memset(record, 0, len);
	return ferrio_ring_record_commit(ring, record, len);
}
