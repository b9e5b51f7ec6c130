/* SPDX-License-Identifier: GPL-2.0 */
/* Modules that call file_loader.ko go and come, from drivers/ of FERRIO_MODULES. */
#ifndef DRIVERS_H
#define DRIVERS_H

#include <sys/syscall.h>

#include "fl.h"

static inline long driver_insert(const char *module, const char *parameters)
{
	const char *dir = getenv("FERRIO_MODULES");
	char path[4096];
	int image;
	long ret;

	snprintf(path, sizeof(path), "%s/drivers/%s.ko", dir ? dir : "/modules", module);
	image = open(path, O_RDONLY | O_CLOEXEC);
	if (image < 0)
		rb_die("%s: %s: set FERRIO_MODULES to where drivers/ is", path, strerror(errno));
	ret = E(syscall(SYS_finit_module, image, parameters, 0));
	close(image);
	return ret;
}

static inline long driver_remove(const char *module)
{
	return E(syscall(SYS_delete_module, module, O_NONBLOCK));
}

/* A file may be released a jiffy after it was closed. */
static inline long driver_remove_soon(const char *module)
{
	long ret = -EWOULDBLOCK;

	for (int i = 0; i < 2000 && ret == -EWOULDBLOCK; i++) {
		ret = driver_remove(module);
		if (ret)
			rb_sleep_ms(1);
	}
	return ret;
}

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

#endif /* DRIVERS_H */
