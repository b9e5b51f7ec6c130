// SPDX-License-Identifier: GPL-2.0
/*
 * What a program can do with a window that a driver has given to it, and what
 * not: the matrix of windows and calls, each with its errno.  Behind every test
 * nothing is mapped any more, and no page has a reference too many or too few.
 */
#include "map.h"

#include <sys/prctl.h>
#include <sys/uio.h>

#include "kselftest_harness.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

FIXTURE(window) {
	int fd;
	char *at;
	size_t len;
};

/*
 * On the slow kernel one of each kind, a page and many pages that may be written:
 * what it looks for lies in their common code.  The errnos are those of all four.
 */
FIXTURE_VARIANT(window) {
	struct window w;
	bool writable, fast_only;
};

FIXTURE_VARIANT_ADD(window, words) { { WORDS, 1 }, true, false };
FIXTURE_VARIANT_ADD(window, fixed) { { FIXED, 1 }, false, true };
FIXTURE_VARIANT_ADD(window, bytes) { { DATA, 2 * PAGES }, true, false };
FIXTURE_VARIANT_ADD(window, all) { { 0, END }, false, true };

#define WRITES	(variant->writable ? 1 : 0)

FIXTURE_SETUP(window)
{
	self->fd = -1;
	if (variant->fast_only && !access("/sys/kernel/debug/kmemleak", F_OK) &&
	    !getenv("FERRIO_LONG"))
		SKIP(return, "on the test kernel with FERRIO_LONG only");
	self->fd = map_open();
	self->len = variant->w.count * PAGE;
	self->at = map(self->fd, variant->w, variant->writable ? RW : PROT_READ);
	ASSERT_NE(MAP_FAILED, self->at);
	ASSERT_TRUE(counts(self->fd, 1, WRITES));
	ASSERT_TRUE(referenced(self->fd, variant->w, 1));
	ASSERT_TRUE(holds(self->at, variant->w));
}

/* self->fd is -1 and self->at NULL if a test has given them back. */
FIXTURE_TEARDOWN(window)
{
	if (self->at) {
		EXPECT_TRUE(holds(self->at, variant->w));
		EXPECT_EQ(0, munmap(self->at, self->len));
	}
	if (self->fd >= 0) {
		EXPECT_TRUE(quiet(self->fd));
		close(self->fd);
	}
}

/* --- rights -------------------------------------------------------------- */

TEST_F(window, private_is_einval)
{
	off_t at = (off_t)variant->w.first * PAGE;

	ASSERT_EQ(EINVAL, ERR(mmap(NULL, self->len, PROT_READ, MAP_PRIVATE, self->fd, at)));
	ASSERT_EQ(EINVAL, ERR(mmap(NULL, self->len, RW, MAP_PRIVATE, self->fd, at)));
	ASSERT_TRUE(counts(self->fd, 1, WRITES));
}

TEST_F(window, a_right_that_is_not_given_is_eperm)
{
	int errors = variant->writable ? 0 : EPERM;
	char *more;

	ASSERT_EQ(EPERM, ERR(map(self->fd, variant->w, PROT_EXEC)));
	ASSERT_EQ(EPERM, ERR(map(self->fd, variant->w, PROT_READ | PROT_EXEC)));
	more = map(self->fd, variant->w, PROT_WRITE);
	ASSERT_EQ(errors, ERR(more));
	if (!errors)
		ASSERT_EQ(0, munmap(more, self->len));
	ASSERT_TRUE(counts(self->fd, 1, WRITES));
	ASSERT_TRUE(referenced(self->fd, variant->w, 1));
}

TEST_F(window, mprotect_gives_no_right)
{
	ASSERT_EQ(EACCES, ERR(mprotect(self->at, self->len, PROT_READ | PROT_EXEC)));
	ASSERT_EQ(EACCES, ERR(mprotect(self->at, self->len, PROT_EXEC)));
	ASSERT_EQ(0, mprotect(self->at, self->len, PROT_NONE));
	ASSERT_EQ(SIGSEGV, raises(self->at));
	ASSERT_EQ(0, mprotect(self->at, self->len, PROT_READ));
	ASSERT_EQ(variant->writable ? 0 : EACCES, ERR(mprotect(self->at, self->len, RW)));
	ASSERT_TRUE(coherent(self->fd, self->at, variant->w, variant->writable));
	/* The count is of what may be written, not of what is at the moment. */
	ASSERT_EQ(0, mprotect(self->at, self->len, PROT_READ));
	ASSERT_TRUE(counts(self->fd, 1, WRITES));
}

TEST_F(window, a_reader_maps_read_only)
{
	int fd = open(FERRIO_TEST_MAP_DEVICE, O_RDONLY | O_CLOEXEC);
	char *at;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioctl(fd, FERRIO_TEST_PAGES, PAGES));
	ASSERT_EQ(EACCES, ERR(map(fd, variant->w, RW)));
	/* MAP_SHARED of such a file has no VM_SHARED; MAP_PRIVATE is refused yet. */
	ASSERT_EQ(EINVAL, ERR(mmap(NULL, self->len, PROT_READ, MAP_PRIVATE, fd,
				   (off_t)variant->w.first * PAGE)));
	at = map(fd, variant->w, PROT_READ);
	ASSERT_NE(MAP_FAILED, at);
	ASSERT_TRUE(counts(fd, 1, 0));
	ASSERT_EQ(0, get(at));
	ASSERT_EQ(EACCES, ERR(mprotect(at, self->len, RW)));
	ASSERT_EQ(0, munmap(at, self->len));
	ASSERT_TRUE(quiet(fd));
	close(fd);
}

/* --- another place ------------------------------------------------------- */

TEST_F(window, mremap_does_not_grow)
{
	ASSERT_EQ(EFAULT, ERR(mremap(self->at, self->len, self->len + PAGE, 0)));
	ASSERT_EQ(EFAULT, ERR(mremap(self->at, self->len, self->len + PAGE,
				     MREMAP_MAYMOVE)));
	/* A length of 0 asks for a second mapping of the same. */
	ASSERT_EQ(EFAULT, ERR(mremap(self->at, 0, self->len, MREMAP_MAYMOVE)));
	ASSERT_TRUE(counts(self->fd, 1, WRITES));
}

TEST_F(window, mremap_moves_all_of_it)
{
	char *to = room(self->len), *old = self->at;

	self->at = mremap(old, self->len, self->len, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	ASSERT_EQ(to, self->at);
	ASSERT_EQ(SIGSEGV, raises(old));
	ASSERT_TRUE(counts(self->fd, 1, WRITES));
	ASSERT_TRUE(referenced(self->fd, variant->w, 1));
	ASSERT_TRUE(holds(self->at, variant->w));
	ASSERT_TRUE(coherent(self->fd, self->at, variant->w, variant->writable));
	/* A fault at the new place finds the same pages. */
	ASSERT_EQ(0, madvise(self->at, self->len, MADV_DONTNEED));
	ASSERT_TRUE(holds(self->at, variant->w));
}

TEST_F(window, mremap_does_not_leave_one_behind)
{
	ASSERT_EQ(EINVAL, ERR(mremap(self->at, self->len, self->len,
				     MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL)));
	ASSERT_TRUE(counts(self->fd, 1, WRITES));
}

TEST_F(window, munmap_gives_all_back)
{
	char *at = self->at;

	self->at = NULL;
	ASSERT_EQ(0, munmap(at, self->len));
	ASSERT_TRUE(quiet(self->fd));
	ASSERT_EQ(SIGSEGV, raises(at));
}

TEST_F(window, map_fixed_over_all_of_it)
{
	char *at = self->at;

	self->at = NULL;
	ASSERT_EQ(at, mmap(at, self->len, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0));
	ASSERT_TRUE(quiet(self->fd));
	ASSERT_EQ(0, get(at));
	/* And over that, the window again. */
	self->at = mmap(at, self->len, PROT_READ, MAP_FIXED | MAP_SHARED, self->fd,
			(off_t)variant->w.first * PAGE);
	ASSERT_EQ(at, self->at);
	ASSERT_TRUE(counts(self->fd, 1, WRITES));
}

TEST_F(window, a_failed_map_fixed_counts_nothing)
{
	char *at = self->at;

	/* The mm core has closed the old one when the driver says no. */
	self->at = NULL;
	ASSERT_EQ(EPERM, ERR(mmap(at, self->len, PROT_EXEC, MAP_FIXED | MAP_SHARED,
				  self->fd, (off_t)variant->w.first * PAGE)));
	ASSERT_TRUE(quiet(self->fd));
	ASSERT_EQ(SIGSEGV, raises(at));
}

/* --- advice -------------------------------------------------------------- */

TEST_F(window, dontneed_drops_and_a_fault_brings_back)
{
	ASSERT_EQ(0, madvise(self->at, self->len, MADV_DONTNEED));
	ASSERT_TRUE(counts(self->fd, 1, WRITES));
	ASSERT_TRUE(referenced(self->fd, variant->w, 0));
	if (variant->writable) {
		/* The first access is a write. */
		put(self->at + self->len - 16, 0xabcdef);
		ASSERT_EQ(0xabcdef, kernel_sees(self->fd,
						variant->w.first + variant->w.count - 1,
						PAGE - 16));
	}
	ASSERT_TRUE(holds(self->at, variant->w));
	ASSERT_TRUE(referenced(self->fd, variant->w, 1));
	ASSERT_TRUE(coherent(self->fd, self->at, variant->w, variant->writable));
}

TEST_F(window, a_child_faults_for_itself)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		bool good = counts(self->fd, 2, 2 * WRITES) &&
			referenced(self->fd, variant->w, 2) &&
			!madvise(self->at, self->len, MADV_DONTNEED) &&
			referenced(self->fd, variant->w, 1) &&
			holds(self->at, variant->w) &&
			referenced(self->fd, variant->w, 2) &&
			coherent(self->fd, self->at, variant->w, variant->writable);

		_exit(!good);
	}
	ASSERT_TRUE(child_said_yes(pid));
	ASSERT_TRUE(counts(self->fd, 1, WRITES));
	ASSERT_TRUE(referenced(self->fd, variant->w, 1));
}

TEST_F(window, dontfork_is_final)
{
	pid_t pid;

	ASSERT_EQ(EINVAL, ERR(madvise(self->at, self->len, MADV_DOFORK)));
	ASSERT_EQ(0, madvise(self->at, self->len, MADV_DONTFORK));
	ASSERT_EQ(EINVAL, ERR(madvise(self->at, self->len, MADV_DOFORK)));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(!counts(self->fd, 1, WRITES) || raises(self->at) != SIGSEGV);
	ASSERT_TRUE(child_said_yes(pid));
	ASSERT_TRUE(counts(self->fd, 1, WRITES));
}

TEST_F(window, dontdump_is_final)
{
	ASSERT_EQ(EINVAL, ERR(madvise(self->at, self->len, MADV_DODUMP)));
	ASSERT_EQ(EINVAL, ERR(madvise(self->at, self->len, MADV_WIPEONFORK)));
}

/* --- processes ----------------------------------------------------------- */

TEST_F(window, a_child_goes_first)
{
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(!holds(self->at, variant->w));
	ASSERT_TRUE(child_said_yes(pid));
	ASSERT_TRUE(counts(self->fd, 1, WRITES));
	ASSERT_TRUE(coherent(self->fd, self->at, variant->w, variant->writable));
}

TEST_F(window, a_parent_goes_first)
{
	int link[2];
	pid_t pid;
	char c;

	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	ASSERT_EQ(0, pipe(link));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		pid = fork();
		if (pid)
			_exit(pid < 0);
		/* Until all others that have it mapped are gone. */
		close(link[1]);
		_exit(read(link[0], &c, 1) != 0 || !counts(self->fd, 1, WRITES) ||
		      !holds(self->at, variant->w) ||
		      !coherent(self->fd, self->at, variant->w, variant->writable) ||
		      madvise(self->at, self->len, MADV_DONTNEED) ||
		      !holds(self->at, variant->w));
	}
	ASSERT_TRUE(child_said_yes(pid));
	ASSERT_TRUE(counts(self->fd, 2, 2 * WRITES));
	ASSERT_EQ(0, munmap(self->at, self->len));
	self->at = NULL;
	ASSERT_TRUE(referenced(self->fd, variant->w, 1));
	close(link[1]);
	ASSERT_TRUE(child_said_yes(-1));
	ASSERT_TRUE(quiet(self->fd));
}

TEST_F(window, a_kill_gives_all_back)
{
	int status;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		for (;;)
			pause();
	ASSERT_TRUE(counts(self->fd, 2, 2 * WRITES));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(counts(self->fd, 1, WRITES));
	ASSERT_TRUE(referenced(self->fd, variant->w, 1));
}

TEST_F(window, a_closed_file_lives_in_its_mapping)
{
	int other = open(FERRIO_TEST_MAP_DEVICE, O_RDWR | O_CLOEXEC);
	unsigned int live;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, ioctl(other, FERRIO_TEST_PAGES, 1));
	live = maps_of(other, 0).live_pages;
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	ASSERT_TRUE(holds(self->at, variant->w));
	ASSERT_EQ(0, madvise(self->at, self->len, MADV_DONTNEED));
	ASSERT_TRUE(holds(self->at, variant->w));
	ASSERT_EQ(live, maps_of(other, 0).live_pages);
	ASSERT_EQ(0, munmap(self->at, self->len));
	self->at = NULL;
	ASSERT_EQ(live - (2 + PAGES), maps_of(other, 0).live_pages);
	close(other);
}

/* --- other ways in ------------------------------------------------------- */

TEST_F(window, proc_mem_has_the_rights_of_the_window)
{
	int mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	uint64_t value = 0xfade;
	off_t at = (off_t)(uintptr_t)self->at + 16;
	long got;

	ASSERT_LE(0, mem);
	/* It may write where the program may not, but not to a shared mapping. */
	got = pwrite(mem, &value, sizeof(value), at);
	if (variant->writable) {
		ASSERT_EQ(sizeof(value), got);
	} else {
		ASSERT_EQ(EIO, ERR(got));
		value = 0;
	}
	ASSERT_EQ(value, kernel_sees(self->fd, variant->w.first, 16));
	ASSERT_EQ(sizeof(value), pread(mem, &value, sizeof(value), at - 16));
	ASSERT_EQ(pattern(variant->w.first, 0), value);
	/* The same where nothing is mapped yet: by a fault. */
	ASSERT_EQ(0, madvise(self->at, self->len, MADV_DONTNEED));
	ASSERT_EQ(sizeof(value), pread(mem, &value, sizeof(value), at - 16));
	ASSERT_EQ(pattern(variant->w.first, 0), value);
	close(mem);
}

TEST_F(window, process_vm_has_the_rights_of_the_window)
{
	uint64_t value = 0xface;
	struct iovec here = { &value, sizeof(value) };
	struct iovec there = { self->at + 24, sizeof(value) };
	long got = process_vm_writev(getpid(), &here, 1, &there, 1, 0);

	if (variant->writable) {
		ASSERT_EQ(sizeof(value), got);
	} else {
		ASSERT_EQ(EFAULT, ERR(got));
		value = 0;
	}
	ASSERT_EQ(value, kernel_sees(self->fd, variant->w.first, 24));
	there.iov_base = self->at;
	ASSERT_EQ(sizeof(value), process_vm_readv(getpid(), &here, 1, &there, 1, 0));
	ASSERT_EQ(pattern(variant->w.first, 0), value);
}

TEST_F(window, a_copy_of_the_driver_may_fault_in_it)
{
	unsigned int last = DATA + PAGES - 1;
	int errors = variant->writable ? 0 : EFAULT;

	/* write(): the driver reads the window's first page, into the last of the data. */
	ASSERT_EQ(0, madvise(self->at, self->len, MADV_DONTNEED));
	ASSERT_EQ(PAGE, pwrite(self->fd, self->at, PAGE, (PAGES - 1) * PAGE));
	ASSERT_EQ(pattern(variant->w.first, 0), kernel_sees(self->fd, last, 0));
	kernel_puts(self->fd, last, 0, pattern(last, 0));
	kernel_puts(self->fd, last, PAGE - 8, pattern(last, PAGE - 8));
	/* read(): the driver writes to it. */
	ASSERT_EQ(0, madvise(self->at, self->len, MADV_DONTNEED));
	ASSERT_EQ(errors, ERR(pread(self->fd, self->at + 8, 8, 0)));
	ASSERT_EQ(errors ? 0 : pattern(DATA, 0), kernel_sees(self->fd, variant->w.first, 8));
}

TEST_HARNESS_MAIN
