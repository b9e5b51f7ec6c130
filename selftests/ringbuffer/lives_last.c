// SPDX-License-Identifier: GPL-2.0
/*
 * The last holder of the only ring goes, in each way there is, while the module is
 * being removed: refused as long as there is a file, and granted at once behind it.
 */

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "hold.h"
#include "meeting.h"
#include "rb_harness.h"
#include "reload.h"

#define SIZE	RB_PAGE

FIXTURE(last) {
	struct meeting meeting;
	int image;
	uint64_t seed;
	uint32_t *go;	/* of a child */
};

enum way { CLOSE, UNMAP, EXIT, KILL, SOCKET };

FIXTURE_VARIANT(last) {
	enum way way;
};

FIXTURE_VARIANT_ADD(last, close) {
	.way = CLOSE,
};

FIXTURE_VARIANT_ADD(last, munmap) {
	.way = UNMAP,
};

FIXTURE_VARIANT_ADD(last, exit) {
	.way = EXIT,
};

FIXTURE_VARIANT_ADD(last, kill) {
	.way = KILL,
};

FIXTURE_VARIANT_ADD(last, socket) {
	.way = SOCKET,
};

FIXTURE_SETUP(last)
{
	self->image = reload_image();
	self->seed = rb_seed();
	self->go = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->go);
	meeting_start(&self->meeting);
}

/* Whatever happened, the next test finds the module. */
FIXTURE_TEARDOWN(last)
{
	meeting_end(&self->meeting);
	if (!reload_there())
		EXPECT_EQ(0, reload_insert(self->image));
	close(self->image);
}

/* One end of a ring, and what holds it. */
struct holder {
	enum way way;
	int end;
	void *window;
	int sock[2];
	pid_t pid;
	uint32_t *go;
};

static void *map(int end)
{
	void *at = mmap(NULL, 3 * RB_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, end,
			2 * RB_PAGE);

	if (at == MAP_FAILED)
		rb_die("mmap: %s", strerror(errno));
	return at;
}

/* Holds its end and a window of it; on the CPU of who waits for it, so it is alone. */
static pid_t child(struct holder *h)
{
	pid_t pid = fork();

	if (pid < 0)
		rb_die("fork: %s", strerror(errno));
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	*(char *)map(h->end) = 0;
	__atomic_store_n(h->go, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, h->go, FUTEX_WAKE, 1, NULL, NULL, 0);
	while (__atomic_load_n(h->go, __ATOMIC_ACQUIRE) == 1)
		syscall(SYS_futex, h->go, FUTEX_WAIT, 1, NULL, NULL, 0);
	_exit(0);
}

static void holder_begin(struct holder *h)
{
	int fd[2];

	hold_ends(SIZE, fd);
	close(fd[FERRIO_RB_READ]);
	h->end = fd[FERRIO_RB_WRITE];
	switch (h->way) {
	case CLOSE:
		return;
	case UNMAP:
		h->window = map(h->end);
		break;
	case SOCKET:
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, h->sock))
			rb_die("socketpair: %s", strerror(errno));
		rb_send_fd(h->sock[0], h->end);
		break;
	default:
		*h->go = 0;
		h->pid = child(h);
		while (!__atomic_load_n(h->go, __ATOMIC_ACQUIRE))
			syscall(SYS_futex, h->go, FUTEX_WAIT, 0, NULL, NULL, 0);
	}
	close(h->end);
}

static void holder_goes(void *arg)
{
	struct holder *h = arg;
	int status;

	switch (h->way) {
	case CLOSE:
		close(h->end);
		return;
	case UNMAP:
		munmap(h->window, 3 * RB_PAGE);
		return;
	case SOCKET:
		close(h->sock[0]);
		close(h->sock[1]);
		return;
	case EXIT:
		__atomic_store_n(h->go, 2, __ATOMIC_RELEASE);
		syscall(SYS_futex, h->go, FUTEX_WAKE, 1, NULL, NULL, 0);
		if (waitpid(h->pid, &status, 0) != h->pid || status)
			rb_die("the child ended with status %#x", status);
		return;
	default:
		rb_reap_killed(h->pid);
	}
}

struct removal {
	long ret;
	int refused;
};

/* Again and again, so that it meets the moment from which on it is granted. */
static void remove_it(void *arg)
{
	struct removal *r = arg;

	for (;;) {
		r->ret = reload_remove();
		if (r->ret != -EWOULDBLOCK)
			return;
		r->refused++;
	}
}

TEST_F_TIMEOUT(last, goes_while_removed, 60)
{
	bool rare = variant->way != CLOSE && variant->way != KILL;
	int n = rounds(10, rare ? 10 : 50), met = 0;

	for (int i = 0; i < n; i++) {
		struct holder h = { .way = variant->way, .go = self->go };
		struct removal r = {};
		struct meeter meeter[2] = {
			{ .act = holder_goes, .arg = &h },
			{ .act = remove_it, .arg = &r },
		};

		holder_begin(&h);
		ASSERT_EQ(-EWOULDBLOCK, reload_remove());
		meeter[i % 2].delay = meeting_delay(&self->seed);
		meeting_both(&self->meeting, &meeter[0], &meeter[1]);
		ASSERT_EQ(0, r.ret);
		met += r.refused > 0;
		ASSERT_FALSE(reload_there());
		ASSERT_EQ(-ENOENT, reload_remove());
		ASSERT_EQ(0, reload_insert(self->image));
	}
	/* the module works */
	close(rb_open(O_RDWR));
	EXPECT_EQ(0, rb_live_pages());
	TH_LOG("%d of %d removals began before the last one went", met, n);
	EXPECT_LT(0, met);
}

TEST_HARNESS_MAIN
