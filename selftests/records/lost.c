// SPDX-License-Identifier: GPL-2.0
/* What a ring that drops loses: counted once by its cause, and told in the stream. */

#include "fix_records.h"

static void reap(int fd, char *buf, uint64_t *records, uint64_t *gaps)
{
	long got;

	while ((got = E(read(fd, buf, RB_PAGE))) != -EAGAIN) {
		if (got == -ENOBUFS)
			++*gaps;
		else if (got == 1000)
			++*records;
		else
			rb_die("read: %ld", got);
	}
}

/* Offered is committed and lost; gaps are where records are missing. */
TEST_F(records, books)
{
	bool drops = variant->flags & FERRIO_RB_RECORDS_DROP;
	uint64_t records = 0, gaps = 0, refused = 0, state = 1;
	struct ferrio_rb_info info;
	char buf[RB_PAGE] = { 0 };
	long put;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	for (int i = 0; i < 1000; i++) {
		if (rb_random(&state) % 5 == 0)
			reap(self->fd, buf, &records, &gaps);
		put = E(write(self->fd, buf, 1000));
		if (put != 1000) {
			ASSERT_EQ(drops ? -ENOBUFS : -EAGAIN, put);
			refused++;
		}
	}
	reap(self->fd, buf, &records, &gaps);
	EXPECT_LT(0, refused);
	EXPECT_EQ(1000, records + refused);
	rb_info(self->fd, &info);
	EXPECT_EQ(drops ? refused : 0, info.lost.lost[FERRIO_RB_LOST_FULL]);
	EXPECT_EQ(0, info.lost.lost[FERRIO_RB_LOST_TOO_LARGE]);
	EXPECT_EQ(0, info.lost.lost[FERRIO_RB_LOST_ABORTED]);
	EXPECT_EQ(0, info.lost.lost[FERRIO_RB_LOST_PEER]);
	EXPECT_EQ(info.lost.lost[FERRIO_RB_LOST_FULL], rb_fdinfo(self->fd, "rb-lost-full"));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rb-lost-too-large"));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rb-lost-aborted"));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rb-lost-peer"));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rb-discarded"));
	EXPECT_EQ(drops, gaps > 0);
}

/* Reads all that is there, and adds up what its gaps tell; returns how many gaps. */
static int drain(struct ring_records *rr, uint64_t told[FERRIO_RB_LOST_CAUSES])
{
	const void *payload;
	size_t bytes;
	int gaps = 0;

	for (;;) {
		if (ring_record_next(rr, &payload, &bytes) > 0)
			continue;
		if (errno == EAGAIN)
			return gaps;
		if (errno != ENOBUFS)
			rb_die("ring_record_next: %s", strerror(errno));
		for (int c = 0; c < FERRIO_RB_LOST_CAUSES; c++)
			told[c] += rr->lost[c];
		gaps++;
	}
}

/* A mapped consumer is told how many, and the shared page agrees. */
TEST_F(records, gaps_add_up)
{
	bool drops = variant->flags & FERRIO_RB_RECORDS_DROP;
	uint64_t told[FERRIO_RB_LOST_CAUSES] = { 0 };
	const struct ferrio_rb_state_page *page;
	char buf[RB_PAGE] = { 0 };
	struct ring_records rr;
	int r, gaps = 0;

	r = ring_records(rb_mint(self->fd, FERRIO_RB_READ), FERRIO_RB_READ, 0, 0, &rr);
	ASSERT_LE(0, r);
	rr.rb.nonblock = true;
	page = (const void *)(rr.rb.window + RB_PAGE);
	EXPECT_EQ(variant->flags, page->records);
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EMSGSIZE, E(write(self->fd, buf, LARGEST + 1)));
	for (int i = 0; i < 200; i++) {
		if (write(self->fd, buf, 900 + i) < 0)
			ASSERT_EQ(drops ? ENOBUFS : EAGAIN, errno);
		if (i % 10 == 9)
			gaps += drain(&rr, told);
	}
	/* what the last ones lost is told by the next record */
	ASSERT_EQ(1, write(self->fd, "x", 1));
	gaps += drain(&rr, told);
	for (int c = 0; c < FERRIO_RB_LOST_CAUSES; c++) {
		EXPECT_EQ(lost(r, c), told[c]);
		EXPECT_EQ(page->lost.lost[c], told[c]);
	}
	EXPECT_EQ(drops, told[FERRIO_RB_LOST_TOO_LARGE]);
	EXPECT_EQ(drops, told[FERRIO_RB_LOST_FULL] > 100);
	EXPECT_EQ(drops, gaps > 0);
	ring_records_close(&rr);
}

/* A mapped producer counts in its slot, and all is one sum. */
TEST_F(records, of_a_mapped_producer)
{
	bool drops = variant->flags & FERRIO_RB_RECORDS_DROP;
	char buf[RB_PAGE] = { 0 };
	struct ring_records rr;
	int w, r = rb_mint(self->fd, FERRIO_RB_READ);

	w = ring_records(self->fd, FERRIO_RB_WRITE, 0, 0, &rr);
	ASSERT_LE(0, w);
	rr.rb.nonblock = true;
	ASSERT_EQ(0, ring_record_write(&rr, buf, 3000));
	EXPECT_EQ(-1, ring_record_write(&rr, buf, 3000));
	EXPECT_EQ(drops ? ENOBUFS : EAGAIN, errno);
	EXPECT_EQ(-1, ring_record_write(&rr, buf, LARGEST + 1));
	EXPECT_EQ(EMSGSIZE, errno);
	ASSERT_NE(NULL, ring_record_reserve(&rr, 8));
	EXPECT_EQ(0, ring_record_discard(&rr));
	EXPECT_EQ(drops, lost(w, FERRIO_RB_LOST_FULL));
	EXPECT_EQ(drops, lost(w, FERRIO_RB_LOST_TOO_LARGE));
	EXPECT_EQ(drops, rb_fdinfo(w, "rb-lost-full"));
	EXPECT_EQ(1, rb_fdinfo(w, "rb-discarded"));
	EXPECT_EQ(3000, read(r, buf, sizeof(buf)));
	ASSERT_EQ(0, ring_record_write(&rr, "behind", 6));
	if (drops) {
		EXPECT_EQ(-ENOBUFS, E(read(r, buf, sizeof(buf))));
		EXPECT_EQ(-ENOBUFS, E(read(r, buf, sizeof(buf))));
	}
	EXPECT_EQ(6, read(r, buf, sizeof(buf)));
	ring_records_close(&rr);
	close(r);
}

/* What is longer than any record is lost for that, also where there is no room for the gap. */
TEST_F(records, too_large_where_it_is_full)
{
	bool drops = variant->flags & FERRIO_RB_RECORDS_DROP;
	char buf[RB_PAGE] = { 0 };
	struct ring_records rr;
	int w, r = rb_mint(self->fd, FERRIO_RB_READ);

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(LARGEST, write(self->fd, buf, LARGEST));
	EXPECT_EQ(drops ? -ENOBUFS : -EAGAIN, E(write(self->fd, buf, 1)));
	EXPECT_EQ(-EMSGSIZE, E(write(self->fd, buf, LARGEST + 1)));
	EXPECT_EQ(drops, lost(self->fd, FERRIO_RB_LOST_TOO_LARGE));
	w = ring_records(self->fd, FERRIO_RB_WRITE, 0, 0, &rr);
	ASSERT_LE(0, w);
	rr.rb.nonblock = true;
	EXPECT_EQ(-1, ring_record_write(&rr, buf, 1));
	EXPECT_EQ(drops ? ENOBUFS : EAGAIN, errno);
	EXPECT_EQ(-1, ring_record_write(&rr, buf, LARGEST + 1));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(drops ? 2 : 0, lost(w, FERRIO_RB_LOST_TOO_LARGE));
	EXPECT_EQ(drops ? 2 : 0, lost(w, FERRIO_RB_LOST_FULL));
	ring_records_close(&rr);
	close(r);
}

/* A ring that is corrupt loses what is written to it, if it loses at all. */
TEST_F(records, of_a_corrupt_ring)
{
	bool drops = variant->flags & FERRIO_RB_RECORDS_DROP;
	int w = rb_mint(self->fd, FERRIO_RB_WRITE);
	struct ring_records rr;
	char buf[8];

	ASSERT_EQ(w, ring_records(w, FERRIO_RB_WRITE, 0, 0, &rr));
	*ring__header_at(&rr.rb, 0) = FERRIO_RB_RECORD_PHASE | 17;
	__atomic_store_n(rr.rb.own, 24, __ATOMIC_RELEASE);
	EXPECT_EQ(-EBADMSG, E(read(self->fd, buf, sizeof(buf))));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(drops * i, lost(self->fd, FERRIO_RB_LOST_PEER));
		EXPECT_EQ(-EBADMSG, E(write(self->fd, "x", 1)));
	}
	EXPECT_EQ(drops * 3, rb_fdinfo(self->fd, "rb-lost-peer"));
	ring_records_close(&rr);
}

TEST_HARNESS_MAIN
