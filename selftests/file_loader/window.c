// SPDX-License-Identifier: GPL-2.0
/* Windows of a blob: nobody writes through one, however he tries, and no page is lost. */
#define _GNU_SOURCE
#include <linux/userfaultfd.h>
#include <sys/ptrace.h>

#include "../cgroup.h"
#include "fl_dev.h"

/* More than is put in at a time (64), and the last one in part. */
#define PAGES	200
#define LEN	(PAGES * RB_PAGE - 100)

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif

static char bytes[LEN], got[LEN];

static const int kinds[] = { MAP_SHARED, MAP_PRIVATE };

static int new_blob(int dev)
{
	long blob;

	rb_pattern(bytes, LEN, 0);
	blob = fl_load_bytes(dev, bytes, LEN);
	if (blob < 0)
		rb_die("a blob: %ld", blob);
	return blob;
}

static char *window(int blob, int kind, size_t pages, size_t first)
{
	char *map = mmap(NULL, pages * RB_PAGE, PROT_READ, kind, blob, first * RB_PAGE);

	if (map == MAP_FAILED)
		rb_die("mmap of %zu pages from %zu on: %s", pages, first, strerror(errno));
	return map;
}

/* How many pages are there without a fault, and which is the first of them. */
static int present(char *map, size_t pages, int *first)
{
	unsigned char there[PAGES];
	int count = 0;

	if (mincore(map, pages * RB_PAGE, there))
		rb_die("mincore: %s", strerror(errno));
	for (int i = pages; i--;) {
		if (!(there[i] & 1))
			continue;
		*first = i;
		count++;
	}
	return count;
}

/* All pages are there at once, and after they were thrown out each comes by itself. */
TEST_F(dev, large)
{
	static const struct { size_t pages, first; } parts[] = {
		{ PAGES, 0 }, { 63, 0 }, { 64, 0 }, { 65, 0 }, { 10, 100 }, { 100, 100 },
		{ 1, PAGES - 1 },
	};
	int blob = new_blob(self->fd), first;

	for (int i = 0; i < 2 * ARRAY_SIZE(parts); i++) {
		size_t pages = parts[i / 2].pages, at = parts[i / 2].first * RB_PAGE;
		size_t len = at + pages * RB_PAGE > LEN ? LEN - at : pages * RB_PAGE;
		char *map = window(blob, kinds[i % 2], pages, parts[i / 2].first);

		EXPECT_EQ(pages, present(map, pages, &first));
		ASSERT_EQ(-1, rb_mismatch(map, len, at));
		ASSERT_EQ(0, E(madvise(map, pages * RB_PAGE, MADV_DONTNEED)));
		EXPECT_EQ(0, present(map, pages, &first));
		ASSERT_EQ(-1, rb_mismatch(map + (pages - 1) * RB_PAGE, 1,
					  at + (pages - 1) * RB_PAGE));
		EXPECT_EQ(1, present(map, pages, &first));
		EXPECT_EQ(pages - 1, first);
		ASSERT_EQ(-1, rb_mismatch(map, len, at));
		EXPECT_EQ(pages, present(map, pages, &first));
		ASSERT_EQ(0, munmap(map, pages * RB_PAGE));
	}
	close(blob);
}

/* Every other way to change memory, or to be told of its faults. */
TEST_F(dev, writes)
{
	static const struct { uint64_t features, mode; } faults[] = {
		{ 0, UFFDIO_REGISTER_MODE_MISSING },
		{ 0, UFFDIO_REGISTER_MODE_WP },
		{ 0, UFFDIO_REGISTER_MODE_MINOR },
		{ UFFD_FEATURE_WP_ASYNC, UFFDIO_REGISTER_MODE_WP },
	};
	int blob = new_blob(self->fd), ends[2];
	char c;

	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(3, write(ends[1], "abc", 3));
	for (int i = 0; i < ARRAY_SIZE(kinds); i++) {
		char *map = window(blob, kinds[i], PAGES, 0);
		struct iovec from = { "xyz", 3 }, to = { map, 3 };

		EXPECT_EQ(-EFAULT, E(process_vm_writev(getpid(), &from, 1, &to, 1, 0)));
		EXPECT_EQ(-EFAULT, E(read(ends[0], map, 3)));
		EXPECT_EQ(-EINVAL, E(madvise(map, RB_PAGE, MADV_POPULATE_WRITE)));
		EXPECT_EQ(0, E(madvise(map, PAGES * RB_PAGE, MADV_POPULATE_READ)));
		EXPECT_EQ(-EACCES, E(madvise(map, PAGES * RB_PAGE, MADV_REMOVE)));
		EXPECT_EQ(-EINVAL, E(madvise(map, RB_PAGE, MADV_FREE)));
		EXPECT_EQ(-EINVAL, E(syscall(SYS_remap_file_pages, map, RB_PAGE, 0, 1, 0)));
		for (int k = 0; k < ARRAY_SIZE(faults); k++) {
			struct uffdio_api api = {
				.api = UFFD_API, .features = faults[k].features,
			};
			struct uffdio_register reg = {
				.range = { (uintptr_t)map, PAGES * RB_PAGE },
				.mode = faults[k].mode,
			};
			int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

			ASSERT_LE(0, uffd);
			ASSERT_EQ(0, E(ioctl(uffd, UFFDIO_API, &api)));
			EXPECT_EQ(-EINVAL, E(ioctl(uffd, UFFDIO_REGISTER, &reg)));
			close(uffd);
		}
		EXPECT_EQ(-1, rb_mismatch(map, LEN, 0));
		munmap(map, PAGES * RB_PAGE);
	}
	/* The pipe has kept what nobody could take. */
	EXPECT_EQ(3, E(read(ends[0], got, 9)));
	EXPECT_EQ(0, memcmp(got, "abc", 3));
	EXPECT_EQ(1, E(pread(blob, &c, 1, 0)));
	EXPECT_EQ(-1, rb_mismatch(&c, 1, 0));
	close(ends[0]);
	close(ends[1]);
	close(blob);
}

TEST_F(dev, debugger)
{
	int blob = new_blob(self->fd), status;
	long word;

	for (int i = 0; i < ARRAY_SIZE(kinds); i++) {
		char *map = window(blob, kinds[i], PAGES, 0);
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			if (!ptrace(PTRACE_TRACEME, 0, NULL, NULL))
				raise(SIGSTOP);
			_exit(1);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSTOPPED(status));
		EXPECT_EQ(-EIO, E(ptrace(PTRACE_POKEDATA, pid, map, 0x1234)));
		EXPECT_EQ(-EIO, E(ptrace(PTRACE_POKETEXT, pid, map + RB_PAGE, 0x1234)));
		errno = 0;
		word = ptrace(PTRACE_PEEKDATA, pid, map, NULL);
		EXPECT_EQ(0, errno);
		EXPECT_EQ(-1, rb_mismatch(&word, sizeof(word), 0));
		rb_reap_killed(pid);
		EXPECT_EQ(-1, rb_mismatch(map, LEN, 0));
		munmap(map, PAGES * RB_PAGE);
	}
	close(blob);
}

/* What is in a pipe. */
static long drain(int from, char *to, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(from, to + done, len - done);

		if (n <= 0)
			return n < 0 ? -errno : done;
		done += n;
	}
	return done;
}

#define GIVEN	(10 * RB_PAGE)	/* less than a pipe has room for */
#define FROM	3		/* the first page of them */

/*
 * A page that was given away is nobody's to be changed: neither what is in the pipe when
 * the blob is gone, nor the blob when the pipe's receiver writes to what it got.
 */
TEST_F(dev, gifts)
{
	static char zeroes[GIVEN];

	for (int kept = 0; kept < 2; kept++) {
		int blob = new_blob(self->fd), ends[2], out = memfd_create("out", 0);
		char *map = window(blob, kinds[kept], PAGES, 0);
		struct iovec iov = { map + FROM * RB_PAGE, GIVEN };

		ASSERT_EQ(0, pipe(ends));
		ASSERT_LE(0, out);
		ASSERT_EQ(GIVEN, E(vmsplice(ends[1], &iov, 1, SPLICE_F_GIFT)));
		if (!kept) {
			close(blob);
			ASSERT_EQ(0, munmap(map, PAGES * RB_PAGE));
			/* They are not the module's any more, and not freed. */
			EXPECT_TRUE(rb_pages_return(self->live));
			/* What is given back by others is taken by somebody. */
			for (int i = 0; i < 3; i++) {
				long other = fl_load_bytes(self->fd, zeroes, GIVEN);

				ASSERT_LE(0, other);
				close(other);
			}
		} else {
			EXPECT_EQ(self->live + PAGES, rb_live_pages());
		}
		for (size_t done = 0; done < GIVEN;) {
			ssize_t n = splice(ends[0], NULL, out, NULL, GIVEN - done, SPLICE_F_MOVE);

			ASSERT_LT(0, n);
			done += n;
		}
		ASSERT_EQ(GIVEN, E(pread(out, got, LEN, 0)));
		EXPECT_EQ(-1, rb_mismatch(got, GIVEN, FROM * RB_PAGE));
		if (kept) {
			ASSERT_EQ(GIVEN, E(pwrite(out, zeroes, GIVEN, 0)));
			EXPECT_EQ(-1, rb_mismatch(map, LEN, 0));
			EXPECT_EQ(LEN, E(pread(blob, got, LEN, 0)));
			EXPECT_EQ(-1, rb_mismatch(got, LEN, 0));
			close(blob);
			ASSERT_EQ(0, munmap(map, PAGES * RB_PAGE));
		}
		close(ends[0]);
		close(ends[1]);
		close(out);
		EXPECT_TRUE(rb_pages_return(self->live));
	}
}

/* The pipe is closed with the pages in it, behind the blob. */
TEST_F(dev, gifts_nobody_takes)
{
	int blob = new_blob(self->fd), ends[2];
	char *map = window(blob, MAP_SHARED, PAGES, 0);
	struct iovec iov = { map + FROM * RB_PAGE, GIVEN };

	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(GIVEN, E(vmsplice(ends[1], &iov, 1, SPLICE_F_GIFT)));
	close(blob);
	munmap(map, PAGES * RB_PAGE);
	EXPECT_TRUE(rb_pages_return(self->live));
	EXPECT_EQ(RB_PAGE + 5, drain(ends[0], got, RB_PAGE + 5));
	EXPECT_EQ(-1, rb_mismatch(got, RB_PAGE + 5, FROM * RB_PAGE));
	close(ends[0]);
	close(ends[1]);
}

#define ROUNDS		3
#define CHARGED		1024	/* pages: far more than what a charge may be off by */

/* Throws the pages out and has them again, some times over. */
static void refault(int dev)
{
	static char zeroes[CHARGED * RB_PAGE];
	long blob = fl_load_bytes(dev, zeroes, sizeof(zeroes)), sum = 0;

	if (blob < 0)
		rb_die("a blob: %ld", blob);
	for (int i = 0; i < ROUNDS; i++) {
		volatile char *map = window(blob, kinds[i % 2], CHARGED, 0);

		for (int k = 0; k < 2; k++) {
			if (madvise((void *)map, CHARGED * RB_PAGE, MADV_DONTNEED))
				rb_die("MADV_DONTNEED: %s", strerror(errno));
			for (size_t at = 0; at < CHARGED * RB_PAGE; at += RB_PAGE)
				sum += map[at];
		}
		munmap((void *)map, CHARGED * RB_PAGE);
	}
	if (sum)
		rb_die("zeroes are %ld", sum);
	close(blob);
}

/*
 * A reference too many of a page keeps it, and its charge, for ever: the module counts
 * the page as gone.  So look at the charge of a group in which nothing else was done.
 */
TEST_F(dev, references)
{
	struct cg cg;
	int status;
	pid_t pid;

	cg_make(&cg);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		cg_move(getpid(), cg.a);
		refault(self->fd);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(rb_pages_return(self->live));
	EXPECT_TRUE(cg_charged(cg.a, 0));
	cg_unmake(&cg);
}

TEST_HARNESS_MAIN
