/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Each call that sleeps, made by a child of its own on a ring of its own, and the
 * event that ends it.
 */
#ifndef SLEEPERS_H
#define SLEEPERS_H

#include <sys/epoll.h>

#include "players.h"

enum sleep_in {
	IN_READ, IN_WRITE, IN_POLL, IN_EPOLL, IN_WAIT_DATA, IN_WAIT_SPACE,
	IN_SPLICE_OUT, IN_SPLICE_IN,
	SLEEPS
};

static const struct {
	const char *name;
	long nr, gives;
	bool full;		/* it waits for space */
} sleep_as[SLEEPS] = {
	[IN_READ] = { "read", SYS_read, 3, false },
	[IN_WRITE] = { "write", SYS_write, 1, true },
	[IN_POLL] = { "poll", SYS_poll, 1, false },
	[IN_EPOLL] = { "epoll_wait", SYS_epoll_wait, 1, false },
	[IN_WAIT_DATA] = { "FERRIO_RB_WAIT for data", SYS_ioctl, 0, false },
	[IN_WAIT_SPACE] = { "FERRIO_RB_WAIT for space", SYS_ioctl, 0, true },
	[IN_SPLICE_OUT] = { "splice out of the ring", SYS_splice, 3, false },
	[IN_SPLICE_IN] = { "splice into the ring", SYS_splice, 100, true },
};

struct sleeper {
	enum sleep_in in;
	struct rb rb;
	int pipe[2];
	pid_t pid;
	long *ret;		/* shared with the child */
};

static inline long sleeper_call(struct sleeper *s)
{
	static char buf[RB_PAGE];
	struct ferrio_rb_wait wait = { .size = sizeof(wait) };
	struct pollfd p = { .fd = s->rb.r, .events = POLLIN };
	struct epoll_event ev = { .events = EPOLLIN };
	int ep;
	long n;

	switch (s->in) {
	case IN_READ:
		return E(syscall(SYS_read, s->rb.r, buf, 100));
	case IN_WRITE:
		return E(syscall(SYS_write, s->rb.w, buf, 1));
	case IN_POLL:
		return E(syscall(SYS_poll, &p, 1, -1));
	case IN_EPOLL:
		ep = epoll_create1(EPOLL_CLOEXEC);
		if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, s->rb.r, &ev))
			rb_die("epoll: %s", strerror(errno));
		/* signal(7): a stop ends it, whatever the file */
		do {
			n = E(syscall(SYS_epoll_wait, ep, &ev, 1, -1));
		} while (n == -EINTR);
		return n;
	case IN_WAIT_DATA:
	case IN_WAIT_SPACE:
		wait.rw = s->in == IN_WAIT_DATA ? FERRIO_RB_READ : FERRIO_RB_WRITE;
		return E(syscall(SYS_ioctl, wait.rw == FERRIO_RB_READ ? s->rb.r : s->rb.w,
				 FERRIO_RB_WAIT, &wait));
	case IN_SPLICE_OUT:
		return E(syscall(SYS_splice, s->rb.r, NULL, s->pipe[1], NULL, 100, 0));
	default:
		return E(syscall(SYS_splice, s->pipe[0], NULL, s->rb.w, NULL, 100, 0));
	}
}

static inline void sleeper_asleep(struct sleeper *s)
{
	rb_asleep(s->pid, s->pid, sleep_as[s->in].nr);
}

/* Starts it on @cpu (-1: any), and waits until it sleeps. */
static inline void sleeper_start(struct sleeper *s, enum sleep_in in, int cpu)
{
	static char buf[100];

	s->in = in;
	rb_start(&s->rb, RB_ENDS, RB_DEFAULT);
	if (pipe2(s->pipe, O_CLOEXEC))
		rb_die("pipe: %s", strerror(errno));
	if (in == IN_SPLICE_IN && write(s->pipe[1], buf, 100) != 100)
		rb_die("write to a pipe: %s", strerror(errno));
	if (sleep_as[in].full)
		rb_fill(&s->rb);
	s->ret = players_memory(sizeof(long));
	s->pid = players_fork();
	if (s->pid < 0)
		rb_die("fork: %s", strerror(errno));
	if (!s->pid) {
		if (cpu >= 0)
			rb_pin(cpu);
		*s->ret = sleeper_call(s);
		_exit(0);
	}
	sleeper_asleep(s);
}

/* What it waits for: bytes, or all the space there is; never sleeps itself. */
static inline void sleeper_event(struct sleeper *s)
{
	static char buf[RB_DEFAULT];

	if (sleep_as[s->in].full ? read(s->rb.r, buf, RB_DEFAULT) != RB_DEFAULT :
				   write(s->rb.w, "abc", 3) != 3)
		rb_die("no event for %s: %s", sleep_as[s->in].name, strerror(errno));
}

/* Whether it gave what it has to; all is given back. */
static inline bool sleeper_end(struct sleeper *s)
{
	int status;
	bool good;

	if (waitpid(s->pid, &status, 0) != s->pid)
		rb_die("waitpid: %s", strerror(errno));
	good = !status && *s->ret == sleep_as[s->in].gives;
	if (!good)
		fprintf(stderr, "# %s: %ld, not %ld; status %#x\n", sleep_as[s->in].name,
			*s->ret, sleep_as[s->in].gives, status);
	munmap(s->ret, sizeof(long));
	close(s->pipe[0]);
	close(s->pipe[1]);
	rb_stop(&s->rb);
	return good;
}

#endif /* SLEEPERS_H */
