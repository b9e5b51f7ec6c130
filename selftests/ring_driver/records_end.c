// SPDX-License-Identifier: GPL-2.0
/* The end of a stream of records, and what is reserved when the driver gives its end up. */
#include <poll.h>
#include <pthread.h>

#include "fix_c_record.h"

static short events_of(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (poll(&pfd, 1, 0) < 0)
		rb_die("poll");
	return pfd.revents;
}

/* Not before all is ended is there an end, for whoever looks, and then for all. */
TEST_F(c_record, behind_what_is_reserved)
{
	for (int undo = 0; undo < 2; undo++) {
		FOR_EACH_CONTEXT(where) {
			int fd = rd_records(variant->device, variant->flags, RB_PAGE);
			struct ring_records c = map_end(fd);
			uint64_t first, last;
			struct rb_call reads;
			const void *payload;
			char out[8];

			ASSERT_EQ(0, rd_hold(fd, where, "first", 5, &first));
			ASSERT_EQ(0, rd_record(fd, where, "second", 6, 6));
			ASSERT_EQ(0, rd_hold(fd, where, "third", 5, &last));
			ASSERT_EQ(0, RD(fd, SHUTDOWN, .directions = RD_READ));
			EXPECT_EQ(-ESHUTDOWN, rd_record(fd, where, "late", 4, 4));
			EXPECT_EQ(-EAGAIN, next_of(&c, &payload));
			EXPECT_EQ(0, events_of(fd));
			rb_call_read(&reads, fd, out, sizeof(out));
			rb_call_asleep(&reads);
			/* What is ended last need not lie last. */
			ASSERT_EQ(0, undo ? rd_undo(fd, where, last) : rd_end(fd, where, last, 5));
			EXPECT_FALSE(rb_call_done(&reads));
			EXPECT_EQ(0, events_of(fd) & POLLHUP);
			ASSERT_EQ(0, undo ? rd_undo(fd, where, first) :
				  rd_end(fd, where, first, 5));
			ASSERT_EQ(undo ? 6 : 5, rb_call_end(&reads));
			ASSERT_EQ(0, memcmp(out, undo ? "second" : "first", 5));
			if (!undo) {
				ASSERT_EQ(6, next_of(&c, &payload));
				ASSERT_EQ(0, memcmp(payload, "second", 6));
				ASSERT_EQ(5, next_of(&c, &payload));
				ASSERT_EQ(0, memcmp(payload, "third", 5));
				ASSERT_EQ(0, ring_record_done(&c));
			}
			EXPECT_EQ(-ENODATA, next_of(&c, &payload));
			EXPECT_EQ(0, read(fd, out, sizeof(out)));
			EXPECT_EQ(POLLHUP, events_of(fd) & POLLHUP);
			EXPECT_EQ(0, rb_fdinfo(fd, "rbr-corrupt"));
			EXPECT_EQ(-EINVAL, rd_end(fd, where, last, 5));
			ring_records_close(&c);
			close(fd);
		}
	}
}

/* A reader that sleeps is told of the end by what ends the last record, if nothing else comes. */
TEST_F(c_record, last_is_taken_back)
{
	FOR_EACH_CONTEXT(where) {
		int fd = rd_records(variant->device, variant->flags, RB_PAGE);
		struct pollfd pfd = { .fd = fd, .events = 0 };
		struct rb_call reads, polls;
		uint64_t record;
		char out[8];

		ASSERT_EQ(0, rd_hold(fd, where, "never", 5, &record));
		ASSERT_EQ(0, RD(fd, SHUTDOWN, .directions = RD_READ));
		rb_call_read(&reads, fd, out, sizeof(out));
		rb_call_poll(&polls, &pfd, -1);
		rb_call_asleep(&reads);
		rb_call_asleep(&polls);
		ASSERT_EQ(0, rd_undo(fd, where, record));
		EXPECT_EQ(0, rb_call_end(&reads));
		EXPECT_EQ(1, rb_call_end(&polls));
		EXPECT_EQ(POLLHUP, pfd.revents & POLLHUP);
		close(fd);
	}
}

struct shutting {
	int fd, go;
};

static void *shuts(void *arg)
{
	struct shutting *s = arg;
	long error;

	while (!__atomic_load_n(&s->go, __ATOMIC_ACQUIRE))
		;
	error = RD(s->fd, SHUTDOWN, .directions = RD_READ);
	if (error)
		rb_die("shutdown: %ld", error);
	return NULL;
}

/* A driver is told of each record whether programs find it; shutdown may come at any moment. */
TEST_F_TIMEOUT(c_record, meets_reservations, 60)
{
	int turns = rounds(2000, 300), late = 0;

	while (turns--) {
		struct shutting s = { .fd = rd_records(variant->device, variant->flags, RB_PAGE) };
		uint64_t written = 0, read_ = 0;
		pthread_t thread;
		char out[16];
		long got;

		rd_nonblock(s.fd);
		ASSERT_EQ(0, pthread_create(&thread, NULL, shuts, &s));
		__atomic_store_n(&s.go, 1, __ATOMIC_RELEASE);
		for (int i = 0; i < 64; i++) {
			uint64_t record;
			long error = i % 2 ? rd_hold(s.fd, FERRIO_TEST_RING_ATOMIC, "x", 1, &record) :
				rd_record(s.fd, FERRIO_TEST_RING_ATOMIC, "x", 1, 1);

			if (error) {
				ASSERT_EQ(-ESHUTDOWN, error);
				late++;
				break;
			}
			written++;
			got = E(read(s.fd, out, sizeof(out)));
			if (got == 1)
				read_++;
			else
				ASSERT_EQ(-EAGAIN, got);
			if (i % 2)
				ASSERT_EQ(0, rd_end(s.fd, FERRIO_TEST_RING_ATOMIC, record, 1));
		}
		ASSERT_EQ(0, pthread_join(thread, NULL));
		while ((got = E(read(s.fd, out, sizeof(out)))) == 1)
			read_++;
		ASSERT_EQ(0, got);
		ASSERT_EQ(written, read_);
		ASSERT_EQ(0, rb_fdinfo(s.fd, "rbr-corrupt"));
		close(s.fd);
	}
	EXPECT_LT(0, late);
}
