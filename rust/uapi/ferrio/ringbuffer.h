/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * ABI of /dev/ringbuffer.
 *
 * This header is the only definition of it: the Rust side of the module and
 * of the user library is generated from here, and checked against C when it
 * is built.  Documentation/abi/ringbuffer.rst and ringbuffer(4) say what each
 * call does; this file says what goes over the wire.
 *
 * Rules of every struct below: the first member is the size of the struct as
 * its user knows it.  A shorter struct than the kernel's is filled up with
 * zeros, a longer one is taken if its tail is zero and refused with E2BIG if
 * not.  A size below the first published one gives EINVAL.  Unknown flags and
 * non-zero padding give EINVAL.  The size inside a command number is that of
 * the first published version for ever, whatever the struct grows to.
 */
#ifndef _FERRIO_RINGBUFFER_H
#define _FERRIO_RINGBUFFER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define FERRIO_RB_DEVICE	"/dev/ringbuffer"
#define FERRIO_RB_ABI_VERSION	1

/* The `rw` argument of every call: the direction of data, seen by the holder. */
#define FERRIO_RB_READ		0	/* the consumer end */
#define FERRIO_RB_WRITE		1	/* the producer end */

/* struct ferrio_rb_info.kind: what this file descriptor is. */
#define FERRIO_RB_KIND_PLAIN	0	/* an open of the device: both ends */
#define FERRIO_RB_KIND_CONSUMER	1
#define FERRIO_RB_KIND_PRODUCER	2

/* struct ferrio_rb_info.features: what this module can do. */
#define FERRIO_RB_FEAT_BYTES	(1ULL << 0)	/* byte streams */
#define FERRIO_RB_FEAT_SPLICE	(1ULL << 1)	/* splice both ways, sendfile in */

/* struct ferrio_rb_info.state: bits about this ring at the time of the call. */
#define FERRIO_RB_STATE_ALLOCATED	(1U << 0)	/* memory is there, size is fixed */
#define FERRIO_RB_STATE_READ_CLOSED	(1U << 1)	/* no consumer is left: final */
#define FERRIO_RB_STATE_WRITE_CLOSED	(1U << 2)	/* no producer is left: final */

/**
 * struct ferrio_rb_info - FERRIO_RB_GET_INFO
 * @size: in: sizeof(struct ferrio_rb_info); out: the size the kernel knows
 * @abi_version: FERRIO_RB_ABI_VERSION of the module
 * @features: FERRIO_RB_FEAT_* bits
 * @min_bytes: smallest ring, in bytes
 * @max_bytes: largest ring, in bytes
 * @default_bytes: size of a ring on which nobody called FERRIO_RB_SET_SIZE
 * @user_max_rings: rings one user may have open without CAP_SYS_RESOURCE
 * @user_max_bytes: ring memory one user may hold without CAP_SYS_RESOURCE
 * @user_rings: rings that count against the user who opened this one
 * @user_bytes: ring memory that counts against that user
 * @ring_bytes: size of this ring
 * @kind: FERRIO_RB_KIND_* of this file descriptor
 * @state: FERRIO_RB_STATE_* bits
 */
struct ferrio_rb_info {
	__u32 size;
	__u32 abi_version;
	__u64 features;
	__u64 min_bytes;
	__u64 max_bytes;
	__u64 default_bytes;
	__u64 user_max_rings;
	__u64 user_max_bytes;
	__u64 user_rings;
	__u64 user_bytes;
	__u64 ring_bytes;
	__u32 kind;
	__u32 state;
};

/**
 * struct ferrio_rb_size - FERRIO_RB_SET_SIZE
 * @size: sizeof(struct ferrio_rb_size)
 * @flags: none yet, 0
 * @bytes: size of the ring: a power of two between min_bytes and max_bytes
 */
struct ferrio_rb_size {
	__u32 size;
	__u32 flags;
	__u64 bytes;
};

/**
 * struct ferrio_rb_mint - FERRIO_RB_MINT
 * @size: sizeof(struct ferrio_rb_mint)
 * @flags: none yet, 0
 * @rw: FERRIO_RB_READ for a consumer end, FERRIO_RB_WRITE for a producer end
 * @fd: out: the new file descriptor, close-on-exec
 */
struct ferrio_rb_mint {
	__u32 size;
	__u32 flags;
	__u32 rw;
	__s32 fd;
};

/**
 * struct ferrio_rb_shutdown - FERRIO_RB_SHUTDOWN
 * @size: sizeof(struct ferrio_rb_shutdown)
 * @flags: none yet, 0
 * @rw: the end to give up, FERRIO_RB_READ or FERRIO_RB_WRITE
 * @pad: 0
 */
struct ferrio_rb_shutdown {
	__u32 size;
	__u32 flags;
	__u32 rw;
	__u32 pad;
};

/*
 * Type 0xBE is free in Documentation/userspace-api/ioctl/ioctl-number.rst.
 * 0x00-0x3f are the ring's; 0x10-0x1f are kept for the mapped ring.
 */
#define FERRIO_RB_IOC_TYPE	0xBE

/* The argument's size stays that of the first version: 88, 16, 16, 16. */
#define FERRIO_RB_GET_INFO	_IOC(_IOC_READ | _IOC_WRITE, FERRIO_RB_IOC_TYPE, 0x00, 88)
#define FERRIO_RB_SET_SIZE	_IOC(_IOC_WRITE, FERRIO_RB_IOC_TYPE, 0x01, 16)
#define FERRIO_RB_MINT		_IOC(_IOC_READ | _IOC_WRITE, FERRIO_RB_IOC_TYPE, 0x02, 16)
#define FERRIO_RB_SHUTDOWN	_IOC(_IOC_WRITE, FERRIO_RB_IOC_TYPE, 0x03, 16)

#endif /* _FERRIO_RINGBUFFER_H */
