/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A one-way byte channel between two processes, of several kinds that differ
 * in nothing but the calls that make the two descriptors.
 */
#ifndef FERRIO_RUN_CHANNEL_H
#define FERRIO_RUN_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* What every kind is to hold. */
#define CHANNEL_BYTES	65536

struct channel {
	int r;
	int w;
	size_t capacity;	/* bytes it takes before a writer sleeps */
};

/*
 * Makes a channel of @kind: "ring", "pipe" or "unix"; "mapped" is a ring whose
 * receiver is to map its end.  Both descriptors are close-on-exec.  Ends the
 * program with a message when it cannot.
 */
void channel_make(const char *kind, struct channel *ch);

/* Whether channel_make() knows @kind. */
bool channel_known(const char *kind);

#endif
