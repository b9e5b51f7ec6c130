// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel reads and writes /dev/iov_copy for itself, by kernel_read() and
 * kernel_write(): an iterator over memory of the kernel, in the calls of a driver.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <ferrio/iov_copy.h>
#include "kselftest_harness.h"
#include "ferrio_test.h"

#define PAGE	4096L
#define MIB	(1L << 20)
#define SIZE	(4 * MIB)

FIXTURE(kernel) {
	int test, fd;
	unsigned char *in, *out;
};

FIXTURE_SETUP(kernel)
{
	struct ferrio_ic_size size = { .size = sizeof(size), .bytes = SIZE };

	self->test = open(FERRIO_TEST_IOV_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->test)
		TH_LOG(FERRIO_TEST_IOV_DEVICE ": %s; insmod ferrio_test.ko", strerror(errno));
	self->fd = open(FERRIO_IC_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd)
		TH_LOG(FERRIO_IC_DEVICE ": %s; insmod iov_copy.ko", strerror(errno));
	ASSERT_EQ(0, ioctl(self->fd, FERRIO_IC_SET_SIZE, &size));
	self->in = malloc(MIB);
	self->out = malloc(MIB);
	ASSERT_TRUE(self->in && self->out);
}

FIXTURE_TEARDOWN(kernel)
{
	free(self->in);
	free(self->out);
	close(self->fd);
	close(self->test);
}

/* The bytes, or a negative errno; @at goes on. */
static long kernel_io(int test, int fd, int write, void *buf, size_t len, long *at)
{
	struct ferrio_test_kernel_io arg = {
		.size = sizeof(arg), .fd = fd, .write = write, .position = *at,
		.address = (uintptr_t)buf, .len = len,
	};

	if (ioctl(test, FERRIO_TEST_KERNEL_IO, &arg))
		return -errno;
	*at = arg.position;
	return arg.len;
}

static void fill(unsigned char *buf, size_t len, int seed)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = seed + i * 7 + (i >> 8) * 3 + (i >> 16);
}

TEST_F(kernel, reads_and_writes)
{
	static const long lengths[] = { 0, 1, PAGE, 3 * PAGE + 5, 256 << 10, MIB };
	static const long places[] = { 0, 1, PAGE - 7, 2 * MIB - 3 };

	for (size_t i = 0; i < 6 * 4; i++) {
		const long len = lengths[i / 4], place = places[i % 4];
		long at = place;

		fill(self->in, MIB, i);
		ASSERT_EQ(len, kernel_io(self->test, self->fd, 1, self->in, len, &at));
		ASSERT_EQ(place + len, at);
		/* what the kernel wrote a program reads */
		memset(self->out, 0x55, MIB);
		ASSERT_EQ(len, pread(self->fd, self->out, len, place));
		ASSERT_EQ(0, memcmp(self->in, self->out, len));
		/* and the other way round */
		fill(self->in, MIB, i + 100);
		ASSERT_EQ(len, pwrite(self->fd, self->in, len, place));
		memset(self->out, 0x55, MIB);
		at = place;
		ASSERT_EQ(len, kernel_io(self->test, self->fd, 0, self->out, len, &at));
		ASSERT_EQ(place + len, at);
		ASSERT_EQ(0, memcmp(self->in, self->out, len));
		if (len < MIB)
			ASSERT_EQ(0x55, self->out[len]);
	}
	/* the file's own position is another one */
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(kernel, holes_and_the_end)
{
	long at = MIB;

	ASSERT_EQ(1, pwrite(self->fd, "x", 1, 0));
	memset(self->out, 0x55, MIB);
	EXPECT_EQ(MIB, kernel_io(self->test, self->fd, 0, self->out, MIB, &at));
	for (long i = 0; i < MIB; i++)
		ASSERT_EQ(0, self->out[i]);
	/* reading has made no page */
	EXPECT_EQ(-1, lseek(self->fd, PAGE, SEEK_DATA));
	EXPECT_EQ(ENXIO, errno);

	at = SIZE - 3;
	fill(self->in, 10, 1);
	EXPECT_EQ(3, kernel_io(self->test, self->fd, 1, self->in, 10, &at));
	EXPECT_EQ(SIZE, at);
	EXPECT_EQ(-ENOSPC, kernel_io(self->test, self->fd, 1, self->in, 10, &at));
	EXPECT_EQ(0, kernel_io(self->test, self->fd, 0, self->out, 10, &at));
	EXPECT_EQ(SIZE, at);
	at = SIZE - 3;
	EXPECT_EQ(3, kernel_io(self->test, self->fd, 0, self->out, 10, &at));
	EXPECT_EQ(SIZE, at);
	EXPECT_EQ(0, memcmp(self->in, self->out, 3));
	EXPECT_EQ(0, self->out[3]);
	at = -1;
	EXPECT_EQ(-EINVAL, kernel_io(self->test, self->fd, 0, self->out, 10, &at));
	EXPECT_EQ(-EINVAL, kernel_io(self->test, self->fd, 1, self->in, 10, &at));
}

/* As it was opened, for the kernel as well. */
TEST_F(kernel, rights)
{
	int r = open(FERRIO_IC_DEVICE, O_RDONLY | O_CLOEXEC);
	int w = open(FERRIO_IC_DEVICE, O_WRONLY | O_CLOEXEC);
	long at = 0;

	ASSERT_LE(0, r);
	ASSERT_LE(0, w);
	EXPECT_EQ(-EBADF, kernel_io(self->test, r, 1, self->in, 10, &at));
	EXPECT_EQ(-EBADF, kernel_io(self->test, w, 0, self->out, 10, &at));
	EXPECT_EQ(10, kernel_io(self->test, r, 0, self->out, 10, &at));
	EXPECT_EQ(10, kernel_io(self->test, w, 1, self->in, 10, &at));
	close(r);
	EXPECT_EQ(-EBADF, kernel_io(self->test, r, 0, self->out, 10, &at));
	close(w);
}

TEST_HARNESS_MAIN
