/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads for both sides of ferrio_file.h: who exports, and who calls. */
#include <ferrio_file.h>
