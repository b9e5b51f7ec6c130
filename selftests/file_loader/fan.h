/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A watcher that is asked by the kernel whether a file may be opened or read, and
 * takes its time: a load can be held in its middle with it, on any file system.
 */
#ifndef FAN_H
#define FAN_H

#include <linux/fanotify.h>

#include "other.h"

struct fan {
	int fd;
	/* What the last event was of. */
	uint64_t mask;
	int file;
	pid_t pid;
};

/* @flags: how the watcher opens what it is shown.  What is open by now is not seen. */
static inline void fan_watch(struct fan *f, int dir, const char *path, uint64_t mask, int flags)
{
	f->fd = syscall(SYS_fanotify_init, FAN_CLASS_CONTENT | FAN_CLOEXEC, flags | O_CLOEXEC);
	f->file = -1;
	fl_not_inherited = f->fd;
	if (f->fd < 0 || syscall(SYS_fanotify_mark, f->fd, FAN_MARK_ADD, mask, dir, path))
		rb_die("fanotify: %s: CONFIG_FANOTIFY_ACCESS_PERMISSIONS and root needed",
		       strerror(errno));
}

/* Until somebody asks. */
static inline void fan_met(struct fan *f)
{
	struct fanotify_event_metadata event;

	if (read(f->fd, &event, sizeof(event)) != sizeof(event))
		rb_die("no event came: %s", strerror(errno));
	f->mask = event.mask;
	f->file = event.fd;
	f->pid = event.pid;
}

/* FAN_ALLOW or FAN_DENY. */
static inline void fan_answer_for(struct fan *f, int file, uint32_t answer)
{
	struct fanotify_response response = { .fd = file, .response = answer };

	if (write(f->fd, &response, sizeof(response)) != sizeof(response))
		rb_die("answering an event: %s", strerror(errno));
	close(file);
}

static inline void fan_answer(struct fan *f, uint32_t answer)
{
	fan_answer_for(f, f->file, answer);
	f->file = -1;
}

/* Whether nobody asks. */
static inline bool fan_is_quiet(struct fan *f)
{
	struct pollfd p = { .fd = f->fd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

/* What has not been answered is allowed. */
static inline void fan_close(struct fan *f)
{
	if (f->file >= 0)
		close(f->file);
	close(f->fd);
	fl_not_inherited = -1;
}

#endif /* FAN_H */
