// SPDX-License-Identifier: GPL-2.0
/*
 * What iterators promise to the program at the other end of a driver: pages stay
 * its own over a fork, and it gets nothing that nobody wrote.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "ferrio_test.h"

#define PAGE	4096
#define PAGES	4
#define GIVEN	(2 * FERRIO_TEST_IOV_HEAD + FERRIO_TEST_IOV_MIDDLE)

FIXTURE(iov) {
	int fd;
};

FIXTURE_SETUP(iov)
{
	self->fd = open(FERRIO_TEST_IOV_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd)
		TH_LOG(FERRIO_TEST_IOV_DEVICE ": %s; insmod ferrio_test.ko", strerror(errno));
}

FIXTURE_TEARDOWN(iov)
{
	close(self->fd);
}

/*
 * Of /proc/vmstat.  Each CPU has a share that is not in the sum yet; stat_refresh
 * adds it.
 */
static long counter(const char *name)
{
	int refresh = open("/proc/sys/vm/stat_refresh", O_WRONLY);
	char line[128];
	size_t len = strlen(name);
	long value = -1;
	FILE *file;

	if (refresh < 0 || write(refresh, "1", 1) != 1)
		ksft_exit_fail_msg("/proc/sys/vm/stat_refresh: %s\n", strerror(errno));
	close(refresh);
	file = fopen("/proc/vmstat", "r");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, len) && line[len] == ' ')
			value = atol(line + len);
	if (file)
		fclose(file);
	return value;
}

/*
 * Pages that are pinned now, of the whole machine; waits until nothing changes any more,
 * as programs before this one may have left something that is given back late.
 */
static long pins(void)
{
	long value = 0;
	int i, same = -1;

	for (i = 0; same < 10; i++) {
		long next = counter("nr_foll_pin_acquired") - counter("nr_foll_pin_released");

		if (i == 1000)
			ksft_exit_fail_msg("pages are pinned and unpinned all the time\n");
		same = i && next == value ? same + 1 : 0;
		value = next;
		usleep(5000);
	}
	return value;
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

/* A plain reference would leave the page to whoever does not write first. */
TEST_F(iov, pinned_pages_are_not_the_childs)
{
	struct pinner pinner = { .fd = self->fd };
	long taken = pins();
	unsigned char *memory;
	int hold[2], status, i;
	pthread_t thread;
	pid_t child;

	ASSERT_EQ(0, ioctl(self->fd, FERRIO_TEST_PINNED));
	memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	ASSERT_NE(MAP_FAILED, memory);
	memset(memory, 'p', PAGES * PAGE);
	ASSERT_EQ(0, pipe2(hold, O_CLOEXEC));

	pinner.arg = (struct ferrio_test_pin){
		.size = sizeof(pinner.arg), .value = 'k', .address = (uintptr_t)memory + 10,
		.len = PAGES * PAGE - 20, .fill = PAGES * PAGE,
	};
	ASSERT_EQ(0, pthread_create(&thread, NULL, pin, &pinner));
	while (ioctl(self->fd, FERRIO_TEST_PINNED) != PAGES)
		usleep(1000);

	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		char byte;

		/* Keeps its share of the pages until all is over, and has what was there. */
		close(hold[1]);
		_exit(read(hold[0], &byte, 1) != 0 || memory[10] != 'p' ||
		      memory[PAGES * PAGE - 11] != 'p');
	}
	close(hold[0]);
	/* Our own write must not take us away from what the kernel holds. */
	for (i = 0; i < PAGES; i++)
		memory[i * PAGE + 20] = 'w';
	ASSERT_EQ(0, ioctl(self->fd, FERRIO_TEST_UNPIN));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, pinner.err);
	ASSERT_EQ(PAGES * PAGE - 20, pinner.arg.len);
	ASSERT_EQ(PAGES * PAGE - 20, pinner.arg.fill);
	for (i = 0; i < PAGES * PAGE; i++)
		ASSERT_EQ(i < 10 || i >= PAGES * PAGE - 10 ? 'p' : 'k', memory[i])
			TH_LOG("byte %d", i);
	close(hold[1]);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_EQ(0, status);

	ASSERT_EQ(0, ioctl(self->fd, FERRIO_TEST_PINNED));
	EXPECT_EQ(taken, pins());
}

TEST_F(iov, a_signal_gives_pins_back)
{
	unsigned char *memory;
	int status;
	pid_t child;

	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, memory);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		struct pinner pinner = { .fd = self->fd, .arg = {
			.size = sizeof(pinner.arg), .address = (uintptr_t)memory, .len = PAGE,
		} };

		pin(&pinner);
		_exit(1);
	}
	while (ioctl(self->fd, FERRIO_TEST_PINNED) != 1)
		usleep(1000);
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	ASSERT_EQ(0, ioctl(self->fd, FERRIO_TEST_PINNED));
}

FIXTURE(fresh) {
	int fd;
	int pipe[2];
};

FIXTURE_VARIANT(fresh) {
	unsigned long how;
};

FIXTURE_VARIANT_ADD(fresh, advance) { .how = FERRIO_TEST_IOV_ADVANCE };
FIXTURE_VARIANT_ADD(fresh, extract) { .how = FERRIO_TEST_IOV_EXTRACT };
FIXTURE_VARIANT_ADD(fresh, scatter) { .how = FERRIO_TEST_IOV_SCATTER };

FIXTURE_SETUP(fresh)
{
	self->fd = open(FERRIO_TEST_IOV_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd)
		TH_LOG(FERRIO_TEST_IOV_DEVICE ": %s; insmod ferrio_test.ko", strerror(errno));
	ASSERT_EQ(0, ioctl(self->fd, FERRIO_TEST_IOV_BEHAVE, variant->how));
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC));
}

FIXTURE_TEARDOWN(fresh)
{
	close(self->fd);
	close(self->pipe[0]);
	close(self->pipe[1]);
}

/* @middle: what is between what the driver wrote. */
static void expect(struct __test_metadata *_metadata, const unsigned char *got, int middle)
{
	int i;

	for (i = 0; i < GIVEN; i++) {
		int want = i < FERRIO_TEST_IOV_HEAD ? 'x' :
			i >= GIVEN - FERRIO_TEST_IOV_HEAD ? 'y' : middle;

		ASSERT_EQ(want, got[i]) TH_LOG("byte %d", i);
	}
}

/* Memory that was full of something when it was freed. */
static void leave_something(struct __test_metadata *_metadata)
{
	const size_t size = 2 << 20;
	unsigned char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, memory);
	memset(memory, 0x5c, size);
	ASSERT_EQ(0, munmap(memory, size));
}

TEST_F(fresh, pages_show_nothing)
{
	static unsigned char got[2 * GIVEN];

	for (int i = 0; i < 10; i++) {
		ssize_t len = 0;

		leave_something(_metadata);
		ASSERT_EQ(GIVEN, splice(self->fd, NULL, self->pipe[1], NULL, 2 * GIVEN, 0));
		while (len < GIVEN) {
			ssize_t n = read(self->pipe[0], got + len, sizeof(got) - len);

			ASSERT_LT(0, n);
			len += n;
		}
		ASSERT_EQ(GIVEN, len);
		expect(_metadata, got, 0);
	}
}

/* A buffer of one's own has nothing to hide: it is left as it is. */
TEST_F(fresh, own_memory_stays)
{
	static unsigned char got[2 * GIVEN];

	memset(got, 0x3e, sizeof(got));
	ASSERT_EQ(GIVEN, read(self->fd, got, sizeof(got)));
	expect(_metadata, got, 0x3e);
	ASSERT_EQ(0x3e, got[GIVEN]);
}

TEST_HARNESS_MAIN
