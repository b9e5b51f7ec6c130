// SPDX-License-Identifier: GPL-2.0
/*
 * bench-serve PEER WORKLOAD COUNT: what it costs to get at the bytes of a file, or of
 * its blob.
 *
 *   blob	what FERRIO_FL_LOAD_FD made of the file
 *   file	the file itself, on tmpfs: the page cache
 *   populated	the same, mapped with MAP_POPULATE, which a blob does by itself
 *
 *   map-BYTES		mmap(), each word of it, munmap()
 *   pread-BYTES	one pread() of that many, in turn through 16 MiB
 *
 * All peers share every line but those of open_peer() and a flag.  The words that are
 * mapped are summed up, and the last pread() is looked at behind the clock.
 *
 * Prints PEER WORKLOAD COUNT NANOSECONDS.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>

#include "bench-file.h"

#define SPAN	(16UL << 20)

static int open_peer(const char *peer)
{
	int file = open(FILE_PATH, O_RDONLY | O_CLOEXEC), dev, blob;

	if (file < 0)
		err(1, FILE_PATH);
	if (!strcmp(peer, "file") || !strcmp(peer, "populated"))
		return file;
	if (strcmp(peer, "blob"))
		errx(2, "there is no peer %s", peer);
	dev = open_loader();
	blob = load_blob(dev, file);
	close(dev);
	close(file);
	return blob;
}

static uint64_t sum_up(const uint64_t *words, size_t count)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < count; i++)
		sum += words[i];
	return sum;
}

static uint64_t maps(int fd, uint64_t size, uint64_t count, int populate)
{
	uint64_t ns, right = 0, at, i;

	for (at = 0; at < size; at += 8)
		right += pattern(at);
	ns = now();
	for (i = 0; i < count; i++) {
		uint64_t *words = mmap(NULL, size, PROT_READ, MAP_SHARED | populate, fd, 0);

		if (words == MAP_FAILED)
			err(1, "mmap");
		if (sum_up(words, size / 8) != right)
			errx(1, "the bytes that are mapped are others");
		munmap(words, size);
	}
	return now() - ns;
}

static uint64_t preads(int fd, uint64_t size, uint64_t count)
{
	uint64_t *words = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	uint64_t ns, at = 0, i;

	if (words == MAP_FAILED)
		err(1, "no memory to read into");
	ns = now();
	for (i = 0; i < count; i++) {
		at = i * size % SPAN;
		if (pread(fd, words, size, at) != (ssize_t)size)
			err(1, "pread");
	}
	ns = now() - ns;
	for (i = 0; i < size / 8; i++)
		if (words[i] != pattern(at + 8 * i))
			errx(1, "the word at %lu is %#lx", at + 8 * i, words[i]);
	return ns;
}

int main(int argc, char **argv)
{
	uint64_t count, size, ns = 0;
	const char *what;
	int fd;

	what = workload(argc, argv, 2, "map-BYTES|pread-BYTES", &size, &count);
	make_file(SPAN);
	fd = open_peer(argv[1]);
	if (!strcmp(what, "map") && size <= SPAN)
		ns = maps(fd, size, count, strcmp(argv[1], "populated") ? 0 : MAP_POPULATE);
	else if (!strcmp(what, "pread") && SPAN % size == 0)
		ns = preads(fd, size, count);
	else
		errx(2, "there is no workload %s of %lu", what, size);
	unlink(FILE_PATH);
	printf("%s %s-%lu %lu %lu\n", argv[1], what, size, count, ns);
	return 0;
}
