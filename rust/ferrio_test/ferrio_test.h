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

/*
 * A second device, whose files have pages to be mapped.  FERRIO_TEST_PAGES
 * makes them, once a file: two pages of words and N pages of data.  A file's
 * pages lie at these offsets:
 *
 *   0        words that a program may write
 *   1        words that it may not: a window with this page in it is read-only
 *   2 ...    the N pages of data, and the same N again
 *
 * pread() and pwrite() move bytes of the data.
 */
#define FERRIO_TEST_MAP_DEVICE	"/dev/ferrio_test_map"

/* What the next mmaps and faults of this open file do. */
enum ferrio_test_map_behave {
	FERRIO_TEST_MAP_PLAIN,
	FERRIO_TEST_MAP_HIDE,	/* there are no pages any more */
	FERRIO_TEST_MAP_LAZY,	/* there are none during mmap, which succeeds nevertheless */
	FERRIO_TEST_MAP_FAIL,	/* mmap does all, then returns ENOSPC */
	FERRIO_TEST_MAP_FORGET,	/* mmap does nothing, and returns 0 */
	FERRIO_TEST_MAP_BEHAVIOURS,
};

/* What a file knows of its mappings. */
struct ferrio_test_maps {
	__u32 size;
	__u32 page;		/* in: an offset as above */
	__u32 maps;		/* VMAs of this file */
	__u32 writable;		/* of these, those that may be written */
	__u64 references;	/* to that page; 1: nobody has it mapped */
	__u64 live_pages;	/* of the whole module */
};

/* What the kernel does with a word. */
enum ferrio_test_how {
	FERRIO_TEST_LOAD,
	FERRIO_TEST_LOAD_ACQUIRE,
	FERRIO_TEST_STORE,
	FERRIO_TEST_STORE_RELEASE,
	FERRIO_TEST_CMPXCHG,	/* the call returns 1 if the word was `old` */
};

struct ferrio_test_word {
	__u32 size;
	__u32 page;		/* 0 or 1 */
	__u32 offset;		/* in bytes */
	__u32 how;
	__u64 old;
	__u64 value;		/* in or out */
};

#define FERRIO_TEST_PAGES	_IO(0xBE, 0xf4)		/* the argument is the number */
#define FERRIO_TEST_MAP_BEHAVE	_IO(0xBE, 0xf5)		/* the argument is the number */
#define FERRIO_TEST_MAPS	_IOC(_IOC_READ | _IOC_WRITE, 0xBE, 0xf6, 32)
#define FERRIO_TEST_WORD	_IOC(_IOC_READ | _IOC_WRITE, 0xBE, 0xf7, 32)

/*
 * A third device, for iterators, with the calls below.
 */
#define FERRIO_TEST_IOV_DEVICE	"/dev/ferrio_test_iov"

/*
 * The cases of rust/ferrio_test/iov, as they run under KUnit elsewhere, for root
 * (CAP_SYS_ADMIN).  ENOENT: there is none of that name or number.
 */
struct ferrio_test_case {
	__u32 size;
	__u32 index;		/* in, if there is no name */
	__u32 failed;
	__u32 line;		/* of the check that failed */
	__s64 left;		/* what it compared */
	__s64 right;
	char name[64];		/* in and out; these end in a zero */
	char file[64];
	char what[88];
	__u32 cases;		/* how many there are */
	__u32 zero;
};

#define FERRIO_TEST_CASE	_IOC(_IOC_READ | _IOC_WRITE, 0xBE, 0xf8, 256)
/* The same of rust/ferrio_test/file_read. */
#define FERRIO_TEST_FILE_CASE	_IOC(_IOC_READ | _IOC_WRITE, 0xBE, 0xff, 256)

/*
 * Random calls of the iterators, compared with a model (rust/ferrio_test/model),
 * in rounds that depend on their seed alone; for root (CAP_SYS_ADMIN).
 */
struct ferrio_test_model {
	__u32 size;
	__u32 injected;		/* in: copies may fail, fail_usercopy is on */
	__u64 seed;		/* in: of the first round; out: of the next, or of that which failed */
	__u64 steps;		/* in: how many at least; out: how many were made */
	__u32 failed;
	__u32 line;		/* as in ferrio_test_case */
	__s64 left;
	__s64 right;
	char file[64];
	char what[88];
};

#define FERRIO_TEST_MODEL	_IOC(_IOC_READ | _IOC_WRITE, 0xBE, 0xf9, 200)

/*
 * How reads and splices of this open file get over the middle of what they
 * give: FERRIO_TEST_IOV_HEAD bytes of 'x', FERRIO_TEST_IOV_MIDDLE bytes that nobody
 * writes, and FERRIO_TEST_IOV_HEAD bytes of 'y'.
 */
enum ferrio_test_iov_behave {
	FERRIO_TEST_IOV_ADVANCE,
	FERRIO_TEST_IOV_EXTRACT,	/* takes the pages, and does nothing with them */
	FERRIO_TEST_IOV_SCATTER,	/* the same in a scatterlist */
	FERRIO_TEST_IOV_BEHAVIOURS,
};

#define FERRIO_TEST_IOV_HEAD	10
#define FERRIO_TEST_IOV_MIDDLE	9000

/*
 * Pins memory of the caller, to write to; waits for FERRIO_TEST_UNPIN on the same
 * file; fills the first `fill` bytes with `value`, and gives it back.  At most 16
 * pages.
 */
struct ferrio_test_pin {
	__u32 size;
	__u32 value;
	__u64 address;
	__u64 len;		/* in, and out: how much it was */
	__u64 fill;		/* in, and out: how much was filled */
};

/*
 * Reads or writes a descriptor as the kernel does for itself: by kernel_read() and
 * kernel_write(), from or to memory of the kernel.  The memory of the caller is
 * copied by itself, before or behind.
 */
struct ferrio_test_kernel_io {
	__u32 size;
	__u32 fd;
	__u32 write;		/* else read */
	__u32 zero;
	__u64 position;		/* in and out */
	__u64 address;
	__u64 len;		/* in, and out: how much was moved; at most 1 MiB */
};

#define FERRIO_TEST_IOV_BEHAVE	_IO(0xBE, 0xfa)		/* the argument is the number */
#define FERRIO_TEST_PIN		_IOC(_IOC_READ | _IOC_WRITE, 0xBE, 0xfb, 32)
#define FERRIO_TEST_UNPIN	_IO(0xBE, 0xfc)
#define FERRIO_TEST_PINNED	_IO(0xBE, 0xfd)		/* returns the module's pins */
#define FERRIO_TEST_KERNEL_IO	_IOC(_IOC_READ | _IOC_WRITE, 0xBE, 0xfe, 40)

/*
 * Reads a file of the caller, by its descriptor, into memory of the kernel that
 * is full of 'x', as whoever has memory of his own does it.  For root
 * (CAP_SYS_ADMIN).
 */
struct ferrio_test_read_into {
	__u32 size;
	__u32 fd;
	__u32 part;		/* by Opened::read_part(), else by Held::read_into() */
	__u32 zero;
	__u64 len;		/* of that memory, at most 1 MiB */
	__u32 error;		/* out: an errno, or 0 */
	__u32 stage;		/* out: enum ferrio_fl_stage */
	__u64 left;		/* out: how many of its bytes are not zero */
};

#define FERRIO_TEST_READ_INTO	_IOC(_IOC_READ | _IOC_WRITE, 0xBE, 0xef, 40)

#endif /* FERRIO_TEST_H */
