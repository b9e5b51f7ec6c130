// SPDX-License-Identifier: GPL-2.0
/* A blob that goes from hand to hand: fork, dup, a socket, and who it counts for. */
#define _GNU_SOURCE
#include <sys/prctl.h>
#include <sys/socket.h>

#include "child.h"
#include "fl_dev.h"

#define LEN	10000

static bool has(int dev, unsigned long blobs, unsigned long bytes)
{
	struct ferrio_fl_info info;

	/* A descriptor may be closed a little later than its holder is gone. */
	for (int i = 0; i < 5000; i++) {
		fl_info(dev, &info);
		if (info.user_blobs == blobs && info.user_bytes == bytes)
			return true;
		rb_sleep_ms(1);
	}
	return false;
}

static long load(int dev)
{
	int file = fl_file(LEN);
	long blob = fl_load_fd(dev, file);

	close(file);
	if (blob < 0)
		rb_die("no blob: %ld", blob);
	return blob;
}

/* Processes share the position, as of any file. */
TEST_F(dev, fork)
{
	int blob = load(self->fd), again;
	char got[LEN];

	ASSERT_EQ(10, E(read(blob, got, 10)));
	IN_CHILD(({
		char *map = mmap(NULL, LEN, PROT_READ, MAP_SHARED, blob, 0);

		SAME(20, read(blob, got, 20));
		SAME(-1, rb_mismatch(got, 20, 10));
		SAME(1, map != MAP_FAILED);
		SAME(-1, rb_mismatch(map, LEN, 0));
	}));
	EXPECT_EQ(30, lseek(blob, 0, SEEK_CUR));
	again = dup(blob);
	ASSERT_EQ(30, E(read(again, got, 30)));
	EXPECT_EQ(-1, rb_mismatch(got, 30, 30));
	EXPECT_EQ(60, lseek(blob, 0, SEEK_CUR));
	close(blob);
	EXPECT_TRUE(has(self->fd, 1, 3 * RB_PAGE));
	close(again);
	EXPECT_TRUE(has(self->fd, 0, 0));
}

/* The last one who has it ends it, be it the child. */
TEST_F(dev, child_has_it_longer)
{
	int blob = load(self->fd), ends[2];
	pid_t child;
	char got[LEN];
	int status;

	ASSERT_EQ(0, pipe(ends));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		close(ends[1]);
		/* Until the parent has closed it. */
		SAME(0, read(ends[0], got, 1));
		SAME(LEN, pread(blob, got, LEN, 0));
		SAME(-1, rb_mismatch(got, LEN, 0));
		_exit(0);
	}
	close(blob);
	EXPECT_TRUE(has(self->fd, 1, 3 * RB_PAGE));
	close(ends[0]);
	close(ends[1]);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(has(self->fd, 0, 0));
}

/* Not to be opened again: it has no name, and the way through /proc is none. */
TEST_F(dev, proc_self_fd)
{
	int blob = load(self->fd);
	char path[64], name[64] = { 0 };

	snprintf(path, sizeof(path), "/proc/self/fd/%d", blob);
	ASSERT_LT(0, readlink(path, name, sizeof(name) - 1));
	EXPECT_STREQ("anon_inode:[file_loader]", name);
	EXPECT_EQ(-ENXIO, E(open(path, O_RDONLY)));
	EXPECT_EQ(-ENXIO, E(open(path, O_WRONLY)));
	EXPECT_EQ(-ENXIO, E(open(path, O_RDWR | O_TRUNC)));
	EXPECT_EQ(-EINVAL, E(truncate(path, 0)));
	EXPECT_EQ(-AT(OPEN, ELOOP), fl_load_path(self->fd, path));
	EXPECT_EQ(-EACCES, E(execl(path, path, NULL)));
	close(blob);
}

/* Given to somebody who could not have loaded it; it counts for who has. */
TEST_F(dev, another_user)
{
	int blob = load(self->fd), pair[2], status;
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		struct ferrio_fl_blob info;
		char path[64], got[LEN], *map;
		int mine;

		close(blob);
		close(pair[0]);
		SAME(0, setuid(65534));
		/* Or /proc/self would be root's. */
		SAME(0, prctl(PR_SET_DUMPABLE, 1));
		mine = rb_receive_fd(pair[1]);
		SAME(LEN, pread(mine, got, LEN, 0));
		SAME(-1, rb_mismatch(got, LEN, 0));
		map = mmap(NULL, LEN, PROT_READ, MAP_SHARED, mine, 0);
		SAME(1, map != MAP_FAILED);
		SAME(-1, rb_mismatch(map, LEN, 0));
		fl_blob_info(mine, &info);
		SAME(0, info.uid);
		/* He has nothing, and may be as far as his limits go. */
		SAME(1, has(self->fd, 0, 0));
		SAME(1, fl_load_bytes(self->fd, "x", 1) >= 0);
		SAME(1, has(self->fd, 1, RB_PAGE));
		snprintf(path, sizeof(path), "/proc/self/fd/%d", mine);
		/* Nor opened again: the inode is who loaded it's. */
		SAME(-EACCES, E(open(path, O_RDONLY)));
		/* He has it when nobody else does any more. */
		SAME(1, write(pair[1], "r", 1));
		SAME(1, read(pair[1], got, 1));
		SAME(0, munmap(map, LEN));
		SAME(LEN, pread(mine, got, LEN, 0));
		_exit(0);
	}
	rb_send_fd(pair[0], blob);
	close(blob);
	close(pair[1]);
	ASSERT_EQ(1, read(pair[0], &status, 1));
	EXPECT_TRUE(has(self->fd, 1, 3 * RB_PAGE));
	ASSERT_EQ(1, write(pair[0], "g", 1));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(has(self->fd, 0, 0));
	close(pair[0]);
}

/* On its way in a socket that nobody reads, and that goes with it. */
TEST_F(dev, in_flight)
{
	int pair[2];
	int blob = load(self->fd);

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	rb_send_fd(pair[0], blob);
	close(blob);
	EXPECT_TRUE(has(self->fd, 1, 3 * RB_PAGE));
	close(pair[0]);
	close(pair[1]);
	EXPECT_TRUE(has(self->fd, 0, 0));
}

/* The device may be given away as well: each load is its caller's. */
TEST_F(dev, device_of_another)
{
	IN_CHILD(({
		struct ferrio_fl_blob info;

		SAME(0, setuid(65534));
		SAME(-EACCES, E(open(FERRIO_FL_DEVICE, O_RDWR)));
		fl_blob_info(fl_load_bytes(self->fd, "x", 1), &info);
		SAME(65534, info.uid);
		SAME(1, has(self->fd, 1, RB_PAGE));
	}));
	EXPECT_TRUE(has(self->fd, 0, 0));
}

/* Neither is what the other is. */
TEST_F(dev, wrong_calls)
{
	struct ferrio_fl_info info = { .size = sizeof(info) };
	struct ferrio_fl_blob about = { .size = sizeof(about) };
	struct ferrio_fl_load request = fl_request(0);
	int blob = load(self->fd);

	EXPECT_EQ(-ENOTTY, E(ioctl(self->fd, FERRIO_FL_BLOB_INFO, &about)));
	EXPECT_EQ(-ENOTTY, E(ioctl(blob, FERRIO_FL_GET_INFO, &info)));
	EXPECT_EQ(-ENOTTY, E(ioctl(blob, FERRIO_FL_LOAD_FD, &request)));
	EXPECT_EQ(-ENOTTY, E(ioctl(blob, FERRIO_FL_LOAD_PATH, &request)));
	EXPECT_EQ(-ENOTTY, E(ioctl(blob, FERRIO_FL_LOAD_BYTES, &request)));
	/* With the device, or without it: it is no part of a blob. */
	close(self->fd);
	EXPECT_EQ(0, E(ioctl(blob, FERRIO_FL_BLOB_INFO, &about)));
	EXPECT_EQ(LEN, about.bytes);
	self->fd = fl_open();
	close(blob);
	EXPECT_EQ(-EBADF, E(ioctl(blob, FERRIO_FL_BLOB_INFO, &about)));
}

TEST_HARNESS_MAIN
