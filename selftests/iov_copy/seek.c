// SPDX-License-Identifier: GPL-2.0
/* lseek(2): positions, data and holes. */

#include "ic_dev.h"

TEST_F(dev, set_cur_end)
{
	static const struct { long offset; int whence; long ret; } steps[] = {
		{ 0, SEEK_CUR, 0 },
		{ 100, SEEK_SET, 100 },
		{ 5, SEEK_CUR, 105 },
		{ -105, SEEK_CUR, 0 },
		{ -1, SEEK_CUR, -EINVAL },
		{ -1, SEEK_SET, -EINVAL },
		{ 0, SEEK_END, IC_DEFAULT },
		{ 1, SEEK_END, -EINVAL },
		{ -1, SEEK_END, IC_DEFAULT - 1 },
		{ 1, SEEK_CUR, IC_DEFAULT },
		{ 1, SEEK_CUR, -EINVAL },
		{ 0, SEEK_CUR, IC_DEFAULT },
		{ IC_DEFAULT, SEEK_SET, IC_DEFAULT },
		{ IC_DEFAULT + 1, SEEK_SET, -EINVAL },
		{ -(long)IC_DEFAULT, SEEK_END, 0 },
		{ -(long)IC_DEFAULT - 1, SEEK_END, -EINVAL },
		{ 7, SEEK_SET, 7 },
		{ LONG_MAX, SEEK_SET, -EINVAL },
		{ LONG_MAX, SEEK_CUR, -EINVAL },
		{ LONG_MAX, SEEK_END, -EINVAL },
		{ LONG_MIN, SEEK_SET, -EINVAL },
		{ LONG_MIN, SEEK_CUR, -EINVAL },
		{ LONG_MIN, SEEK_END, -EINVAL },
		{ 0, 5, -EINVAL },
		{ 0, -1, -EINVAL },
		{ 0, SEEK_CUR, 7 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		EXPECT_EQ(steps[i].ret, E(lseek(self->fd, steps[i].offset, steps[i].whence))) {
			TH_LOG("step %zu", i);
		}
	}
}

TEST_F(dev, data_and_holes)
{
	static const size_t far = 33 * IC_MIB;	/* in another table */
	static const struct { long at; long data, hole; } steps[] = {
		{ 0, 3 * RB_PAGE, 0 },
		{ 1, 3 * RB_PAGE, 1 },
		{ 3 * RB_PAGE - 1, 3 * RB_PAGE, 3 * RB_PAGE - 1 },
		{ 3 * RB_PAGE, 3 * RB_PAGE, 5 * RB_PAGE },
		{ 3 * RB_PAGE + 9, 3 * RB_PAGE + 9, 5 * RB_PAGE },
		{ 4 * RB_PAGE, 4 * RB_PAGE, 5 * RB_PAGE },
		{ 5 * RB_PAGE - 1, 5 * RB_PAGE - 1, 5 * RB_PAGE },
		{ 5 * RB_PAGE, far, 5 * RB_PAGE },
		{ 20 * IC_MIB, far, 20 * IC_MIB },
		{ far, far, far + RB_PAGE },
		{ far + RB_PAGE, IC_DEFAULT - RB_PAGE, far + RB_PAGE },
		{ IC_DEFAULT - RB_PAGE, IC_DEFAULT - RB_PAGE, IC_DEFAULT },
		{ IC_DEFAULT - 1, IC_DEFAULT - 1, IC_DEFAULT },
		{ IC_DEFAULT, -ENXIO, -ENXIO },
		{ IC_DEFAULT + 1, -ENXIO, -ENXIO },
		{ -1, -ENXIO, -ENXIO },
		{ LONG_MIN, -ENXIO, -ENXIO },
		{ LONG_MAX, -ENXIO, -ENXIO },
	};

	/* nothing at all: one hole */
	EXPECT_EQ(-ENXIO, E(lseek(self->fd, 0, SEEK_DATA)));
	EXPECT_EQ(0, E(lseek(self->fd, 0, SEEK_HOLE)));
	EXPECT_EQ(17, E(lseek(self->fd, 17, SEEK_HOLE)));
	EXPECT_EQ(17, E(lseek(self->fd, 0, SEEK_CUR)));
	/* looking fixes no size */
	EXPECT_EQ(0, rb_fdinfo(self->fd, "ic-fixed"));
	EXPECT_EQ(0, ic_set_size(self->fd, RB_PAGE));
	EXPECT_EQ(RB_PAGE, E(lseek(self->fd, 0, SEEK_END)));
	EXPECT_EQ(0, ic_set_size(self->fd, IC_DEFAULT));

	ASSERT_EQ(2, E(pwrite(self->fd, "ab", 2, 4 * RB_PAGE - 1)));
	ASSERT_EQ(1, E(pwrite(self->fd, "c", 1, far)));
	ASSERT_EQ(1, E(pwrite(self->fd, "d", 1, IC_DEFAULT - 1)));
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		ASSERT_EQ(1, E(lseek(self->fd, 1, SEEK_SET)));
		EXPECT_EQ(steps[i].data, E(lseek(self->fd, steps[i].at, SEEK_DATA))) {
			TH_LOG("data, step %zu", i);
		}
		EXPECT_EQ(steps[i].data < 0 ? 1 : steps[i].data,
			  E(lseek(self->fd, 0, SEEK_CUR)));
		ASSERT_EQ(1, E(lseek(self->fd, 1, SEEK_SET)));
		EXPECT_EQ(steps[i].hole, E(lseek(self->fd, steps[i].at, SEEK_HOLE))) {
			TH_LOG("hole, step %zu", i);
		}
		EXPECT_EQ(steps[i].hole < 0 ? 1 : steps[i].hole,
			  E(lseek(self->fd, 0, SEEK_CUR)));
	}
	/* looking makes no page */
	EXPECT_EQ(4, ic_pages(self->fd));
}

/* A copy of a sparse memory, as cp(1) makes it, is as sparse. */
TEST_F(dev, a_sparse_copy)
{
	static char buf[RB_PAGE];
	int to = ic_open(O_RDWR);
	long data = 0, hole;

	for (int i = 0; i < 40; i++) {
		rb_pattern(buf, sizeof(buf), i);
		ASSERT_EQ(RB_PAGE, E(pwrite(self->fd, buf, RB_PAGE,
					    (i * i * 10 + i % 2) * RB_PAGE)));
	}
	while ((data = E(lseek(self->fd, data, SEEK_DATA))) >= 0) {
		hole = E(lseek(self->fd, data, SEEK_HOLE));
		ASSERT_LT(data, hole);
		for (; data < hole; data += RB_PAGE) {
			ASSERT_EQ(RB_PAGE, E(pread(self->fd, buf, RB_PAGE, data)));
			ASSERT_EQ(RB_PAGE, E(pwrite(to, buf, RB_PAGE, data)));
		}
	}
	EXPECT_EQ(-ENXIO, data);
	EXPECT_EQ(40, ic_pages(self->fd));
	EXPECT_EQ(40, ic_pages(to));
	for (int i = 0; i < 40; i++) {
		ASSERT_EQ(RB_PAGE, E(pread(to, buf, RB_PAGE, (i * i * 10 + i % 2) * RB_PAGE)));
		ASSERT_EQ(-1, rb_mismatch(buf, RB_PAGE, i));
	}
	close(to);
}

TEST_HARNESS_MAIN
