/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of ferrio_rings_c.ko share. */
#ifndef RINGS_C_H
#define RINGS_C_H

#include <linux/completion.h>
#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <ferrio_ring.h>

#include "ferrio_rings.h"

struct storm;
struct work;

/* An open file. */
struct rings {
	struct mutex lock;		/* of thread, work and storm */
	struct ferrio_ring *ring;	/* the file's reference; set once */
	u64 bytes;			/* what each of them holds */
	bool records;			/* FERRIO_RING_RECORDS */
	unsigned long freed;		/* bit 0: that of ferrio_ring_alloc() is back */
	struct task_struct *thread;
	struct work *work;		/* the thread's; it may be stopped before it runs */
	struct storm *storm;
};

/* A call as it is made, maybe by an interrupt. */
struct call {
	struct rings *rings;
	struct ferrio_test_ring *arg;
	char *data;
	struct hrtimer timer;
	struct completion done;
};

/* call_c.c: the call, where arg->where says. */
void call_somewhere(struct call *call);

/* record_c.c */
s64 call_record(struct call *call, bool atomic);
int record_zeros(struct ferrio_ring *ring, size_t len);

/* storm_c.c; without @arg nobody wants to know what they did. */
s64 storm_start(struct rings *rings, const struct ferrio_test_ring *arg);
s64 storm_stop(struct rings *rings, const struct ferrio_test_ring *arg);

#endif /* RINGS_C_H */
