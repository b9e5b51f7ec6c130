// SPDX-License-Identifier: GPL-2.0
/*
 * ring-run A [ARG...] -- B [ARG...] [-- C ...]
 *
 * A shell's `A | B | C`, with the ends of rings where the shell has pipes: the
 * programs are not changed and do not know.  The status is that of the last
 * program; if another one failed by itself, or was killed by anything but
 * SIGPIPE, it is 1.
 */
#define _GNU_SOURCE
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"

#define MAX_PROGRAMS	16

/* dup2() leaves close-on-exec off, so the program has just these two. */
static pid_t start(char **argv, int in, int out)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return pid;
	if ((in >= 0 && dup2(in, 0) < 0) || (out >= 0 && dup2(out, 1) < 0))
		err(1, "dup2");
	execvp(argv[0], argv);
	err(1, "%s", argv[0]);
}

/* The last end of each kind that we hold keeps its ring open: give it away. */
static void give(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int outcome(const char *name, int status, bool last)
{
	if (WIFEXITED(status) && (last || !WEXITSTATUS(status)))
		return WEXITSTATUS(status);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE && !last)
		return 0;
	if (WIFSIGNALED(status))
		fprintf(stderr, "ring-run: %s: %s\n", name, strsignal(WTERMSIG(status)));
	else
		fprintf(stderr, "ring-run: %s: exit status %d\n", name, WEXITSTATUS(status));
	return 1;
}

static int bad_usage(void)
{
	fprintf(stderr, "usage: ring-run A [ARG...] -- B [ARG...] [-- C ...] (at most %d programs)\n",
		MAX_PROGRAMS);
	return 2;
}

int main(int argc, char **argv)
{
	char **program[MAX_PROGRAMS];
	pid_t pid[MAX_PROGRAMS];
	int count = 1, in = -1, failed = 0, i, status;

	program[0] = argv + 1;
	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		argv[i] = NULL;
		if (count == MAX_PROGRAMS)
			return bad_usage();
		program[count++] = argv + i + 1;
	}
	/* argv[argc] is NULL too, so this finds every empty place. */
	for (i = 0; i < count; i++)
		if (!*program[i])
			return bad_usage();
	for (i = 0; i < count; i++) {
		struct channel ch = { .r = -1, .w = -1 };

		if (i + 1 < count)
			channel_make("ring", &ch);
		pid[i] = start(program[i], in, ch.w);
		give(&in);
		give(&ch.w);
		in = ch.r;
	}
	for (i = 0; i < count; i++) {
		if (waitpid(pid[i], &status, 0) < 0)
			err(1, "waitpid");
		status = outcome(*program[i], status, i + 1 == count);
		if (status && (i + 1 == count || !failed))
			failed = status;
	}
	return failed;
}
