/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* What bindgen reads for a mirror of the ABI of /dev/ringbuffer, everywhere. */
#include <ferrio/ringbuffer.h>

/* Command numbers are macros over _IOC(), which bindgen does not expand. */
enum ferrio_rb_ioctl {
	FERRIO_RB_IOC_GET_INFO = FERRIO_RB_GET_INFO,
	FERRIO_RB_IOC_SET_SIZE = FERRIO_RB_SET_SIZE,
	FERRIO_RB_IOC_MINT = FERRIO_RB_MINT,
	FERRIO_RB_IOC_SHUTDOWN = FERRIO_RB_SHUTDOWN,
	FERRIO_RB_IOC_WAIT = FERRIO_RB_WAIT,
	FERRIO_RB_IOC_WAKEUP = FERRIO_RB_WAKEUP,
	FERRIO_RB_IOC_BLAME = FERRIO_RB_BLAME,
};
