// SPDX-License-Identifier: GPL-2.0
/* What is to be loaded: each kind of file, who may have it, and where it fails. */
#define _GNU_SOURCE
#include <linux/landlock.h>
#include <linux/limits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "child.h"
#include "fl_dev.h"

TEST_F(dev, fd_is_none_to_read)
{
	int file = fl_file(100), path = open(FL_FILE, O_PATH), closed = dup(file), out;
	struct ferrio_fl_load load;

	close(closed);
	EXPECT_EQ(-AT(OPEN, EBADF), fl_load_fd(self->fd, closed));
	EXPECT_EQ(-AT(OPEN, EBADF), fl_load_fd(self->fd, path));
	EXPECT_EQ(-AT(OPEN, EBADF), fl_load_fd(self->fd, -1));
	load = fl_request(1ULL << 32 | file);
	EXPECT_EQ(-AT(OPEN, EBADF), fl_load(self->fd, FERRIO_FL_LOAD_FD, &load));
	out = open(FL_FILE, O_WRONLY);
	EXPECT_EQ(-AT(OPEN, EBADF), fl_load_fd(self->fd, out));
	close(out);
	close(path);
	close(file);
}

/* None of these is opened, so none of them waits, and no driver hears of it. */
TEST_F(dev, no_regular_file)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/tmp/fl-socket" };
	int file, sock = socket(AF_UNIX, SOCK_STREAM, 0), ends[2];

	ASSERT_EQ(0, mkfifo("/tmp/fl-fifo", 0600));
	ASSERT_EQ(0, bind(sock, (void *)&address, sizeof(address)));
	alarm(10);
	EXPECT_EQ(-AT(TYPE, EFTYPE), fl_load_path(self->fd, "/tmp"));
	EXPECT_EQ(-AT(TYPE, EFTYPE), fl_load_path(self->fd, "/dev/null"));
	EXPECT_EQ(-AT(TYPE, EFTYPE), fl_load_path(self->fd, FERRIO_FL_DEVICE));
	EXPECT_EQ(-AT(TYPE, EFTYPE), fl_load_path(self->fd, "/tmp/fl-fifo"));
	EXPECT_EQ(-AT(TYPE, EFTYPE), fl_load_path(self->fd, "/tmp/fl-socket"));
	alarm(0);
	file = open("/tmp", O_RDONLY);
	EXPECT_EQ(-AT(TYPE, EFTYPE), fl_load_fd(self->fd, file));
	close(file);
	file = open("/dev/null", O_RDONLY);
	EXPECT_EQ(-AT(TYPE, EFTYPE), fl_load_fd(self->fd, file));
	close(file);
	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(-AT(TYPE, EFTYPE), fl_load_fd(self->fd, ends[0]));
	EXPECT_EQ(-AT(OPEN, EBADF), fl_load_fd(self->fd, ends[1]));
	close(ends[0]);
	close(ends[1]);
	EXPECT_EQ(-AT(TYPE, EFTYPE), fl_load_fd(self->fd, sock));
	/* Not even what was loaded before. */
	file = fl_load_bytes(self->fd, "x", 1);
	EXPECT_EQ(-AT(TYPE, EFTYPE), fl_load_fd(self->fd, file));
	close(file);
	close(sock);
	unlink("/tmp/fl-socket");
	unlink("/tmp/fl-fifo");
}

TEST_F(dev, paths)
{
	static char name[PATH_MAX + 2];
	int file = fl_file(100);
	long blob;

	EXPECT_EQ(-AT(OPEN, EINVAL), fl_load_path(self->fd, ""));
	EXPECT_EQ(-AT(OPEN, EINVAL), fl_load_path(self->fd, "tmp/fl-file"));
	EXPECT_EQ(-AT(OPEN, ENOENT), fl_load_path(self->fd, "/tmp/fl-none"));
	EXPECT_EQ(-AT(OPEN, ENOTDIR), fl_load_path(self->fd, FL_FILE "/x"));
	EXPECT_EQ(-AT(OPEN, ENOTDIR), fl_load_path(self->fd, FL_FILE "/"));
	EXPECT_EQ(-AT(OPEN, EFAULT), fl_load_path(self->fd, NULL));
	ASSERT_EQ(0, symlink("fl-loop", "/tmp/fl-loop"));
	EXPECT_EQ(-AT(OPEN, ELOOP), fl_load_path(self->fd, "/tmp/fl-loop"));
	unlink("/tmp/fl-loop");

	/* As long as may be, one more, and one whose end is not in memory. */
	memset(name, '/', sizeof(name));
	memcpy(name + PATH_MAX - 1 - strlen(FL_FILE), FL_FILE, strlen(FL_FILE) + 1);
	blob = fl_load_path(self->fd, name);
	EXPECT_LE(0, blob);
	close(blob);
	memset(name, '/', sizeof(name));
	memcpy(name + PATH_MAX - strlen(FL_FILE), FL_FILE, strlen(FL_FILE) + 1);
	EXPECT_EQ(-AT(OPEN, ENAMETOOLONG), fl_load_path(self->fd, name));
	memset(name, 'x', 300);
	name[0] = '/';
	name[300] = 0;
	EXPECT_EQ(-AT(OPEN, ENAMETOOLONG), fl_load_path(self->fd, name));

	/* A link is followed; what it was opened by is its name. */
	ASSERT_EQ(0, symlink(FL_FILE, "/tmp/fl-link"));
	blob = fl_load_path(self->fd, "/tmp/fl-link");
	EXPECT_LE(0, blob);
	close(blob);
	unlink("/tmp/fl-link");
	close(file);
}

TEST_F(dev, who_may)
{
	int file = fl_file(100);

	IN_CHILD(({
		drop_capability(CAP_SYS_ADMIN);
		SAME(-AT(OPEN, EPERM), fl_load_path(self->fd, FL_FILE));
		SAME(1, fl_load_fd(self->fd, file) >= 0);
		SAME(1, fl_load_bytes(self->fd, "x", 1) >= 0);
	}));
	IN_CHILD(({
		/* May search and read, less than what root may. */
		drop_capability(CAP_DAC_OVERRIDE);
		drop_capability(CAP_DAC_READ_SEARCH);
		SAME(0, setfsuid(65534));
		SAME(-AT(OPEN, EACCES), fl_load_path(self->fd, FL_FILE));
	}));
	IN_CHILD(({
		SAME(0, setuid(65534));
		SAME(-AT(OPEN, EPERM), fl_load_path(self->fd, FL_FILE));
		/* A file that root has opened. */
		SAME(1, fl_load_fd(self->fd, file) >= 0);
	}));
	close(file);
}

/* A sandbox is asked when a file is opened, not when it is loaded. */
TEST_F(dev, landlock)
{
	struct landlock_ruleset_attr rules = { .handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE };
	int file = fl_file(100);

	IN_CHILD(({
		int sandbox = syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);

		SAME(1, sandbox >= 0);
		SAME(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		SAME(0, syscall(SYS_landlock_restrict_self, sandbox, 0));
		SAME(-EACCES, E(open(FL_FILE, O_RDONLY)));
		SAME(-AT(OPEN, EACCES), fl_load_path(self->fd, FL_FILE));
		SAME(1, fl_load_fd(self->fd, file) >= 0);
		SAME(1, fl_load_bytes(self->fd, "x", 1) >= 0);
	}));
	close(file);
}

/* PID 1's file, not the one that the caller would find. */
TEST_F(dev, path_is_that_of_pid_1)
{
	int file = fl_file(100);

	IN_CHILD(({
		char c;
		long blob;

		mkdir("/tmp/fl-root", 0700);
		SAME(0, chroot("/tmp/fl-root"));
		SAME(0, chdir("/"));
		SAME(-1, open(FL_FILE, O_RDONLY));
		blob = fl_load_path(self->fd, FL_FILE);
		SAME(1, blob >= 0);
		SAME(1, pread(blob, &c, 1, 99));
		SAME(-1, rb_mismatch(&c, 1, 99));
	}));
	rmdir("/tmp/fl-root");
	close(file);
}

TEST_F(dev, open_for_writing)
{
	int file = fl_file(100), writer = open(FL_FILE, O_WRONLY);
	void *map;
	long blob;

	EXPECT_EQ(-AT(BUSY, ETXTBSY), fl_load_fd(self->fd, file));
	EXPECT_EQ(-AT(BUSY, ETXTBSY), fl_load_path(self->fd, FL_FILE));
	close(writer);
	writer = open(FL_FILE, O_RDWR);
	/* Not even through itself. */
	EXPECT_EQ(-AT(BUSY, ETXTBSY), fl_load_fd(self->fd, writer));
	map = mmap(NULL, RB_PAGE, PROT_READ, MAP_SHARED, writer, 0);
	ASSERT_NE(MAP_FAILED, map);
	close(writer);
	EXPECT_EQ(-AT(BUSY, ETXTBSY), fl_load_fd(self->fd, file));
	munmap(map, RB_PAGE);
	blob = fl_load_fd(self->fd, file);
	EXPECT_LE(0, blob);
	/* The blob keeps nobody from writing. */
	writer = open(FL_FILE, O_WRONLY | O_TRUNC);
	EXPECT_LE(0, writer);
	close(writer);
	close(blob);
	close(file);
}

TEST_F(dev, sizes)
{
	static const uint64_t sizes[] = { 1, 7, 8, 9, 4095, 4096, 4097, 262145, 1000000 };
	struct ferrio_fl_load load;
	int file = fl_file(0);
	long blob;

	EXPECT_EQ(-AT(SIZE, EINVAL), fl_load_fd(self->fd, file));
	close(file);
	EXPECT_EQ(-AT(SIZE, EINVAL), fl_load_path(self->fd, "/proc/version"));
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct ferrio_fl_failure failure = { .size = sizeof(failure) };

		file = fl_file(sizes[i]);
		load = fl_request(file);
		load.max_bytes = sizes[i];
		blob = fl_load(self->fd, FERRIO_FL_LOAD_FD, &load);
		ASSERT_LE(0, blob);
		EXPECT_EQ(sizes[i], rb_fdinfo(blob, "fl-bytes"));
		close(blob);
		load.max_bytes = sizes[i] + 1;
		blob = fl_load(self->fd, FERRIO_FL_LOAD_FD, &load);
		EXPECT_LE(0, blob);
		close(blob);
		load.max_bytes = sizes[i] - 1;
		EXPECT_EQ(-AT(SIZE, EFBIG), fl_load(self->fd, FERRIO_FL_LOAD_FD, &load));
		load.failure = (uintptr_t)&failure;
		EXPECT_EQ(-EFBIG, E(ioctl(self->fd, FERRIO_FL_LOAD_FD, &load)));
		EXPECT_EQ(sizes[i], failure.bytes);
		close(file);
	}
}

/* More than the machine has, whatever the cap says; nobody is killed for it. */
TEST_F(dev, sparse)
{
	int file = fl_file(1);
	struct ferrio_fl_load load = fl_request(file);

	ASSERT_EQ(0, truncate(FL_FILE, 1LL << 40));
	EXPECT_EQ(-AT(SIZE, EFBIG), fl_load(self->fd, FERRIO_FL_LOAD_FD, &load));
	load.max_bytes = UINT64_MAX;
	EXPECT_EQ(-AT(MEMORY, ENOMEM), fl_load(self->fd, FERRIO_FL_LOAD_FD, &load));
	ASSERT_EQ(0, truncate(FL_FILE, INT64_MAX));
	EXPECT_EQ(-AT(MEMORY, ENOMEM), fl_load(self->fd, FERRIO_FL_LOAD_FD, &load));
	close(file);
}

TEST_F(dev, files_that_lie)
{
	/* Says that it has 4096 bytes, and has a few. */
	EXPECT_EQ(-AT(READ, EIO), fl_load_path(self->fd, "/sys/kernel/uevent_seqnum"));
}

/*
 * A binary attribute has the size that it says.  It is read page by page: the large
 * one takes the slow kernel too long, where a KUnit case has it.
 */
TEST_F(dev, sysfs_binary)
{
	static const char *const paths[] = { "/sys/kernel/notes", "/sys/kernel/btf/vmlinux" };
	char want[RB_PAGE], got[RB_PAGE];

	for (int i = 0; i < (rb_test_kernel() ? 1 : 2); i++) {
		int file = open(paths[i], O_RDONLY);
		struct stat st;
		long blob;
		ssize_t n;

		ASSERT_LE(0, file);
		ASSERT_EQ(0, fstat(file, &st));
		ASSERT_LT(0, st.st_size);
		blob = fl_load_path(self->fd, paths[i]);
		ASSERT_LE(0, blob);
		EXPECT_EQ(st.st_size, rb_fdinfo(blob, "fl-bytes"));
		while ((n = read(file, want, sizeof(want))) > 0) {
			ASSERT_EQ(n, E(read(blob, got, n)));
			ASSERT_EQ(0, memcmp(want, got, n));
		}
		EXPECT_EQ(0, n);
		EXPECT_EQ(0, E(read(blob, got, 1)));
		close(file);
		close(blob);
	}
}

TEST_HARNESS_MAIN
