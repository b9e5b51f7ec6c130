/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rings for the files of other modules, by ringbuffer.ko: what a program read()s from
 * a driver, and what it write()s to it, goes through a ring that the program can map,
 * so that it moves without a system call.
 *
 * Each function says in which context it may be called.  None keeps what it is
 * passed, but for the pollers that a file has anyway.  A module that calls them
 * depends on ringbuffer.ko, which can not be removed before it.
 * Documentation/ring_driver.rst of ferrio is about them.
 */
#ifndef _FERRIO_RING_H
#define _FERRIO_RING_H

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/types.h>
#include <ferrio/ringbuffer.h>
#include <ferrio_ring_record.h>
#include <ferrio_ring_turn.h>

/*
 * The version of this header, as a symbol name space: Debian's kernel compares no
 * versions of symbols, so this is what keeps a module that was built with another
 * version from being inserted.  Whoever includes the header imports it.
 */
#define FERRIO_RING_API		"FERRIO_RING_1"
MODULE_IMPORT_NS(FERRIO_RING_API);

struct pipe_inode_info;
struct vm_area_struct;

/* Directions, as a set: those of read(2) and write(2). */
#define FERRIO_RING_READ	(1U << 0)	/* the driver produces, programs consume */
#define FERRIO_RING_WRITE	(1U << 1)	/* programs produce, the driver consumes */

/* struct ferrio_ring_params.flags */
#define FERRIO_RING_SHARED	(1U << 0)	/* of all opens: no program can give it up */
#define FERRIO_RING_RECORDS	(1U << 1)	/* records, of any number of producers; READ alone */
#define FERRIO_RING_DROP	(1U << 2)	/* a record that has no room is lost, and counted */

/**
 * struct ferrio_ring_params - what rings are to be made
 * @bytes: size of each: a power of two from 4096 to 1 GiB
 * @directions: FERRIO_RING_READ, FERRIO_RING_WRITE or both
 * @flags: FERRIO_RING_SHARED; FERRIO_RING_RECORDS, and with it FERRIO_RING_DROP
 * @pad: 0
 */
struct ferrio_ring_params {
	u64 bytes;
	u32 directions;
	u32 flags;
	u64 pad[2];
};

/*
 * ---- Life ----
 */

/**
 * ferrio_ring_alloc() - make the rings of a device, or of an open file
 * @params: which
 *
 * Their memory is made here, and charged to the memory cgroup of the caller; it counts
 * for no limit of a user: a driver that makes a ring for each open bounds how many.
 * It goes with the last reference, or later, with the last descriptor or mapping
 * that a program has of it.
 *
 * Context: process context, sleeps for memory; no lock that reclaim could take.
 * Return: the rings, with one reference, to be given to ferrio_ring_free(); else
 * ERR_PTR(): -EINVAL: @params is NULL or makes no sense; -ENOMEM: no memory, or the cgroup is
 * full (nobody is killed for it); -EINTR: the caller is being killed.  Never NULL.
 */
struct ferrio_ring *__must_check ferrio_ring_alloc(const struct ferrio_ring_params *params);

/**
 * ferrio_ring_get() - another reference
 * @ring: of ferrio_ring_alloc()
 *
 * For an open file, if ferrio_ring_free() may be called while it is open; given back by
 * ferrio_ring_put() in its ->release.
 *
 * Context: any.
 * Return: @ring.
 */
struct ferrio_ring *ferrio_ring_get(struct ferrio_ring *ring);

/**
 * ferrio_ring_put() - give a reference back
 * @ring: of ferrio_ring_get(); NULL and ERR_PTR() are ignored
 *
 * Context: process context, may sleep; behind the last use of @ring by this reference.
 */
void ferrio_ring_put(struct ferrio_ring *ring);

/**
 * ferrio_ring_shutdown() - the driver gives its ends up
 * @ring: of ferrio_ring_alloc()
 * @directions: FERRIO_RING_READ: programs read what is there, and then the end of the stream.
 *	FERRIO_RING_WRITE: their writes are -EPIPE
 *
 * Final.  Whoever sleeps is woken; a call of the driver that sleeps ends with
 * -ESHUTDOWN, and so do all that come later.  May be called more than once, and while other
 * calls run: what a write or commit of the driver has returned 0 for is in front of the end of
 * the stream, and for what it publishes meanwhile it returns -ESHUTDOWN, though a program may
 * see it.  Records: what has been reserved before is in front of the end, which comes when all of
 * it is ended.  A direction that there is not is ignored.
 *
 * Context: process context; does not sleep.
 */
void ferrio_ring_shutdown(struct ferrio_ring *ring, unsigned int directions);

/**
 * ferrio_ring_leave() - no file is open any more
 * @ring: of ferrio_ring_alloc()
 *
 * For a driver that goes on behind ->release of the file that its rings are for: the ends that
 * its files hold are given up.  If no program has another one, the driver's writes are -EPIPE
 * from now on, and its reads end when all has been read.  Final; may be called
 * more than once.
 *
 * Context: process context; does not sleep.
 */
void ferrio_ring_leave(struct ferrio_ring *ring);

/**
 * ferrio_ring_free() - the device is gone
 * @ring: of ferrio_ring_alloc(); NULL and ERR_PTR() are ignored
 *
 * ferrio_ring_shutdown() of both, and the reference of ferrio_ring_alloc().  None of the
 * driver's own calls may be running or come later: its threads have been stopped, its timers
 * and interrupts are off.  Files may be open, if each has a reference; their calls find both
 * directions at their end.
 *
 * Context: process context, may sleep.
 */
void ferrio_ring_free(struct ferrio_ring *ring);

/*
 * ---- The driver's ends ----
 *
 * One call at a time for each direction: it is for the driver to see to that.  Calls
 * for the two directions do not know of each other.
 *
 * Those that end in _atomic never sleep, take no lock, and wake sleepers by irq_work: for any
 * context but NMI, whatever locks are held.  All others are for process context where one may
 * sleep.  The two kinds may be used in turn.
 *
 * A thread of kthread_run() that sleeps here is ended by kthread_stop(): -EINTR.
 *
 * Writes and reads are inline as far as what is known of the other end is enough.
 *
 * Errors of all: -EBADF: @ring has no such direction.  -EPIPE: no program has the other
 * end any more.  -EBADMSG: corrupt: a program has published an impossible position.
 * -ESHUTDOWN: ferrio_ring_shutdown().  -EMSGSIZE: more than the ring holds.  -EAGAIN: of the
 * _atomic ones: not now.  -ERESTARTSYS: of the others: a signal.
 */

/**
 * ferrio_ring_write() - bytes for read(2)
 * @ring: with FERRIO_RING_READ
 * @from: bytes
 * @len: how many; 0 moves none
 *
 * All of them or, with an error, none: a program that reads as much sees them in
 * one piece.
 *
 * Context: may sleep: until there is room for all.
 * Return: 0, or an error as above; -EINVAL: @from is NULL.
 */
static inline int ferrio_ring_write(struct ferrio_ring *ring, const void *from, size_t len)
{
	bool wake;

	if (!ferrio_ring_put_now(ring->read, from, len, &wake))
		return ferrio_ring_write_slow(ring, from, len);
	return wake ? ferrio_ring_wake(ring, FERRIO_RING_READ) : 0;
}

/**
 * ferrio_ring_write_atomic() - bytes for read(2), now or not
 * @ring: with FERRIO_RING_READ
 * @from: bytes
 * @len: how many; 0 moves none
 *
 * Context: any but NMI.
 * Return: as of ferrio_ring_write(); -EAGAIN: there is no room for all.
 */
static inline int ferrio_ring_write_atomic(struct ferrio_ring *ring, const void *from, size_t len)
{
	bool wake;

	if (!ferrio_ring_put_now(ring->read, from, len, &wake))
		return ferrio_ring_write_atomic_slow(ring, from, len);
	return wake ? ferrio_ring_wake_atomic(ring, FERRIO_RING_READ) : 0;
}

/**
 * ferrio_ring_reserve() - room for bytes for read(2), to build them where they are
 * @ring: with FERRIO_RING_READ
 * @len: how much; at least 1
 *
 * In one piece, wherever in the ring it is.  Programs may see what is written there; what is
 * there at first are bytes that were read before, or zeros.  Nothing is taken
 * yet: the next call gives the same place.
 *
 * Context: may sleep: until there is so much room.
 * Return: the room; else ERR_PTR() of an error as above, or of -EINVAL: @len is 0.  Never NULL.
 */
void *__must_check ferrio_ring_reserve(struct ferrio_ring *ring, size_t len);

/**
 * ferrio_ring_reserve_atomic() - room for bytes for read(2), now or not
 * @ring: with FERRIO_RING_READ
 * @len: how much; at least 1
 *
 * Context: any but NMI.
 * Return: as of ferrio_ring_reserve(); ERR_PTR(-EAGAIN): there is not so much.
 */
void *__must_check ferrio_ring_reserve_atomic(struct ferrio_ring *ring, size_t len);

/**
 * ferrio_ring_commit() - publish the first bytes of what is reserved
 * @ring: with FERRIO_RING_READ
 * @len: how many, at most what was reserved; 0 discards
 *
 * The rest is not reserved any more.
 *
 * Context: process context, may sleep.
 * Return: 0, or an error as above; -EINVAL: more than was reserved, or nothing was, or there was a
 * write since.
 */
int ferrio_ring_commit(struct ferrio_ring *ring, size_t len);

/**
 * ferrio_ring_commit_atomic() - publish the first bytes of what is reserved
 * @ring: with FERRIO_RING_READ
 * @len: how many, at most what was reserved; 0 discards
 *
 * Context: any but NMI.
 * Return: as of ferrio_ring_commit().
 */
int ferrio_ring_commit_atomic(struct ferrio_ring *ring, size_t len);

/**
 * ferrio_ring_discard() - nothing is reserved any more
 * @ring: with FERRIO_RING_READ
 *
 * Context: any.
 */
void ferrio_ring_discard(struct ferrio_ring *ring);

/**
 * ferrio_ring_read() - bytes of write(2)
 * @ring: with FERRIO_RING_WRITE
 * @to: where to
 * @min: how many there have to be, at least 1
 * @len: how many at most
 *
 * They are copied, once: what they mean is to be checked in the copy, as a
 * program may have the ring mapped, and go on writing.
 *
 * Context: may sleep: until there are @min bytes.
 * Return: how many, @min to @len; fewer than @min, at last 0, only when no program can write
 * any more; or an error as above, not -EPIPE; -EINVAL: @to is NULL, or @min is 0 or more than @len.
 */
static inline ssize_t ferrio_ring_read(struct ferrio_ring *ring, void *to, size_t min, size_t len)
{
	bool wake;
	size_t n = ferrio_ring_take_now(ring->write, to, min, len, &wake);

	if (!n)
		return ferrio_ring_read_slow(ring, to, min, len);
	if (wake)
		ferrio_ring_wake(ring, FERRIO_RING_WRITE);
	return n;
}

/**
 * ferrio_ring_read_atomic() - bytes of write(2), now or not
 * @ring: with FERRIO_RING_WRITE
 * @to: where to
 * @min: how many there have to be, at least 1
 * @len: how many at most
 *
 * Context: any but NMI.
 * Return: as of ferrio_ring_read(); -EAGAIN: there are fewer than @min.
 */
static inline ssize_t ferrio_ring_read_atomic(struct ferrio_ring *ring, void *to, size_t min,
					      size_t len)
{
	bool wake;
	size_t n = ferrio_ring_take_now(ring->write, to, min, len, &wake);

	if (!n)
		return ferrio_ring_read_atomic_slow(ring, to, min, len);
	if (wake)
		ferrio_ring_wake_atomic(ring, FERRIO_RING_WRITE);
	return n;
}

/*
 * ---- The calls of a file of the driver's ----
 *
 * What the driver's struct file_operations are called with is passed on as it is; the results
 * are for the caller of those.  @ring stays until ->release of the file has begun.
 * FERRIO_RING_FOPS() below makes the functions.  Documentation/abi/ringbuffer.rst says what a
 * program sees.
 */

/**
 * ferrio_ring_open() - what ->open ends with
 * @inode: of the call
 * @file: of the call
 *
 * A stream has no position; and no call of it waits that must not, so that io_uring
 * needs no threads for it.
 *
 * Return: 0
 */
int ferrio_ring_open(struct inode *inode, struct file *file);

/**
 * ferrio_ring_read_iter() - ->read_iter
 * @ring: -EINVAL without FERRIO_RING_READ
 * @iocb: of the call
 * @to: of the call
 *
 * Return: as of read(2) of a ring.
 */
ssize_t ferrio_ring_read_iter(struct ferrio_ring *ring, struct kiocb *iocb, struct iov_iter *to);

/**
 * ferrio_ring_write_iter() - ->write_iter
 * @ring: -EINVAL without FERRIO_RING_WRITE
 * @iocb: of the call
 * @from: of the call
 *
 * Return: as of write(2) to a ring.
 */
ssize_t ferrio_ring_write_iter(struct ferrio_ring *ring, struct kiocb *iocb,
			       struct iov_iter *from);

/**
 * ferrio_ring_poll() - ->poll
 * @ring: of the file
 * @file: of the call
 * @table: of the call
 *
 * Return: the bits of the directions for which the file is open.
 */
__poll_t ferrio_ring_poll(struct ferrio_ring *ring, struct file *file,
			  struct poll_table_struct *table);

/**
 * ferrio_ring_ioctl() - ->unlocked_ioctl
 * @ring: of the file
 * @file: of the call
 * @cmd: of the call: FERRIO_RB_* and FIONREAD
 * @arg: of the call
 *
 * ->compat_ioctl is compat_ptr_ioctl().
 *
 * Return: 0 or an error; -ENOTTY for other numbers, which the driver can look at before.
 */
long ferrio_ring_ioctl(struct ferrio_ring *ring, struct file *file, unsigned int cmd,
		       unsigned long arg);

/**
 * ferrio_ring_mmap() - ->mmap
 * @ring: of the file
 * @file: of the call
 * @vma: of the call
 *
 * The windows of a consumer end of what is read, at the offsets of FERRIO_RB_GET_INFO; those of
 * a producer end of what is written at the same ones, or, if there are both directions,
 * map_bytes further on.  A mapping keeps the file.
 *
 * Return: 0 or an error, which is the result of ->mmap: nothing may fail behind it.
 */
int ferrio_ring_mmap(struct ferrio_ring *ring, struct file *file, struct vm_area_struct *vma);

/**
 * ferrio_ring_splice_read() - ->splice_read
 * @ring: -EINVAL without FERRIO_RING_READ
 * @file: of the call
 * @pos: of the call, not looked at
 * @pipe: of the call
 * @len: of the call
 * @flags: of the call
 *
 * Return: as of splice(2) from a ring.
 */
ssize_t ferrio_ring_splice_read(struct ferrio_ring *ring, struct file *file, loff_t *pos,
				struct pipe_inode_info *pipe, size_t len, unsigned int flags);

/**
 * ferrio_ring_splice_write() - ->splice_write
 * @ring: -EINVAL without FERRIO_RING_WRITE
 * @pipe: of the call
 * @file: of the call
 * @pos: of the call, not looked at
 * @len: of the call
 * @flags: of the call
 *
 * Return: as of splice(2) to a ring.
 */
ssize_t ferrio_ring_splice_write(struct ferrio_ring *ring, struct pipe_inode_info *pipe,
				 struct file *file, loff_t *pos, size_t len, unsigned int flags);

/**
 * ferrio_ring_show_fdinfo() - ->show_fdinfo
 * @ring: of the file
 * @m: of the call
 *
 * The lines of abi/ringbuffer.rst, those of the READ direction with the prefix "rbr-",
 * those of WRITE with "rbw-".
 */
void ferrio_ring_show_fdinfo(struct ferrio_ring *ring, struct seq_file *m);

/**
 * DEFINE_FERRIO_RING_FOPS() - the functions for FERRIO_RING_FOPS()
 * @name: a function of the driver: struct ferrio_ring *name(struct file *)
 */
#define DEFINE_FERRIO_RING_FOPS(name)							\
static ssize_t name##_read_iter(struct kiocb *iocb, struct iov_iter *to)		\
{											\
	return ferrio_ring_read_iter(name(iocb->ki_filp), iocb, to);			\
}											\
static ssize_t name##_write_iter(struct kiocb *iocb, struct iov_iter *from)		\
{											\
	return ferrio_ring_write_iter(name(iocb->ki_filp), iocb, from);			\
}											\
static __poll_t name##_poll(struct file *file, struct poll_table_struct *table)		\
{											\
	return ferrio_ring_poll(name(file), file, table);				\
}											\
static long name##_ioctl(struct file *file, unsigned int cmd, unsigned long arg)	\
{											\
	return ferrio_ring_ioctl(name(file), file, cmd, arg);				\
}											\
static int name##_mmap(struct file *file, struct vm_area_struct *vma)			\
{											\
	return ferrio_ring_mmap(name(file), file, vma);					\
}											\
static ssize_t name##_splice_read(struct file *file, loff_t *pos,			\
				  struct pipe_inode_info *pipe, size_t len,		\
				  unsigned int flags)					\
{											\
	return ferrio_ring_splice_read(name(file), file, pos, pipe, len, flags);	\
}											\
static ssize_t name##_splice_write(struct pipe_inode_info *pipe, struct file *file,	\
				   loff_t *pos, size_t len, unsigned int flags)		\
{											\
	return ferrio_ring_splice_write(name(file), pipe, file, pos, len, flags);	\
}											\
static void name##_show_fdinfo(struct seq_file *m, struct file *file)			\
{											\
	ferrio_ring_show_fdinfo(name(file), m);						\
}

/**
 * FERRIO_RING_FOPS() - all entries of a struct file_operations that a ring answers
 * @name: of DEFINE_FERRIO_RING_FOPS()
 *
 * The driver adds .owner, .open, which ends with ferrio_ring_open(), and .release.
 */
#define FERRIO_RING_FOPS(name)			\
	.read_iter = name##_read_iter,		\
	.write_iter = name##_write_iter,	\
	.poll = name##_poll,			\
	.unlocked_ioctl = name##_ioctl,		\
	.compat_ioctl = compat_ptr_ioctl,	\
	.mmap = name##_mmap,			\
	.splice_read = name##_splice_read,	\
	.splice_write = name##_splice_write,	\
	.show_fdinfo = name##_show_fdinfo

/* struct ferrio_ring *ring __free(ferrio_ring) = ferrio_ring_alloc(...); */
DEFINE_FREE(ferrio_ring, struct ferrio_ring *, ferrio_ring_free(_T))

#endif /* _FERRIO_RING_H */
