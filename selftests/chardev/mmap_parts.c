// SPDX-License-Identifier: GPL-2.0
/*
 * A window stays whole: what would cut it is refused, and leaves every page
 * where it was.
 */
#include "map.h"

#include "kselftest_harness.h"

#define WRITES	(variant->writable ? 1 : 0)

FIXTURE(cut) {
	int fd;
	char *at;
	size_t len;
};

FIXTURE_VARIANT(cut) {
	struct window w;
	bool writable;
};

FIXTURE_VARIANT_ADD(cut, bytes) { { DATA, 2 * PAGES }, true };
FIXTURE_VARIANT_ADD(cut, all) { { 0, END }, false };

FIXTURE_SETUP(cut)
{
	self->fd = map_open();
	self->len = variant->w.count * PAGE;
	self->at = map(self->fd, variant->w, variant->writable ? RW : PROT_READ);
	ASSERT_NE(MAP_FAILED, self->at);
}

/* Each page is there and in its place; then all of it can be unmapped. */
FIXTURE_TEARDOWN(cut)
{
	EXPECT_TRUE(counts(self->fd, 1, WRITES));
	EXPECT_TRUE(holds(self->at, variant->w));
	EXPECT_TRUE(referenced(self->fd, variant->w, 1));
	EXPECT_EQ(0, munmap(self->at, self->len));
	EXPECT_TRUE(quiet(self->fd));
	close(self->fd);
}

/* Head, middle and tail of a window. */
struct part {
	char *at;
	size_t len;
};

static struct part part_of(char *at, size_t len, unsigned int i)
{
	struct part parts[] = {
		{ at, PAGE },
		{ at + PAGES * PAGE, 3 * PAGE },
		{ at + len - 2 * PAGE, 2 * PAGE },
	};

	return parts[i];
}

#define FOR_PARTS(part, i) \
	for (i = 0; i < 3 && (part = part_of(self->at, self->len, i), true); i++)

TEST_F(cut, munmap_of_a_part_is_einval)
{
	struct part part;
	unsigned int i;

	FOR_PARTS(part, i)
		ASSERT_EQ(EINVAL, ERR(munmap(part.at, part.len)));
}

TEST_F(cut, map_fixed_over_a_part_is_einval)
{
	struct part part;
	unsigned int i;

	FOR_PARTS(part, i) {
		ASSERT_EQ(EINVAL, ERR(mmap(part.at, part.len, RW,
					   MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
		ASSERT_EQ(EINVAL, ERR(mmap(part.at, part.len, PROT_READ,
					   MAP_FIXED | MAP_SHARED, self->fd, 0)));
	}
}

TEST_F(cut, mprotect_of_a_part_is_einval)
{
	struct part part;
	unsigned int i;

	FOR_PARTS(part, i)
		ASSERT_EQ(EINVAL, ERR(mprotect(part.at, part.len, PROT_NONE)));
}

TEST_F(cut, mremap_of_a_part_is_einval)
{
	char *to = room(3 * PAGE);
	struct part part;
	unsigned int i;

	FOR_PARTS(part, i)
		ASSERT_EQ(EINVAL, ERR(mremap(part.at, part.len, part.len,
					     MREMAP_MAYMOVE | MREMAP_FIXED, to)));
	ASSERT_EQ(0, munmap(to, 3 * PAGE));
	/* Shrinking is unmapping a tail. */
	ASSERT_EQ(EINVAL, ERR(mremap(self->at, self->len, self->len - PAGE, 0)));
	ASSERT_EQ(EINVAL, ERR(mremap(self->at, self->len, PAGE, MREMAP_MAYMOVE)));
}

TEST_F(cut, dontfork_of_a_part_is_einval)
{
	struct part part;
	unsigned int i;

	FOR_PARTS(part, i)
		ASSERT_EQ(EINVAL, ERR(madvise(part.at, part.len, MADV_DONTFORK)));
}

TEST_F(cut, dontneed_of_a_part_drops_that_part)
{
	struct part part;
	unsigned int i;

	FOR_PARTS(part, i) {
		unsigned int page = variant->w.first + (part.at - self->at) / PAGE;
		unsigned int own = page < DATA ? page : DATA + (page - DATA) % PAGES;
		unsigned int before = maps_of(self->fd, own).references;

		ASSERT_EQ(0, madvise(part.at, part.len, MADV_DONTNEED));
		ASSERT_EQ(before - 1, maps_of(self->fd, own).references);
		ASSERT_EQ(pattern(page, 0), get(part.at));
		ASSERT_EQ(before, maps_of(self->fd, own).references);
	}
}

TEST_HARNESS_MAIN
