/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The calls of /dev/ferrio_test, a device that exists only to be tested: each
 * shows one promise of the shared crate to a program.  Read by bindgen for the
 * module and included by selftests/chardev.
 */
#ifndef FERRIO_TEST_H
#define FERRIO_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* What the next reads and writes of this open file do. */
enum ferrio_test_behave {
	FERRIO_TEST_PLAIN,	/* read: the text from the position; write: take up to 64 */
	FERRIO_TEST_QUEUED,	/* return EIOCBQUEUED, which only aio may */
	FERRIO_TEST_ROLLBACK,	/* move all, make the proof, roll all back */
	FERRIO_TEST_FAIL,	/* move all, then return ENOSPC */
	FERRIO_TEST_NOTHING,	/* move nothing, and say so */
	FERRIO_TEST_BEHAVIOURS,
};

/* What a read gives in FERRIO_TEST_PLAIN. */
#define FERRIO_TEST_TEXT	"iron oxide\n"

/*
 * An extensible struct: the first version ended behind `a`, this one behind
 * `c`.  Comes back with each number one higher.
 */
struct ferrio_test_ext {
	__u32 size;
	__u32 a;
	__u64 b;
	__u64 c;
};

/* Waits until FERRIO_TEST_WAKE is called on the same open file. */
struct ferrio_test_wait {
	__u32 size;
	__u32 killable;		/* else interruptible */
	__u64 nanoseconds;	/* 0: no bound */
};

#define FERRIO_TEST_BEHAVE	_IO(0xBE, 0xf0)		/* the argument is the number */
#define FERRIO_TEST_EXT		_IOC(_IOC_READ | _IOC_WRITE, 0xBE, 0xf1, 8)
#define FERRIO_TEST_WAIT	_IOC(_IOC_WRITE, 0xBE, 0xf2, 16)
#define FERRIO_TEST_WAKE	_IO(0xBE, 0xf3)

#endif /* FERRIO_TEST_H */
