// SPDX-License-Identifier: GPL-2.0
/* Devices, files, mappings and modules go, in any order. */
#include <sys/wait.h>

#include <ferrio/ring.h>

#include "fix_c.h"
#include "fix_driver.h"

/* The file goes, and its driver's end with it; the mapping stays, and says so. */
TEST_F(driver, file_goes_before_the_mapping)
{
	struct ringbuffer c, p;
	char out[8];

	ASSERT_EQ(0, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, "abc", 3));
	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_READ, 0, &c));
	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_WRITE, 0, &p));
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(3, ringbuffer_read(&c, out, 8));
	EXPECT_EQ(0, ringbuffer_read(&c, out, 8));
	EXPECT_EQ(-EPIPE, E(ringbuffer_write(&p, "a", 1)));
	EXPECT_EQ(self->live + 2 * (RB_HEAD_PAGES + 1), rb_live_pages());
	ringbuffer_close(&c);
	EXPECT_EQ(self->live + RB_HEAD_PAGES + 1, rb_live_pages());
	ringbuffer_close(&p);
	EXPECT_EQ(self->live, rb_live_pages());
}

/* Who sleeps when the driver goes is woken. */
TEST_F(driver, sleepers_are_told)
{
	int r = rb_mint(self->fd, FERRIO_RB_READ), w = rb_mint(self->fd, FERRIO_RB_WRITE);
	struct pollfd pfd = { .fd = r, .events = POLLIN };
	struct rb_call reads, writes, polls;
	char in[2 * RB_PAGE] = "", c;

	rb_call_read(&reads, r, &c, 1);
	rb_call_asleep(&reads);
	rb_call_poll(&polls, &pfd, -1);
	rb_call_asleep(&polls);
	rb_call_write(&writes, w, in, sizeof(in));
	rb_call_asleep(&writes);
	EXPECT_EQ(0, RD(self->fd, SHUTDOWN, .directions = RD_READ | RD_WRITE));
	EXPECT_EQ(0, rb_call_end(&reads));
	EXPECT_EQ(1, rb_call_end(&polls));
	EXPECT_EQ(POLLHUP, pfd.revents);
	EXPECT_EQ(RB_PAGE, rb_call_end(&writes));
	EXPECT_EQ(-EPIPE, E(write(w, in, 1)));
	close(r);
	close(w);
}

/* A program that had the only ends is killed: the driver is told. */
TEST_F(driver, killed_program)
{
	struct ringbuffer c, p;
	int ready[2];
	pid_t pid;
	char out[8];

	ASSERT_EQ(0, pipe2(ready, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (ringbuffer(self->fd, FERRIO_RB_READ, 0, &c) < 0 ||
		    ringbuffer(self->fd, FERRIO_RB_WRITE, 0, &p) < 0 ||
		    ringbuffer_write(&p, "abcd", 4) != 4 || write(ready[1], "r", 1) != 1)
			_exit(1);
		pause();
	}
	ASSERT_EQ(1, read(ready[0], out, 1));
	EXPECT_EQ(0, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, "abc", 3));
	kill(pid, SIGKILL);
	rb_reap_killed(pid);
	EXPECT_EQ(-EPIPE, rd_write(self->fd, FERRIO_TEST_RING_SLEEPING, "abc", 3));
	EXPECT_EQ(4, rd_read(self->fd, FERRIO_TEST_RING_ATOMIC, out, 4, 8));
	EXPECT_EQ(0, rd_read(self->fd, FERRIO_TEST_RING_SLEEPING, out, 4, 8));
	close(ready[0]);
	close(ready[1]);
}

/* A thread of the driver is in the middle of it when the file goes. */
TEST_F_TIMEOUT(driver, file_goes_under_a_thread, 60)
{
	int turns = rounds(40, 5), r;
	char out[RB_PAGE];
	ssize_t n;

	for (int i = 0; i < turns; i++) {
		ASSERT_EQ(0, RD(self->fd, THREAD, .len = 512));
		r = rb_mint(self->fd, FERRIO_RB_READ);
		for (int j = 0; j < i; j++)
			ASSERT_LT(0, read(r, out, 700));
		close(self->fd);
		/* Whole messages, and then the end. */
		while ((n = read(r, out, sizeof(out))) > 0)
			;
		EXPECT_EQ(0, n);
		EXPECT_EQ(0, rb_fdinfo(r, "rb-written") % 512);
		close(r);
		self->fd = rd_open(variant->device, O_RDWR, RD_READ | RD_WRITE, RB_PAGE);
	}
}

/* A driver keeps ringbuffer.ko, its file the driver; a minted end only the former. */
TEST_F(driver, modules)
{
	const char *driver = rd_drivers[rd_is_rust(variant->device)];
	int r = rb_mint(self->fd, FERRIO_RB_READ);
	char c;

	EXPECT_EQ(-EWOULDBLOCK, driver_remove("ringbuffer"));
	EXPECT_EQ(-EWOULDBLOCK, driver_remove(driver));
	ASSERT_EQ(0, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, "a", 1));
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, driver_remove_soon(driver));
	EXPECT_EQ(-EWOULDBLOCK, driver_remove("ringbuffer"));
	EXPECT_EQ(1, read(r, &c, 1));
	EXPECT_EQ(0, read(r, &c, 1));
	close(r);
	EXPECT_EQ(0, driver_insert(driver, ""));
}

/* The device is removed while a file is open, and somebody polls it: ferrio_ring_free(). */
TEST_F(c, device_goes_before_the_file)
{
	struct pollfd pfd = { .fd = self->fd, .events = POLLIN };
	struct rb_call polls;
	struct ringbuffer p;
	char out[8];

	rb_call_poll(&polls, &pfd, -1);
	rb_call_asleep(&polls);
	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_WRITE, 0, &p));
	EXPECT_EQ(0, RD(self->fd, FREE));
	EXPECT_EQ(1, rb_call_end(&polls));
	EXPECT_EQ(POLLHUP, pfd.revents & ~POLLERR);
	EXPECT_EQ(0, read(self->fd, out, 8));
	EXPECT_EQ(-EPIPE, E(ringbuffer_write(&p, "a", 1)));
	EXPECT_EQ(self->live + 2 * (RB_HEAD_PAGES + 1), rb_live_pages());
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(-EPIPE, E(ringbuffer_write(&p, "a", 1)));
	EXPECT_TRUE(rb_pages_return(self->live + RB_HEAD_PAGES + 1));
	ringbuffer_close(&p);
}
