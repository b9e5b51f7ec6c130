// SPDX-License-Identifier: GPL-2.0
/* What /proc and a core dump say of windows, and what limits of memory do. */

#include <elf.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <ferrio/ring.h>

#include "fix_dev.h"

#define DATA	4UL	/* pages of data */
#define CORE	"/tmp/ring-core"
#define PATTERN	"/proc/sys/kernel/core_pattern"

/* A mapping as smaps shows it; sizes in pages. */
struct area {
	unsigned long start, end, offset, ino;
	unsigned int major, minor;
	char perms[5], name[64], flags[520];
	long size, rss, pss, shared, private, anonymous, swap, locked;
};

static void take_line(struct area *area, const char *line)
{
	static const struct {
		const char *key;
		size_t at;
	} keys[] = {
		{ "Size", offsetof(struct area, size) },
		{ "Rss", offsetof(struct area, rss) },
		{ "Pss", offsetof(struct area, pss) },
		{ "Shared_Clean", offsetof(struct area, shared) },
		{ "Shared_Dirty", offsetof(struct area, shared) },
		{ "Private_Clean", offsetof(struct area, private) },
		{ "Private_Dirty", offsetof(struct area, private) },
		{ "Anonymous", offsetof(struct area, anonymous) },
		{ "Swap", offsetof(struct area, swap) },
		{ "Locked", offsetof(struct area, locked) },
	};
	char key[32];
	long kb;

	if (!strncmp(line, "VmFlags: ", 9))
		snprintf(area->flags, sizeof(area->flags), " %s", line + 9);
	if (sscanf(line, "%31[^:]: %ld kB", key, &kb) != 2)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].key, key))
			*(long *)((char *)area + keys[i].at) += kb * 1024 / RB_PAGE;
}

/* The mapping that begins at @at; rb_die() if there is none. */
static void look(const char *file, const void *at, struct area *area)
{
	bool found = false;
	char line[512];
	FILE *f = fopen(file, "re");

	if (!f)
		rb_die("%s: %s", file, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		struct area now = {};

		if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %63[^\n]", &now.start,
			   &now.end, now.perms, &now.offset, &now.major,
			   &now.minor, &now.ino, now.name) >= 7) {
			if (found)
				break;
			found = now.start == (unsigned long)at;
			if (found)
				*area = now;
		} else if (found) {
			take_line(area, line);
		}
	}
	fclose(f);
	if (!found)
		rb_die("%s has nothing at %p", file, at);
}

static bool has_flag(const struct area *area, const char *flag)
{
	char text[8];

	snprintf(text, sizeof(text), " %s ", flag);
	return strstr(area->flags, text);
}

/* What every window has: no more rights, sizes and flags than meant. */
static void check_area(struct __test_metadata *_metadata, int fd, void *at,
		       unsigned long first, unsigned long count, bool writable,
		       struct area *area)
{
	struct area maps = {};
	struct stat st;

	ASSERT_EQ(0, fstat(fd, &st));
	memset(area, 0, sizeof(*area));
	look("/proc/self/smaps", at, area);
	look("/proc/self/maps", at, &maps);
	EXPECT_EQ(area->end, maps.end);
	EXPECT_STREQ(area->name, maps.name);
	EXPECT_EQ(count * RB_PAGE, area->end - area->start);
	EXPECT_STREQ(writable ? "rw-s" : "r--s", area->perms);
	EXPECT_EQ(first * RB_PAGE, area->offset);
	EXPECT_STREQ("anon_inode:ringbuffer", area->name);
	EXPECT_EQ(st.st_ino, area->ino);
	EXPECT_EQ(st.st_dev, makedev(area->major, area->minor));

	/* all of it is there, once for each place, and nothing of it can go */
	EXPECT_EQ(count, area->size);
	EXPECT_EQ(count, area->rss);
	EXPECT_EQ(count, area->shared + area->private);
	EXPECT_EQ(0, area->anonymous);
	EXPECT_EQ(0, area->swap);
	EXPECT_EQ(0, area->locked);

	EXPECT_TRUE(has_flag(area, "rd"));
	EXPECT_TRUE(has_flag(area, "sh"));
	EXPECT_TRUE(has_flag(area, "de"));
	EXPECT_TRUE(has_flag(area, "dd"));
	EXPECT_TRUE(has_flag(area, "mm"));
	EXPECT_EQ(writable, has_flag(area, "wr"));
	EXPECT_EQ(writable, has_flag(area, "mw"));
	EXPECT_FALSE(has_flag(area, "ex"));
	EXPECT_FALSE(has_flag(area, "me"));
	EXPECT_FALSE(has_flag(area, "io"));
	EXPECT_FALSE(has_flag(area, "pf"));
	EXPECT_FALSE(has_flag(area, "lo"));
	EXPECT_FALSE(has_flag(area, "ac"));
}

/* Each end by itself: Rss counts the data twice, Pss once. */
TEST_F(dev, windows)
{
	const unsigned long all = RB_HEAD_PAGES + 2 * DATA;
	struct ringbuffer rb;
	struct area area;
	unsigned char *at;
	int fd;

	ASSERT_EQ(0, rb_set_size(self->fd, DATA * RB_PAGE));
	fd = ringbuffer(self->fd, FERRIO_RB_READ, 0, &rb);
	ASSERT_LE(0, fd);
	at = rb.window;
	check_area(_metadata, fd, at, 0, 1, true, &area);
	EXPECT_EQ(1, area.private);
	EXPECT_EQ(1, area.pss);
	check_area(_metadata, fd, at + RB_PAGE, 1, all - 1, false, &area);
	EXPECT_EQ(2, area.private);
	EXPECT_EQ(2 * DATA, area.shared);
	EXPECT_EQ(2 + DATA, area.pss);
	ringbuffer_close(&rb);

	fd = ringbuffer(self->fd, FERRIO_RB_WRITE, 0, &rb);
	ASSERT_LE(0, fd);
	at = rb.window;
	check_area(_metadata, fd, at, 0, 2, false, &area);
	EXPECT_EQ(2, area.pss);
	check_area(_metadata, fd, at + 2 * RB_PAGE, 2, all - 2, true, &area);
	EXPECT_EQ(1, area.private);
	EXPECT_EQ(2 * DATA, area.shared);
	EXPECT_EQ(1 + DATA, area.pss);
	ringbuffer_close(&rb);

	fd = rb_mint(self->fd, FERRIO_RB_OBSERVE);
	at = mmap(NULL, all * RB_PAGE, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, at);
	check_area(_metadata, fd, at, 0, all, false, &area);
	EXPECT_EQ(3 + DATA, area.pss);
	munmap(at, all * RB_PAGE);
	close(fd);
}

/* Whoever else has it shares it; what is dropped is not there, and comes back. */
TEST_F(dev, shared_and_dropped)
{
	const unsigned long all = RB_HEAD_PAGES + 2 * DATA;
	struct ringbuffer p, c;
	struct area area = {};

	ASSERT_EQ(0, rb_set_size(self->fd, DATA * RB_PAGE));
	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_READ, 0, &c));
	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_WRITE, 0, &p));
	look("/proc/self/smaps", (char *)c.window + RB_PAGE, &area);
	EXPECT_EQ(all - 1, area.shared);
	EXPECT_EQ(0, area.private);
	/* words by half, data four times mapped: a quarter, twice */
	EXPECT_EQ((2 + DATA) / 2, area.pss);

	ASSERT_EQ(0, madvise((char *)c.window + RB_PAGE, (all - 1) * RB_PAGE,
			     MADV_DONTNEED));
	memset(&area, 0, sizeof(area));
	look("/proc/self/smaps", (char *)c.window + RB_PAGE, &area);
	EXPECT_EQ(all - 1, area.size);
	EXPECT_EQ(0, area.rss);
	for (unsigned long i = 1; i < all; i++)
		*(volatile char *)((char *)c.window + i * RB_PAGE);
	memset(&area, 0, sizeof(area));
	look("/proc/self/smaps", (char *)c.window + RB_PAGE, &area);
	EXPECT_EQ(all - 1, area.rss);
	ringbuffer_close(&p);
	ringbuffer_close(&c);
}

/* The links of map_files name it, and open nothing. */
TEST_F(dev, map_files)
{
	struct ringbuffer rb;
	char path[128], name[64];
	ssize_t n;

	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_READ, 0, &rb));
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx",
		 (unsigned long)rb.window, (unsigned long)rb.window + RB_PAGE);
	n = readlink(path, name, sizeof(name) - 1);
	ASSERT_LT(0, n) TH_LOG("%s: %s", path, strerror(errno));
	name[n] = '\0';
	EXPECT_STREQ("anon_inode:ringbuffer", name);
	EXPECT_EQ(-ENXIO, E(open(path, O_RDONLY)));
	EXPECT_EQ(-ENXIO, E(open(path, O_RDWR)));
	ringbuffer_close(&rb);
}

static long vm_locked(void)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

/* Its pages never go: there is nothing to lock, nor does it count. */
TEST_F(dev, locking)
{
	struct ringbuffer rb;
	struct area area = {};
	unsigned char *at;

	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_WRITE, 0, &rb));
	at = rb.window;
	ASSERT_EQ(0, vm_locked());
	EXPECT_EQ(0, mlock(at, rb.window_bytes));
	EXPECT_EQ(0, mlock(at, RB_PAGE));
	EXPECT_EQ(0, vm_locked());
	look("/proc/self/smaps", at, &area);
	EXPECT_FALSE(has_flag(&area, "lo"));
	EXPECT_EQ(0, munlock(at, rb.window_bytes));
	ringbuffer_close(&rb);

	/* nor when all that comes is to be locked */
	ASSERT_EQ(0, mlockall(MCL_FUTURE));
	ASSERT_LE(0, E(ringbuffer(self->fd, FERRIO_RB_READ, 0, &rb)));
	memset(&area, 0, sizeof(area));
	look("/proc/self/smaps", rb.window, &area);
	EXPECT_FALSE(has_flag(&area, "lo"));
	EXPECT_EQ(1, area.rss);
	EXPECT_EQ(0, area.locked);
	ASSERT_EQ(0, munlockall());
	ringbuffer_close(&rb);
}

/* A window counts as address space, both copies of it. */
TEST_F(dev, address_space)
{
	struct rlimit old, limit;
	struct ringbuffer rb;
	long used;
	FILE *f;

	ASSERT_EQ(0, rb_set_size(self->fd, 1UL << 20));
	ASSERT_EQ(0, getrlimit(RLIMIT_AS, &old));
	f = fopen("/proc/self/statm", "re");
	ASSERT_TRUE(f && fscanf(f, "%ld", &used) == 1);
	fclose(f);
	limit = old;
	limit.rlim_cur = used * RB_PAGE + (2UL << 20);
	ASSERT_EQ(0, setrlimit(RLIMIT_AS, &limit));
	EXPECT_EQ(-ENOMEM, E(ringbuffer(self->fd, FERRIO_RB_READ, 0, &rb)));
	limit.rlim_cur += 64 * RB_PAGE;
	ASSERT_EQ(0, setrlimit(RLIMIT_AS, &limit));
	EXPECT_LE(0, ringbuffer(self->fd, FERRIO_RB_READ, 0, &rb));
	ringbuffer_close(&rb);
	ASSERT_EQ(0, setrlimit(RLIMIT_AS, &old));
}

/* ---- core dumps ---- */

#define MAGIC	96	/* more than a register can hold */

FIXTURE(core) {
	char pattern[256];
	long live;
};

FIXTURE_SETUP(core)
{
	int fd = open(PATTERN, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, self->pattern, sizeof(self->pattern) - 1);

	if (n <= 0)
		rb_die(PATTERN ": %s", strerror(errno));
	close(fd);
	self->live = rb_live_pages();
	rb_catch(SIGPIPE, SA_RESTART);
	if (rb_write_file(PATTERN, CORE))
		rb_die(PATTERN " cannot be written");
	unlink(CORE);
}

FIXTURE_TEARDOWN_PARENT(core)
{
	if (!self->pattern[0])
		return;
	unlink(CORE);
	EXPECT_EQ(0, rb_write_file(PATTERN, self->pattern));
	EXPECT_TRUE(rb_pages_return(self->live));
}

static unsigned char magic_byte(uint32_t *state)
{
	*state = *state * 1664525U + 1013904223U;
	return *state >> 24;
}

/* Byte by byte, here and below, so that it is nowhere but at @to. */
static void put_magic(volatile unsigned char *to, uint32_t kind)
{
	for (int i = 0; i < MAGIC; i++)
		to[i] = magic_byte(&kind);
}

static bool is_magic(const volatile unsigned char *at, uint32_t kind)
{
	for (int i = 0; i < MAGIC; i++)
		if (at[i] != magic_byte(&kind))
			return false;
	return true;
}

static int count_magic(const unsigned char *in, size_t bytes, uint32_t kind)
{
	int found = 0;

	for (size_t i = 0; i + MAGIC <= bytes; i++)
		found += is_magic(in + i, kind);
	return found;
}

/* What the one that dies tells before. */
struct told {
	unsigned char *window[2];
	size_t bytes[2];
};

enum { IN_RING = 1, IN_PRIVATE = 2222, IN_SHARED = 333333 };

static void crash(struct told *told)
{
	struct rlimit core = { RLIM_INFINITY, RLIM_INFINITY };
	int plain = rb_open(O_RDWR), fd = memfd_create("x", 0);
	unsigned char *private, *shared;
	struct ringbuffer p, c;

	if (setrlimit(RLIMIT_CORE, &core) ||
	    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) ||
	    rb_write_file("/proc/self/coredump_filter", "0x1ff"))
		rb_die("no core dumps: %s", strerror(errno));
	if (ringbuffer(plain, FERRIO_RB_WRITE, 2 * RB_PAGE, &p) < 0 ||
	    ringbuffer(plain, FERRIO_RB_READ, 0, &c) < 0 || ftruncate(fd, RB_PAGE))
		rb_die("ringbuffer: %s", strerror(errno));
	private = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	shared = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (private == MAP_FAILED || shared == MAP_FAILED)
		rb_die("mmap: %s", strerror(errno));
	put_magic(ringbuffer_reserve(&p, MAGIC), IN_RING);
	if (ringbuffer_commit(&p, MAGIC))
		rb_die("commit: %s", strerror(errno));
	put_magic(private, IN_PRIVATE);
	put_magic(shared, IN_SHARED);
	told->window[0] = p.window;
	told->window[1] = c.window;
	told->bytes[0] = p.window_bytes;
	told->bytes[1] = c.window_bytes;
	/* it can be read, so it is there */
	if (!is_magic(c.data, IN_RING) || !is_magic(c.data + c.size, IN_RING))
		rb_die("the ring has not what was written");
	signal(SIGABRT, SIG_DFL);
	abort();
}

static unsigned char *load_core(size_t *bytes)
{
	int fd = open(CORE, O_RDONLY | O_CLOEXEC);
	unsigned char *at;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		rb_die(CORE ": %s", strerror(errno));
	at = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		rb_die("mmap " CORE ": %s", strerror(errno));
	close(fd);
	*bytes = st.st_size;
	return at;
}

/* What was in the ring is not in the dump of who had it mapped; all else is. */
TEST_F_TIMEOUT(core, without_the_ring, 60)
{
	struct told *told = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const Elf64_Ehdr *head;
	const Elf64_Phdr *part;
	unsigned char *core;
	size_t bytes;
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		crash(told);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGABRT, WTERMSIG(status));
	ASSERT_TRUE(WCOREDUMP(status));

	core = load_core(&bytes);
	EXPECT_EQ(1, count_magic(core, bytes, IN_PRIVATE));
	EXPECT_EQ(1, count_magic(core, bytes, IN_SHARED));
	EXPECT_EQ(0, count_magic(core, bytes, IN_RING));

	/* the windows are named, without content */
	head = (void *)core;
	ASSERT_EQ(0, memcmp(head->e_ident, ELFMAG, SELFMAG));
	part = (void *)(core + head->e_phoff);
	for (int w = 0; w < 2; w++) {
		unsigned long at = (unsigned long)told->window[w];
		size_t seen = 0;

		for (int i = 0; i < head->e_phnum; i++) {
			if (part[i].p_type != PT_LOAD || part[i].p_vaddr < at ||
			    part[i].p_vaddr >= at + told->bytes[w])
				continue;
			EXPECT_EQ(0, part[i].p_filesz);
			seen += part[i].p_memsz;
		}
		EXPECT_EQ(told->bytes[w], seen);
	}
	munmap(core, bytes);
}

TEST_HARNESS_MAIN
