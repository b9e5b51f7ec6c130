// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <ferrio/ringbuffer.h>

int main(void)
{
	struct ferrio_rb_mint to = { .size = sizeof(to), .rw = FERRIO_RB_WRITE };
	int ring = open(FERRIO_RB_DEVICE, O_RDWR);
	char text[32];
	pid_t child;
	ssize_t n;

	if (ring < 0 || ioctl(ring, FERRIO_RB_MINT, &to))
		err(1, FERRIO_RB_DEVICE);
	child = fork();
	if (!child)
		return write(to.fd, "hello from the other process\n", 29) != 29;
	/* To see an end of file, `ring`, a producer too, would need FERRIO_RB_SHUTDOWN. */
	n = child < 0 ? -1 : read(ring, text, sizeof(text));
	if (n < 0)
		err(1, "nothing came");
	return write(1, text, n) != n;
}
