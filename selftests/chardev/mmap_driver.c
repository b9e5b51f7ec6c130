// SPDX-License-Identifier: GPL-2.0
/*
 * Windows that a file does not have, words that both sides use, and a driver
 * that does not do with a mapping what it should: the program gets an errno or
 * a signal, and the accounts stay right.
 */
#include "map.h"

#include "kselftest_harness.h"

FIXTURE(file) {
	int fd;
};

FIXTURE_SETUP(file)
{
	self->fd = map_open();
}

FIXTURE_TEARDOWN(file)
{
	EXPECT_TRUE(quiet(self->fd));
	close(self->fd);
}

static int behave(int fd, enum ferrio_test_map_behave how)
{
	return ioctl(fd, FERRIO_TEST_MAP_BEHAVE, (unsigned long)how);
}

/* --- windows ------------------------------------------------------------- */

TEST_F(file, a_window_behind_the_end_is_einval)
{
	static const off_t far[] = {
		(off_t)END * PAGE, 1LL << 40, INT64_MAX & -PAGE, -2 * PAGE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(far); i++)
		ASSERT_EQ(EINVAL, ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED,
					   self->fd, far[i])));
	/* No file has this one: its end is no number. */
	ASSERT_EQ(EOVERFLOW, ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd, -PAGE)));
	/* One page too long; what is behind a page is in no window. */
	ASSERT_EQ(EINVAL, ERR(map(self->fd, W(0, END + 1), PROT_READ)));
	ASSERT_EQ(EINVAL, ERR(map(self->fd, W(END - 1, 2), PROT_READ)));
	ASSERT_EQ(EINVAL, ERR(map(self->fd, W(DATA, 2 * PAGES + 1), RW)));
}

TEST_F(file, an_unaligned_window_is_einval)
{
	ASSERT_EQ(EINVAL, ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd, 1)));
	ASSERT_EQ(EINVAL, ERR(mmap(NULL, 0, PROT_READ, MAP_SHARED, self->fd, 0)));
}

TEST_F(file, a_length_counts_in_pages)
{
	char *at = mmap(NULL, 1, PROT_READ, MAP_SHARED, self->fd, FIXED * PAGE);

	ASSERT_NE(MAP_FAILED, at);
	ASSERT_TRUE(holds(at, W(FIXED, 1)));
	ASSERT_TRUE(referenced(self->fd, W(FIXED, 1), 1));
	ASSERT_EQ(0, munmap(at, 1));
}

TEST_F(file, without_pages_there_is_no_window)
{
	int fd = open(FERRIO_TEST_MAP_DEVICE, O_RDWR | O_CLOEXEC);

	ASSERT_LE(0, fd);
	ASSERT_EQ(EINVAL, ERR(map(fd, W(0, 1), PROT_READ)));
	close(fd);
}

TEST_F(file, windows_are_counted_by_what_may_be_written)
{
	char *all = map(self->fd, W(0, END), PROT_READ);
	char *words = map(self->fd, W(WORDS, 1), RW);
	/* It can be made writable at any time. */
	char *data = map(self->fd, W(DATA, PAGES), PROT_READ);

	ASSERT_NE(MAP_FAILED, all);
	ASSERT_NE(MAP_FAILED, words);
	ASSERT_NE(MAP_FAILED, data);
	ASSERT_TRUE(counts(self->fd, 3, 2));
	ASSERT_EQ(0, munmap(words, PAGE));
	ASSERT_TRUE(counts(self->fd, 2, 1));
	ASSERT_EQ(0, mprotect(data, PAGES * PAGE, RW));
	ASSERT_EQ(0, munmap(data, PAGES * PAGE));
	ASSERT_TRUE(counts(self->fd, 1, 0));
	ASSERT_EQ(0, munmap(all, END * PAGE));
}

TEST_F(file, neighbours_do_not_become_one)
{
	char *at = mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	ASSERT_NE(MAP_FAILED, at);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(at + i * PAGE,
			  mmap(at + i * PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, self->fd,
			       (DATA + i) * PAGE));
	ASSERT_TRUE(counts(self->fd, 2, 2));
	ASSERT_EQ(0, munmap(at, PAGE));
	ASSERT_TRUE(counts(self->fd, 1, 1));
	/* Two windows that touch can be unmapped by one call. */
	ASSERT_EQ(at, mmap(at, PAGE, RW, MAP_SHARED | MAP_FIXED, self->fd, DATA * PAGE));
	ASSERT_EQ(0, munmap(at, 2 * PAGE));
}

TEST_F(file, the_data_lie_there_twice)
{
	char *at = map(self->fd, W(DATA, 2 * PAGES), RW);
	unsigned int page;

	ASSERT_NE(MAP_FAILED, at);
	for (page = 0; page < PAGES; page++) {
		char *one = at + page * PAGE, *two = one + PAGES * PAGE;

		put(one + 40, page);
		ASSERT_EQ(page, get(two + 40));
		put(two + 40, ~page);
		ASSERT_EQ(~page, get(one + 40));
		ASSERT_EQ(~page, kernel_sees(self->fd, DATA + page, 40));
	}
	/* A word across the seam is the last page's and the first page's. */
	memcpy(at + PAGES * PAGE - 4, "seamless", 8);
	ASSERT_EQ(0, memcmp(at, "less", 4));
	ASSERT_EQ(0, munmap(at, 2 * PAGES * PAGE));
}

/* --- words --------------------------------------------------------------- */

static long word(int fd, enum ferrio_test_how how, unsigned int page,
		 unsigned int offset, uint64_t old, uint64_t *value)
{
	struct ferrio_test_word arg = {
		.size = sizeof(arg), .page = page, .offset = offset, .how = how,
		.old = old, .value = *value,
	};
	long ret = ioctl(fd, FERRIO_TEST_WORD, &arg);

	*value = arg.value;
	return ret;
}

TEST_F(file, both_sides_see_the_same_words)
{
	char *at = map(self->fd, W(WORDS, 1), RW);
	uint64_t value = 1ULL << 63;

	ASSERT_NE(MAP_FAILED, at);
	ASSERT_EQ(0, word(self->fd, FERRIO_TEST_STORE, WORDS, 128, 0, &value));
	ASSERT_EQ(1ULL << 63, get(at + 128));
	value = 0x0102030405060708;
	ASSERT_EQ(0, word(self->fd, FERRIO_TEST_STORE_RELEASE, WORDS, 136, 0, &value));
	ASSERT_EQ(0x0102030405060708, get(at + 136));
	ASSERT_EQ(1ULL << 63, get(at + 128));
	put(at + 128, 77);
	ASSERT_EQ(0, word(self->fd, FERRIO_TEST_LOAD, WORDS, 128, 0, &value));
	ASSERT_EQ(77, value);
	put(at + 136, 78);
	ASSERT_EQ(0, word(self->fd, FERRIO_TEST_LOAD_ACQUIRE, WORDS, 136, 0, &value));
	ASSERT_EQ(78, value);
	ASSERT_EQ(0, munmap(at, PAGE));
}

TEST_F(file, an_exchange_needs_the_old_word)
{
	char *at = map(self->fd, W(WORDS, 1), RW);
	uint64_t value = 6;

	ASSERT_NE(MAP_FAILED, at);
	put(at + 8, 5);
	ASSERT_EQ(0, word(self->fd, FERRIO_TEST_CMPXCHG, WORDS, 8, 4, &value));
	ASSERT_EQ(5, get(at + 8));
	ASSERT_EQ(1, word(self->fd, FERRIO_TEST_CMPXCHG, WORDS, 8, 5, &value));
	ASSERT_EQ(6, get(at + 8));
	/* All 64 bits count. */
	value = 7;
	ASSERT_EQ(0, word(self->fd, FERRIO_TEST_CMPXCHG, WORDS, 8, 6 | 1ULL << 32, &value));
	ASSERT_EQ(6, get(at + 8));
	ASSERT_EQ(pattern(WORDS, 0), get(at));
	ASSERT_EQ(0, get(at + 16));
	ASSERT_EQ(0, munmap(at, PAGE));
}

TEST_F(file, words_are_aligned_and_in_the_page)
{
	uint64_t value = 1;

	ASSERT_EQ(EINVAL, ERR(word(self->fd, FERRIO_TEST_LOAD, WORDS, 4, 0, &value)));
	ASSERT_EQ(EINVAL, ERR(word(self->fd, FERRIO_TEST_LOAD, WORDS, PAGE, 0, &value)));
	ASSERT_EQ(EINVAL, ERR(word(self->fd, FERRIO_TEST_STORE, FIXED, -8, 0, &value)));
	ASSERT_EQ(0, word(self->fd, FERRIO_TEST_LOAD, FIXED, PAGE - 8, 0, &value));
	ASSERT_EQ(pattern(FIXED, PAGE - 8), value);
}

/* --- misbehaviour -------------------------------------------------------- */

TEST_F(file, pages_that_are_gone_are_sigbus)
{
	char *at = map(self->fd, W(DATA, 2 * PAGES), RW);

	ASSERT_NE(MAP_FAILED, at);
	ASSERT_EQ(0, behave(self->fd, FERRIO_TEST_MAP_HIDE));
	ASSERT_EQ(EINVAL, ERR(map(self->fd, W(0, 1), PROT_READ)));
	/* What is in is in. */
	ASSERT_TRUE(holds(at, W(DATA, 2 * PAGES)));
	ASSERT_EQ(0, madvise(at, PAGE, MADV_DONTNEED));
	ASSERT_EQ(SIGBUS, raises(at));
	ASSERT_EQ(0, raises(at + PAGE));
	/* The kernel's own copy gets an errno of it. */
	ASSERT_EQ(EFAULT, ERR(pwrite(self->fd, at, 1, 0)));
	ASSERT_EQ(0, behave(self->fd, FERRIO_TEST_MAP_PLAIN));
	ASSERT_TRUE(holds(at, W(DATA, 2 * PAGES)));
	ASSERT_EQ(0, munmap(at, 2 * PAGES * PAGE));
}

TEST_F(file, faults_alone_suffice)
{
	char *at;
	unsigned int page;

	ASSERT_EQ(0, behave(self->fd, FERRIO_TEST_MAP_LAZY));
	at = map(self->fd, W(0, END), PROT_READ);
	ASSERT_NE(MAP_FAILED, at);
	ASSERT_TRUE(counts(self->fd, 1, 0));
	ASSERT_TRUE(referenced(self->fd, W(0, END), 0));
	/* From the end, each page by a fault of its own. */
	for (page = END; page-- > 0;)
		ASSERT_TRUE(holds(at + page * PAGE, W(page, 1)));
	ASSERT_TRUE(referenced(self->fd, W(0, END), 1));
	ASSERT_EQ(EINVAL, ERR(munmap(at, PAGE)));
	ASSERT_EQ(0, munmap(at, END * PAGE));
}

TEST_F(file, a_mapping_that_fails_at_last_counts_nothing)
{
	ASSERT_EQ(0, behave(self->fd, FERRIO_TEST_MAP_FAIL));
	ASSERT_EQ(ENOSPC, ERR(map(self->fd, W(0, END), PROT_READ)));
	ASSERT_EQ(ENOSPC, ERR(map(self->fd, W(DATA, PAGES), RW)));
	ASSERT_TRUE(quiet(self->fd));
	ASSERT_EQ(EPERM, ERR(map(self->fd, W(0, END), RW)));
}

TEST_F(file, a_forgotten_mapping_is_sigbus)
{
	char *at;

	ASSERT_EQ(0, behave(self->fd, FERRIO_TEST_MAP_FORGET));
	at = map(self->fd, W(0, END), PROT_READ);
	ASSERT_NE(MAP_FAILED, at);
	ASSERT_TRUE(quiet(self->fd));
	ASSERT_EQ(SIGBUS, raises(at));
	ASSERT_EQ(0, munmap(at, END * PAGE));
}

/* Two threads of it at once, on two CPUs if there are: counts stay exact. */
TEST_F_TIMEOUT(file, counts_stay_exact_under_load, 120)
{
	unsigned int child, round;
	pid_t pids[3];

	for (child = 0; child < 3; child++) {
		pids[child] = fork();
		ASSERT_LE(0, pids[child]);
		if (pids[child])
			continue;
		for (round = 0; round < 200; round++) {
			unsigned int first = round % END;
			char *at = map(self->fd, W(first, END - first), PROT_READ);

			if (at == MAP_FAILED ||
			    get(at) != pattern(first, 0) ||
			    madvise(at, PAGE, MADV_DONTNEED) ||
			    get(at) != pattern(first, 0) ||
			    munmap(at, (END - first) * PAGE))
				_exit(1);
		}
		_exit(0);
	}
	for (child = 0; child < 3; child++)
		ASSERT_TRUE(child_said_yes(pids[child]));
	ASSERT_TRUE(quiet(self->fd));
}

TEST_HARNESS_MAIN
