/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * ABI of /dev/file_loader.
 *
 * This header is the only definition of it: the Rust side of the module is
 * generated from here, and checked against C when it is built.
 * Documentation/abi/file_loader.rst says what each call does; this file says
 * what goes over the wire.
 *
 * Rules of every struct below: the first member is the size of the struct as
 * its user knows it.  A shorter struct than the kernel's is filled up with
 * zeros, a longer one is taken if its tail is zero and refused with E2BIG if
 * not.  A size below the first published one gives EINVAL.  Unknown flags and
 * non-zero padding give EINVAL.  The size inside a command number is that of
 * the first published version for ever, whatever the struct grows to.
 */
#ifndef _FERRIO_FILE_LOADER_H
#define _FERRIO_FILE_LOADER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define FERRIO_FL_DEVICE	"/dev/file_loader"	/* root's, or a group's by udev */
#define FERRIO_FL_ABI_VERSION	1	/* of struct ferrio_fl_info */

/* struct ferrio_fl_info.features: what this module can do. */
#define FERRIO_FL_FEAT_FD	(1ULL << 0)	/* FERRIO_FL_LOAD_FD */
#define FERRIO_FL_FEAT_PATH	(1ULL << 1)	/* FERRIO_FL_LOAD_PATH */
#define FERRIO_FL_FEAT_BYTES	(1ULL << 2)	/* FERRIO_FL_LOAD_BYTES */
#define FERRIO_FL_FEAT_SHA256	(1ULL << 3)	/* FERRIO_FL_PIN_SHA256 */
#define FERRIO_FL_FEAT_VERITY	(1ULL << 4)	/* FERRIO_FL_PIN_VERITY */
#define FERRIO_FL_FEAT_MAP	(1ULL << 5)	/* a blob can be mapped */
#define FERRIO_FL_FEAT_SPLICE	(1ULL << 6)	/* splice and sendfile out of a blob */

/*
 * What a load is for: what the security modules are told it is.  There is no
 * "unknown", and no purpose is 0.
 */
enum ferrio_fl_purpose {
	FERRIO_FL_FIRMWARE = 1,		/* for a device or a driver */
	FERRIO_FL_POLICY = 2,		/* the text of a policy */
	FERRIO_FL_X509_CERTIFICATE = 3,
};

/* Where a blob came from. */
enum ferrio_fl_source {
	FERRIO_FL_FROM_FD = 1,
	FERRIO_FL_FROM_PATH = 2,
	FERRIO_FL_FROM_BYTES = 3,
};

/* How far a load came: the step that failed, in the order in which they are made. */
enum ferrio_fl_stage {
	FERRIO_FL_STAGE_NONE = 0,	/* no load failed */
	FERRIO_FL_STAGE_OPEN = 1,	/* finding it, permission to read it */
	FERRIO_FL_STAGE_TYPE = 2,	/* it is no regular file */
	FERRIO_FL_STAGE_BUSY = 3,	/* it is open for writing */
	FERRIO_FL_STAGE_SIZE = 4,	/* empty, or too large */
	FERRIO_FL_STAGE_MEMORY = 5,	/* no memory, or no more of it for this user */
	FERRIO_FL_STAGE_LSM = 6,	/* a security module, before reading */
	FERRIO_FL_STAGE_READ = 7,	/* reading, or it changed meanwhile */
	FERRIO_FL_STAGE_LSM_POST = 8,	/* a security module, which has seen the bytes */
	FERRIO_FL_STAGE_DIGEST = 9,	/* it is not what was pinned */
};

/**
 * struct ferrio_fl_info - FERRIO_FL_GET_INFO
 * @size: in: sizeof(struct ferrio_fl_info); out: the size the kernel knows
 * @abi_version: FERRIO_FL_ABI_VERSION of the module
 * @features: FERRIO_FL_FEAT_* bits
 * @purposes: bit N is set if purpose N is known
 * @user_max_bytes: bytes that the blobs of one user may have
 * @user_bytes: bytes that those of the caller have: of its real user id
 * @user_max_blobs: blobs that one user may have
 * @user_blobs: blobs that the caller has
 */
struct ferrio_fl_info {
	__u32 size;
	__u32 abi_version;
	__u64 features;
	__u64 purposes;
	__u64 user_max_bytes;
	__u64 user_bytes;
	__u64 user_max_blobs;
	__u64 user_blobs;
};

/**
 * struct ferrio_fl_failure - why a load failed
 * @size: sizeof(struct ferrio_fl_failure)
 * @stage: out: enum ferrio_fl_stage
 * @error: out: the errno that the call gives, 0 if none
 * @pad: 0
 * @bytes: out: the size that the file had, or that the caller gave; 0 if the
 *	load did not come to look at it
 */
struct ferrio_fl_failure {
	__u32 size;
	__u32 stage;
	__u32 error;
	__u32 pad;
	__u64 bytes;
};

/* struct ferrio_fl_load.flags: FERRIO_FL_* */
#define FERRIO_FL_PIN_SHA256	(1U << 0)	/* the content has @sha256 */
#define FERRIO_FL_PIN_VERITY	(1U << 1)	/* the file has @verity; not for bytes */

/**
 * struct ferrio_fl_load - FERRIO_FL_LOAD_FD, FERRIO_FL_LOAD_PATH, FERRIO_FL_LOAD_BYTES
 * @size: sizeof(struct ferrio_fl_load)
 * @flags: FERRIO_FL_* bits: what is pinned, for now
 * @purpose: enum ferrio_fl_purpose
 * @verity_algorithm: with FERRIO_FL_PIN_VERITY FS_VERITY_HASH_ALG_* of
 *	linux/fsverity.h; else 0
 * @max_bytes: the load fails if there are more
 * @source: by the command: a descriptor; the address of a path that ends in a
 *	zero byte; the address of the bytes
 * @source_bytes: FERRIO_FL_LOAD_BYTES: how many there are; else 0
 * @failure: address of a struct ferrio_fl_failure that is written, or 0
 * @sha256: with FERRIO_FL_PIN_SHA256; else 0
 * @verity: with FERRIO_FL_PIN_VERITY: the file digest, and zeros behind it; else 0
 * @verity_bytes: with FERRIO_FL_PIN_VERITY how long it is, at most 64; else 0
 * @pad: 0
 */
struct ferrio_fl_load {
	__u32 size;
	__u32 flags;
	__u32 purpose;
	__u32 verity_algorithm;
	__u64 max_bytes;
	__u64 source;
	__u64 source_bytes;
	__u64 failure;
	__u8 sha256[32];
	__u8 verity[64];
	__u32 verity_bytes;
	__u32 pad;
};

/**
 * struct ferrio_fl_blob - FERRIO_FL_BLOB_INFO
 * @size: in: sizeof(struct ferrio_fl_blob); out: the size the kernel knows
 * @source: enum ferrio_fl_source
 * @purpose: enum ferrio_fl_purpose
 * @uid: the real user id of whoever loaded it, as the initial user namespace
 *	numbers it
 * @bytes: size of the blob
 * @sha256: of the blob
 * @verity: the file digest of fs-verity, zeros behind it
 * @verity_algorithm: FS_VERITY_HASH_ALG_*; 0: the file has no fs-verity
 * @verity_bytes: length of the digest; 0: the file has no fs-verity
 * @dev_major: of the file, as statx() gives it; this and the next four are 0 for
 *	FERRIO_FL_FROM_BYTES
 * @dev_minor: the same
 * @inode: the same
 * @mtime_sec: the same, when it was loaded
 * @mtime_nsec: the same
 * @pad: 0
 * @open_ns: nanoseconds for finding the file and looking at it
 * @memory_ns: for getting the memory
 * @read_ns: for reading, with the security modules before and behind it
 * @digest_ns: for the digest
 * @path: in: address of a buffer for the path, or 0
 * @path_room: in: bytes of that buffer
 * @path_bytes: out: length of the path, without the zero that ends it; 0: there
 *	is none
 */
struct ferrio_fl_blob {
	__u32 size;
	__u32 source;
	__u32 purpose;
	__u32 uid;
	__u64 bytes;
	__u8 sha256[32];
	__u8 verity[64];
	__u32 verity_algorithm;
	__u32 verity_bytes;
	__u32 dev_major;
	__u32 dev_minor;
	__u64 inode;
	__s64 mtime_sec;
	__u32 mtime_nsec;
	__u32 pad;
	__u64 open_ns;
	__u64 memory_ns;
	__u64 read_ns;
	__u64 digest_ns;
	__u64 path;
	__u32 path_room;
	__u32 path_bytes;
};

/*
 * ringbuffer.h has 0x00-0x3f of this type, this device 0x40-0x7f and
 * iov_copy.h 0x80-0xbf.
 */
#define FERRIO_FL_IOC_TYPE	0xBE

/* The argument's size stays that of the first version. */
#define FERRIO_FL_GET_INFO	_IOC(_IOC_READ | _IOC_WRITE, FERRIO_FL_IOC_TYPE, 0x40, 56)
#define FERRIO_FL_LOAD_FD	_IOC(_IOC_WRITE, FERRIO_FL_IOC_TYPE, 0x41, 152)
#define FERRIO_FL_LOAD_PATH	_IOC(_IOC_WRITE, FERRIO_FL_IOC_TYPE, 0x42, 152)
#define FERRIO_FL_LOAD_BYTES	_IOC(_IOC_WRITE, FERRIO_FL_IOC_TYPE, 0x43, 152)
/* On a blob. */
#define FERRIO_FL_BLOB_INFO	_IOC(_IOC_READ | _IOC_WRITE, FERRIO_FL_IOC_TYPE, 0x44, 208)

/* The size of the first version of struct ferrio_fl_failure, which is in no number. */
#define FERRIO_FL_FAILURE_SIZE_VER0	24

#endif /* _FERRIO_FILE_LOADER_H */
