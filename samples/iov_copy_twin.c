// SPDX-License-Identifier: GPL-2.0
/*
 * iov_copy_twin.ko - the read and write path of /dev/iov_copy, written in C.
 *
 * It is what `make bench` holds the Rust module against: the same tables, the
 * same words, the same order of steps as rust/iov_copy and rust/ferrio/sparse.rs,
 * as a driver in C would have them.  A change of that path has to be made here as
 * well.  The device has no other calls than read, write and their relatives,
 * and lseek.
 */
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

/* What is copied between two looks for a signal. */
#define TWIN_CHUNK	SZ_256K
#define TWIN_PLACES	(PAGE_SIZE / sizeof(void *))
#define TWIN_FIXED	BIT_ULL(63)
#define TWIN_DEFAULT	SZ_64M

struct twin_leaf {
	struct page *page[TWIN_PLACES];
};

struct twin_root {
	struct twin_leaf *leaf[TWIN_PLACES];
};

/* Places go from NULL to a pointer, once, by cmpxchg. */
struct twin {
	u64 size;
	struct twin_root *root;
	atomic_long_t count;
	struct mem_cgroup *opener;
};

static unsigned long max_bytes = SZ_1G + SZ_4M;
module_param(max_bytes, ulong, 0644);
MODULE_PARM_DESC(max_bytes, "Bytes that all open files together may hold, tables included (default 1 GiB and 4 MiB)");

static atomic_long_t twin_held;

/* What is in a place, with what was done to it before it got there. */
#define twin_get(place) ({						\
	/* Pairs with the release in twin_fill(). */			\
	smp_load_acquire(place);					\
})

static struct page *twin_page(struct twin *twin, size_t index)
{
	struct twin_root *root = twin_get(&twin->root);
	struct twin_leaf *leaf;

	if (!root || index / TWIN_PLACES >= TWIN_PLACES)
		return NULL;
	leaf = twin_get(&root->leaf[index / TWIN_PLACES]);
	if (!leaf)
		return NULL;
	return twin_get(&leaf->page[index % TWIN_PLACES]);
}

static struct page *twin_alloc(void)
{
	cond_resched();
	return alloc_page(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL |
			  __GFP_NOWARN | __GFP_ZERO);
}

static bool twin_claim(void)
{
	if (atomic_long_inc_return(&twin_held) <= max_bytes / PAGE_SIZE)
		return true;
	atomic_long_dec(&twin_held);
	return false;
}

/* Puts a page into @place, or its address, unless there is one. */
static int twin_fill(struct twin *twin, void **place, bool table)
{
	struct page *page;

	if (twin_get(place))
		return 0;
	page = twin_alloc();
	if (!page)
		return -ENOMEM;
	if (!twin_claim()) {
		put_page(page);
		return -EDQUOT;
	}
	if (cmpxchg_release(place, NULL, table ? page_address(page) : (void *)page)) {
		atomic_long_dec(&twin_held);
		put_page(page);
		return 0;
	}
	atomic_long_inc(&twin->count);
	return 0;
}

static int twin_make_charged(struct twin *twin, size_t index)
{
	struct twin_root *root;
	struct twin_leaf *leaf;
	int ret;

	ret = twin_fill(twin, (void **)&twin->root, true);
	if (ret)
		return ret;
	root = twin_get(&twin->root);
	ret = twin_fill(twin, (void **)&root->leaf[index / TWIN_PLACES], true);
	if (ret)
		return ret;
	leaf = twin_get(&root->leaf[index / TWIN_PLACES]);
	return twin_fill(twin, (void **)&leaf->page[index % TWIN_PLACES], false);
}

static noinline int twin_make(struct twin *twin, size_t index)
{
	struct mem_cgroup *old;
	int ret;

	if (fatal_signal_pending(current))
		return -EINTR;
	old = set_active_memcg(twin->opener);
	ret = twin_make_charged(twin, index);
	set_active_memcg(old);
	return ret;
}

/* Also gives others the CPU, if they want it. */
static bool twin_interrupted(void)
{
	cond_resched();
	return task_sigpending(current);
}

static bool twin_within(loff_t position, size_t len, u64 size, size_t *most)
{
	if (position < 0 || position >= size)
		return false;
	*most = min_t(u64, size - position, len);
	return true;
}

static __always_inline size_t twin_read_chunk(struct twin *twin, size_t at,
					      size_t len, struct iov_iter *to)
{
	size_t done = 0, within, piece, got;
	struct page *page;

	while (done < len) {
		within = offset_in_page(at + done);
		piece = min(PAGE_SIZE - within, len - done);
		page = twin_page(twin, (at + done) >> PAGE_SHIFT);
		if (page)
			got = copy_page_to_iter(page, within, piece, to);
		else
			got = iov_iter_zero(piece, to);
		done += got;
		if (got < piece)
			break;
	}
	return done;
}

static noinline ssize_t twin_read_long(struct twin *twin, struct kiocb *iocb,
				       size_t left, struct iov_iter *to)
{
	size_t chunk, got, done = 0;

	while (left) {
		chunk = min_t(size_t, left, TWIN_CHUNK);
		got = twin_read_chunk(twin, iocb->ki_pos + done, chunk, to);
		done += got;
		left -= got;
		if (got < chunk) {
			if (!done)
				return -EFAULT;
			break;
		}
		if (left && twin_interrupted())
			break;
	}
	iocb->ki_pos += done;
	return done;
}

static ssize_t twin_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct twin *twin = iocb->ki_filp->private_data;
	size_t left, got;

	if (!twin_within(iocb->ki_pos, iov_iter_count(to),
			 READ_ONCE(twin->size) & ~TWIN_FIXED, &left))
		return 0;
	if (left > TWIN_CHUNK)
		return twin_read_long(twin, iocb, left, to);
	got = twin_read_chunk(twin, iocb->ki_pos, left, to);
	if (!got && left)
		return -EFAULT;
	iocb->ki_pos += got;
	return got;
}

static u64 twin_fix(struct twin *twin)
{
	u64 now = READ_ONCE(twin->size);

	while (!(now & TWIN_FIXED) &&
	       !try_cmpxchg_relaxed(&twin->size, &now, now | TWIN_FIXED))
		;
	return now & ~TWIN_FIXED;
}

static __always_inline size_t twin_write_chunk(struct twin *twin, size_t at,
					       size_t len, struct iov_iter *from,
					       int *stop)
{
	size_t done = 0, within, piece, index, got;
	struct page *page;

	while (done < len) {
		within = offset_in_page(at + done);
		piece = min(PAGE_SIZE - within, len - done);
		index = (at + done) >> PAGE_SHIFT;
		page = twin_page(twin, index);
		if (!page) {
			*stop = twin_make(twin, index);
			page = twin_page(twin, index);
			if (!page)
				break;
		}
		got = copy_page_from_iter(page, within, piece, from);
		done += got;
		if (got < piece) {
			*stop = -EFAULT;
			break;
		}
	}
	return done;
}

/* Whether a page from @at on is missing. */
static bool twin_has_hole(struct twin *twin, size_t at, size_t len)
{
	size_t index;

	for (index = at >> PAGE_SHIFT; index < DIV_ROUND_UP(at + len, PAGE_SIZE); index++)
		if (!twin_page(twin, index))
			return true;
	return false;
}

static noinline ssize_t twin_write_long(struct twin *twin, struct kiocb *iocb,
					loff_t position, size_t left,
					struct iov_iter *from)
{
	size_t chunk, got, done = 0;
	int stop = 0;

	while (left) {
		chunk = min_t(size_t, left, TWIN_CHUNK);
		got = twin_write_chunk(twin, position + done, chunk, from, &stop);
		done += got;
		left -= got;
		if (got < chunk) {
			if (!done)
				return stop;
			break;
		}
		if (left && twin_interrupted())
			break;
	}
	iocb->ki_pos = position + done;
	return done;
}

static ssize_t twin_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct twin *twin = iocb->ki_filp->private_data;
	loff_t position = iocb->ki_pos;
	size_t left, got;
	int stop = 0;
	u64 size;

	if (!iov_iter_count(from))
		return 0;
	size = twin_fix(twin);
	if (iocb->ki_flags & IOCB_APPEND)
		position = size;
	if (!twin_within(position, iov_iter_count(from), size, &left))
		return -ENOSPC;
	if (iocb->ki_flags & IOCB_NOWAIT && !(iocb->ki_filp->f_flags & O_NONBLOCK) &&
	    twin_has_hole(twin, position, left))
		return -EAGAIN;
	if (left > TWIN_CHUNK)
		return twin_write_long(twin, iocb, position, left, from);
	got = twin_write_chunk(twin, position, left, from, &stop);
	if (!got)
		return stop;
	iocb->ki_pos = position + got;
	return got;
}

static loff_t twin_llseek(struct file *file, loff_t offset, int whence)
{
	struct twin *twin = file->private_data;

	return fixed_size_llseek(file, offset, whence, READ_ONCE(twin->size) & ~TWIN_FIXED);
}

static int twin_open(struct inode *inode, struct file *file)
{
	struct twin *twin = kzalloc(sizeof(*twin), GFP_KERNEL);

	if (!twin)
		return -ENOMEM;
	twin->size = TWIN_DEFAULT;
	twin->opener = get_mem_cgroup_from_mm(current->mm);
	file->private_data = twin;
	file->f_mode |= FMODE_NOWAIT | FMODE_ATOMIC_POS;
	return 0;
}

static int twin_release(struct inode *inode, struct file *file)
{
	struct twin *twin = file->private_data;
	struct twin_leaf *leaf;
	size_t i, j;

	for (i = 0; twin->root && i < TWIN_PLACES; i++) {
		leaf = twin->root->leaf[i];
		for (j = 0; leaf && j < TWIN_PLACES; j++) {
			if (leaf->page[j])
				put_page(leaf->page[j]);
			cond_resched();
		}
		if (leaf)
			put_page(virt_to_page(leaf));
	}
	if (twin->root)
		put_page(virt_to_page(twin->root));
	atomic_long_sub(atomic_long_read(&twin->count), &twin_held);
	mem_cgroup_put(twin->opener);
	kfree(twin);
	return 0;
}

static const struct file_operations twin_fops = {
	.owner = THIS_MODULE,
	.open = twin_open,
	.release = twin_release,
	.read_iter = twin_read_iter,
	.write_iter = twin_write_iter,
	.llseek = twin_llseek,
};

static struct miscdevice twin_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "iov_copy_twin",
	.fops = &twin_fops,
	.mode = 0600,
};
module_misc_device(twin_device);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The ferrio developers");
MODULE_DESCRIPTION("The read and write path of iov_copy.ko in C, for comparison");
