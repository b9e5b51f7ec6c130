// SPDX-License-Identifier: GPL-2.0
/*
 * While both ends are awake no system call is made: a filter in both processes
 * kills for any but exit_group.
 */

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <ferrio/ring.h>

#include "players.h"

/* 16 bytes; the second word is another each time, so that old data is seen. */
struct message {
	uint64_t seq, check;
};

static uint64_t check_of(uint64_t seq)
{
	return (seq + 1) * 0x9e3779b97f4a7c15ULL;
}

static void only_exit(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog filter = { .len = ARRAY_SIZE(code), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		rb_die("seccomp: %s: CONFIG_SECCOMP_FILTER needed",
		       strerror(errno));
}

/* Without a word: nothing else can be said any more. */
__noreturn static void leave(int status)
{
	for (;;)
		syscall(SYS_exit_group, status);
}

struct game {
	int fd[2];
	bool in_place;
	uint64_t count;
};

static int send(struct ringbuffer *rb, const struct game *g, uint64_t *progress)
{
	for (uint64_t i = 0; i < g->count; i++) {
		struct message m = { i, check_of(i) }, *at;

		if (g->in_place) {
			at = ringbuffer_reserve(rb, sizeof(m));
			if (!at)
				return 1;
			at->seq = m.seq;
			at->check = m.check;
			if (ringbuffer_commit(rb, sizeof(m)))
				return 2;
		} else if (ringbuffer_write(rb, &m, sizeof(m)) != sizeof(m)) {
			return 3;
		}
		players_step(progress);
	}
	return 0;
}

static int receive(struct ringbuffer *rb, const struct game *g,
		   uint64_t *progress)
{
	for (uint64_t i = 0; i < g->count; i++) {
		const struct message *at;
		size_t there = sizeof(*at);
		struct message m;

		if (g->in_place) {
			at = ringbuffer_peek(rb, &there);
			if (!at || there < sizeof(*at) || there % sizeof(*at))
				return 4;
			m = *at;
			if (ringbuffer_consume(rb, sizeof(*at)))
				return 5;
		} else if (ringbuffer_read(rb, &m, sizeof(m)) != sizeof(m)) {
			return 6;
		}
		if (m.seq != i || m.check != check_of(i))
			return 7;
		players_step(progress);
	}
	return 0;
}

static void play(void *arg, int rw, uint64_t *progress)
{
	struct game *g = arg;
	struct ringbuffer rb;

	if (ringbuffer(g->fd[rw], rw, 0, &rb) != g->fd[rw])
		rb_die("ringbuffer: %s", strerror(errno));
	rb.spin = RINGBUFFER_SPIN_FOREVER;
	only_exit();
	leave(rw == FERRIO_RB_READ ? receive(&rb, g, progress) :
	      send(&rb, g, progress));
}

FIXTURE(nosyscall) {
	int fd[2];
	long live;
};

FIXTURE_VARIANT(nosyscall) {
	size_t size;
	bool in_place;
};

FIXTURE_VARIANT_ADD(nosyscall, copied) {
	.size = RB_DEFAULT,
};

FIXTURE_VARIANT_ADD(nosyscall, in_place) {
	.size = RB_DEFAULT, .in_place = true,
};

FIXTURE_SETUP(nosyscall)
{
	int plain;

	self->live = rb_live_pages();
	plain = rb_open(O_RDWR);
	if (rb_set_size(plain, variant->size))
		rb_die("FERRIO_RB_SET_SIZE %zu failed", variant->size);
	for (int rw = 0; rw < 2; rw++)
		self->fd[rw] = rb_mint(plain, rw);
	close(plain);
}

FIXTURE_TEARDOWN(nosyscall)
{
	for (int rw = 0; rw < 2; rw++)
		close(self->fd[rw]);
	EXPECT_TRUE(rb_pages_return(self->live));
}

TEST_F_TIMEOUT(nosyscall, messages, 60)
{
	static const char *const counters[] = {
		"arms", "wakes", "suppressed", "sleeps", "spurious",
	};
	struct game g = {
		.fd = { self->fd[0], self->fd[1] },
		.in_place = variant->in_place,
		.count = rounds(1000000, 100000),
	};
	struct players p;

	players_start(&p, self->fd[0], -1, play, &g);
	EXPECT_TRUE(players_watch(&p, 0));
	EXPECT_EQ((long)(g.count * sizeof(struct message)),
		  rb_fdinfo(self->fd[0], "rb-written"));
	EXPECT_EQ((long)(g.count * sizeof(struct message)),
		  rb_fdinfo(self->fd[0], "rb-read"));
	/* not even one that found nothing to do */
	for (int i = 0; i < 2 * ARRAY_SIZE(counters); i++)
		EXPECT_EQ(0, end_counter(self->fd[0], i % 2, counters[i / 2]));
}

/* The status of a child that moves one message behind the filter. */
static int one_message(int fd, int rw, uint32_t spin)
{
	struct game g = { .count = 1 };
	uint64_t progress = 0;
	struct ringbuffer rb;
	pid_t pid = players_fork();
	int status;

	if (pid < 0)
		rb_die("fork: %s", strerror(errno));
	if (!pid) {
		if (ringbuffer(fd, rw, 0, &rb) != fd)
			rb_die("ringbuffer: %s", strerror(errno));
		rb.spin = spin;
		only_exit();
		leave(rw == FERRIO_RB_READ ? receive(&rb, &g, &progress) :
		      send(&rb, &g, &progress));
	}
	if (waitpid(pid, &status, 0) != pid)
		rb_die("waitpid: %s", strerror(errno));
	return status;
}

static bool by_filter(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

/* The control: who has to sleep, or to wake, does so by a system call. */
TEST_F(nosyscall, the_filter_kills)
{
	int r = self->fd[FERRIO_RB_READ], w = self->fd[FERRIO_RB_WRITE];
	struct ferrio_rb_wait wish = {
		.size = sizeof(wish), .rw = FERRIO_RB_READ, .min_bytes = 1,
	};
	struct message m = { 0, check_of(0) };
	struct rb_call c;

	/* nothing is there, and it may not spin */
	EXPECT_TRUE(by_filter(one_message(r, FERRIO_RB_READ, 0)));
	EXPECT_EQ(0, end_counter(r, FERRIO_RB_READ, "arms"));
	/* something is there */
	ASSERT_EQ(sizeof(m), write(w, &m, sizeof(m)));
	EXPECT_EQ(0, one_message(r, FERRIO_RB_READ, 0));
	/* nobody sleeps at the other end */
	EXPECT_EQ(0, one_message(w, FERRIO_RB_WRITE, 0));
	ASSERT_EQ(sizeof(m), read(r, &m, sizeof(m)));
	/* somebody does */
	rb_call_ioctl(&c, r, FERRIO_RB_WAIT, &wish);
	rb_call_asleep(&c);
	EXPECT_TRUE(by_filter(one_message(w, FERRIO_RB_WRITE, 0)));
	/* its bytes were published before, and the end of its mapping wakes for them */
	EXPECT_EQ(0, rb_call_end(&c));
	EXPECT_EQ(1, end_counter(r, FERRIO_RB_READ, "wakes"));
	EXPECT_EQ(sizeof(m), rb_avail(r));
	EXPECT_EQ(sizeof(m), wish.bytes);
}

TEST_HARNESS_MAIN
