// SPDX-License-Identifier: GPL-2.0
/* The module goes and comes: refused while in use, clean afterwards. */

#include <time.h>

#include "rb_harness.h"
#include "reload.h"

#define NAME	RELOAD_NAME

static int image = -1;

static int try_open(void)
{
	return E(open(FERRIO_RB_DEVICE, O_RDWR | O_CLOEXEC));
}

FIXTURE(module) {
	int none;
};

FIXTURE_SETUP(module)
{
	image = reload_image();
	if (!reload_there())
		rb_die("the module is not loaded: insmod " NAME ".ko");
}

/* Whatever happened, the next test finds the module. */
FIXTURE_TEARDOWN(module)
{
	if (!reload_there())
		EXPECT_EQ(0, reload_insert(image));
	close(image);
}

TEST_F(module, refused_while_open)
{
	int r, fd = rb_open(O_RDWR);
	char c;

	EXPECT_EQ(-EWOULDBLOCK, reload_remove());
	EXPECT_EQ(1, write(fd, "x", 1));
	r = rb_mint(fd, FERRIO_RB_READ);
	close(fd);
	/* an end alone keeps the module as well */
	EXPECT_EQ(-EWOULDBLOCK, reload_remove());
	EXPECT_EQ(1, read(r, &c, 1));
	EXPECT_EQ(0, read(r, &c, 1));
	close(r);
	EXPECT_EQ(0, reload_remove_soon());
	EXPECT_FALSE(reload_there());
	EXPECT_EQ(-1, access("/sys/kernel/debug/" NAME, F_OK));
	EXPECT_GT(0, try_open());
	EXPECT_EQ(-ENOENT, reload_remove());

	EXPECT_EQ(0, reload_insert(image));
	fd = rb_open(O_RDWR);
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(1, read(fd, &c, 1));
	close(fd);
}

TEST_F(module, twice)
{
	EXPECT_EQ(-EEXIST, reload_insert(image));
	EXPECT_TRUE(reload_there());
	close(rb_open(O_RDWR));
}

struct opener {
	pthread_t thread;
	int stop;
	long opened, refused;
	const char *fault;
};

static void *open_and_close(void *arg)
{
	struct opener *o = arg;
	uint64_t seed = (uintptr_t)o;
	char c;

	while (!__atomic_load_n(&o->stop, __ATOMIC_ACQUIRE)) {
		struct timespec nap = { 0, rb_random(&seed) % 200000 };
		struct timespec pause = { 0, 2000000 };
		int fd = try_open();

		if (fd >= 0) {
			o->opened++;
			if (write(fd, "x", 1) != 1 || read(fd, &c, 1) != 1)
				o->fault = "a ring that could be opened failed";
			close(fd);
		} else if (fd == -ENOENT || fd == -ENODEV || fd == -ENXIO) {
			o->refused++;
			/* leave the CPU to whoever inserts the module */
			nap = pause;
		} else {
			o->fault = "open failed in another way";
		}
		/* without a gap no removal would ever find it unused */
		nanosleep(&nap, NULL);
	}
	return NULL;
}

/* Opening and removing race: each either works or is refused cleanly. */
TEST_F_TIMEOUT(module, race, 90)
{
	struct opener o[2] = {};
	long busy = 0;
	int removed = 0;

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&o[i].thread, NULL, open_and_close,
					    &o[i]));
	}
	while (removed < rounds(20, 5)) {
		long ret = reload_remove();

		if (ret == -EWOULDBLOCK) {
			busy++;
			continue;
		}
		ASSERT_EQ(0, ret);
		removed++;
		ASSERT_EQ(0, reload_insert(image));
	}
	for (int i = 0; i < 2; i++) {
		__atomic_store_n(&o[i].stop, 1, __ATOMIC_RELEASE);
		pthread_join(o[i].thread, NULL);
		EXPECT_EQ(NULL, o[i].fault) TH_LOG("%s", o[i].fault);
	}
	TH_LOG("removed %d times, refused %ld times; opened %ld, not there %ld",
	       removed, busy, o[0].opened + o[1].opened,
	       o[0].refused + o[1].refused);
	EXPECT_LT(0, o[0].opened + o[1].opened);
	EXPECT_EQ(0, reload_remove_soon());
	EXPECT_EQ(0, reload_insert(image));
	EXPECT_TRUE(reload_there());
}

TEST_HARNESS_MAIN
