/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The devices of ferrio_rings_c.ko and ferrio_rings_rust.ko: what a driver can call of
 * ringbuffer.ko, where a program can call it.  For root alone.
 *
 * A file has no rings at first; FERRIO_TEST_RING_ALLOC makes them, once.  Then it is a
 * file of rings, as that of any driver.
 */
#ifndef FERRIO_RINGS_H
#define FERRIO_RINGS_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define FERRIO_TEST_RINGS_C	"/dev/ferrio_rings_c"
#define FERRIO_TEST_RINGS_RUST	"/dev/ferrio_rings_rust"

/* What the driver does. */
enum ferrio_test_ring_how {
	FERRIO_TEST_RING_ALLOC,		/* len: bytes; directions, flags */
	FERRIO_TEST_RING_WRITE,		/* data, len: ferrio_ring_write() */
	FERRIO_TEST_RING_READ,		/* data, min, len: ferrio_ring_read() */
	FERRIO_TEST_RING_BUILD,		/* data, len: reserve, fill in, commit min of them */
	FERRIO_TEST_RING_SHUTDOWN,	/* directions */
	FERRIO_TEST_RING_THREAD,	/* a thread begins: min 0: writes len bytes again and again, */
					/* else reads len bytes at once */
	FERRIO_TEST_RING_STOP,		/* kthread_stop(): what its last call gave */
	/* Of a ring of records; a thread reserves and commits records of len bytes there. */
	FERRIO_TEST_RING_RECORD,	/* data, len: reserve, fill in, commit min of them */
	FERRIO_TEST_RING_TAKE_BACK,	/* data, len: reserve, fill in, discard */
	FERRIO_TEST_RING_TWO,		/* data, len: half of it is a record; the second one is */
					/* committed first; the _atomic form everywhere */
	/* The device in C alone, as there is no such call in Rust. */
	FERRIO_TEST_RING_RESERVE,	/* data, len: reserve, and fill in */
	FERRIO_TEST_RING_COMMIT,	/* len */
	FERRIO_TEST_RING_DISCARD,
	FERRIO_TEST_RING_LEAVE,
	FERRIO_TEST_RING_FREE,		/* the file keeps a reference */
	FERRIO_TEST_RING_NO_PARAMS,	/* ferrio_ring_alloc(NULL) */
	FERRIO_TEST_RING_NO_DATA,	/* ferrio_ring_write(NULL), len */
	FERRIO_TEST_RING_NO_ROOM,	/* ferrio_ring_read(NULL), min, len */
	FERRIO_TEST_RING_PAD,		/* ferrio_ring_alloc() with padding that is not 0 */
	FERRIO_TEST_RING_HOLD,		/* data, len: reserve, and fill in; min, out: where */
	FERRIO_TEST_RING_END,		/* min: where, len: ferrio_ring_record_commit() */
	FERRIO_TEST_RING_UNDO,		/* min: where: ferrio_ring_record_discard() */
	FERRIO_TEST_RING_POKE,		/* min: a word for data, though that is read-only */
	FERRIO_TEST_RING_STORM,		/* min: ns, len: bytes: producers in all contexts begin */
	FERRIO_TEST_RING_CALM,		/* data, len: of struct ferrio_test_producer: they end */
};

/* Where the driver's call is made. */
enum ferrio_test_ring_where {
	FERRIO_TEST_RING_SLEEPING,	/* in the caller's task */
	FERRIO_TEST_RING_ATOMIC,	/* there, with interrupts off: the _atomic form */
	FERRIO_TEST_RING_HARDIRQ,	/* in a timer's interrupt: the _atomic form; in C alone */
	FERRIO_TEST_RING_SOFTIRQ,	/* behind one: the same */
};

struct ferrio_test_ring {
	__u32 size;
	__u32 how;
	__u32 where;
	__u32 directions;
	__u32 flags;
	__u32 pad;
	__u64 data;
	__u64 min;
	__u64 len;		/* for data at most FERRIO_TEST_RING_MAX */
	__s64 result;		/* out: what the call gave */
};

#define FERRIO_TEST_RING_MAX	(256 << 10)

/*
 * What one producer of a storm did.  A record of it begins with two numbers of 64 bits: which
 * producer, and how many it had offered before; all bytes behind them are the sum of both.  One
 * that is committed with no bytes at all is counted as empty as well.
 */
struct ferrio_test_producer {
	__u64 offered;
	__u64 committed;
	__u64 empty;
	__u64 discarded;
	__u64 full;		/* -EAGAIN, -ENOBUFS */
	__u64 too_large;	/* -EMSGSIZE */
	__u64 stopped;		/* -EINTR: the storm ended */
	__u64 wrong;		/* whatever else, of any call */
};

/* Of each CPU a thread, a timer's softirq, and its interrupt, in this order. */
#define FERRIO_TEST_STORM_KINDS	3
#define FERRIO_TEST_STORM_CPUS	16

/* The ioctl gives 0 if the call failed, too; what it gives else is of the device. */
#define FERRIO_TEST_RING_CALL	_IOC(_IOC_READ | _IOC_WRITE, 0xBE, 0xe1, 56)

#endif /* FERRIO_RINGS_H */
