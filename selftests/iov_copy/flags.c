// SPDX-License-Identifier: GPL-2.0
/* Each flag of preadv2 and pwritev2, and the flags of open(2) that mean the same. */

#include "ic_dev.h"

#define AT	(10 * RB_PAGE)	/* a page that is there */
#define HOLE	(20 * RB_PAGE)	/* one that is not */

static long rd(int fd, long at, int flags)
{
	char c = 'x';
	struct iovec v = { &c, 1 };
	long ret = E(preadv2(fd, &v, 1, at, flags));

	return ret == 1 && c != (at == AT ? 'a' : 0) ? -EBADMSG : ret;
}

static long wr(int fd, long at, int flags)
{
	struct iovec v = { "a", 1 };

	return E(pwritev2(fd, &v, 1, at, flags));
}

FIXTURE(flag) {
	int fd;
	long live;
};

FIXTURE_VARIANT(flag) {
	int flag;
	long read, write, hole;	/* what one byte gives; the last: written to a hole */
};

FIXTURE_VARIANT_ADD(flag, none) {
	.flag = 0, .read = 1, .write = 1, .hole = 1,
};

FIXTURE_VARIANT_ADD(flag, hipri) {
	.flag = RWF_HIPRI, .read = 1, .write = 1, .hole = 1,
};

FIXTURE_VARIANT_ADD(flag, dsync) {
	.flag = RWF_DSYNC, .read = 1, .write = 1, .hole = 1,
};

FIXTURE_VARIANT_ADD(flag, sync) {
	.flag = RWF_SYNC, .read = 1, .write = 1, .hole = 1,
};

FIXTURE_VARIANT_ADD(flag, dsync_sync) {
	.flag = RWF_DSYNC | RWF_SYNC, .read = 1, .write = 1, .hole = 1,
};

FIXTURE_VARIANT_ADD(flag, nowait) {
	.flag = RWF_NOWAIT, .read = 1, .write = 1, .hole = -EAGAIN,
};

FIXTURE_VARIANT_ADD(flag, append) {
	.flag = RWF_APPEND, .read = 1, .write = -ENOSPC, .hole = -ENOSPC,
};

FIXTURE_VARIANT_ADD(flag, noappend) {
	.flag = RWF_NOAPPEND, .read = 1, .write = 1, .hole = 1,
};

FIXTURE_VARIANT_ADD(flag, append_noappend) {
	.flag = RWF_APPEND | RWF_NOAPPEND, .read = -EINVAL, .write = -EINVAL, .hole = -EINVAL,
};

FIXTURE_VARIANT_ADD(flag, nowait_append) {
	.flag = RWF_NOWAIT | RWF_APPEND, .read = 1, .write = -ENOSPC, .hole = -ENOSPC,
};

FIXTURE_VARIANT_ADD(flag, atomic) {
	.flag = RWF_ATOMIC, .read = -EOPNOTSUPP, .write = -EOPNOTSUPP, .hole = -EOPNOTSUPP,
};

FIXTURE_VARIANT_ADD(flag, dontcache) {
	.flag = RWF_DONTCACHE, .read = -EOPNOTSUPP, .write = -EOPNOTSUPP, .hole = -EOPNOTSUPP,
};

FIXTURE_VARIANT_ADD(flag, nosignal) {
	.flag = RWF_NOSIGNAL, .read = 1, .write = 1, .hole = 1,
};

FIXTURE_VARIANT_ADD(flag, unknown) {
	.flag = 0x200, .read = -EOPNOTSUPP, .write = -EOPNOTSUPP, .hole = -EOPNOTSUPP,
};

FIXTURE_VARIANT_ADD(flag, unknown_high) {
	.flag = 0x40000000, .read = -EOPNOTSUPP, .write = -EOPNOTSUPP, .hole = -EOPNOTSUPP,
};

FIXTURE_SETUP(flag)
{
	self->live = rb_live_pages();
	self->fd = ic_open(O_RDWR);
	if (pwrite(self->fd, "a", 1, AT) != 1)
		rb_die("the first byte: %s", strerror(errno));
}

FIXTURE_TEARDOWN(flag)
{
	close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
}

TEST_F(flag, reads_and_writes)
{
	EXPECT_EQ(variant->read, rd(self->fd, AT, variant->flag));
	EXPECT_EQ(variant->read, rd(self->fd, HOLE, variant->flag));
	EXPECT_EQ(variant->write, wr(self->fd, AT, variant->flag));
	EXPECT_EQ(1, ic_pages(self->fd));
	EXPECT_EQ(variant->hole, wr(self->fd, HOLE, variant->flag));
	EXPECT_EQ(variant->hole == 1 ? 2 : 1, ic_pages(self->fd));
	/* at the end, and behind it */
	EXPECT_EQ(variant->read == 1 ? 0 : variant->read, rd(self->fd, IC_DEFAULT, variant->flag));
	EXPECT_EQ(variant->write == 1 ? -ENOSPC : variant->write,
		  wr(self->fd, IC_DEFAULT, variant->flag));
}

/* RWF_NOWAIT writes all of it, or nothing where a page has to be made. */
TEST_F(dev, nowait_and_a_hole_anywhere)
{
	static char in[4 * RB_PAGE], out[6 * RB_PAGE];
	struct iovec v[2] = { { in, 100 }, { in + 100, 2 * RB_PAGE - 100 } };

	/* pages 0, 1 and 3 */
	ASSERT_EQ(2 * RB_PAGE, E(pwrite(self->fd, out, 2 * RB_PAGE, 0)));
	ASSERT_EQ(1, E(pwrite(self->fd, out, 1, 3 * RB_PAGE)));
	rb_pattern(in, sizeof(in), 5);
	EXPECT_EQ(2 * RB_PAGE, E(pwritev2(self->fd, v, 2, -1, RWF_NOWAIT)));
	EXPECT_EQ(2 * RB_PAGE, E(lseek(self->fd, 0, SEEK_CUR)));
	/* a hole in front, in the middle, behind */
	EXPECT_EQ(-EAGAIN, E(pwritev2(self->fd, v, 2, -1, RWF_NOWAIT)));
	EXPECT_EQ(2 * RB_PAGE, E(lseek(self->fd, 0, SEEK_CUR)));
	v[1].iov_len = 4 * RB_PAGE - 100;
	EXPECT_EQ(-EAGAIN, E(pwritev2(self->fd, v, 2, 0, RWF_NOWAIT)));
	v[1].iov_len = 2 * RB_PAGE - 100;
	EXPECT_EQ(-EAGAIN, E(pwritev2(self->fd, v, 2, 1, RWF_NOWAIT)));
	EXPECT_EQ(-EAGAIN, E(pwritev2(self->fd, v, 2, 3 * RB_PAGE, RWF_NOWAIT)));
	EXPECT_EQ(3, ic_pages(self->fd));
	ASSERT_EQ(sizeof(out), E(pread(self->fd, out, sizeof(out), 0)));
	EXPECT_EQ(-1, rb_mismatch(out, 2 * RB_PAGE, 5));
	EXPECT_TRUE(ic_all(out + 2 * RB_PAGE, sizeof(out) - 2 * RB_PAGE, 0));
	/* the end is no hole */
	ASSERT_EQ(1, E(pwrite(self->fd, "x", 1, IC_DEFAULT - 1)));
	EXPECT_EQ(100, E(pwritev2(self->fd, v, 2, IC_DEFAULT - 100, RWF_NOWAIT)));
}

/* On an O_NONBLOCK file nobody would come back without the flag. */
TEST_F(dev, nonblock_changes_nothing)
{
	int fd = ic_open(O_RDWR | O_NONBLOCK);
	char c;

	EXPECT_EQ(1, E(write(fd, "a", 1)));
	EXPECT_EQ(1, wr(fd, HOLE, RWF_NOWAIT));
	EXPECT_EQ(2, ic_pages(fd));
	EXPECT_EQ(1, E(pread(fd, &c, 1, IC_MIB)));
	EXPECT_EQ(0, c);
	close(fd);
}

TEST_F(dev, append)
{
	int fd = ic_open(O_RDWR | O_APPEND);

	EXPECT_EQ(-ENOSPC, E(write(fd, "a", 1)));
	EXPECT_EQ(-ENOSPC, wr(fd, 0, 0));
	EXPECT_EQ(0, E(write(fd, "a", 0)));
	EXPECT_EQ(0, ic_pages(fd));
	EXPECT_EQ(1, wr(fd, AT, RWF_NOAPPEND));
	EXPECT_EQ(1, rd(fd, AT, 0));
	/* set later */
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_APPEND));
	EXPECT_EQ(-ENOSPC, wr(self->fd, 0, 0));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	EXPECT_EQ(1, wr(self->fd, 0, 0));
	close(fd);
}

TEST_F(dev, sync_on_open)
{
	int fd = ic_open(O_RDWR | O_SYNC);

	EXPECT_EQ(1, wr(fd, AT, 0));
	EXPECT_EQ(1, rd(fd, AT, 0));
	close(fd);
}

TEST_HARNESS_MAIN
