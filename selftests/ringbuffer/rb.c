// SPDX-License-Identifier: GPL-2.0
/* Rings, ends and pipes; rb.h says what is what. */

#include <stdio.h>

#include "rb.h"

const char *const rb_module = "ringbuffer";

/* ---- the device ---- */

int rb_open(int flags)
{
	int fd = open(FERRIO_RB_DEVICE, flags | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		rb_die("%s: %s: the module is not loaded: insmod ringbuffer.ko",
		       FERRIO_RB_DEVICE, strerror(errno));
	if (fd < 0)
		rb_die("open %s: %s", FERRIO_RB_DEVICE, strerror(errno));
	return fd;
}

long rb_try_mint(int fd, unsigned int rw)
{
	struct ferrio_rb_mint mint = {
		.size = sizeof(mint), .rw = rw, .fd = -1,
	};
	long ret = E(ioctl(fd, FERRIO_RB_MINT, &mint));

	return ret ? ret : mint.fd;
}

int rb_mint(int fd, unsigned int rw)
{
	long ret = rb_try_mint(fd, rw);

	if (ret < 0)
		rb_die("FERRIO_RB_MINT(%u): %s", rw, strerror(-ret));
	return ret;
}

long rb_set_size(int fd, uint64_t bytes)
{
	struct ferrio_rb_size size = { .size = sizeof(size), .bytes = bytes };

	return E(ioctl(fd, FERRIO_RB_SET_SIZE, &size));
}

long rb_shutdown(int fd, unsigned int rw)
{
	struct ferrio_rb_shutdown down = { .size = sizeof(down), .rw = rw };

	return E(ioctl(fd, FERRIO_RB_SHUTDOWN, &down));
}

void rb_info(int fd, struct ferrio_rb_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	if (ioctl(fd, FERRIO_RB_GET_INFO, info))
		rb_die("FERRIO_RB_GET_INFO: %s", strerror(errno));
}

int rb_avail(int fd)
{
	int n = -1;

	if (ioctl(fd, FIONREAD, &n))
		rb_die("FIONREAD: %s", strerror(errno));
	return n;
}

long rb_wakeup(int fd, unsigned int rw)
{
	struct ferrio_rb_wakeup arg = { .size = sizeof(arg), .rw = rw };

	return E(ioctl(fd, FERRIO_RB_WAKEUP, &arg));
}

long rb_blame(int fd, unsigned int rw)
{
	struct ferrio_rb_wakeup arg = { .size = sizeof(arg), .rw = rw };

	return E(ioctl(fd, FERRIO_RB_BLAME, &arg));
}

uint64_t rb_param(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/ringbuffer/parameters/%s",
		 name);
	return rb_read_number(path);
}

/* ---- a ring or a pipe ---- */

void rb_start(struct rb *rb, enum rb_kind kind, size_t size)
{
	int fd[2];

	rb->kind = kind;
	rb->size = size;
	rb->live = kind == RB_PIPE ? 0 : rb_live_pages();
	rb->r_open = true;
	rb->w_open = true;
	rb_catch(SIGPIPE, SA_RESTART);

	if (kind == RB_PIPE) {
		if (pipe2(fd, O_CLOEXEC))
			rb_die("pipe2: %s", strerror(errno));
		if (fcntl(fd[0], F_SETPIPE_SZ, size) != (int)size)
			rb_die("F_SETPIPE_SZ %zu: %s", size, strerror(errno));
		rb->r = fd[0];
		rb->w = fd[1];
		return;
	}

	rb->r = rb_open(O_RDWR);
	rb->w = rb->r;
	if (rb_set_size(rb->r, size))
		rb_die("FERRIO_RB_SET_SIZE %zu failed", size);
	if (kind == RB_ENDS) {
		fd[0] = rb_mint(rb->r, FERRIO_RB_READ);
		fd[1] = rb_mint(rb->r, FERRIO_RB_WRITE);
		close(rb->r);
		rb->r = fd[0];
		rb->w = fd[1];
	}
}

void rb_stop(struct rb *rb)
{
	if (rb->r >= 0)
		close(rb->r);
	if (rb->w >= 0 && rb->w != rb->r)
		close(rb->w);
	rb->r = -1;
	rb->w = -1;
}

void rb_close_r(struct rb *rb)
{
	if (!rb->r_open)
		return;
	rb->r_open = false;
	if (rb->kind == RB_PLAIN) {
		if (rb_shutdown(rb->r, FERRIO_RB_READ))
			rb_die("FERRIO_RB_SHUTDOWN(READ) failed");
	} else {
		close(rb->r);
		rb->r = -1;
	}
}

void rb_close_w(struct rb *rb)
{
	if (!rb->w_open)
		return;
	rb->w_open = false;
	if (rb->kind == RB_PLAIN) {
		if (rb_shutdown(rb->w, FERRIO_RB_WRITE))
			rb_die("FERRIO_RB_SHUTDOWN(WRITE) failed");
	} else {
		close(rb->w);
		rb->w = -1;
	}
}

void rb_nonblock(struct rb *rb, bool on)
{
	int fds[2] = { rb->r, rb->w };

	for (int i = 0; i < 2; i++) {
		int flags;

		if (fds[i] < 0)
			continue;
		flags = fcntl(fds[i], F_GETFL);
		flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
		if (fcntl(fds[i], F_SETFL, flags))
			rb_die("F_SETFL: %s", strerror(errno));
	}
}

/* Fills an empty ring with the pattern from position 0 on. */
void rb_fill(struct rb *rb)
{
	char *buf = malloc(rb->size);
	ssize_t n;

	rb_pattern(buf, rb->size, 0);
	n = write(rb->w, buf, rb->size);
	if (n != (ssize_t)rb->size)
		rb_die("filling %zu bytes wrote %zd", rb->size, n);
	free(buf);
}

/* Moves both positions of an empty ring. */
void rb_skip(struct rb *rb, size_t bytes)
{
	static char buf[RB_PAGE];

	while (bytes) {
		size_t n = bytes < sizeof(buf) ? bytes : sizeof(buf);

		if (write(rb->w, buf, n) != (ssize_t)n ||
		    read(rb->r, buf, n) != (ssize_t)n)
			rb_die("moving %zu bytes through failed", n);
		bytes -= n;
	}
}
