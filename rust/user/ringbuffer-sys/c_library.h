/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What bindgen reads for the feature `c`. */
#include <ferrio/ring-records.h>
