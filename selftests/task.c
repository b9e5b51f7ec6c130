// SPDX-License-Identifier: GPL-2.0
/* Bytes, calls that sleep, signals and the machine; task.h says what is what. */

#include <dirent.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "task.h"

#define DEBUGFS		"/sys/kernel/debug"

void rb_die(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "# rb: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n");
	abort();
}

/* ---- bytes ---- */

static unsigned char pattern(uint64_t pos)
{
	uint32_t x = (uint32_t)(pos ^ (pos >> 32)) * 2654435761U;

	return x >> 24 ^ x >> 11;
}

void rb_pattern(void *buf, size_t len, uint64_t pos)
{
	unsigned char *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = pattern(pos + i);
}

/* The first byte that is not the pattern's, or -1. */
long rb_mismatch(const void *buf, size_t len, uint64_t pos)
{
	const unsigned char *p = buf;

	for (size_t i = 0; i < len; i++)
		if (p[i] != pattern(pos + i))
			return i;
	return -1;
}

uint64_t rb_random(uint64_t *state)
{
	uint64_t x;

	*state += 0x9e3779b97f4a7c15ULL;
	x = *state;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* SEED=n in the environment plays a run again. */
uint64_t rb_seed(void)
{
	const char *env = getenv("SEED");
	struct timespec now;
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = now.tv_sec * 1000003ULL + now.tv_nsec;
	if (env)
		seed = strtoull(env, NULL, 0);
	fprintf(stderr, "# SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

/* ---- calls that sleep ---- */

void rb_sleep_ms(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/*
 * Whether a task sleeps in system call @nr.  The state comes first: a task
 * that was woken before this is asked is not in S or D until it sleeps again,
 * but the file `syscall` still shows one whose wake is on its way to another
 * CPU as if it slept.
 */
static bool sleeps_in(pid_t pid, pid_t tid, long nr)
{
	char path[64], text[512], *state;
	long now;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	if (!read_text(path, text, sizeof(text)))
		return false;
	state = strrchr(text, ')');
	if (!state || (state[2] != 'S' && state[2] != 'D'))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", pid, tid);
	if (!read_text(path, text, sizeof(text)) || text[0] < '0' || text[0] > '9')
		return false;
	now = strtol(text, NULL, 10);
	/* poll(2) goes on by another name after a stop */
	return now == nr || (nr == SYS_poll && now == SYS_restart_syscall);
}

/* Until a task sleeps in a call; a child that ends instead fails the test. */
void rb_asleep(pid_t pid, pid_t tid, long nr)
{
	while (!sleeps_in(pid, tid, nr)) {
		siginfo_t info = {};

		if (!waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) &&
		    info.si_pid)
			rb_die("a child ended (%d) instead of sleeping in call %ld",
			       info.si_status, nr);
		rb_sleep_ms(1);
	}
}

static void *call_thread(void *arg)
{
	struct rb_call *c = arg;

	__atomic_store_n(&c->tid, gettid(), __ATOMIC_RELEASE);
	c->ret = E(syscall(c->nr, c->arg[0], c->arg[1], c->arg[2], c->arg[3],
			   c->arg[4], c->arg[5]));
	__atomic_store_n(&c->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

void rb_call_start(struct rb_call *c, long nr, const long arg[6])
{
	memset(c, 0, sizeof(*c));
	c->nr = nr;
	memcpy(c->arg, arg, sizeof(c->arg));
	if (pthread_create(&c->thread, NULL, call_thread, c))
		rb_die("pthread_create failed");
	while (!__atomic_load_n(&c->tid, __ATOMIC_ACQUIRE))
		sched_yield();
}

void rb_call_read(struct rb_call *c, int fd, void *buf, size_t len)
{
	const long arg[6] = { fd, (long)buf, len };

	rb_call_start(c, SYS_read, arg);
}

void rb_call_write(struct rb_call *c, int fd, const void *buf, size_t len)
{
	const long arg[6] = { fd, (long)buf, len };

	rb_call_start(c, SYS_write, arg);
}

void rb_call_poll(struct rb_call *c, struct pollfd *pfd, int timeout_ms)
{
	const long arg[6] = { (long)pfd, 1, timeout_ms };

	rb_call_start(c, SYS_poll, arg);
}

void rb_call_ioctl(struct rb_call *c, int fd, unsigned long cmd, void *argument)
{
	const long arg[6] = { fd, (long)cmd, (long)argument };

	rb_call_start(c, SYS_ioctl, arg);
}

void rb_call_splice(struct rb_call *c, int in, int out, size_t len,
		    unsigned int flags)
{
	const long arg[6] = { in, 0, out, 0, len, flags };

	rb_call_start(c, SYS_splice, arg);
}

bool rb_call_done(struct rb_call *c)
{
	return __atomic_load_n(&c->done, __ATOMIC_ACQUIRE);
}

/* A call that comes back instead of sleeping is reported with its result. */
void rb_call_asleep(struct rb_call *c)
{
	while (!sleeps_in(getpid(), c->tid, c->nr)) {
		if (rb_call_done(c))
			rb_die("call %ld returned %ld instead of sleeping",
			       c->nr, c->ret);
		rb_sleep_ms(1);
	}
}

long rb_call_end(struct rb_call *c)
{
	pthread_join(c->thread, NULL);
	return c->ret;
}

void rb_call_signal(struct rb_call *c, int sig)
{
	if (syscall(SYS_tgkill, getpid(), c->tid, sig))
		rb_die("tgkill: %s", strerror(errno));
}

/* ---- signals ---- */

static int caught[65];

static void handler(int sig)
{
	__atomic_add_fetch(&caught[sig], 1, __ATOMIC_SEQ_CST);
}

void rb_catch(int sig, int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	caught[sig] = 0;
	if (sigaction(sig, &sa, NULL))
		rb_die("sigaction: %s", strerror(errno));
}

int rb_caught(int sig)
{
	return __atomic_load_n(&caught[sig], __ATOMIC_SEQ_CST);
}

void rb_caught_wait(int sig, int count)
{
	while (rb_caught(sig) < count)
		rb_sleep_ms(1);
}

/* The child must be there no more, by SIGKILL and nothing else. */
void rb_reap_killed(pid_t pid)
{
	int status;

	if (kill(pid, SIGKILL))
		rb_die("kill: %s", strerror(errno));
	if (waitpid(pid, &status, 0) != pid)
		rb_die("waitpid: %s", strerror(errno));
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		rb_die("the child ended with status %#x, not by SIGKILL",
		       status);
}

void rb_send_fd(int over, int fd)
{
	char room[CMSG_SPACE(sizeof(fd))] = {}, c = 0;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	if (sendmsg(over, &msg, 0) != 1)
		rb_die("sendmsg: %s", strerror(errno));
}

int rb_receive_fd(int over)
{
	char room[CMSG_SPACE(sizeof(int))], c;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	int fd;

	if (recvmsg(over, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* ---- the machine ---- */

void rb_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		rb_die("sched_setaffinity: %s", strerror(errno));
}

static void need_debugfs(void)
{
	static bool tried;

	if (tried)
		return;
	tried = true;
	if (access(DEBUGFS "/sleep_time", F_OK) && !geteuid())
		mount("none", DEBUGFS, "debugfs", 0, NULL);
}

/* kmemleak is in no distribution's kernel: its file tells the slow one. */
bool rb_test_kernel(void)
{
	need_debugfs();
	return !access(DEBUGFS "/kmemleak", F_OK);
}

/* How often on the stock and on the slow kernel; ten times with FERRIO_LONG. */
int rounds(int stock, int test)
{
	return (rb_test_kernel() ? test : stock) *
	       (getenv("FERRIO_LONG") ? 10 : 1);
}

/* By how much the guest is slower than hardware, at least: limits are for that. */
int rb_slowness(void)
{
	const char *slow = getenv("FERRIO_SLOW");

	return slow && atoi(slow) > 0 ? atoi(slow) : 1;
}

long rb_read_number(const char *path)
{
	char text[64];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		rb_die("%s: %s", path, strerror(errno));
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		rb_die("%s: nothing to read", path);
	text[n] = '\0';
	return strtol(text, NULL, 10);
}

long rb_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	long ret;

	if (fd < 0)
		return -errno;
	ret = E(write(fd, text, strlen(text)));
	close(fd);
	return ret < 0 ? ret : 0;
}

/* Pages that the module holds; only root may ask. */
long rb_live_pages(void)
{
	char path[128];

	if (geteuid())
		return 0;
	need_debugfs();
	snprintf(path, sizeof(path), DEBUGFS "/%s/live_pages", rb_module);
	return rb_read_number(path);
}

uint64_t rb_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Release may run a jiffy after close: the pages have two seconds to return. */
bool rb_pages_return(long live)
{
	uint64_t end = rb_now() + 2000000000ULL;

	do {
		if (rb_live_pages() == live)
			return true;
		rb_sleep_ms(1);
	} while (rb_now() < end);
	if (rb_live_pages() == live)
		return true;
	fprintf(stderr, "# rb: %ld live pages, %ld before\n", rb_live_pages(),
		live);
	return false;
}

/* The value of a line of fdinfo; -1 if there is none. A word is its first letter. */
int64_t rb_fdinfo(int fd, const char *key)
{
	char path[64], line[256];
	size_t len = strlen(key);
	int64_t value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	if (!f)
		rb_die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, len) || strncmp(line + len, ":\t", 2))
			continue;
		if (line[len + 2] >= '0' && line[len + 2] <= '9')
			value = strtoll(line + len + 2, NULL, 10);
		else
			value = line[len + 2];
		break;
	}
	fclose(f);
	return value;
}

int rb_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (!dir)
		rb_die("/proc/self/fd: %s", strerror(errno));
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}
