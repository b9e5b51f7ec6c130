// SPDX-License-Identifier: GPL-2.0
/*
 * A peer is killed, at a random moment or asleep, mapped or not, and held the
 * last reference of its end: that is soon seen at the other one, behind all that
 * was published and in front of nothing else.
 */

#include <sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "hold.h"
#include "rb_harness.h"

#define SIZE	(4 * RB_PAGE)
#define PIECE	2000UL		/* the longest message */
#define PART	(7 * SIZE / 8)	/* in the ring, while both wait for more */
#define SOON	1000000000ULL	/* nanoseconds from the reaping on */

/* What the victim does when it is killed. */
enum activity { BUSY, IDLE, IN_WAIT, IN_CALL, IN_POLL, DOINGS };

/* What the survivor waits in; the last two for nothing but the end. */
enum how { BY_WAIT, BY_CALL, BY_POLL, BY_EPOLL, HUP_POLL, HUP_EPOLL, HOWS };

/* Where both can sleep at once. */
static const unsigned int possible[2][DOINGS] = {
	[FERRIO_RB_WRITE] = {	/* the victim produces */
		[IDLE] = 0x3f,
		[IN_WAIT] = 1 << BY_WAIT | 1 << HUP_POLL | 1 << HUP_EPOLL,
		[IN_CALL] = 1 << HUP_POLL | 1 << HUP_EPOLL,
		[IN_POLL] = 1 << HUP_POLL | 1 << HUP_EPOLL,
	},
	[FERRIO_RB_READ] = {	/* the victim consumes */
		[IDLE] = 0x3f,
		[IN_WAIT] = 0x3f,
		[IN_CALL] = 1 << HUP_POLL | 1 << HUP_EPOLL,
		[IN_POLL] = 1 << HUP_POLL | 1 << HUP_EPOLL,
	},
};

/* What the victim says, in memory that both see. */
struct said {
	int ready;
	uint64_t started, published;
};

FIXTURE(victim) {
	struct said *said;
	uint64_t seed, slowest;
	long live;
};

FIXTURE_VARIANT(victim) {
	unsigned int rw;
	bool mapped;
};

FIXTURE_VARIANT_ADD(victim, producer) {
	.rw = FERRIO_RB_WRITE,
};

FIXTURE_VARIANT_ADD(victim, mapped_producer) {
	.rw = FERRIO_RB_WRITE,
	.mapped = true,
};

FIXTURE_VARIANT_ADD(victim, consumer) {
	.rw = FERRIO_RB_READ,
};

FIXTURE_VARIANT_ADD(victim, mapped_consumer) {
	.rw = FERRIO_RB_READ,
	.mapped = true,
};

FIXTURE_SETUP(victim)
{
	signal(SIGPIPE, SIG_IGN);
	self->seed = rb_seed();
	self->live = rb_live_pages();
	self->said = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->said);
}

FIXTURE_TEARDOWN(victim)
{
	munmap(self->said, RB_PAGE);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* ---- the victim ---- */

static void say(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

/* What is reserved and not committed must never be seen: it begins as the wrong bytes. */
static void publish(struct hold *h, struct said *said, uint64_t pos, size_t len)
{
	static unsigned char buf[PIECE];
	unsigned char *at = buf;

	if (h->mapped)
		at = ringbuffer_reserve(&h->rb, len);
	if (!at)
		_exit(2);
	rb_pattern(at, len, pos);
	for (size_t i = 0; i < len; i++)
		((volatile unsigned char *)at)[i] = ~at[i];
	if (pos % 3 == 0)
		sched_yield();
	rb_pattern(at, len, pos);
	say(&said->started, pos + len);
	if (h->mapped ? ringbuffer_commit(&h->rb, len) :
			write(h->fd, at, len) != (ssize_t)len)
		_exit(3);
	say(&said->published, pos + len);
}

static void consume(struct hold *h, uint64_t *pos)
{
	static char buf[SIZE];
	const void *at = buf;
	size_t len = 1;
	ssize_t n;

	if (h->mapped) {
		at = ringbuffer_peek(&h->rb, &len);
		n = at ? (ssize_t)len : -1;
	} else {
		n = read(h->fd, buf, sizeof(buf));
	}
	if (n <= 0 || rb_mismatch(at, n, *pos) != -1)
		_exit(4);
	if (h->mapped && ringbuffer_consume(&h->rb, n))
		_exit(5);
	*pos += n;
}

static void fill(struct hold *h, struct said *said, size_t bytes)
{
	for (size_t pos = 0, len; pos < bytes; pos += len) {
		len = bytes - pos < 1024 ? bytes - pos : 1024;
		publish(h, said, pos, len);
	}
}

static __noreturn void victim(struct hold *h, enum activity doing,
			      struct said *said, uint64_t seed)
{
	bool produces = h->rw == FERRIO_RB_WRITE;
	struct pollfd pfd = { .fd = h->fd };
	uint64_t pos = 0;
	char c = 0;

	if (doing != BUSY && doing != IDLE && produces)
		fill(h, said, doing == IN_WAIT ? PART : SIZE);
	__atomic_store_n(&said->ready, 1, __ATOMIC_SEQ_CST);
	switch (doing) {
	case BUSY:
		while (!produces)
			consume(h, &pos);
		for (;;) {
			size_t len = rb_random(&seed) % PIECE + 1;

			publish(h, said, pos, len);
			pos += len;
		}
	case IN_WAIT:
		hold_wait(h->fd, h->rw, SIZE, -1, NULL);
		break;
	case IN_CALL:
		hold_move(h, &c, 1);
		break;
	case IN_POLL:
		pfd.events = produces ? POLLOUT : POLLIN;
		poll(&pfd, 1, -1);
		break;
	default:
		poll(NULL, 0, -1);
	}
	_exit(6);	/* nothing of this ever returns */
}

static long sleeps_in(const struct hold *h, enum activity doing)
{
	if (doing == IN_WAIT || (doing == IN_CALL && h->mapped))
		return SYS_ioctl;
	if (doing == IN_CALL)
		return h->rw == FERRIO_RB_READ ? SYS_read : SYS_write;
	return SYS_poll;
}

/* ---- the survivor ---- */

struct watch {
	pthread_t thread;
	pid_t tid;
	struct hold *h;
	enum how how;
	size_t min;		/* more than there is when it begins; 0: any */
	uint64_t seed, pos;
	uint64_t at;		/* the end was seen */
	long ret;		/* what it was seen by */
	long wrong;		/* a byte that is not the pattern's */
};

static long watch_nr(const struct watch *w)
{
	switch (w->how) {
	case BY_WAIT:
		return SYS_ioctl;
	case BY_CALL:
		return sleeps_in(w->h, IN_CALL);
	case BY_POLL:
	case HUP_POLL:
		return SYS_poll;
	default:
		return SYS_epoll_pwait;
	}
}

/* Sleeps once; less than 0: the end, or an error. */
static long watch_wait(struct watch *w, int epoll)
{
	bool reads = w->h->rw == FERRIO_RB_READ;
	struct pollfd pfd = { .fd = w->h->fd };
	struct epoll_event event;

	switch (w->how) {
	case BY_WAIT:
		return hold_wait(w->h->fd, w->h->rw, w->min ? w->min :
				 rb_random(&w->seed) % (SIZE / 2), -1, NULL);
	case BY_CALL:
		return 0;
	case BY_POLL:
		pfd.events = reads ? POLLIN : POLLOUT;
		/* fall through */
	case HUP_POLL:
		return E(poll(&pfd, 1, -1));
	default:
		return E(syscall(SYS_epoll_pwait, epoll, &event, 1, -1, NULL, 8));
	}
}

/* Moves what can be moved; less than 0 and not EAGAIN, or 0 to read: the end. */
static long watch_move(struct watch *w)
{
	static char buf[SIZE];
	long n;

	for (;;) {
		size_t len = w->min ? w->min : rb_random(&w->seed) % PIECE + 1;

		if (w->h->rw == FERRIO_RB_WRITE)
			rb_pattern(buf, len, w->pos);
		n = hold_move(w->h, buf, len);
		if (n <= 0)
			return n;
		if (w->h->rw == FERRIO_RB_READ && w->wrong < 0)
			w->wrong = rb_mismatch(buf, n, w->pos);
		w->pos += n;
	}
}

static void *watch_thread(void *arg)
{
	struct watch *w = arg;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLET };

	if (w->how == BY_EPOLL)
		event.events |= w->h->rw == FERRIO_RB_READ ? EPOLLIN : EPOLLOUT;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, w->h->fd, &event))
		rb_die("EPOLL_CTL_ADD: %s", strerror(errno));
	__atomic_store_n(&w->tid, gettid(), __ATOMIC_RELEASE);
	do {
		w->ret = watch_wait(w, epoll);
		if (w->ret >= 0)
			w->ret = watch_move(w);
	} while (w->ret == -EAGAIN);
	w->at = rb_now();
	close(epoll);
	return NULL;
}

static void watch_start(struct watch *w, struct hold *h, enum how how,
			uint64_t seed)
{
	w->h = h;
	w->how = how;
	w->seed = seed;
	w->wrong = -1;
	hold_nonblock(h, how != BY_CALL);
	if (pthread_create(&w->thread, NULL, watch_thread, w))
		rb_die("pthread_create failed");
	while (!__atomic_load_n(&w->tid, __ATOMIC_ACQUIRE))
		sched_yield();
}

/* ---- a round ---- */

static void one_round(struct __test_metadata *_metadata,
		      struct _test_data_victim *self,
		      const struct _fixture_variant_victim *variant,
		      enum activity doing, enum how how)
{
	bool reads = variant->rw == FERRIO_RB_WRITE;
	struct hold hold = { .rw = variant->rw, .mapped = variant->mapped };
	struct hold mine;
	struct watch w = {};
	static char part[SIZE];
	uint64_t reaped;
	int fd[2], bits;
	pid_t pid;

	memset(self->said, 0, sizeof(*self->said));
	hold_ends(SIZE, fd);
	if (!reads && doing == IN_WAIT) {
		/* the survivor comes with PART published, the victim wants more */
		ASSERT_EQ(PART, write(fd[FERRIO_RB_WRITE], part, PART));
		w.pos = PART;
	}
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fd[!variant->rw]);
		hold_take(&hold, fd[variant->rw], variant->rw, variant->mapped);
		victim(&hold, doing, self->said, self->seed);
	}
	close(fd[variant->rw]);
	hold_take(&mine, fd[!variant->rw], !variant->rw,
		  rb_random(&self->seed) % 2);
	while (!__atomic_load_n(&self->said->ready, __ATOMIC_SEQ_CST))
		rb_sleep_ms(1);
	if (doing == BUSY) {
		struct timespec moment = { 0, rb_random(&self->seed) % 4000000 };

		watch_start(&w, &mine, how, self->seed);
		nanosleep(&moment, NULL);
	} else {
		rb_asleep(pid, pid, sleeps_in(&hold, doing));
		if (doing == IN_WAIT)
			w.min = reads ? PART + 1 : SIZE - PART + 1;
		if (!reads && doing == IDLE) {
			ASSERT_EQ(SIZE, write(mine.fd, part, SIZE));
			w.pos = SIZE;
		}
		watch_start(&w, &mine, how, self->seed);
		rb_asleep(getpid(), w.tid, watch_nr(&w));
	}
	rb_reap_killed(pid);
	reaped = rb_now();
	pthread_join(w.thread, NULL);
	if (w.at > reaped && w.at - reaped > self->slowest)
		self->slowest = w.at - reaped;
	EXPECT_GE(reaped + SOON, w.at)
		TH_LOG("doing %d how %d: %llu us late", doing, how,
		       (unsigned long long)(w.at - reaped) / 1000);
	EXPECT_EQ(reads ? 0 : -EPIPE, w.ret)
		TH_LOG("doing %d how %d", doing, how);
	bits = hold_poll(mine.fd);
	EXPECT_EQ(POLLHUP | (reads ? 0 : POLLERR), bits & ~POLLOUT);
	EXPECT_EQ(-1, w.wrong);
	if (reads) {
		EXPECT_EQ(rb_fdinfo(mine.fd, "rb-written"), w.pos);
		EXPECT_LE(self->said->published, w.pos);
		EXPECT_GE(self->said->started, w.pos);
	}
	hold_drop(&mine);
}

TEST_F_TIMEOUT(victim, at_a_random_moment, 60)
{
	for (int i = 0; i < rounds(26, 3); i++)
		one_round(_metadata, self, variant, BUSY, i % HUP_POLL);
	TH_LOG("at most %llu us from the reaping to the survivor's return",
	       (unsigned long long)self->slowest / 1000);
}

TEST_F_TIMEOUT(victim, asleep, 60)
{
	int n = rounds(26, 3);

	for (int i = 0; n; i++) {
		enum activity doing = IDLE + i % (DOINGS - IDLE);
		enum how how = rb_random(&self->seed) % HOWS;

		if (!(possible[variant->rw][doing] & 1 << how))
			continue;
		one_round(_metadata, self, variant, doing, how);
		n--;
	}
	TH_LOG("at most %llu us from the reaping to the survivor's return",
	       (unsigned long long)self->slowest / 1000);
}

TEST_HARNESS_MAIN
