// SPDX-License-Identifier: GPL-2.0
/*
 * The cases of rust/ferrio_test/iov, which KUnit runs where there is one, one
 * result each; and who may run them.  -r NAME: that case alone.
 */
#define _GNU_SOURCE
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
static int run(int fd, const char *name, unsigned int index, struct ferrio_test_case *report)
{
	memset(report, 0, sizeof(*report));
	report->size = sizeof(*report);
	report->index = index;
	if (name)
		snprintf(report->name, sizeof(report->name), "%s", name);
	return ioctl(fd, FERRIO_TEST_CASE, report) ? errno : 0;
}

static void show(int err, const char *name, const struct ferrio_test_case *report)
{
	if (err)
		ksft_print_msg("%s: %s\n", name, strerror(err));
	else if (report->failed)
		ksft_print_msg("%s:%u: %s: left %lld, right %lld\n", report->file, report->line,
			       report->what, (long long)report->left,
			       (long long)report->right);
	ksft_test_result(!err && !report->failed, "%s\n", name);
}

/* A file that root opened does not make others root. */
static int as_nobody(int fd)
{
	struct ferrio_test_case report;
	struct ferrio_test_model model = { .size = sizeof(model) };
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (setuid(65534))
			_exit(100);
		if (run(fd, NULL, 0, &report) != EPERM)
			_exit(1);
		_exit(ioctl(fd, FERRIO_TEST_MODEL, &model) != -1 || errno != EPERM);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

int main(int argc, char **argv)
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
		show(run(fd, argv[2], 0, &report), argv[2], &report);
		ksft_finished();
	}
	err = run(fd, NULL, 0, &report);
	if (err)
		ksft_exit_fail_msg("the first case: %s\n", strerror(err));
	cases = report.cases;
	ksft_set_plan(cases + 2);
	for (index = 0; index < cases; index++) {
		err = run(fd, NULL, index, &report);
		show(err, err ? "?" : report.name, &report);
	}
	ksft_test_result(run(fd, NULL, cases, &report) == ENOENT &&
			 run(fd, "no such case", 0, &report) == ENOENT,
			 "there_are_no_more\n");
	ksft_test_result(as_nobody(fd) == 0, "for_root_only\n");
	ksft_finished();
}
