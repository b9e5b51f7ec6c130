// SPDX-License-Identifier: GPL-2.0
/* The kinds of channel, and how full each gets. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ferrio/ringbuffer.h>

#include "channel.h"

static int mint(int ring, unsigned int rw)
{
	struct ferrio_rb_mint arg = { .size = sizeof(arg), .rw = rw };

	if (ioctl(ring, FERRIO_RB_MINT, &arg))
		err(1, "FERRIO_RB_MINT");
	return arg.fd;
}

/* The ends hold the ring; without the plain descriptor each is the only one. */
static void make_ring(struct channel *ch)
{
	struct ferrio_rb_size size = { .size = sizeof(size), .bytes = CHANNEL_BYTES };
	struct ferrio_rb_info info = { .size = sizeof(info) };
	int ring = open(FERRIO_RB_DEVICE, O_RDWR | O_CLOEXEC);

	if (ring < 0)
		err(1, "%s", FERRIO_RB_DEVICE);
	if (ioctl(ring, FERRIO_RB_SET_SIZE, &size))
		err(1, "FERRIO_RB_SET_SIZE");
	ch->r = mint(ring, FERRIO_RB_READ);
	ch->w = mint(ring, FERRIO_RB_WRITE);
	if (ioctl(ring, FERRIO_RB_GET_INFO, &info))
		err(1, "FERRIO_RB_GET_INFO");
	ch->capacity = info.ring_bytes;
	close(ring);
}

static void make_pipe(struct channel *ch)
{
	int fd[2], bytes;

	if (pipe2(fd, O_CLOEXEC))
		err(1, "pipe2");
	ch->r = fd[0];
	ch->w = fd[1];
	bytes = fcntl(ch->w, F_SETPIPE_SZ, CHANNEL_BYTES);
	if (bytes < 0)
		err(1, "F_SETPIPE_SZ");
	ch->capacity = bytes;
}

/* What a socket takes depends on the writes, so it is tried with those of ours. */
static size_t fill(const struct channel *ch)
{
	static char block[CHANNEL_BYTES];
	size_t in = 0, out = 0;
	ssize_t n;

	while ((n = send(ch->w, block, sizeof(block), MSG_DONTWAIT)) > 0)
		in += n;
	if (errno != EAGAIN)
		err(1, "send");
	while ((n = recv(ch->r, block, sizeof(block), MSG_DONTWAIT)) > 0)
		out += n;
	if (errno != EAGAIN || in != out)
		err(1, "recv of %zu bytes: %zu", in, out);
	return in;
}

/*
 * A socket counts the overhead of its buffers in, and the kernel doubles what
 * it is asked for to make up for that, so SO_SNDBUF is not bytes of data.  Half
 * of the capacity is what comes nearest to it with blocks of this size.
 */
static void make_unix(struct channel *ch)
{
	int fd[2], bytes = CHANNEL_BYTES / 2;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
		err(1, "socketpair");
	ch->r = fd[0];
	ch->w = fd[1];
	if (setsockopt(ch->w, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)))
		err(1, "SO_SNDBUF");
	ch->capacity = fill(ch);
	if (shutdown(ch->r, SHUT_WR) || shutdown(ch->w, SHUT_RD))
		err(1, "shutdown");
}

static const struct {
	const char *name;
	void (*make)(struct channel *ch);
} kinds[] = {
	{ "ring", make_ring },
	{ "mapped", make_ring },
	{ "pipe", make_pipe },
	{ "unix", make_unix },
};

static size_t find(const char *kind)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, kind))
			break;
	return i;
}

bool channel_known(const char *kind)
{
	return find(kind) < ARRAY_SIZE(kinds);
}

void channel_make(const char *kind, struct channel *ch)
{
	kinds[find(kind)].make(ch);
	if (strcmp(kind, "unix") && ch->capacity != CHANNEL_BYTES)
		errx(1, "%s holds %zu bytes, not %d", kind, ch->capacity, CHANNEL_BYTES);
}
