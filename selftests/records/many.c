// SPDX-License-Identifier: GPL-2.0
/* Many producers: who has which slot, what they put in at once, and what ends a record. */

#include <pthread.h>
#include <sys/mman.h>

#include "fix_many.h"

static uint64_t slot_of(int fd)
{
	struct ferrio_rb_info info;

	rb_info(fd, &info);
	return info.slot;
}

/* A mapping that may write has a slot for as long as it is there, and no other has it. */
TEST_F(many, slots)
{
	struct ring_records p[FERRIO_RB_SLOTS], more;
	uint64_t seen = 0;
	int end;

	for (int i = 0; i < FERRIO_RB_SLOTS; i++) {
		p[i] = map_end(self->fd, FERRIO_RB_WRITE);
		ASSERT_EQ(p[i].owner, slot_of(p[i].rb.fd));
		ASSERT_LE(1, p[i].owner);
		ASSERT_GE(FERRIO_RB_SLOTS, p[i].owner);
		ASSERT_EQ(0, seen >> p[i].owner & 1);
		seen |= 1ULL << p[i].owner;
	}
	EXPECT_EQ(0, slot_of(self->fd));
	end = rb_mint(self->fd, FERRIO_RB_WRITE);
	EXPECT_EQ(-1, ring_records(end, FERRIO_RB_WRITE, 0, 0, &more));
	EXPECT_EQ(ENFILE, errno);
	EXPECT_EQ(0, slot_of(end));
	/* one mapping of a file, and it keeps the end */
	EXPECT_EQ(-1, ring_records(p[7].rb.fd, FERRIO_RB_WRITE, 0, 0, &more));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(-EBUSY, rb_shutdown(p[7].rb.fd, FERRIO_RB_WRITE));
	ASSERT_EQ(0, ring_record_write(&p[7], "seven", 5));
	/* what is given back can be had again */
	ring_records_close(&p[20]);
	ASSERT_EQ(end, ring_records(end, FERRIO_RB_WRITE, 0, 0, &more));
	ASSERT_EQ(0, ring_record_write(&more, "more", 4));
	ring_records_close(&more);
	for (int i = 0; i < FERRIO_RB_SLOTS; i++)
		ring_records_close(&p[i]);
	EXPECT_EQ(extent_of(5) + extent_of(4), rb_avail(self->fd));
}

/* A window that moves keeps its slot, and what is reserved; a child has neither. */
TEST_F(many, moved_and_not_inherited)
{
	struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE);
	size_t words = 2 * RB_PAGE, rest = p.rb.window_bytes - words;
	struct ferrio_rb_info info;
	unsigned char vec;
	void *to, *room;
	int status;
	pid_t pid;

	room = ring_record_reserve(&p, 5);
	ASSERT_NE(NULL, room);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(mincore(p.rb.window + words, RB_PAGE, &vec) == 0 || errno != ENOMEM);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	to = mmap(NULL, rest, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, to);
	ASSERT_EQ(to, mremap(p.rb.window + words, rest, rest, MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_EQ(p.owner, slot_of(p.rb.fd));
	rb_info(self->fd, &info);
	EXPECT_EQ(0, info.lost.lost[FERRIO_RB_LOST_ABORTED]);
	munmap(to, rest);
	EXPECT_EQ(0, slot_of(p.rb.fd));
	rb_info(self->fd, &info);
	EXPECT_EQ(1, info.lost.lost[FERRIO_RB_LOST_ABORTED]);
	EXPECT_EQ(1, rb_fdinfo(self->fd, "rb-lost-aborted"));
	ring_records_close(&p);
}

/* What ends a record: once, of what was reserved, by who knows it. */
TEST_F(many, tokens)
{
	struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE), copy, other;
	struct ring_records c = map_end(self->fd, FERRIO_RB_READ);
	const void *payload;
	size_t bytes;
	char *room;

	room = ring_record_reserve(&p, 5);
	ASSERT_NE(NULL, room);
	memcpy(room, "hello", 5);
	EXPECT_EQ(NULL, ring_record_reserve(&p, 5));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(-1, ring_record_next(&c, &payload, &bytes));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, ring_record_commit(&p, 6));
	EXPECT_EQ(EMSGSIZE, errno);
	copy = p;
	/* forged: another place, another length, another turn */
	for (int i = 0; i < 4; i++) {
		other = p;
		other.at += i == 0 ? 8 : i == 1 ? RB_PAGE : 0;
		other.header ^= i == 2 ? 1 : i == 3 ? FERRIO_RB_RECORD_PHASE : 0;
		EXPECT_EQ(-1, ring_record_commit(&other, 1));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(-1, ring_record_next(&c, &payload, &bytes));
	ASSERT_EQ(0, ring_record_commit(&p, 5));
	/* double */
	EXPECT_EQ(-1, ring_record_commit(&p, 5));
	EXPECT_EQ(EINVAL, errno);
	other = copy;
	EXPECT_EQ(-1, ring_record_commit(&other, 5));
	EXPECT_EQ(EINVAL, errno);
	other = copy;
	EXPECT_EQ(-1, ring_record_discard(&other));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(1, ring_record_next(&c, &payload, &bytes));
	EXPECT_EQ(5, bytes);
	EXPECT_EQ(0, memcmp(payload, "hello", 5));
	ASSERT_EQ(0, ring_record_done(&c));
	/* stale: the place is others' by now */
	for (int i = 0; i < 2 * RB_PAGE / 24; i++) {
		ASSERT_EQ(0, ring_record_write(&p, "0123456789abcdef", 16));
		ASSERT_EQ(1, ring_record_next(&c, &payload, &bytes));
		other = copy;
		ASSERT_EQ(-1, ring_record_commit(&other, 5));
		ASSERT_EQ(EINVAL, errno);
	}
	ASSERT_EQ(0, ring_record_done(&c));
	ring_records_close(&p);
	ring_records_close(&c);
	EXPECT_EQ(0, rb_avail(self->fd));
}

/* A part of what was reserved, and nothing of it, between others' records. */
TEST_F(many, part_and_discard)
{
	struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE);
	struct ring_records q = map_end(self->fd, FERRIO_RB_WRITE);
	struct ring_records c = map_end(self->fd, FERRIO_RB_READ);
	struct ferrio_rb_info info;
	const void *payload;
	char buf[RB_PAGE], *room;
	size_t bytes;

	for (int i = 0; i < 300; i++) {
		size_t len = i * 7 % 1000, part = len - len * (i % 5) / 5;

		room = ring_record_reserve(&p, len);
		ASSERT_NE(NULL, room);
		ASSERT_EQ(0, ring_record_write(&q, &i, sizeof(i)));
		rb_pattern(room, part, i);
		ASSERT_EQ(0, i % 3 ? ring_record_commit(&p, part) : ring_record_discard(&p));
		if (i % 2) {
			if (i % 3) {
				ASSERT_EQ(part, read(self->fd, buf, sizeof(buf)));
				ASSERT_EQ(-1, rb_mismatch(buf, part, i));
			}
			ASSERT_EQ(sizeof(i), read(self->fd, buf, sizeof(buf)));
			ASSERT_EQ(0, memcmp(buf, &i, sizeof(i)));
			continue;
		}
		if (i % 3) {
			ASSERT_EQ(1, ring_record_next(&c, &payload, &bytes));
			ASSERT_EQ(part, bytes);
			ASSERT_EQ(-1, rb_mismatch(payload, part, i));
		}
		ASSERT_EQ(1, ring_record_next(&c, &payload, &bytes));
		ASSERT_EQ(0, memcmp(payload, &i, sizeof(i)));
		ASSERT_EQ(0, ring_record_done(&c));
	}
	rb_info(self->fd, &info);
	EXPECT_EQ(100, info.lost.discarded);
	EXPECT_EQ(0, info.lost.lost[FERRIO_RB_LOST_ABORTED]);
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rb-misuse"));
	ring_records_close(&p);
	ring_records_close(&q);
	ring_records_close(&c);
}

/* The producers of one run: some mapped, in threads or processes, and one that calls. */
#define PRODUCERS	4

struct producer {
	pthread_t thread;
	int fd;
	uint64_t id, n;
};

/* The last one is not lost, so that the consumer knows of it; the first producer makes calls. */
static void *produce(void *data)
{
	struct producer *p = data;
	uint64_t record[40], state = p->id + 1;
	struct ring_records rr;

	if (p->id) {
		rr = map_end(p->fd, FERRIO_RB_WRITE);
		rr.rb.nonblock = false;
		rr.rb.spin = 0;
	}
	for (uint64_t i = 0; i < p->n; i++) {
		size_t words = 2 + rb_random(&state) % 38;
		long done;

		record[0] = p->id;
		for (size_t w = 1; w < words; w++)
			record[w] = i;
		if (p->id)
			done = ring_record_write(&rr, record, words * 8) ? -errno : 0;
		else
			done = E(write(p->fd, record, words * 8));
		if (done == -ENOBUFS && i == p->n - 1)
			i--;
		else if (done < 0 && done != -ENOBUFS)
			rb_die("producer %d: %s", (int)p->id, strerror(-done));
	}
	if (p->id)
		ring_records_close(&rr);
	return NULL;
}

/* Reads up to the last of each: all are whole, and in their producer's order. */
static void consume(struct __test_metadata *_metadata, struct ring_records *c, int fd,
		    uint64_t n, uint64_t seen[PRODUCERS], uint64_t *missed)
{
	uint64_t next[PRODUCERS] = { 0 }, buf[40];
	int left = PRODUCERS;

	while (left) {
		const uint64_t *record = buf;
		const void *payload;
		size_t bytes;
		long got;

		if (c) {
			got = ring_record_next(c, &payload, &bytes);
			if (got < 0)
				got = -errno;
			record = payload;
		} else {
			got = E(read(fd, buf, sizeof(buf)));
			bytes = got;
		}
		if (got == -ENOBUFS) {
			if (c)
				*missed += c->lost[FERRIO_RB_LOST_FULL];
			continue;
		}
		ASSERT_LT(0, got);
		ASSERT_LE(16, bytes);
		ASSERT_GT(PRODUCERS, record[0]);
		ASSERT_LE(next[record[0]], record[1]);
		for (size_t w = 1; w < bytes / 8; w++)
			ASSERT_EQ(record[1], record[w]);
		next[record[0]] = record[1] + 1;
		left -= next[record[0]] == n;
		seen[record[0]]++;
	}
}

/* All at once; in the end what was offered is read or lost. */
static void run(struct __test_metadata *_metadata, int fd, bool drops, bool mapped,
		bool processes)
{
	uint64_t n = rounds(20000, 1000), seen[PRODUCERS] = { 0 }, missed = 0, sum = 0;
	struct producer p[PRODUCERS];
	struct ferrio_rb_info info;
	struct ring_records c;
	pid_t pid[PRODUCERS];
	int r = rb_mint(fd, FERRIO_RB_READ), status;

	if (mapped) {
		ASSERT_EQ(r, ring_records(r, FERRIO_RB_READ, 0, 0, &c));
		c.rb.spin = 0;
	}
	for (int i = 0; i < PRODUCERS; i++) {
		p[i] = (struct producer){ .fd = fd, .id = i, .n = n };
		if (processes) {
			pid[i] = fork();
			ASSERT_LE(0, pid[i]);
			if (!pid[i]) {
				produce(&p[i]);
				_exit(0);
			}
		} else {
			ASSERT_EQ(0, pthread_create(&p[i].thread, NULL, produce, &p[i]));
		}
	}
	consume(_metadata, mapped ? &c : NULL, r, n, seen, &missed);
	for (int i = 0; i < PRODUCERS; i++) {
		if (!processes) {
			pthread_join(p[i].thread, NULL);
			continue;
		}
		ASSERT_EQ(pid[i], waitpid(pid[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	rb_info(fd, &info);
	for (int i = 0; i < PRODUCERS; i++)
		sum += seen[i];
	/* the last ones are offered until they are taken */
	EXPECT_LE(PRODUCERS * n, sum + info.lost.lost[FERRIO_RB_LOST_FULL]);
	EXPECT_EQ(0, info.lost.lost[FERRIO_RB_LOST_ABORTED]);
	EXPECT_EQ(0, info.lost.lost[FERRIO_RB_LOST_PEER]);
	EXPECT_EQ(0, info.corrupt);
	EXPECT_GE(info.lost.lost[FERRIO_RB_LOST_FULL], missed);
	if (!drops)
		EXPECT_EQ(PRODUCERS * n, sum);
	if (mapped)
		ring_records_close(&c);
	else
		close(r);
}

/* A quiet record wakes nobody, nor does one behind it that the consumer is not at. */
TEST_F(many, quiet)
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
	rb_call_asleep(&call);
	ASSERT_EQ(0, ringbuffer_wakeup(p.rb.fd, FERRIO_RB_WRITE));
	EXPECT_EQ(5, rb_call_end(&call));
	EXPECT_EQ(0, memcmp(buf, "quiet", 5));
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(5, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(4, read(self->fd, buf, sizeof(buf)));
	ring_records_close(&p);
}

TEST_F_TIMEOUT(many, threads, 90)
{
	run(_metadata, self->fd, variant->flags & FERRIO_RB_RECORDS_DROP, true, false);
}

TEST_F_TIMEOUT(many, processes, 90)
{
	run(_metadata, self->fd, variant->flags & FERRIO_RB_RECORDS_DROP, true, true);
}

TEST_F_TIMEOUT(many, processes_for_calls, 90)
{
	run(_metadata, self->fd, variant->flags & FERRIO_RB_RECORDS_DROP, false, true);
}

/* Positions go on behind the widths of words, and of what headers and words hold of them. */
TEST_F_TIMEOUT(many, wraps, 60)
{
	static const uint64_t at[] = { 1ULL << 19, 1ULL << 32, 1ULL << 56, 0 };
	char in[900], buf[RB_PAGE];

	for (unsigned int i = 0; i < ARRAY_SIZE(at); i++) {
		int fd = rb_open(O_RDWR | O_NONBLOCK);
		uint64_t begin = at[i] - 2 * RB_PAGE, moved = 0;
		struct ring_records p, q, c;
		const void *out = buf;
		size_t bytes;

		ASSERT_EQ(0, set_records(fd, RB_PAGE, variant->flags));
		c = map_end(fd, FERRIO_RB_READ);
		start_at(fd, &c, begin);
		p = map_end(fd, FERRIO_RB_WRITE);
		q = map_end(fd, FERRIO_RB_WRITE);
		for (int turn = 0; moved < 6 * RB_PAGE; turn++) {
			size_t len = turn * 37 % 900;

			rb_pattern(in, sizeof(in), moved);
			ASSERT_NE(NULL, ring_record_reserve(&p, 100));
			ASSERT_EQ(turn % 2 ? len : 0, turn % 2 ? write(fd, in, len) :
				  ring_record_write(&q, in, len));
			ASSERT_EQ(0, turn % 3 ? ring_record_commit(&p, 50) :
				  ring_record_discard(&p));
			moved += extent_of(100) + extent_of(len);
			for (int n = turn % 3 ? 2 : 1; n--; ) {
				if (turn % 4 < 2) {
					ASSERT_EQ(1, ring_record_next(&c, &out, &bytes));
				} else {
					bytes = read(fd, buf, sizeof(buf));
					out = buf;
				}
				ASSERT_EQ(n ? 50 : len, bytes);
			}
			ASSERT_EQ(0, memcmp(out, in, len));
			ASSERT_EQ(0, ring_record_done(&c));
		}
		EXPECT_EQ(begin + moved, rb_fdinfo(fd, "rb-written"));
		EXPECT_EQ(begin + moved, rb_fdinfo(fd, "rb-read"));
		EXPECT_EQ(0, rb_fdinfo(fd, "rb-corrupt"));
		EXPECT_EQ(0, rb_fdinfo(fd, "rb-misuse"));
		ring_records_close(&p);
		ring_records_close(&q);
		ring_records_close(&c);
		close(fd);
	}
}

TEST_HARNESS_MAIN
