// SPDX-License-Identifier: GPL-2.0
/* The kinds of channel, and how full each gets. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ferrio/ringbuffer.h>

#include "channel.h"

void die(const char *fmt, ...)
{
	int err = errno;
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(err));
	exit(1);
}

static int mint(int ring, unsigned int rw)
{
	struct ferrio_rb_mint arg = { .size = sizeof(arg), .rw = rw };

	if (ioctl(ring, FERRIO_RB_MINT, &arg))
		die("FERRIO_RB_MINT");
	return arg.fd;
}

/* The ends hold the ring; without the plain descriptor each is the only one. */
static void make_ring(struct channel *ch)
{
	struct ferrio_rb_size size = { .size = sizeof(size), .bytes = CHANNEL_BYTES };
	struct ferrio_rb_info info = { .size = sizeof(info) };
	int ring = open(FERRIO_RB_DEVICE, O_RDWR | O_CLOEXEC);

	if (ring < 0)
		die("%s", FERRIO_RB_DEVICE);
	if (ioctl(ring, FERRIO_RB_SET_SIZE, &size))
		die("FERRIO_RB_SET_SIZE");
	ch->r = mint(ring, FERRIO_RB_READ);
	ch->w = mint(ring, FERRIO_RB_WRITE);
	if (ioctl(ring, FERRIO_RB_GET_INFO, &info))
		die("FERRIO_RB_GET_INFO");
	ch->capacity = info.ring_bytes;
	close(ring);
}

static void make_pipe(struct channel *ch)
{
	int fd[2], bytes;

	if (pipe2(fd, O_CLOEXEC))
		die("pipe2");
	ch->r = fd[0];
	ch->w = fd[1];
	bytes = fcntl(ch->w, F_SETPIPE_SZ, CHANNEL_BYTES);
	if (bytes < 0)
		die("F_SETPIPE_SZ");
	ch->capacity = bytes;
}

/*
 * A socket counts its buffers' overhead in, and doubles what it is asked for
 * to make up for it: half of that is the nearest that one can ask for.
 */
static void make_unix(struct channel *ch)
{
	int fd[2], bytes = CHANNEL_BYTES;
	socklen_t len = sizeof(bytes);

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
		die("socketpair");
	ch->r = fd[0];
	ch->w = fd[1];
	if (setsockopt(ch->w, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) ||
	    getsockopt(ch->w, SOL_SOCKET, SO_SNDBUF, &bytes, &len))
		die("SO_SNDBUF");
	ch->capacity = bytes / 2;
	if (shutdown(ch->r, SHUT_WR) || shutdown(ch->w, SHUT_RD))
		die("shutdown");
}

static const struct {
	const char *name;
	void (*make)(struct channel *ch);
} kinds[] = {
	{ "ring", make_ring },
	{ "pipe", make_pipe },
	{ "unix", make_unix },
};

static size_t find(const char *kind)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, kind))
			break;
	return i;
}

bool channel_known(const char *kind)
{
	return find(kind) < sizeof(kinds) / sizeof(kinds[0]);
}

void channel_make(const char *kind, struct channel *ch)
{
	kinds[find(kind)].make(ch);
	/* A socket's figure is not in bytes of data, so it is only reported. */
	if (strcmp(kind, "unix") && ch->capacity != CHANNEL_BYTES) {
		errno = ERANGE;
		die("%s holds %zu bytes, not %d", kind, ch->capacity, CHANNEL_BYTES);
	}
}
