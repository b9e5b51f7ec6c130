// SPDX-License-Identifier: GPL-2.0
/*
 * The functions of export.rs for other modules.  That they are those of the header
 * is checked there, against what bindgen reads; what is exported here is what the C
 * compiler reads.
 */
#include <linux/export.h>
#include <ferrio_file.h>

/* They are defined in Rust, so this cannot stand behind each of them. */
#define FERRIO_EXPORT(symbol)	EXPORT_SYMBOL_NS_GPL(symbol, FERRIO_FILE_API)

FERRIO_EXPORT(ferrio_file_load_path);
FERRIO_EXPORT(ferrio_file_load_fd);
FERRIO_EXPORT(ferrio_file_load_file);
FERRIO_EXPORT(ferrio_file_load_user);
FERRIO_EXPORT(ferrio_file_bytes);
FERRIO_EXPORT(ferrio_file_len);
FERRIO_EXPORT(ferrio_file_sha256);
FERRIO_EXPORT(ferrio_file_free);
FERRIO_EXPORT(ferrio_file_stage_name);
