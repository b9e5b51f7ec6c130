/* SPDX-License-Identifier: GPL-2.0 */
/* What all tests of the user library share. */
#ifndef USER_H
#define USER_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

#include <ferrio/ring.h>

#include "kselftest_harness.h"

/*
 * The limit is there to end a test that hangs, and the host has guests to run
 * beside.  After the harness' own constructors, which make the list of tests.
 */
static void __attribute__((constructor(KSELFTEST_PRIO_XFAIL + 1)))
scale_timeouts(void)
{
	struct __fixture_metadata *f;
	struct __test_metadata *t;

	for (f = __fixture_list; f; f = f->next)
		for (t = f->tests; t; t = t->next)
			t->timeout *= 8;
}

#define R	FERRIO_RB_READ
#define W	FERRIO_RB_WRITE
#define SIZE	65536UL

/* What a call gives: its result, or a negative errno. */
#define E(call)	({ long __e = (call); __e < 0 ? -(long)errno : __e; })
/* The errno of a call that gives a place. */
#define P(call)	({ errno = 0; const void *__p = (call); __p ? 0 : -(long)errno; })

/* Byte @pos of a stream; its period has no factor in common with a ring's size. */
static inline unsigned char pattern(uint64_t pos)
{
	return (unsigned char)(pos % 251 * 7 + pos % 241);
}

static inline void fill(void *to, size_t bytes, uint64_t pos)
{
	unsigned char *p = to;

	for (size_t i = 0; i < bytes; i++)
		p[i] = pattern(pos + i);
}

/* The first byte that is another, or -1. */
static inline long differs(const void *from, size_t bytes, uint64_t pos)
{
	const unsigned char *p = from;

	for (size_t i = 0; i < bytes; i++)
		if (p[i] != pattern(pos + i))
			return i;
	return -1;
}

static inline uint64_t roll(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 33;
}

#endif /* USER_H */
