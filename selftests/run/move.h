/* SPDX-License-Identifier: GPL-2.0 */
/* The two sides of ring-move, and what they are told. */
#ifndef FERRIO_RUN_MOVE_H
#define FERRIO_RUN_MOVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One call moves at most this much, whatever the channel and the method. */
#define BLOCK		65536
#define SHA256_HEX	65

/* What the receiver hands back; lies in shared memory. */
struct result {
	uint64_t bytes;
	uint64_t end;		/* CLOCK_MONOTONIC at the end of the stream */
	char sha256[SHA256_HEX];
};

/* A file, opened and mapped before the clock runs. */
struct source {
	const char *path;
	int fd;
	size_t bytes;
	const char *map;
};

/* Moves the whole source to @fd; NULL for a method that does not exist. */
typedef void (*send_fn)(const struct source *src, int fd);
send_fn find_send(const char *method);

/*
 * Reads @fd to its end, by read() or @mapped; progress of @total in per cent goes
 * to stdout.
 */
void receive(int fd, bool mapped, bool hash, uint64_t total, struct result *res);

uint64_t now_ns(void);

#endif
