// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls of all kinds, well- and ill-formed, on several rings from four
 * threads that share their descriptors and windows, under random signals.  What
 * has to fail fails, with an error that is known; nobody hangs; each kind of call
 * also does what it is for; an innocent ring notices nothing; nothing is left.
 *
 * FUZZ_SEED=n plays the calls of each thread again; how the threads mix is the
 * scheduler's business, so it may take several runs.  FUZZ_SECONDS=n: how long.
 */

#include <assert.h>
#include <time.h>

#include "accounts.h"
#include "fuzz_aio.h"
#include "fuzz_calls.h"
#include "fuzz_memory.h"
#include "fuzz_moves.h"
#include "fuzz_uring.h"
#include "innocent.h"
#include "rb_harness.h"
#include "reload.h"

/* What a call of this kind can never do. */
enum never { MAY_ALL, NEVER_GRANTED, NEVER_REFUSED };

static const struct kind {
	const char *name;
	long (*call)(struct fuzz *t);
	unsigned int weight;
	enum never never;
	int errors[18];		/* besides EBADF and EINTR */
} kinds[] = {
	{ "open", fuzz_open, 8, 0, { EINVAL, EDQUOT, ENOTDIR, EEXIST, EPERM, EISDIR } },
	{ "reopen", fuzz_reopen, 2, 0, { ENXIO, ENOENT, EDQUOT, EACCES } },
	{ "dup", fuzz_dup, 4, 0, { EMFILE } },
	{ "close", fuzz_close, 4, 0, {} },
	{ "fcntl", fuzz_fcntl, 4, 0, { EINVAL, ENOTDIR } },
	{ "fork", fuzz_fork, 1, NEVER_REFUSED, { EAGAIN } },
	{ "stat", fuzz_stat, 1, 0, {} },
	{ "fdinfo", fuzz_fdinfo, 2, 0, { ENOENT } },
	{ "useless", fuzz_useless, 2, NEVER_GRANTED,
	  { ESPIPE, EINVAL, ENODEV, EOVERFLOW } },
	{ "info", fuzz_info, 4, 0, { EINVAL, E2BIG, EFAULT } },
	{ "size", fuzz_size, 8, 0, { EINVAL, E2BIG, EFAULT, EPERM, EBUSY } },
	{ "mint", fuzz_mint, 16, 0,
	  { EINVAL, E2BIG, EFAULT, EPERM, EDQUOT, ENOMEM, EMFILE } },
	{ "shutdown", fuzz_shutdown, 2, 0, { EINVAL, E2BIG, EFAULT } },
	{ "wait", fuzz_wait, 8, 0,
	  { EINVAL, E2BIG, EFAULT, EBADMSG, EPIPE, ETIMEDOUT } },
	{ "wakeup", fuzz_wakeup, 4, 0, { EINVAL, E2BIG, EFAULT } },
	{ "blame", fuzz_blame, 1, 0, { EINVAL, E2BIG, EFAULT } },
	{ "avail", fuzz_avail, 4, 0, { EFAULT } },
	{ "unknown_ioctl", fuzz_unknown_ioctl, 2, NEVER_GRANTED, { ENOTTY } },
	{ "read", fuzz_read, 12, 0, { EAGAIN, EBADMSG, EFAULT } },
	{ "write", fuzz_write, 12, 0,
	  { EAGAIN, EBADMSG, EFAULT, EPIPE, EDQUOT, ENOMEM } },
	{ "readv", fuzz_readv, 8, 0,
	  { EAGAIN, EBADMSG, EFAULT, EINVAL, ESPIPE, EOPNOTSUPP } },
	{ "writev", fuzz_writev, 8, 0,
	  { EAGAIN, EBADMSG, EFAULT, EPIPE, EDQUOT, ENOMEM, EINVAL, ESPIPE,
	    EOPNOTSUPP } },
	{ "mmap", fuzz_mmap, 20, 0,
	  { EINVAL, ENODEV, EPERM, EACCES, ENOMEM, EAGAIN, EEXIST, EOVERFLOW,
	    EOPNOTSUPP } },
	{ "munmap", fuzz_munmap, 2, 0, { EINVAL } },
	{ "mprotect", fuzz_mprotect, 4, 0, { EINVAL, EACCES, ENOMEM } },
	{ "mremap", fuzz_mremap, 4, 0, { EINVAL, EFAULT, ENOMEM, EAGAIN } },
	{ "madvise", fuzz_madvise, 8, 0,
	  { EINVAL, ENOMEM, EFAULT, EACCES, EBUSY, EAGAIN, EPERM, EOPNOTSUPP,
	    ENODEV } },
	{ "other_memory", fuzz_other_memory, 2, 0,
	  { EINVAL, ENOMEM, EAGAIN, EPERM, EBUSY, EFAULT } },
	{ "remote", fuzz_remote, 2, 0, { EFAULT } },
	{ "load", fuzz_load, 8, 0, { EFAULT } },
	{ "store", fuzz_store, 12, 0, { EFAULT } },
	{ "splice_out", fuzz_splice_out, 6, 0,
	  { EINVAL, EAGAIN, EBADMSG, EPIPE, ENOMEM } },
	{ "splice_in", fuzz_splice_in, 6, 0,
	  { EINVAL, EAGAIN, EBADMSG, EPIPE, EDQUOT, ENOMEM, EFAULT } },
	{ "no_pipe", fuzz_no_pipe, 1, NEVER_GRANTED, { EINVAL } },
	{ "vmsplice", fuzz_vmsplice, 4, 0, { EAGAIN, EFAULT, EINVAL } },
	{ "sendfile", fuzz_sendfile, 4, 0,
	  { EINVAL, EAGAIN, EBADMSG, EPIPE, EDQUOT, ENOMEM, EOVERFLOW, EFAULT } },
	{ "sendfile_out", fuzz_sendfile_out, 4, 0,
	  { EINVAL, EAGAIN, EBADMSG, EPIPE, ENOMEM } },
	{ "pipe_io", fuzz_pipe_io, 8, 0, { EAGAIN } },
	{ "poll", fuzz_poll, 6, 0, { EFAULT } },
	{ "select", fuzz_select, 4, 0, {} },
	{ "epoll_ctl", fuzz_epoll_ctl, 6, 0, { EINVAL, EEXIST, ENOENT } },
	{ "epoll_wait", fuzz_epoll_wait, 4, 0, { EINVAL } },
	{ "send", fuzz_send, 4, 0, { EAGAIN, ETOOMANYREFS } },
	{ "receive", fuzz_receive, 4, 0, { EAGAIN } },
	{ "garbage", fuzz_garbage, 2, 0, { ETOOMANYREFS } },
	{ "uring", fuzz_uring, 24, 0,
	  { EAGAIN, EBADMSG, EFAULT, EINVAL, EPIPE, EDQUOT, ENOMEM, ESPIPE,
	    ECANCELED, EBUSY, EOPNOTSUPP, ENOBUFS, ENOENT, EALREADY, ETIME } },
	{ "uring_cancel", fuzz_uring_cancel, 4, 0,
	  { EAGAIN, ENOENT, EALREADY, ECANCELED, EBADMSG, EFAULT, EINVAL, EPIPE,
	    ESPIPE, EDQUOT, ENOMEM, EBUSY, EOPNOTSUPP, ENOBUFS, ETIME } },
	{ "aio", fuzz_aio, 12, 0,
	  { EAGAIN, EBADMSG, EFAULT, EINVAL, EPIPE, EDQUOT, ENOMEM, ESPIPE,
	    EOPNOTSUPP } },
	{ "aio_wait", fuzz_aio_wait, 4, 0, { EINVAL, EFAULT } },
	{ "aio_cancel", fuzz_aio_cancel, 4, 0,
	  { EAGAIN, EBADMSG, EFAULT, EINVAL, EPIPE, EDQUOT, ENOMEM, ESPIPE,
	    EOPNOTSUPP } },
};

#define KINDS	((int)ARRAY_SIZE(kinds))

static_assert(ARRAY_SIZE(kinds) <= FUZZ_KINDS, "more kinds than are counted");

static bool is_known(const struct kind *kind, int error)
{
	if (error == EBADF || error == EINTR)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(kind->errors); i++)
		if (kind->errors[i] && kind->errors[i] == error)
			return true;
	return false;
}

/* ---- a thread ---- */

static int choose(struct fuzz *t)
{
	static unsigned int sum;
	unsigned int at = 0;

	if (!sum) {
		for (int i = 0; i < KINDS; i++)
			at += kinds[i].weight;
		sum = at;
	}
	at = fuzz_random(t, sum);
	for (int i = 0; ; i++) {
		if (at < kinds[i].weight)
			return i;
		at -= kinds[i].weight;
	}
}

static void step(struct fuzz *t, uint64_t number)
{
	struct fuzz_call *call = &t->told->last[number % FUZZ_LAST];
	long ret;

	t->random = fuzz_shared->seed + t->number;
	t->random = rb_random(&t->random) ^ number * 0x9e3779b97f4a7c15ULL;
	t->must_fail = false;
	t->call = call;
	call->kind = choose(t);
	call->step = number;
	fuzz_say(t, 0, 0, 0);
	__atomic_store_n(&call->ret, FUZZ_INSIDE, __ATOMIC_RELEASE);
	ret = kinds[call->kind].call(t);
	__atomic_store_n(&call->ret, ret, __ATOMIC_RELEASE);
	__atomic_store_n(&t->told->steps, number + 1, __ATOMIC_RELEASE);
	if (ret >= 0) {
		__atomic_add_fetch(&fuzz_shared->good[call->kind], 1,
				   __ATOMIC_RELAXED);
		if (t->must_fail &&
		    !__atomic_exchange_n(&fuzz_shared->granted, 1, __ATOMIC_SEQ_CST))
			fuzz_shared->wrong = *call;
	} else {
		__atomic_add_fetch(&fuzz_shared->bad[call->kind][-ret %
				   FUZZ_ERRNOS], 1, __ATOMIC_RELAXED);
	}
}

/* What comes again and again ends each wait, whenever it began. */
static void tick(int ms)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM,
	};
	struct itimerspec every = {
		{ 0, ms * 1000000L }, { 0, ms * 1000000L },
	};
	timer_t timer;

	event._sigev_un._tid = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) ||
	    timer_settime(timer, 0, &every, NULL))
		rb_die("a timer: %s", strerror(errno));
}

static void *fuzz_thread(void *arg)
{
	struct fuzz *t = arg;

	fuzz_me = t;
	tick(fuzz_tick);
	__atomic_store_n(&t->told->tid, gettid(), __ATOMIC_RELEASE);
	/* no stack may come to lie where a window has been */
	pthread_barrier_wait(&fuzz_begin);
	for (uint64_t n = 0; !__atomic_load_n(&fuzz_shared->stop, __ATOMIC_ACQUIRE);
	     n++)
		step(t, n);
	return NULL;
}

/* ---- the fuzzer's process ---- */

static void *memory(size_t bytes)
{
	char *p = mmap(NULL, bytes + RB_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* and then nothing */
	if (p == MAP_FAILED || mprotect(p + bytes, RB_PAGE, PROT_NONE))
		rb_die("mmap: %s", strerror(errno));
	return p;
}

static void thread_memory(struct fuzz *t, int number)
{
	int fd = memfd_create("page", MFD_CLOEXEC);

	t->number = number;
	t->told = &fuzz_shared->thread[number];
	t->buf = memory(FUZZ_BUF);
	if (fd < 0 || ftruncate(fd, RB_PAGE))
		rb_die("memfd_create: %s", strerror(errno));
	t->page = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	t->readable = mmap(NULL, RB_PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (t->page == MAP_FAILED || t->readable == MAP_FAILED)
		rb_die("mmap: %s", strerror(errno));
	close(fd);
	if (pipe2(t->pipe, O_CLOEXEC))
		rb_die("pipe2: %s", strerror(errno));
	fuzz_uring_start(t);
	fuzz_aio_start(t);
}

/* From here on the limits of a user hold. */
static void drop_privileges(void)
{
	struct rlimit files = { FUZZ_LAST_FD, FUZZ_LAST_FD };

	if (setrlimit(RLIMIT_NOFILE, &files) || setgid(FUZZ_USER) ||
	    setuid(FUZZ_USER) || prctl(PR_SET_DUMPABLE, 1))
		rb_die("dropping privileges: %s", strerror(errno));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static __noreturn void fuzz_process(void)
{
	static struct fuzz t[FUZZ_THREADS];
	struct sigaction fault = {
		.sa_sigaction = fuzz_fault, .sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	rb_catch(SIGALRM, 0);
	rb_catch(SIGUSR1, SA_RESTART);
	rb_catch(SIGUSR2, 0);
	rb_catch(SIGPIPE, SA_RESTART);
	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	fuzz_tick = rb_test_kernel() ? 50 : 5;	/* ms; who is nobody cannot tell */
	drop_privileges();
	memset(fuzz_slot, -1, sizeof(fuzz_slot));
	fuzz_arena = mmap(NULL, (FUZZ_WINDOWS + 1) * FUZZ_ROOM, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	fuzz_file = memfd_create("file", MFD_CLOEXEC);
	fuzz_epoll = epoll_create1(EPOLL_CLOEXEC);
	if (fuzz_arena == MAP_FAILED || fuzz_file < 0 || fuzz_epoll < 0 ||
	    ftruncate(fuzz_file, FUZZ_BUF) || pipe2(fuzz_pipe, O_CLOEXEC) ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fuzz_sock))
		rb_die("making the fuzzer's files: %s", strerror(errno));
	pthread_barrier_init(&fuzz_begin, NULL, FUZZ_THREADS);
	for (int i = 0; i < FUZZ_THREADS; i++)
		thread_memory(&t[i], i);
	for (int i = 0; i < FUZZ_THREADS; i++)
		if (pthread_create(&t[i].thread, NULL, fuzz_thread, &t[i]))
			rb_die("pthread_create failed");
	for (int i = 0; i < FUZZ_THREADS; i++)
		pthread_join(t[i].thread, NULL);
	_exit(0);
}

#include "fuzz_watch.h"

/* ---- the test ---- */

FIXTURE(fuzz) {
	struct accounts before, nobody;
	struct innocent innocent[2];
	int image;
	uint64_t seed;
};

/* What a user without privileges has, as he sees it himself. */
static void accounts_of_nobody(struct accounts *a)
{
	struct accounts *told = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();

	if (!pid) {
		int fd = setuid(FUZZ_USER) ? -1 : rb_open(O_RDWR);

		rb_info(fd, &told->info);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		rb_die("fork: %s", strerror(errno));
	*a = *told;
	munmap(told, RB_PAGE);
}

/* Garbage is collected later, and sooner when a socket is closed. */
static bool nobody_has_what_he_had(const struct accounts *before)
{
	struct accounts now;

	for (int i = 0; i < 20; i++) {
		close(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
		accounts_of_nobody(&now);
		if (now.info.user_rings == before->info.user_rings &&
		    now.info.user_bytes == before->info.user_bytes)
			return true;
		rb_sleep_ms(100);
	}
	fprintf(stderr, "# user %d has %llu rings and %llu bytes\n", FUZZ_USER,
		now.info.user_rings, now.info.user_bytes);
	return false;
}

FIXTURE_SETUP(fuzz)
{
	const char *env = getenv("FUZZ_SEED");

	self->image = reload_image();
	accounts_take(&self->before);
	accounts_of_nobody(&self->nobody);
	self->seed = env ? strtoull(env, NULL, 0) : rb_now() ^ getpid();
	fprintf(stderr, "# FUZZ_SEED=%llu\n", (unsigned long long)self->seed);
	fuzz_shared = mmap(NULL, sizeof(*fuzz_shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, fuzz_shared);
	fuzz_shared->seed = self->seed;
	innocent_start(&self->innocent[0], false, true, self->seed);
	innocent_start(&self->innocent[1], true, false, self->seed);
}

FIXTURE_TEARDOWN(fuzz)
{
	if (!reload_there())
		EXPECT_EQ(0, reload_insert(self->image));
	close(self->image);
}

static int seconds(void)
{
	const char *env = getenv("FUZZ_SECONDS");

	if (env)
		return atoi(env);
	if (getenv("FERRIO_LONG"))
		return 600;
	return rb_test_kernel() ? 60 : 10;
}

TEST_F_TIMEOUT(fuzz, all_calls, 120)
{
	char buf[16];
	pid_t pid;
	int fd;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		fuzz_process();
	EXPECT_TRUE(watch(pid, seconds()));
	show_kinds();
	EXPECT_EQ(0, fuzz_shared->granted) {
		TH_LOG("what had to fail did not:");
		show_call(&fuzz_shared->wrong);
	}
	EXPECT_TRUE(errors_are_known());
	EXPECT_TRUE(all_kinds_seen(true));
	/* nobody else noticed */
	EXPECT_TRUE(innocent_stop(&self->innocent[0]));
	EXPECT_TRUE(innocent_stop(&self->innocent[1]));
	/* nothing is left of it */
	EXPECT_TRUE(nobody_has_what_he_had(&self->nobody));
	EXPECT_TRUE(accounts_even(&self->before));
	/* and all is as it was */
	fd = rb_open(O_RDWR);
	EXPECT_EQ(6, write(fd, "ferrio", 6));
	EXPECT_EQ(6, read(fd, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "ferrio", 6));
	close(fd);
	EXPECT_EQ(0, reload_remove_soon());
	EXPECT_EQ(0, reload_insert(self->image));
	fd = rb_open(O_RDWR);
	EXPECT_EQ(1, write(fd, "x", 1));
	close(fd);
}

TEST_HARNESS_MAIN
