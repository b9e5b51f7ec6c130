// SPDX-License-Identifier: GPL-2.0
/*
 * bench-pipe KIND SIZE MESSAGES: what a message costs.
 *
 * Two processes.  The producer writes one message after the other, each with
 * its sequence number in the first and in the last word; none is built before
 * the one ahead of it is published.  The consumer reads message by message and
 * checks both words.  The kinds share every line of this program but those of
 * channel_make().
 *
 * Prints KIND SIZE MESSAGES NANOSECONDS: from before the first write to behind
 * the last read, so sleeps and wakes are in it.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../run/channel.h"

/* What the two processes tell each other beside the channel. */
struct shared {
	atomic_bool ready;
	uint64_t end;
};

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static uint64_t *buffer(size_t size)
{
	void *buf = aligned_alloc(4096, (size + 4095) & ~4095UL);

	if (!buf)
		err(1, "no memory for a message");
	memset(buf, 0, size);
	return buf;
}

static void produce(int fd, size_t size, uint64_t messages)
{
	uint64_t *msg = buffer(size);
	size_t last = size / sizeof(*msg) - 1;
	uint64_t seq;
	ssize_t n;
	size_t at;

	for (seq = 0; seq < messages; seq++) {
		msg[0] = seq;
		msg[last] = seq;
		for (at = 0; at < size; at += n) {
			n = write(fd, (char *)msg + at, size - at);
			if (n <= 0)
				err(1, "write of message %lu: %zd", seq, n);
		}
	}
}

static void consume(int fd, size_t size, uint64_t messages, struct shared *sh)
{
	uint64_t *msg = buffer(size);
	size_t last = size / sizeof(*msg) - 1;
	uint64_t seq;
	ssize_t n;
	size_t at;

	now();
	atomic_store(&sh->ready, true);
	for (seq = 0; seq < messages; seq++) {
		for (at = 0; at < size; at += n) {
			n = read(fd, (char *)msg + at, size - at);
			if (n <= 0)
				err(1, "read of message %lu: %zd", seq, n);
		}
		if (msg[0] != seq || msg[last] != seq) {
			errno = EBADMSG;
			err(1, "message %lu: got %lu and %lu", seq, msg[0], msg[last]);
		}
	}
	sh->end = now();
	if (read(fd, msg, 1) != 0)
		err(1, "something behind the last message");
}

int main(int argc, char **argv)
{
	uint64_t messages, start;
	struct shared *sh;
	struct channel ch;
	int status;
	size_t size;
	pid_t pid;

	size = argc == 4 ? strtoul(argv[2], NULL, 0) : 0;
	messages = argc == 4 ? strtoull(argv[3], NULL, 0) : 0;
	if (argc != 4 || !channel_known(argv[1]) || !messages ||
	    size < sizeof(uint64_t) || size % sizeof(uint64_t)) {
		fprintf(stderr, "usage: bench-pipe ring|pipe|unix SIZE MESSAGES (SIZE in multiples of 8)\n");
		return 2;
	}
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		err(1, "mmap");
	channel_make(argv[1], &ch);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		close(ch.w);
		consume(ch.r, size, messages, sh);
		_exit(0);
	}
	close(ch.r);
	while (!atomic_load(&sh->ready))
		sched_yield();
	start = now();
	produce(ch.w, size, messages);
	close(ch.w);
	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");
	if (status) {
		fprintf(stderr, "bench-pipe: the consumer failed\n");
		return 1;
	}
	printf("%s %zu %lu %lu\n", argv[1], size, messages, sh->end - start);
	return 0;
}
