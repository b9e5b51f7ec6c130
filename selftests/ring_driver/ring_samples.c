// SPDX-License-Identifier: GPL-2.0
/*
 * The samples ring_test_sample and ring_test_c_sample, drivers whose files are endless
 * sequences: in Rust, and in C.
 */
#include <sys/wait.h>

#include <ferrio/ring.h>

#include "../drivers.h"
#include "rb_harness.h"

#define DEVICE	"/dev/ringbuffer-test"

FIXTURE(sample) {
	long live;
	int fd;
};

FIXTURE_VARIANT(sample) {
	const char *module;
};

FIXTURE_VARIANT_ADD(sample, rust) {
	.module = "ring_test_sample",
};

FIXTURE_VARIANT_ADD(sample, c) {
	.module = "ring_test_c_sample",
};

FIXTURE_SETUP(sample)
{
	long ret = driver_insert(variant->module, "");

	if (ret)
		rb_die("%s: %s", variant->module, strerror(-ret));
	self->live = rb_live_pages();
	self->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (self->fd < 0)
		rb_die("%s: %s", DEVICE, strerror(errno));
	rb_catch(SIGPIPE, SA_RESTART);
}

FIXTURE_TEARDOWN(sample)
{
	close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
	EXPECT_EQ(0, driver_remove_soon(variant->module));
}

/* Numbers in pieces of any length. */
TEST_F(sample, read)
{
	uint32_t numbers[1000], next = 0;
	char *bytes = (char *)numbers;
	size_t have = 0, n;

	for (int i = 0; i < rounds(300, 20); i++) {
		n = read(self->fd, bytes + have, sizeof(numbers) - have - i % 7);
		ASSERT_LT(0, (ssize_t)n);
		have += n;
		for (n = 0; n < have / 4; n++)
			ASSERT_EQ(next++, numbers[n]);
		memmove(bytes, bytes + n * 4, have % 4);
		have %= 4;
	}
}

TEST_F(sample, read_mapped)
{
	uint32_t n = rounds(300000, 4000), number;
	struct ringbuffer c;

	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_READ, 0, &c));
	for (uint32_t i = 0; i < n; i++) {
		ASSERT_EQ(4, ringbuffer_read(&c, &number, 4));
		ASSERT_EQ(i, number);
	}
	ringbuffer_close(&c);
}

static void drained(int fd)
{
	for (int i = 0; i < 20000; i++) {
		if (rb_fdinfo(fd, "rbw-read") == rb_fdinfo(fd, "rbw-written"))
			return;
		rb_sleep_ms(1);
	}
	rb_die("the driver has not read what was written");
}

TEST_F(sample, write)
{
	uint32_t numbers[776], next = 0;

	for (int i = 0; i < rounds(300, 20); i++) {
		for (int j = 0; j < 776; j++)
			numbers[j] = next++;
		ASSERT_EQ(sizeof(numbers), write(self->fd, numbers, sizeof(numbers)));
	}
	drained(self->fd);
	EXPECT_EQ(4UL * next, rb_fdinfo(self->fd, "rbw-read"));
	EXPECT_EQ(0, rb_caught(SIGPIPE));
}

TEST_F(sample, write_mapped)
{
	uint32_t n = rounds(300000, 4000);
	struct ringbuffer p;

	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_WRITE, 0, &p));
	for (uint32_t i = 0; i < n; i++)
		ASSERT_EQ(4, ringbuffer_write(&p, &i, 4));
	drained(self->fd);
	ringbuffer_close(&p);
}

/* A wrong number: the driver says so, and takes no more. */
TEST_F(sample, wrong_number)
{
	static const uint32_t numbers[] = { 0, 1, 3, 2 };
	ssize_t n;

	ASSERT_EQ(sizeof(numbers), write(self->fd, numbers, sizeof(numbers)));
	for (int i = 0; i < 20000; i++) {
		n = write(self->fd, numbers, 4);
		if (n < 0)
			break;
		rb_sleep_ms(1);
	}
	EXPECT_EQ(-EPIPE, E(write(self->fd, numbers, 4)));
	EXPECT_LT(0, rb_caught(SIGPIPE));
}

/* The programs that a newcomer begins with. */
static int program(const char *argument)
{
	pid_t pid = fork();
	char numbers[16];
	int status;

	if (!pid) {
		snprintf(numbers, sizeof(numbers), "%d", rounds(20000, 1000));
		execl("./ring_test", "ring_test", argument ? argument : numbers,
		      argument ? numbers : NULL, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		rb_die("ring_test: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(sample, programs)
{
	EXPECT_EQ(0, program(NULL));
	EXPECT_EQ(0, program("-s"));
}

TEST_HARNESS_MAIN
