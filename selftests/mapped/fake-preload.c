// SPDX-License-Identifier: GPL-2.0
/*
 * The ring in user space for programs that are built already: with fake.c a shared
 * object for LD_PRELOAD.  The open of the device and all that is done with its
 * descriptors comes here, the rest goes on to the kernel.
 *
 * What does not call through the C library is not seen; nor are copies of a
 * descriptor, read(), write() and poll().
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fake.h"

/* fake.c makes calls of its own, which are for the kernel. */
static __thread bool inside;

static int device(void)
{
	int fd;

	inside = true;
	fd = fake_device_open();
	inside = false;
	return fd;
}

static int file(int dir, const char *path, int flags, mode_t mode)
{
	if (!inside && !strcmp(path, FERRIO_RB_DEVICE))
		return device();
	return syscall(SYS_openat, dir, path, flags, mode);
}

/* As many calls have the mode as make a file. */
#define MODE(flags, mode) do {							\
	va_list args;								\
										\
	va_start(args, flags);							\
	mode = (flags) & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;	\
	va_end(args);								\
} while (0)

int open(const char *path, int flags, ...)
{
	mode_t mode;

	MODE(flags, mode);
	return file(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	mode_t mode;

	MODE(flags, mode);
	return file(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode;

	MODE(flags, mode);
	return file(dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
	mode_t mode;

	MODE(flags, mode);
	return file(dir, path, flags | O_LARGEFILE, mode);
}

int close(int fd)
{
	int status;

	if (inside || !fake_device_is(fd))
		return syscall(SYS_close, fd);
	inside = true;
	status = fake_device_close(fd);
	inside = false;
	return status;
}

int ioctl(int fd, unsigned long command, ...)
{
	va_list args;
	void *arg;
	int status;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	if (inside || !fake_device_is(fd))
		return syscall(SYS_ioctl, fd, command, arg);
	inside = true;
	status = fake_ioctl(fd, command, arg);
	inside = false;
	return status;
}

void *mmap(void *at, size_t bytes, int prot, int flags, int fd, off_t offset)
{
	void *p;

	if (inside || flags & MAP_ANONYMOUS || !fake_device_is(fd))
		return (void *)syscall(SYS_mmap, at, bytes, prot, flags, fd, offset);
	inside = true;
	p = fake_mmap(at, bytes, prot, flags, fd, offset);
	inside = false;
	return p;
}

void *mmap64(void *at, size_t bytes, int prot, int flags, int fd, off64_t offset)
{
	return mmap(at, bytes, prot, flags, fd, offset);
}

int munmap(void *at, size_t bytes)
{
	if (!inside) {
		inside = true;
		fake_unmap(at, bytes);
		inside = false;
	}
	return syscall(SYS_munmap, at, bytes);
}
