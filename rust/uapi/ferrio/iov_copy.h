/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * ABI of /dev/iov_copy.
 *
 * This header is the only definition of it: the Rust side of the module is
 * generated from here, and checked against C when it is built.
 * Documentation/abi/iov_copy.rst says what each call does; this file says what
 * goes over the wire.
 *
 * Rules of every struct below: the first member is the size of the struct as
 * its user knows it.  A shorter struct than the kernel's is filled up with
 * zeros, a longer one is taken if its tail is zero and refused with E2BIG if
 * not.  A size below the first published one gives EINVAL.  Unknown flags and
 * non-zero padding give EINVAL.  The size inside a command number is that of
 * the first published version for ever, whatever the struct grows to.
 */
#ifndef _FERRIO_IOV_COPY_H
#define _FERRIO_IOV_COPY_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define FERRIO_IC_DEVICE	"/dev/iov_copy"
#define FERRIO_IC_ABI_VERSION	1

/* struct ferrio_ic_info.features: what this module can do. */
#define FERRIO_IC_FEAT_MAP	(1ULL << 0)	/* shared mappings */
#define FERRIO_IC_FEAT_SPLICE	(1ULL << 1)	/* splice and sendfile, both ways */
#define FERRIO_IC_FEAT_COPYV	(1ULL << 2)	/* FERRIO_IC_COPYV */
#define FERRIO_IC_FEAT_CRC32C	(1ULL << 3)	/* FERRIO_IC_COPYV_CRC32C */

/* struct ferrio_ic_info.state: bits about this file at the time of the call. */
#define FERRIO_IC_STATE_FIXED	(1U << 0)	/* the size cannot be set any more */

/**
 * struct ferrio_ic_info - FERRIO_IC_GET_INFO
 * @size: in: sizeof(struct ferrio_ic_info); out: the size the kernel knows
 * @abi_version: FERRIO_IC_ABI_VERSION of the module
 * @features: FERRIO_IC_FEAT_* bits
 * @min_bytes: smallest memory of a file, in bytes; sizes are multiples of it
 * @max_bytes: largest memory of a file
 * @default_bytes: size of one on which nobody called FERRIO_IC_SET_SIZE
 * @all_max_bytes: bytes that all files together may hold: the module's parameter
 *	max_bytes
 * @all_bytes: bytes that all files together hold, tables of pages included
 * @bytes: size of this file's memory
 * @stored_bytes: how much of it is there: what is not, is a hole
 * @copy_max_bytes: the most that one FERRIO_IC_COPYV copies
 * @max_segments: the most segments of one list of FERRIO_IC_COPYV
 * @state: FERRIO_IC_STATE_* bits
 */
struct ferrio_ic_info {
	__u32 size;
	__u32 abi_version;
	__u64 features;
	__u64 min_bytes;
	__u64 max_bytes;
	__u64 default_bytes;
	__u64 all_max_bytes;
	__u64 all_bytes;
	__u64 bytes;
	__u64 stored_bytes;
	__u64 copy_max_bytes;
	__u32 max_segments;
	__u32 state;
};

/**
 * struct ferrio_ic_size - FERRIO_IC_SET_SIZE
 * @size: sizeof(struct ferrio_ic_size)
 * @flags: none yet, 0
 * @bytes: size of the memory: a multiple of min_bytes up to max_bytes
 */
struct ferrio_ic_size {
	__u32 size;
	__u32 flags;
	__u64 bytes;
};

/* struct ferrio_ic_copyv.flags */
#define FERRIO_IC_COPYV_CRC32C	(1U << 0)	/* go on with crc32c */

/**
 * struct ferrio_ic_copyv - FERRIO_IC_COPYV
 * @size: sizeof(struct ferrio_ic_copyv)
 * @flags: FERRIO_IC_COPYV_CRC32C, or 0
 * @to: address of the array of struct iovec that is copied to
 * @from: address of the array of struct iovec that is copied from
 * @to_count: elements of @to
 * @from_count: elements of @from
 * @copied: out: bytes copied
 * @crc32c: with FERRIO_IC_COPYV_CRC32C: in: the sum of what was copied before,
 *	0 at the beginning; out: with the bytes of this call. Without: in: has to
 *	be 0, else EINVAL; out: 0
 * @pad: 0
 */
struct ferrio_ic_copyv {
	__u32 size;
	__u32 flags;
	__u64 to;
	__u64 from;
	__u32 to_count;
	__u32 from_count;
	__u64 copied;
	__u32 crc32c;
	__u32 pad;
};

/* ringbuffer.h has 0x00-0x3f of this type, file_loader.h 0x40-0x7f, this device 0x80-0xbf. */
#define FERRIO_IC_IOC_TYPE	0xBE

/* The argument's size stays that of the first version. */
#define FERRIO_IC_GET_INFO	_IOC(_IOC_READ | _IOC_WRITE, FERRIO_IC_IOC_TYPE, 0x80, 88)
#define FERRIO_IC_SET_SIZE	_IOC(_IOC_WRITE, FERRIO_IC_IOC_TYPE, 0x81, 16)
#define FERRIO_IC_COPYV		_IOC(_IOC_READ | _IOC_WRITE, FERRIO_IC_IOC_TYPE, 0x82, 48)

#endif /* _FERRIO_IOV_COPY_H */
