/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ways to put bytes into an end of a ring, and to get them out, and the stream
 * that is put: the sequence of all u32, byte by byte.
 */
#ifndef WAYS_H
#define WAYS_H

#include <ferrio/ring.h>

#include "players.h"

#define BUF	(4 * RB_PAGE)

/* Byte @pos of the stream. */
static unsigned char byte_at(uint64_t pos)
{
	return (uint32_t)(pos / 4) >> pos % 4 * 8;
}

static void make(unsigned char *p, size_t len, uint64_t pos)
{
	for (; len && pos % 4; len--)
		*p++ = byte_at(pos++);
	for (; len >= 4; len -= 4, p += 4, pos += 4) {
		uint32_t word = pos / 4;

		memcpy(p, &word, 4);
	}
	while (len--)
		*p++ = byte_at(pos++);
}

static void check(const unsigned char *p, size_t len, uint64_t pos,
		  const char *by)
{
	static unsigned char want[2 * RB_DEFAULT];

	if (len > sizeof(want))
		rb_die("%s: %zu bytes at once", by, len);
	make(want, len, pos);
	if (!memcmp(p, want, len))
		return;
	for (size_t i = 0; i < len; i++)
		if (p[i] != want[i])
			rb_die("%s: byte %llu is %#x, not %#x", by,
			       (unsigned long long)(pos + i), p[i], want[i]);
}

enum way {
	CALL, CALL_NONBLOCK, SPLICE, MAPPED, MAPPED_NONBLOCK, IN_PLACE, WAYS
};

static const char *const names[WAYS] = {
	"call", "call_nonblock", "splice", "mapped", "mapped_nonblock",
	"in_place",
};

/* What the two players tell each other and the test. */
struct board {
	uint64_t moved[2], handovers[2];
	int way[2];
	int pairs[WAYS][WAYS];	/* transfers, by the ways of both ends */
};

struct end {
	int fd, rw;
	enum way way;
	bool mapped, nonblock;
	struct ringbuffer rb;
	int pipe[2];
	uint64_t pos, seed;
	unsigned char buf[BUF];
};

static void take_over(struct end *e)
{
	uint64_t r = rb_random(&e->seed);
	bool nonblock;

	/* What is left behind now is used again later, or not. */
	if (e->mapped && r & 1) {
		ringbuffer_unmap(&e->rb);
		e->mapped = false;
	}
	e->way = (r >> 8) % WAYS;
	nonblock = e->way == CALL_NONBLOCK;
	if (nonblock != e->nonblock) {
		if (fcntl(e->fd, F_SETFL, O_RDWR | (nonblock ? O_NONBLOCK : 0)))
			rb_die("F_SETFL: %s", strerror(errno));
		e->nonblock = nonblock;
	}
	if (e->way < MAPPED)
		return;
	if (!e->mapped && ringbuffer(e->fd, e->rw, 0, &e->rb) != e->fd)
		rb_die("ringbuffer: %s", strerror(errno));
	e->mapped = true;
	e->rb.nonblock = e->way == MAPPED_NONBLOCK;
	e->rb.spin = r & 2 ? 0 : RINGBUFFER_SPIN;
}

/* After an EAGAIN, by a call or by the library. */
static void await(struct end *e, size_t len)
{
	struct pollfd p = {
		.fd = e->fd,
		.events = e->rw == FERRIO_RB_READ ? POLLIN : POLLOUT,
	};
	int ret;

	if (errno != EAGAIN)
		rb_die("%s: %s", names[e->way], strerror(errno));
	if (e->way == CALL_NONBLOCK || len % 2)
		ret = poll(&p, 1, -1) == 1 ? 0 : -1;
	else
		ret = ringbuffer_wait(e->fd, e->rw, 1, NULL, 0);
	if (ret)
		rb_die("waiting: %s", strerror(errno));
}

/* From the pipe, which has @len bytes, into the ring. */
static ssize_t splice_in(struct end *e, size_t len)
{
	size_t done = 0;

	if (write(e->pipe[1], e->buf, len) != (ssize_t)len)
		rb_die("pipe: %s", strerror(errno));
	while (done < len) {
		ssize_t n = splice(e->pipe[0], NULL, e->fd, NULL, len - done, 0);

		if (n <= 0)
			rb_die("splice: %zd %s", n, strerror(errno));
		done += n;
	}
	return done;
}

static ssize_t splice_out(struct end *e, size_t len)
{
	ssize_t n = splice(e->fd, NULL, e->pipe[1], NULL, len, 0);

	if (n > 0 && read(e->pipe[0], e->buf, n) != n)
		rb_die("pipe: %s", strerror(errno));
	return n;
}

/* Builds at most @len bytes where they are sent from. */
static ssize_t put_in_place(struct end *e, size_t len)
{
	unsigned char *at;

	if (len > e->rb.size)
		len = e->rb.size;
	at = ringbuffer_reserve(&e->rb, len);
	if (!at)
		return -1;
	make(at, len, e->pos);
	return ringbuffer_commit(&e->rb, len) ? -1 : (ssize_t)len;
}

static ssize_t get_in_place(struct end *e, size_t len)
{
	size_t there = 0;
	const unsigned char *at = ringbuffer_peek(&e->rb, &there);

	if (!at)
		return -1;
	if (len > there)
		len = there;
	memcpy(e->buf, at, len);
	return ringbuffer_consume(&e->rb, len) ? -1 : (ssize_t)len;
}

/* Sends up to @len bytes, in one way, and says how many. */
static ssize_t put(struct end *e, size_t len)
{
	ssize_t n;

	if (e->way != IN_PLACE)
		make(e->buf, len, e->pos);
	switch (e->way) {
	case CALL:
	case CALL_NONBLOCK:
		n = write(e->fd, e->buf, len);
		break;
	case SPLICE:
		n = splice_in(e, len);
		break;
	case IN_PLACE:
		n = put_in_place(e, len);
		break;
	default:
		n = ringbuffer_write(&e->rb, e->buf, len);
		break;
	}
	if (n == 0 || (n < (ssize_t)len && n >= 0 &&
		       (e->way == CALL || e->way == MAPPED)))
		rb_die("%s: %zd of %zu bytes", names[e->way], n, len);
	if (n >= 0)
		return n;
	await(e, len);
	return 0;
}

/* Receives up to @len bytes, in one way, and says how many; -1: the end. */
static ssize_t get(struct end *e, size_t len)
{
	ssize_t n;

	switch (e->way) {
	case CALL:
	case CALL_NONBLOCK:
		n = read(e->fd, e->buf, len);
		break;
	case SPLICE:
		n = splice_out(e, len);
		break;
	case IN_PLACE:
		n = get_in_place(e, len);
		break;
	default:
		n = ringbuffer_read(&e->rb, e->buf, len);
		break;
	}
	if (!n)
		return -1;
	if (n < 0) {
		await(e, len);
		return 0;
	}
	check(e->buf, n, e->pos, names[e->way]);
	return n;
}

#endif /* WAYS_H */
