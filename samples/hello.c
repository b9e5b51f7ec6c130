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

	if (ring < 0 || ioctl(ring, FERRIO_RB_MINT, &to))
		err(1, FERRIO_RB_DEVICE);
	if (!fork())
		return write(to.fd, "hello from the other process\n", 29) != 29;
	return write(1, text, read(ring, text, sizeof(text))) != 29;
}
