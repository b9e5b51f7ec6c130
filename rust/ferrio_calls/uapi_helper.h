/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads for the module's mirror of ferrio_calls.h. */
#include "ferrio_calls.h"

/* Command numbers are macros over _IOC(), which bindgen does not expand. */
enum ferrio_test_calls_ioctl {
	FERRIO_TEST_IOC_LOAD_CALL = FERRIO_TEST_LOAD_CALL,
};
