/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* What bindgen reads for a mirror of the ABI of /dev/file_loader, everywhere. */
#include <ferrio/file_loader.h>

/* Command numbers are macros over _IOC(), which bindgen does not expand. */
enum ferrio_fl_ioctl {
	FERRIO_FL_IOC_GET_INFO = FERRIO_FL_GET_INFO,
	FERRIO_FL_IOC_LOAD_FD = FERRIO_FL_LOAD_FD,
	FERRIO_FL_IOC_LOAD_PATH = FERRIO_FL_LOAD_PATH,
	FERRIO_FL_IOC_LOAD_BYTES = FERRIO_FL_LOAD_BYTES,
	FERRIO_FL_IOC_BLOB_INFO = FERRIO_FL_BLOB_INFO,
};
