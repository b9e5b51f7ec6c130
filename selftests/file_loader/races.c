// SPDX-License-Identifier: GPL-2.0
/* What other threads do to the descriptors of a load while it is made. */
#define _GNU_SOURCE
#include "fan.h"
#include "fl_dev.h"

#define LEN	10000

/* A load of FL_FILE by a thread, which waits in its middle. */
struct held {
	struct fan fan;
	struct rb_call call;
	struct ferrio_fl_load load;
	struct ferrio_fl_failure failure;
	int file, number;	/* that the blob will have */
};

static void hold(struct held *h, int dev)
{
	int file = fl_file(LEN);

	fan_watch(&h->fan, AT_FDCWD, FL_FILE, FAN_ACCESS_PERM, O_RDONLY);
	h->file = open(FL_FILE, O_RDONLY | O_CLOEXEC);
	close(file);
	/* The first that is free. */
	h->number = dup(dev);
	close(h->number);
	h->failure = (struct ferrio_fl_failure) { .size = sizeof(h->failure) };
	h->load = fl_request(h->file);
	h->load.failure = (uintptr_t)&h->failure;
	rb_call_ioctl(&h->call, dev, FERRIO_FL_LOAD_FD, &h->load);
	fan_met(&h->fan);
	rb_call_asleep(&h->call);
}

static long let_go(struct held *h)
{
	fan_answer(&h->fan, FAN_ALLOW);
	fan_close(&h->fan);
	return rb_call_end(&h->call);
}

static bool is_content(int blob)
{
	char got[LEN + 1];

	return pread(blob, got, sizeof(got), 0) == LEN && rb_mismatch(got, LEN, 0) == -1;
}

/* The number that the blob will have is nothing until it has it. */
TEST_F(dev, reserved_descriptor)
{
	struct held h;
	int number, next;
	char c;

	hold(&h, self->fd);
	number = h.number;
	EXPECT_EQ(-EBADF, E(fcntl(number, F_GETFD)));
	EXPECT_EQ(-EBADF, E(read(number, &c, 1)));
	EXPECT_EQ(-EBADF, E(pread(number, &c, 1, 0)));
	EXPECT_EQ(-EBADF, E(lseek(number, 0, SEEK_END)));
	EXPECT_EQ(-EBADF, E(dup(number)));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 1, PROT_READ, MAP_SHARED, number, 0));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-EBADF, E(close(number)));
	/* Nobody else can have the number either. */
	EXPECT_EQ(-EBUSY, E(dup2(self->fd, number)));
	next = dup(self->fd);
	EXPECT_LT(number, next);
	close(next);
	EXPECT_EQ(number, let_go(&h));
	EXPECT_TRUE(is_content(number));
	close(number);
	close(h.file);
}

/* It is free again behind a failure. */
TEST_F(dev, reserved_in_vain)
{
	struct held h;
	int number, next;

	hold(&h, self->fd);
	number = h.number;
	fan_answer(&h.fan, FAN_DENY);
	EXPECT_EQ(-EPERM, rb_call_end(&h.call));
	EXPECT_EQ(FERRIO_FL_STAGE_READ, h.failure.stage);
	next = dup(self->fd);
	EXPECT_EQ(number, next);
	close(next);
	fan_close(&h.fan);
	close(h.file);
}

/* What is loaded is the file that the number meant at first. */
TEST_F(dev, source_is_replaced)
{
	struct held h;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	long blob;

	for (int closed = 0; closed < 2; closed++) {
		hold(&h, self->fd);
		if (closed)
			close(h.file);
		else
			ASSERT_EQ(h.file, dup2(null, h.file));
		/* Its writers are still denied. */
		EXPECT_EQ(-ETXTBSY, E(open(FL_FILE, O_WRONLY)));
		blob = let_go(&h);
		ASSERT_LE(0, blob);
		EXPECT_TRUE(is_content(blob));
		close(blob);
		if (!closed)
			close(h.file);
		/* And are not any more, although nobody else has the file. */
		blob = open(FL_FILE, O_WRONLY);
		EXPECT_LE(0, blob);
		close(blob);
	}
	close(null);
}

/* Nor does the load need the device's descriptor. */
TEST_F(dev, device_is_closed)
{
	struct ferrio_fl_info info;
	struct held h;
	long blob;
	int dev;

	dev = fl_open();
	hold(&h, dev);
	close(dev);
	fl_info(self->fd, &info);
	EXPECT_EQ(1, info.user_blobs);
	blob = let_go(&h);
	ASSERT_LE(0, blob);
	EXPECT_TRUE(is_content(blob));
	close(blob);
	close(h.file);
}

/* The request is read once; the detail may be where it cannot be written any more. */
TEST_F(dev, request_is_scribbled_on)
{
	struct ferrio_fl_failure *gone = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE,
					      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct held h;
	long blob;

	ASSERT_NE(MAP_FAILED, gone);
	hold(&h, self->fd);
	memset(&h.load, 0xff, sizeof(h.load));
	blob = let_go(&h);
	ASSERT_LE(0, blob);
	EXPECT_TRUE(is_content(blob));
	EXPECT_EQ(0, h.failure.stage);
	close(blob);

	fan_watch(&h.fan, AT_FDCWD, FL_FILE, FAN_ACCESS_PERM, O_RDONLY);
	gone->size = sizeof(*gone);
	h.load = fl_request((uintptr_t)FL_FILE);
	h.load.failure = (uintptr_t)gone;
	rb_call_ioctl(&h.call, self->fd, FERRIO_FL_LOAD_PATH, &h.load);
	fan_met(&h.fan);
	munmap(gone, RB_PAGE);
	fan_answer(&h.fan, FAN_DENY);
	EXPECT_EQ(-EPERM, rb_call_end(&h.call));
	fan_close(&h.fan);
	close(h.file);
}

/* Four loaders, a writer that comes and goes, and one who replaces descriptors. */
#define LOADERS	4
#define SIZE(i)	((i) * 5001 + 1)

struct crowd {
	int dev, stop;
	int slot[LOADERS];		/* what the descriptors are of changes */
	unsigned long loads, busy, closed;
};

struct one {
	struct crowd *crowd;
	uint64_t seed;
};

static void crowd_name(char *name, size_t room, int i)
{
	snprintf(name, room, "/tmp/fl-crowd-%d", i);
}

/* The whole of one of the files, and its own digest. */
static bool is_one_of_them(int dev, int blob)
{
	static __thread char got[SIZE(LOADERS) + 1];
	ssize_t n = pread(blob, got, sizeof(got), 0);

	for (int i = 0; i < LOADERS; i++)
		if (n == SIZE(i))
			return rb_mismatch(got, n, i << 20) == -1 &&
			       fl_digest_is_of_bytes(dev, blob);
	return false;
}

static void *loader(void *arg)
{
	struct one *one = arg;
	struct crowd *c = one->crowd;
	char name[64];

	while (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE)) {
		uint64_t random = rb_random(&one->seed);
		int which = random % LOADERS;
		long ret;

		crowd_name(name, sizeof(name), which);
		ret = random >> 32 & 1 ? fl_load_path(c->dev, name) :
					 fl_load_fd(c->dev, c->slot[which]);
		if (ret >= 0) {
			if (!is_one_of_them(c->dev, ret))
				rb_die("a blob of none of the files");
			close(ret);
			__atomic_add_fetch(&c->loads, 1, __ATOMIC_SEQ_CST);
		} else if (ret == -AT(BUSY, ETXTBSY)) {
			__atomic_add_fetch(&c->busy, 1, __ATOMIC_SEQ_CST);
		} else if (ret == -AT(TYPE, EFTYPE)) {
			__atomic_add_fetch(&c->closed, 1, __ATOMIC_SEQ_CST);
		} else {
			rb_die("a load gave %ld", ret);
		}
	}
	return NULL;
}

static void *writer(void *arg)
{
	struct one *one = arg;
	char name[64];

	while (!__atomic_load_n(&one->crowd->stop, __ATOMIC_ACQUIRE)) {
		int fd;

		crowd_name(name, sizeof(name), rb_random(&one->seed) % LOADERS);
		fd = open(name, O_WRONLY | O_CLOEXEC);
		if (fd < 0 && errno != ETXTBSY)
			rb_die("open %s: %s", name, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

static void *replacer(void *arg)
{
	struct one *one = arg;
	struct crowd *c = one->crowd;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), files[LOADERS];
	char name[64];

	for (int i = 0; i < LOADERS; i++) {
		crowd_name(name, sizeof(name), i);
		files[i] = open(name, O_RDONLY | O_CLOEXEC);
	}
	while (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE)) {
		uint64_t random = rb_random(&one->seed);
		int to = c->slot[random % LOADERS];
		int from = random >> 8 & 7 ? files[(random >> 16) % LOADERS] : null;

		if (dup3(from, to, O_CLOEXEC) != to)
			rb_die("dup3: %s", strerror(errno));
	}
	for (int i = 0; i < LOADERS; i++)
		close(files[i]);
	close(null);
	return NULL;
}

TEST_F(dev, crowd)
{
	static char bytes[SIZE(LOADERS)];
	pthread_t threads[LOADERS + 2];
	struct one ones[LOADERS + 2];
	struct crowd c = { .dev = self->fd };
	uint64_t seed = rb_seed();
	char name[64];

	for (int i = 0; i < LOADERS; i++) {
		crowd_name(name, sizeof(name), i);
		c.slot[i] = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		rb_pattern(bytes, SIZE(i), i << 20);
		ASSERT_EQ(SIZE(i), E(write(c.slot[i], bytes, SIZE(i))));
		close(c.slot[i]);
		ASSERT_EQ(c.slot[i], open(name, O_RDONLY | O_CLOEXEC));
	}
	for (int i = 0; i < LOADERS + 2; i++) {
		ones[i] = (struct one) { &c, seed + i };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL,
					    i < LOADERS ? loader :
					    i == LOADERS ? writer : replacer, &ones[i]));
	}
	while (__atomic_load_n(&c.loads, __ATOMIC_ACQUIRE) < rounds(500, 30) ||
	       !__atomic_load_n(&c.busy, __ATOMIC_ACQUIRE) ||
	       !__atomic_load_n(&c.closed, __ATOMIC_ACQUIRE))
		rb_sleep_ms(10);
	__atomic_store_n(&c.stop, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < LOADERS + 2; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < LOADERS; i++) {
		int fd;

		/* As often denied, as often allowed. */
		close(c.slot[i]);
		crowd_name(name, sizeof(name), i);
		fd = open(name, O_WRONLY);
		EXPECT_LE(0, fd);
		close(fd);
		unlink(name);
	}
}

TEST_HARNESS_MAIN
