// SPDX-License-Identifier: GPL-2.0
/*
 * The version of each module that has the shared crate, for modinfo and
 * /sys/module/NAME/version: module!() knows none.  FERRIO_VERSION is what the file
 * VERSION says.
 */
#include <linux/module.h>

MODULE_VERSION(FERRIO_VERSION);
