// SPDX-License-Identifier: GPL-2.0
/*
 * A close while somebody is inside of a call, or on the way into it: of the peer's
 * end, whatever was the last to hold it, and of the descriptor that the call itself
 * came by.
 */

#include "inside.h"
#include "meeting.h"

/* ---- the peer's end, while a call sleeps ---- */

static void sleeps_on(struct _test_data_inside *self, enum call call)
{
	rb_sleep_ms(2);
	if (comes_back(self, call))
		rb_die("call %d came back before the last holder went", call);
}

/* Its peer's end, by whatever is the last to hold it. */
TEST_F(inside, peer_goes)
{
	int shown = POLLHUP | (reads(variant->call) ? 0 : POLLERR);

	for (int last = 0; last < LASTS; last++) {
		rb_catch(SIGPIPE, SA_RESTART);
		new_ring(self, variant->call);
		enter(self, variant);
		peer_leaves_but(self, variant->call, last);
		sleeps_on(self, variant->call);
		last_goes(self, variant->call);
		EXPECT_EQ(variant->ended, leave(self, variant->call))
			TH_LOG("last %d", last);
		EXPECT_EQ(variant->pipes, rb_caught(SIGPIPE));
		if (variant->call == POLL_DATA || variant->call == POLL_SPACE)
			EXPECT_EQ(shown, self->pfd.revents);
		if (variant->call == WAIT_DATA) {
			EXPECT_EQ(0, self->wait.bytes);
			EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED |
				  FERRIO_RB_STATE_WRITE_CLOSED, self->wait.state);
		}
		/* what splice() did not move stays in the pipe */
		if (variant->call == SPLICE_IN)
			EXPECT_EQ(MESSAGE, read(self->pipe[0], self->buf, SIZE));
		close(self->fd);
	}
}

/* ---- the call and the end at once ---- */

struct race {
	struct _test_data_inside *self;
	const struct _fixture_variant_inside *variant;
	bool acts;		/* the peer, before it goes */
	uint64_t pause;		/* between that and this */
	long ret;
};

static void race_calls(void *arg)
{
	struct race *r = arg;
	struct _test_data_inside *self = r->self;

	switch (r->variant->call) {
	case READ:
		r->ret = E(read(self->fd, self->buf, SIZE));
		break;
	case WRITE:
		r->ret = E(write(self->fd, self->buf, MESSAGE));
		break;
	case POLL_DATA:
	case POLL_SPACE:
		r->ret = E(poll(&self->pfd, 1, -1));
		break;
	case WAIT_DATA:
	case WAIT_SPACE:
		r->ret = E(ioctl(self->fd, FERRIO_RB_WAIT, &self->wait));
		break;
	case SPLICE_OUT:
		r->ret = E(splice(self->fd, NULL, self->pipe[1], NULL, SIZE, 0));
		break;
	case SPLICE_IN:
		r->ret = E(splice(self->pipe[0], NULL, self->fd, NULL, MESSAGE, 0));
		break;
	default:
		submit_call(self, r->variant);
		r->ret = leave(self, r->variant->call);
	}
}

static void race_ends(void *arg)
{
	struct race *r = arg;

	if (r->acts)
		peer_acts(r->self, r->variant->call);
	for (volatile uint64_t i = 0; i < r->pause; i++)
		;
	last_goes(r->self, r->variant->call);
}

/* Whether the events are those of before or after the end, and no others. */
static bool events_fit(enum call call, bool acts, int events)
{
	int ready = !acts ? 0 : reads(call) ? POLLIN : POLLOUT;
	int end = POLLHUP | (reads(call) ? 0 : POLLERR);

	return events == (ready | end) || (acts && events == ready);
}

/* Nothing that was there before the end is lost; nothing goes where nobody is. */
static bool result_fits(const struct race *r)
{
	const struct _fixture_variant_inside *variant = r->variant;
	const struct _test_data_inside *self = r->self;
	enum call call = variant->call;

	if (call == POLL_DATA || call == POLL_SPACE)
		return r->ret == 1 && events_fit(call, r->acts, self->pfd.revents);
	if (call == URING_POLL_DATA || call == URING_POLL_SPACE)
		return events_fit(call, r->acts, r->ret);
	if (call == WAIT_DATA && self->wait.bytes != (r->acts ? MESSAGE : 0))
		return false;
	if (!r->acts)
		return r->ret == variant->ended;
	return r->ret == variant->moved || (!reads(call) && r->ret == variant->ended);
}

TEST_F_TIMEOUT(inside, peer_goes_at_any_time, 60)
{
	bool writes = !reads(variant->call) && variant->moved == MESSAGE;
	const char *holders = reads(variant->call) ? "rb-producers" : "rb-consumers";
	const char *sleeps = reads(variant->call) ? "rb-consumer-sleeps" :
						    "rb-producer-sleeps";
	int n = rounds(20, 25), slept = 0, ended = 0;
	uint64_t seed = rb_seed();
	struct meeting meeting;

	meeting_start(&meeting);
	for (int i = 0; i < n; i++) {
		enum last last = i % LASTS;
		/* only who has a descriptor can */
		bool acts = i / LASTS % 2 && (last == DESCRIPTOR || last == RIGHT);
		struct race r = {
			.self = self, .variant = variant, .acts = acts,
			.pause = meeting_delay(&seed),
		};
		struct meeter meeter[2] = {
			{ .act = race_calls, .arg = &r },
			{ .act = race_ends, .arg = &r },
		};

		rb_catch(SIGPIPE, SA_RESTART);
		new_ring(self, variant->call);
		prepare(self, variant);
		peer_leaves_but(self, variant->call, last);
		meeter[rb_random(&seed) % 2].delay = meeting_delay(&seed);
		meeting_both(&meeting, &meeter[0], &meeter[1]);
		ASSERT_TRUE(result_fits(&r))
			TH_LOG("last %d, acts %d: %ld, events %#x, %llu bytes", last,
			       acts, r.ret, self->pfd.revents, self->wait.bytes);
		EXPECT_EQ(r.ret == -EPIPE ? variant->pipes : 0, rb_caught(SIGPIPE));
		if (acts && (variant->call == READ || variant->call == URING_READ))
			EXPECT_EQ(0, memcmp(self->buf, "abc", MESSAGE));
		if (writes)
			EXPECT_EQ(SIZE + (r.ret < 0 ? 0 : MESSAGE),
				  rb_fdinfo(self->fd, "rb-written"));
		/* what splice() moved, or did not */
		if (r.ret == (variant->call == SPLICE_OUT ? MESSAGE : -EPIPE) &&
		    (variant->call == SPLICE_OUT || variant->call == SPLICE_IN))
			EXPECT_EQ(MESSAGE, read(self->pipe[0], self->buf, SIZE));
		EXPECT_EQ(0, rb_fdinfo(self->fd, holders));
		slept += rb_fdinfo(self->fd, sleeps) > 0;
		ended += r.ret == variant->ended;
		close(self->fd);
	}
	meeting_end(&meeting);
	TH_LOG("%d calls: %d ended, %d slept", n, ended, slept);
}

/* ---- of its own descriptor ---- */

/* Whether the peer sees no end while it is held, and soon after it is not. */
static bool peer_sees_end(struct _test_data_inside *self)
{
	return hold_poll(self->peer) & (POLLHUP | POLLERR);
}

/*
 * The descriptor that it came by: the call goes on, and the end with it; both end
 * together.
 */
TEST_F(inside, own_descriptor_closes)
{
	const char *holders = reads(variant->call) ? "rb-consumers" : "rb-producers";
	bool polls = variant->call == POLL_DATA || variant->call == POLL_SPACE;

	for (int i = 0; i < 2; i++) {
		new_ring(self, variant->call);
		enter(self, variant);
		close(self->fd);
		sleeps_on(self, variant->call);
		EXPECT_FALSE(peer_sees_end(self));
		EXPECT_EQ(1, rb_fdinfo(self->peer, holders));
		peer_acts(self, variant->call);
		EXPECT_EQ(variant->moved, leave(self, variant->call));
		/* poll() looks the number up anew before it comes back */
		if (polls)
			EXPECT_EQ(POLLNVAL, self->pfd.revents);
		if (variant->call == WAIT_DATA)
			EXPECT_EQ(MESSAGE, self->wait.bytes);
		if (variant->call == WAIT_SPACE)
			EXPECT_EQ(SIZE, self->wait.bytes);
		if (variant->call == READ || variant->call == URING_READ)
			EXPECT_EQ(0, memcmp(self->buf, "abc", MESSAGE));
		if (variant->call == SPLICE_OUT)
			EXPECT_EQ(MESSAGE, read(self->pipe[0], self->buf, SIZE));
		for (int ms = 0; ms < 2000 && !peer_sees_end(self); ms++)
			rb_sleep_ms(1);
		EXPECT_TRUE(peer_sees_end(self));
		EXPECT_EQ(0, rb_fdinfo(self->peer, holders));
		/* what the call wrote last is there before the end */
		if (!reads(variant->call) && variant->moved == MESSAGE)
			EXPECT_EQ(MESSAGE, read(self->peer, self->buf, SIZE));
		close(self->peer);
	}
}

/* Both: nobody has a descriptor any more, and the call says what is left to say. */
TEST_F(inside, all_descriptors_close)
{
	bool polls = variant->call == POLL_DATA || variant->call == POLL_SPACE;

	for (int i = 0; i < 2; i++) {
		rb_catch(SIGPIPE, SA_RESTART);
		new_ring(self, variant->call);
		enter(self, variant);
		close(self->fd);
		close(self->peer);
		EXPECT_EQ(variant->ended, leave(self, variant->call));
		EXPECT_EQ(variant->pipes, rb_caught(SIGPIPE));
		if (polls)
			EXPECT_EQ(POLLNVAL, self->pfd.revents);
		if (variant->call == SPLICE_IN)
			EXPECT_EQ(MESSAGE, read(self->pipe[0], self->buf, SIZE));
		EXPECT_TRUE(rb_pages_return(self->live));
	}
}

TEST_HARNESS_MAIN
