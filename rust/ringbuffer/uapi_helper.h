/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads for the module's mirror of the ABI. */
#include <asm/ioctls.h>
#include <bindgen_ringbuffer.h>

/* Files of other drivers know it, too. */
enum ferrio_rb_common_ioctl {
	FERRIO_RB_IOC_FIONREAD = FIONREAD,
};
