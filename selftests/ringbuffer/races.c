// SPDX-License-Identifier: GPL-2.0
/*
 * Every call in every state of a ring's life, at once; and mappings made, failing
 * and torn down while others come and go.  Afterwards all accounts are even.
 */

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../inject.h"
#include "accounts.h"
#include "hold.h"
#include "rb_harness.h"

#define SIZE	(4 * RB_PAGE)
#define INSERT	"ringbuffer:ferrio_vma_insert"

static uint64_t deadline(void)
{
	return rb_now() + (getenv("FERRIO_LONG") ? 30 : 2) * 1000000000ULL;
}

FIXTURE(race) {
	struct accounts before;
	uint64_t seed;
};

FIXTURE_SETUP(race)
{
	signal(SIGPIPE, SIG_IGN);
	self->seed = rb_seed();
	accounts_take(&self->before);
}

FIXTURE_TEARDOWN(race)
{
	EXPECT_TRUE(accounts_even(&self->before));
}

/* ---- every entry point ---- */

#define SLOTS	12
#define THREADS	4

/* Descriptors that all threads use; who takes one out closes it. */
static int slot[SLOTS];

enum operation {
	OPEN, CLOSE, DUP, MINT, SET_SIZE, SHUTDOWN, INFO, AVAIL, WAIT, WAKEUP,
	BLAME, POLL, READ, WRITE, OUT, IN, MMAP, FORK, OPS
};

struct actor {
	pthread_t thread;
	uint64_t seed, until;
	int pipe[2];
	long wrong_op, wrong;
};

/* Errors that each may meet, besides EBADF: the descriptor may be closed by now. */
static const int errors[OPS][5] = {
	[MINT] = { EPERM },
	[SET_SIZE] = { EPERM, EBUSY },
	[WAIT] = { EBADMSG, EPIPE, ETIMEDOUT, EINVAL },
	[READ] = { EAGAIN, EBADMSG },
	[WRITE] = { EAGAIN, EBADMSG, EPIPE },
	[OUT] = { EAGAIN, EBADMSG },
	[IN] = { EAGAIN, EBADMSG, EPIPE },
	[MMAP] = { EINVAL, ENODEV },
};

static bool is_known(enum operation op, long ret)
{
	if (ret >= 0 || ret == -EBADF)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(errors[op]); i++)
		if (errors[op][i] && ret == -errors[op][i])
			return true;
	return false;
}

/* Into a free slot, or closed again. */
static long put(struct actor *a, long fd)
{
	int *at = &slot[rb_random(&a->seed) % SLOTS], none = -1;

	if (fd < 0)
		return fd;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (!__atomic_compare_exchange_n(at, &none, fd, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		close(fd);
	return 0;
}

/* A window of some kind of end, used in ways that its holder may. */
static long map_and_use(struct actor *a, int fd)
{
	static const struct {
		int first, count, prot;
	} windows[] = {
		{ 0, 1, PROT_READ | PROT_WRITE }, { 1, 10, PROT_READ },
		{ 0, 2, PROT_READ }, { 2, 9, PROT_READ | PROT_WRITE },
		{ 0, 11, PROT_READ },
	};
	int w = rb_random(&a->seed) % 5;
	size_t bytes = windows[w].count * RB_PAGE;
	struct ferrio_rb_end_page *page;

	page = mmap(NULL, bytes, windows[w].prot, MAP_SHARED, fd,
		    windows[w].first * RB_PAGE);
	if (page == MAP_FAILED)
		return -errno;
	/* it stays usable whatever becomes of the descriptor */
	if (windows[w].prot & PROT_WRITE) {
		page->armed = rb_random(&a->seed);
		page->wanted = rb_random(&a->seed);
		if (rb_random(&a->seed) % 4 == 0)
			page->position += rb_random(&a->seed) % 1000;
	}
	for (size_t at = 0; at < bytes; at += RB_PAGE)
		(void)((volatile char *)page)[at];
	if (rb_random(&a->seed) % 4 == 0)
		madvise(page, bytes, MADV_DONTNEED);
	(void)*(volatile char *)page;
	return E(munmap(page, bytes));
}

static long fork_and_use(struct actor *a, int fd)
{
	char c;
	pid_t pid = fork();

	if (!pid) {
		map_and_use(a, fd);
		(void)!read(fd, &c, 1);
		_exit(0);
	}
	return pid < 0 ? -errno : waitpid(pid, NULL, 0) == pid ? 0 : -ECHILD;
}

static long act(struct actor *a, enum operation op, int fd)
{
	static char buf[2 * SIZE];
	uint64_t r = rb_random(&a->seed);
	unsigned int rw = r % 2, len = r / 2 % sizeof(buf);
	struct ferrio_rb_info info = { .size = sizeof(info) };
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };
	int n;

	switch (op) {
	case OPEN:
		return put(a, E(open(FERRIO_RB_DEVICE, O_RDWR | O_CLOEXEC)));
	case CLOSE:
		fd = __atomic_exchange_n(&slot[r % SLOTS], -1, __ATOMIC_SEQ_CST);
		return fd < 0 ? -EBADF : E(close(fd));
	case DUP:
		return put(a, E(dup(fd)));
	case MINT:
		return put(a, rb_try_mint(fd, r % 3));
	case SET_SIZE:
		return rb_set_size(fd, SIZE);
	case SHUTDOWN:
		return rb_shutdown(fd, rw);
	case INFO:
		return E(ioctl(fd, FERRIO_RB_GET_INFO, &info));
	case AVAIL:
		return E(ioctl(fd, FIONREAD, &n));
	case WAIT:
		return hold_wait(fd, rw, len, r / 4 % 3, NULL);
	case WAKEUP:
		return rb_wakeup(fd, rw);
	case BLAME:
		return rb_blame(fd, rw);
	case POLL:
		return E(poll(&pfd, 1, r / 4 % 3));
	case READ:
		return E(read(fd, buf, len));
	case WRITE:
		return E(write(fd, buf, len));
	case OUT:
		return E(splice(fd, NULL, a->pipe[1], NULL, len, SPLICE_F_NONBLOCK));
	case IN:
		return E(splice(a->pipe[0], NULL, fd, NULL, len, SPLICE_F_NONBLOCK));
	case MMAP:
		return map_and_use(a, fd);
	default:
		return fork_and_use(a, fd);
	}
}

/* Calls that did what they are for; of each at least one, however slow it is here. */
static unsigned long good[OPS];

static bool all_good(void)
{
	for (int op = 0; op < OPS; op++)
		if (!__atomic_load_n(&good[op], __ATOMIC_RELAXED))
			return false;
	return true;
}

static enum operation choose(struct actor *a)
{
	enum operation op = rb_random(&a->seed) % OPS;

	/* what ends a ring is rarer than what uses it, and a fork takes long */
	if ((op == BLAME || op == SHUTDOWN) && rb_random(&a->seed) % 8)
		return MMAP;
	if (op == FORK && rb_random(&a->seed) % 32)
		return MINT;
	return op;
}

static void *actor_thread(void *arg)
{
	struct actor *a = arg;
	char c[512];

	while ((rb_now() < a->until || !all_good()) && !a->wrong) {
		int fd = __atomic_load_n(&slot[rb_random(&a->seed) % SLOTS],
					 __ATOMIC_SEQ_CST);
		enum operation op = choose(a);
		long ret;

		(void)!write(a->pipe[1], c, sizeof(c));
		ret = act(a, op, fd);
		if (ret >= 0)
			__atomic_add_fetch(&good[op], 1, __ATOMIC_RELAXED);
		if (!is_known(op, ret)) {
			a->wrong_op = op;
			a->wrong = ret;
		}
		/* else the pipe fills up */
		if (op == OUT)
			while (read(a->pipe[0], c, sizeof(c)) > 0)
				;
	}
	return NULL;
}

/* Looks at all descriptors of its parent, as anybody may at any time. */
static __noreturn void onlooker(pid_t pid)
{
	char path[64], text[2048];

	for (int i = 0;; i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, 3 + i % 40);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			continue;
		while (read(fd, text, sizeof(text)) > 0)
			;
		close(fd);
	}
}

TEST_F_TIMEOUT(race, entry_points, 60)
{
	struct actor a[THREADS] = {};
	pid_t self_pid = getpid(), pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		onlooker(self_pid);
	memset(slot, -1, sizeof(slot));
	for (int i = 0; i < THREADS; i++) {
		a[i].seed = self->seed + i;
		a[i].until = deadline();
		ASSERT_EQ(0, pipe2(a[i].pipe, O_CLOEXEC | O_NONBLOCK));
	}
	for (int i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_create(&a[i].thread, NULL, actor_thread,
					    &a[i]));
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(a[i].thread, NULL);
		EXPECT_EQ(0, a[i].wrong)
			TH_LOG("operation %ld", a[i].wrong_op);
	}
	rb_reap_killed(pid);
	for (int i = 0; i < SLOTS; i++)
		if (slot[i] >= 0)
			close(slot[i]);
}

/* ---- mappings that come, go and fail ---- */

/* One end, whose descriptor number is now this ring's, now another's. */
struct arena {
	int fd, ends[2];
	uint64_t until, seed;
	bool fail;
	unsigned long made, failed;
	long wrong;
};

static long map_once(int fd)
{
	char *at = mmap(NULL, 9 * RB_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			2 * RB_PAGE);

	if (at == MAP_FAILED)
		return -errno;
	at[3 * RB_PAGE] = 1;
	return E(munmap(at, 9 * RB_PAGE));
}

static void *mapper(void *arg)
{
	struct arena *a = arg;
	uint64_t seed = a->seed + gettid();
	struct inject in;

	if (a->fail)
		inject_open(&in, false);
	while (rb_now() < a->until) {
		long ret;

		if (a->fail)
			inject_arm(&in, rb_random(&seed) % 24 + 1);
		ret = map_once(a->fd);
		if (a->fail)
			inject_arm(&in, 0);
		__atomic_add_fetch(ret ? &a->failed : &a->made, 1, __ATOMIC_RELAXED);
		/* the numbers of both rings are those of a producer or nothing */
		if (ret && ret != -EBADF && !(a->fail && ret == -ENOMEM))
			a->wrong = ret;
	}
	if (a->fail)
		inject_close(&in);
	return NULL;
}

/* Closes the descriptor and gives its number to an end of a new ring. */
static void *closer(void *arg)
{
	struct arena *a = arg;

	while (rb_now() < a->until) {
		int fd[2];

		hold_ends(SIZE, fd);
		close(fd[FERRIO_RB_READ]);
		if (rb_fdinfo(fd[FERRIO_RB_WRITE], "rb-maps"))
			a->wrong = 1;
		if (dup2(fd[FERRIO_RB_WRITE], a->fd) != a->fd)
			a->wrong = -errno;
		sched_yield();
		close(fd[FERRIO_RB_WRITE]);
	}
	return NULL;
}

static void maps_against_close(struct __test_metadata *_metadata, struct arena *a)
{
	pthread_t thread[3];

	a->until = deadline();
	hold_ends(SIZE, a->ends);
	a->fd = a->ends[FERRIO_RB_WRITE];
	for (int i = 0; i < 3; i++)
		if (pthread_create(&thread[i], NULL, i ? mapper : closer, a))
			rb_die("pthread_create failed");
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(0, a->wrong);
	EXPECT_LT(0, a->made);
	EXPECT_EQ(0, rb_fdinfo(a->fd, "rb-maps"));
	close(a->ends[FERRIO_RB_READ]);
	close(a->ends[FERRIO_RB_WRITE]);
	TH_LOG("%lu mapped, %lu refused", a->made, a->failed);
}

TEST_F_TIMEOUT(race, maps_against_close, 60)
{
	struct arena a = { .seed = self->seed };

	maps_against_close(_metadata, &a);
}

/* ---- the same with mappings that fail half-way ---- */

FIXTURE(fault) {
	struct accounts before;
	struct inject in;
	bool on;
};

FIXTURE_SETUP(fault)
{
	if (!inject_possible())
		SKIP(return, "no " INJECT_NTH ": not a kernel with fault injection");
	accounts_take(&self->before);
	inject_open(&self->in, false);
	inject_function(&self->in, INSERT, ENOMEM);
	self->on = true;
}

FIXTURE_TEARDOWN(fault)
{
	if (!self->on)
		return;
	inject_close(&self->in);
	EXPECT_TRUE(accounts_even(&self->before));
}

TEST_F_TIMEOUT(fault, maps_against_close, 60)
{
	struct arena a = { .seed = rb_seed(), .fail = true };

	maps_against_close(_metadata, &a);
	EXPECT_LT(0, a.failed);
}

TEST_HARNESS_MAIN
