/* SPDX-License-Identifier: GPL-2.0 */
/* The fuzzer's calls on descriptors: making and closing them, ioctls, bytes. */
#ifndef FUZZ_CALLS_H
#define FUZZ_CALLS_H

#include <sys/stat.h>
#include <sys/uio.h>

#include "fuzz.h"

/* ---- descriptors ---- */

static long fuzz_open(struct fuzz *t)
{
	static const int odd[] = {
		O_DIRECT, O_APPEND, O_ASYNC, O_TRUNC, O_CREAT, O_CREAT | O_EXCL,
		O_DIRECTORY, O_PATH, O_NOFOLLOW, O_SYNC, O_NOATIME, O_TMPFILE,
	};
	int flags = fuzz_odds(t, 8) ? fuzz_random(t, 4) : O_RDWR;

	if (fuzz_odds(t, 2))
		flags |= O_NONBLOCK;
	if (fuzz_odds(t, 8))
		flags |= odd[fuzz_random(t, ARRAY_SIZE(odd))];
	fuzz_say(t, flags, 0, 0);
	return fuzz_made(t, E(open(FERRIO_RB_DEVICE, flags | O_CLOEXEC, 0600)));
}

/* A new ring of a plain descriptor, nothing of an end. */
static long fuzz_reopen(struct fuzz *t)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fuzz_fd(t));
	return fuzz_made(t, E(open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK)));
}

static long fuzz_dup(struct fuzz *t)
{
	int fd = fuzz_fd(t);

	fuzz_say(t, fd, 0, 0);
	return fuzz_made(t, E(dup(fd)));
}

/* Who takes a number out of its slot is the only one to close it. */
static long fuzz_close(struct fuzz *t)
{
	int *slot = &fuzz_slot[fuzz_random(t, FUZZ_SLOTS)];
	int fd = __atomic_exchange_n(slot, -1, __ATOMIC_SEQ_CST);

	fuzz_say(t, fd, 0, 0);
	return E(close(fd));
}

static long fuzz_fcntl(struct fuzz *t)
{
	static const struct {
		int cmd;
		long arg;
	} calls[] = {
		{ F_GETFL, 0 }, { F_SETFL, 0 }, { F_SETFL, O_NONBLOCK },
		{ F_SETFL, O_NONBLOCK | O_APPEND }, { F_SETFL, O_ASYNC },
		{ F_SETFL, O_DIRECT }, { F_GETFD, 0 }, { F_SETFD, FD_CLOEXEC },
		{ F_GETPIPE_SZ, 0 }, { F_SETPIPE_SZ, RB_PAGE }, { F_GETSIG, 0 },
		{ F_SETSIG, SIGUSR1 }, { F_SETOWN, 0 }, { F_GET_SEALS, 0 },
		{ F_NOTIFY, 1 }, { 4711, 0 },
	};
	int i = fuzz_random(t, ARRAY_SIZE(calls)), fd = fuzz_fd(t);

	fuzz_say(t, fd, calls[i].cmd, calls[i].arg);
	return E(fcntl(fd, calls[i].cmd, calls[i].arg));
}

static long fuzz_fork(struct fuzz *t)
{
	bool killed = fuzz_odds(t, 2), closes = fuzz_odds(t, 2);
	int w = fuzz_random(t, FUZZ_WINDOWS);
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		if (closes)
			close_range(FUZZ_FIRST_FD, FUZZ_LAST_FD, 0);
		else
			munmap(fuzz_arena + w * FUZZ_ROOM, FUZZ_ROOM);
		_exit(0);
	}
	if (killed)
		kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

static long fuzz_stat(struct fuzz *t)
{
	struct stat st;

	return E(fstat(fuzz_fd(t), &st));
}

static long fuzz_fdinfo(struct fuzz *t)
{
	char path[64];
	int fd = fuzz_fd(t);
	long ret;

	fuzz_say(t, fd, 0, 0);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = E(read(fd, t->buf, FUZZ_BUF));
	close(fd);
	return ret;
}

/* Calls that a ring has no use for. */
static long fuzz_useless(struct fuzz *t)
{
	int fd = fuzz_fd(t);

	t->must_fail = true;
	fuzz_say(t, fd, 0, 0);
	switch (fuzz_random(t, 5)) {
	case 0:
		return E(lseek(fd, fuzz_word(t), fuzz_random(t, 5)));
	case 1:
		return E(fsync(fd));
	case 2:
		return E(fallocate(fd, 0, 0, RB_PAGE));
	case 3:
		return E(ftruncate(fd, fuzz_random(t, RB_PAGE)));
	default:
		return E(pread(fd, t->buf, 1, fuzz_random(t, RB_PAGE)));
	}
}

/* ---- ioctl ---- */

/*
 * The struct of an ioctl, with or without something wrong about its size, its
 * tail or where it is.  @first is the size of its first version.
 */
static void *fuzz_arg(struct fuzz *t, const void *arg, size_t size, size_t first)
{
	char *at = t->page + fuzz_random(t, 8) * 8;

	memset(at, 0, 1024);
	memcpy(at, arg, size);
	switch (fuzz_random(t, 32)) {
	case 0:
		*(uint32_t *)at = fuzz_random(t, first);
		t->must_fail = true;
		break;
	case 1:
		*(uint32_t *)at = size + fuzz_random(t, 1000);
		break;
	case 2:
		*(uint32_t *)at = size + 8;
		at[size + fuzz_random(t, 8)] = 1;
		t->must_fail = true;
		break;
	case 3:
		*(uint32_t *)at = RB_PAGE + 1 + fuzz_random(t, INT32_MAX);
		t->must_fail = true;
		break;
	case 4:
		return at - t->page + t->readable;
	case 5:
		t->must_fail = true;
		return (void *)(fuzz_odds(t, 2) ? 0 : 0xffff888000100000UL);
	case 6:
		/* which may be there, with whatever in it: also what is right */
		t->must_fail = false;
		return fuzz_in_window(t);
	}
	return at;
}

static unsigned int fuzz_rw(struct fuzz *t, unsigned int kinds)
{
	unsigned int rw = fuzz_random(t, kinds);

	if (fuzz_odds(t, 16)) {
		t->must_fail = true;
		rw = kinds + fuzz_random(t, UINT32_MAX - kinds);
	}
	return rw;
}

/* Flags or padding that nobody knows. */
static uint32_t fuzz_unknown(struct fuzz *t, uint32_t known)
{
	uint32_t flags;

	if (!fuzz_odds(t, 16))
		return 0;
	flags = 1U << fuzz_random(t, 32) & ~known;
	if (flags)
		t->must_fail = true;
	return flags;
}

static long fuzz_info(struct fuzz *t)
{
	struct ferrio_rb_info info = { .size = sizeof(info) };
	void *arg = fuzz_arg(t, &info, sizeof(info), 88);
	int fd = fuzz_fd(t);

	fuzz_say(t, fd, (long)arg, 0);
	return E(ioctl(fd, FERRIO_RB_GET_INFO, arg));
}

static long fuzz_size(struct fuzz *t)
{
	struct ferrio_rb_size size = {
		.size = sizeof(size),
		.flags = fuzz_unknown(t, FERRIO_RB_RECORDS | FERRIO_RB_RECORDS_DROP),
		.bytes = RB_PAGE << fuzz_random(t, 5),
	};
	int fd = fuzz_fd(t);
	void *arg;

	switch (fuzz_random(t, 32)) {
	case 0:
		size.bytes = 1UL << 30;	/* more than a user may have */
		break;
	case 1:
		size.bytes = 1UL << (20 + fuzz_random(t, 4));
		break;
	case 2:
		size.bytes = 1UL << fuzz_random(t, 12);
		t->must_fail = true;
		break;
	case 3:
		size.bytes += 1 + fuzz_random(t, RB_PAGE - 1);
		t->must_fail = true;
		break;
	case 4:
		size.bytes = 1UL << (31 + fuzz_random(t, 33));
		t->must_fail = true;
		break;
	}
	arg = fuzz_arg(t, &size, sizeof(size), sizeof(size));
	fuzz_say(t, fd, (long)arg, size.bytes);
	return E(ioctl(fd, FERRIO_RB_SET_SIZE, arg));
}

static long fuzz_mint(struct fuzz *t)
{
	struct ferrio_rb_mint mint = {
		.size = sizeof(mint), .flags = fuzz_unknown(t, 0),
		.rw = fuzz_rw(t, 3), .fd = fuzz_word(t),
	};
	struct ferrio_rb_mint *arg = fuzz_arg(t, &mint, sizeof(mint), sizeof(mint));
	int fd = fuzz_fd(t);
	long ret;

	fuzz_say(t, fd, (long)arg, mint.rw);
	/* it cannot say which descriptor it made */
	if ((char *)arg >= t->readable && (char *)arg < t->readable + RB_PAGE)
		t->must_fail = true;
	/* where another thread might write, or be gone before one has read it */
	else if ((char *)arg < t->page || (char *)arg >= t->page + RB_PAGE)
		arg = t->must_fail ? arg : (void *)0xffff888000100000UL;
	ret = E(ioctl(fd, FERRIO_RB_MINT, arg));
	return ret ? ret : fuzz_made(t, arg->fd);
}

static long fuzz_shutdown(struct fuzz *t)
{
	struct ferrio_rb_shutdown down = {
		.size = sizeof(down), .flags = fuzz_unknown(t, 0),
		.rw = fuzz_rw(t, 2), .pad = fuzz_unknown(t, 0),
	};
	void *arg = fuzz_arg(t, &down, sizeof(down), sizeof(down));
	int fd = fuzz_fd(t);

	fuzz_say(t, fd, (long)arg, down.rw);
	return E(ioctl(fd, FERRIO_RB_SHUTDOWN, arg));
}

static long fuzz_wait(struct fuzz *t)
{
	static const uint32_t how[] = {
		0, FERRIO_RB_WAIT_RELATIVE, FERRIO_RB_WAIT_ABSOLUTE,
	};
	struct ferrio_rb_wait wait = {
		.size = sizeof(wait), .rw = fuzz_rw(t, 2),
		.min_bytes = fuzz_odds(t, 8) ? fuzz_word(t) : fuzz_length(t),
	};
	int fd = fuzz_fd(t);
	void *arg;

	wait.flags = how[fuzz_random(t, 3)] | fuzz_unknown(t, 3);
	if (wait.flags == FERRIO_RB_WAIT_RELATIVE)
		wait.timeout = fuzz_random(t, 2000000);
	else if (wait.flags)
		wait.timeout = fuzz_odds(t, 2) ? fuzz_word(t) : rb_now() + 1000000;
	arg = fuzz_arg(t, &wait, sizeof(wait), sizeof(wait));
	fuzz_say(t, fd, (long)arg, wait.min_bytes);
	return E(ioctl(fd, FERRIO_RB_WAIT, arg));
}

static long fuzz_call_peer(struct fuzz *t, unsigned long cmd)
{
	struct ferrio_rb_wakeup call = {
		.size = sizeof(call), .flags = fuzz_unknown(t, 0),
		.rw = fuzz_rw(t, 2), .pad = fuzz_unknown(t, 0),
	};
	void *arg = fuzz_arg(t, &call, sizeof(call), sizeof(call));
	int fd = fuzz_fd(t);

	fuzz_say(t, fd, (long)arg, call.rw);
	return E(ioctl(fd, cmd, arg));
}

static long fuzz_wakeup(struct fuzz *t)
{
	return fuzz_call_peer(t, FERRIO_RB_WAKEUP);
}

static long fuzz_blame(struct fuzz *t)
{
	return fuzz_call_peer(t, FERRIO_RB_BLAME);
}

static long fuzz_avail(struct fuzz *t)
{
	int fd = fuzz_fd(t);
	int *n = fuzz_odds(t, 8) ? fuzz_buffer(t, sizeof(*n)) : (int *)t->buf;

	fuzz_say(t, fd, (long)n, 0);
	return E(ioctl(fd, FIONREAD, n));
}

/* Numbers that are near those that there are. */
static long fuzz_unknown_ioctl(struct fuzz *t)
{
	static const unsigned int known[] = { 0, 1, 2, 3, 0x10, 0x11, 0x12 };
	unsigned int nr = fuzz_random(t, 256), dir = fuzz_random(t, 4);
	int fd = fuzz_fd(t);
	unsigned long cmd;

	if (fuzz_odds(t, 2))
		nr = known[fuzz_random(t, ARRAY_SIZE(known))];
	/* no version's size */
	cmd = _IOC(dir, FERRIO_RB_IOC_TYPE, nr, 1 + 2 * fuzz_random(t, 1000));
	t->must_fail = true;
	fuzz_say(t, fd, cmd, 0);
	return E(ioctl(fd, cmd, fuzz_buffer(t, 64)));
}

/* ---- bytes ---- */

static long fuzz_read(struct fuzz *t)
{
	size_t len = fuzz_length(t);
	void *buf = fuzz_buffer(t, len);
	int fd = fuzz_fd(t);

	fuzz_say(t, fd, (long)buf, len);
	return E(read(fd, buf, len));
}

static long fuzz_write(struct fuzz *t)
{
	size_t len = fuzz_length(t);
	void *buf = fuzz_buffer(t, len);
	int fd = fuzz_fd(t);

	fuzz_say(t, fd, (long)buf, len);
	return E(write(fd, buf, len));
}

/* How many of them are to be given; more than 8 only if there must be none. */
static unsigned long fuzz_iov(struct fuzz *t, struct iovec iov[8])
{
	unsigned long n = fuzz_random(t, 9);

	for (int i = 0; i < 8; i++) {
		iov[i].iov_len = fuzz_length(t) / 4;
		iov[i].iov_base = fuzz_buffer(t, iov[i].iov_len);
	}
	if (n && fuzz_odds(t, 16)) {
		iov[fuzz_random(t, n)].iov_len = LONG_MAX + 1UL;
		t->must_fail = true;
	}
	if (fuzz_odds(t, 32)) {
		t->must_fail = true;
		return 1025 + fuzz_random(t, 1000);
	}
	return n;
}

static int fuzz_flags(struct fuzz *t)
{
	static const int odd[] = {
		0x1, 0x2, 0x4, 0x10, 0x20, 0x40, 0x80, RWF_NOSIGNAL, 1 << 20,
	};

	if (fuzz_odds(t, 8))
		return odd[fuzz_random(t, ARRAY_SIZE(odd))];
	return fuzz_odds(t, 2) ? 0x8 /* RWF_NOWAIT */ : 0;
}

static long fuzz_vector(struct fuzz *t, long nr, long old)
{
	struct iovec iov[8];
	unsigned long n = fuzz_iov(t, iov);
	int fd = fuzz_fd(t), flags = fuzz_flags(t);
	long at = fuzz_odds(t, 16) ? (long)fuzz_random(t, RB_PAGE) : -1;

	fuzz_say(t, fd, n, flags);
	if (fuzz_odds(t, 3))
		return E(syscall(old, fd, iov, n));
	if (at != -1)
		t->must_fail = true;
	return E(syscall(nr, fd, iov, n, at, 0, flags));
}

static long fuzz_readv(struct fuzz *t)
{
	return fuzz_vector(t, SYS_preadv2, SYS_readv);
}

static long fuzz_writev(struct fuzz *t)
{
	return fuzz_vector(t, SYS_pwritev2, SYS_writev);
}

#endif /* FUZZ_CALLS_H */
