// SPDX-License-Identifier: GPL-2.0
/* Shared mappings: the same bytes as read(2) and write(2) see. */

#include <setjmp.h>
#include <sys/wait.h>

#include "ic_dev.h"

static sigjmp_buf back;

static void jump(int sig)
{
	siglongjmp(back, sig);
}

/* The signal that a load raises, or 0. */
static int load_raises(const volatile char *p)
{
	struct sigaction sa = { .sa_handler = jump };
	int sig;

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sig = sigsetjmp(back, 1);
	if (!sig)
		(void)*p;
	return sig;
}

static char *window(int fd, size_t len, int prot, long at)
{
	char *p = mmap(NULL, len, prot, MAP_SHARED, fd, at);

	if (p == MAP_FAILED)
		rb_die("mmap: %s", strerror(errno));
	return p;
}

/* The errno of a mapping that is refused; the size can be set after it as before it. */
static long refusal(int fd, size_t len, int prot, int flags, long at)
{
	void *p = mmap(NULL, len, prot, flags, fd, at);
	long err = p == MAP_FAILED ? -errno : 0;

	if (!err)
		munmap(p, len);
	else if (ic_set_size(fd, 2 * RB_PAGE) || ic_set_size(fd, IC_DEFAULT))
		rb_die("a mapping that was refused with %ld has fixed the size", err);
	return err;
}

TEST_F(dev, both_ways)
{
	char *p = window(self->fd, 4 * RB_PAGE, PROT_READ | PROT_WRITE, RB_PAGE);
	static char out[4 * RB_PAGE];

	EXPECT_EQ(0, ic_pages(self->fd));
	rb_pattern(out, sizeof(out), 0);
	ASSERT_EQ(2 * RB_PAGE, E(pwrite(self->fd, out, 2 * RB_PAGE, RB_PAGE)));
	EXPECT_EQ(-1, rb_mismatch(p, 2 * RB_PAGE, 0));
	/* a page that reading makes is zeros, and data from then on */
	EXPECT_EQ(3 * RB_PAGE, E(lseek(self->fd, RB_PAGE, SEEK_HOLE)));
	EXPECT_TRUE(ic_all(p + 2 * RB_PAGE, RB_PAGE, 0));
	EXPECT_EQ(3, ic_pages(self->fd));
	EXPECT_EQ(4 * RB_PAGE, E(lseek(self->fd, RB_PAGE, SEEK_HOLE)));
	/* a page that writing makes */
	p[3 * RB_PAGE + 5] = 'z';
	EXPECT_EQ(4, ic_pages(self->fd));
	ASSERT_EQ(RB_PAGE, E(pread(self->fd, out, RB_PAGE, 4 * RB_PAGE)));
	EXPECT_EQ('z', out[5]);
	EXPECT_TRUE(ic_all(out, 5, 0));
	/* and what is written into it is there at once */
	ASSERT_EQ(1, E(pwrite(self->fd, "y", 1, 4 * RB_PAGE + 5)));
	EXPECT_EQ('y', p[3 * RB_PAGE + 5]);
	munmap(p, 4 * RB_PAGE);
	EXPECT_EQ(4, ic_pages(self->fd));
}

TEST_F(dev, refused)
{
	int r = ic_open(O_RDONLY), w = ic_open(O_WRONLY);
	const int rw = PROT_READ | PROT_WRITE;
	char *p;

	EXPECT_EQ(-EINVAL, refusal(self->fd, RB_PAGE, PROT_READ, MAP_PRIVATE, 0));
	EXPECT_EQ(-EINVAL, refusal(self->fd, RB_PAGE, PROT_READ, MAP_SHARED, IC_DEFAULT));
	EXPECT_EQ(-EINVAL, refusal(self->fd, 2 * RB_PAGE, PROT_READ, MAP_SHARED,
				   IC_DEFAULT - RB_PAGE));
	EXPECT_EQ(-EINVAL, refusal(self->fd, RB_PAGE, PROT_READ, MAP_SHARED, 1UL << 40));
	EXPECT_EQ(-EPERM, refusal(self->fd, RB_PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, 0));
	EXPECT_EQ(-EACCES, refusal(r, RB_PAGE, rw, MAP_SHARED, 0));
	EXPECT_EQ(-EACCES, refusal(w, RB_PAGE, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(-EACCES, refusal(w, RB_PAGE, PROT_WRITE, MAP_SHARED, 0));
	EXPECT_EQ(0, ic_pages(self->fd));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "ic-fixed"));
	/* a right that was not given does not come back */
	p = window(r, RB_PAGE, PROT_READ, 0);
	EXPECT_EQ(-EACCES, E(mprotect(p, RB_PAGE, rw)));
	EXPECT_EQ(-EACCES, E(mprotect(p, RB_PAGE, PROT_READ | PROT_EXEC)));
	EXPECT_EQ(0, *p);
	munmap(p, RB_PAGE);
	close(r);
	close(w);
}

/* The last page can be mapped, and the whole; behind a window there is nothing. */
TEST_F(dev, windows)
{
	char *p;

	ASSERT_EQ(0, ic_set_size(self->fd, 4 * RB_PAGE));
	p = window(self->fd, RB_PAGE, PROT_READ | PROT_WRITE, 3 * RB_PAGE);
	*p = 'l';
	munmap(p, RB_PAGE);
	p = window(self->fd, 4 * RB_PAGE, PROT_READ | PROT_WRITE, 0);
	EXPECT_EQ('l', p[3 * RB_PAGE]);
	EXPECT_EQ(-EINVAL, E(munmap(p, RB_PAGE)));
	EXPECT_EQ(0, madvise(p, 4 * RB_PAGE, MADV_DONTNEED));
	EXPECT_EQ('l', p[3 * RB_PAGE]);
	munmap(p, 4 * RB_PAGE);
}

/* The memory lives as long as its mapping; a child has the same. */
TEST_F(dev, longer_than_the_descriptor)
{
	char *p = window(self->fd, 2 * RB_PAGE, PROT_READ | PROT_WRITE, 0);
	int status;
	pid_t pid;

	ASSERT_EQ(3, E(write(self->fd, "abc", 3)));
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, memcmp(p, "abc", 4));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		p[RB_PAGE] = p[1];
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ('b', p[RB_PAGE]);
	EXPECT_EQ(self->live + 2 + ic_tables(2), rb_live_pages());
	munmap(p, 2 * RB_PAGE);
}

/* The buffer of a call is a mapping of the very memory: the copy faults into it. */
TEST_F(dev, buffer_is_the_memory_itself)
{
	char *p = window(self->fd, 16 * RB_PAGE, PROT_READ | PROT_WRITE, 0);
	static char out[4 * RB_PAGE];

	rb_pattern(out, sizeof(out), 3);
	ASSERT_EQ(sizeof(out), E(pwrite(self->fd, out, sizeof(out), 0)));
	/* read into holes of it, write from holes of it */
	ASSERT_EQ(sizeof(out), E(pread(self->fd, p + 8 * RB_PAGE, sizeof(out), 0)));
	EXPECT_EQ(-1, rb_mismatch(p + 8 * RB_PAGE, sizeof(out), 3));
	EXPECT_EQ(8, ic_pages(self->fd));
	ASSERT_EQ(RB_PAGE, E(pwrite(self->fd, p + 14 * RB_PAGE, RB_PAGE, RB_PAGE)));
	EXPECT_EQ(9, ic_pages(self->fd));
	EXPECT_TRUE(ic_all(p + RB_PAGE, RB_PAGE, 0));
	/* a page onto itself */
	ASSERT_EQ(RB_PAGE, E(pread(self->fd, p + 2 * RB_PAGE, RB_PAGE, 2 * RB_PAGE)));
	ASSERT_EQ(RB_PAGE, E(pwrite(self->fd, p + 2 * RB_PAGE, RB_PAGE, 2 * RB_PAGE)));
	EXPECT_EQ(-1, rb_mismatch(p + 2 * RB_PAGE, RB_PAGE, 3 + 2 * RB_PAGE));
	munmap(p, 16 * RB_PAGE);
}

/* A page that cannot be made is SIGBUS, and only that one. */
TEST_F(dev, no_memory_is_sigbus)
{
	static const char path[] = "/sys/module/iov_copy/parameters/max_bytes";
	char *p = window(self->fd, 2 * RB_PAGE, PROT_READ | PROT_WRITE, 0);
	int raised;

	*p = 'a';
	ASSERT_EQ(0, rb_write_file(path, "4096"));
	raised = load_raises(p + RB_PAGE);
	ASSERT_EQ(0, rb_write_file(path, IC_ALL_TEXT));
	EXPECT_EQ(SIGBUS, raised);
	EXPECT_EQ(0, load_raises(p));
	EXPECT_EQ(1, ic_pages(self->fd));
	EXPECT_EQ(0, load_raises(p + RB_PAGE));
	EXPECT_EQ(2, ic_pages(self->fd));
	munmap(p, 2 * RB_PAGE);
}

TEST_HARNESS_MAIN
