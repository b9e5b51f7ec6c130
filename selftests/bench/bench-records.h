/* SPDX-License-Identifier: GPL-2.0 */
/* What the peers of bench-records bring, and what all of them do with a record. */
#ifndef BENCH_RECORDS_H
#define BENCH_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The data of each ring, and what its header adds to a record, which is of whole words. */
#define RECORDS_BYTES	65536
#define RECORDS_HEADER	8

/*
 * A ring with its producer in the kernel, or here, and its consumer here.  All functions end the
 * program with a message when they cannot.
 */
struct records_peer {
	const char *name;
	/* Makes the ring, for records of @size bytes: 16 or 64.  @quiet: they wake nobody. */
	void (*make)(size_t size, bool quiet);
	/* Has @count records put down, each with its number, from @seq on: one call. */
	void (*produce)(uint64_t seq, uint64_t count);
	/* The same call, which does everything but the records. */
	void (*nothing)(uint64_t seq, uint64_t count);
	/* Takes and checks all that is there, which may be nothing; returns how many. */
	uint64_t (*consume)(void);
	/* The same, but sleeps until there is something; NULL: it cannot be measured. */
	uint64_t (*wait)(void);
};

extern const struct records_peer bench_bpf, bench_bpf_output, bench_mapped;

/* Whether the record is the one with number @seq: every word of it says so. */
static __always_inline bool records_right(const uint64_t *word, size_t size, uint64_t seq)
{
	uint64_t wrong = 0;

	for (size_t i = 0; i < size / sizeof(*word); i++)
		wrong |= word[i] ^ seq;
	return !wrong;
}

#endif /* BENCH_RECORDS_H */
