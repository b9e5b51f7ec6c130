// SPDX-License-Identifier: GPL-2.0
/*
 * Starts the 32-bit program that lies beside it, PROGRAM.m32, and says clearly
 * why that does not run where it does not: a shell would take it for a script.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(".m32"));

	(void)argc;
	if (n > 0) {
		memcpy(path + n, ".m32", sizeof(".m32"));
		execv(path, argv);
	}
	printf("TAP version 13\n1..1\n# %s: %s\n", n > 0 ? path : argv[0],
	       strerror(errno));
	if (n > 0 && errno == ENOEXEC)
		printf("# this kernel runs no 32-bit programs: it was built without CONFIG_IA32_EMULATION, or booted with ia32_emulation=0\n");
	printf("not ok 1 execve\n");
	return 1;
}
