// SPDX-License-Identifier: GPL-2.0
/*
 * ring_timer [RECORDS]: reads so many records of /dev/ring-timer, and says how fast they
 * came, and how many were lost.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <ferrio/ringbuffer.h>

#define DEVICE	"/dev/ring-timer"

struct sample {
	uint64_t time, number;
};

int main(int argc, char **argv)
{
	unsigned long records = argc > 1 ? strtoul(argv[1], NULL, 0) : 10000, got = 0, gaps = 0;
	struct ferrio_rb_info info = { .size = sizeof(info) };
	struct sample first = { 0 }, last = { 0 }, sample;
	double seconds;
	ssize_t n;
	int fd = open(DEVICE, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s: insmod ring_timer_sample.ko or ring_timer_c_sample.ko", DEVICE);
	while (got < records) {
		n = read(fd, &sample, sizeof(sample));
		if (n < 0 && errno == ENOBUFS) {	/* a gap: records were lost here */
			gaps++;
			continue;
		}
		if (n < 0)
			err(1, "read");
		if (n != sizeof(sample))
			errx(1, "a record of %zd bytes", n);
		if (got && (sample.time <= last.time || sample.number <= last.number))
			errx(1, "record %" PRIu64 " is older than the last one", sample.number);
		last = sample;
		if (!got++)
			first = sample;
	}
	if (ioctl(fd, FERRIO_RB_GET_INFO, &info))
		err(1, "FERRIO_RB_GET_INFO");
	seconds = (double)(last.time - first.time) / 1e9;
	printf("%lu records in %.3f s of the driver's time: %.0f/s; %" PRIu64
	       " periods without one; %llu lost, told by %lu gaps\n", got, seconds,
	       seconds > 0 ? (double)(got - 1) / seconds : 0,
	       last.number - first.number + 1 - got,
	       (unsigned long long)info.lost.lost[FERRIO_RB_LOST_FULL], gaps);
	return 0;
}
