// SPDX-License-Identifier: GPL-2.0
/*
 * A peer that does not keep to the rule: whatever it writes, every call of the
 * victim ends in time, with data, with nothing, or with EBADMSG; and that is
 * final, for this ring alone.
 */

#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "innocent.h"
#include "scribble.h"
#include "rb_harness.h"

#define SIZE	SCRIBBLE_SIZE
#define TICK	10			/* ms: the victim's own timeout */
#define LATE	1000000000ULL		/* ns behind that */

/* How the victim uses its end. */
enum use { CALLS, MAPPED, SPLICE, WATCH, WAIT };

FIXTURE(victim) {
	struct hold hold, observer;
	int theirs;		/* the scribbler's end */
	int over, pipe[2];
	pid_t scribbler;
	struct innocent innocent;
	uint64_t seed, calls, data, bad, slowest;
	long live;
};

FIXTURE_VARIANT(victim) {
	unsigned int rw;
	enum use use;
};

FIXTURE_VARIANT_ADD(victim, reads) {
	.rw = FERRIO_RB_READ, .use = CALLS,
};

FIXTURE_VARIANT_ADD(victim, writes) {
	.rw = FERRIO_RB_WRITE, .use = CALLS,
};

FIXTURE_VARIANT_ADD(victim, maps_consumer) {
	.rw = FERRIO_RB_READ, .use = MAPPED,
};

FIXTURE_VARIANT_ADD(victim, maps_producer) {
	.rw = FERRIO_RB_WRITE, .use = MAPPED,
};

FIXTURE_VARIANT_ADD(victim, splices_out) {
	.rw = FERRIO_RB_READ, .use = SPLICE,
};

FIXTURE_VARIANT_ADD(victim, splices_in) {
	.rw = FERRIO_RB_WRITE, .use = SPLICE,
};

FIXTURE_VARIANT_ADD(victim, watches_data) {
	.rw = FERRIO_RB_READ, .use = WATCH,
};

FIXTURE_VARIANT_ADD(victim, watches_space) {
	.rw = FERRIO_RB_WRITE, .use = WATCH,
};

FIXTURE_VARIANT_ADD(victim, waits_for_data) {
	.rw = FERRIO_RB_READ, .use = WAIT,
};

FIXTURE_VARIANT_ADD(victim, waits_for_space) {
	.rw = FERRIO_RB_WRITE, .use = WAIT,
};

/* ---- rings for the scribbler ---- */

static void new_ring(struct _test_data_victim *self,
		     const struct _fixture_variant_victim *variant)
{
	int plain = rb_open(O_RDWR), end;
	char c;

	if (rb_set_size(plain, SIZE))
		rb_die("FERRIO_RB_SET_SIZE failed");
	end = rb_mint(plain, variant->rw);
	self->theirs = rb_mint(plain, !variant->rw);
	hold_take(&self->observer, rb_mint(plain, FERRIO_RB_OBSERVE),
		  FERRIO_RB_OBSERVE, true);
	hold_take(&self->hold, end, variant->rw, variant->use == MAPPED);
	close(plain);
	rb_send_fd(self->over, self->theirs);
	if (read(self->over, &c, 1) != 1)
		rb_die("the scribbler is gone");
}

static void old_ring(struct _test_data_victim *self)
{
	hold_drop(&self->hold);
	hold_drop(&self->observer);
	close(self->theirs);
}

FIXTURE_SETUP(victim)
{
	int over[2];

	signal(SIGPIPE, SIG_IGN);
	rb_catch(SIGALRM, 0);
	self->seed = rb_seed();
	self->live = rb_live_pages();
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, over));
	self->scribbler = fork();
	ASSERT_LE(0, self->scribbler);
	if (!self->scribbler) {
		close(over[0]);
		scribble(over[1], !variant->rw, self->seed);
	}
	close(over[1]);
	self->over = over[0];
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC | O_NONBLOCK));

	innocent_start(&self->innocent, variant->use != CALLS,
		       variant->rw == FERRIO_RB_READ, self->seed);
	new_ring(self, variant);
}

FIXTURE_TEARDOWN(victim)
{
	EXPECT_TRUE(innocent_stop(&self->innocent));
	rb_reap_killed(self->scribbler);
	old_ring(self);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* ---- the victim's calls ---- */

/* A signal that comes again and again, so that no wait can miss it. */
static void tick(int ms)
{
	struct itimerval t = { { 0, ms * 1000 }, { 0, ms * 1000 } };

	setitimer(ITIMER_REAL, &t, NULL);
}

static long by_calls(struct hold *h, void *buf, size_t len, int flags)
{
	struct iovec iov = { buf, len };

	return h->rw == FERRIO_RB_READ ? E(preadv2(h->fd, &iov, 1, -1, flags)) :
		E(pwritev2(h->fd, &iov, 1, -1, flags));
}

static long by_map(struct hold *h, void *buf, size_t len, bool in_place)
{
	size_t there = len;
	const void *at;
	long ret;

	if (!in_place)
		return hold_move(h, buf, len);
	if (h->rw == FERRIO_RB_WRITE) {
		void *to = ringbuffer_reserve(&h->rb, len);

		if (!to)
			return -errno;
		memset(to, 'v', len);
		ret = E(ringbuffer_commit(&h->rb, len));
		return ret ? ret : (long)len;
	}
	at = ringbuffer_peek(&h->rb, &there);
	if (!at)
		return -errno;
	if (there > SIZE || there < len)
		return SIZE + 1;	/* which the caller does not take */
	memcpy(buf, at, len);
	ret = E(ringbuffer_consume(&h->rb, len));
	return ret ? ret : (long)len;
}

static long by_splice(struct hold *h, const int *pipe, void *buf, size_t len,
		      int flags)
{
	long ret;

	if (h->rw == FERRIO_RB_WRITE) {
		/* what the last call left is enough to go on with */
		if (write(pipe[1], buf, len) < 0 && errno != EAGAIN)
			return -errno;
		return E(splice(pipe[0], NULL, h->fd, NULL, len, flags));
	}
	ret = E(splice(h->fd, NULL, pipe[1], NULL, len, flags));
	while (read(pipe[0], buf, SIZE) > 0)
		;
	return ret;
}

/* Third parties: no one of them says what cannot be, or changes anything. */
static long by_looking(struct __test_metadata *_metadata,
		       struct _test_data_victim *self)
{
	struct hold *h = &self->hold, *o = &self->observer;
	struct pollfd pfd = { .fd = rb_random(&self->seed) % 2 ? h->fd : o->fd };
	const struct ferrio_rb_state_page *page = (void *)(o->rb.window + RB_PAGE);
	struct ferrio_rb_info info;
	int ret;

	pfd.events = POLLIN | POLLOUT;
	switch (rb_random(&self->seed) % 16) {
	case 0:
		EXPECT_EQ(0, rb_fdinfo(h->fd, "rb-corrupt"));
		EXPECT_EQ(SIZE, rb_fdinfo(o->fd, "rb-size"));
		break;
	case 1:
		rb_info(h->fd, &info);
		EXPECT_EQ(SIZE, info.ring_bytes);
		EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED, info.state);
		EXPECT_EQ(0, info.corrupt);
		break;
	case 2:
		EXPECT_EQ(SIZE, page->ring_bytes);
		EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED, page->state);
		EXPECT_EQ(0, page->corrupt);
		break;
	case 3 ... 7:
		EXPECT_GE(SIZE, (unsigned int)rb_avail(h->fd));
		EXPECT_GE(SIZE, ringbuffer_used(&o->rb));
		break;
	default:
		/* the signal of a call that blocks may come here as well */
		ret = poll(&pfd, 1, rb_random(&self->seed) % TICK);
		EXPECT_TRUE(ret >= 0 || errno == EINTR);
		EXPECT_EQ(0, pfd.revents & ~(POLLIN | POLLOUT));
	}
	return -EAGAIN;
}

static long by_wait(struct __test_metadata *_metadata,
		    struct _test_data_victim *self)
{
	struct hold *h = &self->hold;
	struct ferrio_rb_wait told;
	long ret;

	ret = hold_wait(h->fd, h->rw, rb_random(&self->seed) % (SIZE + 1),
			rb_random(&self->seed) % TICK, &told);
	if (ret)
		return ret == -ETIMEDOUT ? -EAGAIN : ret;
	EXPECT_GE(SIZE, told.bytes);
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED, told.state);
	return -EAGAIN;
}

/* One call; what it moved, or a negative errno. */
static long one_call(struct __test_metadata *_metadata,
		     struct _test_data_victim *self, enum use use)
{
	static char buf[2 * SIZE];
	struct hold *h = &self->hold;
	size_t len = rb_random(&self->seed) % (sizeof(buf) - 1) + 1;
	bool blocks = rb_random(&self->seed) % 4 == 0;
	uint64_t begin, took;
	long ret, most;

	if (blocks)
		tick(TICK);
	begin = rb_now();
	switch (use) {
	case CALLS:
		ret = by_calls(h, buf, len, blocks ? 0 : RWF_NOWAIT);
		break;
	case MAPPED:
		h->rb.nonblock = !blocks;
		if (len <= SIZE)
			ret = by_map(h, buf, len, rb_random(&self->seed) % 2);
		else
			ret = by_map(h, buf, len, false);
		break;
	case SPLICE:
		ret = by_splice(h, self->pipe, buf, len,
				blocks ? 0 : SPLICE_F_NONBLOCK);
		break;
	case WATCH:
		if (rb_random(&self->seed) % 64) {
			ret = by_looking(_metadata, self);
			break;
		}
		/* one turn: more would say what the first moved */
		len = len % RB_PAGE + 1;
		ret = by_calls(h, buf, len, RWF_NOWAIT);
		break;
	default:
		ret = rb_random(&self->seed) % 32 ?
			by_wait(_metadata, self) :
			by_calls(h, buf, len, RWF_NOWAIT);
	}
	took = rb_now() - begin;
	if (blocks)
		tick(0);
	EXPECT_GE(LATE * rb_slowness() + 2 * TICK * 1000000ULL, took)
		TH_LOG("%ld took %llu ms", ret,
		       (unsigned long long)took / 1000000);
	if (took > self->slowest)
		self->slowest = took;
	self->calls++;
	if (ret > 0) {
		self->data++;
		/* a writer may have been given space more than once */
		most = h->rw == FERRIO_RB_READ && len > SIZE ? SIZE : len;
		EXPECT_GE(most, ret);
	} else {
		bool known = ret == -EAGAIN || ret == -EINTR || ret == -EBADMSG;

		EXPECT_TRUE(known) TH_LOG("%ld", ret);
	}
	return ret;
}

/* Final, with the reason, wherever one looks, and while it is scribbled on. */
static void must_be_corrupt(struct __test_metadata *_metadata,
			    struct _test_data_victim *self, unsigned int reason)
{
	struct hold *h = &self->hold;
	struct hold other = { .fd = self->theirs, .rw = !h->rw }, again;
	const struct ferrio_rb_state_page *page =
		(void *)(self->observer.rb.window + RB_PAGE);
	struct hold *ends[] = { h, &other };
	struct ferrio_rb_info info;
	char c = 0;

	for (int i = 0; i < 6; i++) {
		struct hold *e = ends[i % 2];

		EXPECT_EQ(-EBADMSG, by_calls(e, &c, 1, i < 4 ? 0 : RWF_NOWAIT));
		EXPECT_EQ(-EBADMSG, hold_wait(e->fd, e->rw, i, i < 4 ? -1 : 0, NULL));
		EXPECT_EQ(POLLERR, hold_poll(e->fd) & (POLLERR | POLLHUP));
		EXPECT_EQ(reason, rb_fdinfo(e->fd, "rb-corrupt"));
	}
	EXPECT_EQ(POLLERR, hold_poll(self->observer.fd) & (POLLERR | POLLHUP));
	rb_info(h->fd, &info);
	EXPECT_EQ(reason, info.corrupt);
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED | FERRIO_RB_STATE_CORRUPT, info.state);
	EXPECT_EQ(reason, page->corrupt);
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED | FERRIO_RB_STATE_CORRUPT, page->state);
	hold_take(&again, dup(h->fd), h->rw, true);
	EXPECT_EQ(-EBADMSG, hold_move(&again, &c, 1));
	EXPECT_EQ(-EBADMSG, hold_move(&again, &c, 1));
	hold_drop(&again);
	EXPECT_EQ(-EBADMSG, hold_move(h, &c, 1));
}

TEST_F_TIMEOUT(victim, of_a_scribbler, 120)
{
	/* of the ten mixes; it is KASAN that has to look on */
	uint64_t end = getenv("FERRIO_LONG") ? 60000 : rb_test_kernel() ? 1000 : 300;
	unsigned int reason;

	reason = variant->rw == FERRIO_RB_READ ?
		(variant->use == MAPPED ? FERRIO_RB_CORRUPT_PRODUCER_TOLD :
		 FERRIO_RB_CORRUPT_PRODUCER) :
		(variant->use == MAPPED ? FERRIO_RB_CORRUPT_CONSUMER_TOLD :
		 FERRIO_RB_CORRUPT_CONSUMER);
	end = rb_now() + end * 1000000ULL;
	/* on a slow machine as long as it takes to have seen both */
	while (rb_now() < end || !self->bad || (variant->use < WATCH && !self->data)) {
		if (one_call(_metadata, self, variant->use) != -EBADMSG)
			continue;
		must_be_corrupt(_metadata, self, reason);
		self->bad++;
		old_ring(self);
		new_ring(self, variant);
	}
	TH_LOG("%llu calls, %llu with data, %llu rings broken, at most %llu us",
	       (unsigned long long)self->calls, (unsigned long long)self->data,
	       (unsigned long long)self->bad,
	       (unsigned long long)self->slowest / 1000);
}

TEST_HARNESS_MAIN
