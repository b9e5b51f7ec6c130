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

#define FERRIO_RB_DEVICE	"/dev/ringbuffer"	/* each open is a ring */
#define FERRIO_RB_ABI_VERSION	1			/* struct ferrio_rb_info.abi_version */

/* The `rw` argument of every call: the direction of data, seen by the holder. */
#define FERRIO_RB_READ		0	/* the consumer end */
#define FERRIO_RB_WRITE		1	/* the producer end */
#define FERRIO_RB_OBSERVE	2	/* neither; FERRIO_RB_MINT only */

/* struct ferrio_rb_info.kind: what this file descriptor is. */
#define FERRIO_RB_KIND_PLAIN	0	/* an open of the device: both ends */
#define FERRIO_RB_KIND_CONSUMER	1	/* the consumer end */
#define FERRIO_RB_KIND_PRODUCER	2	/* the producer end */
#define FERRIO_RB_KIND_OBSERVER	3	/* maps and polls, holds no end */

/* struct ferrio_rb_info.features: what this module can do. */
#define FERRIO_RB_FEAT_BYTES	(1ULL << 0)	/* byte streams */
#define FERRIO_RB_FEAT_SPLICE	(1ULL << 1)	/* splice both ways, sendfile in */
#define FERRIO_RB_FEAT_MAP	(1ULL << 2)	/* mmap of ends, wait, wakeup, blame */
#define FERRIO_RB_FEAT_RECORDS	(1ULL << 3)	/* rings of records */
#define FERRIO_RB_FEAT_MANY	(1ULL << 4)	/* of many producers, too */

/*
 * struct ferrio_rb_info.state and struct ferrio_rb_state_page.state: bits about
 * this ring at the time of the call.
 */
#define FERRIO_RB_STATE_ALLOCATED	(1U << 0)	/* memory is there, size is fixed */
#define FERRIO_RB_STATE_READ_CLOSED	(1U << 1)	/* no consumer is left: final */
#define FERRIO_RB_STATE_WRITE_CLOSED	(1U << 2)	/* nothing more will be written: final */
#define FERRIO_RB_STATE_CORRUPT		(1U << 3)	/* an impossible position: final */

/* struct ferrio_rb_info.corrupt: whose position was impossible, and who saw it. */
#define FERRIO_RB_CORRUPT_NONE		0	/* nobody's */
#define FERRIO_RB_CORRUPT_PRODUCER	1	/* the producer's, seen by the kernel as consumer */
#define FERRIO_RB_CORRUPT_CONSUMER	2	/* the consumer's, seen by the kernel as producer */
#define FERRIO_RB_CORRUPT_PRODUCER_TOLD	3	/* the producer's, told by a mapped consumer */
#define FERRIO_RB_CORRUPT_CONSUMER_TOLD	4	/* the consumer's, told by a mapped producer */

/* struct ferrio_rb_state_page.records: whether the ring has records, and how. */
#define FERRIO_RB_RECORDS	(1ULL << 0)	/* it has */
#define FERRIO_RB_RECORDS_MANY	(1ULL << 1)	/* many producers at once */
#define FERRIO_RB_RECORDS_DROP	(1ULL << 2)	/* what has no room is lost, and counted */

/* Why a record is lost: the index into `lost`, and into the payload of a gap. */
#define FERRIO_RB_LOST_FULL		0	/* no room */
#define FERRIO_RB_LOST_TOO_LARGE	1	/* never room */
#define FERRIO_RB_LOST_ABORTED		2	/* its producer died */
#define FERRIO_RB_LOST_PEER		3	/* the ring was corrupt, or made unusable */
#define FERRIO_RB_LOST_CAUSES		4	/* how many there are */

/**
 * struct ferrio_rb_losses - records that did not get into the stream
 * @lost: by cause, FERRIO_RB_LOST_*
 * @discarded: taken back by their producers
 * @pad: not used
 */
struct ferrio_rb_losses {
	__u64 lost[FERRIO_RB_LOST_CAUSES];
	__u64 discarded;
	__u64 pad[3];
};

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
 * @corrupt: FERRIO_RB_CORRUPT_*
 * @page_bytes: size of a page: of the offsets below, and of the three first ones
 * @map_bytes: extent of the whole window, from offset 0
 * @map_consumer: offset of struct ferrio_rb_end_page of the consumer
 * @map_state: offset of struct ferrio_rb_state_page
 * @map_producer: offset of struct ferrio_rb_end_page of the producer
 * @map_data: offset of the data, 2 * ring_bytes long
 * @records: FERRIO_RB_RECORDS* bits, 0 for a ring of bytes
 * @lost: records that did not get into the stream, by all producers
 * @slot: of many producers: the slot that this file's mapping has, its number + 1;
 *	0: none
 *
 * The first version ended with @state.  The offsets, as @ring_bytes, are fixed
 * once FERRIO_RB_STATE_ALLOCATED is set, and @records.
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
	__u32 corrupt;
	__u32 page_bytes;
	__u64 map_bytes;
	__u64 map_consumer;
	__u64 map_state;
	__u64 map_producer;
	__u64 map_data;
	__u64 records;
	struct ferrio_rb_losses lost;
	__u64 slot;
};

/**
 * struct ferrio_rb_size - FERRIO_RB_SET_SIZE
 * @size: sizeof(struct ferrio_rb_size)
 * @flags: 0: a ring of bytes; FERRIO_RB_RECORDS: of records; with it FERRIO_RB_RECORDS_DROP:
 *	which drop, and do not push back; FERRIO_RB_RECORDS_MANY: of many producers
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
 * @rw: FERRIO_RB_READ for a consumer end, FERRIO_RB_WRITE for a producer end,
 *	FERRIO_RB_OBSERVE for an observer
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

/* struct ferrio_rb_wait.flags: what `timeout` is; neither: no end, and 0. */
#define FERRIO_RB_WAIT_RELATIVE	(1U << 0)	/* nanoseconds from the call on */
#define FERRIO_RB_WAIT_ABSOLUTE	(1U << 1)	/* nanoseconds of CLOCK_MONOTONIC */

/**
 * struct ferrio_rb_wait - FERRIO_RB_WAIT
 * @size: sizeof(struct ferrio_rb_wait)
 * @flags: FERRIO_RB_WAIT_RELATIVE or FERRIO_RB_WAIT_ABSOLUTE, or 0
 * @rw: the end that waits: FERRIO_RB_READ for data, FERRIO_RB_WRITE for space
 * @state: out: FERRIO_RB_STATE_* bits
 * @min_bytes: how much of it, up to the ring's size; 0 is 1
 * @timeout: see @flags
 * @bytes: out: how much there is
 */
struct ferrio_rb_wait {
	__u32 size;
	__u32 flags;
	__u32 rw;
	__u32 state;
	__u64 min_bytes;
	__u64 timeout;
	__u64 bytes;
};

/**
 * struct ferrio_rb_wakeup - FERRIO_RB_WAKEUP and FERRIO_RB_BLAME
 * @size: sizeof(struct ferrio_rb_wakeup)
 * @flags: none yet, 0
 * @rw: the caller's own end, FERRIO_RB_READ or FERRIO_RB_WRITE
 * @pad: 0
 */
struct ferrio_rb_wakeup {
	__u32 size;
	__u32 flags;
	__u32 rw;
	__u32 pad;
};

/**
 * struct ferrio_rb_end_page - the page of an end
 * @position: bytes that went through this end since the ring was made
 * @pad0: not used
 * @armed: not 0: somebody waits at this end; a new value for each time
 * @wanted: the position of the peer that he waits for
 * @pad1: not used
 *
 * @position is written by the end's holder, @armed and @wanted by the kernel.
 * On lines of their own, as the peer polls the one and looks at the others.
 */
struct ferrio_rb_end_page {
	__u64 position;
	__u64 pad0[15];
	__u64 armed;
	__u64 wanted;
	__u64 pad1[14];
};

/**
 * struct ferrio_rb_counters - how often one end's waits did what
 * @arms: somebody began to wait
 * @wakes: of these, woken by the peer
 * @suppressed: calls of FERRIO_RB_WAKEUP that found nobody
 * @sleeps: a task gave its CPU away
 * @spurious: of these, for nothing
 * @pad: not used
 */
struct ferrio_rb_counters {
	__u64 arms;
	__u64 wakes;
	__u64 suppressed;
	__u64 sleeps;
	__u64 spurious;
	__u64 pad[3];
};

/* A record's header: Documentation/records.rst.  Bits that have no name are 0. */
#define FERRIO_RB_RECORD_LEN		0xffffffffULL	/* bytes of payload */
#define FERRIO_RB_RECORD_BUSY		(1ULL << 32)	/* neither committed nor discarded */
#define FERRIO_RB_RECORD_DISCARD	(1ULL << 33)	/* to be skipped */
#define FERRIO_RB_RECORD_GAP		(1ULL << 34)	/* what was lost: FERRIO_RB_LOST_CAUSES numbers */
#define FERRIO_RB_RECORD_HELD		(1ULL << 35)	/* busy, its token has been redeemed */
#define FERRIO_RB_RECORD_NEXT		(1ULL << 44)	/* what PHASE was behind the record */
#define FERRIO_RB_RECORD_PHASE		(1ULL << 45)	/* the opposite of what it was here */
#define FERRIO_RB_RECORD_CHECK_SHIFT	48		/* position / 8, its low 16 bits */

/* Bytes of a header; of a payload and its header together a multiple of it. */
#define FERRIO_RB_RECORD_HEADER_BYTES	8

/**
 * struct ferrio_rb_slot - what one mapping of many has reserved
 * @claim: number << 2 | FERRIO_RB_SLOT_*
 * @position: where the reservation begins, its low 56 bits
 * @header: its header, without FERRIO_RB_RECORD_BUSY
 * @lost: records that the holder lost, by cause
 * @discarded: records that the holder took back
 */
struct ferrio_rb_slot {
	__u64 claim;
	__u64 position;
	__u64 header;
	__u64 lost[FERRIO_RB_LOST_CAUSES];
	__u64 discarded;
};

/* struct ferrio_rb_slot.claim */
#define FERRIO_RB_SLOT_IDLE	0	/* nothing is reserved */
#define FERRIO_RB_SLOT_ASKING	1	/* it is if struct ferrio_rb_producer_page.reserve says so */
#define FERRIO_RB_SLOT_WON	2	/* it is reserved */

/* How many slots there are, behind struct ferrio_rb_producer_page. */
#define FERRIO_RB_SLOTS		56

/**
 * struct ferrio_rb_producer_page - the producer's page of a ring with records
 * @end: as in all rings; position is that of one producer
 * @reserve: of many: position << 8 | number of the slot + 1, or 0 for the kernel
 * @pad0: not used
 * @limit: of many: position << 8 | what FERRIO_RB_RECORD_PHASE was there
 * @pad1: not used
 *
 * On lines of their own: all producers look at both, and write the one far more
 * often.  The slots, struct ferrio_rb_slot, are behind it.
 */
struct ferrio_rb_producer_page {
	struct ferrio_rb_end_page end;
	__u64 reserve;
	__u64 pad0[15];
	__u64 limit;
	__u64 pad1[15];
};

/**
 * struct ferrio_rb_state_page - the page that the kernel alone writes
 * @abi_version: FERRIO_RB_ABI_VERSION
 * @page_bytes: size of a page
 * @ring_bytes: size of the ring
 * @state: FERRIO_RB_STATE_* bits
 * @corrupt: FERRIO_RB_CORRUPT_*
 * @generation: changes with each holder that comes or goes
 * @pad: not used
 * @consumer: of the consumer's waits
 * @producer: of the producer's waits
 * @records: FERRIO_RB_RECORDS* bits, 0 in a ring of bytes
 * @pad1: not used
 * @lost: by producers in the kernel; those of slots count in their slots
 */
struct ferrio_rb_state_page {
	__u32 abi_version;
	__u32 page_bytes;
	__u64 ring_bytes;
	__u64 state;
	__u64 corrupt;
	__u64 generation;
	__u64 pad[3];
	struct ferrio_rb_counters consumer;
	struct ferrio_rb_counters producer;
	__u64 records;
	__u64 pad1[7];
	struct ferrio_rb_losses lost;
};

/*
 * Type 0xBE is free in Documentation/userspace-api/ioctl/ioctl-number.rst.
 * 0x00-0x3f are the ring's; 0x10-0x1f the mapped ring's.
 */
#define FERRIO_RB_IOC_TYPE	0xBE

/* The argument's size stays that of the first version. */
#define FERRIO_RB_GET_INFO	_IOC(_IOC_READ | _IOC_WRITE, FERRIO_RB_IOC_TYPE, 0x00, 88)
#define FERRIO_RB_SET_SIZE	_IOC(_IOC_WRITE, FERRIO_RB_IOC_TYPE, 0x01, 16)
#define FERRIO_RB_MINT		_IOC(_IOC_READ | _IOC_WRITE, FERRIO_RB_IOC_TYPE, 0x02, 16)
#define FERRIO_RB_SHUTDOWN	_IOC(_IOC_WRITE, FERRIO_RB_IOC_TYPE, 0x03, 16)
#define FERRIO_RB_WAIT		_IOC(_IOC_READ | _IOC_WRITE, FERRIO_RB_IOC_TYPE, 0x10, 40)
#define FERRIO_RB_WAKEUP	_IOC(_IOC_WRITE, FERRIO_RB_IOC_TYPE, 0x11, 16)
#define FERRIO_RB_BLAME		_IOC(_IOC_WRITE, FERRIO_RB_IOC_TYPE, 0x12, 16)

#endif /* _FERRIO_RINGBUFFER_H */
