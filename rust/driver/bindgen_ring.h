/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads for both sides of ferrio_ring.h: who exports, and who calls. */
#include <ferrio_ring.h>
