/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small ext4 whose files can have fs-verity, on a loop device over a file of tmpfs: what
 * is written to that file, the file system does not know of.
 */
#ifndef VERITY_IMAGE_H
#define VERITY_IMAGE_H

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <linux/loop.h>
#include <sys/mount.h>
#include <sys/sendfile.h>

#include "fl.h"

#define IMAGE		"/tmp/fl-verity.img"
#define IMAGE_DIR	"/tmp/fl-verity"

/* A fresh copy of the empty file system, which lies beside the program. */
static inline void image_make(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	struct stat st;
	char *slash;
	int from, to;

	path[len > 0 ? len : 0] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		rb_die("/proc/self/exe: %s", strerror(errno));
	snprintf(slash, path + sizeof(path) - slash, "/verity.img");
	from = open(path, O_RDONLY | O_CLOEXEC);
	to = open(IMAGE, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (from < 0 || to < 0 || fstat(from, &st) ||
	    sendfile(to, from, NULL, st.st_size) != st.st_size)
		rb_die("%s to %s: %s", path, IMAGE, strerror(errno));
	close(from);
	close(to);
}

/* Distributions have both as modules, of which ext4 is inserted by the mount itself. */
static inline void image_mount(void)
{
	struct loop_config config = { .info.lo_flags = LO_FLAGS_AUTOCLEAR };
	char name[32];
	int control, loop, number, file;

	if (access("/dev/loop-control", F_OK) && system("modprobe loop"))
		rb_die("modprobe loop: CONFIG_BLK_DEV_LOOP needed");
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	if (number < 0)
		rb_die("/dev/loop-control: %s", strerror(errno));
	snprintf(name, sizeof(name), "/dev/loop%d", number);
	loop = open(name, O_RDWR | O_CLOEXEC);
	file = open(IMAGE, O_RDWR | O_CLOEXEC);
	config.fd = file;
	if (loop < 0 || file < 0 || ioctl(loop, LOOP_CONFIGURE, &config))
		rb_die("%s on %s: %s", IMAGE, name, strerror(errno));
	mkdir(IMAGE_DIR, 0700);
	if (mount(name, IMAGE_DIR, "ext4", 0, NULL))
		rb_die("mount %s: %s: CONFIG_EXT4_FS needed", name, strerror(errno));
	close(file);
	close(loop);
	close(control);
}

/* Fails if anybody still uses a file of it. */
static inline long image_unmount(void)
{
	return E(umount2(IMAGE_DIR, 0));
}

static inline void image_remove(void)
{
	image_unmount();
	rmdir(IMAGE_DIR);
	unlink(IMAGE);
}

/* A file of the pattern, open for reading; @algorithm: of fs-verity, 0: without it. */
static inline int image_file(const char *path, size_t len, unsigned int algorithm)
{
	struct fsverity_enable_arg arg = {
		.version = 1, .hash_algorithm = algorithm, .block_size = RB_PAGE,
	};
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char *bytes = malloc(len);

	if (!bytes || fd < 0)
		rb_die("%s: %s", path, strerror(errno));
	rb_pattern(bytes, len, 0);
	if (write(fd, bytes, len) != (ssize_t)len)
		rb_die("write %s: %s", path, strerror(errno));
	free(bytes);
	close(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		rb_die("%s: %s", path, strerror(errno));
	if (algorithm && ioctl(fd, FS_IOC_ENABLE_VERITY, &arg))
		rb_die("FS_IOC_ENABLE_VERITY of %s: %s", path, strerror(errno));
	return fd;
}

/* What the kernel says the file digest is; its length. */
static inline size_t image_digest(int fd, unsigned int algorithm, uint8_t digest[64])
{
	union {
		struct fsverity_digest head;
		char room[sizeof(struct fsverity_digest) + 64];
	} got = { .head.digest_size = 64 };

	if (ioctl(fd, FS_IOC_MEASURE_VERITY, &got))
		rb_die("FS_IOC_MEASURE_VERITY: %s", strerror(errno));
	if (got.head.digest_algorithm != algorithm)
		rb_die("the digest is of algorithm %u", got.head.digest_algorithm);
	memset(digest, 0, 64);
	memcpy(digest, got.head.digest, got.head.digest_size);
	return got.head.digest_size;
}

/* Where in the image byte @at of a file lies. */
static inline off_t image_place(int fd, uint64_t at)
{
	union {
		struct fiemap head;
		char room[sizeof(struct fiemap) + sizeof(struct fiemap_extent)];
	} map = {
		.head = {
			.fm_start = at, .fm_length = 1, .fm_flags = FIEMAP_FLAG_SYNC,
			.fm_extent_count = 1,
		},
	};
	struct fiemap_extent *extent = map.head.fm_extents;

	if (ioctl(fd, FS_IOC_FIEMAP, &map) || map.head.fm_mapped_extents != 1)
		rb_die("byte %llu of the file is nowhere in the image",
		       (unsigned long long)at);
	return extent->fe_physical + (at - extent->fe_logical);
}

/* Another byte at a place of the image, while it is not mounted. */
static inline void image_corrupt(off_t place)
{
	int fd = open(IMAGE, O_RDWR | O_CLOEXEC);
	unsigned char byte;

	if (fd < 0 || pread(fd, &byte, 1, place) != 1)
		rb_die("%s: %s", IMAGE, strerror(errno));
	byte ^= 1;
	if (pwrite(fd, &byte, 1, place) != 1)
		rb_die("%s: %s", IMAGE, strerror(errno));
	close(fd);
}

#endif /* VERITY_IMAGE_H */
