// SPDX-License-Identifier: GPL-2.0
/* LOAD_BYTES of memory that changes, is not there, or does not come. */
#define _GNU_SOURCE
#include "../stall.h"
#include "fl_dev.h"
#include "other.h"

/* Longer than is copied at once. */
#define LEN	(1UL << 20)

static char *memory(size_t len)
{
	char *bytes = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	if (bytes == MAP_FAILED)
		rb_die("mmap: %s", strerror(errno));
	return bytes;
}

struct scribbler {
	char *bytes;
	int stop;
	unsigned long rounds;
};

static void *scribble(void *arg)
{
	struct scribbler *s = arg;

	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
		for (size_t at = 0; at < LEN; at += 64)
			__atomic_store_n(&s->bytes[at], s->rounds, __ATOMIC_RELAXED);
		__atomic_add_fetch(&s->rounds, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* What has been summed is what the blob has, whoever writes there meanwhile. */
TEST_F(dev, changing)
{
	struct scribbler s = { .bytes = memory(LEN) };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, &s));
	while (!__atomic_load_n(&s.rounds, __ATOMIC_ACQUIRE))
		rb_sleep_ms(1);
	for (int i = 0; i < rounds(20, 3); i++) {
		long blob = fl_load_bytes(self->fd, s.bytes, LEN);

		ASSERT_LE(0, blob);
		ASSERT_TRUE(fl_digest_is_of_bytes(self->fd, blob));
		close(blob);
	}
	__atomic_store_n(&s.stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	munmap(s.bytes, LEN);
}

/* What is not there may be at the start, in the middle and at the end. */
TEST_F(dev, holes)
{
	static const size_t holes[] = { 0, 64, 128, LEN / RB_PAGE - 1 };

	for (int i = 0; i < ARRAY_SIZE(holes); i++) {
		char *bytes = memory(LEN);
		long blob;

		ASSERT_EQ(0, munmap(bytes + holes[i] * RB_PAGE, RB_PAGE));
		EXPECT_EQ(-AT(READ, EFAULT), fl_load_bytes(self->fd, bytes, LEN));
		EXPECT_EQ(self->live, rb_live_pages());
		/* All that is before it can be had. */
		if (holes[i]) {
			blob = fl_load_bytes(self->fd, bytes, holes[i] * RB_PAGE);
			EXPECT_LE(0, blob);
			close(blob);
		}
		ASSERT_EQ(0, mprotect(bytes, holes[i] * RB_PAGE, PROT_NONE));
		if (holes[i])
			EXPECT_EQ(-AT(READ, EFAULT), fl_load_bytes(self->fd, bytes, RB_PAGE));
		munmap(bytes, LEN);
	}
	/* Memory of the kernel is not the caller's, and neither is what wraps. */
	EXPECT_EQ(-AT(READ, EFAULT), fl_load_bytes(self->fd, (void *)0xffff888000000000, 8));
	EXPECT_EQ(-AT(READ, EFAULT), fl_load_bytes(self->fd, (void *)-4096UL, 8192));
	EXPECT_EQ(self->live, rb_live_pages());
}

/* A mapping of a file that has become shorter: SIGBUS for a program, EFAULT here. */
TEST_F(dev, behind_the_end)
{
	int file = fl_file(2 * RB_PAGE);
	char *map = mmap(NULL, 2 * RB_PAGE, PROT_READ, MAP_SHARED, file, 0);
	long blob;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, truncate(FL_FILE, RB_PAGE));
	EXPECT_EQ(-AT(READ, EFAULT), fl_load_bytes(self->fd, map, 2 * RB_PAGE));
	blob = fl_load_bytes(self->fd, map, RB_PAGE);
	EXPECT_LE(0, blob);
	close(blob);
	munmap(map, 2 * RB_PAGE);
	close(file);
}

/* A blob's own window is memory like any other. */
TEST_F(dev, of_a_blob)
{
	int file = fl_file(10000);
	long blob = fl_load_fd(self->fd, file), again;
	struct ferrio_fl_blob info, copy;
	char *map;

	ASSERT_LE(0, blob);
	map = mmap(NULL, 10000, PROT_READ, MAP_SHARED, blob, 0);
	ASSERT_NE(MAP_FAILED, map);
	again = fl_load_bytes(self->fd, map, 10000);
	ASSERT_LE(0, again);
	fl_blob_info(blob, &info);
	fl_blob_info(again, &copy);
	EXPECT_EQ(0, memcmp(info.sha256, copy.sha256, 32));
	munmap(map, 10000);
	close(again);
	close(blob);
	close(file);
}

/* Whoever gives the page does not; the load is killed, and nobody else waits. */
TEST_F(dev, stalled_and_killed)
{
	struct ferrio_fl_info info;
	struct ferrio_fl_load load;
	struct fl_other other;
	struct stall s;
	long blob;

	if (fl_other_fork(&other)) {
		/* In its own memory, and it is itself who would have to give the page. */
		stall_init(&s);
		load = fl_request((uintptr_t)s.page);
		load.source_bytes = RB_PAGE;
		fl_other_load(&other, self->fd, FERRIO_FL_LOAD_BYTES, &load);
	}
	fl_other_asleep(&other);
	EXPECT_EQ(self->live + 1, rb_live_pages());
	fl_info(self->fd, &info);
	EXPECT_EQ(1, info.user_blobs);
	blob = fl_load_bytes(self->fd, "x", 1);
	EXPECT_LE(0, blob);
	close(blob);
	EXPECT_EQ(-AT(READ, EINTR), fl_other_kill(&other));
	EXPECT_TRUE(rb_pages_return(self->live));
	fl_info(self->fd, &info);
	EXPECT_EQ(0, info.user_blobs);
	EXPECT_EQ(0, info.user_bytes);
}

/* A page that comes late is as good as any, or it does not come at all. */
TEST_F(dev, stalled_and_given)
{
	struct rb_call call;
	char page[RB_PAGE];
	struct ferrio_fl_load load;
	struct stall s;

	rb_pattern(page, RB_PAGE, 0);
	for (int gone = 0; gone < 2; gone++) {
		struct ferrio_fl_failure failure = { .size = sizeof(failure) };

		stall_init(&s);
		load = fl_request((uintptr_t)s.page);
		load.source_bytes = RB_PAGE;
		load.failure = (uintptr_t)&failure;
		rb_call_ioctl(&call, self->fd, FERRIO_FL_LOAD_BYTES, &load);
		stall_met(&s);
		rb_call_asleep(&call);
		if (gone) {
			munmap(s.page, RB_PAGE);
			/* Whoever waits is woken by the end of what he waits for. */
			close(s.uffd);
			EXPECT_EQ(-EFAULT, rb_call_end(&call));
			EXPECT_EQ(FERRIO_FL_STAGE_READ, failure.stage);
			EXPECT_EQ(EFAULT, failure.error);
			continue;
		}
		stall_end(&s, page);
		ASSERT_LE(0, rb_call_end(&call));
		ASSERT_EQ(RB_PAGE, E(pread(call.ret, page, RB_PAGE, 0)));
		EXPECT_EQ(-1, rb_mismatch(page, RB_PAGE, 0));
		close(call.ret);
		munmap(s.page, RB_PAGE);
		close(s.uffd);
	}
}

TEST_HARNESS_MAIN
