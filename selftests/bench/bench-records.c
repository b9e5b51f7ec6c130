// SPDX-License-Identifier: GPL-2.0
/*
 * bench-records PEER WORK-SIZE COUNT: what a record costs that goes to a program.
 *
 * The producer is called from here for one record or for many; what a call costs that puts
 * down none is measured as well, and subtracted.  The peers are
 *
 *	bpf		BPF's ring buffer, bpf_ringbuf_reserve() and _submit(), from the kernel
 *	bpf-output	the same, bpf_ringbuf_output()
 *	mapped		a ring of /dev/ringbuffer with one producer, mapped by this program; only
 *			full and each
 *
 * and WORK says who does what when; SIZE is that of a record, 16 or 64 bytes:
 *
 *	full	the producer fills the ring, then the consumer empties it, in one thread
 *	quiet	the same, and records wake nobody
 *	each	the consumer takes each record as soon as it is there, in the same thread:
 *		it is awake, and has always caught up
 *	asleep	another process sleeps until there is a record, takes it, and sleeps again;
 *		the producer yields until it is taken
 *
 * Prints PEER WORK-SIZE COUNT NANOSECONDS, both sides together, and but for asleep also a line
 * with WORK-producer-SIZE, which has the producer's side alone.  COUNT is rounded up to whole
 * fillings of the ring.
 */
#define _GNU_SOURCE
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench-records.h"

static const struct records_peer *const peers[] = {
	&bench_bpf, &bench_bpf_output, &bench_mapped,
};

struct cost {
	uint64_t both, producer;
};

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* @turns times @each records, from number @seq on; @real: or calls for nothing. */
static struct cost turns(const struct records_peer *peer, bool real, uint64_t seq,
			 uint64_t turns, uint64_t each)
{
	struct cost cost = { };
	uint64_t start = now(), before;

	for (; turns; turns--, seq += each) {
		before = now();
		if (real)
			peer->produce(seq, each);
		else
			peer->nothing(seq, each);
		cost.producer += now() - before;
		if (real && peer->consume() != each)
			errx(1, "not all records from %lu on", seq);
	}
	cost.both = now() - start;
	return cost;
}

static struct cost awake(const struct records_peer *peer, uint64_t count, uint64_t each)
{
	struct cost real, none;

	/* What happens only once is not to be measured. */
	turns(peer, true, 0, 2, each);
	turns(peer, false, 0, 2, each);
	none = turns(peer, false, 0, count / each, each);
	real = turns(peer, true, 2 * each, count / each, each);
	if (real.both < none.both || real.producer < none.producer)
		errx(1, "calls for nothing cost more");
	return (struct cost){ real.both - none.both, real.producer - none.producer };
}

static void sleeper(const struct records_peer *peer, uint64_t count, atomic_ulong *taken)
{
	while (*taken < count)
		*taken += peer->wait();
}

/* Number @seq to @seq + @count - 1, one after the other. */
static uint64_t one_by_one(const struct records_peer *peer, uint64_t seq, uint64_t count,
			   atomic_ulong *taken)
{
	uint64_t start = now();

	for (; count; count--, seq++) {
		if (taken)
			peer->produce(seq, 1);
		else
			peer->nothing(seq, 1);
		while (taken && *taken <= seq)
			sched_yield();
	}
	return now() - start;
}

/* Its message is out; nobody is to wait for what it would have taken. */
static void child_ended(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if (info->si_code != CLD_EXITED || info->si_status)
		_exit(1);
}

static struct cost asleep(const struct records_peer *peer, uint64_t count)
{
	struct sigaction on_end = { .sa_sigaction = child_ended, .sa_flags = SA_SIGINFO };
	const uint64_t warm = 16;
	atomic_ulong *taken;
	uint64_t none, real;
	pid_t pid;

	if (sigaction(SIGCHLD, &on_end, NULL))
		err(1, "sigaction");
	taken = mmap(NULL, sizeof(*taken), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (taken == MAP_FAILED)
		err(1, "mmap");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		sleeper(peer, warm + count, taken);
		_exit(0);
	}
	one_by_one(peer, 0, warm, taken);
	one_by_one(peer, 0, warm, NULL);
	none = one_by_one(peer, 0, count, NULL);
	real = one_by_one(peer, warm, count, taken);
	if (waitpid(pid, NULL, 0) != pid)
		err(1, "waitpid");
	if (real < none)
		errx(1, "calls for nothing cost more");
	return (struct cost){ .both = real - none };
}

static __attribute((noreturn)) void usage(void)
{
	errx(2, "usage: bench-records bpf|bpf-output|mapped full|quiet|each|asleep-16|64 COUNT");
}

int main(int argc, char **argv)
{
	const struct records_peer *peer = NULL;
	char *work = argc == 4 ? argv[2] : "", *dash = strchr(work, '-');
	uint64_t count, fit;
	struct cost cost;
	size_t size, i;

	for (i = 0; argc == 4 && i < sizeof(peers) / sizeof(*peers); i++)
		if (!strcmp(peers[i]->name, argv[1]))
			peer = peers[i];
	if (!peer || !dash)
		usage();
	*dash = 0;
	size = strtoul(dash + 1, NULL, 0);
	count = strtoull(argv[3], NULL, 0);
	if ((size != 16 && size != 64) || !count)
		usage();
	peer->make(size, !strcmp(work, "quiet"));
	/* Who looks for one more header needs its place. */
	fit = (RECORDS_BYTES - RECORDS_HEADER) / (RECORDS_HEADER + size);
	if (!strcmp(work, "full") || !strcmp(work, "quiet")) {
		count += fit - 1 - (count - 1) % fit;
		cost = awake(peer, count, fit);
	} else if (!strcmp(work, "each")) {
		cost = awake(peer, count, 1);
	} else if (!strcmp(work, "asleep") && peer->wait) {
		cost = asleep(peer, count);
	} else {
		usage();
	}
	printf("%s %s-%zu %lu %lu\n", peer->name, work, size, count, cost.both);
	if (strcmp(work, "asleep"))
		printf("%s %s-producer-%zu %lu %lu\n", peer->name, work, size, count, cost.producer);
	return 0;
}
