// SPDX-License-Identifier: GPL-2.0
/* Calls of the device and of a blob that nothing else here makes, and what is shared. */
#define _GNU_SOURCE
#include <sys/epoll.h>

#include "fl_dev.h"

static int new_blob(int dev, const void *bytes, size_t len)
{
	long blob = fl_load_bytes(dev, bytes, len);

	if (blob < 0)
		rb_die("a blob of %zu bytes: %ld", len, blob);
	return blob;
}

/* Neither is anything to be waited for: always ready, as a regular file is. */
TEST_F(dev, poll)
{
	int blob = new_blob(self->fd, "abc", 3), epoll = epoll_create1(0);
	int fds[] = { blob, self->fd };

	ASSERT_LE(0, epoll);
	for (int i = 0; i < ARRAY_SIZE(fds); i++) {
		struct pollfd pfd = { fds[i], POLLIN | POLLOUT | POLLPRI, 0 };
		struct epoll_event event = { .events = EPOLLIN };

		EXPECT_EQ(1, E(poll(&pfd, 1, -1)));
		EXPECT_EQ(POLLIN | POLLOUT, pfd.revents);
		EXPECT_EQ(-EPERM, E(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event)));
	}
	close(epoll);
	close(blob);
}

/* A blob mints none. */
TEST_F(dev, loads_by_a_blob)
{
	static const unsigned long cmds[] = {
		FERRIO_FL_LOAD_FD, FERRIO_FL_LOAD_PATH, FERRIO_FL_LOAD_BYTES, FERRIO_FL_GET_INFO,
	};
	int blob = new_blob(self->fd, "abc", 3);

	for (int i = 0; i < ARRAY_SIZE(cmds); i++) {
		struct ferrio_fl_load load = fl_request((uintptr_t)"abc");

		load.source_bytes = 3;
		EXPECT_EQ(-ENOTTY, E(ioctl(blob, cmds[i], &load)));
	}
	close(blob);
}

/* Longer than the kernel's: its tail has to be zero, and stays. */
TEST_F(dev, longer_failure)
{
	struct { struct ferrio_fl_failure is; uint64_t more, behind; } failure = {
		.is = { .size = sizeof(failure.is) + 8 }, .behind = 77,
	};
	struct ferrio_fl_load load = fl_request(-1);

	load.failure = (uintptr_t)&failure;
	failure.more = 1;
	EXPECT_EQ(-E2BIG, E(ioctl(self->fd, FERRIO_FL_LOAD_FD, &load)));
	EXPECT_EQ(0, failure.is.stage);
	failure.more = 1ULL << 56;
	EXPECT_EQ(-E2BIG, E(ioctl(self->fd, FERRIO_FL_LOAD_FD, &load)));
	EXPECT_EQ(0, failure.is.stage);
	failure.more = 0;
	EXPECT_EQ(-EBADF, E(ioctl(self->fd, FERRIO_FL_LOAD_FD, &load)));
	EXPECT_EQ(FERRIO_FL_STAGE_OPEN, failure.is.stage);
	EXPECT_EQ(EBADF, failure.is.error);
	EXPECT_EQ(24, failure.is.size);
	EXPECT_EQ(0, failure.more);
	EXPECT_EQ(77, failure.behind);
	failure.is.size = UINT32_MAX;
	EXPECT_EQ(-E2BIG, E(ioctl(self->fd, FERRIO_FL_LOAD_FD, &load)));
}

TEST_F(dev, info_structs)
{
	struct { struct ferrio_fl_blob is; uint64_t more, behind; } blob_info;
	struct { struct ferrio_fl_info is; uint64_t more, behind; } info;
	static const uint32_t shorter[] = { 0, 4, 207 };
	int blob = new_blob(self->fd, "abc", 3);

	memset(&blob_info, 0, sizeof(blob_info));
	for (int i = 0; i < ARRAY_SIZE(shorter); i++) {
		blob_info.is.size = shorter[i];
		EXPECT_EQ(-EINVAL, E(ioctl(blob, FERRIO_FL_BLOB_INFO, &blob_info)));
		EXPECT_EQ(0, blob_info.is.bytes);
	}
	blob_info.is.size = sizeof(blob_info.is) + 8;
	blob_info.more = 1;
	EXPECT_EQ(-E2BIG, E(ioctl(blob, FERRIO_FL_BLOB_INFO, &blob_info)));
	EXPECT_EQ(0, blob_info.is.bytes);
	blob_info.more = 0;
	blob_info.behind = 77;
	EXPECT_EQ(0, E(ioctl(blob, FERRIO_FL_BLOB_INFO, &blob_info)));
	EXPECT_EQ(208, blob_info.is.size);
	EXPECT_EQ(3, blob_info.is.bytes);
	EXPECT_EQ(0, blob_info.more);
	EXPECT_EQ(77, blob_info.behind);
	EXPECT_EQ(-EFAULT, E(ioctl(blob, FERRIO_FL_BLOB_INFO, NULL)));

	memset(&info, 0, sizeof(info));
	info.is.size = 55;
	EXPECT_EQ(-EINVAL, E(ioctl(self->fd, FERRIO_FL_GET_INFO, &info)));
	info.is.size = sizeof(info.is) + 8;
	info.more = 1;
	EXPECT_EQ(-E2BIG, E(ioctl(self->fd, FERRIO_FL_GET_INFO, &info)));
	EXPECT_EQ(0, info.is.abi_version);
	info.more = 0;
	info.behind = 77;
	EXPECT_EQ(0, E(ioctl(self->fd, FERRIO_FL_GET_INFO, &info)));
	EXPECT_EQ(56, info.is.size);
	EXPECT_EQ(1, info.is.user_blobs);
	EXPECT_EQ(77, info.behind);
	close(blob);
}

#define RECORDS	20000

struct reader {
	int fd;
	unsigned char *seen;
	int *go;
	long count;
	pthread_t thread;
};

/* One by one: each number tells where it was read. */
static void *read_records(void *arg)
{
	struct reader *r = arg;
	uint32_t record;
	ssize_t n;

	while (!__atomic_load_n(r->go, __ATOMIC_ACQUIRE))
		;
	while ((n = read(r->fd, &record, sizeof(record))) == sizeof(record)) {
		if (record >= RECORDS)
			rb_die("record %u", record);
		__atomic_add_fetch(&r->seen[record], 1, __ATOMIC_RELAXED);
		r->count++;
	}
	if (n)
		rb_die("a read: %zd", n);
	return NULL;
}

/* The position is one for all that share it: no record is read twice, and none by nobody. */
TEST_F(dev, shared_position)
{
	static uint32_t records[RECORDS];
	static unsigned char seen[RECORDS];
	struct reader readers[2];
	int blob, other, go = 0;

	for (uint32_t i = 0; i < RECORDS; i++)
		records[i] = i;
	blob = new_blob(self->fd, records, sizeof(records));
	other = dup(blob);
	for (int i = 0; i < 2; i++) {
		readers[i] = (struct reader) { .fd = i ? other : blob, .seen = seen, .go = &go };
		ASSERT_EQ(0, pthread_create(&readers[i].thread, NULL, read_records, &readers[i]));
	}
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < 2; i++)
		pthread_join(readers[i].thread, NULL);
	for (int i = 0; i < RECORDS; i++) {
		ASSERT_EQ(1, seen[i])
			TH_LOG("record %d", i);
	}
	EXPECT_EQ(RECORDS, readers[0].count + readers[1].count);
	EXPECT_EQ(sizeof(records), E(lseek(blob, 0, SEEK_CUR)));
	close(other);
	close(blob);
}

/* A path with more than PATH_MAX bytes is not told, and the load is made nevertheless. */
TEST_F(dev, long_path)
{
	enum { DEPTH = 21, NAME = 200 };
	struct ferrio_fl_blob info;
	int dirs[DEPTH + 1], file;
	char name[NAME + 1];
	char path[10] = "xxxxxxxxx";
	long blob;

	memset(name, 'd', NAME);
	name[NAME] = 0;
	dirs[0] = open("/tmp", O_PATH | O_DIRECTORY);
	ASSERT_LE(0, dirs[0]);
	for (int i = 0; i < DEPTH; i++) {
		ASSERT_EQ(0, E(mkdirat(dirs[i], name, 0700)));
		dirs[i + 1] = openat(dirs[i], name, O_PATH | O_DIRECTORY);
		ASSERT_LE(0, dirs[i + 1]);
	}
	for (int depth = DEPTH - 1; depth <= DEPTH; depth++) {
		/* "/tmp", and a slash with each name: 4020 bytes and "/f", or 4221. */
		size_t len = strlen("/tmp") + depth * (1 + NAME) + strlen("/f");

		file = openat(dirs[depth], "f", O_RDWR | O_CREAT, 0600);
		ASSERT_LE(0, file);
		ASSERT_EQ(3, write(file, "abc", 3));
		close(file);
		file = openat(dirs[depth], "f", O_RDONLY);
		blob = fl_load_fd(self->fd, file);
		ASSERT_LE(0, blob);
		memset(&info, 0, sizeof(info));
		info.size = sizeof(info);
		EXPECT_EQ(0, E(ioctl(blob, FERRIO_FL_BLOB_INFO, &info)));
		EXPECT_EQ(3, info.bytes);
		EXPECT_EQ(len < PATH_MAX ? len : 0, info.path_bytes);
		info.path = (uintptr_t)path;
		info.path_room = 1;
		EXPECT_EQ(len < PATH_MAX ? -ERANGE : 0,
			  E(ioctl(blob, FERRIO_FL_BLOB_INFO, &info)));
		EXPECT_EQ(len < PATH_MAX ? 'x' : 0, path[0]);
		EXPECT_EQ('x', path[1]);
		close(blob);
		close(file);
		unlinkat(dirs[depth], "f", 0);
	}
	for (int i = DEPTH; i > 0; i--) {
		close(dirs[i]);
		EXPECT_EQ(0, E(unlinkat(dirs[i - 1], name, AT_REMOVEDIR)));
	}
	close(dirs[0]);
}

#define LEN	(3 * RB_PAGE + 1)

/* A window is the child's as well, and shows the same when it is the last of all. */
TEST_F(dev, windows_of_a_child)
{
	static const int kinds[] = { MAP_PRIVATE, MAP_SHARED };
	static char bytes[LEN];
	int go[2], status;

	ASSERT_EQ(0, pipe(go));
	rb_pattern(bytes, LEN, 0);
	for (int i = 0; i < ARRAY_SIZE(kinds); i++) {
		int blob = new_blob(self->fd, bytes, LEN);
		char *map = mmap(NULL, LEN, PROT_READ, kinds[i], blob, 0);
		struct ferrio_fl_info info;
		pid_t pid;
		char c;

		ASSERT_NE(MAP_FAILED, map);
		close(blob);
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			if (read(go[0], &c, 1) != 1 || rb_mismatch(map, LEN, 0) != -1)
				_exit(1);
			if (madvise(map, LEN, MADV_DONTNEED) || rb_mismatch(map, LEN, 0) != -1)
				_exit(2);
			if (!mprotect(map, LEN, PROT_READ | PROT_WRITE) || errno != EACCES)
				_exit(3);
			_exit(0);
		}
		ASSERT_EQ(0, munmap(map, LEN));
		EXPECT_EQ(self->live + 4, rb_live_pages());
		fl_info(self->fd, &info);
		EXPECT_EQ(1, info.user_blobs);
		EXPECT_EQ(4 * RB_PAGE, info.user_bytes);
		ASSERT_EQ(1, write(go[1], "x", 1));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		EXPECT_TRUE(rb_pages_return(self->live));
	}
	close(go[0]);
	close(go[1]);
}

TEST_HARNESS_MAIN
