// SPDX-License-Identifier: GPL-2.0
/*
 * A task that is stopped, frozen, traced or suspended, or whose CPU goes away, comes
 * back with what it waited for; and whoever is at the other end meanwhile does not
 * hang.  The kernel's detector of hung tasks looks on.
 */

#include <sys/ptrace.h>
#include <sys/stat.h>

#include "hold.h"
#include "sleepers.h"
#include "../stall.h"

#define HUNG	"/proc/sys/kernel/hung_task_"
#define GROUP	"/sys/fs/cgroup/ferrio_frozen"
#define CPU1	"/sys/devices/system/cpu/cpu1/online"
#define PM_TEST	"/sys/power/pm_test"
#define SUCCESS	"/sys/power/suspend_stats/success"

static void set(const char *file, const char *value)
{
	long ret = rb_write_file(file, value);

	if (ret)
		rb_die("%s: %s", file, strerror(-ret));
}

static void set_number(const char *file, long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", value);
	set(file, text);
}

/*
 * What the detector is set to, and what it has found.  It looks for tasks that
 * nothing can end: none of the module's sleeps is of that kind, so it must not find
 * one, however long we hold a task.
 */
struct detector {
	long timeout, interval, found, live;
};

static void detector_begin(struct detector *d)
{
	d->timeout = rb_read_number(HUNG "timeout_secs");
	d->interval = rb_read_number(HUNG "check_interval_secs");
	d->found = rb_read_number(HUNG "detect_count");
	d->live = rb_live_pages();
	set_number(HUNG "timeout_secs", 5 * rb_slowness());
	set_number(HUNG "check_interval_secs", 1);
}

static void detector_end(struct __test_metadata *_metadata, struct detector *d)
{
	EXPECT_EQ(d->found, rb_read_number(HUNG "detect_count"));
	set_number(HUNG "timeout_secs", d->timeout);
	set_number(HUNG "check_interval_secs", d->interval);
	EXPECT_TRUE(rb_pages_return(d->live));
}

/* --- one task is held ---------------------------------------------------- */

/* False if it ended instead. */
static bool has_stopped(pid_t pid)
{
	siginfo_t info;

	if (waitid(P_PID, pid, &info, WSTOPPED | WEXITED | WNOWAIT))
		rb_die("waitid: %s", strerror(errno));
	if (info.si_code != CLD_STOPPED && info.si_code != CLD_TRAPPED)
		return false;
	return !waitid(P_PID, pid, &info, WSTOPPED);
}

static bool stop(pid_t pid)
{
	return !kill(pid, SIGSTOP) && has_stopped(pid);
}

static void go_on(pid_t pid)
{
	kill(pid, SIGCONT);
}

static bool trace(pid_t pid)
{
	return !ptrace(PTRACE_SEIZE, pid, NULL, NULL) &&
	       !ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) && has_stopped(pid);
}

static void untrace(pid_t pid)
{
	if (ptrace(PTRACE_DETACH, pid, NULL, NULL))
		rb_die("PTRACE_DETACH: %s", strerror(errno));
}

static bool is_frozen(void)
{
	char text[256];
	int fd = open(GROUP "/cgroup.events", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "frozen 1");
}

static void begin_to_freeze(pid_t pid)
{
	if (mkdir(GROUP, 0755) && errno != EEXIST)
		rb_die(GROUP ": %s: cgroup2 is needed", strerror(errno));
	set_number(GROUP "/cgroup.procs", pid);
	set(GROUP "/cgroup.freeze", "1");
}

/* A task in a sleep that the freezer cannot end would never get there. */
static bool freeze_task(pid_t pid)
{
	begin_to_freeze(pid);
	while (!is_frozen())
		rb_sleep_ms(1);
	return true;
}

static void thaw_task(pid_t pid)
{
	(void)pid;
	set(GROUP "/cgroup.freeze", "0");
}

FIXTURE(held) {
	struct detector detector;
};

FIXTURE_VARIANT(held) {
	bool (*hold)(pid_t pid);
	void (*let_go)(pid_t pid);
};

FIXTURE_VARIANT_ADD(held, stopped) { stop, go_on };
FIXTURE_VARIANT_ADD(held, frozen) { freeze_task, thaw_task };
FIXTURE_VARIANT_ADD(held, traced) { trace, untrace };

FIXTURE_SETUP(held)
{
	detector_begin(&self->detector);
}

FIXTURE_TEARDOWN(held)
{
	rmdir(GROUP);
	detector_end(_metadata, &self->detector);
}

/* Held and let go with nothing to do: it sleeps on. */
TEST_F(held, sleeps_on)
{
	struct sleeper s;

	for (enum sleep_in in = 0; in < SLEEPS; in++) {
		sleeper_start(&s, in, -1);
		ASSERT_TRUE(variant->hold(s.pid));
		variant->let_go(s.pid);
		sleeper_asleep(&s);
		sleeper_event(&s);
		ASSERT_TRUE(sleeper_end(&s));
	}
}

/* What it waits for comes while it is held. */
TEST_F(held, event_meanwhile)
{
	struct sleeper s;

	for (enum sleep_in in = 0; in < SLEEPS; in++) {
		sleeper_start(&s, in, -1);
		ASSERT_TRUE(variant->hold(s.pid));
		sleeper_event(&s);
		variant->let_go(s.pid);
		ASSERT_TRUE(sleeper_end(&s));
	}
}

/* Who waits for it gets his own timeout; a held task can be killed. */
TEST_F(held, peer_goes_on)
{
	struct pollfd p = { .events = POLLIN };
	struct sleeper s;

	for (enum sleep_in in = 0; in < SLEEPS; in++) {
		int status;

		/* it has the only descriptor of its end, beside ours */
		sleeper_start(&s, in, -1);
		ASSERT_TRUE(variant->hold(s.pid));
		if (sleep_as[in].full) {
			sleeper_event(&s);
			p.fd = s.rb.r;
			ASSERT_EQ(-ETIMEDOUT, hold_wait(s.rb.r, FERRIO_RB_READ, 1, 20, NULL));
		} else {
			rb_fill(&s.rb);
			p.fd = s.rb.w;
			p.events = POLLOUT;
			ASSERT_EQ(-ETIMEDOUT, hold_wait(s.rb.w, FERRIO_RB_WRITE, 1, 20, NULL));
		}
		ASSERT_EQ(0, poll(&p, 1, 20));
		ASSERT_EQ(0, kill(s.pid, SIGKILL));
		do {
			ASSERT_EQ(s.pid, waitpid(s.pid, &status, 0));
		} while (WIFSTOPPED(status));
		ASSERT_EQ(SIGKILL, WTERMSIG(status));
		if (variant->hold == freeze_task)
			thaw_task(s.pid);
		if (sleep_as[in].full) {
			rb_close_w(&s.rb);
			ASSERT_EQ(1, poll(&p, 1, -1));
			ASSERT_EQ(POLLHUP, p.revents & POLLHUP);
		} else {
			rb_close_r(&s.rb);
			ASSERT_EQ(1, poll(&p, 1, -1));
			ASSERT_EQ(POLLERR, p.revents & POLLERR);
		}
		p.events = POLLIN;
		munmap(s.ret, sizeof(long));
		close(s.pipe[0]);
		close(s.pipe[1]);
		rb_stop(&s.rb);
	}
}

/* A relative time would begin anew, so the call says that it was disturbed. */
TEST_F(held, relative_wait_ends)
{
	struct ferrio_rb_wait wait = {
		.size = sizeof(wait), .rw = FERRIO_RB_READ,
		.flags = FERRIO_RB_WAIT_RELATIVE, .timeout = 1000000000000ULL,
	};
	struct rb rb;
	int status;
	pid_t pid;

	rb_start(&rb, RB_ENDS, RB_DEFAULT);
	pid = players_fork();
	if (!pid)
		_exit(-E(ioctl(rb.r, FERRIO_RB_WAIT, &wait)));
	rb_asleep(pid, pid, SYS_ioctl);
	ASSERT_TRUE(variant->hold(pid));
	variant->let_go(pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(EINTR << 8, status);
	rb_stop(&rb);
}

/* --- a stream, one side held at any moment -------------------------------- */

struct game {
	struct rb *rb;
	bool mapped;
	uint64_t bytes;
};

static void play(void *arg, int rw, uint64_t *progress)
{
	static unsigned char buf[1000];
	struct game *g = arg;
	struct hold h;
	long n;

	hold_take(&h, rw == FERRIO_RB_READ ? g->rb->r : g->rb->w, rw, g->mapped);
	for (uint64_t pos = 0; pos < g->bytes; pos += n) {
		size_t len = 1 + pos % sizeof(buf);

		if (len > g->bytes - pos)
			len = g->bytes - pos;
		if (rw == FERRIO_RB_WRITE)
			rb_pattern(buf, len, pos);
		n = hold_move(&h, buf, len);
		if (n == -EINTR)
			n = 0;
		if (n < 0)
			rb_die("%s at %llu: %s", rw ? "write" : "read",
			       (unsigned long long)pos, strerror(-n));
		if (rw == FERRIO_RB_READ && rb_mismatch(buf, n, pos) >= 0)
			rb_die("wrong byte behind %llu", (unsigned long long)pos);
		players_step(progress);
	}
}

static uint64_t moved(struct players *p)
{
	return __atomic_load_n(&p->progress[0], __ATOMIC_RELAXED) +
	       __atomic_load_n(&p->progress[1], __ATOMIC_RELAXED);
}

/* More than will go through: the end is the test's to say. */
static void game_start(struct game *g, struct players *p, struct rb *rb, bool mapped)
{
	rb_start(rb, RB_ENDS, RB_PAGE);
	*g = (struct game){ rb, mapped, ~0ULL };
	players_start(p, rb->r, -1, play, g);
}

/* Both go on, and none has found a fault. */
static void game_goes_on(struct players *p)
{
	uint64_t before = moved(p);
	siginfo_t info = {};

	while (moved(p) < before + 200) {
		rb_sleep_ms(1);
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid)
			rb_die("a player has ended: %d", info.si_status);
	}
}

static void game_end(struct players *p, struct rb *rb)
{
	for (int who = 0; who < 2; who++)
		rb_reap_killed(p->pid[who]);
	munmap(p->progress, 2 * sizeof(uint64_t));
	rb_stop(rb);
}

TEST_F_TIMEOUT(held, stream, 60)
{
	uint64_t seed = rb_seed();
	struct players p;
	struct game g;
	struct rb rb;

	for (int mapped = 0; mapped < 2; mapped++) {
		game_start(&g, &p, &rb, mapped);
		for (int i = 0; i < rounds(200, 20); i++) {
			pid_t pid = p.pid[rb_random(&seed) & 1];

			ASSERT_TRUE(variant->hold(pid));
			usleep(rb_random(&seed) % 2000);
			variant->let_go(pid);
			usleep(rb_random(&seed) % 2000);
		}
		game_goes_on(&p);
		game_end(&p, &rb);
	}
}

/* --- the machine --------------------------------------------------------- */

FIXTURE(machine) {
	struct detector detector;
};

FIXTURE_SETUP(machine)
{
	detector_begin(&self->detector);
}

FIXTURE_TEARDOWN(machine)
{
	set(PM_TEST, "none");
	set(CPU1, "1");
	detector_end(_metadata, &self->detector);
}

/*
 * Towards idle, while all sleep, and back.  All but the idling itself, which QEMU's
 * clock does not end: rtc-cmos wakes by the event of ACPI then, and QEMU raises that
 * out of S3 only.
 */
TEST_F_TIMEOUT(machine, suspend, 60)
{
	long before = rb_read_number(SUCCESS);
	struct sleeper s[SLEEPS];

	for (enum sleep_in in = 0; in < SLEEPS; in++)
		sleeper_start(&s[in], in, -1);
	set("/sys/module/suspend/parameters/pm_test_delay", "1");
	set(PM_TEST, "platform");
	set("/sys/power/state", "freeze");
	EXPECT_EQ(before + 1, rb_read_number(SUCCESS));
	for (enum sleep_in in = 0; in < SLEEPS; in++) {
		sleeper_asleep(&s[in]);
		sleeper_event(&s[in]);
		EXPECT_TRUE(sleeper_end(&s[in]));
	}
}

/* A copy is not disturbed, nor who waits for its end: both freeze behind it. */
TEST_F(machine, who_waits_for_a_copy_freezes_behind_it)
{
	static const char bytes[RB_PAGE];
	struct stall stall;
	struct rb_call copy;
	struct rb rb;
	int status;
	pid_t pid;

	rb_start(&rb, RB_ENDS, RB_DEFAULT);
	stall_init(&stall);
	ASSERT_EQ(20, write(rb.w, bytes, 20));
	rb_call_read(&copy, rb.r, stall.page, 10);
	stall_met(&stall);
	pid = players_fork();
	if (!pid) {
		char c[10];

		_exit(read(rb.r, c, 10) != 10);
	}
	rb_asleep(pid, pid, SYS_read);
	begin_to_freeze(pid);
	rb_sleep_ms(50);
	EXPECT_FALSE(is_frozen());
	stall_end(&stall, bytes);
	EXPECT_EQ(10, rb_call_end(&copy));
	while (!is_frozen())
		rb_sleep_ms(1);
	thaw_task(pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	rmdir(GROUP);
	rb_stop(&rb);
}

/* Those who sleep on a CPU that goes away are woken on another. */
TEST_F_TIMEOUT(machine, cpu_goes_while_all_sleep, 60)
{
	struct sleeper s[SLEEPS];

	for (int back = 0; back < 2; back++) {
		for (enum sleep_in in = 0; in < SLEEPS; in++)
			sleeper_start(&s[in], in, 1);
		set(CPU1, "0");
		if (back)
			set(CPU1, "1");
		for (enum sleep_in in = 0; in < SLEEPS; in++) {
			sleeper_event(&s[in]);
			EXPECT_TRUE(sleeper_end(&s[in]));
		}
		if (!back)
			set(CPU1, "1");
	}
}

/* It comes and goes under both ends of a stream. */
TEST_F_TIMEOUT(machine, cpu_comes_and_goes_under_a_stream, 90)
{
	struct players p;
	struct game g;
	struct rb rb;

	for (int mapped = 0; mapped < 2; mapped++) {
		game_start(&g, &p, &rb, mapped);
		for (int i = 0; i < 2 * rounds(6, 2); i++) {
			set(CPU1, i % 2 ? "1" : "0");
			game_goes_on(&p);
		}
		game_end(&p, &rb);
	}
}

TEST_HARNESS_MAIN
