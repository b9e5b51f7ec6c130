// SPDX-License-Identifier: GPL-2.0
/* Records through mapped ends, by the library, and through read(2) and write(2) behind them. */

#include "fix_records.h"

static struct ring_records map_end(int fd, int rw)
{
	struct ring_records rr;
	int end = rb_mint(fd, rw);

	if (ring_records(end, rw, 0, 0, &rr) != end)
		rb_die("ring_records: %s", strerror(errno));
	rr.rb.nonblock = true;
	return rr;
}

/* As write(2). */
static ssize_t put(struct ring_records *rr, const void *from, size_t bytes)
{
	return ring_record_write(rr, from, bytes) ? -1 : (ssize_t)bytes;
}

/* Of every length, at every place of the ring; what is reserved is nobody's yet. */
TEST_F(records, every_length)
{
	struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE);
	struct ring_records c = map_end(self->fd, FERRIO_RB_READ);
	const void *payload;
	size_t bytes;
	void *room;

	for (size_t len = 0; len <= LARGEST; len += len < 64 ? 1 : 61) {
		room = ring_record_reserve(&p, len);
		ASSERT_NE(NULL, room);
		rb_pattern(room, len, len);
		EXPECT_EQ(NULL, ring_record_reserve(&p, 1));
		EXPECT_EQ(EBUSY, errno);
		EXPECT_EQ(-1, ring_record_next(&c, &payload, &bytes));
		EXPECT_EQ(EAGAIN, errno);
		EXPECT_EQ(-1, ring_record_commit(&p, len + 1));
		EXPECT_EQ(EMSGSIZE, errno);
		ASSERT_EQ(0, ring_record_commit(&p, len));
		EXPECT_EQ(-1, ring_record_commit(&p, len));
		EXPECT_EQ(EINVAL, errno);
		ASSERT_EQ(1, ring_record_next(&c, &payload, &bytes));
		ASSERT_EQ(len, bytes);
		ASSERT_EQ(-1, rb_mismatch(payload, len, len));
		ASSERT_EQ(0, ring_record_done(&c));
	}
	EXPECT_EQ(NULL, ring_record_reserve(&p, LARGEST + 1));
	EXPECT_EQ(EMSGSIZE, errno);
	ring_records_close(&p);
	ring_records_close(&c);
}

/* Less than was reserved; nothing of it; and what was not ended. */
TEST_F(records, part_and_discard)
{
	struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE);
	struct ring_records c = map_end(self->fd, FERRIO_RB_READ);
	const void *payload;
	size_t bytes;

	ASSERT_NE(NULL, ring_record_reserve(&p, 1000));
	EXPECT_EQ(0, ring_record_discard(&p));
	EXPECT_EQ(-1, ring_record_discard(&p));
	EXPECT_EQ(0, rb_avail(self->fd));
	ASSERT_NE(NULL, ring_record_reserve(&p, 1000));
	EXPECT_EQ(0, ring_record_commit(&p, 10));
	EXPECT_EQ(extent_of(10), rb_avail(self->fd));
	EXPECT_EQ(1, ring_record_next(&c, &payload, &bytes));
	EXPECT_EQ(10, bytes);
	/* its holder goes with a reservation: the next one knows of nothing */
	ASSERT_NE(NULL, ring_record_reserve(&p, 1000));
	ring_records_close(&p);
	p = map_end(self->fd, FERRIO_RB_WRITE);
	ASSERT_EQ(0, ring_record_write(&p, "next", 4));
	EXPECT_EQ(1, ring_record_next(&c, &payload, &bytes));
	EXPECT_EQ(4, bytes);
	EXPECT_EQ(0, memcmp(payload, "next", 4));
	ring_records_close(&p);
	ring_records_close(&c);
}

/* An end goes from calls to a mapping and back. */
TEST_F(records, mixed_with_calls)
{
	struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE);
	struct ring_records c = map_end(self->fd, FERRIO_RB_READ);
	const void *payload;
	size_t bytes;
	char buf[64];

	for (int i = 0; i < 500; i++) {
		snprintf(buf, sizeof(buf), "record %d", i);
		bytes = strlen(buf);
		ASSERT_EQ(bytes, i % 3 ? put(&p, buf, bytes) : write(self->fd, buf, bytes));
		if (i % 2) {
			ASSERT_EQ(1, ring_record_next(&c, &payload, &bytes));
			ASSERT_EQ(0, memcmp(payload, buf, strlen(buf)));
			ASSERT_EQ(0, ring_record_done(&c));
		} else {
			char got[64];

			ASSERT_EQ(bytes, read(self->fd, got, sizeof(got)));
			ASSERT_EQ(0, memcmp(got, buf, bytes));
		}
	}
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rb-misuse"));
	ring_records_close(&p);
	ring_records_close(&c);
}

/* A ring of bytes has no records, and one that is in use keeps what it is. */
TEST_F(records, not_of_bytes)
{
	struct ring_records rr;
	int bytes = rb_open(O_RDWR);
	int r = rb_mint(bytes, FERRIO_RB_READ);

	EXPECT_EQ(-1, ring_records(r, FERRIO_RB_READ, 0, 0, &rr));
	EXPECT_EQ(EPROTO, errno);
	EXPECT_EQ(-1, ring_records(bytes, FERRIO_RB_READ, RB_PAGE, 0, &rr));
	EXPECT_EQ(EPROTO, errno);
	EXPECT_EQ(-1, ring_record_write(&rr, "x", 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, ring_records(self->fd, FERRIO_RB_READ, RB_PAGE, 1U << 30, &rr));
	EXPECT_EQ(EINVAL, errno);
	close(r);
	close(bytes);
	/* nor are records bytes */
	r = rb_mint(self->fd, FERRIO_RB_READ);
	EXPECT_EQ(-1, ringbuffer(r, FERRIO_RB_READ, 0, &rr.rb));
	EXPECT_EQ(EPROTO, errno);
	EXPECT_EQ(-1, ringbuffer(self->fd, FERRIO_RB_WRITE, RB_PAGE, &rr.rb));
	EXPECT_EQ(EPROTO, errno);
	close(r);
}

/* Both ends in processes of their own, each of which sleeps for the other. */
TEST_F_TIMEOUT(records, two_processes, 60)
{
	bool drops = variant->flags & FERRIO_RB_RECORDS_DROP;
	struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE);
	struct ring_records c = map_end(self->fd, FERRIO_RB_READ);
	uint64_t n = rounds(20000, 2000), seen = 0, missed = 0, next = 0;
	const void *payload;
	size_t bytes;
	int status;
	pid_t pid;

	close(self->fd);
	self->fd = -1;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		uint64_t record[80], state = 7;

		ring_records_close(&c);
		p.rb.nonblock = false;
		p.rb.spin = 0;
		for (uint64_t i = 0; i < n; i++) {
			size_t words = 2 + rb_random(&state) % 78;

			for (size_t w = 0; w < words; w++)
				record[w] = i;
			if (ring_record_write(&p, record, words * 8) &&
			    !(drops && errno == ENOBUFS))
				_exit(1);
		}
		/* the end tells what was lost last */
		p.rb.nonblock = true;
		while (drops && ring_record_write(&p, "", 0))
			if (errno != ENOBUFS)
				_exit(2);
		_exit(0);
	}
	ring_records_close(&p);
	c.rb.nonblock = false;
	c.rb.spin = 0;
	for (;;) {
		int got = ring_record_next(&c, &payload, &bytes);
		const uint64_t *record = payload;

		if (!got)
			break;
		if (got < 0) {
			ASSERT_EQ(ENOBUFS, errno);
			missed += c.lost[FERRIO_RB_LOST_FULL];
			continue;
		}
		if (!bytes)
			continue;
		ASSERT_LE(next, record[0]);
		for (size_t w = 0; w < bytes / 8; w++)
			ASSERT_EQ(record[0], record[w]);
		next = record[0] + 1;
		seen++;
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* the records that were written at last are none of the n */
	EXPECT_LE(n, seen + missed);
	if (!drops)
		EXPECT_EQ(n, seen);
	EXPECT_LE(rb_fdinfo(c.rb.fd, "rb-consumer-wakes"),
		  rb_fdinfo(c.rb.fd, "rb-consumer-arms"));
	ring_records_close(&c);
}

/* A quiet record wakes nobody, and is read with the next one that wakes. */
TEST_F(records, quiet)
{
	struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE);
	struct rb_call call;
	char buf[8];

	rb_call_read(&call, self->fd, buf, sizeof(buf));
	rb_call_asleep(&call);
	for (int i = 0; i < 3; i++) {
		memcpy(ring_record_reserve(&p, 5), "quiet", 5);
		ASSERT_EQ(0, ring_record_commit_quiet(&p, 5));
		rb_call_asleep(&call);
	}
	EXPECT_EQ(-1, ring_record_commit_quiet(&p, 5));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, ring_record_write(&p, "loud", 4));
	EXPECT_EQ(5, rb_call_end(&call));
	EXPECT_EQ(0, memcmp(buf, "quiet", 5));
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(5, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(4, read(self->fd, buf, sizeof(buf)));
	ring_records_close(&p);
}

/* A producer that is killed in the middle leaves records, and an end. */
TEST_F_TIMEOUT(records, killed, 60)
{
	struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE);
	struct ring_records c = map_end(self->fd, FERRIO_RB_READ);
	const void *payload;
	size_t bytes;
	pid_t pid;
	int got;

	close(self->fd);
	self->fd = -1;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		ring_records_close(&c);
		p.rb.nonblock = false;
		for (;;) {
			void *room = ring_record_reserve(&p, 100);

			if (!room)
				continue;
			memset(room, 5, 100);
			ring_record_commit(&p, 100);
		}
	}
	ring_records_close(&p);
	c.rb.nonblock = false;
	for (int i = 0; i < 1000; i++) {
		got = ring_record_next(&c, &payload, &bytes);
		ASSERT_TRUE(got == 1 || (got < 0 && errno == ENOBUFS));
	}
	kill(pid, SIGKILL);
	rb_reap_killed(pid);
	while ((got = ring_record_next(&c, &payload, &bytes)))
		if (got == 1) {
			ASSERT_EQ(100, bytes);
			ASSERT_EQ(5, ((const char *)payload)[99]);
		} else {
			ASSERT_EQ(ENOBUFS, errno);
		}
	ring_records_close(&c);
}

TEST_HARNESS_MAIN
