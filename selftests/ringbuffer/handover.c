// SPDX-License-Identifier: GPL-2.0
/*
 * Ends that change holders while data flows: read() and write(), blocking and
 * not, splice(), a mapping; another mapping, another process.  What goes
 * through is the sequence of all u32, byte by byte, and nothing else.
 */
#include "ways.h"

/* 10,000 handovers of each end in all variants together. */
struct game {
	int fd[2];		/* by FERRIO_RB_READ and FERRIO_RB_WRITE */
	uint64_t handovers, seed;
	struct board *board;
};

/* Small ones, mostly; now and then more than a small ring holds. */
static size_t some_length(struct end *e)
{
	uint64_t r = rb_random(&e->seed);

	if (e->rw == FERRIO_RB_WRITE && r >> 57 == 0)
		return 1 + r % BUF;
	return 1 + r % (1U << (r >> 32) % 12);
}

/* Of the end that has changed hands less often. */
static uint64_t fewest(struct board *b)
{
	uint64_t r = __atomic_load_n(&b->handovers[FERRIO_RB_READ], __ATOMIC_RELAXED);
	uint64_t w = __atomic_load_n(&b->handovers[FERRIO_RB_WRITE], __ATOMIC_RELAXED);

	return r < w ? r : w;
}

static void play(void *arg, int rw, uint64_t *progress)
{
	struct game *g = arg;
	struct board *b = g->board;
	static struct end e;
	ssize_t n = 0;

	e.fd = g->fd[rw];
	e.rw = rw;
	e.seed = g->seed + rw;
	close(g->fd[!rw]);
	if (pipe2(e.pipe, O_CLOEXEC))
		rb_die("pipe2: %s", strerror(errno));
	while (rw == FERRIO_RB_READ || fewest(b) < g->handovers) {
		if (b->handovers[rw] == 0 || rb_random(&e.seed) & 1) {
			take_over(&e);
			__atomic_add_fetch(&b->handovers[rw], 1, __ATOMIC_RELAXED);
			__atomic_store_n(&b->way[rw], e.way, __ATOMIC_RELAXED);
		}
		n = rw == FERRIO_RB_READ ? get(&e, some_length(&e)) :
			put(&e, some_length(&e));
		if (n < 0)
			break;
		e.pos += n;
		if (rw == FERRIO_RB_READ)
			b->pairs[__atomic_load_n(&b->way[!rw],
						 __ATOMIC_RELAXED)][e.way]++;
		players_step(progress);
	}
	b->moved[rw] = e.pos;
}

FIXTURE(handover) {
	int observer, fd[2];
	struct ringbuffer sight;	/* of the observer */
	long live;
};

FIXTURE_VARIANT(handover) {
	size_t size;
	uint64_t start;
	int stock, test;	/* handovers */
};

FIXTURE_VARIANT_ADD(handover, page) {
	.size = RB_PAGE, .stock = 4000, .test = 30,
};

FIXTURE_VARIANT_ADD(handover, page_2_32) {
	.size = RB_PAGE, .start = (1ULL << 32) - 2000,
	.stock = 400, .test = 30,
};

FIXTURE_VARIANT_ADD(handover, page_2_64) {
	.size = RB_PAGE, .start = 0ULL - 2000, .stock = 400, .test = 30,
};

FIXTURE_VARIANT_ADD(handover, large) {
	.size = RB_DEFAULT, .stock = 4400, .test = 30,
};

FIXTURE_VARIANT_ADD(handover, large_2_32) {
	.size = RB_DEFAULT, .start = (1ULL << 32) - 70001,
	.stock = 400, .test = 30,
};

FIXTURE_VARIANT_ADD(handover, large_2_64) {
	.size = RB_DEFAULT, .start = 0ULL - 70001, .stock = 400, .test = 30,
};

/* Who maps both ends may move both while nobody uses them. */
static void start_at(int *fd, uint64_t start)
{
	struct ringbuffer rb;

	for (int rw = 0; rw < 2; rw++) {
		if (ringbuffer(fd[rw], rw, 0, &rb) != fd[rw])
			rb_die("ringbuffer: %s", strerror(errno));
		__atomic_store_n(rb.own, start, __ATOMIC_RELEASE);
		ringbuffer_unmap(&rb);
	}
}

FIXTURE_SETUP(handover)
{
	int plain;

	self->live = rb_live_pages();
	rb_catch(SIGPIPE, SA_RESTART);
	plain = rb_open(O_RDWR);
	if (rb_set_size(plain, variant->size))
		rb_die("FERRIO_RB_SET_SIZE %zu failed", variant->size);
	self->observer = rb_mint(plain, FERRIO_RB_OBSERVE);
	for (int rw = 0; rw < 2; rw++)
		self->fd[rw] = rb_mint(plain, rw);
	close(plain);
	start_at(self->fd, variant->start);
	ASSERT_EQ(self->observer, ringbuffer(self->observer, FERRIO_RB_OBSERVE,
					     0, &self->sight));
}

FIXTURE_TEARDOWN(handover)
{
	ringbuffer_close(&self->sight);
	for (int rw = 0; rw < 2; rw++)
		if (self->fd[rw] >= 0)
			close(self->fd[rw]);
	EXPECT_TRUE(rb_pages_return(self->live));
}

TEST_F_TIMEOUT(handover, random_ways, 90)
{
	struct board *b = players_memory(sizeof(*b));
	struct game g = {
		.fd = { self->fd[0], self->fd[1] },
		.handovers = rounds(variant->stock, variant->test),
		.seed = rb_seed(), .board = b,
	};
	/* A large ring may be filled by one way and emptied by another. */
	bool all_meet = variant->size == RB_PAGE && g.handovers >= 4000;
	struct players p;

	players_start(&p, self->observer, -1, play, &g);
	for (int rw = 0; rw < 2; rw++) {
		close(self->fd[rw]);
		self->fd[rw] = -1;
	}
	ASSERT_TRUE(players_watch(&p, 0));
	EXPECT_LE(g.handovers, fewest(b));
	EXPECT_EQ(b->moved[FERRIO_RB_WRITE], b->moved[FERRIO_RB_READ]);
	EXPECT_LT(100 * g.handovers, b->moved[FERRIO_RB_READ]);
	EXPECT_EQ(variant->start + b->moved[FERRIO_RB_WRITE],
		  self->sight.producer->position);
	EXPECT_EQ(variant->start + b->moved[FERRIO_RB_READ],
		  self->sight.consumer->position);
	for (int i = 0; all_meet && i < WAYS * WAYS; i++) {
		EXPECT_LT(0, b->pairs[i / WAYS][i % WAYS])
			TH_LOG("never: %s to %s", names[i / WAYS],
			       names[i % WAYS]);
	}
	EXPECT_EQ(0, rb_fdinfo(self->observer, "rb-misuse"));
	EXPECT_EQ(0, rb_fdinfo(self->observer, "rb-corrupt"));
	EXPECT_TRUE(identities_hold(self->observer));
	munmap(b, sizeof(*b));
}

/* What is reserved and not committed is nobody's, whoever goes on. */
TEST_F(handover, half_built_is_never_seen)
{
	unsigned char buf[100];
	struct ringbuffer p;
	uint64_t pos = 0;
	int r = self->fd[FERRIO_RB_READ], w = self->fd[FERRIO_RB_WRITE];

	ASSERT_EQ(0, fcntl(r, F_SETFL, O_RDWR | O_NONBLOCK));
	for (int i = 0, n = rounds(100, 6); i < n; i++) {
		ASSERT_EQ(w, ringbuffer(w, FERRIO_RB_WRITE, 0, &p));
		memset(ringbuffer_reserve(&p, 4000), 0xa5, 4000);
		EXPECT_EQ(0, rb_avail(r));
		EXPECT_EQ(-EAGAIN, E(read(r, buf, sizeof(buf))));
		if (i % 3 == 0)
			ringbuffer_unmap(&p);
		make(buf, 70, pos);
		ASSERT_EQ(70, i % 3 == 1 ? ringbuffer_write(&p, buf, 70) :
			  write(w, buf, 70));
		memset(buf, 0, sizeof(buf));
		ASSERT_EQ(70, read(r, buf, sizeof(buf)));
		check(buf, 70, pos, "read");
		pos += 70;
		ringbuffer_unmap(&p);
	}
}

/* What is peeked at and not consumed is there for the next. */
TEST_F(handover, half_consumed_is_there_again)
{
	unsigned char buf[100];
	struct ringbuffer c;
	uint64_t pos = 0;
	size_t there;
	const void *at;
	int r = self->fd[FERRIO_RB_READ], w = self->fd[FERRIO_RB_WRITE];

	for (int i = 0, n = rounds(100, 6); i < n; i++, pos += 70) {
		make(buf, 70, pos);
		ASSERT_EQ(70, write(w, buf, 70));
		for (int again = 0; again < 2; again++) {
			ASSERT_EQ(r, ringbuffer(r, FERRIO_RB_READ, 0, &c));
			there = 70 - again * 30;
			at = ringbuffer_peek(&c, &there);
			ASSERT_NE(NULL, at);
			ASSERT_EQ(70 - again * 30, there);
			check(at, there, pos + again * 30, "peek");
			ASSERT_EQ(0, ringbuffer_consume(&c, again ? 0 : 30));
			ringbuffer_unmap(&c);
		}
		ASSERT_EQ(40, read(r, buf, sizeof(buf)));
		check(buf, 40, pos + 30, "read");
	}
}

/* Two mappings of each end in turns: each knows an old position of the peer. */
TEST_F(handover, two_mappings_in_turns)
{
	uint64_t seed = rb_seed(), in = 0, out = 0;
	struct ringbuffer end[2][2];
	unsigned char buf[RB_PAGE];
	ssize_t n;

	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(self->fd[i % 2], ringbuffer(self->fd[i % 2], i % 2, 0,
						      &end[i % 2][i / 2]));
		end[i % 2][i / 2].nonblock = true;
	}
	for (int i = 0, count = rounds(5000, 300); i < count; i++) {
		uint64_t r = rb_random(&seed);
		size_t len = 1 + (r >> 8) % (r & 4 ? sizeof(buf) : 50);
		struct ringbuffer *rb = &end[r & 1][r >> 1 & 1];

		if (rb->rw == FERRIO_RB_WRITE) {
			make(buf, len, in);
			n = E(ringbuffer_write(rb, buf, len));
			in += n > 0 ? n : 0;
		} else {
			n = E(ringbuffer_read(rb, buf, len));
			if (n > 0)
				check(buf, n, out, "mapped");
			out += n > 0 ? n : 0;
			/* less than asked for: there was no more */
			ASSERT_TRUE(n == (ssize_t)len || in == out);
		}
		ASSERT_TRUE(n > 0 || n == -EAGAIN);
		ASSERT_EQ(in - out, ringbuffer_used(rb));
	}
	EXPECT_LT(variant->size, out);
	for (int i = 0; i < 4; i++)
		ringbuffer_unmap(&end[i % 2][i / 2]);
}

/*
 * A short life of a holder that knows nothing but the ring: moves some bytes,
 * leaves something half done, and is killed.
 */
static void live(int fd, int rw, uint64_t start, uint64_t seed)
{
	unsigned char buf[2 * RB_PAGE];
	struct ringbuffer rb;
	ssize_t n;

	if (ringbuffer(fd, rw, 0, &rb) != fd)
		rb_die("ringbuffer: %s", strerror(errno));
	rb.nonblock = true;
	for (int i = rb_random(&seed) % 200; i >= 0; i--) {
		uint64_t pos = __atomic_load_n(rb.own, __ATOMIC_RELAXED) - start;
		size_t len = 1 + rb_random(&seed) % 400;

		if (rw == FERRIO_RB_READ) {
			n = ringbuffer_read(&rb, buf, len);
			if (n > 0)
				check(buf, n, pos, "restarted");
		} else {
			make(buf, len, pos);
			n = ringbuffer_write(&rb, buf, len);
		}
		if (n < 0 && errno != EAGAIN)
			rb_die("restarted: %s", strerror(errno));
	}
	if (rw == FERRIO_RB_WRITE) {
		size_t len = rb.size - ringbuffer_used(&rb);
		void *at = ringbuffer_reserve(&rb, len);

		if (len && !at)
			rb_die("reserve: %s", strerror(errno));
		memset(at, 0xa5, len);
	}
	kill(getpid(), SIGKILL);
}

/* Each process goes on where the last one stopped, both ends at once. */
TEST_F_TIMEOUT(handover, restarted, 60)
{
	int r = self->fd[FERRIO_RB_READ];
	static unsigned char buf[RB_DEFAULT];
	uint64_t seed = rb_seed(), pos;
	int status;

	for (int i = 0, count = rounds(20, 2); i < count; i++) {
		pid_t pid[2];

		for (int rw = 0; rw < 2; rw++) {
			pid[rw] = players_fork();
			ASSERT_LE(0, pid[rw]);
			if (!pid[rw])
				live(self->fd[rw], rw, variant->start,
				     seed + 2 * i + rw);
		}
		for (int rw = 0; rw < 2; rw++) {
			ASSERT_EQ(pid[rw], waitpid(pid[rw], &status, 0));
			ASSERT_TRUE(WIFSIGNALED(status));
			ASSERT_EQ(SIGKILL, WTERMSIG(status));
		}
	}
	EXPECT_LT(100, self->sight.producer->position - variant->start);
	pos = self->sight.consumer->position - variant->start;
	if (rb_avail(r)) {
		ssize_t n = read(r, buf, sizeof(buf));

		ASSERT_LT(0, n);
		check(buf, n, pos, "read");
	}
	EXPECT_EQ(self->sight.producer->position,
		  self->sight.consumer->position);
	EXPECT_EQ(0, rb_fdinfo(r, "rb-misuse"));
	EXPECT_EQ(0, rb_fdinfo(r, "rb-corrupt"));
}

TEST_HARNESS_MAIN
