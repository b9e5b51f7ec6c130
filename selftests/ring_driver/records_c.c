// SPDX-License-Identifier: GPL-2.0
/* Records of a driver in C: reserved here, ended there, in the middle of others, and wrongly. */
#include "../log.h"
#include "fix_c_record.h"

/* What ferrio_ring_alloc() takes. */
TEST_F(c_record, params)
{
	int fd = rd_open(variant->device, O_RDWR, 0, 0);
	long live = rb_live_pages();

	EXPECT_EQ(-EINVAL, RD(fd, ALLOC, .len = RB_PAGE, .directions = RD_WRITE,
			      .flags = variant->flags));
	EXPECT_EQ(-EINVAL, RD(fd, ALLOC, .len = RB_PAGE, .directions = RD_READ | RD_WRITE,
			      .flags = variant->flags));
	EXPECT_EQ(-EINVAL, RD(fd, ALLOC, .len = RB_PAGE, .directions = 0,
			      .flags = variant->flags));
	EXPECT_EQ(-EINVAL, RD(fd, ALLOC, .len = RB_PAGE, .directions = RD_READ,
			      .flags = RD_DROP));
	EXPECT_EQ(-EINVAL, RD(fd, ALLOC, .len = RB_PAGE, .directions = RD_READ,
			      .flags = variant->flags | 8));
	EXPECT_EQ(-EINVAL, RD(fd, ALLOC, .len = RB_PAGE / 2, .directions = RD_READ,
			      .flags = variant->flags));
	EXPECT_EQ(live, rb_live_pages());
	EXPECT_EQ(0, RD(fd, ALLOC, .len = 2 * RB_PAGE, .directions = RD_READ,
			.flags = variant->flags | RD_SHARED));
	EXPECT_EQ(live + RB_HEAD_PAGES + 2, rb_live_pages());
	close(fd);
}

/* Reserved in one context, ended in any other; one in between is read behind it. */
TEST_F(c_record, nested)
{
	uint64_t record;
	char out[8];

	rd_nonblock(self->fd);
	FOR_EACH_CONTEXT(outer) {
		FOR_EACH_CONTEXT(inner) {
			ASSERT_EQ(0, rd_hold(self->fd, outer, "outer", 5, &record));
			ASSERT_EQ(0, rd_record(self->fd, inner, "inner", 5, 5));
			EXPECT_EQ(-EAGAIN, E(read(self->fd, out, sizeof(out))));
			EXPECT_EQ(0, rb_avail(self->fd));
			EXPECT_EQ(2 * extent_of(5), rb_fdinfo(self->fd, "rbr-written") -
				  rb_fdinfo(self->fd, "rbr-read"));
			ASSERT_EQ(0, rd_end(self->fd, inner, record, 5));
			EXPECT_EQ(2 * extent_of(5), rb_avail(self->fd));
			ASSERT_EQ(5, read(self->fd, out, sizeof(out)));
			EXPECT_EQ(0, memcmp(out, "outer", 5));
			ASSERT_EQ(5, read(self->fd, out, sizeof(out)));
			EXPECT_EQ(0, memcmp(out, "inner", 5));
		}
	}
}

/* As many at once as there is room for, ended from the last to the first. */
TEST_F(c_record, backwards)
{
	uint64_t record[RB_PAGE / 16];
	struct ring_records c = map_end(self->fd);
	unsigned int n = 0, seen;
	const void *out;
	long got;

	for (;; n++) {
		ASSERT_GT(ARRAY_SIZE(record), n);
		got = rd_hold(self->fd, contexts[1 + n % 3], &n, 4, &record[n]);
		if (got)
			break;
	}
	EXPECT_EQ(self->drops ? -ENOBUFS : -EAGAIN, got);
	EXPECT_EQ((RB_PAGE - 8) / 16, n);
	for (unsigned int i = n; i--; ) {
		EXPECT_EQ(-EAGAIN, next_of(&c, &out));
		ASSERT_EQ(0, i % 3 ? rd_end(self->fd, contexts[i % 4], record[i], 4) :
			  rd_undo(self->fd, contexts[i % 4], record[i]));
	}
	for (seen = 0; seen < n; seen++) {
		if (seen % 3 == 0)
			continue;
		ASSERT_EQ(4, next_of(&c, &out));
		ASSERT_EQ(0, memcmp(out, &seen, 4));
	}
	EXPECT_EQ((n + 2) / 3, rb_fdinfo(self->fd, "rbr-discarded"));
	ring_records_close(&c);
}

/* A record is ended once, and as long as it is at most; nothing else is one. */
TEST_F(c_record, ended_once)
{
	static const int64_t beside[] = {
		1, 4, 7, 8, -1, -8, -16, RB_PAGE, -RB_PAGE, 2 * RB_PAGE, 1LL << 40, INT64_MIN,
	};
	uint64_t record, first, large;
	char out[LARGEST] = "";

	rd_nonblock(self->fd);
	ASSERT_EQ(0, rd_hold(self->fd, FERRIO_TEST_RING_ATOMIC, "abcdef", 6, &first));
	ASSERT_EQ(0, rd_end(self->fd, FERRIO_TEST_RING_ATOMIC, first, 6));
	ASSERT_EQ(6, read(self->fd, out, sizeof(out)));
	for (int turn = 0; turn < 20; turn++) {
		FOR_EACH_CONTEXT(where) {
			ASSERT_EQ(0, rd_hold(self->fd, where, "0123456789", 10, &record));
			ASSERT_EQ(-EINVAL, rd_end(self->fd, where, record, 11));
			ASSERT_EQ(-EINVAL, rd_end(self->fd, where, record, SIZE_MAX));
			for (unsigned int i = 0; i < ARRAY_SIZE(beside); i++) {
				ASSERT_EQ(-EINVAL, rd_end(self->fd, where, record + beside[i], 0));
				ASSERT_EQ(-EINVAL, rd_undo(self->fd, where, record + beside[i]));
			}
			ASSERT_EQ(-EINVAL, rd_end(self->fd, where, 0, 0));
			ASSERT_EQ(-EAGAIN, E(read(self->fd, out, sizeof(out))));
			ASSERT_EQ(0, rd_end(self->fd, where, record, 10));
			ASSERT_EQ(-EINVAL, rd_end(self->fd, where, record, 10));
			ASSERT_EQ(-EINVAL, rd_undo(self->fd, where, record));
			ASSERT_EQ(10, read(self->fd, out, sizeof(out)));
			ASSERT_EQ(0, memcmp(out, "0123456789", 10));
			ASSERT_EQ(-EINVAL, rd_end(self->fd, where, record, 10));

			ASSERT_EQ(0, rd_hold(self->fd, where, "x", 1, &record));
			ASSERT_EQ(0, rd_undo(self->fd, where, record));
			ASSERT_EQ(-EINVAL, rd_undo(self->fd, where, record));
			ASSERT_EQ(-EINVAL, rd_end(self->fd, where, record, 1));
			ASSERT_EQ(-EAGAIN, E(read(self->fd, out, sizeof(out))));
		}
	}
	EXPECT_EQ(20 * ARRAY_SIZE(contexts), rb_fdinfo(self->fd, "rbr-discarded"));
	/* A page of payload lies where others were, and is none of them. */
	memset(out, 0xff, sizeof(out));
	ASSERT_EQ(0, rd_hold(self->fd, FERRIO_TEST_RING_ATOMIC, out, sizeof(out), &large));
	EXPECT_EQ(-EINVAL, rd_end(self->fd, FERRIO_TEST_RING_ATOMIC, first, 6));
	EXPECT_EQ(-EINVAL, rd_undo(self->fd, FERRIO_TEST_RING_ATOMIC, record));
	EXPECT_EQ(0, rd_end(self->fd, FERRIO_TEST_RING_ATOMIC, large, 1));
	EXPECT_EQ(1, read(self->fd, out, sizeof(out)));
}

/* Nor do rings of bytes have any. */
TEST_F(c_record, of_one_kind)
{
	int fd = rd_open(variant->device, O_RDWR, RD_READ | RD_WRITE, RB_PAGE);
	uint64_t record;

	ASSERT_EQ(0, rd_hold(self->fd, FERRIO_TEST_RING_ATOMIC, "x", 1, &record));
	FOR_EACH_CONTEXT(where) {
		EXPECT_EQ(-EBADF, rd_hold(fd, where, "x", 1, &record));
		EXPECT_EQ(-EBADF, rd_end(fd, where, record, 1));
		EXPECT_EQ(-EBADF, rd_undo(fd, where, record));
		EXPECT_EQ(-EBADF, RD(self->fd, COMMIT, .where = where, .len = 0));
		EXPECT_EQ(-EBADF, RD(self->fd, RESERVE, .where = where, .len = 1));
	}
	EXPECT_EQ(0, RD(self->fd, DISCARD));
	close(fd);
}

/*
 * Who sleeps in front of a record that is not ended is woken when it is, in whatever way, and
 * finds what is behind it, too.
 */
TEST_F(c_record, ends_wake)
{
	struct pollfd pfd = { .fd = self->fd, .events = POLLIN };
	struct rb_call reads, polls;
	uint64_t record;
	char out[8];

	for (int undo = 0; undo < 2; undo++) {
		FOR_EACH_CONTEXT(where) {
			ASSERT_EQ(0, rd_hold(self->fd, where, "first", 5, &record));
			rb_call_poll(&polls, &pfd, -1);
			rb_call_asleep(&polls);
			rb_call_read(&reads, self->fd, out, sizeof(out));
			rb_call_asleep(&reads);
			ASSERT_EQ(0, rd_record(self->fd, where, "second", 6, 6));
			/* so that there is something for who polls, too */
			ASSERT_EQ(0, rd_record(self->fd, where, "third", 5, 5));
			rb_sleep_ms(5);
			EXPECT_FALSE(rb_call_done(&reads));
			EXPECT_FALSE(rb_call_done(&polls));
			ASSERT_EQ(0, undo ? rd_undo(self->fd, where, record) :
				  rd_end(self->fd, where, record, 5));
			ASSERT_EQ(undo ? 6 : 5, rb_call_end(&reads));
			ASSERT_EQ(0, memcmp(out, undo ? "second" : "first", 5));
			ASSERT_EQ(1, rb_call_end(&polls));
			if (!undo)
				ASSERT_EQ(6, read(self->fd, out, sizeof(out)));
			ASSERT_EQ(5, read(self->fd, out, sizeof(out)));
			ASSERT_EQ(0, memcmp(out, "third", 5));
		}
	}
}

/* A driver that sleeps for room is told that it has given its end up. */
TEST_F(c_record, shutdown_wakes_the_driver)
{
	struct ferrio_test_ring arg = {
		.size = sizeof(arg), .how = FERRIO_TEST_RING_RECORD, .len = LARGEST,
	};
	struct rb_call call;

	ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, "a", 1, 1));
	rb_call_ioctl(&call, self->fd, FERRIO_TEST_RING_CALL, &arg);
	if (self->drops) {
		EXPECT_EQ(0, rb_call_end(&call));
		EXPECT_EQ(-ENOBUFS, arg.result);
		return;
	}
	rb_call_asleep(&call);
	EXPECT_EQ(0, RD(self->fd, SHUTDOWN, .directions = RD_READ));
	EXPECT_EQ(0, rb_call_end(&call));
	EXPECT_EQ(-ESHUTDOWN, arg.result);
}

/* What a driver leaves behind is not ended by anybody: whoever comes there is told, and the log. */
TEST_F(c_record, left_behind)
{
	struct ring_records c = map_end(self->fd);
	int log = log_from_here();
	uint64_t record;
	const void *out;
	int r = rb_mint(self->fd, FERRIO_RB_READ);
	char buf[8];

	ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, "first", 5, 5));
	ASSERT_EQ(0, rd_hold(self->fd, FERRIO_TEST_RING_ATOMIC, "never", 5, &record));
	ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, "third", 5, 5));
	close(self->fd);
	self->fd = -1;
	EXPECT_NE(NULL, strstr(log_said(log, "ringbuffer", "ringbuffer"), " 1 of its records"));
	ASSERT_EQ(5, next_of(&c, &out));
	EXPECT_EQ(0, memcmp(out, "first", 5));
	EXPECT_EQ(-EBADMSG, next_of(&c, &out));
	EXPECT_EQ(-EBADMSG, E(read(r, buf, sizeof(buf))));
	close(r);
	ring_records_close(&c);
}

/* Positions go on behind the widths of words, and of what headers and words hold of them. */
TEST_F_TIMEOUT(c_record, wraps, 60)
{
	static const uint64_t at[] = { 1ULL << 19, 1ULL << 32, 1ULL << 56, 0 };
	char in[900], buf[RB_PAGE];

	for (unsigned int i = 0; i < ARRAY_SIZE(at); i++) {
		int fd = rd_records(variant->device, variant->flags, RB_PAGE);
		struct ring_records c = map_end(fd);
		uint64_t start = at[i] - 2 * RB_PAGE, moved = 0, told[4] = { 0 };
		const void *out;

		start_at(fd, &c, start);
		rd_nonblock(fd);
		for (int turn = 0; moved < 6 * RB_PAGE; turn++) {
			size_t len = turn * 37 % 900, part = turn % 3 ? len : len / 3;

			FOR_EACH_CONTEXT(where) {
				rb_pattern(in, sizeof(in), moved);
				if (turn % 4 == 0) {
					ASSERT_EQ(0, rd_take_back(fd, where, in, len));
					moved += extent_of(len);
				}
				ASSERT_EQ(0, rd_record(fd, where, in, len, part));
				ASSERT_EQ(part, turn % 2 ? next_of(&c, &out) :
					  read(fd, buf, sizeof(buf)));
				ASSERT_EQ(0, memcmp(turn % 2 ? out : buf, in, part));
				ASSERT_EQ(0, ring_record_done(&c));
				moved += extent_of(len);
			}
			/* Full, and not: the limit has come along. */
			for (int n = 0; n < 3; n++)
				ASSERT_EQ(0, rd_record(fd, FERRIO_TEST_RING_ATOMIC, in, 900, 900));
			EXPECT_EQ(self->drops ? -ENOBUFS : -EAGAIN,
				  rd_record(fd, FERRIO_TEST_RING_ATOMIC, in, LARGEST / 2, 0));
			for (int n = 0; n < 3; n++)
				ASSERT_EQ(900, record_of(&c, &out, told));
			ASSERT_EQ(0, ring_record_done(&c));
			moved += 3 * extent_of(900);
			/* A ring that drops tells of that in front of the next one. */
			ASSERT_EQ(0, rd_record(fd, FERRIO_TEST_RING_ATOMIC, in, 1, 1));
			ASSERT_EQ(1, record_of(&c, &out, told));
			ASSERT_EQ(0, ring_record_done(&c));
			moved += extent_of(1) + (self->drops ? extent_of(32) : 0);
		}
		EXPECT_EQ(rd_lost(fd, FERRIO_RB_LOST_FULL), told[FERRIO_RB_LOST_FULL]);
		EXPECT_EQ(start + moved, rb_fdinfo(fd, "rbr-written"));
		EXPECT_EQ(start + moved, rb_fdinfo(fd, "rbr-read"));
		EXPECT_EQ(0, rb_fdinfo(fd, "rbr-corrupt"));
		EXPECT_EQ(0, rb_fdinfo(fd, "rbr-misuse"));
		ring_records_close(&c);
		close(fd);
	}
}
