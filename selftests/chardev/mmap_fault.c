// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings that fail half-way, on a kernel with fault injection: the caller gets
 * the errno, and what was done is undone.
 */
#include "map.h"

#include "../inject.h"
#include "kselftest_harness.h"

/* Each module has its own copy. */
#define INSERT	"ferrio_test:ferrio_vma_insert"

FIXTURE(fault) {
	int fd;
	struct inject in;
	bool on;
};

FIXTURE_SETUP(fault)
{
	if (!inject_possible())
		SKIP(return, "no " INJECT_NTH ": not a kernel with fault injection");
	inject_open(&self->in, false);
	inject_function(&self->in, INSERT, ENOMEM);
	self->fd = map_open();
	self->on = true;
}

FIXTURE_TEARDOWN(fault)
{
	if (!self->on)
		return;
	inject_set("fail_function/probability", "0");
	inject_close(&self->in);
	EXPECT_TRUE(quiet(self->fd));
	close(self->fd);
}

/* The @n-th insertion from now on fails with -@errno_. */
static void fail_insertion(unsigned int n, int errno_)
{
	char text[32];

	snprintf(text, sizeof(text), "%#llx", -(long long)errno_);
	inject_set("fail_function/" INSERT "/retval", text);
	/* Each insertion takes 1 off, and the one that finds 1 fails. */
	snprintf(text, sizeof(text), "%u", n);
	inject_set("fail_function/space", text);
	inject_set("fail_function/interval", "1");
	inject_set("fail_function/times", "1");
	inject_set("fail_function/probability", "100");
}

TEST_F_TIMEOUT(fault, each_insertion, 60)
{
	/* The mm core's EFAULT is for a page table that it could not allocate. */
	static const struct { int inside, outside; } errors[] = {
		{ EBUSY, EBUSY }, { EFAULT, ENOMEM }, { ENOMEM, ENOMEM },
	};
	char *at, *end;
	unsigned int n;

	/* END pages go in by 64. */
	for (n = 1; n <= ARRAY_SIZE(errors); n++) {
		fail_insertion(n, errors[n - 1].inside);
		ASSERT_EQ(errors[n - 1].outside,
			  ERR(map(self->fd, W(0, END), PROT_READ)));
		ASSERT_TRUE(quiet(self->fd));
	}
	fail_insertion(4, ENOMEM);
	at = map(self->fd, W(0, END), PROT_READ);
	ASSERT_NE(MAP_FAILED, at);
	/* It was not its turn yet: it is the next one's. */
	ASSERT_EQ(ENOMEM, ERR(map(self->fd, W(0, 1), PROT_READ)));
	inject_set("fail_function/probability", "0");
	ASSERT_TRUE(counts(self->fd, 1, 0));
	ASSERT_TRUE(holds(at, W(0, END)));
	ASSERT_EQ(0, munmap(at, END * PAGE));
	/* Over a window: the old one is gone, and the new one did not come. */
	at = map(self->fd, W(DATA, 2 * PAGES), RW);
	ASSERT_NE(MAP_FAILED, at);
	fail_insertion(2, ENOMEM);
	end = mmap(at, 2 * PAGES * PAGE, RW, MAP_SHARED | MAP_FIXED, self->fd, DATA * PAGE);
	ASSERT_EQ(ENOMEM, ERR(end));
	ASSERT_TRUE(quiet(self->fd));
	ASSERT_EQ(SIGSEGV, raises(at));
}

/* Where nothing else is: page tables of all levels are missing. */
#define FAR	((char *)0x100000000000)

static long call_mmap(int fd, char **at)
{
	char *got = mmap(FAR, END * PAGE, PROT_READ, MAP_SHARED, fd, 0);

	if (got == MAP_FAILED)
		return -errno;
	*at = got;
	return 0;
}

static long call_munmap(int fd, char **at)
{
	(void)fd;
	if (munmap(*at, END * PAGE))
		return -errno;
	*at = NULL;
	return 0;
}

static long call_mremap(int fd, char **at)
{
	char *got = mremap(*at, END * PAGE, END * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			   *at + 1024 * PAGE);

	(void)fd;
	if (got == MAP_FAILED)
		return -errno;
	*at = got;
	return 0;
}

static long call_fork(int fd, char **at)
{
	pid_t pid = fork();

	(void)fd;
	(void)at;
	if (!pid)
		_exit(0);
	if (pid < 0)
		return -errno;
	while (waitpid(pid, NULL, 0) != pid)
		;
	return 0;
}

#define MANY	1000	/* places no call has */

/*
 * Each place that fails gives ENOMEM or does not matter; the accounts are even.
 * @least times the call has to fail; one place in @step is tried, all of them in
 * long runs.
 */
static void each_place(struct __test_metadata *_metadata, struct _test_data_fault *self,
		       long (*call)(int fd, char **at), bool mapped, int least, int step)
{
	int failed = 0, n;
	char *space = mmap(NULL, 2048 * PAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ASSERT_NE(MAP_FAILED, space);
	if (getenv("FERRIO_LONG"))
		step = 1;
	for (n = 1; n < MANY; n += step) {
		char *at = NULL;
		long ret;
		bool hit;

		if (mapped) {
			at = mmap(space, END * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED,
				  self->fd, 0);
			ASSERT_NE(MAP_FAILED, at);
		}
		inject_arm(&self->in, n);
		ret = call(self->fd, &at);
		hit = inject_end(&self->in);
		ASSERT_TRUE(!ret || (hit && ret == -ENOMEM)) TH_LOG("place %d: %ld", n, ret);
		failed += ret == -ENOMEM;
		ASSERT_TRUE(counts(self->fd, at ? 1 : 0, 0)) TH_LOG("place %d: %ld", n, ret);
		if (at) {
			ASSERT_TRUE(holds(at, W(0, END)));
			ASSERT_EQ(0, munmap(at, END * PAGE));
		}
		ASSERT_TRUE(quiet(self->fd)) TH_LOG("place %d: %ld", n, ret);
		if (!hit)
			break;
	}
	EXPECT_LT(n, MANY);
	EXPECT_LE(least, failed);
	TH_LOG("%d places, %d times ENOMEM", n - 1, failed);
	ASSERT_EQ(0, munmap(space, 2048 * PAGE));
}

TEST_F_TIMEOUT(fault, each_place_of_mmap, 60)
{
	/* The VMA, three levels of page tables, and the insertion itself. */
	each_place(_metadata, self, call_mmap, false, 5, 1);
}

TEST_F_TIMEOUT(fault, each_place_of_munmap, 60)
{
	/* What it allocates for all of a window it can do without. */
	each_place(_metadata, self, call_munmap, true, 0, 1);
}

TEST_F_TIMEOUT(fault, each_place_of_mremap, 60)
{
	each_place(_metadata, self, call_mremap, true, 1, 1);
}

TEST_F_TIMEOUT(fault, each_place_of_fork, 120)
{
	each_place(_metadata, self, call_fork, true, 10, 4);
}

TEST_HARNESS_MAIN
