/* SPDX-License-Identifier: GPL-2.0 */
/* An end of a ring, held by read() and write() or mapped, with one face. */
#ifndef HOLD_H
#define HOLD_H

#include <sys/socket.h>
#include <time.h>

#include <ferrio/ring.h>

#include "rb.h"

struct hold {
	int fd;
	unsigned int rw;
	bool mapped;
	struct ringbuffer rb;
};

/* A ring of @size bytes and its two ends, and no other holder. */
static inline void hold_ends(size_t size, int fd[2])
{
	int plain = rb_open(O_RDWR);

	if (rb_set_size(plain, size))
		rb_die("FERRIO_RB_SET_SIZE %zu failed", size);
	fd[FERRIO_RB_READ] = rb_mint(plain, FERRIO_RB_READ);
	fd[FERRIO_RB_WRITE] = rb_mint(plain, FERRIO_RB_WRITE);
	close(plain);
}

/* @fd is the hold's from now on. */
static inline void hold_take(struct hold *h, int fd, unsigned int rw, bool mapped)
{
	memset(h, 0, sizeof(*h));
	h->fd = fd;
	h->rw = rw;
	h->mapped = mapped;
	if (mapped && ringbuffer(fd, rw, 0, &h->rb) != fd)
		rb_die("ringbuffer(): %s", strerror(errno));
}

static inline void hold_drop(struct hold *h)
{
	if (h->mapped)
		ringbuffer_unmap(&h->rb);
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
}

static inline void hold_nonblock(struct hold *h, bool on)
{
	int flags = fcntl(h->fd, F_GETFL);

	h->rb.nonblock = on;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	if (fcntl(h->fd, F_SETFL, flags))
		rb_die("F_SETFL: %s", strerror(errno));
}

/* read() or write(), whichever it is; negative errno for an error. */
static inline long hold_move(struct hold *h, void *buf, size_t len)
{
	if (h->rw == FERRIO_RB_READ)
		return h->mapped ? E(ringbuffer_read(&h->rb, buf, len)) :
				   E(read(h->fd, buf, len));
	return h->mapped ? E(ringbuffer_write(&h->rb, buf, len)) :
			   E(write(h->fd, buf, len));
}

/* FERRIO_RB_WAIT; @ms < 0: no end. */
static inline long hold_wait(int fd, unsigned int rw, uint64_t bytes, int ms,
			     struct ferrio_rb_wait *told)
{
	struct ferrio_rb_wait w = {
		.size = sizeof(w), .rw = rw, .min_bytes = bytes,
		.flags = ms < 0 ? 0 : FERRIO_RB_WAIT_RELATIVE,
		.timeout = ms < 0 ? 0 : ms * 1000000ULL,
	};
	long ret = E(ioctl(fd, FERRIO_RB_WAIT, &w));

	if (told)
		*told = w;
	return ret;
}

/* What poll() shows at once, of everything. */
static inline int hold_poll(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&pfd, 1, 0) < 0 ? -errno : pfd.revents;
}

#endif /* HOLD_H */
