/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests of a user's limits.  They are lowered, for there are then few rings to
 * make, and put back by the parent.
 */
#ifndef QUOTA_H
#define QUOTA_H

#include "accounts.h"
#include "as_user.h"
#include "rb_harness.h"
#include "set_limit.h"

#define USER	10011
#define RINGS	12
#define BYTES	(16 * RB_PAGE)

FIXTURE(quota) {
	uint64_t rings, bytes;
	struct accounts before;
};

/*
 * Root is one of the users whose rings are counted, and not one of somebody else may
 * be among them: what a program before this one left to be killed goes a little later.
 */
static inline void nobody_else(void)
{
	long files = 1;

	for (int i = 0; i < 5000 && files; i++) {
		files = rb_read_number("/sys/module/ringbuffer/refcnt");
		if (files)
			rb_sleep_ms(1);
	}
	if (files)
		rb_die("%ld files of /dev/ringbuffer are open elsewhere", files);
}

FIXTURE_SETUP(quota)
{
	rb_catch(SIGPIPE, SA_RESTART);
	nobody_else();
	accounts_take(&self->before);
	self->rings = rb_param("user_max_rings");
	self->bytes = rb_param("user_max_bytes");
	set_limit("user_max_rings", RINGS);
	set_limit("user_max_bytes", BYTES);
}

FIXTURE_TEARDOWN_PARENT(quota)
{
	if (!self->rings)
		return;
	set_limit("user_max_rings", self->rings);
	set_limit("user_max_bytes", self->bytes);
	EXPECT_TRUE(accounts_even(&self->before));
}

/*
 * A ring that shows what a user has, and counts for one.  Opened by his real user
 * id alone: root's privilege is there for it.
 */
static inline int meter(uid_t uid)
{
	int fd;

	if (setresuid(uid, 0, 0))
		rb_die("setresuid: %s", strerror(errno));
	fd = rb_open(O_RDWR);
	if (setresuid(0, 0, 0))
		rb_die("setresuid: %s", strerror(errno));
	return fd;
}

/* @uid's account without any privilege to exceed it; still root in all else. */
static inline void limited(uid_t uid)
{
	if (setresuid(uid, 0, 0))
		rb_die("setresuid: %s", strerror(errno));
	effective_cap(CAP_SYS_RESOURCE, false);
}

/* The account of a user, meter and all. */
#define ACCOUNT(rings, bytes, fd) do { \
	EXPECT_EQ(rings, user_rings(fd)); \
	EXPECT_EQ(bytes, user_bytes(fd)); \
} while (0)

static inline int new_ring(size_t bytes)
{
	int fd = raw_open();

	if (fd < 0 || rb_set_size(fd, bytes))
		rb_die("a ring of %zu bytes: %d", bytes, fd);
	return fd;
}

static inline pid_t start(void (*work)(int), int arg)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		work(arg);
		_exit(0);
	}
	if (pid < 0)
		rb_die("fork: %s", strerror(errno));
	return pid;
}

static inline int end_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		rb_die("waitpid: %s", strerror(errno));
	return status;
}

#endif /* QUOTA_H */
