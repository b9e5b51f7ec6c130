/* SPDX-License-Identifier: GPL-2.0 */
/* The fuzzer's requests by io_uring. */
#ifndef FUZZ_URING_H
#define FUZZ_URING_H

#include "fuzz_calls.h"

#define FUZZ_TAGS	4	/* few, so that who names one meets it */
#define FUZZ_POOL	8	/* buffers */

/* What a completion is of: its operation, and one of few numbers. */
static uint64_t fuzz_tag(struct fuzz *t, int op)
{
	return op * FUZZ_TAGS + fuzz_random(t, FUZZ_TAGS);
}

/* While there are privileges: buffers are locked memory. */
static void fuzz_uring_start(struct fuzz *t)
{
	struct iovec fixed[2] = {
		{ t->buf, FUZZ_BUF }, { t->page, RB_PAGE },
	};

	uring_start(&t->uring, 0);
	uring_register(&t->uring, IORING_REGISTER_BUFFERS, fixed, 2);
	uring_pool_start(&t->uring, &t->pool, FUZZ_POOL, 1500);
}

/* A request to move bytes: of one buffer, of several, of one that is registered. */
static void fuzz_request_moves(struct fuzz *t, struct io_uring_sqe *sqe)
{
	static const int ops[] = {
		IORING_OP_READ, IORING_OP_WRITE, IORING_OP_READV, IORING_OP_WRITEV,
		IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED,
	};

	sqe->opcode = ops[fuzz_random(t, ARRAY_SIZE(ops))];
	sqe->rw_flags = fuzz_flags(t);
	sqe->off = fuzz_odds(t, 16) ? fuzz_word(t) : UINT64_MAX;
	sqe->len = fuzz_length(t);
	switch (sqe->opcode) {
	case IORING_OP_READV:
	case IORING_OP_WRITEV:
		/* looked at until the end of it */
		sqe->len = fuzz_iov(t, t->iov);
		sqe->addr = (unsigned long)t->iov;
		break;
	case IORING_OP_READ_FIXED:
	case IORING_OP_WRITE_FIXED:
		sqe->buf_index = fuzz_random(t, fuzz_odds(t, 16) ? 5 : 2);
		sqe->addr = (unsigned long)(sqe->buf_index == 1 ? t->page : t->buf);
		sqe->addr += fuzz_random(t, RB_PAGE);
		break;
	default:
		sqe->addr = (unsigned long)fuzz_buffer(t, sqe->len);
		/* of the pool, which may be empty */
		if (fuzz_odds(t, 8))
			sqe->flags |= IOSQE_BUFFER_SELECT;
	}
}

/* Events; and other events, or none any more, for those who wait for some. */
static void fuzz_request_polls(struct fuzz *t, struct io_uring_sqe *sqe)
{
	sqe->poll32_events = fuzz_random(t, 1 << 14);
	if (!fuzz_odds(t, 4)) {
		sqe->opcode = IORING_OP_POLL_ADD;
		sqe->len = fuzz_random(t, 2) ? IORING_POLL_ADD_MULTI : 0;
		return;
	}
	sqe->opcode = IORING_OP_POLL_REMOVE;
	sqe->fd = -1;
	sqe->addr = fuzz_tag(t, IORING_OP_POLL_ADD);
	sqe->len = fuzz_random(t, 8);	/* flags, of which only some go together */
	if (sqe->len & IORING_POLL_UPDATE_USER_DATA)
		sqe->off = fuzz_tag(t, IORING_OP_POLL_ADD);
	/* what only removes has no events */
	if (!(sqe->len & IORING_POLL_UPDATE_EVENTS) && !fuzz_odds(t, 4))
		sqe->poll32_events = 0;
}

/* One that may be under way. */
static void fuzz_request_cancels(struct fuzz *t, struct io_uring_sqe *sqe)
{
	static const int ops[] = {
		IORING_OP_READ, IORING_OP_READV, IORING_OP_READ_MULTISHOT,
		IORING_OP_WRITE, IORING_OP_POLL_ADD, IORING_OP_POLL_ADD,
	};

	sqe->opcode = IORING_OP_ASYNC_CANCEL;
	if (fuzz_odds(t, 2))
		sqe->cancel_flags = IORING_ASYNC_CANCEL_FD;
	else
		sqe->addr = fuzz_tag(t, ops[fuzz_random(t, ARRAY_SIZE(ops))]);
}

static void fuzz_request(struct fuzz *t, struct io_uring_sqe *sqe)
{
	memset(sqe, 0, sizeof(*sqe));
	sqe->fd = fuzz_fd(t);
	sqe->flags = fuzz_odds(t, 8) ? IOSQE_ASYNC : 0;
	switch (fuzz_random(t, 16)) {
	case 0 ... 7:
		return fuzz_request_moves(t, sqe);
	case 8 ... 10:
		return fuzz_request_polls(t, sqe);
	case 11:
	case 12:
		sqe->opcode = IORING_OP_READ_MULTISHOT;
		sqe->flags |= IOSQE_BUFFER_SELECT;
		sqe->off = fuzz_odds(t, 16) ? fuzz_word(t) : UINT64_MAX;
		sqe->len = fuzz_odds(t, 4) ? fuzz_length(t) : 0;
		sqe->rw_flags = fuzz_odds(t, 8) ? fuzz_flags(t) : 0;
		break;
	case 13:
		sqe->opcode = IORING_OP_SPLICE;
		sqe->splice_fd_in = fuzz_pipe_end(t, 0);
		sqe->splice_off_in = UINT64_MAX;
		sqe->off = UINT64_MAX;
		sqe->len = fuzz_length(t);
		break;
	case 14:
		return fuzz_request_cancels(t, sqe);
	default:
		sqe->opcode = IORING_OP_FSYNC;
	}
}

/* Up to four of them, one after the other, or each by itself. */
static int fuzz_chain(struct fuzz *t, struct io_uring_sqe sqe[4])
{
	int n = fuzz_odds(t, 4) ? 2 + fuzz_random(t, 3) : 1;
	int link = fuzz_odds(t, 4) ? IOSQE_IO_HARDLINK : IOSQE_IO_LINK;

	for (int i = 0; i < n; i++) {
		fuzz_request(t, &sqe[i]);
		if (i + 1 < n)
			sqe[i].flags |= link;
	}
	/* the last one is the time that the one before it has */
	if (n > 1 ? fuzz_odds(t, 2) : fuzz_odds(t, 64)) {
		t->soon = (struct __kernel_timespec){
			.tv_nsec = fuzz_random(t, 2000000),
		};
		sqe[n - 1] = (struct io_uring_sqe){
			.opcode = IORING_OP_LINK_TIMEOUT, .fd = -1,
			.addr = (unsigned long)&t->soon, .len = 1,
		};
	}
	for (int i = 0; i < n; i++)
		sqe[i].user_data = fuzz_tag(t, sqe[i].opcode);
	return n;
}

/* How many were taken, what was left from the last time included. */
static long fuzz_submit(struct fuzz *t, const struct io_uring_sqe *sqe, int n)
{
	struct uring *u = &t->uring;
	unsigned int tail = *u->tail;
	unsigned int left = tail - __atomic_load_n(u->head, __ATOMIC_ACQUIRE);

	for (int i = 0; i < n && left < URING_ENTRIES; i++, left++)
		u->sqes[tail++ & u->mask] = sqe[i];
	__atomic_store_n(u->tail, tail, __ATOMIC_RELEASE);
	return E(syscall(SYS_io_uring_enter, u->fd, left, 0, 0, NULL, 0));
}

/* For each operation, whether it ever did what it is for. */
static void fuzz_count_done(unsigned int op, long ret)
{
	/* to run out of time is what it is for */
	if (ret >= 0 || (op == IORING_OP_LINK_TIMEOUT && ret == -ETIME))
		__atomic_add_fetch(&fuzz_shared->done[op % FUZZ_OPS], 1,
				   __ATOMIC_RELAXED);
}

/* What came back last; nothing more comes of a request without F_MORE. */
static long fuzz_completed(struct fuzz *t, long ret)
{
	struct io_uring_cqe cqe;

	while (uring_take(&t->uring, &cqe)) {
		ret = cqe.res;
		fuzz_count_done(cqe.user_data / FUZZ_TAGS, ret);
		t->requests -= !(cqe.flags & IORING_CQE_F_MORE);
		if (cqe.flags & IORING_CQE_F_BUFFER)
			uring_give(&t->pool, cqe.flags >> IORING_CQE_BUFFER_SHIFT);
	}
	return ret;
}

/* Begins a request; when there are some, waits until one of them is done. */
static long fuzz_uring(struct fuzz *t)
{
	struct io_uring_sqe sqe[4];
	int n = fuzz_chain(t, sqe);
	long ret;

	/* how long an array is matters later: a completion tells it */
	t->must_fail = false;
	fuzz_say(t, sqe[0].opcode, sqe[0].fd, sqe[0].len);
	ret = fuzz_submit(t, sqe, n);
	if (ret < 0)
		return ret;
	t->requests += ret;
	if (t->requests > 4) {
		ret = uring_wait(&t->uring);
		if (ret < 0)
			return fuzz_completed(t, ret);
	}
	return fuzz_completed(t, -EAGAIN);
}

/* All of this thread's requests. */
static long fuzz_uring_cancel(struct fuzz *t)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_ASYNC_CANCEL, .fd = -1,
		.cancel_flags = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY,
		.user_data = IORING_OP_ASYNC_CANCEL * FUZZ_TAGS,
	};
	long ret = fuzz_submit(t, &sqe, 1);

	if (ret < 0)
		return ret;
	t->requests += ret;
	uring_wait(&t->uring);
	return fuzz_completed(t, -EAGAIN);
}

#endif /* FUZZ_URING_H */
