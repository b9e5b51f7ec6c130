/* SPDX-License-Identifier: GPL-2.0 */
/* Modules that call one of ours go and come, from drivers/ of FERRIO_MODULES. */
#ifndef DRIVERS_H
#define DRIVERS_H

#include <sys/syscall.h>

#include "task.h"

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

#endif /* DRIVERS_H */
