// SPDX-License-Identifier: GPL-2.0
/* Who may do what to a file that is being loaded, and to one that was. */
#define _GNU_SOURCE
#include <sys/sendfile.h>

#include "fan.h"
#include "fl_dev.h"

#define LEN	10000

/* The copy of this program that is executed comes only so far. */
static void __attribute__((constructor(101))) executed(void)
{
	const char *how = getenv("FL_EXECUTED");

	if (!how)
		return;
	while (*how == 'w')
		pause();
	_exit(42);
}

/* A load of FL_FILE that waits in its middle. */
struct held {
	struct fan fan;
	struct fl_other other;
};

static void hold(struct held *h, int dev)
{
	fan_watch(&h->fan, AT_FDCWD, FL_FILE, FAN_ACCESS_PERM, O_RDONLY);
	fl_other_path(&h->other, dev, FL_FILE);
	fan_met(&h->fan);
	fl_other_asleep(&h->other);
}

static long let_go(struct held *h)
{
	fan_answer(&h->fan, FAN_ALLOW);
	fan_close(&h->fan);
	return fl_other_end(&h->other);
}

static bool is_writable(void)
{
	int writer = open(FL_FILE, O_WRONLY | O_CLOEXEC);

	if (writer < 0 && errno != ETXTBSY)
		rb_die("open %s: %s", FL_FILE, strerror(errno));
	if (writer < 0)
		return false;
	close(writer);
	return true;
}

TEST_F(dev, are_denied)
{
	static const int flags[] = {
		O_WRONLY, O_RDWR, O_WRONLY | O_APPEND, O_RDONLY | O_TRUNC, O_RDWR | O_CREAT,
	};
	int file = fl_file(LEN);
	struct held h;
	struct stat st;
	char *map;

	hold(&h, self->fd);
	for (int i = 0; i < ARRAY_SIZE(flags); i++)
		EXPECT_EQ(-ETXTBSY, E(open(FL_FILE, flags[i], 0600)));
	EXPECT_EQ(-ETXTBSY, E(truncate(FL_FILE, 5)));
	EXPECT_EQ(-ETXTBSY, E(truncate(FL_FILE, LEN)));
	/* By the descriptor that there is, nobody could anyhow. */
	EXPECT_EQ(-EINVAL, E(ftruncate(file, 5)));
	EXPECT_EQ(-EBADF, E(write(file, "x", 1)));
	map = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	EXPECT_EQ(MAP_FAILED, map);
	EXPECT_EQ(EACCES, errno);
	/* To read it, and to write to copies of it, is everybody's right. */
	map = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	ASSERT_NE(MAP_FAILED, map);
	map[0] = ~map[0];
	munmap(map, LEN);
	ASSERT_EQ(0, fstat(file, &st));
	EXPECT_EQ(LEN, st.st_size);
	EXPECT_EQ(0, let_go(&h));
	EXPECT_TRUE(is_writable());
	close(file);
}

/* The name is not the file. */
TEST_F(dev, name_goes)
{
	int file = fl_file(LEN), other;
	struct held h;

	hold(&h, self->fd);
	EXPECT_EQ(0, E(chmod(FL_FILE, 0)));
	EXPECT_EQ(0, E(rename(FL_FILE, "/tmp/fl-renamed")));
	other = open(FL_FILE, O_WRONLY | O_CREAT | O_EXCL, 0600);
	EXPECT_LE(0, other);
	close(other);
	EXPECT_EQ(-ETXTBSY, E(open("/tmp/fl-renamed", O_WRONLY)));
	EXPECT_EQ(0, E(unlink("/tmp/fl-renamed")));
	EXPECT_EQ(0, let_go(&h));
	close(file);
}

/* Each of two loads denies for itself. */
TEST_F(dev, two_loads)
{
	int file = fl_file(LEN), first;
	struct fl_other others[2];
	struct fan fan;
	long blob;

	fan_watch(&fan, AT_FDCWD, FL_FILE, FAN_ACCESS_PERM, O_RDONLY);
	fl_other_path(&others[0], self->fd, FL_FILE);
	fan_met(&fan);
	first = fan.file;
	fl_other_path(&others[1], self->fd, FL_FILE);
	fan_met(&fan);
	EXPECT_EQ(others[1].pid, fan.pid);
	/* A third, which nobody watches. */
	blob = fl_load_fd(self->fd, file);
	EXPECT_LE(0, blob);
	EXPECT_FALSE(is_writable());
	fan_answer(&fan, FAN_ALLOW);
	EXPECT_EQ(0, fl_other_end(&others[1]));
	EXPECT_FALSE(is_writable());
	fan_answer_for(&fan, first, FAN_DENY);
	EXPECT_EQ(-AT(READ, EPERM), fl_other_end(&others[0]));
	EXPECT_TRUE(is_writable());
	fan_close(&fan);
	close(blob);
	close(file);
}

/* A load denies no more than an execution does: both at a time are well. */
static void program(void)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int to = open(FL_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) ||
	    sendfile(to, from, NULL, st.st_size) != st.st_size)
		rb_die("a copy of itself: %s", strerror(errno));
	close(from);
	close(to);
}

static pid_t execute(char *how)
{
	char name[] = "fl-file", *args[] = { name, NULL }, *env[] = { how, NULL };
	pid_t pid = fork();

	if (!pid) {
		execve(FL_FILE, args, env);
		_exit(errno);
	}
	return pid;
}

TEST_F(dev, execution_during_load)
{
	struct held h;
	int status;
	pid_t pid;

	program();
	hold(&h, self->fd);
	h.fan.pid = 0;
	pid = execute("FL_EXECUTED=end");
	/* It reads the file as well, and the watcher hears of that. */
	while (!waitpid(pid, &status, WNOHANG)) {
		struct fan more = { .fd = h.fan.fd };

		if (fan_is_quiet(&more)) {
			rb_sleep_ms(1);
			continue;
		}
		fan_met(&more);
		fan_answer(&more, FAN_ALLOW);
	}
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(42, WEXITSTATUS(status));
	EXPECT_EQ(0, let_go(&h));
	EXPECT_TRUE(is_writable());
}

TEST_F(dev, load_during_execution)
{
	long blob;
	pid_t pid;

	program();
	pid = execute("FL_EXECUTED=wait");
	rb_asleep(pid, pid, SYS_pause);
	blob = fl_load_path(self->fd, FL_FILE);
	EXPECT_LE(0, blob);
	/* That is the program's doing. */
	EXPECT_FALSE(is_writable());
	rb_reap_killed(pid);
	EXPECT_TRUE(is_writable());
	close(blob);
}

/*
 * memfd_create() gives a descriptor that writes and that the kernel does not count:
 * what is written by it during a load may be in the blob or not, but the digest is
 * of what is; and another size is an error.
 */
static void memfd(struct held *h, int dev, int *fd)
{
	char bytes[LEN], path[64];
	int file;

	*fd = memfd_create("fl", MFD_CLOEXEC);
	rb_pattern(bytes, LEN, 0);
	if (*fd < 0 || write(*fd, bytes, LEN) != LEN)
		rb_die("MFD_CLOEXEC: %s", strerror(errno));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", *fd);
	fan_watch(&h->fan, AT_FDCWD, path, FAN_ACCESS_PERM, O_RDONLY);
	file = open(path, O_RDONLY | O_CLOEXEC);
	fl_other_fd(&h->other, dev, file);
	close(file);
	fan_met(&h->fan);
	fl_other_asleep(&h->other);
}

TEST_F(dev, not_counted)
{
	static const off_t sizes[] = { LEN - 1, LEN + 1, 0, RB_PAGE, LEN * 10 };
	struct held h;
	long blob;
	int fd;

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		memfd(&h, self->fd, &fd);
		ASSERT_EQ(0, ftruncate(fd, sizes[i]));
		EXPECT_EQ(-AT(READ, EIO), let_go(&h)) TH_LOG("size %ld", (long)sizes[i]);
		close(fd);
	}
	memfd(&h, self->fd, &fd);
	ASSERT_EQ(5, pwrite(fd, "other", 5, 5000));
	EXPECT_EQ(0, let_go(&h));
	blob = fl_load_fd(self->fd, fd);
	ASSERT_LE(0, blob);
	EXPECT_TRUE(fl_digest_is_of_bytes(self->fd, blob));
	close(blob);
	close(fd);
}

/* The blob has nothing to do with the file any more. */
TEST_F(dev, of_what_was_loaded)
{
	int file = fl_file(LEN), writer;
	char got[LEN];
	long blob = fl_load_fd(self->fd, file);
	char *map;

	ASSERT_LE(0, blob);
	writer = open(FL_FILE, O_RDWR);
	ASSERT_LE(0, writer);
	map = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, writer, 0);
	ASSERT_NE(MAP_FAILED, map);
	memset(map, 0xff, LEN);
	munmap(map, LEN);
	ASSERT_EQ(0, ftruncate(writer, 1));
	close(writer);
	ASSERT_EQ(LEN, E(pread(blob, got, LEN, 0)));
	EXPECT_EQ(-1, rb_mismatch(got, LEN, 0));
	close(blob);
	close(file);
}

TEST_HARNESS_MAIN
