// SPDX-License-Identifier: GPL-2.0
/* A blob that is long enough for folios of 64 pages, with single pages behind them. */
#define _GNU_SOURCE
#include "fl_dev.h"

#define FOLIO	(64 * RB_PAGE)
#define PAGES	(2 * 64 + 3UL)
#define LEN	(PAGES * RB_PAGE - 100)

static long load(int dev)
{
	int file = fl_file(LEN);
	long blob = fl_load_fd(dev, file);

	close(file);
	return blob;
}

/* All of it, and windows that begin inside a folio; what is thrown out comes back. */
TEST_F(dev, folios_in_windows)
{
	const size_t from[] = { 0, RB_PAGE, FOLIO - RB_PAGE, FOLIO + 7 * RB_PAGE, 2 * FOLIO };
	long blob = load(self->fd);

	ASSERT_LE(0, blob);
	EXPECT_EQ(self->live + PAGES, rb_live_pages());
	for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
		size_t len = LEN - from[i];
		char *map = mmap(NULL, len, PROT_READ, MAP_SHARED, blob, from[i]);

		ASSERT_NE(MAP_FAILED, map);
		EXPECT_EQ(-1, rb_mismatch(map, len, from[i]));
		EXPECT_EQ(0, E(madvise(map + RB_PAGE, RB_PAGE, MADV_DONTNEED)));
		EXPECT_EQ(-1, rb_mismatch(map, len, from[i]));
		EXPECT_EQ(0, E(madvise(map, len, MADV_DONTNEED)));
		EXPECT_EQ(-1, rb_mismatch(map, len, from[i]));
		EXPECT_EQ(0, munmap(map, len));
	}
	close(blob);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/*
 * A page in a pipe is a reference to it that knows nothing of the blob: its bytes stay,
 * and those of the pages beside it go to nobody else meanwhile.
 */
TEST_F(dev, folio_in_a_pipe)
{
	long blob = load(self->fd), other;
	struct iovec iov = { NULL, RB_PAGE };
	char buf[RB_PAGE];
	int ends[2];
	char *map;

	ASSERT_LE(0, blob);
	ASSERT_EQ(0, pipe(ends));
	map = mmap(NULL, LEN, PROT_READ, MAP_SHARED, blob, 0);
	ASSERT_NE(MAP_FAILED, map);
	iov.iov_base = map + FOLIO + 5 * RB_PAGE;
	ASSERT_EQ(RB_PAGE, E(vmsplice(ends[1], &iov, 1, 0)));
	munmap(map, LEN);
	close(blob);
	EXPECT_TRUE(rb_pages_return(self->live));
	other = load(self->fd);
	EXPECT_LE(0, other);
	ASSERT_EQ(RB_PAGE, read(ends[0], buf, RB_PAGE));
	EXPECT_EQ(-1, rb_mismatch(buf, RB_PAGE, FOLIO + 5 * RB_PAGE));
	close(other);
	close(ends[0]);
	close(ends[1]);
}

TEST_HARNESS_MAIN
