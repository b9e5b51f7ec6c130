// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of a file that were pinned and written to are dirty when they are given back,
 * and those that were not are not: on a loop device, whose pages have a disk to go to.
 *
 * A pin that is to be written to makes its page dirty by itself, so the pages go
 * to the disk while they are pinned.  What is dirty then was made so by who unpinned it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "ferrio_test.h"

#define PAGE	4096
#define PAGES	6
/* Bits of <linux/kernel-page-flags.h>, and of /proc/<pid>/pagemap. */
#define KPF_DIRTY	4
#define PM_PRESENT	63
#define PM_FRAME	((1ULL << 55) - 1)

FIXTURE(disk) {
	int test, backing, disk;
	char *map;
};

static uint64_t entry(const char *path, uint64_t index)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t value;

	if (fd < 0 || pread(fd, &value, sizeof(value), index * sizeof(value)) != sizeof(value))
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	close(fd);
	return value;
}

/* A bit for each page of the mapping that is dirty; all have to be there. */
static unsigned int dirty(const char *map)
{
	unsigned int bits = 0;

	for (int i = 0; i < PAGES; i++) {
		uint64_t page = entry("/proc/self/pagemap", (uintptr_t)map / PAGE + i);

		if (!(page >> PM_PRESENT & 1))
			ksft_exit_fail_msg("page %d is not mapped\n", i);
		bits |= (entry("/proc/kpageflags", page & PM_FRAME) >> KPF_DIRTY & 1) << i;
	}
	return bits;
}

FIXTURE_SETUP(disk)
{
	struct loop_config config = { .block_size = PAGE };
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), i, number;
	char path[32], page[PAGE];

	self->test = -1;
	if (control < 0)
		SKIP(return, "this kernel has no loop device");
	self->test = open(FERRIO_TEST_IOV_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->test)
		TH_LOG(FERRIO_TEST_IOV_DEVICE ": %s; insmod ferrio_test.ko", strerror(errno));
	self->backing = memfd_create("disk", MFD_CLOEXEC);
	ASSERT_EQ(0, ftruncate(self->backing, PAGES * PAGE));
	number = ioctl(control, LOOP_CTL_GET_FREE);
	ASSERT_LE(0, number);
	close(control);
	snprintf(path, sizeof(path), "/dev/loop%d", number);
	self->disk = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->disk);
	config.fd = self->backing;
	ASSERT_EQ(0, ioctl(self->disk, LOOP_CONFIGURE, &config));
	/* page by page, so that none shares a folio with another */
	memset(page, 'o', sizeof(page));
	for (i = 0; i < PAGES; i++)
		ASSERT_EQ(PAGE, pwrite(self->disk, page, PAGE, i * PAGE));
	ASSERT_EQ(0, fsync(self->disk));
	self->map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, self->disk, 0);
	ASSERT_NE(MAP_FAILED, self->map);
}

FIXTURE_TEARDOWN(disk)
{
	if (self->test < 0)
		return;
	munmap(self->map, PAGES * PAGE);
	EXPECT_EQ(0, ioctl(self->disk, LOOP_CLR_FD, 0));
	close(self->disk);
	close(self->backing);
	close(self->test);
}

struct pinner {
	int fd, err;
	struct ferrio_test_pin arg;
};

static void *pin(void *data)
{
	struct pinner *pinner = data;

	pinner->err = ioctl(pinner->fd, FERRIO_TEST_PIN, &pinner->arg) ? errno : 0;
	return NULL;
}

TEST_F(disk, only_what_was_written)
{
	const size_t from = PAGE + 100, fill = PAGE + 3000;	/* in pages 1 and 2 */
	struct pinner pinner = { .fd = self->test, .arg = {
		.size = sizeof(pinner.arg), .value = 'k',
		.address = (uintptr_t)self->map + from, .len = (PAGES - 1) * PAGE - 100,
		.fill = fill,
	} };
	static char disk[PAGES * PAGE];
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, pin, &pinner));
	while (ioctl(self->test, FERRIO_TEST_PINNED) != PAGES - 1)
		usleep(1000);
	ASSERT_EQ('o', *(volatile char *)self->map);
	/* the pins have made them dirty, all but the first, which has none */
	EXPECT_EQ(0x3e, dirty(self->map));
	ASSERT_EQ(0, fsync(self->disk));
	ASSERT_EQ(0, dirty(self->map));

	ASSERT_EQ(0, ioctl(self->test, FERRIO_TEST_UNPIN));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, pinner.err);
	ASSERT_EQ((PAGES - 1) * PAGE - 100, pinner.arg.len);
	ASSERT_EQ(fill, pinner.arg.fill);
	EXPECT_EQ(0x06, dirty(self->map));

	/* and so it gets to the disk */
	ASSERT_EQ(0, fsync(self->disk));
	EXPECT_EQ(0, dirty(self->map));
	ASSERT_EQ(PAGES * PAGE, pread(self->backing, disk, PAGES * PAGE, 0));
	for (size_t i = 0; i < PAGES * PAGE; i++) {
		ASSERT_EQ(i >= from && i < from + fill ? 'k' : 'o', disk[i])
			TH_LOG("byte %zu", i);
	}
}

/* Pinned, and nothing written at all. */
TEST_F(disk, nothing_was_written)
{
	struct pinner pinner = { .fd = self->test, .arg = {
		.size = sizeof(pinner.arg), .address = (uintptr_t)self->map,
		.len = PAGES * PAGE,
	} };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, pin, &pinner));
	while (ioctl(self->test, FERRIO_TEST_PINNED) != PAGES)
		usleep(1000);
	ASSERT_EQ(0, fsync(self->disk));
	ASSERT_EQ(0, dirty(self->map));
	ASSERT_EQ(0, ioctl(self->test, FERRIO_TEST_UNPIN));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, pinner.err);
	ASSERT_EQ(0, pinner.arg.fill);
	EXPECT_EQ(0, dirty(self->map));
}

TEST_HARNESS_MAIN
