/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two processes with a ring of their own that has nothing to do with what the test
 * does to others: whatever that is, not a byte of this one is lost or wrong.
 */
#ifndef INNOCENT_H
#define INNOCENT_H

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "hold.h"

#define INNOCENT_SIZE	(4 * RB_PAGE)

struct innocent_account {
	int stop;
	uint64_t wrote, got;
};

struct innocent {
	struct innocent_account *shared;
	pid_t writer, reader;
};

static inline __noreturn void innocent_write(struct innocent_account *shared,
					     int fd, bool mapped, uint64_t seed)
{
	static char buf[RB_PAGE];
	struct hold h;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	hold_take(&h, fd, FERRIO_RB_WRITE, mapped);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
		size_t len = rb_random(&seed) % sizeof(buf) + 1;

		rb_pattern(buf, len, shared->wrote);
		if (hold_move(&h, buf, len) != (long)len)
			_exit(1);
		shared->wrote += len;
		rb_sleep_ms(rb_random(&seed) % 4);
	}
	_exit(0);
}

static inline __noreturn void innocent_read(struct innocent_account *shared,
					    int fd, bool mapped)
{
	static char buf[INNOCENT_SIZE];
	struct hold h;
	long n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	hold_take(&h, fd, FERRIO_RB_READ, mapped);
	while ((n = hold_move(&h, buf, sizeof(buf))) > 0) {
		if (rb_mismatch(buf, n, shared->got) != -1)
			_exit(1);
		shared->got += n;
	}
	_exit(n ? 2 : 0);
}

static inline void innocent_start(struct innocent *in, bool maps_writer,
				  bool maps_reader, uint64_t seed)
{
	int fd[2];

	in->shared = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (in->shared == MAP_FAILED)
		rb_die("mmap: %s", strerror(errno));
	hold_ends(INNOCENT_SIZE, fd);
	in->writer = fork();
	if (!in->writer) {
		close(fd[FERRIO_RB_READ]);
		innocent_write(in->shared, fd[FERRIO_RB_WRITE], maps_writer, seed);
	}
	close(fd[FERRIO_RB_WRITE]);
	in->reader = fork();
	if (!in->reader)
		innocent_read(in->shared, fd[FERRIO_RB_READ], maps_reader);
	close(fd[FERRIO_RB_READ]);
	if (in->writer < 0 || in->reader < 0)
		rb_die("fork: %s", strerror(errno));
}

static inline bool innocent_ended_well(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       !WEXITSTATUS(status);
}

/* Whether all that was written came, and something did. */
static inline bool innocent_stop(struct innocent *in)
{
	bool fine;

	__atomic_store_n(&in->shared->stop, 1, __ATOMIC_RELEASE);
	fine = innocent_ended_well(in->writer);
	fine &= innocent_ended_well(in->reader);
	fine &= in->shared->got > 0 && in->shared->got == in->shared->wrote;
	munmap(in->shared, RB_PAGE);
	return fine;
}

#endif /* INNOCENT_H */
