// SPDX-License-Identifier: GPL-2.0
/* open(2), the ioctls, fdinfo; built as a 32-bit program as well. */

#include <sys/stat.h>
#include <sys/wait.h>

#include "ic_dev.h"

TEST_F(dev, mode_of_the_node)
{
	struct stat st;
	int status;
	pid_t pid;

	ASSERT_EQ(0, stat(FERRIO_IC_DEVICE, &st));
	EXPECT_EQ(S_IFCHR | 0600, st.st_mode);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (setresuid(4711, 4711, 4711))
			_exit(1);
		_exit(E(open(FERRIO_IC_DEVICE, O_RDONLY)) == -EACCES ? 0 : 2);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* Each way to open gives what it says and no more. */
TEST_F(dev, open_modes)
{
	char c = 'x';
	int r = ic_open(O_RDONLY), w = ic_open(O_WRONLY);

	EXPECT_EQ(-EBADF, E(write(r, &c, 1)));
	EXPECT_EQ(-EBADF, E(pwrite(r, &c, 1, 0)));
	EXPECT_EQ(1, E(read(r, &c, 1)));
	EXPECT_EQ(0, c);
	EXPECT_EQ(-EBADF, E(read(w, &c, 1)));
	EXPECT_EQ(-EBADF, E(pread(w, &c, 1, 0)));
	EXPECT_EQ(1, E(write(w, &c, 1)));
	close(r);
	close(w);
}

TEST_F(dev, o_direct_is_einval)
{
	EXPECT_EQ(-EINVAL, E(open(FERRIO_IC_DEVICE, O_RDWR | O_DIRECT)));
	EXPECT_EQ(-EINVAL, E(fcntl(self->fd, F_SETFL, O_DIRECT)));
	EXPECT_EQ(3, E(write(self->fd, "abc", 3)));
}

/* Two opens are two memories; O_TRUNC, O_CREAT and O_NONBLOCK change nothing. */
TEST_F(dev, opens_are_apart)
{
	int other = ic_open(O_RDWR | O_TRUNC | O_NONBLOCK);
	char c = 'x';

	ASSERT_EQ(3, E(write(self->fd, "abc", 3)));
	EXPECT_EQ(1, E(pread(other, &c, 1, 0)));
	EXPECT_EQ(0, c);
	EXPECT_EQ(1, E(write(other, "y", 1)));
	EXPECT_EQ(1, E(pread(self->fd, &c, 1, 0)));
	EXPECT_EQ('a', c);
	close(other);
}

TEST_F(dev, info)
{
	struct ferrio_ic_info info;

	ic_info(self->fd, &info);
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_EQ(88, sizeof(info));
	EXPECT_EQ(FERRIO_IC_ABI_VERSION, info.abi_version);
	EXPECT_EQ(FERRIO_IC_FEAT_MAP | FERRIO_IC_FEAT_SPLICE | FERRIO_IC_FEAT_COPYV |
		  FERRIO_IC_FEAT_CRC32C, info.features);
	EXPECT_EQ(RB_PAGE, info.min_bytes);
	EXPECT_EQ(IC_MAX, info.max_bytes);
	EXPECT_EQ(IC_DEFAULT, info.default_bytes);
	EXPECT_EQ(IC_ALL, info.all_max_bytes);
	EXPECT_EQ(0, info.all_bytes);
	EXPECT_EQ(IC_DEFAULT, info.bytes);
	EXPECT_EQ(0, info.stored_bytes);
	EXPECT_EQ(IC_MAX_RW, info.copy_max_bytes);
	EXPECT_EQ(1024, info.max_segments);
	EXPECT_EQ(0, info.state);

	ASSERT_EQ(2, E(pwrite(self->fd, "ab", 2, RB_PAGE - 1)));
	ic_info(self->fd, &info);
	EXPECT_EQ(2 * RB_PAGE, info.stored_bytes);
	EXPECT_EQ((2 + ic_tables(2)) * RB_PAGE, info.all_bytes);
	EXPECT_EQ(FERRIO_IC_STATE_FIXED, info.state);
}

TEST_F(dev, sizes)
{
	static const struct { uint64_t bytes; long ret; } tries[] = {
		{ 0, -EINVAL }, { 1, -EINVAL }, { RB_PAGE - 1, -EINVAL },
		{ RB_PAGE + 1, -EINVAL }, { IC_MAX + RB_PAGE, -EINVAL },
		{ 1ULL << 32, -EINVAL }, { 1ULL << 63, -EINVAL },
		{ (1ULL << 63) + RB_PAGE, -EINVAL }, { UINT64_MAX, -EINVAL },
		{ IC_MAX, 0 }, { 3 * RB_PAGE, 0 }, { RB_PAGE, 0 },
	};
	struct ferrio_ic_info info;
	uint64_t now = IC_DEFAULT;

	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		EXPECT_EQ(tries[i].ret, ic_set_size(self->fd, tries[i].bytes));
		if (!tries[i].ret)
			now = tries[i].bytes;
		ic_info(self->fd, &info);
		EXPECT_EQ(now, info.bytes);
		EXPECT_EQ(now, rb_fdinfo(self->fd, "ic-bytes"));
		EXPECT_EQ(0, rb_fdinfo(self->fd, "ic-fixed"));
	}
}

/* What does not depend on the size does not fix it; the first byte does. */
TEST_F(dev, size_is_fixed_by_the_first_write)
{
	char c;

	EXPECT_EQ(1, E(read(self->fd, &c, 1)));
	EXPECT_EQ(0, E(write(self->fd, &c, 0)));
	EXPECT_EQ(IC_DEFAULT, E(lseek(self->fd, 0, SEEK_END)));
	EXPECT_EQ(0, ic_set_size(self->fd, 2 * RB_PAGE));
	/* the position is behind the end now */
	EXPECT_EQ(IC_DEFAULT, E(lseek(self->fd, 0, SEEK_CUR)));
	EXPECT_EQ(0, E(read(self->fd, &c, 1)));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "ic-fixed"));
	/* a write that fails has looked at the size, too */
	EXPECT_EQ(-ENOSPC, E(write(self->fd, "x", 1)));
	EXPECT_EQ(1, rb_fdinfo(self->fd, "ic-fixed"));
	EXPECT_EQ(-EBUSY, ic_set_size(self->fd, 3 * RB_PAGE));
	EXPECT_EQ(-EBUSY, ic_set_size(self->fd, 2 * RB_PAGE));
	EXPECT_EQ(-EINVAL, ic_set_size(self->fd, 1));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "ic-stored"));
	EXPECT_EQ(1, E(pwrite(self->fd, "x", 1, 2 * RB_PAGE - 1)));
	EXPECT_EQ(RB_PAGE, rb_fdinfo(self->fd, "ic-stored"));
}

TEST_F(dev, size_is_fixed_by_mmap)
{
	void *p = mmap(NULL, RB_PAGE, PROT_READ, MAP_SHARED, self->fd, 0);

	ASSERT_TRUE(p != MAP_FAILED);
	EXPECT_EQ(-EBUSY, ic_set_size(self->fd, RB_PAGE));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "ic-stored"));
	munmap(p, RB_PAGE);
}

TEST_F(dev, wrong_ioctls)
{
	struct ferrio_ic_size size = { .size = sizeof(size), .bytes = RB_PAGE };
	struct {
		struct ferrio_ic_size known;
		uint64_t tail;
	} longer = { .known.size = sizeof(longer), .known.bytes = RB_PAGE };
	struct ferrio_ic_info info = { .size = sizeof(info) - 1 };

	EXPECT_EQ(-ENOTTY, E(ioctl(self->fd, FERRIO_IC_COPYV + 1, &size)));
	EXPECT_EQ(-ENOTTY, E(ioctl(self->fd, _IO(FERRIO_IC_IOC_TYPE, 0x81), &size)));
	EXPECT_EQ(-ENOTTY, E(ioctl(self->fd, 0, &size)));
	EXPECT_EQ(-EFAULT, E(ioctl(self->fd, FERRIO_IC_SET_SIZE, NULL)));
	EXPECT_EQ(-EFAULT, E(ioctl(self->fd, FERRIO_IC_GET_INFO, NULL)));
	EXPECT_EQ(-EINVAL, E(ioctl(self->fd, FERRIO_IC_GET_INFO, &info)));
	size.flags = 1;
	EXPECT_EQ(-EINVAL, E(ioctl(self->fd, FERRIO_IC_SET_SIZE, &size)));
	size.flags = 0;
	size.size = sizeof(size) - 1;
	EXPECT_EQ(-EINVAL, E(ioctl(self->fd, FERRIO_IC_SET_SIZE, &size)));
	EXPECT_EQ(0, E(ioctl(self->fd, FERRIO_IC_SET_SIZE, &longer)));
	longer.tail = 1;
	EXPECT_EQ(-E2BIG, E(ioctl(self->fd, FERRIO_IC_SET_SIZE, &longer)));
	longer.known.size = RB_PAGE + 1;
	longer.tail = 0;
	EXPECT_EQ(-E2BIG, E(ioctl(self->fd, FERRIO_IC_SET_SIZE, &longer)));
	EXPECT_EQ(RB_PAGE, rb_fdinfo(self->fd, "ic-bytes"));
}

TEST_F(dev, sync_succeeds_and_fallocate_does_not)
{
	EXPECT_EQ(0, E(fsync(self->fd)));
	EXPECT_EQ(0, E(fdatasync(self->fd)));
	EXPECT_EQ(-ENODEV, E(fallocate(self->fd, 0, 0, RB_PAGE)));
	EXPECT_EQ(-EINVAL, E(ftruncate(self->fd, 0)));
}

TEST_HARNESS_MAIN
