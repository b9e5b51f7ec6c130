// SPDX-License-Identifier: GPL-2.0
/* What a blob answers: every way to read it, and none to change it. */
#define _GNU_SOURCE
#include <sys/sendfile.h>
#include <sys/sysmacros.h>

#include "fl.h"

#define LEN	10001UL		/* three pages, the last one in part */

FIXTURE(blob) {
	int dev;
	int fd;
	int fds;
	long live;
	struct stat st;
};

FIXTURE_SETUP(blob)
{
	int file;

	self->live = rb_live_pages();
	self->fds = rb_count_fds();
	self->dev = fl_open();
	file = fl_file(LEN);
	fstat(file, &self->st);
	self->fd = fl_load_fd(self->dev, file);
	if (self->fd < 0)
		rb_die("load: %d", self->fd);
	close(file);
}

FIXTURE_TEARDOWN(blob)
{
	struct ferrio_fl_info info;

	close(self->fd);
	fl_info(self->dev, &info);
	EXPECT_EQ(0, info.user_blobs);
	EXPECT_EQ(0, info.user_bytes);
	close(self->dev);
	unlink(FL_FILE);
	EXPECT_EQ(self->fds, rb_count_fds());
	EXPECT_TRUE(rb_pages_return(self->live));
}

TEST_F(blob, descriptor)
{
	char c;

	EXPECT_EQ(FD_CLOEXEC, E(fcntl(self->fd, F_GETFD)));
	EXPECT_EQ(O_RDONLY, E(fcntl(self->fd, F_GETFL)) & O_ACCMODE);
	EXPECT_EQ(-EBADF, E(write(self->fd, "x", 1)));
	EXPECT_EQ(-EBADF, E(pwrite(self->fd, "x", 1, 0)));
	EXPECT_EQ(-EINVAL, E(ftruncate(self->fd, 0)));
	EXPECT_EQ(-ENOTTY, E(ioctl(self->fd, FERRIO_FL_GET_INFO, &c)));
	EXPECT_EQ(-EINVAL, E(pread(self->fd, &c, 1, -1)));
}

TEST_F(blob, read)
{
	void *volatile nowhere = (void *)8;
	char buf[LEN + 10];
	struct iovec iov[] = { { buf, 4000 }, { NULL, 0 }, { buf + 4000, LEN } };

	memset(buf, 'x', sizeof(buf));
	EXPECT_EQ(3, E(read(self->fd, buf, 3)));
	EXPECT_EQ(LEN - 3, E(read(self->fd, buf + 3, LEN + 7)));
	EXPECT_EQ(-1, rb_mismatch(buf, LEN, 0));
	EXPECT_EQ('x', buf[LEN]);
	EXPECT_EQ(0, E(read(self->fd, buf, 1)));
	EXPECT_EQ(LEN, E(preadv(self->fd, iov, 3, 0)));
	EXPECT_EQ(-1, rb_mismatch(buf, LEN, 0));
	EXPECT_EQ(1, E(pread(self->fd, buf, 9, LEN - 1)));
	EXPECT_EQ(-1, rb_mismatch(buf, 1, LEN - 1));
	EXPECT_EQ(0, E(pread(self->fd, buf, 9, LEN)));
	EXPECT_EQ(0, E(pread(self->fd, buf, 9, INT64_MAX - 9)));
	EXPECT_EQ(-EFAULT, E(pread(self->fd, nowhere, 9, 0)));
	EXPECT_EQ(4096, E(preadv2(self->fd, &(struct iovec) { buf, 4096 }, 1, 4096,
				  RWF_NOWAIT)));
	EXPECT_EQ(-1, rb_mismatch(buf, 4096, 4096));
}

TEST_F(blob, seek)
{
	EXPECT_EQ(LEN, E(lseek(self->fd, 0, SEEK_END)));
	EXPECT_EQ(-EINVAL, E(lseek(self->fd, 1, SEEK_END)));
	EXPECT_EQ(LEN - 1, E(lseek(self->fd, -1, SEEK_CUR)));
	EXPECT_EQ(5, E(lseek(self->fd, 5, SEEK_SET)));
	EXPECT_EQ(-EINVAL, E(lseek(self->fd, -1, SEEK_SET)));
	EXPECT_EQ(7, E(lseek(self->fd, 7, SEEK_DATA)));
	EXPECT_EQ(LEN, E(lseek(self->fd, 7, SEEK_HOLE)));
	EXPECT_EQ(-ENXIO, E(lseek(self->fd, LEN, SEEK_DATA)));
	EXPECT_EQ(-ENXIO, E(lseek(self->fd, LEN, SEEK_HOLE)));
	EXPECT_EQ(-ENXIO, E(lseek(self->fd, -1, SEEK_DATA)));
	EXPECT_EQ(-EINVAL, E(lseek(self->fd, 0, 99)));
}

TEST_F(blob, splice)
{
	char buf[LEN];
	int ends[2], out;
	loff_t at = 1;
	off_t off = 4095;

	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(3, E(splice(self->fd, NULL, ends[1], NULL, 3, 0)));
	EXPECT_EQ(3, E(lseek(self->fd, 0, SEEK_CUR)));
	EXPECT_EQ(LEN - 1, E(splice(self->fd, &at, ends[1], NULL, 1 << 20, 0)));
	EXPECT_EQ(LEN, at);
	EXPECT_EQ(0, E(splice(self->fd, &at, ends[1], NULL, 1, 0)));
	EXPECT_EQ(3, E(read(ends[0], buf, 3)));
	EXPECT_EQ(-1, rb_mismatch(buf, 3, 0));
	EXPECT_EQ(LEN - 1, E(read(ends[0], buf, LEN)));
	EXPECT_EQ(-1, rb_mismatch(buf, LEN - 1, 1));
	EXPECT_EQ(-EBADF, E(splice(ends[0], NULL, self->fd, NULL, 1, 0)));
	close(ends[0]);
	close(ends[1]);

	out = memfd_create("out", 0);
	ASSERT_LE(0, out);
	EXPECT_EQ(LEN - 4095, E(sendfile(out, self->fd, &off, 1 << 20)));
	EXPECT_EQ(LEN, off);
	EXPECT_EQ(LEN - 4095, E(pread(out, buf, LEN, 0)));
	EXPECT_EQ(-1, rb_mismatch(buf, LEN - 4095, 4095));
	EXPECT_EQ(-EINVAL, E(copy_file_range(self->fd, NULL, out, NULL, 1, 0)));
	close(out);
}

static long map_errno(int fd, size_t len, int prot, int flags, off_t offset)
{
	void *map = mmap(NULL, len, prot, flags, fd, offset);

	if (map == MAP_FAILED)
		return -errno;
	munmap(map, len);
	return 0;
}

TEST_F(blob, map)
{
	static const int kinds[] = { MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE };
	static const char nothing[3 * RB_PAGE - LEN];
	int mem = open("/proc/self/mem", O_RDWR);
	char c = 'x';

	ASSERT_LE(0, mem);
	for (int i = 0; i < ARRAY_SIZE(kinds); i++) {
		char *map = mmap(NULL, LEN, PROT_READ, kinds[i], self->fd, 0);

		ASSERT_TRUE(map != MAP_FAILED);
		EXPECT_EQ(-1, rb_mismatch(map, LEN, 0));
		/* Behind the end there is nothing. */
		EXPECT_EQ(0, memcmp(map + LEN, nothing, 3 * RB_PAGE - LEN));
		EXPECT_EQ(-EACCES, E(mprotect(map, LEN, PROT_READ | PROT_WRITE)));
		EXPECT_EQ(-EACCES, E(mprotect(map, LEN, PROT_READ | PROT_EXEC)));
		EXPECT_EQ(-EINVAL, E(mprotect(map, RB_PAGE, PROT_NONE)));
		EXPECT_EQ(-EINVAL, E(munmap(map, RB_PAGE)));
		EXPECT_EQ(-EIO, E(pwrite(mem, &c, 1, (uintptr_t)map)));
		EXPECT_EQ(1, E(pread(mem, &c, 1, (uintptr_t)map)));
		EXPECT_EQ(-1, rb_mismatch(&c, 1, 0));
		/* A read into the window is a fault that cannot be mended. */
		EXPECT_EQ(-EFAULT, E(pread(self->fd, map, 10, 0)));
		EXPECT_EQ(0, E(madvise(map, LEN, MADV_DONTNEED)));
		EXPECT_EQ(-1, rb_mismatch(map, LEN, 0));
		EXPECT_EQ(0, munmap(map, LEN));
	}
	close(mem);
	EXPECT_EQ(-EACCES, map_errno(self->fd, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, 0));
	EXPECT_EQ(-EPERM, map_errno(self->fd, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0));
	EXPECT_EQ(-EPERM, map_errno(self->fd, LEN, PROT_WRITE, MAP_PRIVATE, 0));
	EXPECT_EQ(-EPERM, map_errno(self->fd, LEN, PROT_READ | PROT_EXEC, MAP_SHARED, 0));
	EXPECT_EQ(-EPERM, map_errno(self->fd, LEN, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0));
	EXPECT_EQ(0, map_errno(self->fd, RB_PAGE, PROT_READ, MAP_SHARED, 2 * RB_PAGE));
	EXPECT_EQ(-EINVAL, map_errno(self->fd, RB_PAGE, PROT_READ, MAP_SHARED, 3 * RB_PAGE));
	EXPECT_EQ(-EINVAL, map_errno(self->fd, 4 * RB_PAGE, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(-EINVAL, map_errno(self->fd, 2 * RB_PAGE, PROT_READ, MAP_PRIVATE,
				     2 * RB_PAGE));
}

/* A blob needs neither the file nor the device, and a window not the blob. */
TEST_F(blob, outlives)
{
	char *map = mmap(NULL, LEN, PROT_READ, MAP_SHARED, self->fd, 0);
	struct ferrio_fl_info info;
	char buf[LEN];
	int status, file;
	pid_t pid;

	ASSERT_TRUE(map != MAP_FAILED);
	close(self->dev);
	file = open(FL_FILE, O_WRONLY | O_TRUNC);
	ASSERT_LE(0, file);
	ASSERT_EQ(3, write(file, "new", 3));
	close(file);
	unlink(FL_FILE);
	EXPECT_EQ(LEN, E(read(self->fd, buf, LEN)));
	EXPECT_EQ(-1, rb_mismatch(buf, LEN, 0));
	close(self->fd);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(rb_mismatch(map, LEN, 0) == -1 ? 0 : 1);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(-1, rb_mismatch(map, LEN, 0));
	EXPECT_EQ(self->live + 3, rb_live_pages());
	/* It counts for as long as one of its pages can be seen. */
	self->dev = fl_open();
	fl_info(self->dev, &info);
	EXPECT_EQ(1, info.user_blobs);
	EXPECT_EQ(3 * RB_PAGE, info.user_bytes);
	munmap(map, LEN);
	fl_info(self->dev, &info);
	EXPECT_EQ(0, info.user_blobs);
	self->fd = -1;
	EXPECT_TRUE(rb_pages_return(self->live));
}

TEST_F(blob, info)
{
	struct ferrio_fl_blob info, again;
	char path[100];

	EXPECT_EQ(208, sizeof(info));
	fl_blob_info(self->fd, &info);
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_EQ(FERRIO_FL_FROM_FD, info.source);
	EXPECT_EQ(FERRIO_FL_FIRMWARE, info.purpose);
	EXPECT_EQ(0, info.uid);
	EXPECT_EQ(LEN, info.bytes);
	EXPECT_EQ(0, info.verity_algorithm);
	EXPECT_EQ(0, info.verity_bytes);
	EXPECT_EQ(major(self->st.st_dev), info.dev_major);
	EXPECT_EQ(minor(self->st.st_dev), info.dev_minor);
	EXPECT_EQ(self->st.st_ino, info.inode);
	EXPECT_EQ(self->st.st_mtim.tv_sec, info.mtime_sec);
	EXPECT_EQ(self->st.st_mtim.tv_nsec, info.mtime_nsec);
	EXPECT_LT(0, info.open_ns);
	EXPECT_LT(0, info.memory_ns);
	EXPECT_LT(0, info.read_ns);
	EXPECT_LT(0, info.digest_ns);
	EXPECT_EQ(strlen(FL_FILE), info.path_bytes);

	/* The path, with room for its zero, or one byte less. */
	memset(path, 'x', sizeof(path));
	again = info;
	again.path = (uintptr_t)path;
	again.path_room = strlen(FL_FILE);
	EXPECT_EQ(-ERANGE, E(ioctl(self->fd, FERRIO_FL_BLOB_INFO, &again)));
	EXPECT_EQ('x', path[0]);
	again.path_room++;
	EXPECT_EQ(0, E(ioctl(self->fd, FERRIO_FL_BLOB_INFO, &again)));
	EXPECT_STREQ(FL_FILE, path);
	EXPECT_EQ('x', path[strlen(FL_FILE) + 1]);
	again.path = 1;
	EXPECT_EQ(-EFAULT, E(ioctl(self->fd, FERRIO_FL_BLOB_INFO, &again)));
	again.size = 207;
	EXPECT_EQ(-EINVAL, E(ioctl(self->fd, FERRIO_FL_BLOB_INFO, &again)));

	EXPECT_EQ(LEN, rb_fdinfo(self->fd, "fl-bytes"));
	EXPECT_EQ(FERRIO_FL_FROM_FD, rb_fdinfo(self->fd, "fl-source"));
	EXPECT_EQ(FERRIO_FL_FIRMWARE, rb_fdinfo(self->fd, "fl-purpose"));
}

/* A path is what was given; bytes have neither path nor file. */
TEST_F(blob, info_of_others)
{
	struct ferrio_fl_blob info;
	char path[100];
	long blob;

	ASSERT_EQ(0, symlink("fl-file", "/tmp/fl-link"));
	blob = fl_load_path(self->dev, "/tmp/../tmp/fl-link");
	ASSERT_LE(0, blob);
	memset(&info, 0, sizeof(info));
	info.size = sizeof(info);
	info.path = (uintptr_t)path;
	info.path_room = sizeof(path);
	ASSERT_EQ(0, E(ioctl(blob, FERRIO_FL_BLOB_INFO, &info)));
	EXPECT_STREQ("/tmp/../tmp/fl-link", path);
	EXPECT_EQ(FERRIO_FL_FROM_PATH, info.source);
	EXPECT_EQ(self->st.st_ino, info.inode);
	close(blob);
	unlink("/tmp/fl-link");

	blob = fl_load_bytes(self->dev, "abc", 3);
	ASSERT_LE(0, blob);
	fl_blob_info(blob, &info);
	EXPECT_EQ(FERRIO_FL_FROM_BYTES, info.source);
	EXPECT_EQ(0, info.path_bytes);
	EXPECT_EQ(0, info.inode);
	EXPECT_EQ(0, info.dev_major);
	EXPECT_EQ(0, info.dev_minor);
	EXPECT_EQ(0, info.mtime_sec);
	EXPECT_EQ(0, info.open_ns);
	close(blob);
}

TEST_HARNESS_MAIN
