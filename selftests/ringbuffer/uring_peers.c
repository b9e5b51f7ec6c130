// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring beside holders of other kinds: mapped ones, observers, one that gives
 * its end up, one that breaks the ring; and what its polls tell meanwhile.
 */

#include "fix_ring.h"
#include "hold.h"
#include "../uring.h"

/* Tags of requests. */
enum { A = 1, B, C, D };

static char in[RB_DEFAULT], out[RB_DEFAULT];

/* Both ends of a ring: one is mapped, the other used through io_uring. */
struct pair {
	struct hold peer;
	struct uring u;
	int fd;
	long live;
};

static void pair_start(struct pair *p, unsigned int mapped)
{
	int fd[2];

	p->live = rb_live_pages();
	rb_catch(SIGPIPE, SA_RESTART);
	hold_ends(RB_DEFAULT, fd);
	p->fd = fd[!mapped];
	hold_take(&p->peer, fd[mapped], mapped, true);
	hold_nonblock(&p->peer, true);
	uring_start(&p->u, 0);
}

static bool pair_stop(struct pair *p)
{
	uring_stop(&p->u);
	hold_drop(&p->peer);
	close(p->fd);
	return rb_pages_return(p->live);
}

FIXTURE(mapped_producer) {
	struct pair p;
};

FIXTURE_SETUP(mapped_producer)
{
	pair_start(&self->p, FERRIO_RB_WRITE);
}

FIXTURE_TEARDOWN(mapped_producer)
{
	EXPECT_TRUE(pair_stop(&self->p));
}

FIXTURE(mapped_consumer) {
	struct pair p;
};

FIXTURE_SETUP(mapped_consumer)
{
	pair_start(&self->p, FERRIO_RB_READ);
}

FIXTURE_TEARDOWN(mapped_consumer)
{
	EXPECT_TRUE(pair_stop(&self->p));
}

/* Each wait is ended by one wake, and nobody sleeps in the kernel for it. */
static void waits(struct __test_metadata *_metadata, struct pair *p)
{
	bool puts = p->peer.rw == FERRIO_RB_READ;
	const char *end = puts ? "producer" : "consumer";
	struct hold *peer = &p->peer;
	struct uring *u = &p->u;
	int n = rounds(100, 30);
	uint64_t pos = 0;
	char key[40];

	if (puts) {
		rb_pattern(in, RB_DEFAULT, 0);
		ASSERT_EQ(RB_DEFAULT, uring_do(u, IORING_OP_WRITE, p->fd, in,
					       RB_DEFAULT));
	}
	for (int i = 0; i < n; i++) {
		if (puts)
			rb_pattern(in, RB_PAGE, pos + RB_DEFAULT);
		uring_add(u, puts ? IORING_OP_WRITE : IORING_OP_READ, p->fd,
			  puts ? in : out, RB_PAGE, A);
		uring_submit(u);
		ASSERT_TRUE(uring_idle(u));
		if (!puts)
			rb_pattern(in, RB_PAGE, pos);
		ASSERT_EQ(RB_PAGE, hold_move(peer, puts ? out : in, RB_PAGE));
		ASSERT_EQ(RB_PAGE, uring_end(u, A));
		ASSERT_EQ(-1, rb_mismatch(out, RB_PAGE, pos));
		pos += RB_PAGE;
	}
	snprintf(key, sizeof(key), "rb-%s-arms", end);
	EXPECT_EQ(n, rb_fdinfo(p->fd, key));
	snprintf(key, sizeof(key), "rb-%s-wakes", end);
	EXPECT_EQ(n, rb_fdinfo(p->fd, key));
	snprintf(key, sizeof(key), "rb-%s-sleeps", end);
	EXPECT_EQ(0, rb_fdinfo(p->fd, key));
	snprintf(key, sizeof(key), "rb-%s-suppressed", end);
	EXPECT_EQ(0, rb_fdinfo(p->fd, key));
}

TEST_F(mapped_producer, waits)
{
	waits(_metadata, &self->p);
}

TEST_F(mapped_consumer, waits)
{
	waits(_metadata, &self->p);
}

/* A multishot read from a producer that makes no call but to wake. */
TEST_F(mapped_producer, read_multishot)
{
	struct uring *u = &self->p.u;
	struct io_uring_cqe cqe;
	struct uring_pool pool;
	uint64_t pos = 0;

	uring_pool_start(u, &pool, 4, 1000);
	uring_multishot(u, self->p.fd, A);
	uring_submit(u);
	for (int i = 1; i < 30; i++) {
		ASSERT_TRUE(uring_idle(u));
		rb_pattern(in, 30 * i, pos);
		ASSERT_EQ(30 * i, hold_move(&self->p.peer, in, 30 * i));
		uring_next(u, &cqe);
		ASSERT_EQ(30 * i, cqe.res);
		ASSERT_EQ(-1, rb_mismatch(uring_got(&pool, &cqe), 30 * i, pos));
		uring_give(&pool, cqe.flags >> IORING_CQE_BUFFER_SHIFT);
		pos += 30 * i;
	}
	hold_drop(&self->p.peer);
	self->p.peer.mapped = false;
	EXPECT_EQ(0, uring_end(u, A));
}

/* A peer that claims what cannot be. */
static void impossible_position(struct __test_metadata *_metadata,
				struct pair *p)
{
	bool puts = p->peer.rw == FERRIO_RB_READ;
	struct uring *u = &p->u;

	if (puts)
		ASSERT_EQ(RB_DEFAULT, uring_do(u, IORING_OP_WRITE, p->fd, in,
					       RB_DEFAULT));
	uring_add(u, puts ? IORING_OP_WRITE : IORING_OP_READ, p->fd, out, 9, A);
	uring_poll(u, p->fd, puts ? POLLOUT : POLLIN, true, B);
	uring_submit(u);
	ASSERT_TRUE(uring_idle(u));
	__atomic_store_n(p->peer.rb.own, puts ? 2 * RB_DEFAULT : RB_DEFAULT + 1,
			 __ATOMIC_RELEASE);
	ASSERT_EQ(0, rb_wakeup(p->peer.fd, p->peer.rw));
	for (int ended = 0; ended != (1 << A | 1 << B);) {
		struct io_uring_cqe cqe;

		uring_next(u, &cqe);
		if (cqe.user_data == A) {
			EXPECT_EQ(-EBADMSG, cqe.res);
			ended |= 1 << A;
		} else if (cqe.res & POLLERR) {
			ended |= 1 << B;
		}
	}
	EXPECT_EQ(-EBADMSG, uring_do(u, puts ? IORING_OP_WRITE : IORING_OP_READ,
				     p->fd, out, 9));
	EXPECT_EQ(0, rb_caught(SIGPIPE));
}

TEST_F(mapped_producer, impossible_position)
{
	impossible_position(_metadata, &self->p);
}

TEST_F(mapped_consumer, impossible_position)
{
	impossible_position(_metadata, &self->p);
}

/*
 * A mapped consumer makes no call from one event to the next, and leaves bytes or
 * not: each movement of the producer is an event.
 */
TEST_F(mapped_consumer, poll_of_a_mapped_end)
{
	struct uring *u = &self->p.u;
	struct io_uring_cqe cqe;

	uring_poll(u, self->p.peer.fd, POLLIN, true, A);
	uring_submit(u);
	for (int i = 0; i < 10; i++) {
		ASSERT_TRUE(uring_idle(u));
		ASSERT_EQ(5, write(self->p.fd, "hello", 5));
		uring_next(u, &cqe);
		ASSERT_EQ(POLLIN, cqe.res);
		ASSERT_EQ(IORING_CQE_F_MORE, cqe.flags);
		/* nothing, a part, and all but a part of what there is */
		if (i % 3)
			ASSERT_EQ(3 * (i % 3), hold_move(&self->p.peer, out, 3 * (i % 3)));
	}
	EXPECT_EQ(11, rb_fdinfo(self->p.fd, "rb-consumer-arms"));
	EXPECT_EQ(10, rb_fdinfo(self->p.fd, "rb-consumer-wakes"));
}

/* The same for a mapped producer, and space. */
TEST_F(mapped_producer, poll_of_a_mapped_end)
{
	struct hold *peer = &self->p.peer;
	struct uring *u = &self->p.u;
	struct io_uring_cqe cqe;

	ASSERT_EQ(RB_DEFAULT, hold_move(peer, in, RB_DEFAULT));
	uring_poll(u, peer->fd, POLLOUT, true, A);
	uring_submit(u);
	for (int i = 0; i < 10; i++) {
		ASSERT_TRUE(uring_idle(u));
		ASSERT_EQ(RB_PAGE, read(self->p.fd, out, RB_PAGE));
		uring_next(u, &cqe);
		ASSERT_EQ(POLLOUT, cqe.res);
		ASSERT_EQ(IORING_CQE_F_MORE, cqe.flags);
		if (i % 3)
			ASSERT_EQ(RB_PAGE, hold_move(peer, in, RB_PAGE));
	}
}

/* A window of one ring as the registered buffer of a read from another. */
TEST_F(mapped_producer, from_ring_to_ring)
{
	struct uring *u = &self->p.u;
	struct iovec window;
	char *place;
	int other[2];

	hold_ends(RB_DEFAULT, other);
	window.iov_base = self->p.peer.rb.data;
	window.iov_len = 2 * RB_DEFAULT;
	uring_register(u, IORING_REGISTER_BUFFERS, &window, 1);
	for (int i = 0; i < 40; i++) {
		rb_pattern(in, 5000, i);
		ASSERT_EQ(5000, write(other[FERRIO_RB_WRITE], in, 5000));
		place = ringbuffer_reserve(&self->p.peer.rb, 5000);
		ASSERT_NE(NULL, place);
		uring_add(u, IORING_OP_READ_FIXED, other[FERRIO_RB_READ], place,
			  5000, A)->buf_index = 0;
		uring_submit(u);
		ASSERT_EQ(5000, uring_end(u, A));
		ASSERT_EQ(0, ringbuffer_commit(&self->p.peer.rb, 5000));
		ASSERT_EQ(5000, read(self->p.fd, out, 5000));
		ASSERT_EQ(-1, rb_mismatch(out, 5000, i));
	}
	close(other[0]);
	close(other[1]);
	/* pages that are pinned for a buffer may outlive the ring */
	uring_register(u, IORING_UNREGISTER_BUFFERS, NULL, 0);
}

/* The first use and other news are no news for a poll: it waits on. */
TEST_F(ring, poll_tells_what_is)
{
	struct rb *rb = &self->rb;
	struct ferrio_rb_wait all = {
		.size = sizeof(all), .rw = FERRIO_RB_READ,
		.min_bytes = RB_DEFAULT, .flags = FERRIO_RB_WAIT_RELATIVE,
		.timeout = 20000000,
	};
	struct rb_call reader, writer;
	int plain, other[2];
	struct uring u;

	uring_start(&u, 0);
	plain = rb_open(O_RDWR);
	uring_poll(&u, plain, POLLIN, false, A);
	uring_poll(&u, plain, POLLIN, true, B);
	uring_submit(&u);
	EXPECT_TRUE(uring_idle(&u));
	EXPECT_EQ(0, rb_set_size(plain, RB_PAGE));
	EXPECT_TRUE(uring_idle(&u));
	for (unsigned int rw = 0; rw < 2; rw++) {
		other[rw] = rb_mint(plain, rw);
		EXPECT_TRUE(uring_idle(&u));
	}
	close(other[0]);
	close(other[1]);
	EXPECT_TRUE(uring_idle(&u));
	ASSERT_EQ(1, write(plain, "x", 1));
	for (int i = 0; i < 2; i++) {
		struct io_uring_cqe cqe;

		uring_next(&u, &cqe);
		EXPECT_EQ(POLLIN, cqe.res);
		EXPECT_EQ(cqe.user_data == A ? 0 : IORING_CQE_F_MORE, cqe.flags);
	}
	EXPECT_TRUE(uring_idle(&u));
	close(plain);

	/* few bytes of space, for a writer that needs no more, are not POLLOUT */
	rb_fill(rb);
	uring_poll(&u, rb->w, POLLOUT, false, C);
	uring_submit(&u);
	EXPECT_TRUE(uring_idle(&u));
	rb_call_write(&writer, rb->w, in, 10);
	rb_call_asleep(&writer);
	ASSERT_EQ(100, read(rb->r, out, 100));
	/* by another thread: what io_uring has to do interrupts a wait */
	rb_call_ioctl(&reader, rb->r, FERRIO_RB_WAIT, &all);
	EXPECT_EQ(10, rb_call_end(&writer));
	EXPECT_EQ(-ETIMEDOUT, rb_call_end(&reader));
	EXPECT_TRUE(uring_idle(&u));
	ASSERT_EQ(RB_PAGE, read(rb->r, out, RB_PAGE));
	EXPECT_EQ(POLLOUT, uring_end(&u, C));
	uring_stop(&u);
}

/* An end that is given up while requests of all kinds wait for it. */
TEST_F(ring, given_up)
{
	struct rb *rb = &self->rb;
	struct io_uring_cqe cqe;
	struct uring_pool pool;
	int ended = 0;
	struct uring u;

	uring_start(&u, 0);
	uring_pool_start(&u, &pool, 4, 100);
	uring_add(&u, IORING_OP_READ, rb->r, out, 9, A);
	uring_multishot(&u, rb->r, B);
	uring_submit(&u);
	EXPECT_TRUE(uring_idle(&u));
	ASSERT_EQ(0, rb_shutdown(rb->r, FERRIO_RB_READ));
	rb->r_open = false;
	for (int i = 0; i < 2; i++) {
		uring_next(&u, &cqe);
		EXPECT_EQ(-EBADF, cqe.res);
		ended |= 1 << cqe.user_data;
	}
	EXPECT_EQ(1 << A | 1 << B, ended);
	uring_stop(&u);
}

TEST_F(ring, blamed)
{
	struct rb *rb = &self->rb;
	struct uring_pool pool;
	int ended = 0;
	struct uring u;

	uring_start(&u, 0);
	uring_pool_start(&u, &pool, 4, 100);
	uring_add(&u, IORING_OP_READ, rb->r, out, 9, A);
	uring_multishot(&u, rb->r, B);
	uring_poll(&u, rb->r, POLLIN, false, C);
	uring_poll(&u, rb->r, POLLIN, true, D);
	uring_submit(&u);
	EXPECT_TRUE(uring_idle(&u));
	EXPECT_EQ(0, rb_blame(rb->w, FERRIO_RB_WRITE));
	for (int i = 0; i < 4; i++) {
		struct io_uring_cqe cqe;
		bool polls;

		uring_next(&u, &cqe);
		polls = cqe.user_data == C || cqe.user_data == D;
		/* a plain descriptor shows space as well, which nobody asks for */
		EXPECT_EQ(polls ? POLLERR : -EBADMSG, cqe.res);
		EXPECT_EQ(cqe.user_data == D ? IORING_CQE_F_MORE : 0, cqe.flags);
		ended |= 1 << cqe.user_data;
	}
	EXPECT_EQ(1 << A | 1 << B | 1 << C | 1 << D, ended);
	EXPECT_EQ(-EBADMSG, uring_do(&u, IORING_OP_WRITE, rb->w, in, 9));
	/* nor is memory made for what cannot be used any more */
	EXPECT_EQ(variant->kind == RB_ENDS, rb_fdinfo(rb->w, "rb-allocated"));
	uring_stop(&u);
}

/* An observer polls, and sees what its consumer sees. */
TEST_F(ring, observer)
{
	int plain = rb_open(O_RDWR), eye = rb_mint(plain, FERRIO_RB_OBSERVE);
	struct io_uring_cqe cqe;
	struct uring u;

	uring_start(&u, 0);
	EXPECT_EQ(-EBADF, uring_do(&u, IORING_OP_READ, eye, out, 9));
	EXPECT_EQ(-EBADF, uring_do(&u, IORING_OP_WRITE, eye, in, 9));
	uring_poll(&u, eye, POLLIN | POLLOUT, true, A);
	uring_submit(&u);
	for (int i = 0; i < 10; i++) {
		EXPECT_TRUE(uring_idle(&u));
		ASSERT_EQ(5, write(plain, "hello", 5));
		uring_next(&u, &cqe);
		EXPECT_EQ(A, cqe.user_data);
		EXPECT_EQ(POLLIN, cqe.res);
		ASSERT_EQ(5, read(plain, out, sizeof(out)));
	}
	uring_poll(&u, eye, POLLIN, false, B);
	uring_submit(&u);
	EXPECT_TRUE(uring_idle(&u));
	close(plain);
	/* both are told, and the observer's file goes on alone */
	for (int i = 0; i < 2; i++) {
		uring_next(&u, &cqe);
		EXPECT_EQ(POLLHUP, cqe.res);
	}
	uring_stop(&u);
	close(eye);
}

static struct io_uring_sqe *splice_op(struct uring *u, int from, int to,
				      size_t len, uint64_t tag)
{
	struct io_uring_sqe *sqe = uring_add(u, IORING_OP_SPLICE, to, NULL, len,
					     tag);

	sqe->splice_off_in = -1;
	sqe->splice_fd_in = from;
	return sqe;
}

/* splice goes by a worker, which waits there; what it moves is the same. */
TEST_F(ring, splices)
{
	struct rb *rb = &self->rb;
	struct uring u;
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	uring_start(&u, 0);
	rb_pattern(in, 5000, 0);
	ASSERT_EQ(5000, write(fds[1], in, 5000));
	splice_op(&u, fds[0], rb->w, 5000, A);
	uring_submit(&u);
	EXPECT_EQ(5000, uring_end(&u, A));
	splice_op(&u, rb->r, fds[1], 9000, B);
	uring_submit(&u);
	EXPECT_EQ(5000, uring_end(&u, B));
	ASSERT_EQ(5000, read(fds[0], out, sizeof(out)));
	EXPECT_EQ(-1, rb_mismatch(out, 5000, 0));
	/* one that waits for data is ended */
	splice_op(&u, rb->r, fds[1], 9000, C);
	uring_submit(&u);
	while (!rb_fdinfo(rb->r, "rb-consumer-arms"))
		rb_sleep_ms(1);
	uring_cancel(&u, C, D);
	uring_submit(&u);
	for (int i = 0; i < 2; i++) {
		struct io_uring_cqe cqe;

		uring_next(&u, &cqe);
		/* the worker has begun, so it is told, and gives up */
		EXPECT_EQ(cqe.user_data == C ? -EINTR : -EALREADY, cqe.res);
	}
	uring_stop(&u);
	close(fds[0]);
	close(fds[1]);
}

TEST_HARNESS_MAIN
