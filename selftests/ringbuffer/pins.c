// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of a ring that somebody still has in his hands when the ring is gone:
 * a mapping, a page that a pipe has pinned, bytes that were spliced out, a reader
 * of another process' memory.  Nothing changes under them, and nothing is left.
 */

#include <sys/mman.h>
#include <sys/uio.h>

#include "fix_dev.h"
#include "hold.h"

#define SIZE	(4 * RB_PAGE)
#define WINDOW	(2 * RB_PAGE + 2 * SIZE)	/* what a consumer may only read */
#define ALL	(RB_HEAD_PAGES + SIZE / RB_PAGE)

/* Rings enough to take every page that has just been freed. */
static void dirty_free_pages(void)
{
	static char buf[16 * SIZE];
	int fd[8];

	memset(buf, 0xee, sizeof(buf));
	for (int i = 0; i < 8; i++) {
		fd[i] = rb_open(O_RDWR);
		if (rb_set_size(fd[i], sizeof(buf)) ||
		    write(fd[i], buf, sizeof(buf)) != sizeof(buf))
			rb_die("filling a ring failed");
	}
	for (int i = 0; i < 8; i++)
		close(fd[i]);
}

/* Both ends, mapped, with the pattern from 0 on in the ring. */
static void filled(struct hold *r, struct hold *w)
{
	static char buf[SIZE];
	int fd[2];

	hold_ends(SIZE, fd);
	hold_take(r, fd[FERRIO_RB_READ], FERRIO_RB_READ, true);
	hold_take(w, fd[FERRIO_RB_WRITE], FERRIO_RB_WRITE, true);
	rb_pattern(buf, SIZE, 0);
	if (hold_move(w, buf, SIZE) != (long)SIZE)
		rb_die("filling a ring failed");
}

static bool pipe_has_pattern(int fd, size_t bytes)
{
	static char buf[SIZE];

	for (size_t pos = 0; pos < bytes;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n <= 0 || rb_mismatch(buf, n, pos) != -1)
			return false;
		pos += n;
	}
	return true;
}

/* The mappings alone are a ring. */
TEST_F(dev, live_mappings)
{
	static char buf[SIZE];
	struct hold r, w;

	filled(&r, &w);
	close(r.fd);
	close(w.fd);
	dirty_free_pages();
	EXPECT_EQ(self->live + ALL, rb_live_pages());
	r.rb.nonblock = w.rb.nonblock = true;
	for (uint64_t pos = 0; pos < 10 * SIZE; pos += SIZE) {
		ASSERT_EQ(SIZE, hold_move(&r, buf, SIZE));
		ASSERT_EQ(-1, rb_mismatch(buf, SIZE, pos));
		rb_pattern(buf, SIZE, pos + SIZE);
		ASSERT_EQ(SIZE, hold_move(&w, buf, SIZE));
	}
	ringbuffer_unmap(&w.rb);
	ASSERT_EQ(SIZE, hold_move(&r, buf, SIZE));
	EXPECT_EQ(0, hold_move(&r, buf, SIZE));
	EXPECT_EQ(self->live + ALL, rb_live_pages());
	ringbuffer_unmap(&r.rb);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* Pages of a mapping that are in a pipe, as vmsplice() puts them there. */
TEST_F(dev, pinned_by_a_pipe)
{
	struct iovec iov = { .iov_len = SIZE };
	struct hold r, w;
	int fd[2];

	ASSERT_EQ(0, pipe2(fd, O_CLOEXEC));
	for (int i = 0; i < 4; i++) {
		filled(&r, &w);
		/* read-only pages or writable ones, the first or the second turn */
		iov.iov_base = (i % 2 ? w : r).rb.data + (i < 2 ? 0 : SIZE);
		ASSERT_EQ(SIZE, vmsplice(fd[1], &iov, 1, 0));
		hold_drop(&r);
		hold_drop(&w);
		EXPECT_TRUE(rb_pages_return(self->live));
		dirty_free_pages();
		EXPECT_TRUE(pipe_has_pattern(fd[0], SIZE));
	}
	/* and one that is not taken out before the pipe goes, too */
	filled(&r, &w);
	iov.iov_base = r.rb.data;
	ASSERT_EQ(SIZE, vmsplice(fd[1], &iov, 1, 0));
	hold_drop(&r);
	hold_drop(&w);
	close(fd[0]);
	close(fd[1]);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* Out of one ring by its mapping, into another by splice(), and both gone. */
TEST_F(dev, spliced)
{
	struct iovec iov = { .iov_len = SIZE };
	struct hold r, w;
	int fd[2];

	ASSERT_EQ(0, pipe2(fd, O_CLOEXEC));
	filled(&r, &w);
	ASSERT_EQ(SIZE, splice(r.fd, NULL, fd[1], NULL, SIZE, 0));
	hold_drop(&r);
	hold_drop(&w);
	EXPECT_TRUE(rb_pages_return(self->live));
	dirty_free_pages();
	EXPECT_TRUE(pipe_has_pattern(fd[0], SIZE));

	filled(&r, &w);
	iov.iov_base = r.rb.data;
	ASSERT_EQ(SIZE, vmsplice(fd[1], &iov, 1, 0));
	hold_drop(&r);
	hold_drop(&w);
	dirty_free_pages();
	ASSERT_EQ(SIZE, splice(fd[0], NULL, self->fd, NULL, SIZE, 0));
	close(fd[0]);
	close(fd[1]);
	EXPECT_TRUE(pipe_has_pattern(self->fd, SIZE));
}

struct reading {
	void *from;
	int stop;
	unsigned long good, bad;
	long wrong;
};

/* As a debugger does: the memory is there with the right bytes, or not at all. */
static void *remote_reader(void *arg)
{
	struct reading *reading = arg;
	static char buf[SIZE];
	struct iovec to = { buf, SIZE }, from = { reading->from, SIZE };

	while (!__atomic_load_n(&reading->stop, __ATOMIC_ACQUIRE)) {
		long ret = E(process_vm_readv(getpid(), &to, 1, &from, 1, 0));

		if (ret > 0) {
			reading->good++;
			if (rb_mismatch(buf, ret, 0) != -1)
				reading->wrong = 1;
		} else if (ret == -EFAULT) {
			reading->bad++;
		} else {
			reading->wrong = ret;
		}
	}
	return NULL;
}

/* The same addresses mapped and unmapped again and again, each time a new ring. */
TEST_F(dev, read_from_outside)
{
	struct reading reading = {};
	pthread_t thread;
	struct hold r, w;
	char *place;

	place = mmap(NULL, WINDOW, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, place);
	reading.from = place + 2 * RB_PAGE;
	ASSERT_EQ(0, pthread_create(&thread, NULL, remote_reader, &reading));
	for (int i = 0; i < rounds(80, 12) || !reading.good || !reading.bad; i++) {
		filled(&r, &w);
		ASSERT_EQ(place, mmap(place, WINDOW, PROT_READ,
				      MAP_SHARED | MAP_FIXED, r.fd, RB_PAGE));
		rb_sleep_ms(i % 2);
		ASSERT_EQ(place, mmap(place, WINDOW, PROT_NONE, MAP_PRIVATE |
				      MAP_ANONYMOUS | MAP_FIXED, -1, 0));
		hold_drop(&r);
		hold_drop(&w);
	}
	__atomic_store_n(&reading.stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, reading.wrong);
}

TEST_HARNESS_MAIN
