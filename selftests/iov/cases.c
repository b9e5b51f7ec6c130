// SPDX-License-Identifier: GPL-2.0
/* The cases of rust/ferrio_test/iov, and who may run them. */
#define _GNU_SOURCE
#define CASES_CALL	FERRIO_TEST_CASE
#include "../cases.h"

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
		if (run_case(fd, NULL, 0, &report) != EPERM)
			_exit(1);
		_exit(ioctl(fd, FERRIO_TEST_MODEL, &model) != -1 || errno != EPERM);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

int main(int argc, char **argv)
{
	return cases_main(argc, argv, as_nobody);
}
