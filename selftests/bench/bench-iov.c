// SPDX-License-Identifier: GPL-2.0
/*
 * bench-iov PEER WORKLOAD CALLS: what a call on memory behind a file costs.
 *
 * PEER is iov_copy, twin (the same device in C, samples/iov_copy_twin.c) or
 * memfd.  WORKLOAD is NAME-SEGMENTS of 64 bytes each for readv and writev, and
 * pread-BYTES.  The peers share every line of this program but those of
 * peer_open().
 *
 * One process, one file, of which all that is used has been written before, so no
 * page is made while the clock runs.  Behind the clock, what the last call has read is
 * compared with what is there, and the whole file with what all calls have written.
 *
 * Prints PEER WORKLOAD CALLS NANOSECONDS.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* What is used of a file; each workload goes through it again and again. */
#define SPAN		(4UL << 20)
#define SEGMENT		64
#define MAX_SEGMENTS	64
/* Segments do not touch, so that nobody can take two for one. */
#define STRIDE		(2 * SEGMENT)

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int peer_open(const char *peer)
{
	int fd = -1;

	if (!strcmp(peer, "iov_copy"))
		fd = open("/dev/iov_copy", O_RDWR);
	else if (!strcmp(peer, "twin"))
		fd = open("/dev/iov_copy_twin", O_RDWR);
	else if (!strcmp(peer, "memfd"))
		fd = memfd_create("bench", 0);
	else
		errx(2, "there is no peer %s", peer);
	if (fd < 0)
		err(1, "%s", peer);
	return fd;
}

/* What a write brings has this bit, what is there before has not. */
#define WRITTEN		0x80

/* The byte at each offset: it differs between neighbours, segments and pages. */
static unsigned char pattern(uint64_t at)
{
	return (at ^ at >> 6 ^ at >> 12) & ~WRITTEN;
}

static char *buffer(size_t size)
{
	char *buf = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (buf == MAP_FAILED)
		err(1, "no memory to copy from and to");
	return buf;
}

static void check(const char *buf, uint64_t at, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)buf[i] != pattern(at + i))
			errx(1, "the byte at %lu is %#x, not %#x", at + i,
			     (unsigned char)buf[i], pattern(at + i));
}

static void fill(int fd)
{
	char *buf = buffer(SPAN);
	size_t i;

	for (i = 0; i < SPAN; i++)
		buf[i] = pattern(i);
	if (pwrite(fd, buf, SPAN, 0) != SPAN)
		err(1, "first write");
	munmap(buf, SPAN);
}

/* Each call wrote the same @len bytes of @iov behind those of the call before. */
static void check_writes(int fd, const struct iovec *iov, size_t len, uint64_t calls)
{
	const size_t written = calls < SPAN / len ? calls * len : SPAN;
	char *buf = buffer(SPAN);
	size_t at;

	if (pread(fd, buf, SPAN, 0) != SPAN)
		err(1, "last read");
	for (at = 0; at < written; at += SEGMENT)
		if (memcmp(buf + at, iov[at % len / SEGMENT].iov_base, SEGMENT))
			errx(1, "the segment at %zu did not arrive", at);
	check(buf + written, written, SPAN - written);
	munmap(buf, SPAN);
}

/* From the file's position on, which is set back at the end of the span. */
static uint64_t vectors(int fd, int segments, uint64_t calls, int writes)
{
	size_t len = SEGMENT * segments, at = 0;
	char *buf = buffer(STRIDE * MAX_SEGMENTS);
	struct iovec iov[MAX_SEGMENTS];
	uint64_t call, ns;
	int i;
	size_t j;

	for (j = 0; j < STRIDE * MAX_SEGMENTS; j++)
		buf[j] = pattern(j) | WRITTEN;
	for (i = 0; i < segments; i++) {
		iov[i].iov_base = buf + i * STRIDE;
		iov[i].iov_len = SEGMENT;
	}
	ns = now();
	for (call = 0; call < calls; call++) {
		ssize_t n;

		if (at == SPAN) {
			at = 0;
			if (lseek(fd, 0, SEEK_SET))
				err(1, "lseek");
		}
		n = writes ? writev(fd, iov, segments) : readv(fd, iov, segments);
		if (n != (ssize_t)len)
			err(1, "call %lu: %zd of %zu bytes", call, n, len);
		at += len;
	}
	ns = now() - ns;
	at -= len;
	if (writes) {
		check_writes(fd, iov, len, calls);
	} else {
		for (i = 0; i < segments; i++)
			check(iov[i].iov_base, at + i * SEGMENT, SEGMENT);
	}
	return ns;
}

static uint64_t preads(int fd, size_t len, uint64_t calls)
{
	char *buf = buffer(len);
	uint64_t call, ns;
	size_t at = 0;

	ns = now();
	for (call = 0; call < calls; call++) {
		ssize_t n;

		at = (at + len) % SPAN;
		n = pread(fd, buf, len, at);
		if (n != (ssize_t)len)
			err(1, "call %lu: %zd of %zu bytes", call, n, len);
	}
	ns = now() - ns;
	check(buf, at, len);
	return ns;
}

int main(int argc, char **argv)
{
	uint64_t calls, ns;
	char *name, *end;
	size_t number;
	int fd;

	calls = argc == 4 ? strtoull(argv[3], NULL, 0) : 0;
	name = argc == 4 ? strchr(argv[2], '-') : NULL;
	number = name ? strtoul(name + 1, &end, 10) : 0;
	if (!calls || !number || *end || number > SPAN || SPAN % number)
		errx(2, "usage: bench-iov iov_copy|twin|memfd readv-SEGMENTS|writev-SEGMENTS|pread-BYTES CALLS");
	fd = peer_open(argv[1]);
	fill(fd);
	*name = 0;
	if (!strcmp(argv[2], "pread"))
		ns = preads(fd, number, calls);
	else if (number <= MAX_SEGMENTS && !strcmp(argv[2], "readv"))
		ns = vectors(fd, number, calls, 0);
	else if (number <= MAX_SEGMENTS && !strcmp(argv[2], "writev"))
		ns = vectors(fd, number, calls, 1);
	else
		errx(2, "there is no workload %s with %zu", argv[2], number);
	printf("%s %s-%zu %lu %lu\n", argv[1], argv[2], number, calls, ns);
	return 0;
}
