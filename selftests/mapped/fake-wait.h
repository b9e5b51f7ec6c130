/* SPDX-License-Identifier: GPL-2.0 */
/* FERRIO_RB_WAIT in user space, where a futex is the queue.  A part of fake.c. */
#ifndef FAKE_WAIT_H
#define FAKE_WAIT_H

/* Nanoseconds as the ABI has them to the time at which a futex gives up. */
static struct timespec *deadline(const struct ferrio_rb_wait *arg, struct timespec *until)
{
	uint64_t ns = arg->timeout;

	if (!arg->flags)
		return NULL;
	if (arg->flags & FERRIO_RB_WAIT_RELATIVE) {
		CHECK(!clock_gettime(CLOCK_MONOTONIC, until));
		if (__builtin_add_overflow(ns, until->tv_sec * 1000000000ULL +
					   until->tv_nsec, &ns))
			return NULL;
	}
	until->tv_sec = ns / 1000000000;
	until->tv_nsec = ns % 1000000000;
	return until;
}

static int wait_for(struct fake *f, int fd, struct ferrio_rb_wait *arg)
{
	struct fake_books *b = f->books;
	uint64_t need = arg->min_bytes ? arg->min_bytes : 1, own;
	struct timespec time, *until;
	uint32_t bell, rw = arg->rw;
	/* Nobody is armed for a look. */
	bool looks = arg->flags & FERRIO_RB_WAIT_RELATIVE && !arg->timeout;

	if (rw > FERRIO_RB_WRITE || need > f->size)
		return -EINVAL;
	if (!holds(fd, rw))
		return -EBADF;
	until = deadline(arg, &time);
	for (;;) {
		lock(b);
		bell = b->bell;
		own = position(f, rw);
		if (!looks)
			arm(f, rw, own + need - (rw == FERRIO_RB_WRITE ? f->size : 0));
		unlock(b);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		arg->state = __atomic_load_n(&f->state->state, __ATOMIC_ACQUIRE);
		if (arg->state & FERRIO_RB_STATE_CORRUPT)
			return -EBADMSG;
		arg->bytes = rw == FERRIO_RB_READ ? readable(f, need) :
			position(f, FERRIO_RB_READ) - own + f->size;
		if (rw == FERRIO_RB_WRITE && arg->state & FERRIO_RB_STATE_READ_CLOSED)
			return -EPIPE;
		if (arg->bytes >= need ||
		    (rw == FERRIO_RB_READ && arg->state & FERRIO_RB_STATE_WRITE_CLOSED))
			return 0;
		if (looks)
			return -ETIMEDOUT;
		__atomic_add_fetch(&b->sleeps, 1, __ATOMIC_RELAXED);
		count(&waits(f, rw)->sleeps);
		if (futex(&b->bell, FUTEX_WAIT_BITSET, bell, until) && errno != EAGAIN)
			return -errno;
	}
}

#endif /* FAKE_WAIT_H */
