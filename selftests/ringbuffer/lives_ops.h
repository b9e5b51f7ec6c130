/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be done to a file of a ring in one step, and what each step may say
 * when another one is done to the same file at the same time.
 */
#ifndef LIVES_OPS_H
#define LIVES_OPS_H

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "hold.h"
#include "reload.h"

#define LIFE_SIZE	RB_PAGE
#define LIFE_NAP	300000	/* ns that a wait lasts */

enum operation {
	MMAP, MUNMAP, CLOSE, DUP, FORK, KILL, REMOVE, RESIZE, MINT, SHUTDOWN, INFO,
	AVAIL, WAIT, WAKEUP, BLAME, OPS
};

static const char * const operation_name[OPS] = {
	"mmap", "munmap", "close", "dup", "fork", "kill", "remove",
	"resize", "mint", "shutdown", "info", "avail", "wait", "wakeup", "blame",
};

/* What the file is that it is done to, the producer end of a ring. */
enum life_stage {
	SHARED,	/* minted, and the plain descriptor holds that end as well */
	ALONE,	/* minted, and the only producer */
	PLAIN,	/* the plain descriptor, the only producer */
	YOUNG,	/* the plain descriptor of a ring without memory */
	STAGES
};

struct life {
	enum life_stage stage;
	bool own_memory;	/* of its children */
	unsigned int minted;	/* what MINT makes */
	int plain, end;		/* the same in PLAIN and YOUNG */
	int reader;		/* the consumer end; in YOUNG the plain one */
	int watch;		/* an observer; -1 in YOUNG */
	char *window;		/* of the end; in PLAIN of the reader; or NULL */
	size_t window_bytes;
	pid_t victim;		/* holds all of these, and dies */
};

/* One of the two, and what came of it. */
struct act {
	enum operation op;
	struct life *life;
	int number;		/* 0 or 1 */
	uint64_t delay;
	long ret;
	char *window;
};

static inline void *life_map(int fd, size_t first, size_t pages)
{
	return mmap(NULL, pages * RB_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    first * RB_PAGE);
}

/* The first use of YOUNG is up to the operations. */
static inline void life_begin(struct life *l, enum life_stage stage)
{
	memset(l, 0, sizeof(*l));
	l->stage = stage;
	l->plain = rb_open(O_RDWR);
	l->end = l->reader = l->plain;
	l->watch = -1;
	if (stage == YOUNG)
		return;
	if (rb_set_size(l->plain, LIFE_SIZE))
		rb_die("FERRIO_RB_SET_SIZE failed");
	l->watch = rb_mint(l->plain, FERRIO_RB_OBSERVE);
	l->reader = rb_mint(l->plain, FERRIO_RB_READ);
	if (stage == PLAIN) {
		l->window_bytes = RB_PAGE;
		l->window = life_map(l->reader, 0, 1);
	} else {
		l->end = rb_mint(l->plain, FERRIO_RB_WRITE);
		if (stage == ALONE && rb_shutdown(l->plain, FERRIO_RB_WRITE))
			rb_die("FERRIO_RB_SHUTDOWN failed");
		l->window_bytes = 3 * RB_PAGE;
		l->window = life_map(l->end, 2, 3);
	}
	if (l->window == MAP_FAILED)
		rb_die("mapping an end: %s", strerror(errno));
}

static inline int life_pause(void *arg)
{
	(void)arg;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (pause())
		;
	return 0;
}

static inline int life_exit(void *arg)
{
	(void)arg;
	return 0;
}

/*
 * A child with descriptors of its own.  If it has no memory of its own it borrows
 * it, and must not touch much of it.
 */
static inline long life_child(const struct life *l, int (*run)(void *arg), int number)
{
	static _Alignas(16) char stack[3][16384];
	pid_t pid;

	if (!l->own_memory)
		return E(clone(run, stack[number] + sizeof(stack[0]),
			       CLONE_VM | SIGCHLD, NULL));
	pid = fork();
	if (!pid)
		_exit(run(NULL));
	return pid < 0 ? -errno : pid;
}

/* Killed, whatever it is doing by then: also on its way into existence. */
static inline void life_victim(struct life *l)
{
	l->victim = life_child(l, life_pause, 2);
	if (l->victim < 0)
		rb_die("fork: %s", strerror(-l->victim));
}

static inline long life_mmap(struct act *a)
{
	char *at = life_map(a->life->end, 2, 3);

	if (at == MAP_FAILED)
		return -errno;
	at[RB_PAGE] = 1;
	a->window = at;
	return 0;
}

static inline long life_wait(int fd)
{
	struct ferrio_rb_wait w = {
		.size = sizeof(w), .rw = FERRIO_RB_READ,
		.flags = FERRIO_RB_WAIT_RELATIVE, .timeout = LIFE_NAP,
	};

	return E(ioctl(fd, FERRIO_RB_WAIT, &w));
}

/* For meeting.h. */
static inline void life_act(void *arg)
{
	struct ferrio_rb_info info = { .size = sizeof(info) };
	struct act *a = arg;
	struct life *l = a->life;
	int n = -1;

	switch (a->op) {
	case MMAP:
		a->ret = life_mmap(a);
		break;
	case MUNMAP:
		a->ret = l->window ? E(munmap(l->window, l->window_bytes)) : 0;
		break;
	case CLOSE:
		a->ret = E(close(l->end));
		break;
	case DUP:
		a->ret = E(dup(l->end));
		break;
	case FORK:
		a->ret = life_child(l, life_exit, a->number);
		break;
	case KILL:
		a->ret = E(kill(l->victim, SIGKILL));
		break;
	case REMOVE:
		a->ret = reload_remove();
		break;
	case MINT:
		a->ret = rb_try_mint(l->plain, l->minted);
		break;
	case SHUTDOWN:
		a->ret = rb_shutdown(l->end, FERRIO_RB_WRITE);
		break;
	case RESIZE:
		a->ret = rb_set_size(l->plain, LIFE_SIZE);
		break;
	case INFO:
		a->ret = E(ioctl(l->end, FERRIO_RB_GET_INFO, &info));
		if (!a->ret && info.map_bytes != 3 * RB_PAGE + 2 * info.ring_bytes)
			a->ret = info.map_bytes;
		break;
	case AVAIL:
		a->ret = E(ioctl(l->end, FIONREAD, &n));
		if (!a->ret)
			a->ret = n;
		break;
	case WAIT:
		a->ret = life_wait(l->reader);
		break;
	case WAKEUP:
		a->ret = rb_wakeup(l->end, FERRIO_RB_WRITE);
		break;
	default:
		a->ret = rb_blame(l->end, FERRIO_RB_WRITE);
	}
}

/* ---- what it may say ---- */

/* Whether the descriptor, or its right to the end, may be gone by now. */
static inline bool life_may_be_bad(const struct act *a, const struct act *other)
{
	bool minted = a->life->stage == SHARED || a->life->stage == ALONE;

	switch (a->op) {
	case MINT:
		/* by the plain descriptor; shut down for the producer end only */
		return !minted && (other->op == CLOSE || (other->op == SHUTDOWN &&
			a->life->minted == FERRIO_RB_WRITE));
	case RESIZE:
		return !minted && other->op == CLOSE;
	case WAIT:
		return a->life->stage == YOUNG && other->op == CLOSE;
	case MMAP:
		return other->op == CLOSE || (minted && other->op == SHUTDOWN);
	case CLOSE:
	case DUP:
	case INFO:
	case AVAIL:
		return other->op == CLOSE;
	case SHUTDOWN:
	case WAKEUP:
	case BLAME:
		return other->op == CLOSE || other->op == SHUTDOWN;
	default:
		return false;
	}
}

static inline bool life_may_say(const struct act *a, const struct act *other)
{
	const struct life *l = a->life;
	long ret = a->ret;

	if (ret == -EBADF && life_may_be_bad(a, other))
		return true;
	switch (a->op) {
	case MMAP:
		return ret == (l->stage == PLAIN || l->stage == YOUNG ? -ENODEV : 0);
	case DUP:
		return ret > 2;
	case FORK:
		return ret > 0;
	case REMOVE:
		return ret == -EWOULDBLOCK;
	case MINT:
		if (l->stage == ALONE && l->minted == FERRIO_RB_WRITE)
			return ret == -EBADF;
		return ret > 2;
	case RESIZE:
		/* the first one is granted, if nothing else was the first use */
		return ret == -EBUSY ? l->stage != YOUNG || other->op == MINT :
				       !ret && l->stage == YOUNG;
	case WAIT:
		/* nothing is ever written: time, the end of the stream, or blame */
		return ret == -ETIMEDOUT || (ret == -EBADMSG && other->op == BLAME) ||
		       (!ret && l->stage != SHARED &&
			(other->op == CLOSE || other->op == SHUTDOWN));
	default:
		return !ret;
	}
}

#endif /* LIVES_OPS_H */
