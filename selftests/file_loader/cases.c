// SPDX-License-Identifier: GPL-2.0
/* The cases of rust/ferrio_test/file_read, and who may run them. */
#define _GNU_SOURCE
#define CASES_CALL	FERRIO_TEST_FILE_CASE
#include "../cases.h"

/* A file that root opened does not make others root. */
static int as_nobody(int fd)
{
	struct ferrio_test_case report;
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(setuid(65534) || run_case(fd, NULL, 0, &report) != EPERM);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

int main(int argc, char **argv)
{
	return cases_main(argc, argv, as_nobody);
}
