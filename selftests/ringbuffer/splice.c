// SPDX-License-Identifier: GPL-2.0
/* splice(2) both ways, vmsplice(2), tee(2): counts, waits, private copies. */

#include <sys/uio.h>

#include "fix_ring.h"

#define NB	SPLICE_F_NONBLOCK

static long splice_to(int in, int out, size_t len, unsigned int flags)
{
	return E(splice(in, NULL, out, NULL, len, flags));
}

static void make_pipe(int p[2])
{
	if (pipe2(p, O_CLOEXEC))
		rb_die("pipe: %s", strerror(errno));
}

static void put(int fd, size_t len, uint64_t pos)
{
	static char buf[RB_DEFAULT];

	rb_pattern(buf, len, pos);
	if (write(fd, buf, len) != (ssize_t)len)
		rb_die("writing %zu bytes: %s", len, strerror(errno));
}

/* Reads what must be there, and says whether it is the pattern from @pos. */
static bool get(int fd, size_t len, uint64_t pos)
{
	static char buf[RB_DEFAULT];
	size_t have = 0;

	while (have < len) {
		ssize_t n = read(fd, buf + have, len - have);

		if (n <= 0)
			rb_die("%zu of %zu bytes were there", have, len);
		have += n;
	}
	return rb_mismatch(buf, len, pos) == -1;
}

TEST_F(ring, out)
{
	int p[2];

	make_pipe(p);
	put(self->rb.w, 10000, 0);
	/* by the length asked for, then by what is there */
	EXPECT_EQ(1, splice_to(self->rb.r, p[1], 1, 0));
	EXPECT_EQ(4999, splice_to(self->rb.r, p[1], 4999, 0));
	EXPECT_EQ(5000, splice_to(self->rb.r, p[1], 20000, 0));
	EXPECT_EQ(0, rb_avail(self->rb.r));
	EXPECT_TRUE(get(p[0], 10000, 0));
	EXPECT_EQ(0, splice_to(self->rb.r, p[1], 0, 0));
	EXPECT_EQ(-EAGAIN, splice_to(self->rb.r, p[1], 1, NB));
	rb_nonblock(&self->rb, true);
	EXPECT_EQ(-EAGAIN, splice_to(self->rb.r, p[1], 1, 0));
	rb_nonblock(&self->rb, false);
	close(p[0]);
	close(p[1]);
}

/* The free slots of the pipe are a bound; a full pipe is waited for. */
TEST_F(ring, out_to_full_pipe)
{
	struct rb_call c;
	int p[2];

	make_pipe(p);
	for (int i = 0; i < 15; i++)
		put(p[1], RB_PAGE, i * RB_PAGE);
	rb_fill(&self->rb);
	EXPECT_EQ(RB_PAGE, splice_to(self->rb.r, p[1], RB_DEFAULT, NB));
	EXPECT_EQ(RB_DEFAULT - RB_PAGE, rb_avail(self->rb.r));
	EXPECT_EQ(-EAGAIN, splice_to(self->rb.r, p[1], RB_DEFAULT, NB));
	EXPECT_EQ(RB_DEFAULT - RB_PAGE, rb_avail(self->rb.r));
	rb_call_splice(&c, self->rb.r, p[1], 100, 0);
	rb_call_asleep(&c);
	EXPECT_TRUE(get(p[0], RB_PAGE, 0));
	EXPECT_EQ(100, rb_call_end(&c));
	EXPECT_TRUE(get(p[0], 14 * RB_PAGE, RB_PAGE));
	EXPECT_TRUE(get(p[0], RB_PAGE + 100, 0));
	EXPECT_TRUE(get(self->rb.r, RB_DEFAULT - RB_PAGE - 100, RB_PAGE + 100));
	close(p[0]);
	close(p[1]);
}

TEST_F(ring, out_waits)
{
	struct rb_call c;
	int p[2];

	make_pipe(p);
	rb_call_splice(&c, self->rb.r, p[1], RB_DEFAULT, 0);
	rb_call_asleep(&c);
	put(self->rb.w, 300, 0);
	EXPECT_EQ(300, rb_call_end(&c));
	EXPECT_TRUE(get(p[0], 300, 0));
	rb_call_splice(&c, self->rb.r, p[1], RB_DEFAULT, 0);
	rb_call_asleep(&c);
	rb_close_w(&self->rb);
	EXPECT_EQ(0, rb_call_end(&c));
	EXPECT_EQ(0, splice_to(self->rb.r, p[1], 1, NB));
	close(p[0]);
	close(p[1]);
}

TEST_F(ring, in)
{
	int p[2];

	make_pipe(p);
	put(p[1], 10000, 0);
	EXPECT_EQ(1, splice_to(p[0], self->rb.w, 1, 0));
	EXPECT_EQ(4999, splice_to(p[0], self->rb.w, 4999, 0));
	EXPECT_EQ(5000, splice_to(p[0], self->rb.w, 20000, 0));
	EXPECT_EQ(0, rb_avail(p[0]));
	EXPECT_EQ(10000, rb_avail(self->rb.r));
	EXPECT_TRUE(get(self->rb.r, 10000, 0));
	EXPECT_EQ(-EAGAIN, splice_to(p[0], self->rb.w, 1, NB));
	close(p[1]);
	EXPECT_EQ(0, splice_to(p[0], self->rb.w, 1, 0));
	close(p[0]);
}

/* Little room: what fits goes at once, the rest when there is room. */
TEST_F(ring, in_to_full_ring)
{
	struct rb_call c;
	int p[2];

	make_pipe(p);
	put(p[1], 8192, 0);
	put(self->rb.w, RB_DEFAULT - 1000, 7);
	EXPECT_EQ(1000, splice_to(p[0], self->rb.w, 8192, NB));
	EXPECT_EQ(RB_DEFAULT, rb_avail(self->rb.r));
	EXPECT_EQ(7192, rb_avail(p[0]));
	EXPECT_EQ(-EAGAIN, splice_to(p[0], self->rb.w, 8192, NB));
	rb_nonblock(&self->rb, true);
	EXPECT_EQ(-EAGAIN, splice_to(p[0], self->rb.w, 8192, 0));
	rb_nonblock(&self->rb, false);
	EXPECT_EQ(7192, rb_avail(p[0]));

	rb_call_splice(&c, p[0], self->rb.w, 8192, 0);
	rb_call_asleep(&c);
	EXPECT_TRUE(get(self->rb.r, RB_PAGE, 7));
	rb_call_asleep(&c);
	EXPECT_EQ(RB_DEFAULT, rb_avail(self->rb.r));
	EXPECT_TRUE(get(self->rb.r, RB_DEFAULT - 1000 - RB_PAGE, 7 + RB_PAGE));
	EXPECT_EQ(7192, rb_call_end(&c));
	EXPECT_TRUE(get(self->rb.r, 8192, 0));
	EXPECT_EQ(0, rb_avail(self->rb.r));
	close(p[0]);
	close(p[1]);
}

/* While a splice waits for room, its pipe is usable: it is not locked. */
TEST_F(ring, in_leaves_pipe_unlocked)
{
	struct rb_call c;
	int p[2];

	make_pipe(p);
	put(p[1], 100, 0);
	rb_fill(&self->rb);
	rb_call_splice(&c, p[0], self->rb.w, 300, 0);
	rb_call_asleep(&c);
	put(p[1], 50, 100);
	EXPECT_EQ(150, rb_avail(p[0]));
	EXPECT_TRUE(get(p[0], 20, 0));
	EXPECT_TRUE(get(self->rb.r, RB_PAGE, 0));
	EXPECT_EQ(130, rb_call_end(&c));
	EXPECT_TRUE(get(self->rb.r, RB_DEFAULT - RB_PAGE, RB_PAGE));
	EXPECT_TRUE(get(self->rb.r, 130, 20));
	close(p[0]);
	close(p[1]);
}

TEST_F(ring, in_after_reader_went)
{
	struct rb_call c;
	int p[2];

	make_pipe(p);
	put(p[1], 500, 0);
	rb_fill(&self->rb);
	rb_call_splice(&c, p[0], self->rb.w, 500, 0);
	rb_call_asleep(&c);
	rb_close_r(&self->rb);
	EXPECT_EQ(-EPIPE, rb_call_end(&c));
	EXPECT_EQ(1, rb_caught(SIGPIPE));
	EXPECT_EQ(-EPIPE, splice_to(p[0], self->rb.w, 500, NB));
	EXPECT_EQ(2, rb_caught(SIGPIPE));
	EXPECT_TRUE(get(p[0], 500, 0));
	close(p[0]);
	close(p[1]);
}

/* Random lengths both ways, many times over the edge of the memory. */
TEST_F(ring, wrap)
{
	uint64_t seed = rb_seed(), put_pos = 0, ring_in = 0, ring_out = 0;
	uint64_t got = 0;
	int in[2], out[2];
	struct rb rb;

	rb_start(&rb, variant->kind, 4 * RB_PAGE);
	make_pipe(in);
	make_pipe(out);
	for (int i = 0; i < rounds(2000, 200); i++) {
		size_t len = rb_random(&seed) % 9000 + 1;
		size_t room = 4 * RB_PAGE - (ring_in - ring_out);
		long n;

		if (put_pos - ring_in < RB_PAGE) {
			put(in[1], len, put_pos);
			put_pos += len;
		}
		n = splice_to(in[0], rb.w, len, NB);
		if (!room) {
			ASSERT_EQ(-EAGAIN, n);
		} else {
			size_t want = put_pos - ring_in;

			want = want < len ? want : len;
			ASSERT_EQ(want < room ? want : room, n);
			ring_in += n;
		}
		len = rb_random(&seed) % 9000 + 1;
		n = splice_to(rb.r, out[1], len, NB);
		if (ring_in == ring_out) {
			ASSERT_EQ(-EAGAIN, n);
		} else {
			size_t want = ring_in - ring_out;

			ASSERT_EQ(want < len ? want : len, n);
			ring_out += n;
		}
		ASSERT_EQ(ring_in - ring_out, rb_avail(rb.r));
		ASSERT_TRUE(get(out[0], ring_out - got, got));
		got = ring_out;
	}
	close(in[0]);
	close(in[1]);
	close(out[0]);
	close(out[1]);
	rb_stop(&rb);
}

/* Pages that went out are copies: the ring may be written over. */
TEST_F(ring, out_is_private)
{
	int p[2];

	make_pipe(p);
	rb_fill(&self->rb);
	ASSERT_EQ(RB_DEFAULT, splice_to(self->rb.r, p[1], RB_DEFAULT, NB));
	put(self->rb.w, RB_DEFAULT, 12345);
	EXPECT_TRUE(get(p[0], RB_DEFAULT, 0));
	EXPECT_TRUE(get(self->rb.r, RB_DEFAULT, 12345));
	close(p[0]);
	close(p[1]);
}

/* What came in from a program's own pages is a copy too. */
TEST_F(ring, vmsplice_in)
{
	char *page = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec v = { .iov_base = page, .iov_len = RB_PAGE };
	int p[2];

	ASSERT_NE(MAP_FAILED, page);
	make_pipe(p);
	rb_pattern(page, RB_PAGE, 0);
	ASSERT_EQ(RB_PAGE, vmsplice(p[1], &v, 1, 0));
	ASSERT_EQ(RB_PAGE, splice_to(p[0], self->rb.w, RB_PAGE, 0));
	memset(page, 0xff, RB_PAGE);
	EXPECT_TRUE(get(self->rb.r, RB_PAGE, 0));
	close(p[0]);
	close(p[1]);
}

TEST_F(ring, ring_pipe_ring)
{
	struct rb other;
	int p[2];

	rb_start(&other, variant->kind, RB_DEFAULT);
	make_pipe(p);
	rb_skip(&other, 5000);
	rb_fill(&self->rb);
	ASSERT_EQ(RB_DEFAULT, splice_to(self->rb.r, p[1], RB_DEFAULT, 0));
	ASSERT_EQ(RB_DEFAULT, splice_to(p[0], other.w, RB_DEFAULT, 0));
	EXPECT_TRUE(get(other.r, RB_DEFAULT, 0));
	close(p[0]);
	close(p[1]);
	rb_stop(&other);
}

TEST_F(ring, refused)
{
	loff_t off = 0;
	struct rb other;
	int p[2], file;

	make_pipe(p);
	rb_start(&other, variant->kind, RB_DEFAULT);
	file = memfd_create("file", MFD_CLOEXEC);
	ASSERT_LE(0, file);
	put(file, 100, 0);
	put(p[1], 100, 0);
	put(self->rb.w, 100, 0);
	ASSERT_EQ(0, lseek(file, 0, SEEK_SET));
	EXPECT_EQ(-EINVAL, E(tee(self->rb.r, p[1], 10, 0)));
	EXPECT_EQ(-EINVAL, E(tee(p[0], self->rb.w, 10, 0)));
	EXPECT_EQ(-EINVAL, splice_to(file, self->rb.w, 10, 0));
	EXPECT_EQ(-EINVAL, splice_to(self->rb.r, file, 10, 0));
	EXPECT_EQ(-EINVAL, splice_to(self->rb.r, other.w, 10, 0));
	EXPECT_EQ(-EINVAL, E(splice(self->rb.r, &off, p[1], NULL, 10, 0)));
	EXPECT_EQ(-EINVAL, E(splice(p[0], NULL, self->rb.w, &off, 10, 0)));
	EXPECT_EQ(-EINVAL, splice_to(p[0], self->rb.w, 10, 0x100));
	if (variant->kind == RB_ENDS) {
		EXPECT_EQ(-EBADF, splice_to(self->rb.w, p[1], 10, 0));
		EXPECT_EQ(-EBADF, splice_to(p[0], self->rb.r, 10, 0));
	}
	EXPECT_EQ(100, rb_avail(p[0]));
	EXPECT_EQ(100, rb_avail(self->rb.r));
	close(file);
	close(p[0]);
	close(p[1]);
	rb_stop(&other);
}

TEST_HARNESS_MAIN
