// SPDX-License-Identifier: GPL-2.0
/* The ways to put a file into a channel. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <ferrio/ring.h>

#include "channel.h"
#include "move.h"

static size_t block(size_t left)
{
	return left < BLOCK ? left : BLOCK;
}

/* From memory, so that every system call counted is one of the channel's. */
static void send_write(const struct source *src, int fd)
{
	size_t at = 0;
	ssize_t n;

	while (at < src->bytes) {
		n = write(fd, src->map + at, block(src->bytes - at));
		if (n <= 0)
			err(1, "write: %zd", n);
		at += n;
	}
}

/* splice() wants a pipe on one side, so a file goes through one. */
static void send_splice(const struct source *src, int fd)
{
	ssize_t in, out;
	loff_t at = 0;
	int p[2];

	if (pipe2(p, O_CLOEXEC))
		err(1, "pipe2");
	while ((size_t)at < src->bytes) {
		in = splice(src->fd, &at, p[1], NULL, block(src->bytes - at), 0);
		if (in <= 0)
			err(1, "splice from the file: %zd", in);
		for (; in > 0; in -= out) {
			out = splice(p[0], NULL, fd, NULL, in, 0);
			if (out <= 0)
				err(1, "splice to the channel: %zd", out);
		}
	}
}

/* The kernel has the loop: one call for a whole file below 2 GiB. */
static void send_sendfile(const struct source *src, int fd)
{
	off_t at = 0;
	ssize_t n;

	while ((size_t)at < src->bytes) {
		n = sendfile(fd, src->fd, &at, src->bytes - at);
		if (n <= 0)
			err(1, "sendfile: %zd", n);
	}
}

/* No system call but to sleep and to wake. */
static void send_mapped(const struct source *src, int fd)
{
	struct ringbuffer rb;
	size_t at = 0;
	ssize_t n;

	if (ringbuffer(fd, FERRIO_RB_WRITE, 0, &rb) < 0)
		err(1, "mapping the producer end");
	while (at < src->bytes) {
		n = ringbuffer_write(&rb, src->map + at, block(src->bytes - at));
		if (n <= 0)
			err(1, "ringbuffer_write: %zd", n);
		at += n;
	}
	ringbuffer_unmap(&rb);
}

send_fn find_send(const char *method)
{
	if (!strcmp(method, "mapped"))
		return send_mapped;
	if (!strcmp(method, "write"))
		return send_write;
	if (!strcmp(method, "splice"))
		return send_splice;
	if (!strcmp(method, "sendfile"))
		return send_sendfile;
	return NULL;
}
