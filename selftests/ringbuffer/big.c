// SPDX-License-Identifier: GPL-2.0
/* The largest ring. */

#include <sys/sysinfo.h>

#include "fix_dev.h"

#define GIB	(1UL << 30)
#define CHUNK	(1UL << 20)

/* A sequence of words is cheaper than the byte pattern, and as strict. */
static uint64_t buf[CHUNK / 8];

static void fill(uint64_t first)
{
	for (size_t i = 0; i < CHUNK / 8; i++)
		buf[i] = (first + i) * 0x9e3779b97f4a7c15ULL;
}

static bool right(uint64_t first)
{
	for (size_t i = 0; i < CHUNK / 8; i++)
		if (buf[i] != (first + i) * 0x9e3779b97f4a7c15ULL)
			return false;
	return true;
}

static bool memory_is_there(void)
{
	struct sysinfo si;

	return !sysinfo(&si) && si.totalram * si.mem_unit > 2 * GIB;
}

/*
 * On the slow kernel only the first MiBs are used: all its pages are there
 * anyway, and the edge is met by the smaller rings of the other tests.
 */
TEST_F_TIMEOUT(dev, gibibyte, 170)
{
	uint64_t chunks = rb_test_kernel() ? 4 : GIB / CHUNK;
	struct ferrio_rb_info info;

	if (!memory_is_there())
		SKIP(return, "needs more than 2 GiB of memory");
	ASSERT_EQ(0, rb_set_size(self->fd, GIB));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	for (uint64_t i = 0; i < chunks; i++) {
		fill(i * CHUNK / 8);
		ASSERT_EQ(CHUNK, E(write(self->fd, buf, CHUNK)));
	}
	rb_info(self->fd, &info);
	EXPECT_EQ(GIB, info.ring_bytes);
	EXPECT_LE(GIB, info.user_bytes);
	EXPECT_EQ(self->live + RB_HEAD_PAGES + GIB / RB_PAGE, rb_live_pages());
	EXPECT_EQ(chunks * CHUNK, rb_avail(self->fd));
	if (chunks * CHUNK == GIB)
		EXPECT_EQ(-EAGAIN, E(write(self->fd, buf, 1)));

	/* one chunk goes over the edge of a full ring */
	memset(buf, 0, CHUNK);
	ASSERT_EQ(CHUNK, E(read(self->fd, buf, CHUNK)));
	EXPECT_TRUE(right(0));
	fill(chunks * CHUNK / 8);
	ASSERT_EQ(CHUNK, E(write(self->fd, buf, CHUNK)));
	for (uint64_t i = 1; i <= chunks; i++) {
		memset(buf, 0, 4096);
		ASSERT_EQ(CHUNK, E(read(self->fd, buf, CHUNK)));
		ASSERT_TRUE(right(i * CHUNK / 8));
	}
	EXPECT_EQ(-EAGAIN, E(read(self->fd, buf, 1)));
}

TEST_HARNESS_MAIN
