// SPDX-License-Identifier: GPL-2.0
/*
 * What the shared crate promises to programs, whatever a driver does with it:
 * tried on /dev/ferrio_test, whose driver misbehaves on request.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "ferrio_test.h"

#define DEVICE "/dev/ferrio_test"
#define TEXT_LEN (sizeof(FERRIO_TEST_TEXT) - 1)

/* In the first page, where nothing is mapped; volatile, so the compiler does not know. */
static void *volatile nowhere = (void *)8;

FIXTURE(file) {
	int fd;
	char buf[64];
};

FIXTURE_SETUP(file)
{
	self->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd)
		TH_LOG("%s: %s; insmod ferrio_test.ko", DEVICE, strerror(errno));
}

FIXTURE_TEARDOWN(file)
{
	close(self->fd);
}

static int behave(int fd, enum ferrio_test_behave how)
{
	return ioctl(fd, FERRIO_TEST_BEHAVE, (unsigned long)how);
}

TEST_F(file, mode_is_the_drivers)
{
	struct stat st;

	ASSERT_EQ(0, fstat(self->fd, &st));
	ASSERT_EQ(0600, st.st_mode & 07777);
	ASSERT_TRUE(S_ISCHR(st.st_mode));
}

TEST_F(file, reads_go_on_at_the_position)
{
	ASSERT_EQ(4, read(self->fd, self->buf, 4));
	ASSERT_EQ(TEXT_LEN - 4, read(self->fd, self->buf + 4, 60));
	ASSERT_EQ(0, memcmp(self->buf, FERRIO_TEST_TEXT, TEXT_LEN));
	ASSERT_EQ(0, read(self->fd, self->buf, 60));
	ASSERT_EQ(3, pread(self->fd, self->buf, 3, 5));
	ASSERT_EQ(0, memcmp(self->buf, &FERRIO_TEST_TEXT[5], 3));
}

TEST_F(file, llseek_is_the_drivers)
{
	ASSERT_EQ(7, lseek(self->fd, 7, SEEK_SET));
	ASSERT_EQ(-1, lseek(self->fd, 0, SEEK_END));
	ASSERT_EQ(EINVAL, errno);
}

TEST_F(file, a_fault_at_the_first_byte_is_efault)
{
	ASSERT_EQ(-1, read(self->fd, nowhere, 4));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(-1, write(self->fd, nowhere, 4));
	ASSERT_EQ(EFAULT, errno);
	/* The position did not move: nothing was lost. */
	ASSERT_EQ(TEXT_LEN, read(self->fd, self->buf, 60));
}

TEST_F(file, a_later_fault_is_a_short_count)
{
	long page = sysconf(_SC_PAGESIZE);
	char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, two);
	ASSERT_EQ(0, munmap(two + page, page));
	ASSERT_EQ(5, read(self->fd, two + page - 5, 10));
	ASSERT_EQ(0, memcmp(two + page - 5, FERRIO_TEST_TEXT, 5));
	ASSERT_EQ(5, write(self->fd, two + page - 5, 10));
	munmap(two, page);
}

TEST_F(file, nothing_moved_is_end_of_file)
{
	ASSERT_EQ(0, behave(self->fd, FERRIO_TEST_NOTHING));
	ASSERT_EQ(0, read(self->fd, self->buf, 60));
	ASSERT_EQ(0, write(self->fd, self->buf, 60));
}

TEST_F(file, what_is_rolled_back_does_not_count)
{
	ASSERT_EQ(0, behave(self->fd, FERRIO_TEST_ROLLBACK));
	ASSERT_EQ(0, read(self->fd, self->buf, 60));
	ASSERT_EQ(0, write(self->fd, self->buf, 60));
}

TEST_F(file, an_errno_wins_over_what_was_moved)
{
	ASSERT_EQ(0, behave(self->fd, FERRIO_TEST_FAIL));
	ASSERT_EQ(-1, read(self->fd, self->buf, 60));
	ASSERT_EQ(ENOSPC, errno);
	ASSERT_EQ(-1, write(self->fd, self->buf, 60));
	ASSERT_EQ(ENOSPC, errno);
}

TEST_F(file, eiocbqueued_cannot_leave_a_driver)
{
	struct iovec iov = { .iov_base = self->buf, .iov_len = 60 };

	ASSERT_EQ(0, behave(self->fd, FERRIO_TEST_QUEUED));
	ASSERT_EQ(-1, read(self->fd, self->buf, 60));
	ASSERT_EQ(EIO, errno);
	ASSERT_EQ(-1, write(self->fd, self->buf, 60));
	ASSERT_EQ(EIO, errno);
	ASSERT_EQ(-1, preadv2(self->fd, &iov, 1, 0, 0));
	ASSERT_EQ(EIO, errno);
}

TEST_F(file, what_a_driver_lacks_has_the_kernels_errno)
{
	int pipe_fds[2];

	ASSERT_EQ(0, pipe(pipe_fds));
	/* Neither splice_read nor splice_write, mmap or nowait. */
	ASSERT_EQ(-1, splice(self->fd, NULL, pipe_fds[1], NULL, 4, 0));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(1, write(pipe_fds[1], "x", 1));
	ASSERT_EQ(-1, splice(pipe_fds[0], NULL, self->fd, NULL, 1, 0));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd, 0));
	ASSERT_EQ(ENODEV, errno);

	struct iovec iov = { .iov_base = self->buf, .iov_len = 4 };

	ASSERT_EQ(-1, preadv2(self->fd, &iov, 1, 0, RWF_NOWAIT));
	ASSERT_EQ(EOPNOTSUPP, errno);
	ASSERT_EQ(-1, ioctl(self->fd, _IO(0xBE, 0xff), 0));
	ASSERT_EQ(ENOTTY, errno);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* --- extensible structs ------------------------------------------------- */

/* A struct of a caller from the future: 8 bytes more than the kernel knows. */
struct later {
	struct ferrio_test_ext now;
	__u64 d;
};

TEST_F(file, ext_exact)
{
	struct ferrio_test_ext ext = { .size = sizeof(ext), .a = 1, .b = 2, .c = ~0ULL };

	ASSERT_EQ(0, ioctl(self->fd, FERRIO_TEST_EXT, &ext));
	ASSERT_EQ(sizeof(ext), ext.size);
	ASSERT_EQ(2, ext.a);
	ASSERT_EQ(3, ext.b);
	ASSERT_EQ(0, ext.c);
}

TEST_F(file, ext_short_is_filled_with_zeros)
{
	struct ferrio_test_ext ext = { .size = 8, .a = 1, .b = 2, .c = 3 };

	ASSERT_EQ(0, ioctl(self->fd, FERRIO_TEST_EXT, &ext));
	ASSERT_EQ(2, ext.a);
	/* Neither read nor written behind the caller's size. */
	ASSERT_EQ(2, ext.b);
	ASSERT_EQ(3, ext.c);
	ext.size = 16;
	ASSERT_EQ(0, ioctl(self->fd, FERRIO_TEST_EXT, &ext));
	ASSERT_EQ(3, ext.a);
	ASSERT_EQ(3, ext.b);
	ASSERT_EQ(3, ext.c);
}

TEST_F(file, ext_shorter_than_the_first_is_einval)
{
	struct ferrio_test_ext ext = { .size = 7 };

	ASSERT_EQ(-1, ioctl(self->fd, FERRIO_TEST_EXT, &ext));
	ASSERT_EQ(EINVAL, errno);
	ext.size = 0;
	ASSERT_EQ(-1, ioctl(self->fd, FERRIO_TEST_EXT, &ext));
	ASSERT_EQ(EINVAL, errno);
}

TEST_F(file, ext_long_with_a_zero_tail_is_taken)
{
	struct later ext = { .now.size = sizeof(ext), .now.a = 1, .now.c = 1 };

	ASSERT_EQ(0, ioctl(self->fd, FERRIO_TEST_EXT, &ext));
	ASSERT_EQ(2, ext.now.a);
	ASSERT_EQ(2, ext.now.c);
	ASSERT_EQ(0, ext.d);
}

TEST_F(file, ext_long_with_a_tail_is_e2big)
{
	struct later ext = { .now.size = sizeof(ext), .now.a = 1, .d = 1ULL << 63 };

	ASSERT_EQ(-1, ioctl(self->fd, FERRIO_TEST_EXT, &ext));
	ASSERT_EQ(E2BIG, errno);
	ASSERT_EQ(1, ext.now.a);
}

TEST_F(file, ext_longer_than_a_page_is_e2big)
{
	static __u64 words[1024];
	char *big = (char *)words;
	__u32 size = 4097;

	memcpy(big, &size, sizeof(size));
	ASSERT_EQ(-1, ioctl(self->fd, FERRIO_TEST_EXT, big));
	ASSERT_EQ(E2BIG, errno);
	size = 4096;
	memcpy(big, &size, sizeof(size));
	ASSERT_EQ(0, ioctl(self->fd, FERRIO_TEST_EXT, big));
}

TEST_F(file, ext_unreadable_is_efault)
{
	long page = sysconf(_SC_PAGESIZE);
	char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u32 size = sizeof(struct ferrio_test_ext);

	ASSERT_NE(MAP_FAILED, two);
	ASSERT_EQ(0, munmap(two + page, page));
	ASSERT_EQ(-1, ioctl(self->fd, FERRIO_TEST_EXT, NULL));
	ASSERT_EQ(EFAULT, errno);
	/* The size can be read, the rest cannot. */
	memcpy(two + page - 8, &size, sizeof(size));
	ASSERT_EQ(-1, ioctl(self->fd, FERRIO_TEST_EXT, two + page - 8));
	ASSERT_EQ(EFAULT, errno);
	/* The known part can be read, the tail cannot. */
	size = 64;
	memcpy(two + page - 24, &size, sizeof(size));
	ASSERT_EQ(-1, ioctl(self->fd, FERRIO_TEST_EXT, two + page - 24));
	ASSERT_EQ(EFAULT, errno);
	munmap(two, page);
}

TEST_F(file, ext_readonly_is_efault)
{
	long page = sysconf(_SC_PAGESIZE);
	struct ferrio_test_ext *ext = mmap(NULL, page, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)ext);
	ext->size = sizeof(*ext);
	ASSERT_EQ(0, mprotect(ext, page, PROT_READ));
	ASSERT_EQ(-1, ioctl(self->fd, FERRIO_TEST_EXT, ext));
	ASSERT_EQ(EFAULT, errno);
	munmap(ext, page);
}

/* --- waits --------------------------------------------------------------- */

static int wait_for(int fd, int killable, __u64 ns)
{
	struct ferrio_test_wait wait = {
		.size = sizeof(wait), .killable = killable, .nanoseconds = ns,
	};

	return ioctl(fd, FERRIO_TEST_WAIT, &wait) ? errno : 0;
}

static __u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

TEST_F(file, a_bounded_wait_ends_not_before_its_time)
{
	__u64 start = now();

	ASSERT_EQ(ETIMEDOUT, wait_for(self->fd, 0, 20000000));
	ASSERT_LE(start + 20000000, now());
	start = now();
	ASSERT_EQ(ETIMEDOUT, wait_for(self->fd, 1, 20000000));
	ASSERT_LE(start + 20000000, now());
}

static void on_alarm(int signo)
{
	(void)signo;
}

static void alarm_soon(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	/* Again and again: one alarm could come before the wait begins. */
	struct itimerval soon = {
		.it_value.tv_usec = 20000, .it_interval.tv_usec = 20000,
	};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
}

TEST_F(file, a_signal_ends_an_interruptible_wait)
{
	alarm_soon();
	ASSERT_EQ(EINTR, wait_for(self->fd, 0, 0));
}

TEST_F(file, a_handled_signal_does_not_end_a_killable_wait)
{
	alarm_soon();
	ASSERT_EQ(ETIMEDOUT, wait_for(self->fd, 1, 200000000));
}

/* Waits until the child sleeps in the kernel: state S, or D for killable. */
static int sleeps(pid_t pid, char state)
{
	char path[64], line[256], *end;
	int i, fd, n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (i = 0; i < 5000; i++) {
		fd = open(path, O_RDONLY);
		n = read(fd, line, sizeof(line) - 1);
		close(fd);
		line[n > 0 ? n : 0] = 0;
		end = strrchr(line, ')');
		if (end && end[2] == state)
			return 1;
		usleep(1000);
	}
	return 0;
}

TEST_F(file, a_kill_ends_every_wait)
{
	int killable, status;
	pid_t child;

	for (killable = 0; killable < 2; killable++) {
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			wait_for(self->fd, killable, 0);
			_exit(1);
		}
		ASSERT_TRUE(sleeps(child, killable ? 'D' : 'S'));
		ASSERT_EQ(0, kill(child, SIGKILL));
		ASSERT_EQ(child, waitpid(child, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
		ASSERT_EQ(SIGKILL, WTERMSIG(status));
	}
}

TEST_F(file, a_wake_ends_every_wait)
{
	int killable, status;
	pid_t child;

	for (killable = 0; killable < 2; killable++) {
		int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

		ASSERT_LE(0, fd);
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			/* No bound: at its end the condition would be looked at. */
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(wait_for(fd, killable, 0));
		}
		ASSERT_TRUE(sleeps(child, killable ? 'D' : 'S'));
		ASSERT_EQ(0, ioctl(fd, FERRIO_TEST_WAKE));
		ASSERT_EQ(child, waitpid(child, &status, 0));
		ASSERT_TRUE(WIFEXITED(status));
		ASSERT_EQ(0, WEXITSTATUS(status));
		close(fd);
	}
}

TEST_F(file, an_open_file_pins_the_module)
{
	ASSERT_EQ(-1, syscall(SYS_delete_module, "ferrio_test", O_NONBLOCK));
	ASSERT_EQ(EWOULDBLOCK, errno);
}

TEST_HARNESS_MAIN
