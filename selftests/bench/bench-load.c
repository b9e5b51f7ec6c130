// SPDX-License-Identifier: GPL-2.0
/*
 * bench-load sum-BYTES COUNT: what it costs to know the digest of a file that lies in
 * the page cache, by three peers in turn.
 *
 *   file_loader	FERRIO_FL_LOAD_FD: open(), the load, and close() of the file and
 *			of the blob, in this process
 *   sha256sum		coreutils' program, from posix_spawn() until it has been waited for
 *   sha256sum-next	what one more FILE on its command line adds to that, so without
 *			its start and its end
 *
 * bench-load peak-BYTES COUNT: memory.peak of a cgroup behind one load of a file that
 * another group has cached, less memory.current before the load; the largest of COUNT.
 *
 * The file is on tmpfs.  Each digest is compared, behind the clock.
 *
 * Prints lines of PEER WORKLOAD COUNT NANOSECONDS, or bytes by COUNT.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ferrio/file_loader.h>

#include "bench-file.h"

#define SUM_PROGRAM	"/usr/bin/sha256sum"
#define DIGEST		64	/* in hexadecimal */

/* Runs sha256sum on @files times the file; @digest is that of the last one. */
static uint64_t sum_program(unsigned int files, char digest[DIGEST + 1])
{
	char program[] = SUM_PROGRAM, path[] = FILE_PATH;
	char *argv[4] = { program, path, files == 2 ? path : NULL };
	char *envp[1] = { NULL };
	const size_t line = DIGEST + strlen("  " FILE_PATH "\n");
	char out[512];
	posix_spawn_file_actions_t actions;
	int ends[2], status;
	uint64_t ns;
	pid_t pid;

	if (pipe(ends) || posix_spawn_file_actions_init(&actions) ||
	    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO))
		err(1, "pipe");
	ns = now();
	errno = posix_spawn(&pid, SUM_PROGRAM, &actions, NULL, argv, envp);
	if (errno)
		err(1, "%s", SUM_PROGRAM);
	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");
	ns = now() - ns;
	if (status)
		errx(1, "%s: status %#x", SUM_PROGRAM, status);
	posix_spawn_file_actions_destroy(&actions);
	if (read(ends[0], out, sizeof(out)) != (ssize_t)(files * line))
		errx(1, "%s: another output than %u lines", SUM_PROGRAM, files);
	close(ends[0]);
	close(ends[1]);
	memcpy(digest, out + (files - 1) * line, DIGEST);
	digest[DIGEST] = 0;
	return ns;
}

static uint64_t load(int dev, uint64_t size, char digest[DIGEST + 1])
{
	struct ferrio_fl_blob info = { .size = sizeof(info) };
	uint64_t ns = now();
	int file, blob;
	int i;

	file = open(FILE_PATH, O_RDONLY | O_CLOEXEC);
	blob = load_blob(dev, file);
	ns = now() - ns;
	if (ioctl(blob, FERRIO_FL_BLOB_INFO, &info) || info.bytes != size)
		err(1, "FERRIO_FL_BLOB_INFO: %llu bytes", info.bytes);
	for (i = 0; i < DIGEST / 2; i++)
		sprintf(digest + 2 * i, "%02x", info.sha256[i]);
	ns -= now();
	close(blob);
	close(file);
	return ns + now();
}

static void sums(uint64_t size, uint64_t count)
{
	char digests[3][DIGEST + 1];
	uint64_t loads = 0, programs = 0, next = 0, i;
	int dev = open_loader();

	for (i = 0; i < count; i++) {
		uint64_t one, two;

		loads += load(dev, size, digests[0]);
		one = sum_program(1, digests[1]);
		two = sum_program(2, digests[2]);
		programs += one;
		next += two - one;
		if (strcmp(digests[0], digests[1]) || strcmp(digests[1], digests[2]))
			errx(1, "the digests are %s, %s and %s", digests[0], digests[1],
			     digests[2]);
	}
	close(dev);
	printf("file_loader sum-%lu %lu %lu\n", size, count, loads);
	printf("sha256sum sum-%lu %lu %lu\n", size, count, programs);
	printf("sha256sum-next sum-%lu %lu %lu\n", size, count, next);
}

#define GROUP	"/sys/fs/cgroup/bench-load"

static void group_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		err(1, "%s to %s", text, path);
	close(fd);
}

static uint64_t group_bytes(const char *path)
{
	unsigned long bytes;
	FILE *f = fopen(path, "re");

	if (!f || fscanf(f, "%lu", &bytes) != 1)
		err(1, "%s", path);
	fclose(f);
	return bytes;
}

/* In a group of its own; the file has been written by the parent, in another one. */
static void load_in_group(int result)
{
	int dev = open_loader(), file = open(FILE_PATH, O_RDONLY | O_CLOEXEC);
	uint64_t before, peak;
	int blob;

	group_write(GROUP "/cgroup.procs", "0");
	before = group_bytes(GROUP "/memory.current");
	blob = load_blob(dev, file);
	peak = group_bytes(GROUP "/memory.peak") - before;
	close(blob);
	if (write(result, &peak, sizeof(peak)) != sizeof(peak))
		err(1, "pipe");
	_exit(0);
}

static uint64_t peak_bytes(uint64_t size)
{
	int ends[2], status;
	uint64_t peak;
	pid_t pid;

	if (mkdir(GROUP, 0755) || pipe(ends))
		err(1, GROUP);
	pid = fork();
	if (!pid)
		load_in_group(ends[1]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status ||
	    read(ends[0], &peak, sizeof(peak)) != sizeof(peak))
		errx(1, "the loader of " GROUP " failed");
	close(ends[0]);
	close(ends[1]);
	if (rmdir(GROUP))
		err(1, GROUP);
	/* What is less than the file has been charged elsewhere. */
	if (peak + GROUP_BATCH < size)
		errx(1, "%lu bytes have been charged for %lu", peak, size);
	return peak;
}

static void peaks(uint64_t size, uint64_t count)
{
	uint64_t most = 0, i;

	group_write("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	for (i = 0; i < count; i++) {
		uint64_t peak = peak_bytes(size);

		if (peak > most)
			most = peak;
	}
	printf("file_loader peak-%lu %lu %lu\n", size, count, most * count);
}

int main(int argc, char **argv)
{
	uint64_t count, size;
	const char *what;

	what = workload(argc, argv, 1, "sum-BYTES|peak-BYTES", &size, &count);
	make_file(size);
	if (!strcmp(what, "sum"))
		sums(size, count);
	else if (!strcmp(what, "peak"))
		peaks(size, count);
	else
		errx(2, "there is no workload %s", what);
	unlink(FILE_PATH);
	return 0;
}
