// SPDX-License-Identifier: GPL-2.0
/*
 * ring_timer [-m] [-s MS] [RECORDS]: reads records of /dev/ring-timer, through the ring that
 * it maps, or without -m by read(); at first it sleeps MS milliseconds.  It says how fast
 * they came, in how many periods the timer did not come, and how many records were lost: by
 * what the records say, by what gaps have told, and by the kernel's own count.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <ferrio/ring-records.h>

#define DEVICE	"/dev/ring-timer"

struct sample {
	uint64_t time, number, overruns;
};

static int device;
static struct ring_records ring;
static int mapped;
static uint64_t gaps, told;

/* Returns how long the record is, or -1 with errno. */
static ssize_t read_record(struct sample *sample)
{
	const void *payload = NULL;
	size_t bytes = 0;
	int got;

	if (!mapped)
		return read(device, sample, sizeof(*sample));
	got = ring_record_next(&ring, &payload, &bytes);
	if (got > 0)
		memcpy(sample, payload, bytes < sizeof(*sample) ? bytes : sizeof(*sample));
	return got < 0 ? got : (ssize_t)bytes;
}

static struct sample next_sample(void)
{
	struct sample sample;
	ssize_t n;

	while ((n = read_record(&sample)) < 0 && errno == ENOBUFS) {
		gaps++;
		/* Of read() it is only where the gap is that tells. */
		for (int i = 0; mapped && i < FERRIO_RB_LOST_CAUSES; i++)
			told += ring.lost[i];
	}
	if (n < 0)
		err(1, "read");
	if (n != sizeof(sample))
		errx(1, "%zd bytes of a record", n);
	return sample;
}

static uint64_t lost_for_the_kernel(void)
{
	struct ferrio_rb_info info = { .size = sizeof(info) };
	uint64_t lost = 0;

	if (ioctl(device, FERRIO_RB_GET_INFO, &info))
		err(1, "FERRIO_RB_GET_INFO");
	for (int i = 0; i < FERRIO_RB_LOST_CAUSES; i++)
		lost += info.lost.lost[i];
	return lost;
}

int main(int argc, char **argv)
{
	uint64_t records = 10000, got = 0, tries = 100000, lost, counted;
	struct sample first = { 0 }, last = { 0 }, sample;
	unsigned int ms = 0;
	double seconds;
	int option;

	while ((option = getopt(argc, argv, "ms:")) != -1) {
		if (option == 'm')
			mapped = 1;
		else if (option == 's')
			ms = strtoul(optarg, NULL, 0);
		else
			errx(1, "ring_timer [-m] [-s MS] [RECORDS]");
	}
	if (optind < argc)
		records = strtoul(argv[optind], NULL, 0);
	device = open(DEVICE, (mapped ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (device < 0)
		err(1, "%s: insmod ring_timer_sample.ko or ring_timer_c_sample.ko", DEVICE);
	if (mapped && ring_records(device, FERRIO_RB_READ, 0, 0, &ring) < 0)
		err(1, "ring_records");
	usleep(ms * 1000);
	/* On until all that was lost in front of the last record is told. */
	do {
		sample = next_sample();
		if (got && (sample.time < last.time || sample.number <= last.number))
			errx(1, "record %" PRIu64 " is older than the last one", sample.number);
		last = sample;
		if (!got++)
			first = sample;
		/* Whatever is not read is lost, missed by the timer, or counted twice. */
		lost = last.number + 1 - got - last.overruns;
	} while (got < records || (lost != (counted = lost_for_the_kernel()) && --tries));
	if (lost != counted || (mapped && told != lost))
		errx(1, "lost: %" PRIu64 " by the records, %" PRIu64 " by gaps, %" PRIu64 " in all",
		     lost, mapped ? told : lost, counted);
	seconds = (double)(last.time - first.time) / 1e9;
	printf("%" PRIu64 " records, %s, in %.3f s: %.0f/s; ", got,
	       mapped ? "mapped" : "by read()", seconds,
	       seconds > 0 ? (double)(got - 1) / seconds : 0);
	printf("%" PRIu64 " periods without the timer, ", last.overruns);
	printf("%" PRIu64 " records lost, told by %" PRIu64 " gaps\n", lost, gaps);
	return 0;
}
