// SPDX-License-Identifier: GPL-2.0
/* Each call of ferrio_ring_record.h that both languages have, in each context. */
#include "fix_record.h"

/* Of any length, at each place of the ring, in one piece. */
TEST_F(record, every_length)
{
	struct ring_records c = map_end(self->fd);
	char in[RB_PAGE];
	const void *out;

	for (size_t len = 0; len <= LARGEST; len += len < 64 ? 1 : 251) {
		FOR_EACH_CONTEXT(where) {
			rb_pattern(in, len, len);
			ASSERT_EQ(0, rd_record(self->fd, where, in, len, len));
			ASSERT_EQ(extent_of(len), rb_avail(self->fd));
			ASSERT_EQ(len, next_of(&c, &out));
			ASSERT_EQ(-1, rb_mismatch(out, len, len));
			ASSERT_EQ(0, ring_record_done(&c));
		}
	}
	EXPECT_EQ(-EAGAIN, next_of(&c, &out));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rbr-misuse"));
	ring_records_close(&c);
}

/* One with each read(2), whole or not at all; one of no bytes reads as such. */
TEST_F(record, read)
{
	char out[16];

	rd_nonblock(self->fd);
	FOR_EACH_CONTEXT(where) {
		ASSERT_EQ(0, rd_record(self->fd, where, "first", 5, 5));
		ASSERT_EQ(0, rd_record(self->fd, where, "", 0, 0));
		ASSERT_EQ(0, rd_record(self->fd, where, "third", 5, 5));
		EXPECT_EQ(-EMSGSIZE, E(read(self->fd, out, 4)));
		EXPECT_EQ(5, read(self->fd, out, sizeof(out)));
		EXPECT_EQ(0, memcmp(out, "first", 5));
		EXPECT_EQ(0, read(self->fd, out, sizeof(out)));
		EXPECT_EQ(5, read(self->fd, out, sizeof(out)));
		EXPECT_EQ(0, memcmp(out, "third", 5));
		EXPECT_EQ(-EAGAIN, E(read(self->fd, out, sizeof(out))));
	}
}

/* Less than was reserved, nothing of it, and more: what is not committed is not there. */
TEST_F(record, part_and_discard)
{
	struct ring_records c = map_end(self->fd);
	const struct ferrio_rb_state_page *page = (const void *)(c.rb.window + RB_PAGE);
	uint64_t discarded = 0;
	struct ferrio_rb_info info;
	char in[1000], out[RB_PAGE];

	rd_nonblock(self->fd);
	for (int turn = 0; turn < 20; turn++) {
		FOR_EACH_CONTEXT(where) {
			size_t part = turn * 53 % 1000;

			rb_pattern(in, sizeof(in), turn);
			ASSERT_EQ(0, rd_take_back(self->fd, where, in, 700));
			ASSERT_EQ(0, rd_record(self->fd, where, in, 1000, part));
			ASSERT_EQ(-EINVAL, rd_record(self->fd, where, in, 300, 301));
			discarded += 2;
			ASSERT_EQ(part, read(self->fd, out, sizeof(out)));
			ASSERT_EQ(-1, rb_mismatch(out, part, turn));
			ASSERT_EQ(-EAGAIN, E(read(self->fd, out, sizeof(out))));
			ASSERT_EQ(discarded, page->lost.discarded);
		}
	}
	rb_info(self->fd, &info);
	EXPECT_EQ(discarded, info.lost.discarded);
	EXPECT_EQ(discarded, rb_fdinfo(self->fd, "rbr-discarded"));
	for (int cause = 0; cause < FERRIO_RB_LOST_CAUSES; cause++)
		EXPECT_EQ(0, info.lost.lost[cause]);
	ring_records_close(&c);
}

/* Two at once: they are read in the order in which they were reserved. */
TEST_F(record, two)
{
	char out[16];

	for (int turn = 0; turn < 300; turn++) {
		FOR_EACH_CONTEXT(where) {
			ASSERT_EQ(0, RD(self->fd, TWO, .where = where, .len = 12,
					.data = (uintptr_t)"firstsecond!"));
			ASSERT_EQ(6, read(self->fd, out, sizeof(out)));
			ASSERT_EQ(0, memcmp(out, "firsts", 6));
			ASSERT_EQ(6, read(self->fd, out, sizeof(out)));
			ASSERT_EQ(0, memcmp(out, "econd!", 6));
		}
	}
}

/* Never room: it is told by the next one, and by that alone if it finds room. */
TEST_F(record, too_large)
{
	uint64_t told[FERRIO_RB_LOST_CAUSES] = { 0 }, lost = 0;
	struct ring_records c = map_end(self->fd);
	char in[RB_PAGE + 1] = "";
	const void *out;

	FOR_EACH_CONTEXT(where) {
		EXPECT_EQ(-EMSGSIZE, rd_record(self->fd, where, in, LARGEST + 1, 1));
		EXPECT_EQ(-EMSGSIZE, rd_record(self->fd, where, in, RB_PAGE + 1, 1));
		EXPECT_EQ(-EMSGSIZE, rd_record(self->fd, where, NULL, SIZE_MAX, 1));
		EXPECT_EQ(-EMSGSIZE, rd_take_back(self->fd, where, in, LARGEST + 1));
		lost += self->drops ? 4 : 0;
	}
	EXPECT_EQ(lost, rd_lost(self->fd, FERRIO_RB_LOST_TOO_LARGE));
	EXPECT_EQ(lost, rb_fdinfo(self->fd, "rbr-lost-too-large"));
	ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, in, 1, 1));
	ASSERT_EQ(1, record_of(&c, &out, told));
	EXPECT_EQ(lost, told[FERRIO_RB_LOST_TOO_LARGE]);
	EXPECT_EQ(0, told[FERRIO_RB_LOST_FULL]);
	EXPECT_EQ(-EAGAIN, next_of(&c, &out));
	ring_records_close(&c);
}

/* No room: not now, or lost, counted, and told. */
TEST_F(record, full)
{
	const long full = self->drops ? -ENOBUFS : -EAGAIN;
	uint64_t told[FERRIO_RB_LOST_CAUSES] = { 0 }, lost = 0;
	struct ring_records c = map_end(self->fd);
	char in[RB_PAGE] = "";
	const void *out;

	ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, in, 2000, 2000));
	ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, in, 1000, 1000));
	FOR_EACH_CONTEXT(where) {
		if (where == FERRIO_TEST_RING_SLEEPING && !self->drops)
			continue;
		EXPECT_EQ(full, rd_record(self->fd, where, in, 1065, 1));
		EXPECT_EQ(full, rd_take_back(self->fd, where, in, LARGEST));
		lost += self->drops ? 2 : 0;
	}
	EXPECT_EQ(lost, rd_lost(self->fd, FERRIO_RB_LOST_FULL));
	EXPECT_EQ(lost, rb_fdinfo(self->fd, "rbr-lost-full"));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rbr-lost-peer"));
	/* Where nothing is told, just so much is left. */
	if (!self->drops)
		ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, in, 1064, 1064));
	ASSERT_EQ(2000, record_of(&c, &out, told));
	ASSERT_EQ(1000, record_of(&c, &out, told));
	if (!self->drops)
		ASSERT_EQ(1064, record_of(&c, &out, told));
	ASSERT_EQ(-EAGAIN, record_of(&c, &out, told));
	ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, in, 3, 3));
	ASSERT_EQ(3, record_of(&c, &out, told));
	EXPECT_EQ(lost, told[FERRIO_RB_LOST_FULL]);
	EXPECT_EQ(0, told[FERRIO_RB_LOST_TOO_LARGE]);
	ring_records_close(&c);
}

/* A gap wakes who waits, whatever becomes of the record behind it. */
TEST_F(record, gap_wakes)
{
	char in[RB_PAGE] = "", out[8];
	struct rb_call call;

	FOR_EACH_CONTEXT(where) {
		/* One is owed, and told when the other one is refused; */
		ASSERT_EQ(-EMSGSIZE, rd_record(self->fd, where, in, RB_PAGE, 0));
		rb_call_read(&call, self->fd, out, sizeof(out));
		rb_call_asleep(&call);
		ASSERT_EQ(-EMSGSIZE, rd_record(self->fd, where, in, RB_PAGE, 0));
		if (self->drops) {
			ASSERT_EQ(-ENOBUFS, rb_call_end(&call));
			/* and that one in front of the next. */
			rb_call_read(&call, self->fd, out, sizeof(out));
			rb_call_asleep(&call);
		}
		ASSERT_EQ(0, rd_record(self->fd, where, in, 1, 1));
		if (self->drops) {
			ASSERT_EQ(-ENOBUFS, rb_call_end(&call));
			rb_call_read(&call, self->fd, out, sizeof(out));
		}
		ASSERT_EQ(1, rb_call_end(&call));
	}
}

/* What a ring loses is in the page that a program looks at, as soon as the call is back. */
TEST_F(record, printed)
{
	const uint64_t many = FERRIO_RB_RECORDS | FERRIO_RB_RECORDS_MANY;
	struct ring_records c = map_end(self->fd);
	const struct ferrio_rb_state_page *page = (const void *)(c.rb.window + RB_PAGE);
	const __u64 *lost = page->lost.lost;
	uint64_t full = 0, large = 0;
	char in[LARGEST] = "";

	EXPECT_EQ(self->drops ? many | FERRIO_RB_RECORDS_DROP : many, page->records);
	for (int turn = 0; turn < 2 && self->drops; turn++) {
		FOR_EACH_CONTEXT(where) {
			ASSERT_EQ(-EMSGSIZE, rd_record(self->fd, where, in, RB_PAGE, 1));
			ASSERT_EQ(++large, ring__relaxed(&lost[FERRIO_RB_LOST_TOO_LARGE]));
		}
	}
	while (!rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, in, 0, 0))
		;
	full += self->drops;
	for (int turn = 0; turn < 20 && self->drops; turn++) {
		FOR_EACH_CONTEXT(where) {
			ASSERT_EQ(-ENOBUFS, rd_record(self->fd, where, in, 1, 1));
			ASSERT_EQ(++full, ring__relaxed(&lost[FERRIO_RB_LOST_FULL]));
		}
	}
	EXPECT_EQ(full, ring__relaxed(&lost[FERRIO_RB_LOST_FULL]));
	EXPECT_EQ(large, ring__relaxed(&lost[FERRIO_RB_LOST_TOO_LARGE]));
	EXPECT_EQ(0, ring__relaxed(&page->lost.discarded));
	ring_records_close(&c);
}

/* A ring has records or bytes, and calls for these alone. */
TEST_F(record, of_one_kind)
{
	int bytes = rd_open(variant->device, O_RDWR, RD_READ | RD_WRITE, RB_PAGE);
	int written = rd_open(variant->device, O_RDWR, RD_WRITE, RB_PAGE);
	char c;

	FOR_EACH_CONTEXT(where) {
		EXPECT_EQ(-EBADF, rd_write(self->fd, where, "a", 1));
		EXPECT_EQ(-EBADF, rd_build(self->fd, where, "a", 1, 1));
		EXPECT_EQ(-EBADF, rd_read(self->fd, where, &c, 1, 1));
		EXPECT_EQ(-EBADF, rd_record(bytes, where, "a", 1, 1));
		EXPECT_EQ(-EBADF, rd_take_back(bytes, where, "a", 1));
		EXPECT_EQ(-EBADF, rd_record(written, where, "a", 1, 1));
	}
	EXPECT_EQ(0, rb_avail(self->fd));
	EXPECT_EQ(0, rb_avail(bytes));
	EXPECT_EQ(-1, rb_fdinfo(bytes, "rbr-records"));
	close(bytes);
	close(written);
}

/* Nobody is left to miss a record. */
TEST_F(record, nobody_reads)
{
	ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, "abc", 3, 3));
	EXPECT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_READ));
	FOR_EACH_CONTEXT(where) {
		EXPECT_EQ(-EPIPE, rd_record(self->fd, where, "abc", 3, 3));
		EXPECT_EQ(-EPIPE, rd_take_back(self->fd, where, "abc", 3));
	}
	for (int cause = 0; cause < FERRIO_RB_LOST_CAUSES; cause++)
		EXPECT_EQ(0, rd_lost(self->fd, cause));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rbr-discarded"));
}

/* What is there is read, and then the end. */
TEST_F(record, shutdown)
{
	/* In Rust the end is gone with that. */
	long error = rd_is_rust(variant->device) ? -EBADF : -ESHUTDOWN;
	char out[8];

	ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, "abc", 3, 3));
	EXPECT_EQ(0, RD(self->fd, SHUTDOWN, .directions = RD_READ | RD_WRITE));
	FOR_EACH_CONTEXT(where)
		EXPECT_EQ(error, rd_record(self->fd, where, "d", 1, 1));
	EXPECT_EQ(3, read(self->fd, out, 8));
	EXPECT_EQ(0, read(self->fd, out, 8));
	EXPECT_EQ(0, RD(self->fd, SHUTDOWN, .directions = RD_READ));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rbr-corrupt"));
}

static void call_record(struct rb_call *call, int fd, struct ferrio_test_ring *arg, void *data)
{
	*arg = (struct ferrio_test_ring) {
		.size = sizeof(*arg), .how = FERRIO_TEST_RING_RECORD,
		.data = (uintptr_t)data, .len = 2000, .min = 2000,
	};
	rb_call_ioctl(call, fd, FERRIO_TEST_RING_CALL, arg);
}

/* Room for one sleeper's record needs both of the others gone. */
static void fill(int fd)
{
	char in[1400] = "";

	for (int i = 0; i < 2; i++)
		if (rd_record(fd, FERRIO_TEST_RING_ATOMIC, in, 700 + i * 700, 700 + i * 700))
			rb_die("no room");
	if (rd_record(fd, FERRIO_TEST_RING_ATOMIC, in, 1400, 1400))
		rb_die("no room");
}

/* A driver whose ring does not drop sleeps until there is room for all of it. */
TEST_F(record, sleeps_for_room)
{
	struct ferrio_test_ring arg;
	char in[2000], out[RB_PAGE];
	struct rb_call call;

	rb_pattern(in, sizeof(in), 0);
	fill(self->fd);
	call_record(&call, self->fd, &arg, in);
	if (self->drops) {
		EXPECT_EQ(0, rb_call_end(&call));
		EXPECT_EQ(-ENOBUFS, arg.result);
		return;
	}
	rb_call_asleep(&call);
	ASSERT_EQ(700, read(self->fd, out, sizeof(out)));
	rb_sleep_ms(20);
	EXPECT_FALSE(rb_call_done(&call));
	ASSERT_EQ(1400, read(self->fd, out, sizeof(out)));
	EXPECT_EQ(0, rb_call_end(&call));
	EXPECT_EQ(0, arg.result);
	ASSERT_EQ(1400, read(self->fd, out, sizeof(out)));
	ASSERT_EQ(2000, read(self->fd, out, sizeof(out)));
	EXPECT_EQ(-1, rb_mismatch(out, 2000, 0));
	EXPECT_LT(0, rb_fdinfo(self->fd, "rbr-producer-sleeps"));
}

/* The same for a program that has the ring mapped. */
TEST_F(record, sleeps_for_a_mapping)
{
	struct ring_records c = map_end(self->fd);
	struct ferrio_test_ring arg;
	struct rb_call call;
	char in[2000] = "";
	const void *out;

	if (!self->drops) {
		fill(self->fd);
		call_record(&call, self->fd, &arg, in);
		rb_call_asleep(&call);
		ASSERT_EQ(700, next_of(&c, &out));
		ASSERT_EQ(1400, next_of(&c, &out));
		ASSERT_EQ(1400, next_of(&c, &out));
		EXPECT_EQ(0, rb_call_end(&call));
		EXPECT_EQ(0, arg.result);
		ASSERT_EQ(2000, next_of(&c, &out));
	}
	ring_records_close(&c);
}

/*
 * A program that goes between what it gives back and the wake for it leaves no driver asleep: with
 * a window of an end, or of the driver's file.
 */
TEST_F_TIMEOUT(record, gone_before_the_bell, 20)
{
	/* To write to the window of a file takes a file that is open for it. */
	int fd = rd_open(variant->device, O_RDWR, 0, 0), end, files[2];
	struct ferrio_test_ring arg;
	struct ferrio_rb_info info;
	struct rb_call call;
	char in[2000] = "";

	ASSERT_EQ(0, RD(fd, ALLOC, .len = RB_PAGE, .directions = RD_READ, .flags = variant->flags));
	end = rb_mint(fd, FERRIO_RB_READ);
	files[0] = end;
	files[1] = fd;
	rb_info(fd, &info);
	for (unsigned int i = 0; i < ARRAY_SIZE(files) && !self->drops; i++) {
		struct ferrio_rb_end_page *own = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE,
						      MAP_SHARED, files[i], info.map_consumer);

		ASSERT_NE(MAP_FAILED, own);
		fill(fd);
		call_record(&call, fd, &arg, in);
		rb_call_asleep(&call);
		__atomic_store_n(&own->position, own->position + rb_avail(fd),
				 __ATOMIC_RELEASE);
		rb_sleep_ms(20);
		EXPECT_FALSE(rb_call_done(&call));
		munmap(own, RB_PAGE);
		EXPECT_EQ(0, rb_call_end(&call));
		EXPECT_EQ(0, arg.result);
		EXPECT_EQ(2000, read(fd, in, sizeof(in)));
	}
	close(end);
	close(fd);
}

/* A signal ends the sleep, and so does that nobody reads; nothing is left behind. */
TEST_F(record, sleep_ends)
{
	struct ferrio_test_ring arg;
	char in[2000] = "", out[RB_PAGE];
	struct rb_call call;

	if (self->drops)
		return;
	rb_catch(SIGUSR1, 0);
	fill(self->fd);
	call_record(&call, self->fd, &arg, in);
	rb_call_asleep(&call);
	rb_call_signal(&call, SIGUSR1);
	EXPECT_EQ(0, rb_call_end(&call));
	EXPECT_EQ(-RD_RESTARTSYS, arg.result);
	ASSERT_EQ(700, read(self->fd, out, sizeof(out)));
	EXPECT_EQ(2 * extent_of(1400), rb_avail(self->fd));
	ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, in, 700, 700));
	call_record(&call, self->fd, &arg, in);
	rb_call_asleep(&call);
	EXPECT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_READ));
	EXPECT_EQ(0, rb_call_end(&call));
	EXPECT_EQ(-EPIPE, arg.result);
}

/* A thread of the driver that sleeps for room is stopped by kthread_stop(). */
TEST_F(record, thread)
{
	char out[RB_PAGE];

	ASSERT_EQ(0, RD(self->fd, THREAD, .len = 1000));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(1000, read(self->fd, out, sizeof(out)));
	if (self->drops) {
		/* The first one that is lost is an error, which ends it. */
		while (!rb_fdinfo(self->fd, "rbr-lost-full"))
			rb_sleep_ms(1);
		EXPECT_EQ(-ENOBUFS, RD(self->fd, STOP));
		return;
	}
	for (int i = 0; i < 100; i++)
		ASSERT_EQ(1000, read(self->fd, out, sizeof(out)));
	/* Full, and the thread sleeps. */
	while (rb_avail(self->fd) < 4 * extent_of(1000))
		rb_sleep_ms(1);
	rb_sleep_ms(20);
	EXPECT_EQ(-EINTR, RD(self->fd, STOP));
	EXPECT_EQ(4 * extent_of(1000), rb_avail(self->fd));
}
