// SPDX-License-Identifier: GPL-2.0
/*
 * Many random requests at both ends, some of them cancelled, out of time or in a
 * worker: what their completions say has moved is the stream, byte by byte.
 */

#include "fix_byte.h"
#include "../uring.h"

/* Tags of requests. */
enum { REQUEST = 1, HELPER };

#define MOST	(3 * RB_PAGE)

struct side {
	struct rb *rb;
	struct uring u;
	struct uring_pool pool;
	uint64_t seed, pos;
	int requests, given_up;
	bool puts;
	char buf[MOST];
};

/* What a request may end with that has moved nothing, other than the stream's end. */
static bool is_nothing(long res)
{
	return res == -EAGAIN || res == -ECANCELED || res == -EINTR;
}

static void account(struct side *s, const char *bytes, long res)
{
	if (res < 0)
		rb_die("%s %d: %ld", s->puts ? "write" : "read", s->requests, res);
	if (!s->puts && rb_mismatch(bytes, res, s->pos) >= 0)
		rb_die("read %d: byte %llu is wrong", s->requests,
		       (unsigned long long)s->pos +
		       rb_mismatch(bytes, res, s->pos));
	s->pos += res;
}

/* All completions of a request and its @helpers; 0: the end of the stream. */
static long complete(struct side *s, int helpers)
{
	long res = -EAGAIN;
	bool more = true;

	while (more || helpers) {
		struct io_uring_cqe cqe;

		uring_next(&s->u, &cqe);
		if (cqe.user_data == HELPER) {
			helpers--;
			continue;
		}
		more = cqe.flags & IORING_CQE_F_MORE;
		res = cqe.res;
		if (cqe.flags & IORING_CQE_F_BUFFER) {
			account(s, uring_got(&s->pool, &cqe), res);
			uring_give(&s->pool, cqe.flags >> IORING_CQE_BUFFER_SHIFT);
		} else if (is_nothing(res)) {
			__atomic_add_fetch(&s->given_up, 1, __ATOMIC_RELAXED);
		} else if (res != -ENOBUFS) {
			account(s, s->buf, res);
		}
	}
	return res;
}

/* Queues a read or write of @len bytes, in one of three ways. */
static struct io_uring_sqe *random_request(struct side *s, struct iovec v[2],
					   uint64_t r, size_t len)
{
	int fd = s->puts ? s->rb->w : s->rb->r;
	struct io_uring_sqe *sqe;

	v[0] = (struct iovec){ s->buf, len / 3 };
	v[1] = (struct iovec){ s->buf + len / 3, len - len / 3 };
	switch (r % 3) {
	case 0:
		return uring_add(&s->u, s->puts ? IORING_OP_WRITE : IORING_OP_READ,
				 fd, s->buf, len, REQUEST);
	case 1:
		return uring_add(&s->u,
				 s->puts ? IORING_OP_WRITEV : IORING_OP_READV,
				 fd, v, 2, REQUEST);
	default:
		sqe = uring_add(&s->u, s->puts ? IORING_OP_WRITE_FIXED :
				IORING_OP_READ_FIXED, fd, s->buf, len, REQUEST);
		sqe->buf_index = 0;
		return sqe;
	}
}

/* A request, and with it what may end it early. */
static long random_step(struct side *s)
{
	uint64_t r = rb_random(&s->seed);
	struct __kernel_timespec soon = { .tv_nsec = (r >> 40) % 300000 };
	size_t len = 1 + (r >> 20) % (r & 1 << 12 ? 100 : MOST);
	struct io_uring_sqe *sqe;
	struct iovec v[2];
	int helpers = 0;

	__atomic_add_fetch(&s->requests, 1, __ATOMIC_RELAXED);
	if (s->puts)
		rb_pattern(s->buf, len, s->pos);
	if (!s->puts && !(r >> 13 & 3)) {
		/* ends when the buffers do, or is cancelled */
		uring_multishot(&s->u, s->rb->r, REQUEST);
		uring_submit(&s->u);
		if (r & 1 << 15)
			uring_cancel(&s->u, REQUEST, HELPER);
		else
			uring_poll(&s->u, s->rb->r, POLLIN, false, HELPER);
		uring_submit(&s->u);
		return complete(s, 1);
	}
	sqe = random_request(s, v, r, len);
	switch (r >> 16 & 15) {
	case 0:
	case 1:
		sqe->flags = IOSQE_ASYNC;
		break;
	case 2:
	case 3:
		sqe->rw_flags = RWF_NOWAIT;
		break;
	case 4:
		sqe->flags = IOSQE_ASYNC;
		uring_cancel(&s->u, REQUEST, HELPER);
		helpers = 1;
		break;
	case 5:
		uring_submit(&s->u);
		uring_cancel(&s->u, REQUEST, HELPER);
		helpers = 1;
		break;
	case 6:
		sqe->flags = IOSQE_IO_LINK;
		uring_add(&s->u, IORING_OP_LINK_TIMEOUT, -1, &soon, 1, HELPER);
		helpers = 1;
		break;
	}
	uring_submit(&s->u);
	return complete(s, helpers);
}

static void side_start(struct side *s, struct rb *rb, bool puts, uint64_t seed)
{
	struct iovec v = { s->buf, sizeof(s->buf) };

	s->rb = rb;
	s->puts = puts;
	s->seed = seed;
	uring_start(&s->u, 0);
	uring_register(&s->u, IORING_REGISTER_BUFFERS, &v, 1);
	uring_pool_start(&s->u, &s->pool, 8, 1500);
}

static void *consume(void *arg)
{
	struct side *s = arg;

	side_start(s, s->rb, false, s->seed);
	while (random_step(s) != 0)
		;
	uring_stop(&s->u);
	return NULL;
}

/* Some of each, or this has tried less than it says. */
static bool enough(const struct side *p, const struct side *c, int requests)
{
	return p->requests >= requests && p->given_up > requests / 100 &&
	       __atomic_load_n(&c->given_up, __ATOMIC_RELAXED) > 0 &&
	       __atomic_load_n(&c->requests, __ATOMIC_RELAXED) > requests / 4;
}

/* What is drawn is chance: it goes on until there is enough, or the time is over. */
static void mix(struct __test_metadata *_metadata, struct rb *rb, int requests)
{
	static struct side p, c;
	uint64_t seed = rb_seed();
	pthread_t thread;

	c.rb = rb;
	c.seed = seed + 1;
	ASSERT_EQ(0, pthread_create(&thread, NULL, consume, &c));
	side_start(&p, rb, true, seed);
	while (!enough(&p, &c, requests))
		random_step(&p);
	rb_close_w(rb);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(p.pos, c.pos);
	uring_stop(&p.u);
	TH_LOG("%d writes, %d of them for nothing, and %d reads, %d for nothing, of %llu bytes",
	       p.requests, p.given_up, c.requests, c.given_up,
	       (unsigned long long)p.pos);
}

TEST_F_TIMEOUT(byte, random, 90)
{
	mix(_metadata, &self->rb,
	    rounds(variant->kind == RB_PIPE ? 300 : 2000, 300));
	if (variant->kind != RB_PIPE)
		EXPECT_EQ(0, rb_fdinfo(self->rb.r, "rb-misuse"));
}

/* On one CPU the other side runs when this one waits, or is made to. */
TEST_F_TIMEOUT(byte, random_1cpu, 90)
{
	rb_pin(0);
	mix(_metadata, &self->rb, rounds(variant->kind == RB_PIPE ? 200 : 1000, 200));
}

TEST_HARNESS_MAIN
