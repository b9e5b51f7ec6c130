/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The devices of ferrio_calls_c.ko and ferrio_calls_rust.ko: what a driver can call of
 * file_loader.ko, where a program can call it.  For root alone.
 */
#ifndef FERRIO_CALLS_H
#define FERRIO_CALLS_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define FERRIO_TEST_CALLS_C	"/dev/ferrio_calls_c"
#define FERRIO_TEST_CALLS_RUST	"/dev/ferrio_calls_rust"

/* Which function is called, and with what. */
enum ferrio_test_load_how {
	FERRIO_TEST_LOAD_PATH,		/* source: the address of a path */
	FERRIO_TEST_LOAD_FD,		/* source: a descriptor */
	FERRIO_TEST_LOAD_FILE,		/* source: a descriptor, whose file is passed */
	FERRIO_TEST_LOAD_USER,		/* source, source_bytes: memory */
	/* The device in C alone, as there is no such call in Rust. */
	FERRIO_TEST_LOAD_NO_PATH,	/* NULL */
	FERRIO_TEST_LOAD_NO_FILE,
	FERRIO_TEST_LOAD_NO_REQUEST,	/* by a path */
	FERRIO_TEST_LOAD_NO_FAILURE,	/* the detail is not wanted; by a path */
	FERRIO_TEST_LOAD_WORK,		/* by a path, in a kernel thread */
	FERRIO_TEST_LOAD_WORK_FD,	/* by a descriptor, in a kernel thread */
	FERRIO_TEST_LOAD_WORK_USER,	/* memory of the caller, in a kernel thread */
	FERRIO_TEST_LOAD_BAD_PATH,	/* ERR_PTR(-ENOENT) */
	FERRIO_TEST_LOAD_BAD_FILE,
};

/*
 * The members up to `to` are of struct ferrio_file_request, or as above.  A content
 * is copied to `to`, which has to have the room, and freed again; or it is kept until
 * the file of the device is closed, one for each file.
 */
struct ferrio_test_load {
	__u32 size;
	__u32 how;
	__u64 source;
	__u64 source_bytes;
	__u64 max_bytes;
	__u32 purpose;
	__u32 pins;
	__u8 sha256[32];
	__u32 verity_algorithm;
	__u32 verity_bytes;
	__u8 verity[64];
	__u64 to;
	__u32 keep;
	__s32 result;		/* out: 0, or the error */
	__u32 stage;		/* out: of struct ferrio_file_failure, or 77 if that was not passed */
	__s32 error;
	__u64 failed_bytes;
	__u64 bytes;		/* out: how many there are */
	__u8 digest[32];	/* out: their SHA-256 */
	char name[16];		/* out: the name of the stage */
};

/* The ioctl gives 0 if the load failed, too; what it gives else is of the device. */
#define FERRIO_TEST_LOAD_CALL	_IOC(_IOC_READ | _IOC_WRITE, 0xBE, 0xe0, 232)

#endif /* FERRIO_CALLS_H */
