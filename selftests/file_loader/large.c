// SPDX-License-Identifier: GPL-2.0
/* Reads of more than a blob copies at a time: 256 KiB. */
#define _GNU_SOURCE
#include "fl_dev.h"
#include "../stall.h"

#define CHUNK	(256UL << 10)
#define LEN	(4 * CHUNK)

static char bytes[LEN], got[LEN + 1];

static int large_blob(int dev)
{
	long blob;

	rb_pattern(bytes, LEN, 0);
	blob = fl_load_bytes(dev, bytes, LEN);
	if (blob < 0)
		rb_die("a blob of 1 MiB: %ld", blob);
	return blob;
}

/* How many bytes of memory that was full of 'x' are something else; the pattern has it, too. */
static size_t written(const char *at, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += at[i] != 'x';
	return count;
}

/* All of it by one call, from wherever. */
TEST_F(dev, whole)
{
	static const size_t offsets[] = {
		0, 1, 4095, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 4097, 3 * CHUNK + 7, LEN - 1,
	};
	struct iovec iov[] = {
		{ got, 100001 }, { NULL, 0 }, { got + 100001, 1 },
		{ got + 100002, CHUNK + 13 }, { got + 100015 + CHUNK, LEN },
	};
	int blob = large_blob(self->fd);

	for (int i = 0; i < ARRAY_SIZE(offsets); i++) {
		memset(got, 'x', sizeof(got));
		ASSERT_EQ(LEN - offsets[i], E(pread(blob, got, sizeof(got), offsets[i])));
		ASSERT_EQ(-1, rb_mismatch(got, LEN - offsets[i], offsets[i]));
		ASSERT_EQ('x', got[LEN - offsets[i]]);
	}
	for (int i = 0; i < 3; i++) {
		memset(got, 'x', sizeof(got));
		ASSERT_EQ(LEN - i, E(preadv2(blob, iov, ARRAY_SIZE(iov), i, RWF_NOWAIT)));
		ASSERT_EQ(-1, rb_mismatch(got, LEN - i, i));
	}
	/* By the position of the file; the second one starts inside of a chunk. */
	EXPECT_EQ(CHUNK + 5, E(read(blob, got, CHUNK + 5)));
	EXPECT_EQ(3 * CHUNK - 5, E(read(blob, got + CHUNK + 5, 3 * CHUNK - 4)));
	EXPECT_EQ(-1, rb_mismatch(got, LEN, 0));
	EXPECT_EQ(0, E(read(blob, got, LEN)));
	close(blob);
}

/* Memory that ends: as much as there is, and then EFAULT. */
TEST_F(dev, faults)
{
	static const size_t rooms[] = { RB_PAGE, CHUNK - RB_PAGE, CHUNK, CHUNK + RB_PAGE, 3 * CHUNK };
	int blob = large_blob(self->fd);

	for (int i = 0; i < ARRAY_SIZE(rooms); i++) {
		char *to = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0);

		ASSERT_NE(MAP_FAILED, to);
		ASSERT_EQ(0, munmap(to + rooms[i], LEN - rooms[i]));
		ASSERT_EQ(rooms[i] - 3, E(pread(blob, to + 3, LEN, 0)));
		ASSERT_EQ(-1, rb_mismatch(to + 3, rooms[i] - 3, 0));
		ASSERT_EQ(0, E(lseek(blob, 0, SEEK_SET)));
		ASSERT_EQ(rooms[i], E(read(blob, to, LEN)));
		ASSERT_EQ(-EFAULT, E(read(blob, to + rooms[i], LEN)));
		ASSERT_EQ(rooms[i], E(lseek(blob, 0, SEEK_CUR)));
		ASSERT_EQ(0, munmap(to, rooms[i]));
	}
	close(blob);
}

/*
 * A signal that comes while a chunk is copied, which waits for a page meanwhile: the
 * call ends behind that chunk, and behind the last one it is done.  It has moved
 * something, so there is neither EINTR nor a second try.
 */
TEST_F(dev, signals)
{
	static const int flags[] = { 0, SA_RESTART };
	static char page[RB_PAGE];
	int blob = large_blob(self->fd);

	for (int i = 0; i < 4 * ARRAY_SIZE(flags); i++) {
		size_t chunk = i % 4, at = chunk * CHUNK + 1000, behind = at + RB_PAGE;
		struct iovec iov[3] = { { got, at } };
		struct rb_call call;
		struct stall stall;

		rb_catch(SIGUSR1, flags[i / 4]);
		stall_init(&stall);
		memset(got, 'x', sizeof(got));
		iov[1] = (struct iovec) { stall.page, RB_PAGE };
		iov[2] = (struct iovec) { got + behind, LEN - behind };
		rb_call_start(&call, SYS_preadv,
			      (long[6]) { blob, (long)iov, ARRAY_SIZE(iov), 0 });
		stall_met(&stall);
		rb_call_signal(&call, SIGUSR1);
		stall_end(&stall, page);
		EXPECT_EQ((chunk + 1) * CHUNK, rb_call_end(&call))
			TH_LOG("in chunk %zu", chunk);
		EXPECT_EQ(1, rb_caught(SIGUSR1));
		EXPECT_EQ(-1, rb_mismatch(got, at, 0));
		EXPECT_EQ(-1, rb_mismatch(stall.page, RB_PAGE, at));
		EXPECT_EQ(-1, rb_mismatch(got + behind, (chunk + 1) * CHUNK - behind, behind));
		EXPECT_EQ(0, written(got + (chunk + 1) * CHUNK, sizeof(got) - (chunk + 1) * CHUNK))
			TH_LOG("behind chunk %zu", chunk);
		close(stall.uffd);
		munmap(stall.page, RB_PAGE);
	}
	close(blob);
}

/* The same by splice: as much as the pipe has room for. */
TEST_F(dev, splice)
{
	int blob = large_blob(self->fd), ends[2];
	loff_t at = 0;

	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(LEN, E(fcntl(ends[1], F_SETPIPE_SZ, LEN)));
	EXPECT_EQ(LEN, E(splice(blob, &at, ends[1], NULL, LEN, 0)));
	EXPECT_EQ(LEN, at);
	for (size_t done = 0; done < LEN;) {
		ssize_t n = read(ends[0], got + done, LEN - done);

		ASSERT_LT(0, n);
		done += n;
	}
	EXPECT_EQ(-1, rb_mismatch(got, LEN, 0));
	close(ends[0]);
	close(ends[1]);
	close(blob);
}

TEST_HARNESS_MAIN
