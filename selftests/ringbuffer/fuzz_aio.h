/* SPDX-License-Identifier: GPL-2.0 */
/* The fuzzer's requests by Linux AIO, which has no wrappers. */
#ifndef FUZZ_AIO_H
#define FUZZ_AIO_H

#include "fuzz_calls.h"

static void fuzz_aio_start(struct fuzz *t)
{
	if (syscall(SYS_io_setup, 4 * FUZZ_IOCBS, &t->aio))
		rb_die("io_setup: %s", strerror(errno));
}

static void fuzz_iocb(struct fuzz *t, struct iocb *cb)
{
	static const int ops[] = {
		IOCB_CMD_PREAD, IOCB_CMD_PWRITE, IOCB_CMD_PREADV, IOCB_CMD_PWRITEV,
		IOCB_CMD_POLL, IOCB_CMD_POLL, IOCB_CMD_POLL, IOCB_CMD_FSYNC,
	};
	size_t len = fuzz_length(t);

	memset(cb, 0, sizeof(*cb));
	cb->aio_lio_opcode = fuzz_odds(t, 32) ? fuzz_random(t, 16) :
						ops[fuzz_random(t, ARRAY_SIZE(ops))];
	cb->aio_fildes = fuzz_fd(t);
	cb->aio_data = cb->aio_lio_opcode;
	/* never that of an eventfd */
	cb->aio_flags = fuzz_odds(t, 32) ? IOCB_FLAG_RESFD : 0;
	cb->aio_resfd = cb->aio_fildes;
	switch (cb->aio_lio_opcode) {
	case IOCB_CMD_POLL:
		cb->aio_buf = fuzz_random(t, 1 << 14);
		/* and nothing else */
		cb->aio_nbytes = fuzz_odds(t, 16);
		return;
	case IOCB_CMD_FSYNC:
		return;
	case IOCB_CMD_PREADV:
	case IOCB_CMD_PWRITEV:
		cb->aio_nbytes = fuzz_iov(t, t->iov);
		cb->aio_buf = (unsigned long)t->iov;
		break;
	default:
		cb->aio_nbytes = fuzz_odds(t, 32) ? fuzz_word(t) : len;
		cb->aio_buf = (unsigned long)fuzz_buffer(t, len);
	}
	cb->aio_offset = fuzz_odds(t, 16) ? fuzz_word(t) : 0;
	cb->aio_rw_flags = fuzz_flags(t);
}

static long fuzz_counted(const struct io_event *event, long n)
{
	for (long i = 0; i < n; i++)
		if (event[i].res >= 0)
			__atomic_add_fetch(&fuzz_shared->done[FUZZ_FIRST_AIO +
					   event[i].data % 16], 1, __ATOMIC_RELAXED);
	return n;
}

/* The last of what is done by now, or @ret. */
static long fuzz_events(struct fuzz *t, long ret)
{
	struct io_event event[FUZZ_IOCBS];
	struct timespec now = {};
	long n = E(syscall(SYS_io_getevents, t->aio, 0, FUZZ_IOCBS, event, &now));

	fuzz_counted(event, n);
	return n > 0 ? (long)event[n - 1].res : ret;
}

/* Bytes move, or the caller waits for them, before this returns; polls go on. */
static long fuzz_aio(struct fuzz *t)
{
	struct iocb *cb = &t->iocb[fuzz_random(t, FUZZ_IOCBS)];
	struct iocb *list[2] = { cb, cb };
	long ret;

	fuzz_iocb(t, cb);
	/* an event may be older than this call, so none has to fail */
	t->must_fail = false;
	fuzz_say(t, cb->aio_lio_opcode, cb->aio_fildes, cb->aio_nbytes);
	if (fuzz_odds(t, 32))
		list[0] = (struct iocb *)(t->buf + FUZZ_BUF);
	ret = E(syscall(SYS_io_submit, t->aio, 1 + fuzz_odds(t, 16), list));
	return ret < 0 ? ret : fuzz_events(t, 0);
}

/* Until there is one, or the time is over. */
static long fuzz_aio_wait(struct fuzz *t)
{
	struct io_event event[FUZZ_IOCBS];
	struct timespec soon = { 0, fuzz_random(t, 2000000) };
	long least = fuzz_odds(t, 16) ? FUZZ_IOCBS + 1 : 1;
	void *at = fuzz_odds(t, 16) ? t->buf + FUZZ_BUF : (void *)event;
	long ret;

	/* more than there is room for */
	if (least > FUZZ_IOCBS)
		t->must_fail = true;
	fuzz_say(t, least, (long)at, soon.tv_nsec);
	ret = E(syscall(SYS_io_getevents, t->aio, least, FUZZ_IOCBS, at, &soon));
	return at == event ? fuzz_counted(event, ret) : ret;
}

/* Its event comes nevertheless, which is what the one error says. */
static long fuzz_aio_cancel(struct fuzz *t)
{
	int first = fuzz_random(t, FUZZ_IOCBS);
	struct io_event event;
	long ret = -EINVAL;

	fuzz_say(t, first, 0, 0);
	for (int i = 0; i < FUZZ_IOCBS && ret == -EINVAL; i++)
		ret = E(syscall(SYS_io_cancel, t->aio,
				&t->iocb[(first + i) % FUZZ_IOCBS], &event));
	return ret == -EINPROGRESS ? fuzz_events(t, 0) : ret;
}

#endif /* FUZZ_AIO_H */
