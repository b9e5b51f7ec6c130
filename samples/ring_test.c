// SPDX-License-Identifier: GPL-2.0
/*
 * ring_test [-s] [NUMBERS]: reads the sequence of /dev/ringbuffer-test, checks it, and
 * writes one back; through rings that it maps, or with -s by read() and write().
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <ferrio/ring.h>

#define DEVICE	"/dev/ringbuffer-test"

static int device;
static struct ringbuffer in, out;
static int mapped = 1;

static void read_number(uint32_t *number)
{
	ssize_t n = mapped ? ringbuffer_read(&in, number, sizeof(*number)) :
		read(device, number, sizeof(*number));

	if (n < 0)
		err(1, "read");
	if (n != sizeof(*number))
		errx(1, "%zd bytes of a number: the driver is gone", n);
}

/* Built where it is sent from. */
static void write_number(uint32_t number)
{
	uint32_t *place;

	if (mapped) {
		place = ringbuffer_reserve(&out, sizeof(number));
		if (!place)
			err(1, "ringbuffer_reserve");
		*place = number;
		ringbuffer_commit(&out, sizeof(number));
	} else if (write(device, &number, sizeof(number)) != sizeof(number)) {
		err(1, "write");
	}
}

int main(int argc, char **argv)
{
	uint32_t numbers = 1000000, number;

	if (argc > 1 && !strcmp(argv[1], "-s")) {
		mapped = 0;
		argv++;
		argc--;
	}
	if (argc > 1)
		numbers = strtoul(argv[1], NULL, 0);
	device = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0)
		err(1, "%s: insmod ring_test_sample.ko or ring_test_c_sample.ko", DEVICE);
	if (mapped && (ringbuffer(device, FERRIO_RB_READ, 0, &in) < 0 ||
		       ringbuffer(device, FERRIO_RB_WRITE, 0, &out) < 0))
		err(1, "ringbuffer");
	for (uint32_t i = 0; i < numbers; i++) {
		read_number(&number);
		if (number != i)
			errx(1, "%u instead of %u", number, i);
		write_number(i);
	}
	printf("%u numbers read and written, %s\n", numbers,
	       mapped ? "mapped" : "by read() and write()");
	return 0;
}
