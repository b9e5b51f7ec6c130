/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads for the module's mirror of the ABI. */
#include <bindgen_file_loader.h>
