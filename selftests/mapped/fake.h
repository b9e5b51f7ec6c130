/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A ring without the module, for tests of the user library alone: a memfd laid
 * out like the window of a ring, and the calls in user space.  The tests play the
 * peer by hand, see each call that the library makes, and can make it fail.
 *
 * Included before ferrio/ring.h.
 */
#ifndef FAKE_H
#define FAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <ferrio/ringbuffer.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RING_IOCTL(fd, command, argument)	fake_ioctl(fd, command, argument)
#define RING_MMAP(address, bytes, prot, flags, fd, offset) \
	fake_mmap(address, bytes, prot, flags, fd, offset)

#define FAKE_PAGE	4096UL
#define FAKE_MOST	(1UL << 30)	/* the largest ring */

/* Calls by the low byte of their numbers. */
#define FAKE_CALLS	0x13
#define FAKE_CALL(command)	((command) & 0xff)
#define FAKE_MMAP	0x0f	/* counted and failed with the calls */

/* What the kernel keeps to itself; shared over fork. */
struct fake_books {
	uint32_t lock;
	uint32_t bell;		/* futex: counts what sleepers should look at */
	uint64_t sequence;
	uint64_t armed[2], wanted[2];
	uint32_t holders[2];
	uint64_t wakes, suppressed, sleeps;
	uint64_t calls[FAKE_CALLS];
	struct ferrio_rb_wait asked;	/* the last FERRIO_RB_WAIT */
	uint32_t told;			/* the `rw` of the last call that has one */
	uint64_t slots;			/* those that a mapping has */
	bool plain_is_gone;		/* or makes no producers any more */
};

struct fake {
	int plain;
	uint64_t size;
	bool allocated;
	uint64_t start;		/* both positions of a new ring */
	uint64_t features;
	uint64_t records;	/* FERRIO_RB_RECORDS* */
	struct fake_books *books;
	struct ferrio_rb_end_page *end[2];
	struct ferrio_rb_state_page *state;
	unsigned char *data;	/* once */
	int fail[FAKE_CALLS];	/* an errno that this call gives */
	unsigned int fail_after[FAKE_CALLS];	/* when it has been made so often */
	void (*warp)(struct ferrio_rb_info *info);	/* lies about the window */
};

/* A plain descriptor of a ring that has no memory yet. */
struct fake *fake_open(uint64_t start);
void fake_close(struct fake *f);

int fake_ioctl(int fd, unsigned long command, void *arg);
void *fake_mmap(void *at, size_t bytes, int prot, int flags, int fd, off_t offset);

/* Give up an end, as close(2) of its descriptor does. */
void fake_end_close(int fd);
/* All of a window with both rights, for two ends at one address. */
unsigned char *fake_window(struct fake *f, struct ferrio_rb_info *info);

uint64_t fake_calls(const struct fake *f, unsigned long command);
uint64_t fake_position(const struct fake *f, int rw);
void fake_move(struct fake *f, int rw, uint64_t position);
/* What the kernel does when somebody falls asleep at the end @rw. */
uint64_t fake_arm(struct fake *f, int rw, uint64_t wanted);
/* What the kernel does when a stretch of a process' memory goes. */
void fake_unmap(const char *at, size_t bytes);

/* What fake-device.h puts in the place of open(2) and close(2). */
int fake_device_open(void);
int fake_device_close(int fd);
bool fake_device_is(int fd);

#ifdef __cplusplus
}
#endif

#endif /* FAKE_H */
