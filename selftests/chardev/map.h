/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files of /dev/ferrio_test_map, what lies in them, and what the kernel knows
 * of their mappings: for the programs here that map.
 */
#ifndef MAP_H
#define MAP_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ferrio_test.h"

#define PAGE	4096
/* More than the 64 pages that go into a page table at once, and no multiple. */
#define PAGES	70
/* Offsets, in pages. */
#define WORDS	0
#define FIXED	1
#define DATA	2
#define END	(DATA + 2 * PAGES)
#define RW	(PROT_READ | PROT_WRITE)

/* A window, in pages. */
struct window {
	unsigned int first, count;
};

#define W(first_, count_) ((struct window){ .first = (first_), .count = (count_) })

/* errno of a call that has to fail, else 0. */
#define ERR(call) ((long)(call) == -1 ? errno : 0)

static inline void die(const char *what)
{
	fprintf(stderr, "# %s: %s\n", what, strerror(errno));
	exit(1);
}

/* What is behind an offset at first: a different word at each. */
static inline uint64_t pattern(unsigned int page, unsigned int offset)
{
	if (page >= DATA)
		page = DATA + (page - DATA) % PAGES;
	return 0x0123456700000000ULL + page * PAGE + offset;
}

/* The kernel's own view of a word. */
static inline uint64_t kernel_sees(int fd, unsigned int page, unsigned int offset)
{
	struct ferrio_test_word word = {
		.size = sizeof(word), .page = page, .offset = offset,
		.how = FERRIO_TEST_LOAD_ACQUIRE,
	};
	uint64_t value;
	off_t at;

	if (page < DATA) {
		if (ioctl(fd, FERRIO_TEST_WORD, &word))
			die("FERRIO_TEST_WORD");
		return word.value;
	}
	at = (page - DATA) % PAGES * PAGE + offset;
	if (pread(fd, &value, sizeof(value), at) != sizeof(value))
		die("pread");
	return value;
}

static inline void kernel_puts(int fd, unsigned int page, unsigned int offset,
			       uint64_t value)
{
	struct ferrio_test_word word = {
		.size = sizeof(word), .page = page, .offset = offset,
		.how = FERRIO_TEST_STORE_RELEASE, .value = value,
	};
	off_t at = ((long)page - DATA) % PAGES * PAGE + offset;

	if (page < DATA) {
		if (ioctl(fd, FERRIO_TEST_WORD, &word))
			die("FERRIO_TEST_WORD");
	} else if (pwrite(fd, &value, sizeof(value), at) != sizeof(value)) {
		die("pwrite");
	}
}

/* An open file with pages, and the pattern at the two ends of each. */
static inline int map_open(void)
{
	static const unsigned int offsets[] = { 0, PAGE - 8 };
	int fd = open(FERRIO_TEST_MAP_DEVICE, O_RDWR | O_CLOEXEC);
	unsigned int page, i;

	if (fd < 0)
		die(FERRIO_TEST_MAP_DEVICE "; insmod ferrio_test.ko");
	if (ioctl(fd, FERRIO_TEST_PAGES, PAGES))
		die("FERRIO_TEST_PAGES");
	for (page = 0; page < DATA + PAGES; page++)
		for (i = 0; i < 2; i++)
			kernel_puts(fd, page, offsets[i], pattern(page, offsets[i]));
	return fd;
}

static inline char *map(int fd, struct window w, int prot)
{
	return mmap(NULL, w.count * PAGE, prot, MAP_SHARED, fd, (off_t)w.first * PAGE);
}

static inline uint64_t get(const char *at)
{
	return *(const volatile uint64_t *)at;
}

static inline void put(char *at, uint64_t value)
{
	*(volatile uint64_t *)at = value;
}

/* Each page of the window is the one that belongs there. */
static inline bool holds(const char *at, struct window w)
{
	unsigned int page;

	for (page = w.first; page < w.first + w.count; page++, at += PAGE) {
		if (get(at) == pattern(page, 0) &&
		    get(at + PAGE - 8) == pattern(page, PAGE - 8))
			continue;
		fprintf(stderr, "# page %u: %#llx and %#llx\n", page,
			(unsigned long long)get(at),
			(unsigned long long)get(at + PAGE - 8));
		return false;
	}
	return true;
}

/* What one side puts at either end of the window, the other sees. */
static inline bool coherent(int fd, char *at, struct window w, bool writable)
{
	unsigned int ends[] = { 0, w.count - 1 }, i;

	for (i = 0; i < 2; i++) {
		unsigned int page = w.first + ends[i];
		char *word = at + ends[i] * PAGE + 8;

		kernel_puts(fd, page, 8, 0xfeed0000 + i);
		if (get(word) != 0xfeed0000 + i)
			return false;
		if (!writable)
			continue;
		put(word, 0xbeef0000 + i);
		if (kernel_sees(fd, page, 8) != 0xbeef0000 + i)
			return false;
	}
	return true;
}

static inline struct ferrio_test_maps maps_of(int fd, unsigned int page)
{
	struct ferrio_test_maps maps = { .size = sizeof(maps), .page = page };

	if (ioctl(fd, FERRIO_TEST_MAPS, &maps))
		die("FERRIO_TEST_MAPS");
	return maps;
}

/* So many VMAs, and so many of them writable. */
static inline bool counts(int fd, unsigned int all, unsigned int writable)
{
	struct ferrio_test_maps maps = maps_of(fd, 0);

	if (maps.maps == all && maps.writable == writable)
		return true;
	fprintf(stderr, "# %u mappings, %u writable\n", maps.maps, maps.writable);
	return false;
}

/* How often a page is mapped by one mapping of a window. */
static inline unsigned int times(struct window w, unsigned int page)
{
	unsigned int again = page < DATA ? page : page + PAGES;

	return (page - w.first < w.count) + (again != page && again - w.first < w.count);
}

/* Each page has its owner's reference and @maps times the window's. */
static inline bool referenced(int fd, struct window w, unsigned int maps)
{
	unsigned int page;

	for (page = 0; page < DATA + PAGES; page++) {
		unsigned int want = 1 + maps * times(w, page);
		unsigned int is = maps_of(fd, page).references;

		if (is == want)
			continue;
		fprintf(stderr, "# page %u: %u references, not %u\n", page, is, want);
		return false;
	}
	return true;
}

/* Nothing of the file is mapped by anybody. */
static inline bool quiet(int fd)
{
	return counts(fd, 0, 0) && referenced(fd, W(0, 0), 0);
}

/* Address space for a window to go to, with a page that cannot be touched. */
static inline char *room(size_t len)
{
	char *at = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

static sigjmp_buf map_back;

static inline void map_caught(int signo)
{
	siglongjmp(map_back, signo);
}

/* The signal that a read there raises, or 0. */
static inline int raises(const char *at)
{
	struct sigaction action = { .sa_handler = map_caught }, old[2];
	int signo;

	sigaction(SIGSEGV, &action, &old[0]);
	sigaction(SIGBUS, &action, &old[1]);
	signo = sigsetjmp(map_back, 1);
	if (!signo)
		get(at);
	sigaction(SIGSEGV, &old[0], NULL);
	sigaction(SIGBUS, &old[1], NULL);
	return signo;
}

/* Waits for a child, whose exit status is whether all was well. */
static inline bool child_said_yes(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) > 0 && WIFEXITED(status) &&
		WEXITSTATUS(status) == 0;
}

#endif /* MAP_H */
