/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of /dev/file_loader share. */
#ifndef FL_H
#define FL_H

#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <ferrio/file_loader.h>
#include "../harness.h"

#ifndef EFTYPE
#define EFTYPE		134
#endif

#define FL_CAP		(64UL << 20)	/* more than any file here has */

const char *const rb_module = "file_loader";

/* Where a load failed, as one number: the errno and the stage. */
#define AT(stage, errno)	(FERRIO_FL_STAGE_##stage * 1000L + (errno))

static inline int fl_open(void)
{
	int fd = open(FERRIO_FL_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		rb_die("open %s: %s: is file_loader.ko inserted, and is this root?",
		       FERRIO_FL_DEVICE, strerror(errno));
	return fd;
}

/* A request for firmware; the rest is the test's. */
static inline struct ferrio_fl_load fl_request(uint64_t source)
{
	return (struct ferrio_fl_load) {
		.size = sizeof(struct ferrio_fl_load),
		.purpose = FERRIO_FL_FIRMWARE,
		.max_bytes = FL_CAP,
		.source = source,
	};
}

/*
 * The descriptor of a blob, or minus AT() of what failed.  The errno of the call
 * and the one of the detail have to be the same.
 */
static inline long fl_load(int fd, unsigned long cmd, struct ferrio_fl_load *load)
{
	struct ferrio_fl_failure failure = {
		.size = sizeof(failure), .stage = 77, .error = 77, .bytes = 77,
	};
	long ret;

	load->failure = (uintptr_t)&failure;
	ret = E(ioctl(fd, cmd, load));
	if (ret >= 0) {
		if (failure.stage || failure.error || failure.bytes || failure.pad)
			rb_die("a load that succeeded has a failure: stage %u", failure.stage);
		return ret;
	}
	if (failure.pad || failure.size != sizeof(failure))
		rb_die("struct ferrio_fl_failure: size %u, pad %u", failure.size, failure.pad);
	if (failure.error != (failure.stage ? -ret : 0))
		rb_die("the call says %s, the detail %s", strerror(-ret),
		       strerror(failure.error));
	return -(long)failure.stage * 1000 + ret;
}

static inline long fl_load_fd(int fd, int file)
{
	struct ferrio_fl_load load = fl_request(file);

	return fl_load(fd, FERRIO_FL_LOAD_FD, &load);
}

static inline long fl_load_path(int fd, const char *path)
{
	struct ferrio_fl_load load = fl_request((uintptr_t)path);

	return fl_load(fd, FERRIO_FL_LOAD_PATH, &load);
}

static inline long fl_load_bytes(int fd, const void *bytes, size_t len)
{
	struct ferrio_fl_load load = fl_request((uintptr_t)bytes);

	load.source_bytes = len;
	return fl_load(fd, FERRIO_FL_LOAD_BYTES, &load);
}

static inline void fl_blob_info(int blob, struct ferrio_fl_blob *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	if (ioctl(blob, FERRIO_FL_BLOB_INFO, info))
		rb_die("FERRIO_FL_BLOB_INFO: %s", strerror(errno));
}

static inline void fl_info(int fd, struct ferrio_fl_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	if (ioctl(fd, FERRIO_FL_GET_INFO, info))
		rb_die("FERRIO_FL_GET_INFO: %s", strerror(errno));
}

/* A file of the pattern, open for reading, that has a name until fl_unlink(). */
#define FL_FILE		"/tmp/fl-file"

static inline int fl_file(size_t len)
{
	char *bytes = malloc(len + 1);
	int fd = open(FL_FILE, O_RDWR | O_CREAT | O_TRUNC, 0600), ro;

	if (!bytes || fd < 0)
		rb_die("%s: %s", FL_FILE, strerror(errno));
	rb_pattern(bytes, len, 0);
	if (write(fd, bytes, len) != (ssize_t)len)
		rb_die("write %s: %s", FL_FILE, strerror(errno));
	ro = open(FL_FILE, O_RDONLY | O_CLOEXEC);
	if (ro < 0)
		rb_die("%s: %s", FL_FILE, strerror(errno));
	close(fd);
	free(bytes);
	return ro;
}

#endif /* FL_H */
