/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads for the module's mirror of ferrio_test.h. */
#include "ferrio_test.h"

/* Command numbers are macros over _IOC(), which bindgen does not expand. */
enum ferrio_test_ioctl {
	FERRIO_TEST_IOC_BEHAVE = FERRIO_TEST_BEHAVE,
	FERRIO_TEST_IOC_EXT = FERRIO_TEST_EXT,
	FERRIO_TEST_IOC_WAIT = FERRIO_TEST_WAIT,
	FERRIO_TEST_IOC_WAKE = FERRIO_TEST_WAKE,
	FERRIO_TEST_IOC_PAGES = FERRIO_TEST_PAGES,
	FERRIO_TEST_IOC_MAP_BEHAVE = FERRIO_TEST_MAP_BEHAVE,
	FERRIO_TEST_IOC_MAPS = FERRIO_TEST_MAPS,
	FERRIO_TEST_IOC_WORD = FERRIO_TEST_WORD,
};
