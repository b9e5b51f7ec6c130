// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls of the iterators beside a model of them: 10^6 on the stock kernel,
 * 10^5 on the test kernel, where copies are made to fail as well.  SEED=n begins
 * with that round, STEPS=n makes that many calls.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "../inject.h"
#include "kselftest_harness.h"
#include "ferrio_test.h"

/* So many that the kernel is not kept for long. */
#define BATCH	2000

static bool is_test_kernel(void)
{
	const char *place = getenv("FERRIO_PLACE");

	return place && !strcmp(place, "test");
}

static unsigned long long number(const char *name, unsigned long long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

FIXTURE(model) {
	int fd;
	unsigned long long seed, steps;
};

FIXTURE_SETUP(model)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	self->fd = open(FERRIO_TEST_IOV_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd)
		TH_LOG(FERRIO_TEST_IOV_DEVICE ": %s; insmod ferrio_test.ko", strerror(errno));
	self->seed = number("SEED", now.tv_sec * 1000000000ull + now.tv_nsec);
	self->steps = number("STEPS", is_test_kernel() ? 100000 : 1000000);
	if (getenv("FERRIO_LONG"))
		self->steps *= 10;
	TH_LOG("SEED=%llu", self->seed);
}

FIXTURE_TEARDOWN(model)
{
	close(self->fd);
}

/* @injected: an EFAULT of the call itself is asked for, and it is made again. */
static void play(struct __test_metadata *_metadata, int fd, unsigned long long seed,
		 unsigned long long steps, bool injected)
{
	struct ferrio_test_model round;
	unsigned long long done = 0;
	int ret;

	while (done < steps) {
		do {
			memset(&round, 0, sizeof(round));
			round.size = sizeof(round);
			round.injected = injected;
			round.seed = seed;
			round.steps = steps - done < BATCH ? steps - done : BATCH;
			ret = ioctl(fd, FERRIO_TEST_MODEL, &round);
		} while (ret && errno == EFAULT && injected);
		ASSERT_EQ(0, ret) TH_LOG("SEED=%llu: %s", seed, strerror(errno));
		seed = round.seed;
		done += round.steps;
		ASSERT_EQ(0, round.failed)
			TH_LOG("SEED=%llu STEPS=1 has it again: %s:%u: %s: left %lld, right %lld",
			       (unsigned long long)round.seed, round.file, round.line, round.what,
			       (long long)round.left, (long long)round.right);
		ASSERT_LT(0, round.steps);
	}
	ASSERT_LE(steps, done);
}

TEST_F_TIMEOUT(model, every_kind, 1200)
{
	play(_metadata, self->fd, self->seed, self->steps, false);
}

static void set_injection(const char *probability)
{
	inject_set("fail_usercopy/probability", probability);
}

TEST_F_TIMEOUT(model, copies_fail_by_themselves, 1200)
{
	const char *fail = "/proc/self/make-it-fail";
	int fd;

	if (!inject_possible())
		SKIP(return, "this kernel has no fault injection");
	fd = open(fail, O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	inject_set("fail_usercopy/verbose", "0");
	inject_set("fail_usercopy/task-filter", "Y");
	inject_set("fail_usercopy/interval", "1");
	inject_set("fail_usercopy/times", "-1");
	ASSERT_EQ(1, write(fd, "1", 1));
	set_injection("5");
	play(_metadata, self->fd, self->seed, self->steps, true);
	/* A write may fail by it, too. */
	while (write(fd, "0", 1) != 1)
		;
	set_injection("0");
	inject_set("fail_usercopy/task-filter", "N");
	close(fd);
}

TEST_HARNESS_MAIN
