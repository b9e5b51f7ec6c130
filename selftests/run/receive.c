// SPDX-License-Identifier: GPL-2.0
/* The receiver: reads to the end, hashes what it got if it is to. */
#include <err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

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

void receive(int fd, bool hash, uint64_t total, struct result *res)
{
	EVP_MD_CTX *ctx = hash ? begin() : NULL;
	unsigned int shown = 0, percent;
	char *buf = malloc(BLOCK);
	ssize_t n;

	if (!buf)
		err(1, "no memory for a block");
	while ((n = read(fd, buf, BLOCK)) > 0) {
		res->bytes += n;
		if (!ctx)
			continue;
		if (!EVP_DigestUpdate(ctx, buf, n))
			err(1, "sha256");
		percent = res->bytes * 100 / total;
		if (percent >= shown + 5) {
			shown = percent;
			printf("# %u%%\n", percent);
			fflush(stdout);
		}
	}
	if (n < 0)
		err(1, "read behind %lu bytes", res->bytes);
	res->end = now_ns();
	if (ctx)
		finish(ctx, res->sha256);
}
