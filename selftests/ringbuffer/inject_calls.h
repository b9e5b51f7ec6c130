/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Each call that can fail, in a scene of its own, and what has to be seen failing
 * in it.  Documentation/faults.rst is the same table from the module's side.
 */
#ifndef INJECT_CALLS_H
#define INJECT_CALLS_H

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "rb.h"

#define SIZE	(4 * RB_PAGE)
#define WINDOW	(RB_HEAD_PAGES + 2 * 4)		/* pages */
#define PMD	(512 * RB_PAGE)			/* what one page table maps */
#define ROOM	(4 * PMD)

/* What there is before a call. */
enum stage {
	NOBODY,		/* nothing */
	FRESH,		/* a ring that was never used */
	USED,		/* with HELD bytes in it */
	ENDS,		/* and with a consumer, a producer and an observer */
	LARGE,		/* the same, and all that one page table maps is data */
};

#define HELD	1000

struct scene {
	enum stage stage;
	int plain, r, w, o;
	int pipe[2];		/* with HELD bytes, if the call takes them */
	int file, epoll;
	char *buf;		/* 3 pages */
	char *window;		/* of the producer, if the call needs one */
};

static inline long scene_call(int fd, unsigned long cmd, void *arg)
{
	return E(ioctl(fd, cmd, arg));
}

static inline long call_open(struct scene *s)
{
	int fd = open(FERRIO_RB_DEVICE, O_RDWR | O_CLOEXEC);

	(void)s;
	return fd < 0 ? -errno : close(fd);
}

static inline long call_info(struct scene *s)
{
	struct ferrio_rb_info info = { .size = sizeof(info) };

	return scene_call(s->plain, FERRIO_RB_GET_INFO, &info);
}

static inline long call_size(struct scene *s)
{
	return rb_set_size(s->plain, SIZE);
}

static inline long mint(struct scene *s, unsigned int rw)
{
	struct ferrio_rb_mint mint = { .size = sizeof(mint), .rw = rw, .fd = -1 };
	long ret = scene_call(s->plain, FERRIO_RB_MINT, &mint);

	return ret ?: close(mint.fd);
}

static inline long call_mint_read(struct scene *s)
{
	return mint(s, FERRIO_RB_READ);
}

/* where there is memory already */
static inline long call_mint_again(struct scene *s)
{
	return mint(s, FERRIO_RB_READ);
}

static inline long call_mint_write(struct scene *s)
{
	return mint(s, FERRIO_RB_WRITE);
}

static inline long call_mint_observe(struct scene *s)
{
	return mint(s, FERRIO_RB_OBSERVE);
}

/* The plain descriptor still holds the end. */
static inline long call_shutdown(struct scene *s)
{
	return rb_shutdown(s->r, FERRIO_RB_READ);
}

static inline long wait_for(int fd, uint64_t bytes, uint64_t ns)
{
	struct ferrio_rb_wait wait = {
		.size = sizeof(wait), .rw = FERRIO_RB_READ, .min_bytes = bytes,
		.flags = FERRIO_RB_WAIT_RELATIVE, .timeout = ns,
	};

	return scene_call(fd, FERRIO_RB_WAIT, &wait);
}

static inline long call_wait(struct scene *s)
{
	return wait_for(s->r, HELD, 0);
}

static inline long call_wait_in_vain(struct scene *s)
{
	return wait_for(s->r, HELD + 1, 1000000);
}

static inline long call_wakeup(struct scene *s)
{
	return rb_wakeup(s->w, FERRIO_RB_WRITE);
}

static inline long call_blame(struct scene *s)
{
	return rb_blame(s->w, FERRIO_RB_WRITE);
}

static inline long call_write(struct scene *s)
{
	return E(write(s->plain, s->buf, 3 * RB_PAGE));
}

static inline long call_first_write(struct scene *s)
{
	return E(write(s->plain, s->buf, 3 * RB_PAGE));
}

static inline long call_read(struct scene *s)
{
	return E(read(s->plain, s->buf, 3 * RB_PAGE));
}

#define PIECES	20	/* more than the kernel has room for on its stack */

static inline void pieces(struct scene *s, struct iovec *iov)
{
	for (int i = 0; i < PIECES; i++)
		iov[i] = (struct iovec){ s->buf + i * 50, 50 };
}

static inline long call_writev(struct scene *s)
{
	struct iovec iov[PIECES];

	pieces(s, iov);
	return E(writev(s->plain, iov, PIECES));
}

static inline long call_readv(struct scene *s)
{
	struct iovec iov[PIECES];

	pieces(s, iov);
	return E(readv(s->plain, iov, PIECES));
}

static inline long call_first_splice_in(struct scene *s)
{
	return E(splice(s->pipe[0], NULL, s->plain, NULL, HELD, SPLICE_F_NONBLOCK));
}

static inline long call_splice_out(struct scene *s)
{
	return E(splice(s->plain, NULL, s->pipe[1], NULL, HELD, SPLICE_F_NONBLOCK));
}

static inline long call_sendfile(struct scene *s)
{
	off_t from = 0;

	return E(syscall(SYS_sendfile, s->plain, s->file, &from, HELD));
}

static inline long map(int fd, int prot, int first, int count)
{
	char *at = mmap(NULL, count * RB_PAGE, prot, MAP_SHARED, fd, first * RB_PAGE);

	return at == MAP_FAILED ? -errno : munmap(at, count * RB_PAGE);
}

static inline long call_map_position(struct scene *s)
{
	return map(s->r, PROT_READ | PROT_WRITE, 0, 1);
}

static inline long call_map_data(struct scene *s)
{
	return map(s->w, PROT_READ | PROT_WRITE, 2, WINDOW - 2);
}

static inline long call_map_all(struct scene *s)
{
	return map(s->o, PROT_READ, 0, WINDOW);
}

/* A child has the window, too, or there is no child. */
static inline long call_fork(struct scene *s)
{
	const char had = *s->window;
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(__atomic_load_n(s->window, __ATOMIC_RELAXED) != had);
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) != pid)
		;
	return status;
}

/* To another place and back. */
static inline long call_mremap(struct scene *s)
{
	size_t len = (WINDOW - 2) * RB_PAGE;
	void *to = mremap(s->window, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
			  s->window + ROOM / 2);

	if (to == MAP_FAILED)
		return -errno;
	while (mremap(to, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, s->window) == MAP_FAILED)
		;
	return 0;
}

/*
 * A page table that is missing is asked for until it is there.  It goes with the
 * last page that it maps (CONFIG_PT_RECLAIM).
 */
static inline long call_fault(struct scene *s)
{
	char *at = (char *)(((uintptr_t)s->window + PMD) & ~(uintptr_t)(PMD - 1));

	if (madvise(at, PMD, MADV_DONTNEED))
		return -errno;
	__atomic_load_n(at, __ATOMIC_RELAXED);
	return 0;
}

static inline long call_poll(struct scene *s)
{
	struct pollfd p = { .fd = s->r, .events = POLLIN };
	long n = E(poll(&p, 1, 0));

	return n < 0 ? n : n != 1;
}

static inline long call_epoll(struct scene *s)
{
	struct epoll_event ev = { .events = EPOLLIN };
	long ret = E(epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->r, &ev));

	/* the descriptor's state goes back with it */
	while (!ret && epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->r, &ev))
		;
	return ret;
}

static inline long call_fdinfo(struct scene *s)
{
	char path[64], text[2048];
	int fd;
	long n;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", s->r);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = E(read(fd, text, sizeof(text)));
	close(fd);
	return n < 0 ? n : n == 0;
}

#endif /* INJECT_CALLS_H */
