// SPDX-License-Identifier: GPL-2.0
/* The receiver: takes all to the end, hashes what it got if it is to. */
#include <err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <ferrio/ring.h>

#include "channel.h"
#include "move.h"

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static EVP_MD_CTX *begin(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		err(1, "sha256");
	return ctx;
}

static void finish(EVP_MD_CTX *ctx, char *hex)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned int len, i;

	if (!EVP_DigestFinal_ex(ctx, sum, &len) || 2 * len >= SHA256_HEX)
		err(1, "sha256");
	for (i = 0; i < len; i++)
		sprintf(hex + 2 * i, "%02x", sum[i]);
}

struct receiver {
	EVP_MD_CTX *ctx;
	uint64_t total;
	unsigned int shown;
	struct result *res;
};

static void take(struct receiver *r, const void *bytes, size_t n)
{
	unsigned int percent;

	r->res->bytes += n;
	if (!r->ctx)
		return;
	if (!EVP_DigestUpdate(r->ctx, bytes, n))
		err(1, "sha256");
	percent = r->res->bytes * 100 / r->total;
	if (percent >= r->shown + 5) {
		r->shown = percent;
		printf("# %u%%\n", percent);
		fflush(stdout);
	}
}

static void by_read(struct receiver *r, int fd)
{
	char *buf = malloc(BLOCK);
	ssize_t n;

	if (!buf)
		err(1, "no memory for a block");
	while ((n = read(fd, buf, BLOCK)) > 0)
		take(r, buf, n);
	if (n < 0)
		err(1, "read behind %lu bytes", r->res->bytes);
}

/* In place, in blocks as those of read(). */
static void by_mapping(struct receiver *r, int fd)
{
	struct ringbuffer rb;
	const void *bytes;
	size_t n;

	if (ringbuffer(fd, FERRIO_RB_READ, 0, &rb) < 0)
		err(1, "mapping the consumer end");
	for (;;) {
		n = 1;
		bytes = ringbuffer_peek(&rb, &n);
		if (!bytes)
			err(1, "ringbuffer_peek behind %lu bytes", r->res->bytes);
		if (!n)
			break;
		if (n > BLOCK)
			n = BLOCK;
		take(r, bytes, n);
		if (ringbuffer_consume(&rb, n))
			err(1, "ringbuffer_consume");
	}
	ringbuffer_unmap(&rb);
}

void receive(int fd, bool mapped, bool hash, uint64_t total, struct result *res)
{
	struct receiver r = {
		.ctx = hash ? begin() : NULL, .total = total, .res = res,
	};

	if (mapped)
		by_mapping(&r, fd);
	else
		by_read(&r, fd);
	res->end = now_ns();
	if (r.ctx)
		finish(r.ctx, res->sha256);
}
