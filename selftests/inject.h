/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults in the n-th place of this task that can fail: an allocation of the slab or
 * of pages, a copy from or to the program, a call of one of our shims.  What was
 * hit is read from the kernel's log.
 *
 * Needs a kernel with fault injection, and root.  A helper that cannot do its job
 * says why and aborts.
 */
#ifndef INJECT_H
#define INJECT_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INJECT_NTH	"/proc/thread-self/fail-nth"
#define INJECT_DEBUG	"/sys/kernel/debug/"

/* What failed. */
enum inject_hit {
	INJECT_NOTHING,		/* the call was through before its turn came */
	INJECT_SLAB,
	INJECT_PAGE,
	INJECT_COPY,
	INJECT_CALL,		/* one of inject_function() */
	INJECT_QUIET,		/* an allocation with __GFP_NOWARN: the log has none */
	INJECT_HITS
};

struct inject {
	int nth, log;
	const char *function[8];
	int functions;
};

static inline void inject_die(const char *what)
{
	fprintf(stderr, "# %s: %s: a kernel with fault injection in debugfs is needed\n",
		what, strerror(errno));
	abort();
}

static inline bool inject_possible(void)
{
	return !access(INJECT_NTH, F_OK);
}

/* @value into the file @name of debugfs. */
static inline void inject_set(const char *name, const char *value)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), INJECT_DEBUG "%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		inject_die(path);
	close(fd);
}

/* @function of a module ("module:name") can fail, with -@error; 0: with NULL. */
static inline void inject_function(struct inject *in, const char *function, int error)
{
	char path[256], text[32];

	if (in->functions == 8)
		inject_die("too many functions");
	inject_set("fail_function/inject", function);
	in->function[in->functions++] = function;
	snprintf(path, sizeof(path), "fail_function/%s/retval", function);
	snprintf(text, sizeof(text), "%#llx", -(long long)error);
	if (error)
		inject_set(path, text);
}

/* For the calling thread.  @tell: each hit is in the log, so that its kind is known. */
static inline void inject_open(struct inject *in, bool tell)
{
	static const char *const kinds[] = {
		"failslab", "fail_page_alloc", "fail_usercopy", "fail_function",
	};
	char path[256];

	memset(in, 0, sizeof(*in));
	/* sleeping allocations, too, and single pages */
	inject_set("failslab/ignore-gfp-wait", "N");
	inject_set("fail_page_alloc/ignore-gfp-wait", "N");
	inject_set("fail_page_alloc/min-order", "0");
	for (int i = 0; i < 4; i++) {
		/* a line for each hit, without the stack; nothing by itself */
		snprintf(path, sizeof(path), "%s/verbose", kinds[i]);
		inject_set(path, tell ? "1" : "0");
		snprintf(path, sizeof(path), "%s/verbose_ratelimit_interval_ms", kinds[i]);
		inject_set(path, "0");
		snprintf(path, sizeof(path), "%s/probability", kinds[i]);
		inject_set(path, "0");
	}
	in->nth = open(INJECT_NTH, O_RDWR | O_CLOEXEC);
	in->log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (in->nth < 0 || in->log < 0)
		inject_die(INJECT_NTH " or /dev/kmsg");
}

static inline void inject_close(struct inject *in)
{
	char name[256];

	while (in->functions) {
		snprintf(name, sizeof(name), "!%s", in->function[--in->functions]);
		inject_set("fail_function/inject", name);
	}
	close(in->nth);
	close(in->log);
}

/* The @n-th place from now on fails; 0: none. */
static inline void inject_arm(const struct inject *in, unsigned long n)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%lu", n);

	/* this write is a place itself while another number is armed */
	while (pwrite(in->nth, text, len, 0) != len)
		;
}

/* How many places are left; the read is one, too: hit, it says that one was. */
static inline unsigned long inject_left(const struct inject *in)
{
	char text[24];
	ssize_t len = pread(in->nth, text, sizeof(text) - 1, 0);

	if (len <= 0)
		return 1;
	text[len] = '\0';
	return strtoul(text, NULL, 10);
}

/* What the log says since the last call; the last hit, if there were more. */
static inline enum inject_hit inject_logged(const struct inject *in)
{
	static const struct { const char *text; enum inject_hit hit; } names[] = {
		{ "name failslab,", INJECT_SLAB },
		{ "name fail_page_alloc,", INJECT_PAGE },
		{ "name fail_usercopy,", INJECT_COPY },
		{ "name fail_function,", INJECT_CALL },
	};
	enum inject_hit hit = INJECT_NOTHING;
	char record[8192];
	ssize_t len;

	for (;;) {
		len = read(in->log, record, sizeof(record) - 1);
		if (len < 0 && errno == EAGAIN)
			return hit;
		if (len < 0 && errno == EPIPE)	/* records were lost: those are old */
			continue;
		if (len < 0)
			inject_die("/dev/kmsg");
		record[len] = '\0';
		for (int i = 0; i < 4; i++)
			if (strstr(record, names[i].text))
				hit = names[i].hit;
	}
}

/* Behind the call: what failed in it. */
static inline enum inject_hit inject_end(const struct inject *in)
{
	bool through = inject_left(in) > 0;
	enum inject_hit hit;

	inject_arm(in, 0);
	hit = inject_logged(in);
	if (through)
		return INJECT_NOTHING;
	return hit ? hit : INJECT_QUIET;
}

#endif /* INJECT_H */
