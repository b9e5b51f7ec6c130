/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* What bindgen reads for a mirror of the ABI of /dev/iov_copy, everywhere. */
#include <ferrio/iov_copy.h>

/* Command numbers are macros over _IOC(), which bindgen does not expand. */
enum ferrio_ic_ioctl {
	FERRIO_IC_IOC_GET_INFO = FERRIO_IC_GET_INFO,
	FERRIO_IC_IOC_SET_SIZE = FERRIO_IC_SET_SIZE,
	FERRIO_IC_IOC_COPYV = FERRIO_IC_COPYV,
};
