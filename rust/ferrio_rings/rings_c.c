// SPDX-License-Identifier: GPL-2.0
/*
 * ferrio_rings_c.ko - each function of ferrio_ring.h, as a driver in C calls it.
 * selftests/ring_driver asserts what comes of it.
 */
#include <linux/capability.h>
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <ferrio_ring.h>

#include "ferrio_rings.h"

/* An open file. */
struct rings {
	struct mutex lock;		/* of thread and work */
	struct ferrio_ring *ring;	/* the file's reference; set once */
	u64 bytes;			/* what each of them holds */
	unsigned long freed;		/* bit 0: that of ferrio_ring_alloc() is back */
	struct task_struct *thread;
	struct work *work;		/* the thread's; it may be stopped before it runs */
};

/* A call as it is made, maybe by an interrupt. */
struct call {
	struct rings *rings;
	struct ferrio_test_ring *arg;
	char *data;
	struct hrtimer timer;
	struct completion done;
};

/* What a thread does. */
struct work {
	struct ferrio_ring *ring;
	size_t min, len;
	char data[];
};

static struct ferrio_ring *rings_of(struct file *file)
{
	struct rings *rings = file->private_data;

	/* Pairs with the cmpxchg_release() of rings_alloc(). */
	return smp_load_acquire(&rings->ring);
}

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
		return -ENOTTY;
	}
}

static enum hrtimer_restart call_timer(struct hrtimer *timer)
{
	struct call *call = container_of(timer, struct call, timer);

	call->arg->result = in_hardirq() ? call_end(call, true) : -ENOTRECOVERABLE;
	complete(&call->done);
	return HRTIMER_NORESTART;
}

static void call_in_interrupt(struct call *call)
{
	init_completion(&call->done);
	hrtimer_setup_on_stack(&call->timer, call_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	hrtimer_start(&call->timer, 0, HRTIMER_MODE_REL_HARD);
	wait_for_completion(&call->done);
	hrtimer_cancel(&call->timer);
	destroy_hrtimer_on_stack(&call->timer);
}

static void call_somewhere(struct call *call)
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
		call_in_interrupt(call);
		break;
	default:
		call->arg->result = -EINVAL;
	}
}

static s64 rings_alloc(struct rings *rings, struct ferrio_test_ring *arg)
{
	struct ferrio_ring_params params = {
		.bytes = arg->len,
		.directions = arg->directions,
		.flags = arg->flags,
		.pad = { 0, arg->how == FERRIO_TEST_RING_PAD },
	};
	struct ferrio_ring *ring;

	ring = ferrio_ring_alloc(arg->how == FERRIO_TEST_RING_NO_PARAMS ? NULL : &params);
	if (IS_ERR(ring))
		return PTR_ERR(ring);
	ferrio_ring_get(ring);
	guard(mutex)(&rings->lock);
	if (!rings->ring)
		rings->bytes = arg->len;
	if (cmpxchg_release(&rings->ring, NULL, ring)) {
		ferrio_ring_put(ring);
		ferrio_ring_free(ring);
		return -EBUSY;
	}
	return 0;
}

static int rings_thread(void *data)
{
	struct work *work = data;
	ssize_t ret;

	do {
		ret = work->min ?
			ferrio_ring_read(work->ring, work->data, work->min, work->len) :
			ferrio_ring_write(work->ring, work->data, work->len);
	} while (ret >= 0 && !work->min && !kthread_should_stop());
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return ret;
}

static s64 rings_start(struct rings *rings, struct ferrio_test_ring *arg)
{
	struct task_struct *thread;
	struct work *work;

	guard(mutex)(&rings->lock);
	if (rings->thread)
		return -EBUSY;
	work = kzalloc(struct_size(work, data, arg->len), GFP_KERNEL);
	if (!work)
		return -ENOMEM;
	work->ring = rings->ring;
	work->min = arg->min;
	work->len = arg->len;
	thread = kthread_run(rings_thread, work, "ferrio_rings");
	if (IS_ERR(thread)) {
		kfree(work);
		return PTR_ERR(thread);
	}
	rings->thread = thread;
	rings->work = work;
	return 0;
}

static s64 rings_stop(struct rings *rings)
{
	s64 ret;

	guard(mutex)(&rings->lock);
	if (!rings->thread)
		return -ESRCH;
	ret = kthread_stop(no_free_ptr(rings->thread));
	kfree(no_free_ptr(rings->work));
	return ret;
}

static s64 rings_free(struct rings *rings)
{
	if (test_and_set_bit(0, &rings->freed))
		return -EBUSY;
	ferrio_ring_free(rings->ring);
	return 0;
}

static s64 rings_life(struct rings *rings, struct ferrio_test_ring *arg)
{
	switch (arg->how) {
	case FERRIO_TEST_RING_SHUTDOWN:
		ferrio_ring_shutdown(rings->ring, arg->directions);
		return 0;
	case FERRIO_TEST_RING_LEAVE:
		ferrio_ring_leave(rings->ring);
		return 0;
	case FERRIO_TEST_RING_DISCARD:
		ferrio_ring_discard(rings->ring);
		return 0;
	case FERRIO_TEST_RING_FREE:
		return rings_free(rings);
	case FERRIO_TEST_RING_THREAD:
		return rings_start(rings, arg);
	default:
		return rings_stop(rings);
	}
}

static int rings_data(struct rings *rings, struct ferrio_test_ring *arg)
{
	char *data __free(kvfree) = NULL;
	size_t room = min_t(u64, arg->len, FERRIO_TEST_RING_MAX);
	struct call call = { .rings = rings, .arg = arg };

	/* More than the ring holds is moved by nobody. */
	if (arg->len > FERRIO_TEST_RING_MAX && rings->bytes > FERRIO_TEST_RING_MAX)
		return -E2BIG;
	data = kvzalloc(room, GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	call.data = data;
	if (arg->how != FERRIO_TEST_RING_READ && arg->data &&
	    copy_from_user(data, u64_to_user_ptr(arg->data), room))
		return -EFAULT;
	call_somewhere(&call);
	if (arg->how == FERRIO_TEST_RING_READ && arg->result > 0 &&
	    copy_to_user(u64_to_user_ptr(arg->data), data, arg->result))
		return -EFAULT;
	return 0;
}

static int rings_call(struct rings *rings, struct ferrio_test_ring *arg)
{
	switch (arg->how) {
	case FERRIO_TEST_RING_ALLOC:
	case FERRIO_TEST_RING_NO_PARAMS:
	case FERRIO_TEST_RING_PAD:
		arg->result = rings_alloc(rings, arg);
		return 0;
	}
	/* Pairs with the cmpxchg_release() of rings_alloc(). */
	if (!smp_load_acquire(&rings->ring))
		return -ENODEV;
	switch (arg->how) {
	case FERRIO_TEST_RING_DISCARD:
	case FERRIO_TEST_RING_SHUTDOWN:
	case FERRIO_TEST_RING_LEAVE:
	case FERRIO_TEST_RING_FREE:
	case FERRIO_TEST_RING_THREAD:
	case FERRIO_TEST_RING_STOP:
		arg->result = rings_life(rings, arg);
		return 0;
	default:
		return rings_data(rings, arg);
	}
}

static long rings_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ferrio_test_ring call;
	int ret;

	if (cmd != FERRIO_TEST_RING_CALL) {
		if (!rings_of(file))
			return -ENODEV;
		return ferrio_ring_ioctl(rings_of(file), file, cmd, arg);
	}
	if (copy_from_user(&call, (void __user *)arg, sizeof(call)))
		return -EFAULT;
	if (call.size != sizeof(call))
		return -EINVAL;
	ret = rings_call(file->private_data, &call);
	if (!ret && copy_to_user((void __user *)arg, &call, sizeof(call)))
		ret = -EFAULT;
	return ret;
}

static ssize_t rings_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct ferrio_ring *ring = rings_of(iocb->ki_filp);

	return ring ? ferrio_ring_read_iter(ring, iocb, to) : -ENODEV;
}

static ssize_t rings_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct ferrio_ring *ring = rings_of(iocb->ki_filp);

	return ring ? ferrio_ring_write_iter(ring, iocb, from) : -ENODEV;
}

static __poll_t rings_poll(struct file *file, struct poll_table_struct *table)
{
	struct ferrio_ring *ring = rings_of(file);

	return ring ? ferrio_ring_poll(ring, file, table) : EPOLLERR;
}

static int rings_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ferrio_ring *ring = rings_of(file);

	return ring ? ferrio_ring_mmap(ring, file, vma) : -ENODEV;
}

static ssize_t rings_splice_read(struct file *file, loff_t *pos, struct pipe_inode_info *pipe,
				 size_t len, unsigned int flags)
{
	struct ferrio_ring *ring = rings_of(file);

	return ring ? ferrio_ring_splice_read(ring, file, pos, pipe, len, flags) : -ENODEV;
}

static ssize_t rings_splice_write(struct pipe_inode_info *pipe, struct file *file, loff_t *pos,
				  size_t len, unsigned int flags)
{
	struct ferrio_ring *ring = rings_of(file);

	return ring ? ferrio_ring_splice_write(ring, pipe, file, pos, len, flags) : -ENODEV;
}

static void rings_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct ferrio_ring *ring = rings_of(file);

	if (ring)
		ferrio_ring_show_fdinfo(ring, m);
}

static int rings_open(struct inode *inode, struct file *file)
{
	struct rings *rings;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	rings = kzalloc_obj(*rings);
	if (!rings)
		return -ENOMEM;
	mutex_init(&rings->lock);
	file->private_data = rings;
	return ferrio_ring_open(inode, file);
}

static int rings_release(struct inode *inode, struct file *file)
{
	struct rings *rings = file->private_data;

	if (rings->ring) {
		rings_stop(rings);
		rings_free(rings);
		ferrio_ring_put(rings->ring);
	}
	kfree(rings);
	return 0;
}

static const struct file_operations rings_fops = {
	.owner = THIS_MODULE,
	.open = rings_open,
	.release = rings_release,
	.read_iter = rings_read_iter,
	.write_iter = rings_write_iter,
	.poll = rings_poll,
	.unlocked_ioctl = rings_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = rings_mmap,
	.splice_read = rings_splice_read,
	.splice_write = rings_splice_write,
	.show_fdinfo = rings_show_fdinfo,
};

static struct miscdevice rings_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ferrio_rings_c",
	.fops = &rings_fops,
	.mode = 0600,
};
module_misc_device(rings_device);

MODULE_AUTHOR("The ferrio developers");
MODULE_DESCRIPTION("The functions of ferrio_ring.h, called in C");
MODULE_LICENSE("GPL");
