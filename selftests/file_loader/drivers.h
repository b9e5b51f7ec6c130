/* SPDX-License-Identifier: GPL-2.0 */
/* Modules that call file_loader.ko, and what they say. */
#ifndef FL_DRIVERS_H
#define FL_DRIVERS_H

#include "../drivers.h"
#include "fl.h"
#include "../log.h"

#endif /* FL_DRIVERS_H */
