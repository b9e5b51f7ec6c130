// SPDX-License-Identifier: GPL-2.0
/*
 * ring-move KIND METHOD plain|count|hash FILE [BYTES]
 *
 * Moves FILE, or its first BYTES, from one process to another over a channel of
 * KIND (ring, mapped, pipe, unix); the sender uses METHOD (write, splice, sendfile,
 * mapped), the receiver read(), or with the kind "mapped" its mapping.
 *
 *   plain   nothing else: for the rate
 *   count   the kernel counts the system calls of both processes, by the
 *           tracepoint raw_syscalls:sys_enter filtered by their pids; that
 *           makes all of them dearer, so the rate is not that of `plain`
 *   hash    the receiver computes the sha256 of what it got
 *
 * Prints one line: KIND METHOD MODE bytes=N ns=N capacity=N and calls=N or
 * sha256=HEX.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "move.h"

#define TRACEPOINT "/sys/kernel/tracing/events/raw_syscalls/sys_enter/id"

/* Mapped by the sender itself, as fork() does not copy such page tables. */
static void open_source(struct source *src)
{
	src->fd = open(src->path, O_RDONLY | O_CLOEXEC);
	if (src->fd < 0)
		err(1, "%s", src->path);
	src->map = mmap(NULL, src->bytes, PROT_READ, MAP_SHARED | MAP_POPULATE,
			src->fd, 0);
	if (src->map == MAP_FAILED)
		err(1, "mmap of %s", src->path);
}

/* The system calls that @pid makes from now on, as the kernel counts them. */
static int count_calls(pid_t pid)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
	};
	FILE *f = fopen(TRACEPOINT, "r");
	int fd;

	if (!f || fscanf(f, "%llu", &attr.config) != 1)
		err(1, "%s", TRACEPOINT);
	fclose(f);
	fd = syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		err(1, "perf_event_open");
	return fd;
}

static uint64_t counted(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		err(1, "read of a counter");
	return count;
}

/*
 * Each child says that it is ready, then waits until the parent has its counters
 * and lets both go by a close of its end.
 */
static void wait_for_start(int gate)
{
	char c = 0;

	if (write(gate, &c, 1) != 1 || read(gate, &c, 1) != 0)
		err(1, "gate");
}

static void wait_for_ready(int gate)
{
	char c;

	if (read(gate, &c, 1) != 1)
		err(1, "a process has not come to its start");
}

static int bad_usage(void)
{
	fprintf(stderr, "usage: ring-move ring|mapped|pipe|unix write|splice|sendfile|mapped plain|count|hash FILE [BYTES]\n");
	return 2;
}

struct move {
	send_fn send;
	bool count;
	bool hash;
	bool mapped;		/* the receiver maps its end */
	struct source src;
	struct channel ch;
	struct result *res;
};

/* Returns in the parent only, with a gate to each child that it has made. */
static pid_t start_child(struct move *mv, bool sender, int *gate)
{
	int both[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both))
		err(1, "socketpair");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid) {
		close(both[1]);
		*gate = both[0];
		return pid;
	}
	close(both[0]);
	if (sender) {
		close(mv->ch.r);
		open_source(&mv->src);
		wait_for_start(both[1]);
		mv->send(&mv->src, mv->ch.w);
	} else {
		close(mv->ch.w);
		/* The sender's gate, or it would never see it close. */
		close(*gate);
		wait_for_start(both[1]);
		receive(mv->ch.r, mv->mapped, mv->hash, mv->src.bytes, mv->res);
	}
	_exit(0);
}

/* Runs both sides; returns the number of system calls if they are counted. */
static uint64_t run(struct move *mv, uint64_t *start)
{
	int gate[2], counter[2], i, status;
	bool bad = false;
	uint64_t calls = 0;
	pid_t pid[2];

	pid[0] = start_child(mv, true, &gate[0]);
	gate[1] = gate[0];
	pid[1] = start_child(mv, false, &gate[1]);
	close(mv->ch.r);
	close(mv->ch.w);
	for (i = 0; i < 2; i++) {
		wait_for_ready(gate[i]);
		if (mv->count)
			counter[i] = count_calls(pid[i]);
	}
	*start = now_ns();
	for (i = 0; i < 2; i++)
		close(gate[i]);
	for (i = 0; i < 2; i++) {
		if (waitpid(pid[i], &status, 0) < 0)
			err(1, "waitpid");
		if (status)
			bad = true;
		if (mv->count)
			calls += counted(counter[i]);
	}
	if (bad)
		errx(1, "a side failed");
	return calls;
}

int main(int argc, char **argv)
{
	uint64_t start, calls, most;
	struct move mv = {};
	struct stat st;

	if (argc < 5 || argc > 6 || !channel_known(argv[1]) || !find_send(argv[2]))
		return bad_usage();
	mv.send = find_send(argv[2]);
	mv.count = !strcmp(argv[3], "count");
	mv.hash = !strcmp(argv[3], "hash");
	mv.mapped = !strcmp(argv[1], "mapped");
	if (!mv.count && !mv.hash && strcmp(argv[3], "plain"))
		return bad_usage();

	mv.res = mmap(NULL, sizeof(*mv.res), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mv.res == MAP_FAILED)
		err(1, "mmap");
	if (stat(argv[4], &st))
		err(1, "%s", argv[4]);
	mv.src.path = argv[4];
	mv.src.bytes = st.st_size;
	most = argc == 6 ? strtoull(argv[5], NULL, 0) : UINT64_MAX;
	if (mv.src.bytes > most)
		mv.src.bytes = most;
	if (!mv.src.bytes)
		errx(1, "%s: nothing to move", argv[4]);
	channel_make(argv[1], &mv.ch);

	calls = run(&mv, &start);
	if (mv.res->bytes != mv.src.bytes)
		errx(1, "%lu bytes arrived of %zu", mv.res->bytes, mv.src.bytes);
	printf("%s %s %s bytes=%lu ns=%lu capacity=%zu", argv[1], argv[2], argv[3],
	       mv.res->bytes, mv.res->end - start, mv.ch.capacity);
	if (mv.count)
		printf(" calls=%lu", calls);
	if (mv.hash)
		printf(" sha256=%s", mv.res->sha256);
	printf("\n");
	return 0;
}
