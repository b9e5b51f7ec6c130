/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs that run the cases of ferrio_test.ko, one result each, which KUnit
 * runs where there is one.  CASES_CALL is the ioctl.  -r NAME: that case alone.
 */
#ifndef CASES_H
#define CASES_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest.h"
#include "ferrio_test.h"

/* That of a name, if there is one. */
static int run_case(int fd, const char *name, unsigned int index, struct ferrio_test_case *report)
{
	memset(report, 0, sizeof(*report));
	report->size = sizeof(*report);
	report->index = index;
	if (name)
		snprintf(report->name, sizeof(report->name), "%s", name);
	return ioctl(fd, CASES_CALL, report) ? errno : 0;
}

static void show_case(int err, const char *name, const struct ferrio_test_case *report)
{
	if (err)
		ksft_print_msg("%s: %s\n", name, strerror(err));
	else if (report->failed)
		ksft_print_msg("%s:%u: %s: left %lld, right %lld\n", report->file, report->line,
			       report->what, (long long)report->left,
			       (long long)report->right);
	ksft_test_result(!err && !report->failed, "%s\n", name);
}

/* All cases, and for whom they are: for_others() is 0 if for root only. */
static int cases_main(int argc, char **argv, int (*for_others)(int fd))
{
	int fd = open(FERRIO_TEST_IOV_DEVICE, O_RDWR | O_CLOEXEC);
	struct ferrio_test_case report;
	unsigned int index, cases;
	int err;

	ksft_print_header();
	if (fd < 0)
		ksft_exit_fail_msg(FERRIO_TEST_IOV_DEVICE ": %s; insmod ferrio_test.ko\n",
				   strerror(errno));
	if (argc == 3 && !strcmp(argv[1], "-r")) {
		ksft_set_plan(1);
		show_case(run_case(fd, argv[2], 0, &report), argv[2], &report);
		ksft_finished();
	}
	err = run_case(fd, NULL, 0, &report);
	if (err)
		ksft_exit_fail_msg("the first case: %s\n", strerror(err));
	cases = report.cases;
	ksft_set_plan(cases + 2);
	for (index = 0; index < cases; index++) {
		err = run_case(fd, NULL, index, &report);
		show_case(err, err ? "?" : report.name, &report);
	}
	ksft_test_result(run_case(fd, NULL, cases, &report) == ENOENT &&
			 run_case(fd, "no such case", 0, &report) == ENOENT,
			 "there_are_no_more\n");
	ksft_test_result(for_others(fd) == 0, "for_root_only\n");
	ksft_finished();
}

#endif /* CASES_H */
