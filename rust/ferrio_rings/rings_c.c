// SPDX-License-Identifier: GPL-2.0
/*
 * ferrio_rings_c.ko - each function of ferrio_ring.h, as a driver in C calls it.
 * selftests/ring_driver asserts what comes of it.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "rings_c.h"

/* What a thread does. */
struct work {
	struct ferrio_ring *ring;
	bool records;
	size_t min, len;
	char data[];
};

static struct ferrio_ring *rings_of(struct file *file)
{
	struct rings *rings = file->private_data;

	/* Pairs with the cmpxchg_release() of rings_alloc(). */
	return smp_load_acquire(&rings->ring);
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
	if (!rings->ring) {
		rings->bytes = arg->len;
		rings->records = arg->flags & FERRIO_RING_RECORDS;
	}
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
		if (work->records)
			ret = record_zeros(work->ring, work->len);
		else if (work->min)
			ret = ferrio_ring_read(work->ring, work->data, work->min, work->len);
		else
			ret = ferrio_ring_write(work->ring, work->data, work->len);
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
	work->records = rings->records;
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

/* A word of a page that is mapped for reading alone, while nobody uses it. */
static s64 rings_poke(const struct ferrio_test_ring *arg)
{
	struct page *page;
	int got;

	if (!IS_ALIGNED(arg->data, sizeof(arg->min)))
		return -EINVAL;
	got = pin_user_pages_fast(arg->data & PAGE_MASK, 1, 0, &page);
	if (got != 1)
		return got < 0 ? got : -EFAULT;
	memcpy_to_page(page, offset_in_page(arg->data), (const char *)&arg->min,
		       sizeof(arg->min));
	unpin_user_page(page);
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
	case FERRIO_TEST_RING_POKE:
		return rings_poke(arg);
	case FERRIO_TEST_RING_STORM:
		return storm_start(rings, arg);
	case FERRIO_TEST_RING_CALM:
		return storm_stop(rings, arg);
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
	case FERRIO_TEST_RING_POKE:
	case FERRIO_TEST_RING_STORM:
	case FERRIO_TEST_RING_CALM:
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
		storm_stop(rings, NULL);
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
