/* SPDX-License-Identifier: GPL-2.0 */
/* What modules say in the kernel's log. */
#ifndef LOG_H
#define LOG_H

#include "task.h"

/* The kernel's log, from here on. */
static inline int log_from_here(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log < 0 || lseek(log, 0, SEEK_END) < 0)
		rb_die("/dev/kmsg: %s", strerror(errno));
	return log;
}

static inline bool log_is_of(const char *text, const char *module)
{
	return !strncmp(text, module, strlen(module)) && text[strlen(module)] == ':';
}

/* What two modules have said since then, a line each. */
static inline const char *log_said(int log, const char *module, const char *other)
{
	static char said[8192];
	char record[8192], *text;
	size_t at = 0;
	ssize_t n;

	/* "priority,number,time,flags;TEXT\n" and maybe more lines */
	while ((n = read(log, record, sizeof(record) - 1)) > 0) {
		record[n] = 0;
		text = strchr(record, ';');
		if (!text++)
			rb_die("/dev/kmsg: no record: %s", record);
		text[strcspn(text, "\n") + 1] = 0;
		if (log_is_of(text, module) || log_is_of(text, other))
			at += snprintf(said + at, sizeof(said) - at, "%s", text);
	}
	if (errno != EAGAIN)
		rb_die("/dev/kmsg: %s", strerror(errno));
	said[at] = 0;
	close(log);
	return said;
}

#endif /* LOG_H */
