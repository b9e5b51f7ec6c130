// SPDX-License-Identifier: GPL-2.0
/*
 * Each place of the module's start that can fail does so once: then the module is
 * not there, and nothing of it is, and the next insertion works.
 */

#include "../inject.h"
#include "rb_harness.h"
#include "reload.h"

FIXTURE(load) {
	struct inject in;
	int image;
	bool on;
};

FIXTURE_SETUP(load)
{
	if (!inject_possible())
		SKIP(return, "no " INJECT_NTH ": not a kernel with fault injection");
	self->image = reload_image();
	inject_open(&self->in, true);
	ASSERT_EQ(0, reload_remove_soon());
	self->on = true;
}

/* Whatever happened, the next test finds the module. */
FIXTURE_TEARDOWN(load)
{
	if (!self->on)
		return;
	inject_close(&self->in);
	if (!reload_there())
		EXPECT_EQ(0, reload_insert(self->image));
	close(self->image);
}

static bool all_gone(void)
{
	return !reload_there() && access(FERRIO_RB_DEVICE, F_OK) &&
	       access("/sys/class/misc/ringbuffer", F_OK) &&
	       access("/sys/kernel/debug/ringbuffer", F_OK);
}

static bool works(void)
{
	int fd = rb_open(O_RDWR);
	char c = 0;
	bool good = write(fd, "x", 1) == 1 && read(fd, &c, 1) == 1 && c == 'x';

	close(fd);
	return good;
}

/*
 * The module's own start is at the end of an insertion; in front of it the kernel
 * reads, checks and relocates the file, in places that are not ours.
 */
#define OURS	80
#define MANY	100000

TEST_F_TIMEOUT(load, each_place, 60)
{
	unsigned long all, n;
	int failed = 0;

	inject_arm(&self->in, MANY);
	ASSERT_EQ(0, reload_insert(self->image));
	all = MANY - inject_left(&self->in);
	inject_arm(&self->in, 0);
	ASSERT_TRUE(works());
	ASSERT_EQ(0, reload_remove_soon());
	for (n = all > OURS ? all - OURS : 1; n <= all; n++) {
		enum inject_hit hit;
		long ret;

		inject_logged(&self->in);
		inject_arm(&self->in, n);
		ret = reload_insert(self->image);
		hit = inject_end(&self->in);
		if (!hit) {
			/* this time there were fewer places */
			ASSERT_EQ(0, ret);
			ASSERT_EQ(0, reload_remove_soon());
			break;
		}
		if (ret) {
			failed++;
			ASSERT_EQ(hit == INJECT_COPY ? -EFAULT : -ENOMEM, ret)
				TH_LOG("place %lu of %lu", n, all);
			ASSERT_TRUE(all_gone()) TH_LOG("place %lu of %lu", n, all);
		} else {
			/* what the kernel can do without, a uevent or a file of debugfs */
			ASSERT_TRUE(works()) TH_LOG("place %lu of %lu", n, all);
			ASSERT_EQ(0, reload_remove_soon());
		}
	}
	/* the table of users and what the node consists of */
	EXPECT_LE(5, failed);
	TH_LOG("%lu places, the last %lu tried, %d times ENOMEM", all, n - (all - OURS), failed);
	EXPECT_EQ(0, reload_insert(self->image));
	EXPECT_TRUE(works());
}

TEST_HARNESS_MAIN
