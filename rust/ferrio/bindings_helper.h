/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads for ferrio::sys: our shims, nothing written by hand. */
#include "shim.h"
