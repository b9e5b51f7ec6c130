// SPDX-License-Identifier: GPL-2.0
/* The dead far from the consumer, or behind a header that is missing; and ends given up. */

#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>

#include "fix_many.h"

#define FAR	(4U << 20)
#define DEAD	40

/* A ring with a lot of records of no bytes, by a producer that lives on. */
static struct ring_records fill_far(int fd, unsigned int flags, struct ring_records *front,
				    uint64_t *records)
{
	struct ring_records p;

	if (set_records(fd, FAR, flags))
		rb_die("size");
	*front = map_end(fd, FERRIO_RB_WRITE);
	p = map_end(fd, FERRIO_RB_WRITE);
	if (!ring_record_reserve(front, 8))
		rb_die("front");
	for (*records = 0; *records < FAR / 8 - 1024; ++*records)
		if (ring_record_write(&p, "", 0))
			rb_die("record %llu: %s", (unsigned long long)*records, strerror(errno));
	return p;
}

/* What @times looks of a poller take, in ns. */
static uint64_t looks(int fd, int times)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint64_t begin = rb_now();

	while (times--)
		if (poll(&pfd, 1, 0) < 0 || pfd.revents & POLLIN)
			rb_die("poll: %#x", pfd.revents);
	return rb_now() - begin;
}

/*
 * Far behind a busy record there is one without a header, and behind that the records of
 * many dead: nobody walks there for each of them whenever somebody looks.
 */
TEST_F_TIMEOUT(many, many_dead_behind_a_hole, 60)
{
	int fd = rb_open(O_RDWR | O_NONBLOCK);
	struct ring_records front, p, hole, c;
	uint64_t records, before, header;
	const void *payload;
	size_t bytes;

	p = fill_far(fd, variant->flags, &front, &records);
	hole = map_end(fd, FERRIO_RB_WRITE);
	ASSERT_NE(NULL, ring_record_reserve(&hole, 8));
	header = *ring__header_at(&p.rb, hole.at);
	*ring__header_at(&p.rb, hole.at) = header ^ FERRIO_RB_RECORD_PHASE;
	before = looks(fd, 1000);
	for (int i = 0; i < DEAD; i++) {
		struct ring_records dead = map_end(fd, FERRIO_RB_WRITE);

		ASSERT_NE(NULL, ring_record_reserve(&dead, 8));
		ring_records_close(&dead);
	}
	/* until the first of them has got to the hole */
	looks(fd, records / 1000);
	EXPECT_GE(20 * before + 200000000, looks(fd, 1000));
	EXPECT_EQ(0, lost(fd, FERRIO_RB_LOST_ABORTED));
	*ring__header_at(&p.rb, hole.at) = header;
	looks(fd, 100);
	EXPECT_EQ(DEAD, lost(fd, FERRIO_RB_LOST_ABORTED));
	ASSERT_EQ(0, ring_record_commit(&hole, 8));
	ASSERT_EQ(0, ring_record_commit(&front, 8));
	c = map_end(fd, FERRIO_RB_READ);
	for (uint64_t i = 0; i < records + 2; i++) {
		int got = ring_record_next(&c, &payload, &bytes);

		ASSERT_EQ(1, got);
	}
	ASSERT_EQ(-1, ring_record_next(&c, &payload, &bytes));
	EXPECT_EQ(EAGAIN, errno);
	ring_records_close(&c);
	ring_records_close(&hole);
	ring_records_close(&front);
	ring_records_close(&p);
	close(fd);
}

/* Whoever dies does not walk all the way; who waits for what is behind it does. */
TEST_F_TIMEOUT(many, dead_far_away, 60)
{
	int fd = rb_open(O_RDWR);
	struct ring_records front, p, dead;
	struct ferrio_rb_wait wait = { .size = sizeof(wait), .rw = FERRIO_RB_READ };
	struct rb_call call;
	uint64_t records;

	p = fill_far(fd, variant->flags, &front, &records);
	ASSERT_EQ(0, ring_record_commit(&front, 8));
	dead = map_end(fd, FERRIO_RB_WRITE);
	ASSERT_NE(NULL, ring_record_reserve(&dead, 8));
	ASSERT_EQ(0, ring_record_write(&p, "behind", 6));
	wait.min_bytes = 16 + records * 8 + 16 + extent_of(6);
	rb_call_ioctl(&call, fd, FERRIO_RB_WAIT, &wait);
	rb_call_asleep(&call);
	ring_records_close(&dead);
	ASSERT_EQ(0, rb_call_end(&call));
	EXPECT_EQ(1, lost(fd, FERRIO_RB_LOST_ABORTED));
	ring_records_close(&front);
	ring_records_close(&p);
	close(fd);
}

/*
 * The dead are behind one who is about to write the header when the last call is made.  A consumer
 * that never sleeps asks about them, or it would spin for ever.
 */
TEST_F_TIMEOUT(many, dead_in_front_of_who_never_sleeps, 60)
{
	struct ring_records c = map_end(self->fd, FERRIO_RB_READ);
	struct ring_records hole = map_end(self->fd, FERRIO_RB_WRITE);
	struct ring_records dead = map_end(self->fd, FERRIO_RB_WRITE);
	const void *payload;
	uint64_t header;
	size_t bytes;

	ASSERT_NE(NULL, ring_record_reserve(&hole, 8));
	header = *ring__header_at(&hole.rb, hole.at);
	*ring__header_at(&hole.rb, hole.at) = header ^ FERRIO_RB_RECORD_PHASE;
	ASSERT_NE(NULL, ring_record_reserve(&dead, 8));
	ASSERT_EQ(6, write(self->fd, "behind", 6));
	ring_records_close(&dead);
	ASSERT_EQ(0, lost(self->fd, FERRIO_RB_LOST_ABORTED));
	*ring__header_at(&hole.rb, hole.at) = header;
	ASSERT_EQ(0, ring_record_commit_quiet(&hole, 8));
	c.rb.nonblock = false;
	c.rb.spin = RINGBUFFER_SPIN_FOREVER;
	ASSERT_EQ(1, ring_record_next(&c, &payload, &bytes));
	ASSERT_EQ(8, bytes);
	ASSERT_EQ(1, ring_record_next(&c, &payload, &bytes));
	ASSERT_EQ(6, bytes);
	EXPECT_EQ(0, memcmp(payload, "behind", 6));
	EXPECT_EQ(1, lost(self->fd, FERRIO_RB_LOST_ABORTED));
	ring_records_close(&hole);
	ring_records_close(&c);
}

/* Who goes between a record and the wake for it leaves nobody asleep. */
TEST_F_TIMEOUT(many, gone_before_the_bell, 20)
{
	struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE);
	struct ring_records q = map_end(self->fd, FERRIO_RB_WRITE);
	struct rb_call call;
	char buf[16];

	rb_call_read(&call, self->fd, buf, sizeof(buf));
	rb_call_asleep(&call);
	ASSERT_NE(NULL, ring_record_reserve(&p, 4));
	ASSERT_EQ(0, ring_record_commit_quiet(&p, 4));
	ring_records_close(&p);
	ASSERT_EQ(4, rb_call_end(&call));
	ring_records_close(&q);
}

/* A word that was spoilt while somebody armed is not kept for him. */
TEST_F_TIMEOUT(many, spoilt_for_a_moment, 20)
{
	struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE);
	struct ferrio_rb_wait wait = { .size = sizeof(wait), .rw = FERRIO_RB_WRITE,
				       .min_bytes = 2016 };
	struct ferrio_rb_producer_page *page = ring__page(&p.rb);
	char buf[RB_PAGE] = { 0 };
	struct rb_call call;
	uint64_t reserve;

	ASSERT_EQ(LARGEST, write(self->fd, buf, LARGEST));
	reserve = page->reserve;
	__atomic_store_n(&page->reserve, reserve + (1ULL << 48), __ATOMIC_RELEASE);
	rb_call_ioctl(&call, self->fd, FERRIO_RB_WAIT, &wait);
	rb_call_asleep(&call);
	__atomic_store_n(&page->reserve, reserve, __ATOMIC_RELEASE);
	ring_records_close(&p);
	ASSERT_EQ(LARGEST, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(0, rb_call_end(&call));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rb-corrupt"));
}

/* A slot that was nobody's is idle, whatever somebody wrote there. */
TEST_F(many, free_slots_are_idle)
{
	struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE), q;

	for (uint64_t owner = 1; owner <= FERRIO_RB_SLOTS; owner++)
		ring__slot(&p.rb, owner)->claim = FERRIO_RB_SLOT_WON;
	ring_records_close(&p);
	p = map_end(self->fd, FERRIO_RB_WRITE);
	q = map_end(self->fd, FERRIO_RB_WRITE);
	EXPECT_EQ(0, ring_record_write(&p, "x", 1));
	EXPECT_EQ(0, ring_record_write(&q, "y", 1));
	ring_records_close(&p);
	ring_records_close(&q);
}

struct giving_up {
	int fd, go;
	long ret;
};

static void *gives_up(void *arg)
{
	struct giving_up *g = arg;

	while (!__atomic_load_n(&g->go, __ATOMIC_ACQUIRE))
		;
	g->ret = rb_shutdown(g->fd, FERRIO_RB_WRITE);
	return NULL;
}

/* A file has its end mapped, or has given it up; never both. */
TEST_F_TIMEOUT(many, mmap_or_shutdown, 60)
{
	struct ferrio_rb_info info;
	int turns = rounds(2000, 200);

	while (turns--) {
		struct giving_up g = { .fd = rb_mint(self->fd, FERRIO_RB_WRITE) };
		pthread_t thread;
		size_t bytes;
		void *map;

		rb_info(g.fd, &info);
		bytes = info.map_bytes - info.map_producer;
		ASSERT_EQ(0, pthread_create(&thread, NULL, gives_up, &g));
		__atomic_store_n(&g.go, 1, __ATOMIC_RELEASE);
		for (int i = turns % 64; i; i--)
			__asm__ volatile("" ::: "memory");
		map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, g.fd,
			   info.map_producer);
		ASSERT_TRUE(map != MAP_FAILED || errno == EBADF);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		rb_info(g.fd, &info);
		if (map == MAP_FAILED) {
			ASSERT_EQ(0, g.ret);
			ASSERT_EQ(0, info.slot);
		} else {
			ASSERT_EQ(-EBUSY, g.ret);
			ASSERT_NE(0, info.slot);
			ASSERT_EQ(0, munmap(map, bytes));
			ASSERT_EQ(0, rb_shutdown(g.fd, FERRIO_RB_WRITE));
		}
		map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, g.fd,
			   info.map_producer);
		ASSERT_EQ(MAP_FAILED, map);
		ASSERT_EQ(EBADF, errno);
		close(g.fd);
	}
	EXPECT_EQ(0, lost(self->fd, FERRIO_RB_LOST_ABORTED));
}

TEST_HARNESS_MAIN
