/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The system calls of a mapped ring, as they are.
 *
 * Part of ferrio/ring.h, which is what programs include.
 */
#ifndef FERRIO_RING_CALL_H
#define FERRIO_RING_CALL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <time.h>

#include <ferrio/ringbuffer.h>

/*
 * RING_IOCTL and RING_MMAP stand between the library and the kernel: a program
 * that defines them before it includes the library puts something else there, as
 * the library's own tests do.
 */
#ifndef RING_IOCTL
#define RING_IOCTL(fd, command, argument)	ioctl(fd, command, argument)
#endif

static inline int ring__ioctl(int fd, unsigned long command, void *argument)
{
	return RING_IOCTL(fd, command, argument);
}

/* FERRIO_RB_WAKEUP, FERRIO_RB_BLAME and FERRIO_RB_SHUTDOWN take the same words. */
static inline int ring__command(int fd, unsigned long command, int rw)
{
	struct ferrio_rb_wakeup arg = { sizeof(arg), 0, (uint32_t)rw, 0 };

	return ring__ioctl(fd, command, &arg);
}

/* Nanoseconds; a time that they cannot hold lies 584 years ahead: no end. */
static inline int ring__nanoseconds(const struct timespec *time, uint64_t *ns)
{
	if (time->tv_sec < 0 || time->tv_nsec < 0 || time->tv_nsec > 999999999) {
		errno = EINVAL;
		return -1;
	}
	if (__builtin_mul_overflow((uint64_t)time->tv_sec, 1000000000ULL, ns) ||
	    __builtin_add_overflow(*ns, (uint64_t)time->tv_nsec, ns))
		*ns = UINT64_MAX;
	return 0;
}

/**
 * ringbuffer_wait() - sleep until an end has data or space
 * @fd: an end, or a plain descriptor that holds it
 * @rw: FERRIO_RB_READ waits for data, FERRIO_RB_WRITE for space
 * @min_bytes: how much of it, up to the ring's size; 0 is 1
 * @timeout: NULL: no end
 * @flags: what @timeout is: FERRIO_RB_WAIT_ABSOLUTE for a time of
 *	CLOCK_MONOTONIC; FERRIO_RB_WAIT_RELATIVE or 0 for a span from now on
 *
 * Return: 0 when there is enough; also for a consumer whose producer is gone, so
 * that no more will come.  -1 with errno: EPIPE, a producer whose consumer is gone;
 * ETIMEDOUT; EINTR, a signal came; EBADMSG, the ring is corrupt; EINVAL; EBADF.
 */
static inline int ringbuffer_wait(int fd, int rw, uint64_t min_bytes,
				  const struct timespec *timeout, unsigned int flags)
{
	struct ferrio_rb_wait arg = { sizeof(arg), 0, (uint32_t)rw, 0, min_bytes, 0, 0 };
	uint64_t ns;

	if (flags & ~(FERRIO_RB_WAIT_RELATIVE | FERRIO_RB_WAIT_ABSOLUTE) ||
	    (!timeout && flags)) {
		errno = EINVAL;
		return -1;
	}
	if (timeout) {
		if (ring__nanoseconds(timeout, &ns))
			return -1;
		arg.flags = flags ? flags : FERRIO_RB_WAIT_RELATIVE;
		arg.timeout = ns;
	}
	return ring__ioctl(fd, FERRIO_RB_WAIT, &arg) < 0 ? -1 : 0;
}

/**
 * ringbuffer_wakeup() - wake whoever sleeps at the other end
 * @fd: an end, or a plain descriptor that holds it
 * @rw: the caller's own end
 *
 * Needed by those who move positions themselves; all else in this library
 * calls it when it has to be called.
 *
 * Return: 0, also when nobody slept; -1 with errno.
 */
static inline int ringbuffer_wakeup(int fd, int rw)
{
	return ring__command(fd, FERRIO_RB_WAKEUP, rw) < 0 ? -1 : 0;
}

#endif /* FERRIO_RING_CALL_H */
