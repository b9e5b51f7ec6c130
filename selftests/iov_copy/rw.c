// SPDX-License-Identifier: GPL-2.0
/* read(2), write(2) and their relatives: counts, contents, positions, the end. */

#include "ic_dev.h"

static const size_t lengths[] = {
	1, RB_PAGE - 1, RB_PAGE, RB_PAGE + 1, 3 * RB_PAGE + 5, IC_CHUNK - 1,
	IC_CHUNK, IC_CHUNK + 1, 2 * IC_CHUNK + 3, IC_MIB + 17,
};

static const size_t places[] = {
	0, 1, RB_PAGE - 1, RB_PAGE, 7 * RB_PAGE + 9, 2 * IC_MIB - 3,
	IC_DEFAULT - 2 * IC_MIB,
};

/* What is written is read, at every class of place, whatever the way. */
TEST_F(dev, lengths_and_places)
{
	static char in[IC_MIB + 17], out[IC_MIB + 18];

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		size_t n = lengths[i], at = places[i % ARRAY_SIZE(places)];

		rb_pattern(in, n, at + i);
		ASSERT_EQ(at, E(lseek(self->fd, at, SEEK_SET)));
		ASSERT_EQ(n, E(write(self->fd, in, n)));
		ASSERT_EQ(at + n, E(lseek(self->fd, 0, SEEK_CUR)));
		memset(out, 0x55, sizeof(out));
		ASSERT_EQ(n, E(pread(self->fd, out, n, at)));
		ASSERT_EQ(-1, rb_mismatch(out, n, at + i));
		ASSERT_EQ(0x55, out[n]);
		ASSERT_EQ(at + n, E(lseek(self->fd, 0, SEEK_CUR)));

		rb_pattern(in, n, at + i + 1);
		ASSERT_EQ(n, E(pwrite(self->fd, in, n, at)));
		ASSERT_EQ(at + n, E(lseek(self->fd, 0, SEEK_CUR)));
		ASSERT_EQ(at, E(lseek(self->fd, at, SEEK_SET)));
		ASSERT_EQ(n, E(read(self->fd, out, n)));
		ASSERT_EQ(-1, rb_mismatch(out, n, at + i + 1));
		ASSERT_EQ(at + n, E(lseek(self->fd, 0, SEEK_CUR)));
	}
}

/* Beside what was written there are zeros, and no page. */
TEST_F(dev, holes_are_zeros)
{
	static char out[8 * RB_PAGE];

	ASSERT_EQ(3, E(pwrite(self->fd, "abc", 3, 2 * RB_PAGE + 100)));
	ASSERT_EQ(1, E(pwrite(self->fd, "z", 1, 5 * RB_PAGE)));
	EXPECT_EQ(2, ic_pages(self->fd));
	memset(out, 0x55, sizeof(out));
	ASSERT_EQ(sizeof(out), E(pread(self->fd, out, sizeof(out), 0)));
	EXPECT_TRUE(ic_all(out, 2 * RB_PAGE + 100, 0));
	EXPECT_EQ(0, memcmp(out + 2 * RB_PAGE + 100, "abc", 3));
	EXPECT_TRUE(ic_all(out + 2 * RB_PAGE + 103, 3 * RB_PAGE - 103, 0));
	EXPECT_EQ('z', out[5 * RB_PAGE]);
	EXPECT_TRUE(ic_all(out + 5 * RB_PAGE + 1, 3 * RB_PAGE - 1, 0));
	/* a table of its own, far away */
	memset(out, 0x55, sizeof(out));
	ASSERT_EQ(sizeof(out), E(pread(self->fd, out, sizeof(out), 40 * IC_MIB - 5)));
	EXPECT_TRUE(ic_all(out, sizeof(out), 0));
	EXPECT_EQ(2, ic_pages(self->fd));
}

TEST_F(dev, the_end)
{
	static const size_t size = 3 * RB_PAGE;
	static char out[4 * RB_PAGE];

	ASSERT_EQ(0, ic_set_size(self->fd, size));
	rb_pattern(out, sizeof(out), 0);
	/* write: up to the end, then ENOSPC; a length of 0 is always 0 */
	EXPECT_EQ(size, E(write(self->fd, out, sizeof(out))));
	EXPECT_EQ(size, E(lseek(self->fd, 0, SEEK_CUR)));
	EXPECT_EQ(-ENOSPC, E(write(self->fd, out, 1)));
	EXPECT_EQ(size, E(lseek(self->fd, 0, SEEK_CUR)));
	EXPECT_EQ(0, E(write(self->fd, out, 0)));
	EXPECT_EQ(0, E(pwrite(self->fd, out, 0, 1LL << 40)));
	EXPECT_EQ(-ENOSPC, E(pwrite(self->fd, out, 1, size)));
	EXPECT_EQ(-ENOSPC, E(pwrite(self->fd, out, 1, 1LL << 40)));
	EXPECT_EQ(1, E(pwrite(self->fd, out, 2, size - 1)));
	rb_pattern(out, sizeof(out), 0);
	EXPECT_EQ(1, E(pwrite(self->fd, out + size - 1, 2, size - 1)));
	/* read: up to the end, then 0 */
	memset(out, 0x55, sizeof(out));
	EXPECT_EQ(size, E(pread(self->fd, out, sizeof(out), 0)));
	EXPECT_EQ(-1, rb_mismatch(out, size, 0));
	EXPECT_TRUE(ic_all(out + size, RB_PAGE, 0x55));
	EXPECT_EQ(1, E(pread(self->fd, out, 2, size - 1)));
	EXPECT_EQ(0, E(pread(self->fd, out, 1, size)));
	EXPECT_EQ(0, E(pread(self->fd, out, 1, 1LL << 40)));
	EXPECT_EQ(0, E(read(self->fd, out, 1)));
	/* positions that the VFS refuses */
	EXPECT_EQ(-EINVAL, E(pread(self->fd, out, 1, -2)));
	EXPECT_EQ(-EINVAL, E(pwrite(self->fd, out, 1, -1)));
	EXPECT_EQ(-EINVAL, E(pread(self->fd, out, 1, INT64_MAX)));
}

/* As large as it can be, touched at both ends. */
TEST_F(dev, a_gigabyte_of_holes)
{
	static char out[IC_MIB];

	ASSERT_EQ(0, ic_set_size(self->fd, IC_MAX));
	ASSERT_EQ(3, E(pwrite(self->fd, "abcde", 5, IC_MAX - 3)));
	ASSERT_EQ(1, E(pwrite(self->fd, "x", 1, 0)));
	EXPECT_EQ(2, ic_pages(self->fd));
	EXPECT_EQ(3, E(pread(self->fd, out, sizeof(out), IC_MAX - 3)));
	EXPECT_EQ(0, memcmp(out, "abc", 3));
	EXPECT_EQ(sizeof(out), E(pread(self->fd, out, sizeof(out), 512 * IC_MIB)));
	EXPECT_TRUE(ic_all(out, sizeof(out), 0));
}

TEST_F(dev, vectors)
{
	static char in[3 * RB_PAGE], a[10], b[RB_PAGE + 1], c[3 * RB_PAGE];
	struct iovec wv[4] = {
		{ in, 1 }, { in + 1, 0 }, { in + 1, RB_PAGE }, { in + RB_PAGE + 1, 2000 },
	};
	struct iovec rv[4] = {
		{ a, sizeof(a) }, { NULL, 0 }, { b, sizeof(b) }, { c, sizeof(c) },
	};
	const size_t n = RB_PAGE + 2001;

	rb_pattern(in, sizeof(in), 77);
	ASSERT_EQ(n, E(writev(self->fd, wv, 4)));
	EXPECT_EQ(n, E(lseek(self->fd, 0, SEEK_CUR)));
	ASSERT_EQ(n, E(pwritev(self->fd, wv, 4, 5 * RB_PAGE - 3)));
	EXPECT_EQ(n, E(lseek(self->fd, 0, SEEK_CUR)));
	for (int i = 0; i < 2; i++) {
		const size_t at[] = { 0, 5 * RB_PAGE - 3 };

		memset(c, 0x55, sizeof(c));
		ASSERT_EQ(10 + RB_PAGE + 1 + sizeof(c), E(preadv(self->fd, rv, 4, at[i])));
		EXPECT_EQ(-1, rb_mismatch(a, 10, 77));
		EXPECT_EQ(-1, rb_mismatch(b, sizeof(b), 87));
		EXPECT_EQ(-1, rb_mismatch(c, n - RB_PAGE - 11, 77 + RB_PAGE + 11));
		EXPECT_EQ(0, c[n - RB_PAGE - 11]);
	}
	ASSERT_EQ(0, E(lseek(self->fd, 0, SEEK_SET)));
	ASSERT_EQ(10 + RB_PAGE + 1 + sizeof(c), E(readv(self->fd, rv, 4)));
	EXPECT_EQ(10 + RB_PAGE + 1 + sizeof(c), E(lseek(self->fd, 0, SEEK_CUR)));
	EXPECT_EQ(-1, rb_mismatch(b, sizeof(b), 87));
	/* offset -1 is the file's position */
	ASSERT_EQ(0, E(lseek(self->fd, 0, SEEK_SET)));
	ASSERT_EQ(10, E(preadv2(self->fd, rv, 1, -1, 0)));
	ASSERT_EQ(10, E(lseek(self->fd, 0, SEEK_CUR)));
	ASSERT_EQ(1, E(pwritev2(self->fd, wv, 1, -1, 0)));
	ASSERT_EQ(11, E(lseek(self->fd, 0, SEEK_CUR)));
}

/* The link of a descriptor leads to the node: opened by it, there is another memory. */
TEST_F(dev, through_proc_self_fd)
{
	char path[64], c = 'x';
	int other;

	ASSERT_EQ(1, E(write(self->fd, "a", 1)));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	other = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, other);
	EXPECT_EQ(1, E(read(other, &c, 1)));
	EXPECT_EQ(0, c);
	close(other);
}

/*
 * A position that threads share: as many bytes are read as there are, none twice
 * and none left out, as on a regular file.
 */
struct sharing {
	int fd, bad;
	uint32_t *seen;
	size_t records;
};

static void *share_reads(void *arg)
{
	struct sharing *s = arg;
	uint32_t record[64];
	ssize_t n;

	while ((n = E(read(s->fd, record, sizeof(record)))) > 0) {
		if (n != sizeof(record) || record[0] >= s->records ||
		    __atomic_add_fetch(&s->seen[record[0]], 1, __ATOMIC_RELAXED) != 1)
			__atomic_add_fetch(&s->bad, 1, __ATOMIC_RELAXED);
		for (size_t i = 1; i < ARRAY_SIZE(record); i++)
			if (record[i] != record[0] + i)
				__atomic_add_fetch(&s->bad, 1, __ATOMIC_RELAXED);
	}
	if (n < 0)
		__atomic_add_fetch(&s->bad, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void *share_writes(void *arg)
{
	struct sharing *s = arg;
	uint32_t record[64];

	for (;;) {
		uint32_t mine = __atomic_fetch_add(&s->seen[0], 1, __ATOMIC_RELAXED);
		ssize_t n;

		if (mine >= s->records)
			return NULL;
		for (size_t i = 0; i < ARRAY_SIZE(record); i++)
			record[i] = mine + i;
		n = E(write(s->fd, record, sizeof(record)));
		if (n != sizeof(record))
			__atomic_add_fetch(&s->bad, 1, __ATOMIC_RELAXED);
	}
}

TEST_F(dev, one_position_for_all)
{
	struct sharing s = { .fd = self->fd, .records = rounds(4096, 1024) };
	pthread_t threads[4];

	ASSERT_EQ(0, ic_set_size(self->fd, s.records * 256));
	s.seen = calloc(s.records, sizeof(*s.seen));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, share_writes, &s));
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, s.bad);
	EXPECT_EQ(s.records * 256, E(lseek(self->fd, 0, SEEK_CUR)));
	memset(s.seen, 0, s.records * sizeof(*s.seen));
	ASSERT_EQ(0, E(lseek(self->fd, 0, SEEK_SET)));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, share_reads, &s));
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, s.bad);
	for (size_t i = 0; i < s.records; i++)
		ASSERT_EQ(1, s.seen[i]);
	free(s.seen);
}

TEST_HARNESS_MAIN
