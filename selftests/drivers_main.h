/* SPDX-License-Identifier: GPL-2.0 */
/* main() of a program whose tests all need the same drivers, after its last test. */
#ifndef DRIVERS_MAIN_H
#define DRIVERS_MAIN_H

#include "drivers.h"
#include "harness.h"

static const char *const *drivers_of_all;
static pid_t drivers_owner;

/* The harness does not return. */
static void drivers_remove(void)
{
	if (getpid() != drivers_owner)
		return;
	for (const char *const *driver = drivers_of_all; *driver; driver++)
		if (driver_remove_soon(*driver))
			rb_die("%s is in use still", *driver);
}

/*
 * An insertion for each test would take more time than the tests.  @drivers ends with
 * NULL.
 */
static int drivers_main(int argc, char **argv, const char *const drivers[])
{
	long ret;

	/* Nothing but their names is wanted. */
	if (argc > 1 && !strcmp(argv[1], "-l"))
		return test_harness_run(argc, argv);
	drivers_of_all = drivers;
	drivers_owner = getpid();
	for (; *drivers; drivers++) {
		ret = driver_insert(*drivers, "");
		if (ret)
			rb_die("%s: %s", *drivers, strerror(-ret));
	}
	atexit(drivers_remove);
	return test_harness_run(argc, argv);
}

#endif /* DRIVERS_MAIN_H */
