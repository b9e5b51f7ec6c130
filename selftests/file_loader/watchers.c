// SPDX-License-Identifier: GPL-2.0
/* Programs that the kernel asks before a file is opened or read (fanotify). */
#define _GNU_SOURCE
#include "fan.h"
#include "fl_dev.h"

TEST_F(dev, open)
{
	int file = fl_file(10000);
	struct fl_other other;
	struct fan fan;
	long blob;

	fan_watch(&fan, AT_FDCWD, FL_FILE, FAN_OPEN_PERM, O_RDONLY);
	fl_other_path(&other, self->fd, FL_FILE);
	fan_met(&fan);
	EXPECT_EQ(FAN_OPEN_PERM, fan.mask);
	EXPECT_EQ(other.pid, fan.pid);
	fan_answer(&fan, FAN_DENY);
	EXPECT_EQ(-AT(OPEN, EPERM), fl_other_end(&other));

	fl_other_path(&other, self->fd, FL_FILE);
	fan_met(&fan);
	fan_answer(&fan, FAN_ALLOW);
	EXPECT_EQ(0, fl_other_end(&other));

	/* What is open need not be opened. */
	blob = fl_load_fd(self->fd, file);
	EXPECT_LE(0, blob);
	close(blob);
	EXPECT_TRUE(fan_is_quiet(&fan));
	fan_close(&fan);
	close(file);
}

/* One question for a load, of whatever size. */
TEST_F(dev, access)
{
	static const int sizes[] = { 1, 10000, 1000000 };

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		int old = fl_file(sizes[i]), file;
		struct fl_other other;
		struct fan fan;
		long blob;

		fan_watch(&fan, AT_FDCWD, FL_FILE, FAN_ACCESS_PERM, O_RDONLY);
		file = open(FL_FILE, O_RDONLY);
		for (int path = 0; path < 2; path++) {
			for (int answer = FAN_ALLOW; answer <= FAN_DENY; answer++) {
				if (path)
					fl_other_path(&other, self->fd, FL_FILE);
				else
					fl_other_fd(&other, self->fd, file);
				fan_met(&fan);
				EXPECT_EQ(FAN_ACCESS_PERM, fan.mask);
				EXPECT_EQ(other.pid, fan.pid);
				fan_answer(&fan, answer);
				EXPECT_EQ(answer == FAN_ALLOW ? 0 : -AT(READ, EPERM),
					  fl_other_end(&other));
				EXPECT_TRUE(fan_is_quiet(&fan));
			}
		}
		EXPECT_TRUE(rb_pages_return(self->live));
		/* That was open before anybody watched: nobody is asked, as by read(). */
		blob = fl_load_fd(self->fd, old);
		EXPECT_LE(0, blob);
		close(blob);
		EXPECT_TRUE(fan_is_quiet(&fan));
		fan_close(&fan);
		close(file);
		close(old);
	}
}

/* A watcher that has no answer; the load is killed, or the watcher goes. */
TEST_F(dev, no_answer)
{
	int file = fl_file(RB_PAGE + 1);
	struct ferrio_fl_info info;
	struct fl_other other;
	struct fan fan;
	long blob;

	for (int kill = 0; kill < 2; kill++) {
		fan_watch(&fan, AT_FDCWD, FL_FILE, FAN_OPEN_PERM, O_RDONLY);
		fl_other_path(&other, self->fd, FL_FILE);
		fan_met(&fan);
		fl_other_asleep(&other);
		/* It has nothing yet. */
		EXPECT_EQ(self->live, rb_live_pages());
		if (kill)
			EXPECT_EQ(-AT(OPEN, EINTR), fl_other_kill(&other));
		fan_close(&fan);
		if (!kill)
			EXPECT_EQ(0, fl_other_end(&other));

		fan_watch(&fan, AT_FDCWD, FL_FILE, FAN_ACCESS_PERM, O_RDONLY);
		fl_other_path(&other, self->fd, FL_FILE);
		fan_met(&fan);
		fl_other_asleep(&other);
		EXPECT_EQ(self->live + 2, rb_live_pages());
		fl_info(self->fd, &info);
		EXPECT_EQ(1, info.user_blobs);
		EXPECT_EQ(2 * RB_PAGE, info.user_bytes);
		blob = fl_load_bytes(self->fd, "x", 1);
		EXPECT_LE(0, blob);
		close(blob);
		if (kill)
			EXPECT_EQ(-AT(READ, EINTR), fl_other_kill(&other));
		fan_close(&fan);
		if (!kill)
			EXPECT_EQ(0, fl_other_end(&other));
		EXPECT_TRUE(rb_pages_return(self->live));
		fl_info(self->fd, &info);
		EXPECT_EQ(0, info.user_blobs);
	}
	close(file);
}

/* A watcher that would write to what it is shown gets nothing to see, and has denied. */
TEST_F(dev, watcher_that_writes)
{
	int file = fl_file(100);
	struct fl_other other;
	struct fan fan;
	char event[256];

	fan_watch(&fan, AT_FDCWD, FL_FILE, FAN_ACCESS_PERM, O_RDWR);
	fl_other_path(&other, self->fd, FL_FILE);
	EXPECT_EQ(-ETXTBSY, E(read(fan.fd, event, sizeof(event))));
	EXPECT_EQ(-AT(READ, EPERM), fl_other_end(&other));
	fan_close(&fan);
	close(file);
}

TEST_HARNESS_MAIN
