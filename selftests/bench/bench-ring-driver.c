// SPDX-License-Identifier: GPL-2.0
/*
 * bench-ring-driver PEER WORKLOAD MESSAGES: what a message between a program and a driver
 * costs.
 *
 * PEER is mapped or syscall, of /dev/ringbuffer-test, or twin, /dev/ringbuffer-test-twin by
 * read() and write().  Both devices have a kernel thread at the other end of each direction,
 * which makes, or checks, a sequence of numbers, four of them (16 bytes) a message.
 * WORKLOAD is read-16 or write-16.  The peers by calls share every line of the program but
 * the name of the device.
 *
 * The clock runs from behind as many messages as a tenth of those that are counted, so that
 * what is on its way at the beginning makes up for what is at the end.
 *
 * Prints PEER WORKLOAD MESSAGES NANOSECONDS.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ferrio/ring.h>

/* Two numbers in a word: the first ones, and how they grow by a message. */
#define PAIR(a, b)	((uint64_t)(b) << 32 | (a))
#define STEP		PAIR(4, 4)

/* A message, as two words; for as many messages as no number carries into the next. */
struct message {
	uint64_t low, high;
};

static const struct message first = { PAIR(0, 1), PAIR(2, 3) };

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static __attribute((noreturn, cold, noinline)) void wrong(const struct message *got)
{
	errx(1, "%#lx %#lx is not the next message", got->low, got->high);
}

static __attribute((noinline))
void read_mapped(struct ringbuffer *rb, struct message *at, uint64_t messages)
{
	struct message next = *at;

	for (; messages; messages--) {
		size_t there = sizeof(next);
		const struct message *got = ringbuffer_peek(rb, &there);

		if (!got || there < sizeof(next))
			err(1, "ringbuffer_peek");
		if (got->low != next.low || got->high != next.high)
			wrong(got);
		next.low += STEP;
		next.high += STEP;
		if (ringbuffer_consume(rb, sizeof(next)))
			err(1, "ringbuffer_consume");
	}
	*at = next;
}

static __attribute((noinline))
void write_mapped(struct ringbuffer *rb, struct message *at, uint64_t messages)
{
	struct message next = *at;

	for (; messages; messages--) {
		struct message *place = ringbuffer_reserve(rb, sizeof(next));

		if (!place)
			err(1, "ringbuffer_reserve");
		*place = next;
		next.low += STEP;
		next.high += STEP;
		if (ringbuffer_commit(rb, sizeof(next)))
			err(1, "ringbuffer_commit");
	}
	*at = next;
}

static void read_calls(int fd, struct message *at, uint64_t messages)
{
	struct message got;

	for (; messages; messages--) {
		if (read(fd, &got, sizeof(got)) != sizeof(got))
			err(1, "read");
		if (got.low != at->low || got.high != at->high)
			wrong(&got);
		at->low += STEP;
		at->high += STEP;
	}
}

static void write_calls(int fd, struct message *at, uint64_t messages)
{
	for (; messages; messages--) {
		if (write(fd, at, sizeof(*at)) != sizeof(*at))
			err(1, "write");
		at->low += STEP;
		at->high += STEP;
	}
}

int main(int argc, char **argv)
{
	bool mapped, twin, writes;
	struct message at = first;
	struct ringbuffer rb;
	uint64_t messages, n, ns = 0;
	int fd;

	messages = argc == 4 ? strtoull(argv[3], NULL, 0) : 0;
	mapped = argc == 4 && !strcmp(argv[1], "mapped");
	twin = argc == 4 && !strcmp(argv[1], "twin");
	writes = argc == 4 && !strcmp(argv[2], "write-16");
	if (!messages || messages > 500000000 || (!mapped && !twin && strcmp(argv[1], "syscall")) ||
	    (!writes && strcmp(argv[2], "read-16")))
		errx(2, "usage: bench-ring-driver mapped|syscall|twin read-16|write-16 MESSAGES");
	fd = open(twin ? "/dev/ringbuffer-test-twin" : "/dev/ringbuffer-test", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		err(1, "the device of %s", argv[1]);
	if (mapped && ringbuffer(fd, writes ? FERRIO_RB_WRITE : FERRIO_RB_READ, 0, &rb) < 0)
		err(1, "ringbuffer");
	for (n = messages / 10; n; n = n == messages ? 0 : messages) {
		ns = now();
		if (mapped && writes)
			write_mapped(&rb, &at, n);
		else if (mapped)
			read_mapped(&rb, &at, n);
		else if (writes)
			write_calls(fd, &at, n);
		else
			read_calls(fd, &at, n);
		ns = now() - ns;
	}
	/* The driver takes nothing more from who has sent it a wrong number. */
	if (writes && (mapped ? ringbuffer_write(&rb, &at, sizeof(at)) :
		       write(fd, &at, sizeof(at))) != sizeof(at))
		err(1, "the driver gave up");
	printf("%s %s %lu %lu\n", argv[1], argv[2], messages, ns);
	return 0;
}
