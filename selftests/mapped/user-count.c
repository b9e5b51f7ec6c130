// SPDX-License-Identifier: GPL-2.0
/*
 * How many instructions a message of 16 bytes takes, counted one by one: by
 * single steps of a process that runs the loops of bench-stream.
 */

#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "user.h"

#include "../bench/bench-stream-mapped.h"

#define MESSAGES	400UL
/*
 * Of the 70 for both sides: what is left is for sleeps and wakes, which take some
 * thousand each and come once in a ring of messages.
 */
#define LIMIT		66

enum phase { BEFORE, PRODUCING, BETWEEN, CONSUMING, AFTER };

static void traced(enum phase *phase, struct ringbuffer *r, struct ringbuffer *w)
{
	int bad;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(2);
	/* what is known of the peer is found out by the first message */
	bad = mapped_produce(w, 16, 1) || mapped_consume(r, 16, 1);
	raise(SIGSTOP);
	__atomic_store_n(phase, PRODUCING, __ATOMIC_SEQ_CST);
	bad |= mapped_produce(w, 16, MESSAGES);
	__atomic_store_n(phase, BETWEEN, __ATOMIC_SEQ_CST);
	__atomic_store_n(phase, CONSUMING, __ATOMIC_SEQ_CST);
	bad |= mapped_consume(r, 16, MESSAGES);
	__atomic_store_n(phase, AFTER, __ATOMIC_SEQ_CST);
	_exit(bad);
}

TEST(instructions)
{
	enum phase *phase = mmap(NULL, FAKE_PAGE, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long count[AFTER + 1] = { 0 };
	struct fake *f = fake_open(0);
	struct ringbuffer r, w;
	int status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, phase);
	ASSERT_LE(0, ringbuffer(f->plain, R, 65536, &r));
	ASSERT_LE(0, ringbuffer(f->plain, W, 65536, &w));
	r.nonblock = 1;
	w.nonblock = 1;
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		traced(phase, &r, &w);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	while (WIFSTOPPED(status) && __atomic_load_n(phase, __ATOMIC_SEQ_CST) != AFTER) {
		count[__atomic_load_n(phase, __ATOMIC_SEQ_CST)]++;
		ASSERT_EQ(0, ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
	}
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	ASSERT_EQ(0, WEXITSTATUS(status));
	TH_LOG("%.2f instructions a message: producer %.2f, consumer %.2f",
	       (double)(count[PRODUCING] + count[CONSUMING]) / MESSAGES,
	       (double)count[PRODUCING] / MESSAGES, (double)count[CONSUMING] / MESSAGES);
	/* a count that is too small would mean that something else was counted */
	EXPECT_LT(20 * MESSAGES, count[PRODUCING]);
	EXPECT_LT(20 * MESSAGES, count[CONSUMING]);
	EXPECT_GE(LIMIT * MESSAGES, count[PRODUCING] + count[CONSUMING]);
	fake_close(f);
}

TEST_HARNESS_MAIN
