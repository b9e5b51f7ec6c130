// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/ring-timer: each open file is a ring of records, of which a timer's interrupt writes
 * one each period: when it was, and of which period.  What the program is too slow for is
 * lost, and counted; what the timer is too late for is in the next record.
 * ring_timer_sample_main.rs is the same in Rust.
 */
#include <linux/hrtimer.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <ferrio_ring.h>

#define RING_BYTES	65536

static unsigned long period_ns = 100000;
module_param(period_ns, ulong, 0444);
MODULE_PARM_DESC(period_ns, "nanoseconds from one record to the next, 1000 to a second's");

/* A record. */
struct ring_timer_sample {
	u64 time;	/* CLOCK_MONOTONIC, ns */
	u64 number;	/* periods before this one, of all kinds */
	u64 overruns;	/* of these, those in which the timer did not come */
};

struct ring_timer {
	struct hrtimer timer;
	struct ferrio_ring *ring;
	u64 number, overruns;
};

static struct ferrio_ring *ring_timer(struct file *file)
{
	struct ring_timer *timer = file->private_data;

	return timer->ring;
}
DEFINE_FERRIO_RING_FOPS(ring_timer);

static enum hrtimer_restart ring_timer_tick(struct hrtimer *hrtimer)
{
	struct ring_timer *timer = container_of(hrtimer, struct ring_timer, timer);
	struct ring_timer_sample *sample =
		ferrio_ring_record_reserve_atomic(timer->ring, sizeof(*sample));
	u64 gone;

	/* If not, it is counted, and a gap tells the program of it. */
	if (!IS_ERR(sample)) {
		sample->time = ktime_get_ns();
		sample->number = timer->number;
		sample->overruns = timer->overruns;
		ferrio_ring_record_commit_atomic(timer->ring, sample, sizeof(*sample));
	}
	gone = hrtimer_forward_now(hrtimer, ns_to_ktime(period_ns));
	timer->number += gone;
	timer->overruns += gone - 1;
	return HRTIMER_RESTART;
}

static int ring_timer_open(struct inode *inode, struct file *file)
{
	struct ferrio_ring_params params = {
		.bytes = RING_BYTES,
		.directions = FERRIO_RING_READ,
		.flags = FERRIO_RING_RECORDS | FERRIO_RING_DROP,
	};
	struct ring_timer *timer = kzalloc_obj(*timer);

	if (!timer)
		return -ENOMEM;
	timer->ring = ferrio_ring_alloc(&params);
	if (IS_ERR(timer->ring)) {
		int ret = PTR_ERR(timer->ring);

		kfree(timer);
		return ret;
	}
	file->private_data = timer;
	hrtimer_setup(&timer->timer, ring_timer_tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	hrtimer_start(&timer->timer, ns_to_ktime(period_ns), HRTIMER_MODE_REL_HARD);
	return ferrio_ring_open(inode, file);
}

static int ring_timer_release(struct inode *inode, struct file *file)
{
	struct ring_timer *timer = file->private_data;

	hrtimer_cancel(&timer->timer);
	ferrio_ring_free(timer->ring);
	kfree(timer);
	return 0;
}

static const struct file_operations ring_timer_fops = {
	.owner = THIS_MODULE,
	.open = ring_timer_open,
	.release = ring_timer_release,
	FERRIO_RING_FOPS(ring_timer),
};

static struct miscdevice ring_timer_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ring-timer",
	.fops = &ring_timer_fops,
	.mode = 0600,
};

static int __init ring_timer_init(void)
{
	if (period_ns < NSEC_PER_USEC || period_ns > NSEC_PER_SEC)
		return -EINVAL;
	return misc_register(&ring_timer_device);
}
module_init(ring_timer_init);

static void __exit ring_timer_exit(void)
{
	misc_deregister(&ring_timer_device);
}
module_exit(ring_timer_exit);

MODULE_AUTHOR("The ferrio developers");
MODULE_DESCRIPTION("A sample driver in C that writes records in a timer's interrupt");
MODULE_LICENSE("GPL");
