/* SPDX-License-Identifier: GPL-2.0 */
/* The fuzzer's watchdog, and what it has to tell. To be included by fuzz.c alone. */
#ifndef FUZZ_WATCH_H
#define FUZZ_WATCH_H

static void show_call(const struct fuzz_call *c)
{
	long ret = __atomic_load_n(&c->ret, __ATOMIC_ACQUIRE);

	fprintf(stderr, "#   step %llu: %s(%#lx, %#lx, %#lx)",
		(unsigned long long)c->step, kinds[c->kind].name, c->arg[0],
		c->arg[1], c->arg[2]);
	if (ret == FUZZ_INSIDE)
		fprintf(stderr, ", which it is inside of\n");
	else
		fprintf(stderr, " = %ld\n", ret);
}

static void show_file(pid_t pid, pid_t tid, const char *name)
{
	char path[64], text[2048];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	fprintf(stderr, "# %s: %s\n", name, text);
}

static void show_threads(pid_t pid)
{
	for (int i = 0; i < FUZZ_THREADS; i++) {
		const struct fuzz_told *told = &fuzz_shared->thread[i];
		uint64_t steps = __atomic_load_n(&told->steps, __ATOMIC_ACQUIRE);

		fprintf(stderr, "# thread %d, %llu steps\n", i,
			(unsigned long long)steps);
		for (int j = 1; j <= FUZZ_LAST; j++)
			show_call(&told->last[(steps + j) % FUZZ_LAST]);
		show_file(pid, told->tid, "syscall");
		show_file(pid, told->tid, "stack");
	}
}

/* Each kind: how often it was granted, and refused, and why. */
static void show_kinds(void)
{
	unsigned long sum = 0;

	for (int k = 0; k < KINDS; k++) {
		fprintf(stderr, "# %14s %7lu", kinds[k].name, fuzz_shared->good[k]);
		sum += fuzz_shared->good[k];
		for (int e = 0; e < FUZZ_ERRNOS; e++) {
			if (!fuzz_shared->bad[k][e])
				continue;
			fprintf(stderr, " %s:%lu", strerrorname_np(e) ?: "?",
				fuzz_shared->bad[k][e]);
			sum += fuzz_shared->bad[k][e];
		}
		fprintf(stderr, "\n");
	}
	fprintf(stderr, "# %lu calls\n", sum);
}

static bool errors_are_known(void)
{
	bool fine = true;

	for (int k = 0; k < KINDS; k++)
		for (int e = 0; e < FUZZ_ERRNOS; e++) {
			if (!fuzz_shared->bad[k][e] || is_known(&kinds[k], e))
				continue;
			fprintf(stderr, "# %s: %s is not in Documentation/abi/ringbuffer.rst\n",
				kinds[k].name, strerror(e));
			fine = false;
		}
	return fine;
}

/* Each operation of requests was granted; others of the same call do not count for it. */
static bool all_requests_seen(bool tell)
{
	static const int ops[] = {
		IORING_OP_READ, IORING_OP_WRITE, IORING_OP_READV, IORING_OP_WRITEV,
		IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED,
		IORING_OP_READ_MULTISHOT, IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE,
		IORING_OP_SPLICE, IORING_OP_ASYNC_CANCEL, IORING_OP_LINK_TIMEOUT,
		FUZZ_FIRST_AIO + IOCB_CMD_PREAD, FUZZ_FIRST_AIO + IOCB_CMD_PWRITE,
		FUZZ_FIRST_AIO + IOCB_CMD_PREADV, FUZZ_FIRST_AIO + IOCB_CMD_PWRITEV,
		FUZZ_FIRST_AIO + IOCB_CMD_POLL,
	};
	bool fine = true;

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		unsigned long done = __atomic_load_n(&fuzz_shared->done[ops[i]],
						     __ATOMIC_RELAXED);

		if (tell)
			fprintf(stderr, "# request %d was granted %lu times\n", ops[i],
				done);
		fine &= done > 0;
	}
	return fine;
}

/* A fuzzer whose calls all fail tests nothing, and one whose calls never do. */
static bool all_kinds_seen(bool tell)
{
	bool fine = all_requests_seen(tell);

	for (int k = 0; k < KINDS; k++) {
		unsigned long good = __atomic_load_n(&fuzz_shared->good[k],
						     __ATOMIC_RELAXED), bad = 0;

		for (int e = 0; e < FUZZ_ERRNOS; e++)
			bad += __atomic_load_n(&fuzz_shared->bad[k][e],
					       __ATOMIC_RELAXED);
		if ((good || kinds[k].never == NEVER_GRANTED) &&
		    (bad || kinds[k].never == NEVER_REFUSED))
			continue;
		if (tell)
			fprintf(stderr, "# %s: %lu granted, %lu refused\n",
				kinds[k].name, good, bad);
		fine = false;
	}
	return fine;
}

/* To one of the threads, or to all of them: stop, and go on. */
static void disturb(pid_t pid, uint64_t *seed)
{
	static const int signals[] = { SIGUSR1, SIGUSR2 };
	uint64_t r = rb_random(seed);
	pid_t tid = __atomic_load_n(&fuzz_shared->thread[r % FUZZ_THREADS].tid,
				    __ATOMIC_ACQUIRE);

	if (!tid)
		return;
	if (r >> 8 & 63) {
		syscall(SYS_tgkill, pid, tid, signals[r >> 16 & 1]);
		return;
	}
	kill(pid, SIGSTOP);
	rb_sleep_ms(2);
	kill(pid, SIGCONT);
}

/*
 * Until the time is over and each kind was seen, in three times that time at most;
 * false if a thread hangs or the process dies.  All waits of the threads end by
 * their timers, so each of them moves on.
 */
static bool watch(pid_t pid, int seconds)
{
	uint64_t patience = 10 * rb_slowness();
	uint64_t seen[FUZZ_THREADS] = {}, since[FUZZ_THREADS], begin = rb_now();
	uint64_t seed = fuzz_shared->seed, second = 1000000000ULL;
	int status;

	for (int i = 0; i < FUZZ_THREADS; i++)
		since[i] = begin;
	while (!waitpid(pid, &status, WNOHANG)) {
		uint64_t now = rb_now(), took = (now - begin) / second;

		if (took >= seconds && (all_kinds_seen(false) || took >= 3 * seconds))
			__atomic_store_n(&fuzz_shared->stop, 1, __ATOMIC_RELEASE);
		for (int i = 0; i < FUZZ_THREADS; i++) {
			uint64_t steps = __atomic_load_n(&fuzz_shared->thread[i].steps,
							 __ATOMIC_ACQUIRE);

			if (steps != seen[i] || fuzz_shared->stop) {
				seen[i] = steps;
				if (!fuzz_shared->stop)
					since[i] = now;
			}
			if (now - since[i] < patience * second)
				continue;
			fprintf(stderr, "# thread %d hangs\n", i);
			show_threads(pid);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return false;
		}
		disturb(pid, &seed);
		/* a signal costs as much as a call */
		rb_sleep_ms(rb_test_kernel() ? 25 : 5);
	}
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	fprintf(stderr, "# the fuzzer ended with status %#x\n", status);
	show_threads(pid);
	return false;
}

#endif /* FUZZ_WATCH_H */
