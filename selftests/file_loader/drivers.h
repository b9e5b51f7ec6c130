/* SPDX-License-Identifier: GPL-2.0 */
/* Modules that call file_loader.ko, and what they say. */
#ifndef FL_DRIVERS_H
#define FL_DRIVERS_H

#include "../drivers.h"
#include "fl.h"

/* The kernel's log, from here on. */
static inline int log_from_here(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log < 0 || lseek(log, 0, SEEK_END) < 0)
		rb_die("/dev/kmsg: %s", strerror(errno));
	return log;
}

/* What a driver and file_loader have said since then, a line each. */
static inline const char *log_said(int log, const char *driver)
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
		if ((!strncmp(text, driver, strlen(driver)) && text[strlen(driver)] == ':') ||
		    !strncmp(text, "file_loader:", 12))
			at += snprintf(said + at, sizeof(said) - at, "%s", text);
	}
	if (errno != EAGAIN)
		rb_die("/dev/kmsg: %s", strerror(errno));
	said[at] = 0;
	close(log);
	return said;
}

#endif /* FL_DRIVERS_H */
