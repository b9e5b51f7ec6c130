// SPDX-License-Identifier: GPL-2.0
/*
 * The windows of an end: which there are, what may be done with them, and that
 * nothing a program does to its mappings breaks an account.
 */

#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "fix_dev.h"

#define PAGES	5UL	/* of a ring of one page: three of words, data twice */
#define ALL	(PAGES * RB_PAGE)

enum { CONSUMER, PRODUCER, OBSERVER, KINDS };

static const struct {
	unsigned long first, count;
	bool writable;
} windows[KINDS][2] = {
	[CONSUMER] = { { 0, 1, true }, { 1, 4, false } },
	[PRODUCER] = { { 0, 2, false }, { 2, 3, true } },
	[OBSERVER] = { { 0, 5, false }, { 0, 0, false } },
};

/* A ring of one page, and one file of each kind. */
static void make_ends(struct __test_metadata *_metadata, int plain, int *fd)
{
	ASSERT_EQ(0, rb_set_size(plain, RB_PAGE));
	for (int kind = 0; kind < KINDS; kind++)
		fd[kind] = rb_mint(plain, kind);
}

static void close_ends(const int *fd)
{
	for (int kind = 0; kind < KINDS; kind++)
		close(fd[kind]);
}

static void *map_at(int fd, unsigned long first, unsigned long count, int prot)
{
	return mmap(NULL, count * RB_PAGE, prot, MAP_SHARED, fd,
		    (off_t)first * RB_PAGE);
}

/* Window @w of @kind, with all the rights that it gives. */
static char *map_window(int fd, int kind, int w)
{
	int prot = PROT_READ | (windows[kind][w].writable ? PROT_WRITE : 0);
	char *at = map_at(fd, windows[kind][w].first, windows[kind][w].count,
			  prot);

	if (at == MAP_FAILED)
		rb_die("mmap of window %d of kind %d: %s", w, kind,
		       strerror(errno));
	return at;
}

static size_t window_bytes(int kind, int w)
{
	return windows[kind][w].count * RB_PAGE;
}

static long try_map(int fd, unsigned long first, unsigned long count, int prot,
		    int flags)
{
	void *at = mmap(NULL, count * RB_PAGE, prot, flags, fd,
			(off_t)first * RB_PAGE);

	if (at == MAP_FAILED)
		return -errno;
	munmap(at, count * RB_PAGE);
	return 0;
}

static long expected(int kind, unsigned long first, unsigned long count,
		     int prot)
{
	/* anonymous inodes lie on a file system without exec: the VFS's word */
	if (prot & PROT_EXEC)
		return -EPERM;
	for (int w = 0; w < 2; w++) {
		if (!windows[kind][w].count || windows[kind][w].first != first ||
		    windows[kind][w].count != count)
			continue;
		if ((prot & PROT_WRITE) && !windows[kind][w].writable)
			return -EPERM;
		return 0;
	}
	return -EINVAL;
}

/* Every window and every protection: two windows an end, one for an observer. */
TEST_F(dev, every_window)
{
	int fd[KINDS];

	make_ends(_metadata, self->fd, fd);
	for (int i = 0; i < KINDS * (int)((PAGES + 1) * (PAGES + 1)) * 8; i++) {
		int prot = i % 8, kind = i / 8 % KINDS;
		unsigned long count = i / 8 / KINDS % (PAGES + 1) + 1;
		unsigned long first = i / 8 / KINDS / (PAGES + 1);

		EXPECT_EQ(expected(kind, first, count, prot),
			  try_map(fd[kind], first, count, prot, MAP_SHARED)) {
			TH_LOG("kind %d pages %lu+%lu prot %d", kind, first,
			       count, prot);
		}
	}
	/* far away, and where an offset would overflow */
	EXPECT_EQ(-EINVAL, try_map(fd[0], 1UL << 30, 1, PROT_READ, MAP_SHARED));
	/* a 32-bit program has no such offset */
	EXPECT_EQ(sizeof(long) == 8 ? -EOVERFLOW : -EINVAL,
		  E((long)mmap(NULL, RB_PAGE, PROT_READ, MAP_SHARED, fd[0],
			       -4096)));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rb-maps"));
	close_ends(fd);
}

/* No copy of its own for anybody, and nothing of a descriptor of both ends. */
TEST_F(dev, not_private_not_plain)
{
	int fd[KINDS];

	EXPECT_EQ(-ENODEV, try_map(self->fd, 0, 1, PROT_READ, MAP_SHARED));
	make_ends(_metadata, self->fd, fd);
	EXPECT_EQ(-ENODEV, try_map(self->fd, 0, 1, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-ENODEV, try_map(self->fd, 0, PAGES, PROT_READ, MAP_SHARED));
	for (int kind = 0; kind < KINDS; kind++)
		for (int w = 0; w < 2; w++) {
			if (!windows[kind][w].count)
				continue;
			EXPECT_EQ(-EINVAL, try_map(fd[kind], windows[kind][w].first,
						   windows[kind][w].count, PROT_READ,
						   MAP_PRIVATE));
			EXPECT_EQ(-EINVAL, try_map(fd[kind], windows[kind][w].first,
						   windows[kind][w].count,
						   PROT_READ | PROT_WRITE,
						   MAP_PRIVATE));
		}
	close_ends(fd);
}

/* An observer reads, polls, and holds nothing. */
TEST_F(dev, observer)
{
	struct ferrio_rb_info info;
	struct ferrio_rb_wait w = { .size = sizeof(w) };
	int fd[KINDS], pipe_fds[2];
	struct pollfd p;
	char c = 'x';

	make_ends(_metadata, self->fd, fd);
	rb_info(fd[OBSERVER], &info);
	EXPECT_EQ(FERRIO_RB_KIND_OBSERVER, info.kind);
	EXPECT_EQ('o', rb_fdinfo(fd[OBSERVER], "rb-kind"));
	EXPECT_EQ(2, rb_fdinfo(fd[OBSERVER], "rb-consumers"));
	EXPECT_EQ(2, rb_fdinfo(fd[OBSERVER], "rb-producers"));
	EXPECT_EQ(-EBADF, E(read(fd[OBSERVER], &c, 1)));
	EXPECT_EQ(-EBADF, E(write(fd[OBSERVER], &c, 1)));
	ASSERT_EQ(0, pipe(pipe_fds));
	EXPECT_EQ(-EBADF, E(splice(fd[OBSERVER], NULL, pipe_fds[1], NULL, 1, 0)));
	EXPECT_EQ(-EBADF, E(splice(pipe_fds[0], NULL, fd[OBSERVER], NULL, 1, 0)));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	for (unsigned int rw = 0; rw < 2; rw++) {
		w.rw = rw;
		EXPECT_EQ(-EBADF, E(ioctl(fd[OBSERVER], FERRIO_RB_WAIT, &w)));
		EXPECT_EQ(-EBADF, rb_wakeup(fd[OBSERVER], rw));
		EXPECT_EQ(-EBADF, rb_blame(fd[OBSERVER], rw));
		EXPECT_EQ(-EBADF, rb_shutdown(fd[OBSERVER], rw));
		EXPECT_EQ(-EPERM, rb_try_mint(fd[OBSERVER], rw));
	}
	EXPECT_EQ(-EPERM, rb_try_mint(fd[OBSERVER], FERRIO_RB_OBSERVE));

	p = (struct pollfd){ .fd = fd[OBSERVER], .events = POLLIN | POLLOUT };
	EXPECT_EQ(0, poll(&p, 1, 0));
	ASSERT_EQ(1, write(fd[PRODUCER], &c, 1));
	EXPECT_EQ(1, rb_avail(fd[OBSERVER]));
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLIN, p.revents);
	/* it keeps no end alive */
	ASSERT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_WRITE));
	close(fd[PRODUCER]);
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLIN | POLLHUP, p.revents);
	close(fd[CONSUMER]);
	close(fd[OBSERVER]);
}

/* One memory: the same bytes through each window, twice in a row. */
TEST_F(dev, same_pages)
{
	struct ferrio_rb_state_page *state;
	char *cpos, *cdata, *ppos, *pdata, *all, buf[8];
	struct ferrio_rb_end_page *consumer, *producer;
	int fd[KINDS];

	make_ends(_metadata, self->fd, fd);
	cpos = map_window(fd[CONSUMER], CONSUMER, 0);
	cdata = map_window(fd[CONSUMER], CONSUMER, 1);
	ppos = map_window(fd[PRODUCER], PRODUCER, 0);
	pdata = map_window(fd[PRODUCER], PRODUCER, 1);
	all = map_window(fd[OBSERVER], OBSERVER, 0);
	EXPECT_EQ(5, rb_fdinfo(self->fd, "rb-maps"));

	state = (void *)(all + RB_PAGE);
	EXPECT_EQ(FERRIO_RB_ABI_VERSION, state->abi_version);
	EXPECT_EQ(RB_PAGE, state->page_bytes);
	EXPECT_EQ(RB_PAGE, state->ring_bytes);
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED, state->state);
	EXPECT_EQ(0, state->corrupt);
	EXPECT_EQ(0, memcmp(all + RB_PAGE, cdata, RB_PAGE));
	EXPECT_EQ(0, memcmp(all + RB_PAGE, ppos + RB_PAGE, RB_PAGE));

	/* what is written by call is seen in the pages, at both places */
	ASSERT_EQ(5, write(fd[PRODUCER], "hello", 5));
	EXPECT_EQ(0, memcmp(pdata + RB_PAGE, "hello", 5));
	EXPECT_EQ(0, memcmp(pdata + 2 * RB_PAGE, "hello", 5));
	EXPECT_EQ(0, memcmp(cdata + 2 * RB_PAGE, "hello", 5));
	EXPECT_EQ(0, memcmp(all + 4 * RB_PAGE, "hello", 5));
	producer = (void *)pdata;
	consumer = (void *)cpos;
	EXPECT_EQ(5, producer->position);
	EXPECT_EQ(5, ((struct ferrio_rb_end_page *)(cdata + RB_PAGE))->position);
	ASSERT_EQ(2, read(fd[CONSUMER], buf, 2));
	EXPECT_EQ(2, consumer->position);
	EXPECT_EQ(2, ((struct ferrio_rb_end_page *)ppos)->position);

	/* and the other way round, over the edge */
	__atomic_store_n(&consumer->position, RB_PAGE - 3, __ATOMIC_RELEASE);
	memcpy(pdata + RB_PAGE + RB_PAGE - 3, "across", 6);
	EXPECT_EQ(0, memcmp(pdata + RB_PAGE, "oss", 3));
	__atomic_store_n(&producer->position, RB_PAGE + 3, __ATOMIC_RELEASE);
	EXPECT_EQ(6, rb_avail(self->fd));
	ASSERT_EQ(6, read(fd[CONSUMER], buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "across", 6));
	EXPECT_EQ(RB_PAGE + 3, consumer->position);

	munmap(all, ALL);
	munmap(pdata, 3 * RB_PAGE);
	munmap(ppos, 2 * RB_PAGE);
	munmap(cdata, 4 * RB_PAGE);
	munmap(cpos, RB_PAGE);
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rb-maps"));
	close_ends(fd);
}

/* The state page follows who comes and who goes. */
TEST_F(dev, state_page)
{
	volatile struct ferrio_rb_state_page *state;
	uint64_t generation;
	int fd[KINDS];
	char *all;

	make_ends(_metadata, self->fd, fd);
	all = map_window(fd[OBSERVER], OBSERVER, 0);
	state = (void *)(all + RB_PAGE);
	generation = state->generation;
	close(rb_mint(self->fd, FERRIO_RB_READ));
	EXPECT_EQ(generation + 2, state->generation);
	ASSERT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_WRITE));
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED, state->state);
	close(fd[PRODUCER]);
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED | FERRIO_RB_STATE_WRITE_CLOSED,
		  state->state);
	ASSERT_EQ(0, rb_blame(fd[CONSUMER], FERRIO_RB_READ));
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED | FERRIO_RB_STATE_WRITE_CLOSED |
		  FERRIO_RB_STATE_CORRUPT, state->state);
	EXPECT_EQ(FERRIO_RB_CORRUPT_PRODUCER_TOLD, state->corrupt);
	/* the counters are those of fdinfo */
	EXPECT_EQ(rb_fdinfo(self->fd, "rb-consumer-arms"), state->consumer.arms);
	EXPECT_EQ(rb_fdinfo(self->fd, "rb-producer-suppressed"),
		  state->producer.suppressed);
	munmap(all, ALL);
	close(fd[CONSUMER]);
	close(fd[OBSERVER]);
}

/* What a window does not give at first, it does not give later. */
TEST_F(dev, rights_stay)
{
	int fd[KINDS], mem;

	mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, mem);
	make_ends(_metadata, self->fd, fd);
	for (int kind = 0; kind < KINDS; kind++)
		for (int w = 0; w < 2 && windows[kind][w].count; w++) {
			bool writable = windows[kind][w].writable;
			char *at = map_window(fd[kind], kind, w);
			size_t bytes = window_bytes(kind, w);
			static char zeros[8];
			struct iovec to = { at, 8 }, from = { zeros, 8 };

			EXPECT_EQ(-EACCES, E(mprotect(at, bytes, PROT_EXEC)));
			EXPECT_EQ(-EACCES, E(mprotect(at, bytes,
						      PROT_READ | PROT_EXEC)));
			EXPECT_EQ(0, E(mprotect(at, bytes, PROT_NONE)));
			EXPECT_EQ(0, E(mprotect(at, bytes, PROT_READ)));
			EXPECT_EQ(writable ? 0 : -EACCES,
				  E(mprotect(at, bytes, PROT_READ | PROT_WRITE)));
			/* by the back doors */
			EXPECT_EQ(writable ? 8 : -EIO,
				  E(pwrite(mem, from.iov_base, 8, (off_t)(uintptr_t)at)));
			EXPECT_EQ(writable ? 8 : -EFAULT,
				  E(process_vm_writev(getpid(), &from, 1, &to, 1, 0)));
			munmap(at, bytes);
		}
	close(mem);
	close_ends(fd);
}

/* A window stays in one piece, wherever it goes. */
TEST_F(dev, whole_or_not)
{
	char *anon;
	int fd[KINDS];

	make_ends(_metadata, self->fd, fd);
	for (int kind = 0; kind < KINDS; kind++)
		for (int w = 0; w < 2 && windows[kind][w].count; w++) {
			size_t bytes = window_bytes(kind, w);
			char *at = map_window(fd[kind], kind, w), *to;

			EXPECT_EQ(-EFAULT, E((long)mremap(at, bytes, bytes + RB_PAGE,
							  MREMAP_MAYMOVE)));
			EXPECT_EQ(-EINVAL, E((long)mremap(at, bytes, bytes,
							  MREMAP_MAYMOVE |
							  MREMAP_DONTUNMAP, 0)));
			for (size_t cut = RB_PAGE; cut < bytes; cut += RB_PAGE) {
				EXPECT_EQ(-EINVAL, E((long)mremap(at, bytes, cut, 0)));
				EXPECT_EQ(-EINVAL, E(munmap(at, cut)));
				EXPECT_EQ(-EINVAL, E(munmap(at + cut, bytes - cut)));
				EXPECT_EQ(-EINVAL, E(munmap(at + cut - RB_PAGE, RB_PAGE)));
				EXPECT_EQ(-EINVAL, E((long)mmap(at + cut, RB_PAGE,
					PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS |
					MAP_FIXED, -1, 0)));
				EXPECT_EQ(-EINVAL, E(mprotect(at, cut, PROT_NONE)));
			}
			EXPECT_EQ(1, rb_fdinfo(self->fd, "rb-maps"));
			anon = mmap(NULL, bytes, PROT_NONE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			to = mremap(at, bytes, bytes,
				    MREMAP_MAYMOVE | MREMAP_FIXED, anon);
			ASSERT_TRUE(to == anon);
			EXPECT_EQ(1, rb_fdinfo(self->fd, "rb-maps"));
			/* the pages have come along */
			for (size_t i = 0; i < bytes; i += RB_PAGE)
				*(volatile char *)(to + i);
			/* covered as a whole: gone */
			ASSERT_TRUE(to == mmap(to, bytes, PROT_NONE, MAP_PRIVATE |
					       MAP_ANONYMOUS | MAP_FIXED, -1, 0));
			EXPECT_EQ(0, rb_fdinfo(self->fd, "rb-maps"));
			munmap(to, bytes);
		}
	close_ends(fd);
}

/* What is dropped from the page tables comes back by a fault. */
TEST_F(dev, dropped_pages)
{
	int fd[KINDS];
	char *cdata, *pdata;

	make_ends(_metadata, self->fd, fd);
	cdata = map_window(fd[CONSUMER], CONSUMER, 1);
	pdata = map_window(fd[PRODUCER], PRODUCER, 1);
	ASSERT_EQ(5, write(fd[PRODUCER], "hello", 5));
	EXPECT_EQ(0, madvise(cdata, 4 * RB_PAGE, MADV_DONTNEED));
	EXPECT_EQ(0, madvise(pdata, 3 * RB_PAGE, MADV_DONTNEED));
	EXPECT_EQ(0, memcmp(cdata + 2 * RB_PAGE, "hello", 5));
	EXPECT_EQ(0, memcmp(cdata + 3 * RB_PAGE, "hello", 5));
	pdata[2 * RB_PAGE + 4] = 'p';
	EXPECT_EQ(0, memcmp(pdata + RB_PAGE, "hellp", 5));
	EXPECT_EQ(0, memcmp(cdata + 2 * RB_PAGE, "hellp", 5));
	EXPECT_EQ(5, ((struct ferrio_rb_end_page *)pdata)->position);
	munmap(cdata, 4 * RB_PAGE);
	munmap(pdata, 3 * RB_PAGE);
	close_ends(fd);
}

/* A child has the windows, too, unless that was given up, for good. */
TEST_F(dev, forks)
{
	int fd[KINDS], status, go[2];
	char *pdata, *cpos, c;
	pid_t pid;

	make_ends(_metadata, self->fd, fd);
	cpos = map_window(fd[CONSUMER], CONSUMER, 0);
	pdata = map_window(fd[PRODUCER], PRODUCER, 1);
	EXPECT_EQ(-EINVAL, E(madvise(pdata, 3 * RB_PAGE, MADV_DOFORK)));
	ASSERT_EQ(0, madvise(cpos, RB_PAGE, MADV_DONTFORK));
	EXPECT_EQ(-EINVAL, E(madvise(cpos, RB_PAGE, MADV_DOFORK)));
	for (int child_first = 0; child_first < 2; child_first++) {
		ASSERT_EQ(0, pipe(go));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			close(go[1]);
			pdata[RB_PAGE] = 'c';
			if (!child_first)
				_exit(read(go[0], &c, 1) ? 2 : pdata[RB_PAGE] != 'c');
			_exit(msync(cpos, RB_PAGE, MS_ASYNC) != -1 || errno != ENOMEM);
		}
		close(go[0]);
		if (child_first) {
			ASSERT_EQ(pid, waitpid(pid, &status, 0));
			EXPECT_EQ(0, status);
			EXPECT_EQ('c', pdata[RB_PAGE]);
			EXPECT_EQ(2, rb_fdinfo(self->fd, "rb-maps"));
		} else {
			while (rb_fdinfo(self->fd, "rb-maps") != 3)
				rb_sleep_ms(1);
			ASSERT_EQ(0, munmap(pdata, 3 * RB_PAGE));
			EXPECT_EQ(2, rb_fdinfo(self->fd, "rb-maps"));
		}
		close(go[1]);
		if (!child_first) {
			ASSERT_EQ(pid, waitpid(pid, &status, 0));
			EXPECT_EQ(0, status);
			EXPECT_EQ(1, rb_fdinfo(self->fd, "rb-maps"));
			pdata = map_window(fd[PRODUCER], PRODUCER, 1);
		}
	}
	munmap(pdata, 3 * RB_PAGE);
	munmap(cpos, RB_PAGE);
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rb-maps"));
	close_ends(fd);
}

/* A mapping keeps its end; the last one of it ends it. */
TEST_F(dev, mapping_holds_the_end)
{
	int fd[KINDS];
	char *pdata, c;

	make_ends(_metadata, self->fd, fd);
	pdata = map_window(fd[PRODUCER], PRODUCER, 1);
	ASSERT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_WRITE));
	close(fd[PRODUCER]);
	ASSERT_EQ(0, fcntl(fd[CONSUMER], F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, E(read(fd[CONSUMER], &c, 1)));
	pdata[RB_PAGE] = '!';
	__atomic_store_n(&((struct ferrio_rb_end_page *)pdata)->position, 1,
			 __ATOMIC_RELEASE);
	EXPECT_EQ(1, rb_avail(fd[CONSUMER]));
	munmap(pdata, 3 * RB_PAGE);
	EXPECT_EQ(1, read(fd[CONSUMER], &c, 1));
	EXPECT_EQ('!', c);
	EXPECT_EQ(0, read(fd[CONSUMER], &c, 1));
	close(fd[CONSUMER]);
	close(fd[OBSERVER]);
}

TEST_HARNESS_MAIN
