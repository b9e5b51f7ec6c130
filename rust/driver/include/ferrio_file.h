/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files for other modules, read by file_loader.ko: once, whole, through the
 * security modules, and not changed any more.
 *
 * All functions are for process context, and may sleep.  None keeps what it is
 * passed.  A module that calls them depends on file_loader.ko, which can not be
 * removed before it.  Documentation/file_driver.rst of ferrio is about them.
 */
#ifndef _FERRIO_FILE_H
#define _FERRIO_FILE_H

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/types.h>
#include <ferrio/file_loader.h>

/*
 * The version of this header, as a symbol name space: Debian's kernel compares no
 * versions of symbols, so this is what keeps a module that was built with another
 * version from being inserted.  Whoever includes the header imports it.
 */
#define FERRIO_FILE_API		"FERRIO_FILE_1"
MODULE_IMPORT_NS(FERRIO_FILE_API);

struct file;

/* The content of a file: opaque. */
struct ferrio_file;

/**
 * struct ferrio_file_request - what may be loaded
 * @max_bytes: the load fails if there are more; 0 refuses everything
 * @purpose: enum ferrio_fl_purpose: what the security modules are told
 * @pins: FERRIO_FL_PIN_* bits; without its bit, what belongs to a pin is 0
 * @sha256: the bytes have this digest
 * @verity_algorithm: the file has fs-verity with this FS_VERITY_HASH_ALG_*,
 * @verity_bytes: with a digest of so many bytes,
 * @verity: and this one, with zeros behind it
 */
struct ferrio_file_request {
	u64 max_bytes;
	u32 purpose;
	u32 pins;
	u8 sha256[32];
	u32 verity_algorithm;
	u32 verity_bytes;
	u8 verity[64];
};

/**
 * struct ferrio_file_failure - why a load failed
 * @stage: enum ferrio_fl_stage; 0 if none failed, or the request made no sense
 * @error: the error that the call gives, negative, or 0
 * @bytes: the size that the file had, or 0 if the load did not come to look at it
 */
struct ferrio_file_failure {
	u32 stage;
	s32 error;
	u64 bytes;
};

/**
 * ferrio_file_load_path() - load the file of a path
 * @path: absolute, resolved as PID 1 does, whatever root and mounts the caller has;
 *	symbolic links are followed
 * @request: what may be loaded
 * @failure: written in any case, or NULL
 *
 * The permission to read the file is that of the caller's credentials: in
 * module_init() those of whoever runs insmod.  Works in a kernel thread.
 *
 * The memory is charged to the memory cgroup of the caller, and counts for no limit
 * of a user: whoever loads on behalf of one bounds it by @request.  Nothing
 * is logged.
 *
 * Return: the content, to be given to ferrio_file_free(); else ERR_PTR(), of one
 * of the errors of abi/file_loader.rst that are in the stages OPEN to DIGEST, but not EDQUOT
 * and ENFILE; or of -EINVAL without a stage: @path is NULL or an error, @request is NULL, or
 * @request makes no sense.  Never NULL.
 */
struct ferrio_file *__must_check
ferrio_file_load_path(const char *path, const struct ferrio_file_request *request,
		      struct ferrio_file_failure *failure);

/**
 * ferrio_file_load_fd() - load the file of a descriptor
 * @fd: of the calling program, open for reading: -EBADF if not, and in a kernel thread
 * @request: as for ferrio_file_load_path()
 * @failure: as for ferrio_file_load_path()
 *
 * Return: as of ferrio_file_load_path().
 */
struct ferrio_file *__must_check
ferrio_file_load_fd(int fd, const struct ferrio_file_request *request,
		    struct ferrio_file_failure *failure);

/**
 * ferrio_file_load_file() - load an open file
 * @file: open for reading: -EBADF if not; the caller keeps its reference
 * @request: as for ferrio_file_load_path()
 * @failure: as for ferrio_file_load_path()
 *
 * Return: as of ferrio_file_load_path(); -EINVAL also if @file is NULL or an error.
 */
struct ferrio_file *__must_check
ferrio_file_load_file(struct file *file, const struct ferrio_file_request *request,
		      struct ferrio_file_failure *failure);

/**
 * ferrio_file_load_user() - load bytes of the calling program
 * @bytes: where they are
 * @len: how many
 * @request: as for ferrio_file_load_path(), but without FERRIO_FL_PIN_VERITY
 * @failure: as for ferrio_file_load_path()
 *
 * The security modules are asked by the hooks for bytes without a file.  Each byte
 * is read once.
 *
 * Return: as of ferrio_file_load_path(); -EFAULT in a kernel thread that has not taken
 * a program's memory.
 */
struct ferrio_file *__must_check
ferrio_file_load_user(const void __user *bytes, u64 len,
		      const struct ferrio_file_request *request,
		      struct ferrio_file_failure *failure);

/**
 * ferrio_file_bytes() - the bytes
 * @file: of a load that was successful
 *
 * Any context.  There may be any number of readers at a time; nobody writes.
 *
 * Return: where ferrio_file_len() of them are, until ferrio_file_free().  There is
 * no zero byte behind them that could be relied on.  Mapped in a row by vmap(): not
 * for virt_to_page(), scatterlists or DMA.
 */
const void *ferrio_file_bytes(const struct ferrio_file *file);

/**
 * ferrio_file_len() - how many bytes there are
 * @file: of a load that was successful
 *
 * Any context.
 *
 * Return: 1 to max_bytes of the request.
 */
size_t ferrio_file_len(const struct ferrio_file *file);

/**
 * ferrio_file_sha256() - the SHA-256 of the bytes
 * @file: of a load that was successful
 *
 * Any context; it is known since the load.
 *
 * Return: where its 32 bytes are, until ferrio_file_free().
 */
const u8 *ferrio_file_sha256(const struct ferrio_file *file);

/**
 * ferrio_file_free() - give the memory back
 * @file: of a load; NULL and ERR_PTR() are ignored
 *
 * Nobody may use what ferrio_file_bytes() and ferrio_file_sha256() returned any
 * more.
 */
void ferrio_file_free(struct ferrio_file *file);

/**
 * ferrio_file_stage_name() - the name of a stage, for messages
 * @stage: of struct ferrio_file_failure
 *
 * Any context.
 *
 * Return: "open", "type", "busy", "size", "memory", "lsm", "read", "lsm-post" or
 * "digest"; "request" for anything else.
 */
const char *ferrio_file_stage_name(u32 stage);

/* struct ferrio_file *file __free(ferrio_file) = ferrio_file_load_path(...); */
DEFINE_FREE(ferrio_file, struct ferrio_file *, ferrio_file_free(_T))

#endif /* _FERRIO_FILE_H */
