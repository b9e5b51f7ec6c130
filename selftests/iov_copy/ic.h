/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of /dev/iov_copy share. */
#ifndef IC_H
#define IC_H

#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <ferrio/iov_copy.h>
#include "../harness.h"

#define IC_MIB		(1UL << 20)
#define IC_DEFAULT	(64 * IC_MIB)
#define IC_MAX		(1024 * IC_MIB)
/* What all files may hold: one of IC_MAX with its tables fits. */
#define IC_ALL		1077936128UL
#define IC_ALL_TEXT	"1077936128"
#define IC_CHUNK	(256UL << 10)	/* what a signal does not cut */
#define IC_COPYV_CHUNK	(64UL << 10)	/* the same of COPYV */
#define IC_MAX_RW	0x7ffff000UL	/* MAX_RW_COUNT */

#ifndef RWF_ATOMIC
#define RWF_ATOMIC	0x00000040
#endif
#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE	0x00000080
#endif

const char *const rb_module = "iov_copy";

static inline int ic_open(int flags)
{
	int fd = open(FERRIO_IC_DEVICE, flags | O_CLOEXEC);

	if (fd < 0)
		rb_die("open %s: %s: is iov_copy.ko inserted, and is this root?",
		       FERRIO_IC_DEVICE, strerror(errno));
	return fd;
}

static inline long ic_set_size(int fd, uint64_t bytes)
{
	struct ferrio_ic_size size = { .size = sizeof(size), .bytes = bytes };

	return E(ioctl(fd, FERRIO_IC_SET_SIZE, &size));
}

static inline void ic_info(int fd, struct ferrio_ic_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	if (ioctl(fd, FERRIO_IC_GET_INFO, info))
		rb_die("FERRIO_IC_GET_INFO: %s", strerror(errno));
}

/* How many pages are stored. */
static inline long ic_pages(int fd)
{
	struct ferrio_ic_info info;

	ic_info(fd, &info);
	return info.stored_bytes / RB_PAGE;
}

/* Pages of the tables behind the first @pages pages: one for 512 of them, and their root. */
static inline long ic_tables(long pages)
{
	return pages ? 1 + (pages + 511) / 512 : 0;
}

/* Pages that COPYV has pinned now; after rb_live_pages(), which sees to debugfs. */
static inline long ic_pinned_pages(void)
{
	return geteuid() ? 0 : rb_read_number("/sys/kernel/debug/iov_copy/pinned_pages");
}

/* Anonymous memory; @prot may be PROT_NONE. */
static inline char *ic_memory(size_t len, int prot)
{
	char *p = mmap(NULL, len, prot,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		rb_die("mmap of %zu bytes: %s", len, strerror(errno));
	return p;
}

/* @pages pages, of which the last cannot be accessed. */
static inline char *ic_cliff(size_t pages)
{
	char *p = ic_memory(pages * RB_PAGE, PROT_READ | PROT_WRITE);

	if (mprotect(p + (pages - 1) * RB_PAGE, RB_PAGE, PROT_NONE))
		rb_die("mprotect: %s", strerror(errno));
	return p;
}

/* Whether @len bytes are all @c. */
static inline bool ic_all(const char *p, size_t len, char c)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != c)
			return false;
	return true;
}

#endif /* IC_H */
