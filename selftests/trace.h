/* SPDX-License-Identifier: GPL-2.0 */
/* Events of the calling thread, in a trace of its own: tracefs and root are needed. */
#ifndef TRACE_H
#define TRACE_H

#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "task.h"

#define TRACE_FS	"/sys/kernel/tracing"
#define TRACE_DIR	TRACE_FS "/instances/ferrio"

struct trace {
	int on;		/* open, as an open takes memory itself */
};

static inline void trace_write(const char *file, const char *text)
{
	char path[256];
	long ret;

	snprintf(path, sizeof(path), "%s/%s", TRACE_DIR, file);
	ret = rb_write_file(path, text);
	if (ret)
		rb_die("%s to %s: %s", text, path, strerror(-ret));
}

/* A trace without events that stands still; one that somebody has left is his end. */
static inline void trace_open(struct trace *t)
{
	if (access(TRACE_FS "/instances", F_OK) &&
	    mount("none", TRACE_FS, "tracefs", 0, NULL))
		rb_die("tracefs: %s: CONFIG_FTRACE and root are needed", strerror(errno));
	rmdir(TRACE_DIR);
	if (mkdir(TRACE_DIR, 0700))
		rb_die("mkdir " TRACE_DIR ": %s", strerror(errno));
	trace_write("tracing_on", "0");
	t->on = open(TRACE_DIR "/tracing_on", O_WRONLY | O_CLOEXEC);
	if (t->on < 0)
		rb_die(TRACE_DIR "/tracing_on: %s", strerror(errno));
}

static inline void trace_turn(const struct trace *t, const char *on)
{
	if (pwrite(t->on, on, 1, 0) != 1)
		rb_die("%s to " TRACE_DIR "/tracing_on: %s", on, strerror(errno));
}

/*
 * Of the events of @system those that the calling thread is the cause of: an interrupt
 * that comes meanwhile runs under its number, and is told by its flags.
 */
static inline void trace_filter(const char *system)
{
	char file[128], filter[64];

	snprintf(file, sizeof(file), "events/%s/filter", system);
	snprintf(filter, sizeof(filter), "common_pid == %d && !(common_flags & 0x18)", gettid());
	trace_write(file, filter);
}

/* Adds an event, as "kmem/kmalloc". */
static inline void trace_event(const char *event)
{
	char file[128];

	snprintf(file, sizeof(file), "events/%s/enable", event);
	trace_write(file, "1");
}

/* Empties the trace, and begins. */
static inline void trace_start(const struct trace *t)
{
	close(open(TRACE_DIR "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC));
	trace_turn(t, "1");
}

/*
 * Ends it: how many events have @text in their line, or are there at all if it is NULL.
 * @other: the first line that was not asked for.
 */
static inline long trace_stop(const struct trace *t, const char *text, char other[256])
{
	char line[2048];
	long count = 0;
	FILE *f;

	trace_turn(t, "0");
	other[0] = '\0';
	f = fopen(TRACE_DIR "/trace", "re");
	if (!f)
		rb_die(TRACE_DIR "/trace: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#')
			continue;
		if (!text || strstr(line, text))
			count++;
		if (!other[0] && (!text || !strstr(line, text)))
			snprintf(other, 256, "%.255s", line);
	}
	fclose(f);
	return count;
}

static inline void trace_close(struct trace *t)
{
	close(t->on);
	trace_write("events/enable", "0");
	if (rmdir(TRACE_DIR))
		rb_die("rmdir " TRACE_DIR ": %s", strerror(errno));
}

#endif /* TRACE_H */
