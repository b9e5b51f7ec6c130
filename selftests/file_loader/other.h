/* SPDX-License-Identifier: GPL-2.0 */
/* A load by another process, which may be killed, and what it came to all the same. */
#ifndef OTHER_H
#define OTHER_H

#include "fl.h"

/* As many as the error of a load that has not come to its end. */
#define FL_UNFINISHED	(-1000000L)

/* What the other must not have, or it would be there as long as he waits for it. */
static int fl_not_inherited = -1;

struct fl_other {
	pid_t pid;
	/* Shared with it, so that it tells even what it does not live to see. */
	struct ferrio_fl_failure *failure;
	long *ret;
};

/* True in the other, which is to call fl_other_load(). */
static inline bool fl_other_fork(struct fl_other *o)
{
	char *page = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			  -1, 0);

	if (page == MAP_FAILED)
		rb_die("mmap: %s", strerror(errno));
	o->failure = (void *)page;
	o->ret = (void *)(page + 256);
	*o->ret = FL_UNFINISHED;
	o->failure->size = sizeof(*o->failure);
	o->pid = fork();
	if (o->pid < 0)
		rb_die("fork: %s", strerror(errno));
	if (!o->pid && fl_not_inherited >= 0)
		close(fl_not_inherited);
	return !o->pid;
}

static inline void __noreturn
fl_other_load(struct fl_other *o, int fd, unsigned long cmd, struct ferrio_fl_load *load)
{
	load->failure = (uintptr_t)o->failure;
	*o->ret = E(ioctl(fd, cmd, load));
	_exit(0);
}

static inline void fl_other_start(struct fl_other *o, int fd, unsigned long cmd,
				  struct ferrio_fl_load *load)
{
	if (fl_other_fork(o))
		fl_other_load(o, fd, cmd, load);
}

static inline void fl_other_fd(struct fl_other *o, int fd, int file)
{
	struct ferrio_fl_load load = fl_request(file);

	fl_other_start(o, fd, FERRIO_FL_LOAD_FD, &load);
}

static inline void fl_other_asleep(struct fl_other *o)
{
	rb_asleep(o->pid, o->pid, SYS_ioctl);
}

static inline void fl_other_path(struct fl_other *o, int fd, const char *path)
{
	struct ferrio_fl_load load = fl_request((uintptr_t)path);

	fl_other_start(o, fd, FERRIO_FL_LOAD_PATH, &load);
}

/* Where it failed, as minus AT(). */
static inline long fl_other_failure(struct fl_other *o)
{
	long at = o->failure->stage * 1000L + o->failure->error;

	munmap(o->failure, RB_PAGE);
	return -at;
}

/* Kills it in the middle of the load. */
static inline long fl_other_kill(struct fl_other *o)
{
	rb_reap_killed(o->pid);
	if (*o->ret != FL_UNFINISHED)
		rb_die("the load was over (%ld) before the kill", *o->ret);
	return fl_other_failure(o);
}

/* Waits for it: 0, or minus AT(); its blob is gone with it. */
static inline long fl_other_end(struct fl_other *o)
{
	long ret;
	int status;

	if (waitpid(o->pid, &status, 0) != o->pid || status)
		rb_die("the other ended with status %#x", status);
	ret = *o->ret;
	if (ret != (o->failure->stage ? -(long)o->failure->error : ret) || ret == FL_UNFINISHED)
		rb_die("the call says %ld, the detail %u", ret, o->failure->error);
	if (ret < 0 && !o->failure->stage)
		rb_die("no load: %s", strerror(-ret));
	return fl_other_failure(o);
}

/* Whether what a blob says of its bytes is so: they are loaded once more, pinned. */
static inline bool fl_digest_is_of_bytes(int fd, int blob)
{
	struct ferrio_fl_load load;
	struct ferrio_fl_blob info;
	char *bytes;
	long again;

	fl_blob_info(blob, &info);
	bytes = malloc(info.bytes);
	if (pread(blob, bytes, info.bytes, 0) != (ssize_t)info.bytes)
		rb_die("pread of a blob: %s", strerror(errno));
	load = fl_request((uintptr_t)bytes);
	load.source_bytes = info.bytes;
	load.flags = FERRIO_FL_PIN_SHA256;
	memcpy(load.sha256, info.sha256, sizeof(load.sha256));
	again = fl_load(fd, FERRIO_FL_LOAD_BYTES, &load);
	free(bytes);
	if (again >= 0)
		close(again);
	return again >= 0;
}

#endif /* OTHER_H */
