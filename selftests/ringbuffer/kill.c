// SPDX-License-Identifier: GPL-2.0
/* A peer is killed at a random moment: the other side gets the rest, then the end. */

#include "rb_harness.h"

FIXTURE(peer) {
	struct rb rb;
	uint64_t seed;
};

FIXTURE_VARIANT(peer) {
	enum rb_kind kind;
};

/* A plain descriptor has no peer: its ends go together. */
FIXTURE_VARIANT_ADD(peer, ring) {
	.kind = RB_ENDS,
};

FIXTURE_VARIANT_ADD(peer, pipe) {
	.kind = RB_PIPE,
};

FIXTURE_SETUP(peer)
{
	self->seed = rb_seed();
	rb_start(&self->rb, variant->kind, 4 * RB_PAGE);
}

FIXTURE_TEARDOWN(peer)
{
	rb_stop(&self->rb);
	if (variant->kind != RB_PIPE)
		EXPECT_TRUE(rb_pages_return(self->rb.live));
}

static void restart(struct rb *rb)
{
	rb_stop(rb);
	if (rb->kind != RB_PIPE && !rb_pages_return(rb->live))
		rb_die("pages are left after a round");
	rb_start(rb, rb->kind, 4 * RB_PAGE);
}

/* Writes the pattern in pieces of at most a page, for ever. */
static void write_for_ever(struct rb *rb, uint64_t seed)
{
	static char buf[RB_PAGE];
	uint64_t pos = 0;

	for (;;) {
		size_t len = rb_random(&seed) % sizeof(buf) + 1;

		rb_pattern(buf, len, pos);
		if (write(rb->w, buf, len) != (ssize_t)len)
			_exit(1);
		pos += len;
	}
}

static void read_for_ever(struct rb *rb)
{
	static char buf[RB_PAGE];
	uint64_t pos = 0;

	for (;;) {
		ssize_t n = read(rb->r, buf, sizeof(buf));

		if (n <= 0 || rb_mismatch(buf, n, pos) != -1)
			_exit(1);
		pos += n;
	}
}

TEST_F(peer, writer)
{
	static char buf[4 * RB_PAGE];

	for (int i = 0; i < rounds(12, 3); i++) {
		uint64_t pos = 0, until = rb_random(&self->seed) % 100000;
		struct rb *rb = &self->rb;
		struct pollfd pfd;
		bool hup;
		ssize_t n;
		pid_t pid;

		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			rb_close_r(rb);
			write_for_ever(rb, self->seed);
		}
		rb_close_w(rb);
		while (pos < until) {
			size_t len = rb_random(&self->seed) % sizeof(buf) + 1;

			n = read(rb->r, buf, len);
			ASSERT_GT(n, 0);
			ASSERT_EQ(-1, rb_mismatch(buf, n, pos));
			pos += n;
		}
		rb_reap_killed(pid);
		pfd = (struct pollfd){ .fd = rb->r, .events = POLLRDBAND };
		ASSERT_EQ(1, poll(&pfd, 1, 10000));
		hup = pfd.revents == POLLHUP;
		ASSERT_TRUE(hup);
		/* what was written is delivered, whole and in order */
		until = pos + rb_avail(rb->r);
		while ((n = read(rb->r, buf, 1000)) > 0) {
			ASSERT_EQ(-1, rb_mismatch(buf, n, pos));
			pos += n;
		}
		ASSERT_EQ(0, n);
		ASSERT_EQ(until, pos);
		restart(rb);
	}
}

TEST_F(peer, reader)
{
	static char buf[4 * RB_PAGE];

	for (int i = 0; i < rounds(12, 3); i++) {
		uint64_t pos = 0, until = rb_random(&self->seed) % 100000;
		struct rb *rb = &self->rb;
		struct rb_call c;
		int status;
		pid_t pid;

		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			rb_close_w(rb);
			read_for_ever(rb);
		}
		rb_close_r(rb);
		while (pos < until) {
			size_t len = rb_random(&self->seed) % RB_PAGE + 1;

			rb_pattern(buf, len, pos);
			ASSERT_EQ(len, write(rb->w, buf, len));
			pos += len;
		}
		/* a writer at work on more than fits, then the kill */
		ASSERT_EQ(0, kill(pid, SIGSTOP));
		ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
		ASSERT_TRUE(WIFSTOPPED(status));
		rb_pattern(buf, sizeof(buf), pos);
		rb_catch(SIGPIPE, SA_RESTART);
		rb_call_write(&c, rb->w, buf, sizeof(buf));
		if (i % 2)
			rb_sleep_ms(rb_random(&self->seed) % 3);
		rb_reap_killed(pid);
		/* an empty ring takes it whole; else the kill cut it short */
		if (rb_call_end(&c) != sizeof(buf)) {
			ASSERT_EQ(1, rb_caught(SIGPIPE))
				TH_LOG("the write returned %ld", c.ret);
		}
		while (E(write(rb->w, buf, 1)) == 1)
			;
		ASSERT_EQ(-EPIPE, E(write(rb->w, buf, 1)));
		ASSERT_LE(1, rb_caught(SIGPIPE));
		restart(rb);
	}
}

TEST_HARNESS_MAIN
