/* SPDX-License-Identifier: GPL-2.0 */
/*
 * io_uring by its system calls: requests go in one by one, completions come out
 * in order.  Nobody else uses the instance, so plain loads and stores and two
 * barriers do.
 */
#ifndef URING_H
#define URING_H

#include <linux/io_uring.h>
#include <linux/time_types.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "task.h"

#define URING_ENTRIES	64

struct uring {
	int fd;
	unsigned int flags, queued, mask, cq_mask;
	unsigned int *head, *tail, *sq_flags, *cq_head, *cq_tail;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	void *map;
	size_t map_len, sqes_len;
};

static inline void uring_start(struct uring *u, unsigned int flags)
{
	struct io_uring_params p = {
		.flags = flags | IORING_SETUP_NO_SQARRAY, .sq_thread_idle = 20,
	};
	char *at;

	u->fd = syscall(SYS_io_uring_setup, URING_ENTRIES, &p);
	if (u->fd < 0 && errno == EPERM)
		rb_die("io_uring is forbidden here: kernel.io_uring_disabled is %ld",
		       rb_read_number("/proc/sys/kernel/io_uring_disabled"));
	if (u->fd < 0)
		rb_die("io_uring_setup: %s: CONFIG_IO_URING and 6.7 needed",
		       strerror(errno));
	u->map_len = p.cq_off.cqes + p.cq_entries * sizeof(*u->cqes);
	u->sqes_len = p.sq_entries * sizeof(*u->sqes);
	at = mmap(NULL, u->map_len, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd,
		  IORING_OFF_SQ_RING);
	u->sqes = mmap(NULL, u->sqes_len, PROT_READ | PROT_WRITE, MAP_SHARED,
		       u->fd, IORING_OFF_SQES);
	if (at == MAP_FAILED || u->sqes == MAP_FAILED)
		rb_die("mmap of io_uring: %s", strerror(errno));
	u->map = at;
	u->flags = flags;
	u->queued = 0;
	u->head = (unsigned int *)(at + p.sq_off.head);
	u->tail = (unsigned int *)(at + p.sq_off.tail);
	u->mask = *(unsigned int *)(at + p.sq_off.ring_mask);
	u->sq_flags = (unsigned int *)(at + p.sq_off.flags);
	u->cq_head = (unsigned int *)(at + p.cq_off.head);
	u->cq_tail = (unsigned int *)(at + p.cq_off.tail);
	u->cq_mask = *(unsigned int *)(at + p.cq_off.ring_mask);
	u->cqes = (struct io_uring_cqe *)(at + p.cq_off.cqes);
}

static inline void uring_stop(struct uring *u)
{
	munmap(u->map, u->map_len);
	munmap(u->sqes, u->sqes_len);
	close(u->fd);
}

/* A request, not submitted yet: @tag comes back in its completion. */
static inline struct io_uring_sqe *uring_add(struct uring *u, int op, int fd,
					     const void *addr, size_t len,
					     uint64_t tag)
{
	struct io_uring_sqe *sqe = &u->sqes[(*u->tail + u->queued++) & u->mask];

	*sqe = (struct io_uring_sqe){
		.opcode = op, .fd = fd, .addr = (uintptr_t)addr, .len = len,
		.user_data = tag,
	};
	/* A stream has no position; this is how to say so. */
	if (op != IORING_OP_POLL_ADD && op != IORING_OP_ASYNC_CANCEL &&
	    op != IORING_OP_LINK_TIMEOUT)
		sqe->off = -1;
	return sqe;
}

static inline struct io_uring_sqe *uring_poll(struct uring *u, int fd,
					      unsigned int events, bool multi,
					      uint64_t tag)
{
	struct io_uring_sqe *sqe = uring_add(u, IORING_OP_POLL_ADD, fd, NULL,
					     multi ? IORING_POLL_ADD_MULTI : 0,
					     tag);

	sqe->poll32_events = events;
	return sqe;
}

/* Cancels the request @of. */
static inline void uring_cancel(struct uring *u, uint64_t of, uint64_t tag)
{
	uring_add(u, IORING_OP_ASYNC_CANCEL, -1, (void *)of, 0, tag);
}

static inline void uring_enter(struct uring *u, unsigned int submit,
			       unsigned int wait, unsigned int flags)
{
	long ret;

	do {
		ret = E(syscall(SYS_io_uring_enter, u->fd, submit, wait, flags,
				NULL, 0));
	} while (ret == -EINTR && !submit);
	if (ret < 0 || (submit && ret != submit))
		rb_die("io_uring_enter of %u: %ld", submit, ret);
}

/*
 * What is submitted without a kernel thread and without IOSQE_ASYNC has been
 * tried once, and is completed or waits, when this returns.
 */
static inline void uring_submit(struct uring *u)
{
	unsigned int n = u->queued;

	u->queued = 0;
	__atomic_store_n(u->tail, *u->tail + n, __ATOMIC_RELEASE);
	if (!(u->flags & IORING_SETUP_SQPOLL)) {
		uring_enter(u, n, 0, 0);
		return;
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(u->sq_flags, __ATOMIC_RELAXED) &
	    IORING_SQ_NEED_WAKEUP)
		uring_enter(u, 0, 0, IORING_ENTER_SQ_WAKEUP);
}

/*
 * For those whom a signal or a fault may disturb: 1 or a negative errno.  What an
 * error has left goes with the next one; if there is no room any more, the others
 * go, and this one does not.
 */
static inline long uring_try(struct uring *u, const struct io_uring_sqe *sqe)
{
	unsigned int tail = *u->tail;
	unsigned int left = tail - __atomic_load_n(u->head, __ATOMIC_ACQUIRE);

	if (left < URING_ENTRIES) {
		u->sqes[tail & u->mask] = *sqe;
		__atomic_store_n(u->tail, tail + 1, __ATOMIC_RELEASE);
		left++;
	}
	return E(syscall(SYS_io_uring_enter, u->fd, left, 0, 0, NULL, 0));
}

/* Waits for a completion until a signal comes: 0 or a negative errno. */
static inline long uring_wait(struct uring *u)
{
	return E(syscall(SYS_io_uring_enter, u->fd, 0, 1, IORING_ENTER_GETEVENTS,
			 NULL, 0));
}

/* Takes a completion if there is one. */
static inline bool uring_take(struct uring *u, struct io_uring_cqe *cqe)
{
	unsigned int head = *u->cq_head;

	if (head == __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE))
		return false;
	*cqe = u->cqes[head & u->cq_mask];
	__atomic_store_n(u->cq_head, head + 1, __ATOMIC_RELEASE);
	return true;
}

/* The next completion. */
static inline void uring_next(struct uring *u, struct io_uring_cqe *cqe)
{
	while (!uring_take(u, cqe))
		uring_enter(u, 0, 1, IORING_ENTER_GETEVENTS);
}

/* The next completion's result; it has to be that of @tag, and its last one. */
static inline long uring_end(struct uring *u, uint64_t tag)
{
	struct io_uring_cqe cqe;

	uring_next(u, &cqe);
	if (cqe.user_data != tag || cqe.flags & IORING_CQE_F_MORE)
		rb_die("completion of %llu: %d, flags %#x; not the end of %llu",
		       (unsigned long long)cqe.user_data, cqe.res, cqe.flags,
		       (unsigned long long)tag);
	return cqe.res;
}

/* One request: submitted, waited for. */
static inline long uring_do(struct uring *u, int op, int fd, const void *addr,
			    size_t len)
{
	uring_add(u, op, fd, addr, len, 4711);
	uring_submit(u);
	return uring_end(u, 4711);
}

/* Whether there is no completion, with all done that is to be done for one. */
static inline bool uring_idle(struct uring *u)
{
	uring_enter(u, 0, 0, IORING_ENTER_GETEVENTS);
	return *u->cq_head == __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE);
}

/* How many requests wait by poll. */
static inline int uring_waiting(struct uring *u)
{
	char path[64], line[256];
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", u->fd);
	f = fopen(path, "r");
	if (!f)
		rb_die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f))
		n += !strncmp(line, "  op=", 5);
	fclose(f);
	return n;
}

/* Until @n requests wait: for those that another thread submits. */
static inline void uring_until_waiting(struct uring *u, int n)
{
	while (uring_waiting(u) != n)
		rb_sleep_ms(1);
}

static inline void uring_register(struct uring *u, unsigned int op,
				  const void *arg, unsigned int n)
{
	if (syscall(SYS_io_uring_register, u->fd, op, arg, n))
		rb_die("io_uring_register %u: %s", op, strerror(errno));
}

/* @n buffers of @len bytes each, group 0, which a multishot read takes from. */
struct uring_pool {
	struct io_uring_buf_ring *ring;
	char *bytes;
	unsigned int n, len;
};

static inline void uring_give(struct uring_pool *p, unsigned int id)
{
	struct io_uring_buf *buf;

	buf = &p->ring->bufs[p->ring->tail & (p->n - 1)];
	buf->addr = (uintptr_t)(p->bytes + id * p->len);
	buf->len = p->len;
	buf->bid = id;
	__atomic_store_n(&p->ring->tail, p->ring->tail + 1, __ATOMIC_RELEASE);
}

static inline void uring_pool_start(struct uring *u, struct uring_pool *p,
				    unsigned int n, unsigned int len)
{
	struct io_uring_buf_reg reg = { .ring_entries = n };

	p->n = n;
	p->len = len;
	p->bytes = malloc(n * len);
	p->ring = mmap(NULL, n * sizeof(struct io_uring_buf),
		       PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	if (p->ring == MAP_FAILED)
		rb_die("mmap: %s", strerror(errno));
	reg.ring_addr = (uintptr_t)p->ring;
	uring_register(u, IORING_REGISTER_PBUF_RING, &reg, 1);
	for (unsigned int i = 0; i < n; i++)
		uring_give(p, i);
}

/* The buffer of a completion. */
static inline char *uring_got(struct uring_pool *p, struct io_uring_cqe *cqe)
{
	if (!(cqe->flags & IORING_CQE_F_BUFFER))
		rb_die("a completion of %d bytes without a buffer", cqe->res);
	return p->bytes + (cqe->flags >> IORING_CQE_BUFFER_SHIFT) * p->len;
}

static inline void uring_multishot(struct uring *u, int fd, uint64_t tag)
{
	uring_add(u, IORING_OP_READ_MULTISHOT, fd, NULL, 0, tag)->flags =
		IOSQE_BUFFER_SELECT;
}

#endif /* URING_H */
