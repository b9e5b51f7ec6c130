/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two processes at the two ends of a ring, and a third that watches them: it
 * sends them signals if it is told to, and takes standing still for a lost wake.
 */
#ifndef PLAYERS_H
#define PLAYERS_H

#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "rb_harness.h"

struct players {
	pid_t pid[2];
	uint64_t *progress;	/* of each player, in memory that all share */
	int watched[2];		/* files whose rings are shown when it hangs */
};

/* Zeroed memory that children share. */
static inline void *players_memory(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		rb_die("mmap: %s", strerror(errno));
	return p;
}

static inline void players_step(uint64_t *progress)
{
	__atomic_add_fetch(progress, 1, __ATOMIC_RELAXED);
}

/* A child that sleeps for ever must not keep the ring of a test that failed. */
static inline pid_t players_fork(void)
{
	pid_t pid = fork();

	if (!pid && prctl(PR_SET_PDEATHSIG, SIGKILL))
		rb_die("PR_SET_PDEATHSIG: %s", strerror(errno));
	return pid;
}

/* A player that fails dies with a reason; one that returns is content. */
static inline void players_start(struct players *p, int fd, int other_fd,
				 void (*play)(void *arg, int who,
					      uint64_t *progress), void *arg)
{
	p->progress = players_memory(2 * sizeof(uint64_t));
	p->watched[0] = fd;
	p->watched[1] = other_fd;
	for (int who = 0; who < 2; who++) {
		p->pid[who] = players_fork();
		if (p->pid[who] < 0)
			rb_die("fork: %s", strerror(errno));
		if (p->pid[who])
			continue;
		play(arg, who, &p->progress[who]);
		_exit(0);
	}
}

static inline void players_show(struct players *p)
{
	char path[64], text[2048];

	for (int i = 0; i < 2; i++) {
		ssize_t n = -1;
		int fd;

		if (p->watched[i] < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d",
			 p->watched[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			n = read(fd, text, sizeof(text) - 1);
			close(fd);
		}
		text[n > 0 ? n : 0] = '\0';
		fprintf(stderr, "# nobody moves:\n%s", text);
	}
}

/* Whether player @who is still there; *@fine turns false if it ended badly. */
static inline bool players_alive(struct players *p, int who, bool *fine)
{
	int status;

	if (!p->pid[who] || !waitpid(p->pid[who], &status, WNOHANG))
		return p->pid[who];
	p->pid[who] = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "# player %d ended with status %#x\n", who,
			status);
		*fine = false;
	}
	return false;
}

static inline time_t players_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/*
 * Whether both end well.  With @sig, it is sent to one or the other at random
 * times.
 */
static inline bool players_watch(struct players *p, int sig)
{
	time_t patience = 5 * rb_slowness();
	time_t last = players_now();
	uint64_t seed = 1, sum, seen = 0;
	bool fine = true, alive[2];

	for (;;) {
		for (int who = 0; who < 2; who++)
			alive[who] = players_alive(p, who, &fine);
		if (!fine || (!alive[0] && !alive[1]))
			break;
		sum = 0;
		for (int who = 0; who < 2; who++)
			sum += __atomic_load_n(&p->progress[who],
					       __ATOMIC_RELAXED);
		if (sum != seen) {
			seen = sum;
			last = players_now();
		} else if (players_now() - last > patience) {
			players_show(p);
			fine = false;
			break;
		}
		if (sig) {
			int who = rb_random(&seed) & 1;

			usleep(rb_random(&seed) % 1000);
			if (p->pid[who])
				kill(p->pid[who], sig);
		} else {
			rb_sleep_ms(5);
		}
	}
	for (int who = 0; who < 2; who++) {
		if (!p->pid[who])
			continue;
		kill(p->pid[who], SIGKILL);
		waitpid(p->pid[who], NULL, 0);
	}
	munmap(p->progress, 2 * sizeof(uint64_t));
	return fine;
}

/* A counter of an end in fdinfo. */
static inline long end_counter(int fd, int rw, const char *what)
{
	char key[40];

	snprintf(key, sizeof(key), "rb-%s-%s",
		 rw == FERRIO_RB_READ ? "consumer" : "producer", what);
	return rb_fdinfo(fd, key);
}

/* What the counters of both ends promise whenever nobody is in a call. */
static inline bool identities_hold(int fd)
{
	bool fine = true;

	for (int rw = FERRIO_RB_READ; rw <= FERRIO_RB_WRITE; rw++) {
		long arms = end_counter(fd, rw, "arms");
		long wakes = end_counter(fd, rw, "wakes");
		long sleeps = end_counter(fd, rw, "sleeps");
		long spurious = end_counter(fd, rw, "spurious");

		if (wakes <= arms && arms - wakes <= 1 && 0 <= spurious &&
		    spurious <= sleeps)
			continue;
		fprintf(stderr,
			"# end %d: %ld arms, %ld wakes, %ld sleeps, %ld spurious\n",
			rw, arms, wakes, sleeps, spurious);
		fine = false;
	}
	return fine;
}

#endif /* PLAYERS_H */
