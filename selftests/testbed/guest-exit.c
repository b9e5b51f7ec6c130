// SPDX-License-Identifier: GPL-2.0
/*
 * Ends the guest with a verdict that nothing else can give by accident.
 *
 * QEMU's isa-debug-exit turns a write of N into the exit status 2N + 1.  A
 * guest that panics, reboots or is powered off ends QEMU with status 0, an
 * unusable command line ends it with 1, a hang is ended by the runner: none of
 * these is one of the two numbers that this program can produce.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>
#include <termios.h>
#include <unistd.h>

#define EXIT_PORT	0xf4
#define VERDICT_PASS	0x10
#define VERDICT_FAIL	0x11

/* QEMU stops at the write: what still sits in a driver's queue would be lost. */
static void drain(const char *tty)
{
	int fd = open(tty, O_WRONLY | O_NOCTTY);

	if (fd < 0)
		return;
	tcdrain(fd);
	close(fd);
}

int main(int argc, char **argv)
{
	int pass = argc == 2 && !strcmp(argv[1], "pass");

	if (!pass && !(argc == 2 && !strcmp(argv[1], "fail"))) {
		fprintf(stderr, "usage: guest-exit pass|fail\n");
		return 2;
	}
	drain("/dev/ttyS1");
	drain("/dev/ttyS2");
	drain("/dev/ttyS0");
	if (ioperm(EXIT_PORT, 1, 1)) {
		fprintf(stderr, "guest-exit: no access to port %#x: %s\n",
			EXIT_PORT, strerror(errno));
		return 1;
	}
	outb(pass ? VERDICT_PASS : VERDICT_FAIL, EXIT_PORT);
	/*
	 * QEMU ends a moment later.  Returning would end init, and the panic
	 * that follows could still take the verdict's place.
	 */
	sleep(10);
	fprintf(stderr, "guest-exit: still alive: the guest has no isa-debug-exit\n");
	return 1;
}
