/* SPDX-License-Identifier: GPL-2.0 */
/* io_uring, one request at a time, by its system calls. */
#ifndef SQE_H
#define SQE_H

#include <linux/io_uring.h>
#include <sys/mman.h>

#include "rb.h"

#define SQE_ENTRIES	8

struct sqe_ring {
	int fd;
	unsigned int *sq_head, *sq_tail, *sq_array, sq_mask;
	unsigned int *cq_head, *cq_tail, cq_mask;
	struct io_uring_cqe *cqes;
	struct io_uring_sqe *sqes;
};

static inline void sqe_open(struct sqe_ring *u)
{
	struct io_uring_params p = {};
	size_t bytes;
	char *ring;

	u->fd = syscall(SYS_io_uring_setup, SQE_ENTRIES, &p);
	if (u->fd < 0)
		rb_die("io_uring_setup: %s: CONFIG_IO_URING needed, and 0 in kernel.io_uring_disabled",
		       strerror(errno));
	bytes = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	if (bytes < p.sq_off.array + p.sq_entries * sizeof(unsigned int))
		bytes = p.sq_off.array + p.sq_entries * sizeof(unsigned int);
	ring = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd,
		    IORING_OFF_SQ_RING);
	u->sqes = mmap(NULL, p.sq_entries * sizeof(*u->sqes),
		       PROT_READ | PROT_WRITE, MAP_SHARED, u->fd, IORING_OFF_SQES);
	if (!(p.features & IORING_FEAT_SINGLE_MMAP) || ring == MAP_FAILED ||
	    (void *)u->sqes == MAP_FAILED)
		rb_die("mapping an io_uring failed");
	u->sq_head = (void *)(ring + p.sq_off.head);
	u->sq_tail = (void *)(ring + p.sq_off.tail);
	u->sq_array = (void *)(ring + p.sq_off.array);
	u->sq_mask = *(unsigned int *)(ring + p.sq_off.ring_mask);
	u->cq_head = (void *)(ring + p.cq_off.head);
	u->cq_tail = (void *)(ring + p.cq_off.tail);
	u->cq_mask = *(unsigned int *)(ring + p.cq_off.ring_mask);
	u->cqes = (void *)(ring + p.cq_off.cqes);
}

/*
 * 1, or a negative errno; what an error has left goes with the next one.  If so
 * many are left that there is no room, they go, and this one does not.
 */
static inline long sqe_submit(struct sqe_ring *u, const struct io_uring_sqe *sqe)
{
	unsigned int tail = *u->sq_tail;
	unsigned int left = tail - __atomic_load_n(u->sq_head, __ATOMIC_ACQUIRE);

	if (left < SQE_ENTRIES) {
		u->sqes[tail & u->sq_mask] = *sqe;
		u->sq_array[tail & u->sq_mask] = tail & u->sq_mask;
		__atomic_store_n(u->sq_tail, tail + 1, __ATOMIC_RELEASE);
		left++;
	}
	return E(syscall(SYS_io_uring_enter, u->fd, left, 0, 0, NULL, 0));
}

/* Takes one completion, if there is one. */
static inline bool sqe_done(struct sqe_ring *u, struct io_uring_cqe *cqe)
{
	unsigned int head = *u->cq_head;

	if (head == __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE))
		return false;
	*cqe = u->cqes[head & u->cq_mask];
	__atomic_store_n(u->cq_head, head + 1, __ATOMIC_RELEASE);
	return true;
}

/* Waits for one until a signal comes: 0 or a negative errno. */
static inline long sqe_wait(struct sqe_ring *u)
{
	return E(syscall(SYS_io_uring_enter, u->fd, 0, 1, IORING_ENTER_GETEVENTS,
			 NULL, 0));
}

#endif /* SQE_H */
