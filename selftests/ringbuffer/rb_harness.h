/* SPDX-License-Identifier: GPL-2.0 */
/* The harness, with time limits that fit, and rings. */
#ifndef RB_HARNESS_H
#define RB_HARNESS_H

#include "../harness.h"
#include "rb.h"

#endif /* RB_HARNESS_H */
