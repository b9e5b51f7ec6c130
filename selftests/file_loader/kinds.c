// SPDX-License-Identifier: GPL-2.0
/* Kinds of files, and of descriptors of them. */
#define _GNU_SOURCE
#include <sys/file.h>
#include <sys/mount.h>

#include "fl_dev.h"
#include "other.h"

#define DIR	"/tmp/fl-dir"
#define NAME	DIR "/file"

/* A descriptor says where a load is from, not how. */
TEST_F(dev, descriptors)
{
	static const int flags[] = {
		O_RDONLY, O_RDONLY | O_APPEND, O_RDONLY | O_NONBLOCK, O_RDONLY | O_SYNC,
		O_RDONLY | O_NOATIME, O_RDONLY | O_NOFOLLOW, O_RDONLY | O_CLOEXEC,
	};
	int file = fl_file(10000);
	char got[10000];
	long blob;

	for (int i = 0; i < ARRAY_SIZE(flags); i++) {
		int fd = open(FL_FILE, flags[i]);

		ASSERT_LE(0, fd);
		ASSERT_EQ(77, lseek(fd, 77, SEEK_SET));
		ASSERT_EQ(0, flock(fd, LOCK_EX | LOCK_NB));
		blob = fl_load_fd(self->fd, fd);
		ASSERT_LE(0, blob);
		ASSERT_EQ(sizeof(got), E(pread(blob, got, sizeof(got), 0)));
		EXPECT_EQ(-1, rb_mismatch(got, sizeof(got), 0));
		/* All of it, and the position is left alone; the blob's is its own. */
		EXPECT_EQ(77, lseek(fd, 0, SEEK_CUR));
		EXPECT_EQ(0, lseek(blob, 0, SEEK_CUR));
		close(blob);
		ASSERT_EQ(20000, lseek(fd, 20000, SEEK_SET));
		blob = fl_load_fd(self->fd, fd);
		EXPECT_LE(0, blob);
		EXPECT_EQ(20000, lseek(fd, 0, SEEK_CUR));
		close(blob);
		close(fd);
	}
	close(file);
}

/* Past the page cache, and from a file system that allows nothing else. */
TEST_F(dev, tmpfs)
{
	static const int flags[] = { O_RDONLY, O_RDONLY | O_NOATIME };
	char got[10000];
	int fd;

	ASSERT_EQ(0, mkdir(DIR, 0700));
	ASSERT_EQ(0, mount("fl", DIR, "tmpfs", 0, "size=1m"));
	fd = open(NAME, O_WRONLY | O_CREAT, 0600);
	rb_pattern(got, sizeof(got), 0);
	ASSERT_EQ(sizeof(got), E(write(fd, got, sizeof(got))));
	close(fd);
	ASSERT_EQ(0, mount("fl", DIR, "tmpfs",
			   MS_REMOUNT | MS_RDONLY | MS_NOEXEC | MS_NOSUID | MS_NODEV, "size=1m"));
	for (int i = 0; i < ARRAY_SIZE(flags); i++) {
		long blob;

		fd = open(NAME, flags[i]);
		ASSERT_LE(0, fd);
		blob = fl_load_fd(self->fd, fd);
		ASSERT_LE(0, blob);
		memset(got, 0, sizeof(got));
		ASSERT_EQ(sizeof(got), E(pread(blob, got, sizeof(got), 0)));
		EXPECT_EQ(-1, rb_mismatch(got, sizeof(got), 0));
		close(fd);
		/* The mount is not held by the blob. */
		if (i)
			EXPECT_EQ(0, E(umount2(DIR, 0)));
		close(blob);
	}
	rmdir(DIR);
}

/* Holes are bytes. */
TEST_F(dev, holes)
{
	int file = fl_file(0);
	char got[3];
	long blob;

	ASSERT_EQ(0, truncate(FL_FILE, 1 << 20));
	blob = fl_load_fd(self->fd, file);
	ASSERT_LE(0, blob);
	for (int at = 0; at < 1 << 20; at += 65521) {
		ASSERT_EQ(3, E(pread(blob, got, 3, at)));
		EXPECT_EQ(0, memcmp(got, "\0\0", 3));
	}
	close(blob);
	close(file);
}

/* Made by the kernel as it is read, without a size. */
TEST_F(dev, proc)
{
	static const char *const paths[] = {
		"/proc/version", "/proc/self/maps", "/proc/self/mem", "/proc/self/environ",
		"/proc/sys/kernel/ostype", "/proc/self/fdinfo/0",
	};

	for (int i = 0; i < ARRAY_SIZE(paths); i++) {
		int file = open(paths[i], O_RDONLY);

		ASSERT_LE(0, file);
		EXPECT_EQ(-AT(SIZE, EINVAL), fl_load_fd(self->fd, file));
		close(file);
		EXPECT_EQ(-AT(SIZE, EINVAL), fl_load_path(self->fd, paths[i]));
	}
}

/* One of the few that have a size, and the right one. */
TEST_F(dev, proc_with_size)
{
	int file = open("/proc/cmdline", O_RDONLY);
	long blob = fl_load_fd(self->fd, file);
	char want[4096], got[4096];
	ssize_t n = read(file, want, sizeof(want));

	ASSERT_LE(0, blob);
	ASSERT_LT(0, n);
	EXPECT_EQ(n, E(read(blob, got, sizeof(got))));
	EXPECT_EQ(0, memcmp(want, got, n));
	close(blob);
	close(file);
}

/* With a size, but no way for the kernel to read it: ->read is for programs only. */
TEST_F(dev, no_read_iter)
{
	static const char *const paths[] = { "/proc/config.gz", "/proc/bus/pci/00/00.0" };
	int found = 0;

	for (int i = 0; i < ARRAY_SIZE(paths); i++) {
		struct stat st;

		if (stat(paths[i], &st))
			continue;
		found++;
		ASSERT_LT(0, st.st_size);
		EXPECT_EQ(-AT(READ, EINVAL), fl_load_path(self->fd, paths[i]));
		EXPECT_EQ(self->live, rb_live_pages());
	}
	EXPECT_LT(0, found);
}

/* All of the memory, as a file; where there is one, it is larger than any memory. */
TEST_F(dev, kcore)
{
	struct ferrio_fl_load load = fl_request((uintptr_t)"/proc/kcore");

	if (access("/proc/kcore", F_OK)) {
		EXPECT_EQ(-AT(OPEN, ENOENT), fl_load(self->fd, FERRIO_FL_LOAD_PATH, &load));
		return;
	}
	EXPECT_EQ(-AT(SIZE, EFBIG), fl_load(self->fd, FERRIO_FL_LOAD_PATH, &load));
	load.max_bytes = UINT64_MAX;
	EXPECT_EQ(-AT(MEMORY, ENOMEM), fl_load(self->fd, FERRIO_FL_LOAD_PATH, &load));
}

/* Text attributes say 4096 and have less; one that is as long would be loaded. */
TEST_F(dev, sysfs)
{
	static const char *const text[] = {
		"/sys/kernel/uevent_seqnum", "/sys/module/file_loader/parameters/user_max_blobs",
		"/sys/kernel/mm/transparent_hugepage/enabled",
	};

	for (int i = 0; i < ARRAY_SIZE(text); i++)
		if (!access(text[i], F_OK))
			EXPECT_EQ(-AT(READ, EIO), fl_load_path(self->fd, text[i]));
	EXPECT_EQ(-AT(TYPE, EFTYPE), fl_load_path(self->fd, "/sys/kernel"));
}

/*
 * Who has a lease is asked to give it up before the file is opened by its path; a
 * signal ends the wait for that, as it does in open().
 */
TEST_F(dev, lease)
{
	int file = fl_file(100);
	struct fl_other other;

	/* By which the holder is asked. */
	rb_catch(SIGIO, SA_RESTART);
	for (int killed = 0; killed < 2; killed++) {
		ASSERT_EQ(0, fcntl(file, F_SETLEASE, F_WRLCK));
		fl_other_path(&other, self->fd, FL_FILE);
		fl_other_asleep(&other);
		EXPECT_EQ(1 + killed, rb_caught(SIGIO));
		if (killed)
			EXPECT_EQ(-AT(OPEN, EINTR), fl_other_kill(&other));
		ASSERT_EQ(0, fcntl(file, F_SETLEASE, F_UNLCK));
		if (!killed)
			EXPECT_EQ(0, fl_other_end(&other));
	}

	/* Any signal will do, and no load is begun once more by itself. */
	ASSERT_EQ(0, fcntl(file, F_SETLEASE, F_WRLCK));
	rb_catch(SIGUSR1, SA_RESTART);
	fl_other_path(&other, self->fd, FL_FILE);
	fl_other_asleep(&other);
	ASSERT_EQ(0, kill(other.pid, SIGUSR1));
	EXPECT_EQ(-AT(OPEN, EINTR), fl_other_end(&other));
	ASSERT_EQ(0, fcntl(file, F_SETLEASE, F_UNLCK));
	close(file);
}

TEST_HARNESS_MAIN
