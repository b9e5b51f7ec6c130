// SPDX-License-Identifier: GPL-2.0
/* Two writers and two readers: nothing is mixed that may not be, nothing lost. */

#include "fix_byte.h"

/* At most PIPE_BUF with its head: the length goes up and down. */
struct record {
	uint32_t writer;
	uint32_t seq;
	uint32_t len;	/* of the body */
	uint32_t sum;
	unsigned char body[RB_PAGE - 16];
};

#define HEAD	offsetof(struct record, body)

struct job {
	pthread_t thread;
	struct rb *rb;
	uint32_t id;
	int count;
	unsigned long sum[2], bytes[2];
	const char *fault;
};

static uint32_t checksum(const struct record *r)
{
	uint32_t sum = r->writer * 31 + r->seq * 7 + r->len;

	for (uint32_t i = 0; i < r->len; i++)
		sum = sum * 33 + r->body[i];
	return sum;
}

static void make_record(struct record *r, uint32_t writer, uint32_t seq,
			uint32_t len)
{
	r->writer = writer;
	r->seq = seq;
	r->len = len;
	rb_pattern(r->body, len, (uint64_t)writer << 32 | seq);
	r->sum = checksum(r);
}

static void start(struct job *j, struct rb *rb, uint32_t id, int count,
		  void *(*work)(void *))
{
	*j = (struct job){ .rb = rb, .id = id, .count = count };
	if (pthread_create(&j->thread, NULL, work, j))
		rb_die("pthread_create failed");
}

static void *write_records(void *arg)
{
	struct job *j = arg;
	uint64_t seed = j->id;
	struct record r;

	for (int i = 0; i < j->count; i++) {
		uint32_t len = rb_random(&seed) % (sizeof(r.body) + 1);

		if (i % 8 == 0)
			len = sizeof(r.body);
		make_record(&r, j->id, i, len);
		if (write(j->rb->w, &r, HEAD + len) != (ssize_t)(HEAD + len)) {
			j->fault = "a short write of a record";
			break;
		}
	}
	return NULL;
}

static bool read_all(int fd, void *buf, size_t len)
{
	char *p = buf;

	while (len) {
		ssize_t n = read(fd, p, len);

		if (n <= 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

/* Records up to PIPE_BUF come whole, each writer's in order. */
TEST_F(byte, records)
{
	int count = rounds(1500, 200);
	uint32_t next[2] = { 0, 0 };
	struct job w[2];
	struct record r;

	for (int i = 0; i < 2; i++)
		start(&w[i], &self->rb, i, count, write_records);
	for (int i = 0; i < 2 * count; i++) {
		ASSERT_TRUE(read_all(self->rb.r, &r, HEAD));
		ASSERT_LT(r.writer, 2);
		ASSERT_EQ(next[r.writer], r.seq);
		ASSERT_LE(r.len, sizeof(r.body));
		ASSERT_TRUE(read_all(self->rb.r, r.body, r.len));
		ASSERT_EQ(checksum(&r), r.sum);
		next[r.writer]++;
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(NULL, w[i].fault);
		EXPECT_EQ(count, next[i]);
	}
	EXPECT_EQ(0, rb_avail(self->rb.r));
}

#define CELL	64	/* divides the page: a cell is read whole */

struct cell {
	uint32_t writer, seq, check, fill[13];
};

static void *write_cells(void *arg)
{
	struct job *j = arg;
	struct cell c;

	for (int i = 0; i < j->count; i++) {
		c.writer = j->id;
		c.seq = i;
		c.check = i * 2654435761U + j->id;
		for (int k = 0; k < 13; k++)
			c.fill[k] = c.check;
		if (write(j->rb->w, &c, CELL) != CELL) {
			j->fault = "a short write of a cell";
			break;
		}
	}
	return NULL;
}

static void *read_cells(void *arg)
{
	struct job *j = arg;
	uint32_t last[2] = { 0, 0 };
	struct cell c;
	ssize_t n;

	while ((n = read(j->rb->r, &c, CELL)) == CELL) {
		bool good = c.writer < 2 &&
			    c.check == c.seq * 2654435761U + c.writer;

		for (int k = 0; k < 13; k++)
			good &= c.fill[k] == c.check;
		if (!good) {
			j->fault = "a mixed cell";
			break;
		}
		/* what one reader sees of one writer is in order */
		if (j->bytes[c.writer] && c.seq <= last[c.writer])
			j->fault = "cells out of order";
		last[c.writer] = c.seq;
		j->sum[c.writer] += c.seq;
		j->bytes[c.writer]++;
	}
	if (n && !j->fault)
		j->fault = "a read of less than a cell";
	return NULL;
}

/* Every record goes to one of two readers, once. */
TEST_F(byte, two_readers)
{
	unsigned long count = rounds(6000, 600);
	struct job w[2], r[2];

	for (int i = 0; i < 2; i++) {
		start(&r[i], &self->rb, i, 0, read_cells);
		start(&w[i], &self->rb, i, count, write_cells);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(w[i].thread, NULL);
	rb_close_w(&self->rb);
	for (int i = 0; i < 2; i++)
		pthread_join(r[i].thread, NULL);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(NULL, w[i].fault) TH_LOG("%s", w[i].fault);
		EXPECT_EQ(NULL, r[i].fault) TH_LOG("%s", r[i].fault);
		EXPECT_EQ(count, r[0].bytes[i] + r[1].bytes[i]);
		EXPECT_EQ(count * (count - 1) / 2, r[0].sum[i] + r[1].sum[i]);
	}
}

#define BLOCK	10007

static void *write_blocks(void *arg)
{
	static unsigned char buf[2][BLOCK];
	struct job *j = arg;

	for (int k = 0; k < BLOCK; k++)
		buf[j->id][k] = j->id << 7 | (k & 127);
	for (int i = 0; i < j->count; i++) {
		if (write(j->rb->w, buf[j->id], BLOCK) != BLOCK) {
			j->fault = "a short write of a block";
			break;
		}
	}
	return NULL;
}

static void *read_blocks(void *arg)
{
	static unsigned char bufs[2][8000];
	struct job *j = arg;
	unsigned char *buf = bufs[j->id];
	ssize_t n;

	while ((n = read(j->rb->r, buf, 8000)) > 0) {
		for (ssize_t k = 0; k < n; k++) {
			j->bytes[buf[k] >> 7]++;
			j->sum[buf[k] >> 7] += buf[k] & 127;
		}
	}
	if (n)
		j->fault = "a read failed";
	return NULL;
}

/* Beyond PIPE_BUF writers may mix, but each byte comes once. */
TEST_F(byte, long_writes)
{
	unsigned long count = rounds(120, 30), sum = 0;
	struct job w[2], r[2];

	for (int k = 0; k < BLOCK; k++)
		sum += k & 127;
	for (int i = 0; i < 2; i++) {
		start(&r[i], &self->rb, i, 0, read_blocks);
		start(&w[i], &self->rb, i, count, write_blocks);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(w[i].thread, NULL);
	rb_close_w(&self->rb);
	for (int i = 0; i < 2; i++)
		pthread_join(r[i].thread, NULL);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(NULL, w[i].fault) TH_LOG("%s", w[i].fault);
		EXPECT_EQ(NULL, r[i].fault) TH_LOG("%s", r[i].fault);
		EXPECT_EQ(count * BLOCK, r[0].bytes[i] + r[1].bytes[i]);
		EXPECT_EQ(count * sum, r[0].sum[i] + r[1].sum[i]);
	}
}

TEST_HARNESS_MAIN
