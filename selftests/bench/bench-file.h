/* SPDX-License-Identifier: GPL-2.0 */
/* What the benches of /dev/file_loader share: a file of tmpfs, and its blob. */
#ifndef BENCH_FILE_H
#define BENCH_FILE_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <ferrio/file_loader.h>

#define FILE_PATH	"/tmp/bench-file"
#define MAX_SIZE	(1UL << 30)

/* A CPU takes as many pages from a group's budget at once (MEMCG_CHARGE_BATCH). */
#define GROUP_BATCH	(64 * 4096UL)

static inline uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* NAME-BYTES COUNT from the argument @at on, the last ones; returns NAME. */
static inline const char *workload(int argc, char **argv, int at, const char *known,
				   uint64_t *size, uint64_t *count)
{
	char *bytes = argc == at + 2 ? strrchr(argv[at], '-') : NULL, *end, *end2;

	if (bytes) {
		*bytes = 0;
		*size = strtoull(bytes + 1, &end, 0);
		*count = strtoull(argv[at + 1], &end2, 0);
	}
	if (!bytes || *end || *end2 || !*count || *size < 4096 || *size > MAX_SIZE)
		errx(2, "usage: %s%s %s COUNT", argv[0], at > 1 ? " PEER" : "", known);
	return argv[at];
}

/* The word at each offset: no two are the same. */
static inline uint64_t pattern(uint64_t at)
{
	return at * 0x9e3779b97f4a7c15;
}

/* A file of @size bytes, whole words, which nobody has open for writing. */
static inline void make_file(uint64_t size)
{
	static uint64_t words[8192];
	uint64_t at = 0;
	size_t i, n;
	int fd;

	fd = open(FILE_PATH, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		err(1, FILE_PATH);
	for (; at < size; at += n) {
		for (i = 0; i < sizeof(words) / 8; i++)
			words[i] = pattern(at + 8 * i);
		n = size - at < sizeof(words) ? size - at : sizeof(words);
		if (write(fd, words, n) != (ssize_t)n)
			err(1, FILE_PATH);
	}
	close(fd);
}

static inline int open_loader(void)
{
	int dev = open(FERRIO_FL_DEVICE, O_RDWR | O_CLOEXEC);

	if (dev < 0)
		err(1, FERRIO_FL_DEVICE);
	return dev;
}

static inline int load_blob(int dev, int file)
{
	struct ferrio_fl_load load = {
		.size = sizeof(load),
		.purpose = FERRIO_FL_FIRMWARE,
		.max_bytes = MAX_SIZE,
		.source = file,
	};
	int blob = ioctl(dev, FERRIO_FL_LOAD_FD, &load);

	if (blob < 0)
		err(1, "FERRIO_FL_LOAD_FD");
	return blob;
}

#endif /* BENCH_FILE_H */
