// SPDX-License-Identifier: GPL-2.0
/*
 * What went wrong in other rings: sizes that nobody checked, positions that were believed,
 * slots that kept what they were, and readers that began anew at 0.
 */

#include <sys/mman.h>

#include "fix_many.h"

/* No size but a power of two of what the device says, and nothing wraps around. */
TEST_F(many, sizes)
{
	static const uint64_t bad[] = {
		0, 1, 2, 8, 64, RB_PAGE - 1, RB_PAGE + 1, RB_PAGE / 2, 3 * RB_PAGE, 1ULL << 31,
		(1ULL << 31) + RB_PAGE, 1ULL << 32, (1ULL << 32) + RB_PAGE, 1ULL << 48, 1ULL << 63,
		~0ULL, ~0ULL - RB_PAGE + 1, ~0ULL << 32,
	};
	struct ferrio_rb_info info;

	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, set_records(self->fd, bad[i], variant->flags)) {
			TH_LOG("%llx", (unsigned long long)bad[i]);
		}
	}
	rb_info(self->fd, &info);
	EXPECT_EQ(RB_PAGE, info.ring_bytes);
	EXPECT_EQ(variant->flags, info.records);
	EXPECT_EQ(0, set_records(self->fd, 2 * RB_PAGE, variant->flags));
}

/* Nor a length, by a call or by a mapped producer: then nothing is taken. */
TEST_F(many, lengths)
{
	static const uint64_t bad[] = {
		LARGEST + 1, RB_PAGE - 8, RB_PAGE, 1ULL << 31, (1ULL << 32) - 8, (1ULL << 32) - 1,
		1ULL << 32, (1ULL << 32) + 8, 1ULL << 56, 1ULL << 63, ~0ULL - 15, ~0ULL - 7,
		~0ULL - 1,
	};
	struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE);
	struct ring_records c = map_end(self->fd, FERRIO_RB_READ);
	bool drops = variant->flags & FERRIO_RB_RECORDS_DROP;
	struct ferrio_rb_info info;
	const void *payload;
	static char buf[RB_PAGE];
	int calls = 0, got;
	size_t bytes;

	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(NULL, ring_record_reserve(&p, bad[i]));
		EXPECT_EQ(EMSGSIZE, errno);
		/* more than this the VFS does not let pass, or makes less */
		if (bad[i] >> 32)
			continue;
		EXPECT_EQ(-EMSGSIZE, E(write(self->fd, buf, bad[i])));
		calls++;
	}
	rb_info(self->fd, &info);
	EXPECT_EQ(drops ? calls + ARRAY_SIZE(bad) : 0,
		  info.lost.lost[FERRIO_RB_LOST_TOO_LARGE]);
	/* of a ring that drops there are gaps, each in front of a record that was refused */
	if (!drops)
		EXPECT_EQ(0, rb_avail(self->fd));
	/* the smallest, and the largest */
	ASSERT_EQ(0, ring_record_write(&p, buf, 0));
	while ((got = ring_record_next(&c, &payload, &bytes)) < 0 && errno == ENOBUFS)
		;
	ASSERT_EQ(1, got);
	EXPECT_EQ(0, bytes);
	ASSERT_EQ(0, ring_record_done(&c));
	ASSERT_EQ(0, ring_record_write(&p, buf, LARGEST));
	ASSERT_EQ(1, ring_record_next(&c, &payload, &bytes));
	EXPECT_EQ(LARGEST, bytes);
	ring_records_close(&p);
	ring_records_close(&c);
}

/* Where a consumer says it is: each call checks it anew, and so does each mapping. */
TEST_F(many, consumers_position)
{
	static const struct {
		uint64_t position;
		long got;
	} said[] = {
		{ 24, 16 }, { 48, 16 }, { 72, -EAGAIN }, { 80, -EBADMSG }, { 8, -EBADMSG },
		{ RB_PAGE + 72, -EBADMSG }, { 2 * RB_PAGE, -EBADMSG }, { 1ULL << 31, -EBADMSG },
		{ 1ULL << 32, -EBADMSG }, { 1ULL << 55, -EBADMSG }, { ~7ULL << 13, -EBADMSG },
	};
	char buf[16], read_to[RB_PAGE];

	memset(buf, 0xff, sizeof(buf));
	for (int i = 0; i < 2 * ARRAY_SIZE(said); i++) {
		uint64_t position = said[i / 2].position;
		int fd = rb_open(O_RDWR | O_NONBLOCK);
		struct ferrio_rb_info info;
		struct ring_records c;
		const void *payload;
		size_t bytes = 0;
		long got;

		ASSERT_EQ(0, set_records(fd, RB_PAGE, variant->flags));
		for (int r = 0; r < 3; r++)
			ASSERT_EQ(16, write(fd, buf, 16));
		c = map_end(fd, FERRIO_RB_READ);
		__atomic_store_n((uint64_t *)c.rb.window, position, __ATOMIC_RELAXED);
		if (i % 2) {
			got = ring_record_next(&c, &payload, &bytes);
			got = got < 0 ? -errno : (long)bytes;
		} else {
			got = E(read(fd, read_to, sizeof(read_to)));
		}
		EXPECT_EQ(said[i / 2].got, got) {
			TH_LOG("%llx, %d", (unsigned long long)position, i % 2);
		}
		/* once corrupt, corrupt for all */
		rb_info(fd, &info);
		EXPECT_EQ(said[i / 2].got == -EBADMSG, info.corrupt != 0);
		if (info.corrupt) {
			EXPECT_EQ(-EBADMSG, E(read(fd, read_to, sizeof(read_to))));
			EXPECT_EQ(-1, ring_record_next(&c, &payload, &bytes));
			EXPECT_EQ(EBADMSG, errno);
			EXPECT_EQ(-EBADMSG, E(write(fd, buf, 16)));
		}
		ring_records_close(&c);
		close(fd);
	}
}

/* The next record, by a reader that is new each time. */
static long read_anew(int fd, char *to, int how)
{
	struct ring_records c;
	const void *payload;
	size_t bytes = 0;
	long got;

	if (how == 0) {
		do
			got = E(read(fd, to, RB_PAGE));
		while (got == -ENOBUFS);
		return got;
	}
	c = map_end(fd, FERRIO_RB_READ);
	do
		got = ring_record_next(&c, &payload, &bytes);
	while (got < 0 && errno == ENOBUFS);
	if (got < 0) {
		got = -errno;
	} else {
		got = bytes;
		memcpy(to, payload, bytes);
		ring_record_done(&c);
	}
	ring_records_close(&c);
	return got;
}

/* It goes on where the last one stopped, and in front of what is busy. */
TEST_F(many, reader_begins_anew)
{
	struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE);
	char buf[RB_PAGE], *room;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	for (int i = 0; i < 300; i++) {
		size_t len = 16 + i * 7 % 900;

		room = ring_record_reserve(&p, len);
		ASSERT_NE(NULL, room);
		ASSERT_EQ(sizeof(i), write(self->fd, &i, sizeof(i)));
		for (int how = 0; how < 4; how++)
			ASSERT_EQ(-EAGAIN, read_anew(self->fd, buf, how % 2));
		rb_pattern(room, len, i);
		ASSERT_EQ(0, ring_record_commit(&p, len));
		ASSERT_EQ(len, read_anew(self->fd, buf, i % 2));
		ASSERT_EQ(-1, rb_mismatch(buf, len, i));
		ASSERT_EQ(sizeof(i), read_anew(self->fd, buf, i / 2 % 2));
		ASSERT_EQ(0, memcmp(buf, &i, sizeof(i)));
	}
	ring_records_close(&p);
}

/* A slot that a holder leaves in any state is like new for the next one. */
TEST_F(many, slot_is_taken_over)
{
	uint64_t state = rb_seed(), aborted = 0, headers[RB_PAGE / 8];
	char buf[RB_PAGE];

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	for (int i = 0; i < 200; i++) {
		struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE);
		size_t len = i * 11 % 1500;
		struct ferrio_rb_info info;
		void *room;

		ASSERT_EQ(1, p.owner);
		ASSERT_EQ(0, ring_record_write(&p, &i, sizeof(i)));
		ASSERT_EQ(sizeof(i), read_anew(self->fd, buf, i % 2));
		ASSERT_EQ(0, memcmp(buf, &i, sizeof(i)));
		/* payload that looks like headers, and like none */
		for (int w = 0; w < ARRAY_SIZE(headers); w++)
			headers[w] = rb_random(&state) >> rb_random(&state) % 64;
		room = ring_record_reserve(&p, len);
		ASSERT_NE(NULL, room);
		memcpy(room, headers, len);
		if (i % 3) {
			aborted++;
		} else {
			/* and a claim that nothing is behind */
			ASSERT_EQ(0, ring_record_discard(&p));
			__atomic_store_n(&p.slot->claim, rb_random(&state), __ATOMIC_RELAXED);
		}
		ring_records_close(&p);
		rb_info(self->fd, &info);
		ASSERT_EQ(0, info.corrupt);
		ASSERT_EQ(aborted, info.lost.lost[FERRIO_RB_LOST_ABORTED]);
		ASSERT_EQ(-EAGAIN, read_anew(self->fd, buf, i % 2));
	}
}

TEST_HARNESS_MAIN
