/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What both sides of bench-stream do with a message, the same for all peers: its
 * sequence number goes into the first and the last word, and whatever lies between
 * is written, and read again to be summed up, byte by byte.
 */
#ifndef BENCH_STREAM_WORK_H
#define BENCH_STREAM_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define WORD	sizeof(uint64_t)

static __always_inline void build(void *message, size_t size, uint64_t seq)
{
	uint64_t *word = message;

	if (size > 2 * WORD)
		memset(word + 1, (unsigned char)seq, size - 2 * WORD);
	word[0] = seq;
	word[size / WORD - 1] = seq;
}

/* The sum of @words words, as bytes. */
static inline uint64_t sum(const uint64_t *word, size_t words)
{
	uint64_t total = 0;

#ifdef __SSE2__
	__m128i acc = _mm_setzero_si128();

	for (; words >= 2; words -= 2, word += 2)
		acc = _mm_add_epi64(acc, _mm_sad_epu8(_mm_loadu_si128((const void *)word),
						      _mm_setzero_si128()));
	total = (uint64_t)_mm_cvtsi128_si64(acc) +
		(uint64_t)_mm_cvtsi128_si64(_mm_srli_si128(acc, 8));
#endif
	for (const unsigned char *p = (const void *)word; words; words--, word++)
		for (size_t i = 0; i < WORD; i++)
			total += *p++;
	return total;
}

static __always_inline bool check(const void *message, size_t size, uint64_t seq)
{
	const uint64_t *word = message;

	if (word[0] != seq || word[size / WORD - 1] != seq)
		return false;
	return size == 2 * WORD ||
		sum(word + 1, size / WORD - 2) == (size - 2 * WORD) * (seq & 0xff);
}

#endif /* BENCH_STREAM_WORK_H */
