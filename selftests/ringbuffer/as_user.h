/* SPDX-License-Identifier: GPL-2.0 */
/* Doing something as another user, and what that user has of rings. */
#ifndef AS_USER_H
#define AS_USER_H

#include <linux/capability.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "rb.h"

/* A child with a user of its own does the work: the first to fail is named. */
#define CHECK(want, call) do { \
	long __got = (call); \
	if (__got != (long)(want)) { \
		fprintf(stderr, "# %s:%d: %s is %ld, not %ld\n", __FILE__, \
			__LINE__, #call, __got, (long)(want)); \
		_exit(1); \
	} \
} while (0)

static inline void become(uid_t uid)
{
	struct rlimit many = { 4096, 4096 };

	if (setrlimit(RLIMIT_NOFILE, &many) ||
	    setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		rb_die("changing the user: %s", strerror(errno));
}

static inline int as_user(uid_t uid, void (*work)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		rb_catch(SIGPIPE, 0);
		become(uid);
		work();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		rb_die("fork: %s", strerror(errno));
	return status;
}

/* Takes a capability that is permitted into use, or out of it. */
static inline void effective_cap(int cap, bool on)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		rb_die("capget: %s", strerror(errno));
	if (on)
		data[cap / 32].effective |= 1U << cap % 32;
	else
		data[cap / 32].effective &= ~(1U << cap % 32);
	if (syscall(SYS_capset, &head, data))
		rb_die("capset: %s", strerror(errno));
}

static inline long raw_open(void)
{
	return E(open(FERRIO_RB_DEVICE, O_RDWR | O_CLOEXEC));
}

/* What the user has who opened @fd. */
static inline long user_rings(int fd)
{
	struct ferrio_rb_info info;

	rb_info(fd, &info);
	return info.user_rings;
}

static inline long user_bytes(int fd)
{
	struct ferrio_rb_info info;

	rb_info(fd, &info);
	return info.user_bytes;
}

#endif /* AS_USER_H */
