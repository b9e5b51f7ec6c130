// SPDX-License-Identifier: GPL-2.0
/*
 * bench-stream PEER SIZE MESSAGES: what a message of a stream costs.
 *
 * Two processes.  The producer builds one message after the other, each of them
 * published before the next is built; the consumer checks the sequence number and
 * all bytes of each.  The peers are
 *
 *	mapped	the ring, both ends mapped; messages are built and read in place
 *	syscall	the ring by write() and read()
 *	pipe	a pipe
 *	unix	a pair of AF_UNIX sockets
 *
 * and each holds 64 KiB.  Prints PEER SIZE MESSAGES NANOSECONDS: from before the
 * first message to behind the last, so sleeps and wakes are in it.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench-stream-mapped.h"
#include "../run/channel.h"

/* What the two processes tell each other beside the channel. */
struct shared {
	atomic_bool ready;
	uint64_t end;
};

/* Both ends; those of the mapped ring are mapped before the fork. */
static struct {
	bool mapped;
	struct ringbuffer from, to;
	struct channel ch;
	uint64_t *buf;
} peer;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void make_mapped(void)
{
	int ring = open(FERRIO_RB_DEVICE, O_RDWR | O_CLOEXEC);

	if (ring < 0)
		err(1, "%s", FERRIO_RB_DEVICE);
	if (ringbuffer(ring, FERRIO_RB_READ, CHANNEL_BYTES, &peer.from) < 0 ||
	    ringbuffer(ring, FERRIO_RB_WRITE, CHANNEL_BYTES, &peer.to) < 0)
		err(1, "ringbuffer");
	close(ring);
}

static void make(const char *name, size_t size)
{
	peer.mapped = !strcmp(name, "mapped");
	if (peer.mapped) {
		make_mapped();
		return;
	}
	channel_make(strcmp(name, "syscall") ? name : "ring", &peer.ch);
	peer.buf = aligned_alloc(4096, (size + 4095) & ~4095UL);
	if (!peer.buf)
		err(1, "no memory for a message");
	memset(peer.buf, 0, size);
}

static bool known(const char *name)
{
	return !strcmp(name, "mapped") || !strcmp(name, "syscall") ||
		!strcmp(name, "pipe") || !strcmp(name, "unix");
}

static void close_from(void)
{
	if (peer.mapped)
		ringbuffer_close(&peer.from);
	else
		close(peer.ch.r);
}

static void close_to(void)
{
	if (peer.mapped)
		ringbuffer_close(&peer.to);
	else
		close(peer.ch.w);
}

static __always_inline void produce_sized(size_t size, uint64_t messages)
{
	ssize_t n;
	size_t at;

	for (uint64_t seq = 0; seq < messages; seq++) {
		build(peer.buf, size, seq);
		for (at = 0; at < size; at += n) {
			n = write(peer.ch.w, (char *)peer.buf + at, size - at);
			if (n <= 0)
				err(1, "write of message %lu: %zd", seq, n);
		}
	}
}

static void produce(size_t size, uint64_t messages)
{
	if (!peer.mapped && size == 16)
		produce_sized(16, messages);
	else if (!peer.mapped)
		produce_sized(size, messages);
	else if (mapped_produce(&peer.to, size, messages))
		err(1, "producer");
}

static __always_inline void consume_sized(size_t size, uint64_t messages)
{
	ssize_t n;
	size_t at;

	for (uint64_t seq = 0; seq < messages; seq++) {
		for (at = 0; at < size; at += n) {
			n = read(peer.ch.r, (char *)peer.buf + at, size - at);
			if (n <= 0)
				err(1, "read of message %lu: %zd", seq, n);
		}
		if (!check(peer.buf, size, seq))
			errx(1, "message %lu: got %lu and other bytes", seq, peer.buf[0]);
	}
}

static void consume(size_t size, uint64_t messages, struct shared *sh)
{
	char c;

	now();
	atomic_store(&sh->ready, true);
	if (!peer.mapped && size == 16)
		consume_sized(16, messages);
	else if (!peer.mapped)
		consume_sized(size, messages);
	else if (mapped_consume(&peer.from, size, messages))
		err(1, "consumer");
	sh->end = now();
	if (peer.mapped ? ringbuffer_read(&peer.from, &c, 1) : read(peer.ch.r, &c, 1))
		errx(1, "something behind the last message");
}

int main(int argc, char **argv)
{
	uint64_t messages, start;
	struct shared *sh;
	int status;
	size_t size;
	pid_t pid;

	size = argc == 4 ? strtoul(argv[2], NULL, 0) : 0;
	messages = argc == 4 ? strtoull(argv[3], NULL, 0) : 0;
	if (argc != 4 || !known(argv[1]) || !messages || size < 2 * WORD ||
	    size % WORD || size > CHANNEL_BYTES) {
		fprintf(stderr, "usage: bench-stream mapped|syscall|pipe|unix SIZE MESSAGES (SIZE in multiples of 8 from 16 to 65536)\n");
		return 2;
	}
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		err(1, "mmap");
	make(argv[1], size);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		close_to();
		consume(size, messages, sh);
		_exit(0);
	}
	close_from();
	while (!atomic_load(&sh->ready))
		sched_yield();
	start = now();
	produce(size, messages);
	close_to();
	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");
	if (status) {
		fprintf(stderr, "bench-stream: the consumer failed\n");
		return 1;
	}
	printf("%s %zu %lu %lu\n", argv[1], size, messages, sh->end - start);
	return 0;
}
