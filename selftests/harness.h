/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The harness gives each test a time limit that is right for hardware; the
 * guests say by FERRIO_SLOW how much slower they are.  The limit only ends a
 * test that hangs.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include "kselftest_harness.h"
#include "task.h"

/* After the harness' own constructors, which make the list of tests. */
static void __attribute__((constructor(KSELFTEST_PRIO_XFAIL + 1)))
scale_timeouts(void)
{
	const char *slow = getenv("FERRIO_SLOW");
	struct __fixture_metadata *f;
	struct __test_metadata *t;

	if (!slow || atoi(slow) < 1)
		return;
	for (f = __fixture_list; f; f = f->next)
		for (t = f->tests; t; t = t->next)
			t->timeout *= atoi(slow);
}

#endif /* HARNESS_H */
