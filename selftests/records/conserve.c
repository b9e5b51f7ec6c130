// SPDX-License-Identifier: GPL-2.0
/*
 * Producers of one ring, some by calls and some mapped, of which one is killed with a record
 * reserved, again and again.  When it is over each record is accounted for, once.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "fix_many.h"

#define CALLERS		2	/* threads that write(2) */
#define THREADS		2	/* mapped */
#define PROCESSES	2	/* mapped, too */
#define PRODUCERS	(CALLERS + THREADS + PROCESSES)
#define DOOMED		PRODUCERS
#define LAST		~0ULL	/* the producer of the record behind all */

/* How far a producer that may be killed got with a record. */
enum stage {
	OUTSIDE,	/* it is not, or the calls are back */
	ASKING,		/* it is reserved, or lost, or neither */
	RESERVED,	/* it is; and committed perhaps */
	STAGES,
};

/* What a producer says that it did. */
struct did {
	uint64_t at;		/* records offered * STAGES + the stage of the last one */
	uint64_t committed, discarded, full, too_large;
};

/* In memory that all processes share. */
struct shared {
	bool over;
	struct did did[PRODUCERS + 1];
};

struct producer {
	struct shared *shared;
	int fd;
	uint64_t id;
	bool mapped;
	pthread_t thread;
	pid_t pid;
};

static uint64_t offered(const struct did *did)
{
	return __atomic_load_n(&did->at, __ATOMIC_SEQ_CST) / STAGES;
}

static enum stage stage(const struct did *did)
{
	return __atomic_load_n(&did->at, __ATOMIC_SEQ_CST) % STAGES;
}

/* The stages of a record follow each other; ASKING is one more record. */
static void reach(struct did *did, enum stage to)
{
	uint64_t number = offered(did) + (to == ASKING);

	__atomic_store_n(&did->at, number * STAGES + to, __ATOMIC_SEQ_CST);
}

/* The first two numbers of a record; all bytes behind them are the sum. */
static void build(unsigned char *record, size_t bytes, uint64_t id, uint64_t number)
{
	memset(record, (unsigned char)(id + number), bytes);
	memcpy(record, &id, 8);
	memcpy(record + 8, &number, 8);
}

static void refused(struct did *did, int error)
{
	if (error == ENOBUFS)
		did->full++;
	else if (error == EMSGSIZE)
		did->too_large++;
	else
		rb_die("a producer: %s", strerror(error));
	/* Not all the time, or nobody else comes in between. */
	usleep(200);
}

static void call(struct producer *p, struct did *did, size_t bytes)
{
	unsigned char record[2 * RB_PAGE];
	long ret;

	reach(did, ASKING);
	build(record, bytes, p->id, offered(did));
	ret = E(write(p->fd, record, bytes));
	if (ret < 0)
		refused(did, -ret);
	else
		did->committed++;
	reach(did, OUTSIDE);
}

/* As much of a record as is committed is what the producer likes. */
static void put(struct ring_records *rr, struct producer *p, struct did *did, size_t bytes,
		uint64_t random)
{
	bool doomed = p->id == DOOMED;
	unsigned char *record;

	reach(did, ASKING);
	record = ring_record_reserve(rr, bytes);
	if (!record) {
		refused(did, errno);
		reach(did, OUTSIDE);
		return;
	}
	reach(did, RESERVED);
	build(record, bytes, p->id, offered(did));
	/* That is where it is killed. */
	if (doomed && random % 2)
		rb_sleep_ms(5);
	if (!doomed && random % 8 == 0) {
		if (ring_record_discard(rr))
			rb_die("discard: %s", strerror(errno));
		did->discarded++;
	} else {
		if (ring_record_commit(rr, random % 8 == 1 ? 16 + random % (bytes - 15) : bytes))
			rb_die("commit: %s", strerror(errno));
		did->committed++;
	}
	reach(did, OUTSIDE);
}

static void *produce(void *data)
{
	struct producer *p = data;
	struct did *did = &p->shared->did[p->id];
	uint64_t state = rb_now() + p->id;
	struct ring_records rr;

	if (p->mapped) {
		rr = map_end(p->fd, FERRIO_RB_WRITE);
		rr.rb.nonblock = false;
		rr.rb.spin = 0;
	}
	while (!__atomic_load_n(&p->shared->over, __ATOMIC_RELAXED)) {
		uint64_t random = rb_random(&state);
		/* now and then one that never has room */
		size_t bytes = random % 300 ? 16 + random / 300 % 400 : RB_PAGE;

		if (!p->mapped)
			call(p, did, bytes);
		else
			put(&rr, p, did, bytes, random >> 32);
	}
	if (p->mapped && p->id != DOOMED) {
		/* A holder tells of its own losses alone, in front of its next record. */
		uint64_t full;

		do {
			full = did->full;
			put(&rr, p, did, 16, 2);
		} while (did->full != full);
		ring_records_close(&rr);
	}
	return NULL;
}

/* A process is one because it has no thread. */
static void start(struct producer *p, bool thread)
{
	if (thread) {
		if (pthread_create(&p->thread, NULL, produce, p))
			rb_die("pthread_create");
		return;
	}
	p->pid = fork();
	if (p->pid < 0)
		rb_die("fork: %s", strerror(errno));
	if (!p->pid) {
		produce(p);
		_exit(0);
	}
}

/* All producers, and how far they were who were killed. */
struct run {
	struct shared *shared;
	struct producer producer[PRODUCERS + 1];
	uint64_t reserved[4096];	/* numbers of records */
	unsigned int deaths, reserveds, askings;
	uint64_t late;		/* lost of the last record, before there was room for it */
	pthread_t thread;
};

static void kill_again_and_again(struct run *run, uint64_t end)
{
	struct producer *doomed = &run->producer[DOOMED];
	struct did *did = &run->shared->did[DOOMED];
	uint64_t state = end;

	while (rb_now() < end || run->reserveds < 5) {
		uint64_t before = offered(did);

		start(doomed, false);
		/* Of two, one has reserved a record then, the other is wherever it is. */
		while (offered(did) == before ||
		       (run->deaths % 2 && stage(did) != RESERVED))
			rb_sleep_ms(1);
		if (run->deaths++ % 2 == 0)
			rb_sleep_ms(rb_random(&state) % 10);
		kill(doomed->pid, SIGKILL);
		rb_reap_killed(doomed->pid);
		if (run->reserveds == ARRAY_SIZE(run->reserved))
			rb_die("too many deaths");
		switch (stage(did)) {
		case RESERVED:
			run->reserved[run->reserveds++] = offered(did);
			break;
		case ASKING:
			run->askings++;
			break;
		default:
			break;
		}
		reach(did, OUTSIDE);
	}
}

/* Ends it; what is left of it is read by who reads. */
static void *conduct(void *data)
{
	const uint64_t last[2] = { LAST };
	struct run *run = data;
	int status;
	long ret;

	/* Ten seconds with FERRIO_LONG. */
	kill_again_and_again(run, rb_now() + rounds(1000, 1000) * 1000000ULL);
	__atomic_store_n(&run->shared->over, true, __ATOMIC_RELAXED);
	for (int i = 0; i < PRODUCERS; i++) {
		struct producer *p = &run->producer[i];

		if (!p->pid)
			pthread_join(p->thread, NULL);
		else if (waitpid(p->pid, &status, 0) != p->pid || status)
			rb_die("a producer ended with %#x", status);
	}
	while ((ret = E(write(run->producer[0].fd, last, sizeof(last)))) == -ENOBUFS)
		run->late++;
	if (ret != sizeof(last))
		rb_die("the last record: %ld", ret);
	return NULL;
}

/* What the consumer has seen. */
struct seen {
	uint64_t records[PRODUCERS + 1], next[PRODUCERS + 1], gaps;
	uint64_t told[FERRIO_RB_LOST_CAUSES];
	bool doomed[1 << 20];	/* which records of that one */
};

static void consume(struct __test_metadata *_metadata, struct ring_records *c, bool mapped,
		    struct seen *seen)
{
	static unsigned char buf[RB_PAGE];
	uint64_t head[2];

	for (;;) {
		const unsigned char *record = buf;
		const void *payload = NULL;
		size_t bytes = 0;
		long got;

		if (mapped) {
			got = ring_record_next(c, &payload, &bytes);
			got = got < 0 ? -errno : (long)bytes;
			record = payload;
		} else {
			got = E(read(c->rb.fd, buf, sizeof(buf)));
		}
		if (got == -ENOBUFS) {
			seen->gaps++;
			for (int cause = 0; mapped && cause < FERRIO_RB_LOST_CAUSES; cause++)
				seen->told[cause] += c->lost[cause];
			continue;
		}
		ASSERT_LE(16, got);
		memcpy(head, record, 16);
		if (head[0] == LAST)
			return;
		ASSERT_GE(DOOMED, head[0]);
		ASSERT_LE(seen->next[head[0]], head[1]);
		for (long i = 16; i < got; i++)
			ASSERT_EQ((unsigned char)(head[0] + head[1]), record[i]);
		seen->next[head[0]] = head[1] + 1;
		seen->records[head[0]]++;
		if (head[0] == DOOMED) {
			ASSERT_GT(ARRAY_SIZE(seen->doomed), head[1]);
			seen->doomed[head[1]] = true;
		}
	}
}

/* What was offered is read, discarded, lost, or of the dead; @drops: a loss is counted and told. */
static void check(struct __test_metadata *_metadata, const struct run *run, const struct seen *seen,
		  const struct ferrio_rb_losses *lost, bool drops, bool mapped)
{
	const struct did *doomed = &run->shared->did[DOOMED];
	uint64_t full = 0, too_large = 0, discarded = 0, aborted = 0, unknown, untold;

	for (int i = 0; i <= DOOMED; i++) {
		const struct did *did = &run->shared->did[i];

		full += did->full;
		too_large += did->too_large;
		discarded += did->discarded;
		if (i == DOOMED)
			break;
		EXPECT_LT(0, did->committed);
		EXPECT_EQ(offered(did), did->committed + did->discarded + did->full +
			  did->too_large);
		EXPECT_EQ(did->committed, seen->records[i]);
	}
	for (unsigned int i = 0; i < run->reserveds; i++)
		aborted += !seen->doomed[run->reserved[i]];
	TH_LOG("%u killed with a record, %llu of these aborted; %llu full, %llu discarded",
	       run->reserveds, (unsigned long long)aborted, (unsigned long long)full,
	       (unsigned long long)discarded);
	EXPECT_LT(0, aborted);
	/* Of those that were killed while they asked, each may be in one account, or in none. */
	unknown = offered(doomed) - seen->records[DOOMED] - doomed->full - doomed->too_large -
		aborted;
	EXPECT_GE(run->askings, unknown);
	EXPECT_LE(aborted, lost->lost[FERRIO_RB_LOST_ABORTED]);
	unknown = lost->lost[FERRIO_RB_LOST_ABORTED] - aborted;
	if (drops) {
		EXPECT_LE(full + run->late, lost->lost[FERRIO_RB_LOST_FULL]);
		EXPECT_LE(too_large, lost->lost[FERRIO_RB_LOST_TOO_LARGE]);
		unknown += lost->lost[FERRIO_RB_LOST_FULL] - full - run->late +
			lost->lost[FERRIO_RB_LOST_TOO_LARGE] - too_large;
	} else {
		EXPECT_EQ(0, full);
		EXPECT_EQ(0, lost->lost[FERRIO_RB_LOST_FULL]);
		EXPECT_EQ(0, lost->lost[FERRIO_RB_LOST_TOO_LARGE]);
	}
	EXPECT_GE(run->askings, unknown);
	EXPECT_EQ(discarded, lost->discarded);
	EXPECT_EQ(0, lost->lost[FERRIO_RB_LOST_PEER]);
	EXPECT_EQ(drops, seen->gaps > 0);
	if (!drops || !mapped)
		return;
	/* What the dead have lost was for them to tell. */
	EXPECT_EQ(lost->lost[FERRIO_RB_LOST_ABORTED], seen->told[FERRIO_RB_LOST_ABORTED]);
	untold = lost->lost[FERRIO_RB_LOST_FULL] + lost->lost[FERRIO_RB_LOST_TOO_LARGE] -
		seen->told[FERRIO_RB_LOST_FULL] - seen->told[FERRIO_RB_LOST_TOO_LARGE];
	EXPECT_GE(doomed->full + doomed->too_large + run->askings, untold);
}

static void torture(struct __test_metadata *_metadata, int fd, bool drops, bool mapped,
		    uint64_t begin)
{
	struct run *run = calloc(1, sizeof(*run));
	struct seen *seen = calloc(1, sizeof(*seen));
	struct ring_records c = map_end(fd, FERRIO_RB_READ);
	struct ferrio_rb_info info;

	ASSERT_TRUE(run && seen);
	start_at(fd, &c, begin);
	c.rb.nonblock = false;
	c.rb.spin = 0;
	run->shared = mmap(NULL, sizeof(*run->shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, run->shared);
	for (int i = 0; i <= DOOMED; i++)
		run->producer[i] = (struct producer) {
			.shared = run->shared, .fd = fd, .id = i, .mapped = i >= CALLERS,
		};
	/* Processes first, while this one has no threads. */
	for (int i = PRODUCERS; i--; )
		start(&run->producer[i], i < CALLERS + THREADS);
	ASSERT_EQ(0, pthread_create(&run->thread, NULL, conduct, run));
	consume(_metadata, &c, mapped, seen);
	ASSERT_EQ(0, pthread_join(run->thread, NULL));
	if (mapped)
		ring_record_done(&c);
	rb_info(fd, &info);
	check(_metadata, run, seen, &info.lost, drops, mapped);
	EXPECT_EQ(0, info.corrupt);
	EXPECT_EQ(0, rb_avail(fd));
	EXPECT_EQ(rb_fdinfo(fd, "rb-read"), rb_fdinfo(fd, "rb-written"));
	EXPECT_LT(begin, rb_fdinfo(fd, "rb-written"));
	ring_records_close(&c);
	munmap(run->shared, sizeof(*run->shared));
	free(run);
	free(seen);
}

TEST_F_TIMEOUT(many, conserves_mapped, 90)
{
	torture(_metadata, self->fd, variant->flags & FERRIO_RB_RECORDS_DROP, true,
		(1ULL << 32) - 3 * RB_PAGE);
}

TEST_F_TIMEOUT(many, conserves_for_calls, 90)
{
	torture(_metadata, self->fd, variant->flags & FERRIO_RB_RECORDS_DROP, false,
		(1ULL << 56) - 3 * RB_PAGE);
}

TEST_HARNESS_MAIN
