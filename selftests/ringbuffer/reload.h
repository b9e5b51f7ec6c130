/* SPDX-License-Identifier: GPL-2.0 */
/* The module goes and comes: from the file that FERRIO_MODULES has. */
#ifndef RELOAD_H
#define RELOAD_H

#include <stdio.h>

#include "rb.h"

#define RELOAD_NAME	"ringbuffer"

/* The module's file, open: it may be inserted by a test that cannot open any. */
static inline int reload_image(void)
{
	const char *dir = getenv("FERRIO_MODULES");
	char path[4096];
	int image;

	snprintf(path, sizeof(path), "%s/" RELOAD_NAME ".ko",
		 dir ? dir : "/lib/ferrio");
	image = open(path, O_RDONLY | O_CLOEXEC);
	if (image < 0)
		rb_die("%s: %s: set FERRIO_MODULES to where the modules are",
		       path, strerror(errno));
	return image;
}

static inline bool reload_there(void)
{
	return !access("/sys/module/" RELOAD_NAME, F_OK);
}

static inline long reload_remove(void)
{
	return E(syscall(SYS_delete_module, RELOAD_NAME, O_NONBLOCK));
}

static inline long reload_insert(int image)
{
	return E(syscall(SYS_finit_module, image, "", 0));
}

/* Release may run a jiffy after close: then the module is still in use. */
static inline long reload_remove_soon(void)
{
	long ret = -EWOULDBLOCK;

	for (int i = 0; i < 2000 && ret == -EWOULDBLOCK; i++) {
		ret = reload_remove();
		if (ret)
			rb_sleep_ms(1);
	}
	return ret;
}

#endif /* RELOAD_H */
