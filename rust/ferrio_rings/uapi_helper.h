/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads for the module's mirror of ferrio_rings.h. */
#include "ferrio_rings.h"

/* Command numbers are macros over _IOC(), which bindgen does not expand. */
enum ferrio_test_rings_ioctl {
	FERRIO_TEST_IOC_RING_CALL = FERRIO_TEST_RING_CALL,
};
