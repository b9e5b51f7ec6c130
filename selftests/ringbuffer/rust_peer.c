// SPDX-License-Identifier: GPL-2.0
/*
 * The peer in C of the program `rust`, which starts it:
 *
 *	rust_peer fd|socket MODE BYTES
 *
 * Descriptor 0 is the end, or a socket through which it comes.  Byte P of the
 * stream is that of the number P / 4, so that a lost or a repeated one is seen.
 * The exit status is 0 if all was as it has to be.
 */

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <ferrio/ring.h>

static struct ringbuffer rb;

static uint32_t next(void)
{
	static uint32_t x = 2463534242U;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static unsigned char byte_at(uint64_t position)
{
	uint32_t number = position / 4;

	return number >> (8 * (position % 4));
}

static void fill(unsigned char *to, size_t bytes, uint64_t position)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = byte_at(position + i);
}

static void check(const unsigned char *from, size_t bytes, uint64_t position)
{
	for (size_t i = 0; i < bytes; i++)
		if (from[i] != byte_at(position + i))
			errx(1, "byte %llu is %u", (unsigned long long)(position + i), from[i]);
}

/* A piece of any length up to a ring's, less than what is left. */
static size_t piece(uint64_t left)
{
	size_t bytes = 1 + next() % 3000;

	return bytes < left ? bytes : left;
}

/* Until somebody has armed at the other end. */
static void await_arm(const struct ferrio_rb_end_page *page)
{
	while (!ring__acquire(&page->armed))
		usleep(1000);
}

static void produce_write(uint64_t bytes)
{
	unsigned char buf[3000];

	for (uint64_t at = 0; at < bytes;) {
		size_t part = piece(bytes - at);

		fill(buf, part, at);
		if (ringbuffer_write(&rb, buf, part) != (ssize_t)part)
			err(1, "write");
		at += part;
	}
}

static void produce_commit(uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes;) {
		size_t part = piece(bytes - at);
		unsigned char *to = ringbuffer_reserve(&rb, part);

		if (!to)
			err(1, "reserve");
		fill(to, part, at);
		if (ringbuffer_commit(&rb, part))
			err(1, "commit");
		at += part;
	}
}

static void consume_read(uint64_t bytes)
{
	unsigned char buf[3000];
	uint64_t at = 0;
	ssize_t n;

	while ((n = ringbuffer_read(&rb, buf, piece(UINT64_MAX))) > 0) {
		check(buf, n, at);
		/* The producer fills the ring, and has to sleep. */
		if (!at)
			await_arm(rb.producer);
		at += n;
	}
	if (n || at != bytes)
		err(1, "read %zd at %llu", n, (unsigned long long)at);
}

static void consume_peek(uint64_t bytes)
{
	const unsigned char *from;
	uint64_t at = 0;

	while (at < bytes) {
		size_t want = piece(bytes - at), there;

		/* With the producer's 3050 it fits into the ring, else both would wait. */
		if (want > 1000)
			want = 1000;
		there = want;
		from = ringbuffer_peek(&rb, &there);
		if (!from || there < want)
			err(1, "peek");
		check(from, want, at);
		if (!at)
			await_arm(rb.producer);
		if (ringbuffer_consume(&rb, want))
			err(1, "consume");
		at += want;
	}
}

/* Each byte that comes is sent back by another ring, whose end is descriptor 1. */
static void echo(uint64_t bytes)
{
	struct ringbuffer back;
	unsigned char buf[64];
	ssize_t n;

	if (ringbuffer(1, FERRIO_RB_WRITE, 0, &back) != 1)
		err(1, "ringbuffer");
	back.spin = 0;
	for (uint64_t at = 0; at < bytes; at += n) {
		n = ringbuffer_read(&rb, buf, sizeof(buf));
		if (n <= 0 || ringbuffer_write(&back, buf, n) != n)
			err(1, "echo");
	}
}

static void break_position(void)
{
	__atomic_store_n(rb.own, *rb.own + 3 * rb.size, __ATOMIC_RELEASE);
	ringbuffer_wakeup(rb.fd, rb.rw);
}

/* The end that somebody sends through the socket. */
static int receive(int from)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(from, &msg, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&msg))
		err(1, "recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	close(from);
	return fd;
}

static void start(const char *way, int rw)
{
	int fd = strcmp(way, "socket") ? 0 : receive(0);

	if (ringbuffer(fd, rw, 0, &rb) != fd)
		err(1, "ringbuffer");
	rb.spin = 0;
}

int main(int argc, char **argv)
{
	const char *mode = argv[argc > 2 ? 2 : 0];
	uint64_t bytes;

	if (argc != 4)
		errx(2, "usage: rust_peer fd|socket MODE BYTES");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bytes = strtoull(argv[3], NULL, 0);
	start(argv[1], !strncmp(mode, "consume", 7) || !strcmp(mode, "echo") ?
	      FERRIO_RB_READ : FERRIO_RB_WRITE);
	if (!strcmp(mode, "produce_write")) {
		produce_write(bytes);
	} else if (!strcmp(mode, "produce_commit")) {
		produce_commit(bytes);
	} else if (!strcmp(mode, "consume_read")) {
		consume_read(bytes);
	} else if (!strcmp(mode, "consume_peek")) {
		consume_peek(bytes);
	} else if (!strcmp(mode, "echo")) {
		echo(bytes);
	} else if (!strcmp(mode, "produce_hang")) {
		produce_write(bytes);
		/* Half-made: never seen. */
		memset(ringbuffer_reserve(&rb, 100), 0xff, 100);
		pause();
	} else if (!strcmp(mode, "consume_hang")) {
		size_t there = bytes;

		if (!ringbuffer_peek(&rb, &there) || ringbuffer_consume(&rb, bytes))
			err(1, "peek");
		pause();
	} else if (!strcmp(mode, "produce_break") || !strcmp(mode, "consume_break")) {
		break_position();
		pause();
	} else {
		errx(2, "%s: no such mode", mode);
	}
	return 0;
}
