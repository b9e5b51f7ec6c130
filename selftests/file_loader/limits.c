// SPDX-License-Identifier: GPL-2.0
/* What one user may have, also while he loads, and of what there is not enough. */
#define _GNU_SOURCE
#include <sys/resource.h>

#include "child.h"
#include "fan.h"
#include "fl_dev.h"

#define PARAMETER(name)	"/sys/module/file_loader/parameters/" name

static void limits(const char *blobs, const char *bytes)
{
	if (rb_write_file(PARAMETER("user_max_blobs"), blobs) ||
	    rb_write_file(PARAMETER("user_max_bytes"), bytes))
		rb_die("parameters of file_loader: %s", strerror(errno));
}

/* Somebody who has no privilege, and room for many descriptors. */
static void become_nobody(void)
{
	struct rlimit files = { 4096, 4096 };

	SAME(0, setrlimit(RLIMIT_NOFILE, &files));
	SAME(0, setuid(65534));
}

/* Up to the last one, and one less is room for one more. */
TEST_F(dev, blobs)
{
	limits("50", "1073741824");
	IN_CHILD(({
		struct ferrio_fl_info info;
		int blob = -1;

		become_nobody();
		for (int i = 0; i < 50; i++) {
			blob = fl_load_bytes(self->fd, "x", 1);
			SAME(1, blob >= 0);
		}
		for (int i = 0; i < 3; i++)
			SAME(-AT(MEMORY, EDQUOT), fl_load_bytes(self->fd, "x", 1));
		fl_info(self->fd, &info);
		SAME(50, info.user_blobs);
		SAME(50 * RB_PAGE, info.user_bytes);
		SAME(0, close(blob));
		blob = fl_load_bytes(self->fd, "x", 1);
		SAME(1, blob >= 0);
		SAME(-AT(MEMORY, EDQUOT), fl_load_bytes(self->fd, "x", 1));
		/* A mapping is the blob as well. */
		SAME(1, mmap(NULL, 1, PROT_READ, MAP_SHARED, blob, 0) != MAP_FAILED);
		SAME(0, close(blob));
		SAME(-AT(MEMORY, EDQUOT), fl_load_bytes(self->fd, "x", 1));
	}));
	/* He is gone, and so is all of it. */
	IN_CHILD(({
		become_nobody();
		SAME(1, fl_load_bytes(self->fd, "x", 1) >= 0);
	}));
	limits("1024", "1073741824");
}

/* To the byte: whole pages. */
TEST_F(dev, bytes)
{
	int file = fl_file(3 * RB_PAGE + 1), three;

	limits("1024", "16384");
	IN_CHILD(({
		become_nobody();
		three = fl_load_fd(self->fd, file);
		SAME(1, three >= 0);
		SAME(-AT(MEMORY, EDQUOT), fl_load_bytes(self->fd, "x", 1));
		close(three);
		/* What fails behind the count gives it back. */
		for (int i = 0; i < 10; i++) {
			struct ferrio_fl_load load = fl_request(file);

			load.flags = FERRIO_FL_PIN_SHA256;
			SAME(-AT(DIGEST, EBADMSG), fl_load(self->fd, FERRIO_FL_LOAD_FD, &load));
			SAME(-AT(READ, EFAULT), fl_load_bytes(self->fd, (void *)8, 16384));
			SAME(-AT(MEMORY, EDQUOT), fl_load_bytes(self->fd, (void *)8, 16385));
		}
		SAME(1, fl_load_fd(self->fd, file) >= 0);
	}));
	limits("1024", "1073741824");
	close(file);
}

/* What is being loaded counts; what was killed on the way does not any more. */
TEST_F(dev, killed)
{
	int old = fl_file(2 * RB_PAGE), file;
	struct fl_other other;
	struct fan fan;

	limits("2", "12288");
	fan_watch(&fan, AT_FDCWD, FL_FILE, FAN_ACCESS_PERM, O_RDONLY);
	file = open(FL_FILE, O_RDONLY);
	if (fl_other_fork(&other)) {
		struct ferrio_fl_load load = fl_request(file);

		become_nobody();
		fl_other_load(&other, self->fd, FERRIO_FL_LOAD_FD, &load);
	}
	fan_met(&fan);
	fl_other_asleep(&other);
	IN_CHILD(({
		struct ferrio_fl_info info;

		become_nobody();
		fl_info(self->fd, &info);
		SAME(1, info.user_blobs);
		SAME(2 * RB_PAGE, info.user_bytes);
		SAME(-AT(MEMORY, EDQUOT), fl_load_fd(self->fd, old));
		SAME(1, fl_load_bytes(self->fd, "x", 1) >= 0);
		SAME(-AT(MEMORY, EDQUOT), fl_load_bytes(self->fd, "x", 1));
	}));
	/* For another user it is nothing. */
	IN_CHILD(({
		SAME(0, setuid(1234));
		SAME(1, fl_load_fd(self->fd, old) >= 0);
	}));
	EXPECT_EQ(-AT(READ, EINTR), fl_other_kill(&other));
	fan_close(&fan);
	EXPECT_TRUE(rb_pages_return(self->live));
	IN_CHILD(({
		struct ferrio_fl_info info;

		become_nobody();
		fl_info(self->fd, &info);
		SAME(0, info.user_blobs);
		SAME(0, info.user_bytes);
		SAME(1, fl_load_fd(self->fd, old) >= 0);
		SAME(1, fl_load_bytes(self->fd, "x", 1) >= 0);
		SAME(-AT(MEMORY, EDQUOT), fl_load_bytes(self->fd, "x", 1));
	}));
	limits("1024", "1073741824");
	close(file);
	close(old);
}

/* Without a descriptor nothing is opened, let alone read, and nothing is told. */
TEST_F(dev, no_descriptor)
{
	int file = fl_file(100);
	struct fan fan;

	fan_watch(&fan, AT_FDCWD, FL_FILE, FAN_OPEN_PERM | FAN_ACCESS_PERM, O_RDONLY);
	IN_CHILD(({
		struct ferrio_fl_failure failure = { .size = sizeof(failure), .stage = 77 };
		struct ferrio_fl_load load = fl_request((uintptr_t)FL_FILE);
		struct rlimit files = { 4096, 4096 };
		int last = dup(0);
		int next;

		SAME(1, last >= 0);
		files.rlim_cur = last;
		SAME(0, close(last));
		SAME(0, setrlimit(RLIMIT_NOFILE, &files));
		load.failure = (uintptr_t)&failure;
		SAME(-EMFILE, E(ioctl(self->fd, FERRIO_FL_LOAD_PATH, &load)));
		SAME(0, failure.stage);
		SAME(-EMFILE, fl_load_fd(self->fd, file));
		SAME(-EMFILE, fl_load_bytes(self->fd, "x", 1));
		/* With one there is, each failure gives it back. */
		files.rlim_cur = last + 1;
		SAME(0, setrlimit(RLIMIT_NOFILE, &files));
		for (int i = 0; i < 3; i++)
			SAME(-AT(OPEN, ENOENT), fl_load_path(self->fd, "/tmp/fl-none"));
		next = fl_load_bytes(self->fd, "x", 1);
		SAME(last, next);
		SAME(-EMFILE, fl_load_bytes(self->fd, "x", 1));
	}));
	EXPECT_TRUE(fan_is_quiet(&fan));
	fan_close(&fan);
	close(file);
}

TEST_HARNESS_MAIN
