// SPDX-License-Identifier: GPL-2.0
/* Which file a path or a descriptor is, for callers who see another world than PID 1. */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include "child.h"
#include "fl_dev.h"

#define DIR	"/tmp/fl-dir"
#define NAME	DIR "/file"

/* A file of one byte value. */
static void make(const char *path, char c, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	while (len--)
		SAME(1, write(fd, &c, 1));
	SAME(0, close(fd));
}

/* How many bytes a blob has, and that all are `c`. */
static long all(int blob, char c)
{
	char got[100];
	long n;

	SAME(1, blob >= 0);
	n = pread(blob, got, sizeof(got), 0);
	for (long i = 0; i < n; i++)
		SAME(c, got[i]);
	return n;
}

static void path_of(int blob, char *path, size_t room)
{
	struct ferrio_fl_blob info = {
		.size = sizeof(info), .path = (uintptr_t)path, .path_room = room,
	};

	memset(path, 'x', room);
	SAME(0, ioctl(blob, FERRIO_FL_BLOB_INFO, &info));
	SAME(info.path_bytes, strlen(path));
}

/* What BLOB_INFO says of a descriptor's file is what readlink() says. */
static void same_name(int dev, int file)
{
	char link[64], want[PATH_MAX], got[PATH_MAX];
	int blob = fl_load_fd(dev, file);
	ssize_t n;

	SAME(1, blob >= 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
	n = readlink(link, want, sizeof(want) - 1);
	SAME(1, n > 0);
	want[n] = 0;
	path_of(blob, got, sizeof(got));
	if (strcmp(want, got)) {
		fprintf(stderr, "# %s, not %s\n", got, want);
		_exit(1);
	}
	SAME(0, close(blob));
}

/* Mounts that only the caller has. */
TEST_F(dev, mount_namespace)
{
	ASSERT_EQ(0, mkdir(DIR, 0755));
	IN_CHILD(({
		char path[PATH_MAX];
		int file;
		int blob;

		make(NAME, 'a', 10);
		make(DIR "/own", 'b', 20);
		SAME(0, unshare(CLONE_NEWNS));
		SAME(0, mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
		SAME(0, mount(DIR "/own", NAME, NULL, MS_BIND, NULL));
		file = open(NAME, O_RDONLY);
		/* PID 1's, and his own. */
		blob = fl_load_path(self->fd, NAME);
		SAME(10, all(blob, 'a'));
		path_of(blob, path, sizeof(path));
		SAME(0, strcmp(path, NAME));
		close(blob);
		blob = fl_load_fd(self->fd, file);
		SAME(20, all(blob, 'b'));
		path_of(blob, path, sizeof(path));
		SAME(0, strcmp(path, NAME));
		close(blob);

		/* A file that PID 1 has not got at all. */
		SAME(0, mount("own", DIR, "tmpfs", 0, NULL));
		make(DIR "/mine", 'c', 30);
		SAME(-AT(OPEN, ENOENT), fl_load_path(self->fd, DIR "/mine"));
		SAME(30, all(fl_load_fd(self->fd, open(DIR "/mine", O_RDONLY)), 'c'));
		SAME(10, all(fl_load_path(self->fd, NAME), 'a'));
	}));
	unlink(DIR "/own");
	unlink(NAME);
	rmdir(DIR);
}

/* A working directory, and the root, are PID 1's as well. */
TEST_F(dev, root)
{
	ASSERT_EQ(0, mkdir(DIR, 0755));
	IN_CHILD(({
		make(NAME, 'a', 10);
		SAME(0, mkdir(DIR "/tmp", 0755));
		SAME(0, mkdir(DIR DIR, 0755));
		make(DIR NAME, 'b', 20);
		SAME(0, symlink(NAME, DIR "/link"));
		SAME(0, chroot(DIR));
		SAME(0, chdir("/"));
		SAME(20, all(fl_load_fd(self->fd, open(NAME, O_RDONLY)), 'b'));
		SAME(10, all(fl_load_path(self->fd, NAME), 'a'));
		SAME(-AT(OPEN, EINVAL), fl_load_path(self->fd, "tmp/fl-dir/file"));
		/* So do links lead where they lead him. */
		SAME(10, all(fl_load_path(self->fd, DIR "/link"), 'a'));
		SAME(10, all(fl_load_path(self->fd, "/../../" NAME), 'a'));
		SAME(-AT(OPEN, ENOENT), fl_load_path(self->fd, "/file"));
	}));
	unlink(DIR "/link");
	unlink(DIR NAME);
	rmdir(DIR DIR);
	rmdir(DIR "/tmp");
	unlink(NAME);
	rmdir(DIR);
}

/* Who is root in a user namespace of his own is nobody to the path. */
TEST_F(dev, user_namespace)
{
	int file = fl_file(100);

	IN_CHILD(({
		struct ferrio_fl_blob info;
		int blob;

		SAME(0, unshare(CLONE_NEWUSER));
		SAME(0, rb_write_file("/proc/self/uid_map", "0 0 1"));
		SAME(0, getuid());
		SAME(-AT(OPEN, EPERM), fl_load_path(self->fd, FL_FILE));
		SAME(-AT(OPEN, EPERM), fl_load_path(self->fd, "/tmp/fl-none"));
		SAME(-AT(OPEN, EPERM), fl_load_path(self->fd, NULL));
		blob = fl_load_fd(self->fd, file);
		SAME(1, blob >= 0);
		fl_blob_info(blob, &info);
		SAME(0, info.uid);
		SAME(1, fl_load_bytes(self->fd, "x", 1) >= 0);
	}));
	/* The user is told by the number that he has outside. */
	IN_CHILD(({
		struct ferrio_fl_blob info;

		SAME(0, setuid(1234));
		/* Or /proc/self would be root's. */
		SAME(0, prctl(PR_SET_DUMPABLE, 1));
		SAME(0, unshare(CLONE_NEWUSER));
		SAME(0, rb_write_file("/proc/self/uid_map", "0 1234 1"));
		SAME(0, getuid());
		fl_blob_info(fl_load_fd(self->fd, file), &info);
		SAME(1234, info.uid);
	}));
	close(file);
}

/* Files without a name, or with one that leads elsewhere. */
TEST_F(dev, no_name)
{
	ASSERT_EQ(0, mkdir(DIR, 0755));
	IN_CHILD(({
		int file;

		make(NAME, 'a', 10);
		file = open(NAME, O_RDONLY);
		same_name(self->fd, file);
		SAME(0, unlink(NAME));
		same_name(self->fd, file);
		close(file);
		file = memfd_create("fl name", 0);
		SAME(3, write(file, "abc", 3));
		same_name(self->fd, file);
		close(file);
		file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
		SAME(3, write(file, "abc", 3));
		SAME(-AT(BUSY, ETXTBSY), fl_load_fd(self->fd, file));
		close(file);
		/* A mount that is gone, and the file's own is the last of it. */
		SAME(0, mount("own", DIR, "tmpfs", 0, NULL));
		make(NAME, 'b', 20);
		file = open(NAME, O_RDONLY);
		SAME(0, umount2(DIR, MNT_DETACH));
		same_name(self->fd, file);
		SAME(20, all(fl_load_fd(self->fd, file), 'b'));
	}));
	rmdir(DIR);
}

/* A name too long to be told is not, and it is no reason to fail. */
TEST_F(dev, long_name)
{
	static char part[256];

	memset(part, 'd', 255);
	ASSERT_EQ(0, mkdir(DIR, 0755));
	IN_CHILD(({
		char path[PATH_MAX];
		int file;
		int blob;

		SAME(0, mount("own", DIR, "tmpfs", 0, NULL));
		SAME(0, chdir(DIR));
		for (int i = 0; i < 17; i++) {
			SAME(0, mkdir(part, 0755));
			SAME(0, chdir(part));
		}
		make("file", 'a', 10);
		file = open("file", O_RDONLY);
		blob = fl_load_fd(self->fd, file);
		SAME(10, all(blob, 'a'));
		path_of(blob, path, sizeof(path));
		SAME(0, path[0]);
	}));
	ASSERT_EQ(0, umount2(DIR, MNT_DETACH));
	rmdir(DIR);
}

TEST_HARNESS_MAIN
