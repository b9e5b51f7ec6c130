// SPDX-License-Identifier: GPL-2.0
/*
 * What a program hands in: how many segments, how long, how broken.  The numbers
 * are those of import_iovec() in lib/iov_iter.c.  Built as a 32-bit program as well, whose
 * lengths are negative from 2 GiB on, and whose addresses are all in user space.
 */

#include "ic_dev.h"

#define MANY	1024
#define WIDE	(sizeof(long) == 8)

/* Each number of segments, one byte each. */
TEST_F(dev, numbers_of_segments)
{
	static const size_t counts[] = { 1, 2, 8, 9, 64, MANY };
	static char in[MANY], out[MANY];
	struct iovec v[MANY + 1];

	rb_pattern(in, sizeof(in), 3);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		size_t n = counts[i];

		for (size_t k = 0; k <= MANY; k++)
			v[k] = (struct iovec){ in + k % MANY, 1 };
		ASSERT_EQ(n, E(pwritev(self->fd, v, n, 0)));
		memset(out, 0, sizeof(out));
		for (size_t k = 0; k <= MANY; k++)
			v[k].iov_base = out + k % MANY;
		ASSERT_EQ(n, E(preadv(self->fd, v, n, 0)));
		ASSERT_EQ(-1, rb_mismatch(out, n, 3));
		ASSERT_TRUE(ic_all(out + n, MANY - n, 0));
	}
	EXPECT_EQ(-EINVAL, E(preadv(self->fd, v, MANY + 1, 0)));
	EXPECT_EQ(-EINVAL, E(pwritev(self->fd, v, MANY + 1, 0)));
	EXPECT_EQ(-EINVAL, E(syscall(SYS_readv, self->fd, v, -1)));
	/* none at all, and none that has a length: nothing to do, at any position */
	EXPECT_EQ(0, E(syscall(SYS_readv, self->fd, NULL, 0)));
	EXPECT_EQ(0, E(syscall(SYS_writev, self->fd, NULL, 0)));
	for (size_t k = 0; k < MANY; k++)
		v[k] = (struct iovec){ NULL, 0 };
	EXPECT_EQ(0, E(readv(self->fd, v, MANY)));
	EXPECT_EQ(0, E(pwritev(self->fd, v, MANY, IC_DEFAULT)));
	EXPECT_EQ(0, E(lseek(self->fd, 0, SEEK_CUR)));
}

TEST_F(dev, wrong_lengths)
{
	char c = 'x';
	struct iovec v[3] = { { &c, 1 }, { &c, 1 }, { &c, 1 } };

	for (int i = 0; i < 3; i++) {
		v[i].iov_len = (size_t)-1;
		EXPECT_EQ(-EINVAL, E(preadv(self->fd, v, 3, 0)));
		EXPECT_EQ(-EINVAL, E(pwritev(self->fd, v, 3, 0)));
		v[i].iov_len = (size_t)SSIZE_MAX + 1;
		EXPECT_EQ(-EINVAL, E(preadv(self->fd, v, 3, 0)));
		EXPECT_EQ(-EINVAL, E(pwritev(self->fd, v, 3, 0)));
		v[i].iov_len = 1;
	}
	/* as one buffer it is memory that no program has */
	if (WIDE)
		EXPECT_EQ(-EFAULT, E(syscall(SYS_pread64, self->fd, &c, -1L, 0L)));
	EXPECT_EQ(0, ic_pages(self->fd));
}

/* The array itself, and addresses that no program can have: before any byte moves. */
TEST_F(dev, wrong_addresses)
{
	char *cliff = ic_cliff(2), c = 'x';
	/* the array's second element is not there */
	struct iovec *half = (struct iovec *)(cliff + RB_PAGE - sizeof(*half));
	struct iovec v[3] = { { &c, 1 }, { &c, 1 }, { &c, 1 } };

	*half = v[0];
	EXPECT_EQ(-EFAULT, E(pwritev(self->fd, half, 2, 0)));
	EXPECT_EQ(-EFAULT, E(preadv(self->fd, half, 2, 0)));
	EXPECT_EQ(-EFAULT, E(syscall(SYS_preadv, self->fd, 16L, 1L, 0L, 0L)));
	EXPECT_EQ(1, E(preadv(self->fd, half, 1, 0)));
	for (int i = 0; i < 3; i++) {
		/* of 32 bits, none is: there the bytes before it count */
		v[i].iov_base = (void *)(WIDE ? 1UL << (sizeof(long) * 8 - 1) : -RB_PAGE);
		EXPECT_EQ(WIDE || !i ? -EFAULT : i, E(pwritev(self->fd, v, 3, 0)));
		EXPECT_EQ(WIDE || !i ? -EFAULT : i, E(preadv(self->fd, v, 3, 0)));
		v[i].iov_base = &c;
	}
	EXPECT_EQ(WIDE ? 0 : 1, ic_pages(self->fd));
	munmap(cliff, 2 * RB_PAGE);
}

/*
 * A fault in each segment, at each class of place in it: what came before counts, and
 * not a byte more; a fault at the first byte is EFAULT, and the position stays.
 */
TEST_F(dev, fault_in_each_segment)
{
	enum { segments = 5, len = 3000 };
	static const size_t good[] = { 0, 1, 1500, len - 1 };
	char *cliff = ic_cliff(2), *edge = cliff + RB_PAGE;
	static char buf[segments][len], out[segments * len];
	struct iovec v[segments];

	rb_pattern(out, sizeof(out), 9);
	ASSERT_EQ(sizeof(out), E(pwrite(self->fd, out, sizeof(out), 0)));
	for (int bad = 0; bad < segments; bad++) {
		for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
			size_t want = bad * len + good[i], total = segments * len;
			long ret = want ? (long)want : -EFAULT;

			for (int k = 0; k < segments; k++)
				v[k] = (struct iovec){ buf[k], len };
			v[bad].iov_base = edge - good[i];
			memset(buf, 0x55, sizeof(buf));
			memset(cliff, 0x55, RB_PAGE);

			ASSERT_EQ(0, E(lseek(self->fd, 0, SEEK_SET)));
			ASSERT_EQ(ret, E(readv(self->fd, v, segments)));
			ASSERT_EQ(want, E(lseek(self->fd, 0, SEEK_CUR)));
			for (int k = 0; k < bad; k++)
				ASSERT_EQ(-1, rb_mismatch(buf[k], len, 9 + k * len));
			ASSERT_EQ(-1, rb_mismatch(edge - good[i], good[i], 9 + bad * len));
			for (int k = bad + 1; k < segments; k++)
				ASSERT_TRUE(ic_all(buf[k], len, 0x55));
			/* the next call from there says what it is */
			if (good[i])
				ASSERT_EQ(-EFAULT, E(pread(self->fd, edge, 1, want)));

			/* the same the other way, at a place of its own */
			for (int k = 0; k < bad; k++)
				rb_pattern(buf[k], len, k * len);
			rb_pattern(edge - good[i], good[i], bad * len);
			ASSERT_EQ(ret, E(pwritev(self->fd, v, segments, IC_MIB)));
			ASSERT_EQ(total, E(pread(self->fd, out, total, IC_MIB)));
			ASSERT_EQ(-1, rb_mismatch(out, want, 0));
			ASSERT_TRUE(ic_all(out + want, total - want, 0));
			memset(out, 0, total);
			ASSERT_EQ(total, E(pwrite(self->fd, out, total, IC_MIB)));
		}
	}
	munmap(cliff, 2 * RB_PAGE);
}

/* A fault in the middle of a long single buffer: a prefix, then EFAULT. */
TEST_F(dev, fault_in_a_long_buffer)
{
	const size_t pages = 200, good = (pages - 1) * RB_PAGE;
	char *cliff = ic_cliff(pages);

	rb_pattern(cliff, good, 1);
	EXPECT_EQ(good, E(pwrite(self->fd, cliff, pages * RB_PAGE, 5)));
	memset(cliff, 0, good);
	EXPECT_EQ(good, E(pread(self->fd, cliff, pages * RB_PAGE, 5)));
	EXPECT_EQ(-1, rb_mismatch(cliff, good, 1));
	EXPECT_EQ(-EFAULT, E(pread(self->fd, cliff + good, 1, 0)));
	EXPECT_EQ(-EFAULT, E(pwrite(self->fd, cliff + good, 1, 0)));
	/* a hole that is read to a bad address is a fault, too */
	EXPECT_EQ(-EFAULT, E(pread(self->fd, cliff + good, 1, 32 * IC_MIB)));
	munmap(cliff, pages * RB_PAGE);
}

/* Nothing, then something: it has to get on. */
TEST_F(dev, empty_segments_in_front)
{
	char c[4] = "";
	struct iovec v[5] = {
		{ NULL, 0 }, { c, 1 }, { (void *)8, 0 }, { c + 1, 2 }, { c, 0 },
	};

	ASSERT_EQ(3, E(write(self->fd, "abc", 3)));
	EXPECT_EQ(3, E(preadv(self->fd, v, 5, 0)));
	EXPECT_EQ(0, memcmp(c, "abc", 4));
	EXPECT_EQ(0, E(preadv(self->fd, v, 1, 0)));
	EXPECT_EQ(3, E(pwritev(self->fd, v, 5, RB_PAGE - 2)));
	memset(c, 0, sizeof(c));
	EXPECT_EQ(3, E(pread(self->fd, c, 3, RB_PAGE - 2)));
	EXPECT_EQ(0, memcmp(c, "abc", 4));
}

/* Segments that are the same memory: each is done in its turn. */
TEST_F(dev, segments_overlap)
{
	char buf[16] = "0123456789abcde", out[64];
	struct iovec v[4] = {
		{ buf, 8 }, { buf + 4, 8 }, { buf, 16 }, { buf + 2, 3 },
	};

	ASSERT_EQ(35, E(pwritev(self->fd, v, 4, 0)));
	ASSERT_EQ(35, E(pread(self->fd, out, 35, 0)));
	EXPECT_EQ(0, memcmp(out, "01234567456789ab0123456789abcde\000234", 35));
	/* reading: the last to come stays */
	rb_pattern(out, 32, 0);
	ASSERT_EQ(32, E(pwrite(self->fd, out, 32, 0)));
	ASSERT_EQ(16, E(preadv(self->fd, v, 2, 0)));
	EXPECT_EQ(-1, rb_mismatch(buf, 4, 0));
	EXPECT_EQ(-1, rb_mismatch(buf + 4, 8, 8));
}

/* The sum of lengths is cut to what one call moves, without a word. */
TEST_F(dev, more_than_a_call_can_move)
{
	const size_t len = 1UL << 30;
	struct ferrio_ic_info info;
	struct iovec v[4];
	char *p = ic_memory(len, PROT_READ | PROT_WRITE);

	ASSERT_EQ(0, ic_set_size(self->fd, 16 * RB_PAGE));
	for (int i = 0; i < 4; i++)
		v[i] = (struct iovec){ p, len };
	p[0] = 'a';
	/* 4 GiB, 2 GiB less a page are taken, 16 pages fit */
	EXPECT_EQ(16 * RB_PAGE, E(pwritev(self->fd, v, 4, 0)));
	EXPECT_EQ(16 * RB_PAGE, E(preadv(self->fd, v, 4, 0)));
	/* a length as long as a length may be */
	v[0].iov_len = SSIZE_MAX;
	v[1].iov_len = SSIZE_MAX;
	EXPECT_EQ(WIDE ? -EFAULT : 16 * (long)RB_PAGE, E(preadv(self->fd, v, 2, 0)));
	ic_info(self->fd, &info);
	EXPECT_EQ(16 * RB_PAGE, info.stored_bytes);
	munmap(p, len);
}

TEST_HARNESS_MAIN
