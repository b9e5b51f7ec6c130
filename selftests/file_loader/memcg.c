// SPDX-License-Identifier: GPL-2.0
/*
 * How much memory a load takes of a memory cgroup that did not have the file in its cache,
 * and when it is given back.
 */
#define _GNU_SOURCE
#include <sys/prctl.h>

#include "fl.h"
#include "../cgroup.h"

#define MIB	(1UL << 20)

/* Far more than what is not exact. */
static size_t file_size(void)
{
	return (rb_test_kernel() ? 4 : 8) * MIB;
}

/* Charges are made in advance by so much, on each CPU. */
static long batch(void)
{
	return CG_LAG_PAGES * sysconf(_SC_NPROCESSORS_ONLN) * RB_PAGE;
}

/* A process in a group of its own that does what it is told, one word at a time. */
struct member {
	pid_t pid;
	int to, from;
};

enum order { LOAD_FD, LOAD_PATH, LOAD_BYTES, MAP, UNMAP, CLOSE, END };

struct word {
	enum order what;
	long value;		/* MAP, CLOSE: the descriptor */
	size_t len;
};

static const char *content;	/* the file, mapped before anybody was forked */

static long obey(int dev, int file, const struct word *word, void **window)
{
	struct ferrio_fl_load load = fl_request(file);

	switch (word->what) {
	case LOAD_FD:
		return fl_load(dev, FERRIO_FL_LOAD_FD, &load);
	case LOAD_PATH:
		return fl_load_path(dev, FL_FILE);
	case LOAD_BYTES:
		return fl_load_bytes(dev, content, word->len);
	case MAP:
		*window = mmap(NULL, word->len, PROT_READ, MAP_SHARED, word->value, 0);
		return *window == MAP_FAILED ? -errno : 0;
	case UNMAP:
		return E(munmap(*window, word->len));
	case CLOSE:
		return E(close(word->value));
	case END:
		_exit(0);
	}
	return -EINVAL;
}

static void member_make(struct member *m, const char *group, int dev, int file)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		rb_die("pipe: %s", strerror(errno));
	m->pid = fork();
	if (!m->pid) {
		struct word word;
		void *window = NULL;
		long ret;

		/* A test that fails leaves nobody behind. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(to[1]);
		cg_move(getpid(), group);
		/* What it needs for itself is in its group from the start. */
		ret = getpid();
		do {
			if (write(from[1], &ret, sizeof(ret)) != sizeof(ret) ||
			    read(to[0], &word, sizeof(word)) != sizeof(word))
				_exit(0);
			ret = obey(dev, file, &word, &window);
		} while (1);
	}
	close(to[0]);
	close(from[1]);
	m->to = to[1];
	m->from = from[0];
	if (m->pid < 0 || read(m->from, &(long){ 0 }, sizeof(long)) != sizeof(long))
		rb_die("a member of %s: %s", group, strerror(errno));
}

static long member_does(const struct member *m, enum order what, long value, size_t len)
{
	struct word word = { .what = what, .value = value, .len = len };
	long ret;

	if (write(m->to, &word, sizeof(word)) != sizeof(word) ||
	    read(m->from, &ret, sizeof(ret)) != sizeof(ret))
		rb_die("a member died: %s", strerror(errno));
	return ret;
}

static void member_end(struct member *m)
{
	struct word word = { .what = END };

	if (write(m->to, &word, sizeof(word)) != sizeof(word) ||
	    waitpid(m->pid, NULL, 0) != m->pid)
		rb_die("a member does not end: %s", strerror(errno));
	close(m->to);
	close(m->from);
}

/* A descriptor of one process in another one: descriptors of the test are those of all. */
static long taken_from(const struct member *m, long fd)
{
	int pidfd = syscall(SYS_pidfd_open, m->pid, 0);
	long ret = E(syscall(SYS_pidfd_getfd, pidfd, fd, 0));

	close(pidfd);
	return ret;
}

static long number(const char *group, const char *file)
{
	char path[CG_PATH];

	snprintf(path, sizeof(path), "%s/%s", group, file);
	return rb_read_number(path);
}

/*
 * Whether a group has come to have so many bytes more than @base.  Its counter is exact at
 * once, unlike its statistics; processes come and go with half a MiB at most.
 */
static bool has(const char *group, long base, long bytes)
{
	long slack = batch() + MIB / 2, now = 0;

	for (int i = 0; i < 200; i++) {
		now = number(group, "memory.current") - base - bytes;
		if (now >= -slack && now <= slack)
			return true;
		rb_sleep_ms(10);
	}
	fprintf(stderr, "# %s: %ld bytes too many\n", group, now);
	return false;
}

/* The most from now on: of this descriptor alone, since Linux 6.12. */
static int peak_from_now(const char *group)
{
	char path[CG_PATH];
	int fd;

	snprintf(path, sizeof(path), "%s/memory.peak", group);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		rb_die("%s: %s", path, strerror(errno));
	return fd;
}

static long peak(int fd)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		rb_die("reading the most of a group: %s", strerror(errno));
	text[n] = '\0';
	return strtol(text, NULL, 10);
}

FIXTURE(group) {
	struct cg cg;
	int fd, file, fds;
	long live;
};

FIXTURE_SETUP(group)
{
	self->live = rb_live_pages();
	self->fds = rb_count_fds();
	self->fd = fl_open();
	cg_make(&self->cg);
}

FIXTURE_TEARDOWN(group)
{
	struct ferrio_fl_info info;

	cg_unmake(&self->cg);
	fl_info(self->fd, &info);
	EXPECT_EQ(0, info.user_blobs);
	EXPECT_EQ(0, info.user_bytes);
	close(self->fd);
	close(self->file);
	unlink(FL_FILE);
	EXPECT_EQ(self->fds, rb_count_fds());
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* A file of this process, in whose group it is cached, and which has read it all. */
static int cached_file(size_t len)
{
	int file = fl_file(len);

	content = mmap(NULL, len, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
	if (content == MAP_FAILED || rb_mismatch(content, len, 0) >= 0)
		rb_die("the file is not what was written");
	return file;
}

/* No more than the bytes, a twentieth for what goes with them, and what is in advance. */
TEST_F_TIMEOUT(group, peak, 60)
{
	static const enum order orders[] = { LOAD_FD, LOAD_PATH, LOAD_BYTES };
	const size_t sizes[] = { file_size(), 2 * file_size() };

	for (int k = 0; k < ARRAY_SIZE(sizes); k++) {
		const long len = sizes[k];

		self->file = cached_file(len);
		for (int i = 0; i < ARRAY_SIZE(orders); i++) {
			struct member m;
			long before, most, blob;
			int fd;

			member_make(&m, self->cg.a, self->fd, self->file);
			fd = peak_from_now(self->cg.a);
			before = number(self->cg.a, "memory.current");
			blob = member_does(&m, orders[i], 0, len);
			most = peak(fd) - before;
			ASSERT_LE(0, blob);
			EXPECT_LE(most, len + len / 20 + batch());
			EXPECT_GE(most, len - batch());
			/* The file is in nobody else's cache. */
			EXPECT_LE(number(self->cg.a, "memory.current") - before,
				  len + len / 20 + batch());
			EXPECT_EQ(0, member_does(&m, CLOSE, blob, 0));
			EXPECT_TRUE(rb_pages_return(self->live));
			EXPECT_LE(number(self->cg.a, "memory.current") - before, batch());
			TH_LOG("%ld MiB, call %d: %ld bytes more than the file", len / MIB, i,
			       most - len);
			close(fd);
			member_end(&m);
		}
		munmap((void *)content, len);
		close(self->file);
	}
}

/* The group pays until the last descriptor and the last mapping are gone, in any order. */
TEST_F_TIMEOUT(group, last_use, 60)
{
	const size_t len = file_size();
	const long pages = len / RB_PAGE;
	struct member a, b;

	self->file = cached_file(len);
	for (int mapped_last = 0; mapped_last < 2; mapped_last++) {
		long mine, blob, base_a, base_b;
		void *window;

		base_a = number(self->cg.a, "memory.current");
		base_b = number(self->cg.b, "memory.current");
		member_make(&a, self->cg.a, self->fd, self->file);
		blob = member_does(&a, LOAD_FD, 0, 0);
		ASSERT_LE(0, blob);
		mine = taken_from(&a, blob);
		ASSERT_LE(0, mine);
		/* Whoever has it next, also by mappings, in another group, pays nothing. */
		member_make(&b, self->cg.b, self->fd, self->file);
		EXPECT_EQ(0, member_does(&b, MAP, mine, len));
		window = mmap(NULL, len, PROT_READ, MAP_SHARED | MAP_POPULATE, mine, 0);
		ASSERT_NE(MAP_FAILED, window);
		EXPECT_EQ(-1, rb_mismatch(window, len, 0));
		EXPECT_EQ(0, member_does(&a, CLOSE, blob, 0));
		/* the loader is gone, and then this process's own uses */
		member_end(&a);
		EXPECT_TRUE(has(self->cg.a, base_a, len));
		EXPECT_TRUE(has(self->cg.b, base_b, 0));
		if (mapped_last) {
			close(mine);
			EXPECT_EQ(0, member_does(&b, CLOSE, mine, 0));
			EXPECT_EQ(0, member_does(&b, UNMAP, 0, len));
			EXPECT_EQ(self->live + pages, rb_live_pages());
			EXPECT_EQ(-1, rb_mismatch(window, len, 0));
			EXPECT_TRUE(has(self->cg.a, base_a, len));
			munmap(window, len);
		} else {
			munmap(window, len);
			close(mine);
			EXPECT_EQ(0, member_does(&b, UNMAP, 0, len));
			EXPECT_EQ(self->live + pages, rb_live_pages());
			EXPECT_TRUE(has(self->cg.a, base_a, len));
			EXPECT_TRUE(has(self->cg.b, base_b, 0));
			EXPECT_EQ(0, member_does(&b, CLOSE, mine, 0));
		}
		EXPECT_TRUE(rb_pages_return(self->live));
		EXPECT_TRUE(has(self->cg.a, base_a, 0));
		member_end(&b);
	}
	munmap((void *)content, len);
}

/* A group that was removed leaves what it paid for to the one above it. */
TEST_F(group, removed)
{
	const size_t len = file_size();
	struct member a;
	long mine, base;

	self->file = cached_file(len);
	base = number(self->cg.top, "memory.current");
	member_make(&a, self->cg.a, self->fd, self->file);
	mine = taken_from(&a, member_does(&a, LOAD_FD, 0, 0));
	ASSERT_LE(0, mine);
	member_end(&a);
	cg_remove(self->cg.a);
	EXPECT_TRUE(has(self->cg.top, base, len));
	close(mine);
	EXPECT_TRUE(rb_pages_return(self->live));
	EXPECT_TRUE(has(self->cg.top, base, 0));
	munmap((void *)content, len);
}

/* A limit below the file is ENOMEM, kills nobody, and costs nothing; without it all is well. */
TEST_F(group, limit)
{
	static const enum order orders[] = { LOAD_FD, LOAD_PATH, LOAD_BYTES };
	const size_t len = file_size();
	struct member m;
	long blob, base;

	self->file = cached_file(len);
	member_make(&m, self->cg.a, self->fd, self->file);
	base = number(self->cg.a, "memory.current");
	for (int i = 0; i < ARRAY_SIZE(orders); i++) {
		/* the last is what a member itself needs, and no blob */
		const size_t limits[] = { len - MIB / 4, len / 2, MIB };

		for (int k = 0; k < ARRAY_SIZE(limits); k++) {
			cg_limit(self->cg.a, limits[k]);
			EXPECT_EQ(-AT(MEMORY, ENOMEM), member_does(&m, orders[i], 0, len));
			EXPECT_EQ(self->live, rb_live_pages());
			EXPECT_TRUE(has(self->cg.a, base, 0));
		}
		EXPECT_EQ(0, cg_value(self->cg.a, "memory.events", "oom_kill"));
		cg_limit(self->cg.a, len + len / 20 + 2 * MIB);
		blob = member_does(&m, orders[i], 0, len);
		ASSERT_LE(0, blob);
		EXPECT_TRUE(has(self->cg.a, base, len));
		EXPECT_EQ(0, member_does(&m, CLOSE, blob, 0));
		EXPECT_TRUE(rb_pages_return(self->live));
	}
	EXPECT_EQ(0, cg_value(self->cg.a, "memory.events", "oom_kill"));
	member_end(&m);
	munmap((void *)content, len);
}

TEST_HARNESS_MAIN
