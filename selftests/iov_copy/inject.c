// SPDX-License-Identifier: GPL-2.0
/*
 * Each place of each call that can fail does so once: an allocation, or a copy from or to
 * the program.  What a call then says is what it did: the pages before the place that
 * failed, in order, and nothing behind them.
 */

#include <setjmp.h>

#include "ic.h"
#include "../inject.h"

#define PAGES	4
#define LEN	(PAGES * RB_PAGE)
#define SEGMENTS	16
#define MANY	400	/* places no call has */

/* What has to have failed at least once. */
enum {
	COPY = 1 << INJECT_COPY,	/* EFAULT */
	SLAB = 1 << INJECT_SLAB,	/* ENOMEM */
	PAGE = 1 << INJECT_QUIET,	/* ENOMEM: pages are asked for quietly */
};

/* Where the bytes are that a call moves. */
enum place { NOWHERE, DEVICE, BUFFER, PIPE };

struct scene {
	int fd, pipe[2];
	char *in, *out;		/* @in has the pattern */
	struct iovec v[SEGMENTS];
	struct ferrio_ic_copyv copyv;
};

/* Each gives how many bytes it has moved, or LEN if it moves none. */

static long call_write(struct scene *s)
{
	return E(pwrite(s->fd, s->in, LEN, 0));
}

static long call_writev(struct scene *s)
{
	return E(pwritev(s->fd, s->v, SEGMENTS, 0));
}

static long call_read(struct scene *s)
{
	return E(pread(s->fd, s->out, LEN, 0));
}

static long call_readv(struct scene *s)
{
	return E(preadv(s->fd, s->v, SEGMENTS, 0));
}

static long call_splice_out(struct scene *s)
{
	return E(splice(s->fd, NULL, s->pipe[1], NULL, LEN, 0));
}

static long call_splice_in(struct scene *s)
{
	return E(splice(s->pipe[0], NULL, s->fd, NULL, LEN, 0));
}

static long copyv(struct scene *s, unsigned int flags, char *to, char *from, size_t len)
{
	struct iovec v[2] = { { to, len }, { from, len } };
	long ret;

	s->copyv = (struct ferrio_ic_copyv){
		.size = sizeof(s->copyv), .flags = flags,
		.to = (uintptr_t)&v[0], .from = (uintptr_t)&v[1],
		.to_count = 1, .from_count = 1,
	};
	ret = E(ioctl(s->fd, FERRIO_IC_COPYV, &s->copyv));
	return ret ? ret : (long)s->copyv.copied;
}

static long call_copyv(struct scene *s)
{
	return copyv(s, 0, s->out, s->in, LEN);
}

static long call_copyv_sum(struct scene *s)
{
	return copyv(s, FERRIO_IC_COPYV_CRC32C, s->out, s->in, LEN);
}

static long call_info(struct scene *s)
{
	struct ferrio_ic_info info = { .size = sizeof(info) };

	return E(ioctl(s->fd, FERRIO_IC_GET_INFO, &info)) ?: (long)LEN;
}

static long call_open(struct scene *s)
{
	int fd = E(open(FERRIO_IC_DEVICE, O_RDWR | O_CLOEXEC));

	(void)s;
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : (long)LEN;
}

FIXTURE(inject) {
	struct scene s;
	struct inject in;
	long live;
	int fds;
	bool on;
};

FIXTURE_VARIANT(inject) {
	long (*call)(struct scene *s);
	enum place from, to;
	bool holes;		/* the device has no page yet */
	bool parts;		/* a copy moves less than a page */
	unsigned int must;
};

#define ROW(name, a, b, none, part, has)					\
	{									\
		.call = call_##name, .from = a, .to = b, .holes = none,		\
		.parts = part, .must = has,					\
	}

FIXTURE_VARIANT_ADD(inject, open) ROW(open, NOWHERE, NOWHERE, false, false, COPY | SLAB);
FIXTURE_VARIANT_ADD(inject, info) ROW(info, NOWHERE, NOWHERE, false, false, COPY);
FIXTURE_VARIANT_ADD(inject, write) ROW(write, BUFFER, DEVICE, false, false, COPY);
FIXTURE_VARIANT_ADD(inject, first_write)
	ROW(write, BUFFER, DEVICE, true, false, COPY | PAGE);
FIXTURE_VARIANT_ADD(inject, writev)
	ROW(writev, BUFFER, DEVICE, false, true, COPY | SLAB);
FIXTURE_VARIANT_ADD(inject, read) ROW(read, DEVICE, BUFFER, false, false, COPY);
FIXTURE_VARIANT_ADD(inject, readv)
	ROW(readv, DEVICE, BUFFER, false, true, COPY | SLAB);
FIXTURE_VARIANT_ADD(inject, splice_out)
	ROW(splice_out, DEVICE, PIPE, false, false, SLAB | PAGE);
FIXTURE_VARIANT_ADD(inject, first_splice_in)
	ROW(splice_in, PIPE, DEVICE, true, false, PAGE);
FIXTURE_VARIANT_ADD(inject, copyv) ROW(copyv, BUFFER, BUFFER, false, false, COPY);
FIXTURE_VARIANT_ADD(inject, copyv_sum)
	ROW(copyv_sum, BUFFER, BUFFER, false, false, COPY | SLAB);

FIXTURE_SETUP(inject)
{
	struct scene *s = &self->s;

	if (!inject_possible())
		SKIP(return, "no " INJECT_NTH ": not a kernel with fault injection");
	self->live = rb_live_pages();
	self->fds = rb_count_fds();
	s->fd = ic_open(O_RDWR);
	if (pipe2(s->pipe, O_CLOEXEC | O_NONBLOCK))
		rb_die("pipe2: %s", strerror(errno));
	s->in = ic_memory(LEN, PROT_READ | PROT_WRITE);
	s->out = ic_memory(LEN, PROT_READ | PROT_WRITE);
	rb_pattern(s->in, LEN, 0);
	for (int i = 0; i < SEGMENTS; i++) {
		char *base = variant->from == BUFFER ? s->in : s->out;

		s->v[i] = (struct iovec){ base + i * LEN / SEGMENTS, LEN / SEGMENTS };
	}
	inject_open(&self->in, true);
	self->on = true;
}

FIXTURE_TEARDOWN(inject)
{
	struct scene *s = &self->s;

	if (!self->on)
		return;
	inject_close(&self->in);
	munmap(s->in, LEN);
	munmap(s->out, LEN);
	close(s->pipe[0]);
	close(s->pipe[1]);
	close(s->fd);
	EXPECT_EQ(self->fds, rb_count_fds());
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* The pattern is where the call takes it from, and nothing of it where it goes to. */
static void prepare(struct __test_metadata *_metadata, struct scene *s, enum place from,
		    bool holes)
{
	while (read(s->pipe[0], s->out, LEN) > 0)
		;
	memset(s->out, 0x55, LEN);
	if (holes) {
		close(s->fd);
		s->fd = ic_open(O_RDWR);
	} else {
		ASSERT_EQ(LEN, E(pwrite(s->fd, from == DEVICE ? s->in : s->out, LEN, 0)));
	}
	if (from == PIPE)
		ASSERT_EQ(LEN, E(write(s->pipe[1], s->in, LEN)));
	ASSERT_EQ(0, E(lseek(s->fd, 0, SEEK_SET)));
}

/* Of the pattern @moved bytes have arrived at @to, and no more. */
static void arrived(struct __test_metadata *_metadata, struct scene *s, enum place from,
		    enum place to, bool holes, long moved)
{
	long left;

	if (from == PIPE || to == PIPE) {
		EXPECT_EQ(moved, E(lseek(s->fd, 0, SEEK_CUR)));
		left = from == PIPE ? (long)LEN - moved : moved;
		EXPECT_EQ(left ?: -EAGAIN, E(read(s->pipe[0], s->out, LEN)));
		EXPECT_EQ(-1, rb_mismatch(s->out, left, from == PIPE ? moved : 0));
	}
	if (to == DEVICE)
		ASSERT_EQ(LEN, E(pread(s->fd, s->out, LEN, 0)));
	if (to == DEVICE || to == BUFFER) {
		EXPECT_EQ(-1, rb_mismatch(s->out, moved, 0));
		EXPECT_TRUE(ic_all(s->out + moved, LEN - moved, holes ? 0 : 0x55));
	}
}

TEST_F_TIMEOUT(inject, each_place, 60)
{
	/* a bit for each count that a copy which fails can leave */
	const unsigned int pages = variant->from ? (1U << PAGES) - 1 : 1;
	const unsigned int all = !(variant->must & COPY) ? 0 :
				 variant->parts ? pages | 1U << PAGES : pages;
	int hits[INJECT_HITS] = { 0 }, sweeps = 0;
	unsigned int seen = 0, counts = 0;
	struct scene *s = &self->s;

	for (int n = 1; n < MANY; n++) {
		enum inject_hit hit;
		long ret, moved;

		prepare(_metadata, s, variant->from, variant->holes);
		inject_logged(&self->in);
		inject_arm(&self->in, n);
		ret = variant->call(s);
		hit = inject_end(&self->in);
		hits[hit]++;
		moved = ret < 0 ? 0 : ret;
		ASSERT_EQ(0, moved % RB_PAGE);
		if (hit == INJECT_NOTHING)
			ASSERT_EQ(LEN, ret);
		/*
		 * The copy that failed is not in the count, or nothing is; behind a part of
		 * a page the kernel tries the rest once more, and finds nothing wrong.
		 */
		if (hit == INJECT_COPY) {
			ASSERT_TRUE(ret == -EFAULT || ret > 0) TH_LOG("place %d: %ld", n, ret);
			counts |= 1U << moved / RB_PAGE;
		}
		/* memory: nothing, a part, or the kernel could do without */
		if (hit == INJECT_SLAB || hit == INJECT_PAGE || hit == INJECT_QUIET)
			ASSERT_TRUE(ret == -ENOMEM || ret > 0) TH_LOG("place %d: %ld", n, ret);
		if (ret != (long)LEN)
			seen |= 1U << (hit == INJECT_PAGE ? INJECT_QUIET : hit);
		if (variant->holes)
			ASSERT_EQ(moved / RB_PAGE + (hit == INJECT_COPY), ic_pages(s->fd));
		/* where COPYV cannot say what it did, it did it nevertheless */
		if (variant->from != BUFFER || variant->to != BUFFER || ret > 0)
			arrived(_metadata, s, variant->from, variant->to, variant->holes, moved);
		if (ret > 0 && variant->call == call_copyv_sum) {
			uint32_t sum = s->copyv.crc32c;

			ASSERT_EQ(ret, copyv(s, FERRIO_IC_COPYV_CRC32C, s->out, s->in, ret));
			ASSERT_EQ(s->copyv.crc32c, sum);
		}
		if (hit)
			continue;
		/* caches are full or empty as they like: a place may have been left out */
		if (((seen & variant->must) == variant->must && counts == all) || ++sweeps == 9)
			break;
		n = 0;
	}
	EXPECT_EQ(variant->must, seen & variant->must);
	/* each copy has failed once, and the count ended before it */
	EXPECT_EQ(all, counts);
	/* a read takes no memory, but for the array of many segments */
	if (variant->from == DEVICE && variant->call == call_read)
		EXPECT_EQ(0, hits[INJECT_SLAB] + hits[INJECT_PAGE] + hits[INJECT_QUIET]);
	TH_LOG("%d slab, %d page, %d copy, %d quiet", hits[INJECT_SLAB], hits[INJECT_PAGE],
	       hits[INJECT_COPY], hits[INJECT_QUIET]);
}

static sigjmp_buf back;

static void jump(int sig)
{
	siglongjmp(back, sig);
}

/* The signal that a store raises if its @n-th place fails, or 0. */
static int store_raises(volatile char *p, const struct inject *in, int n)
{
	int sig = sigsetjmp(back, 1);

	if (!sig) {
		inject_arm(in, n);
		*p = 'x';
	}
	return sig;
}

/* A page that cannot be made is SIGBUS, and can be made the next time. */
TEST(mapping)
{
	struct sigaction sa = { .sa_handler = jump };
	long live = rb_live_pages();
	struct inject in;
	int raised = 0;

	if (!inject_possible())
		SKIP(return, "no " INJECT_NTH ": not a kernel with fault injection");
	inject_open(&in, true);
	sigaction(SIGBUS, &sa, NULL);
	for (int n = 1; n < MANY; n++) {
		enum inject_hit hit;
		volatile char *p;
		int fd = ic_open(O_RDWR), sig;

		p = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		ASSERT_NE(MAP_FAILED, p);
		inject_logged(&in);
		sig = store_raises(p, &in, n);
		hit = inject_end(&in);
		EXPECT_EQ(sig ? 0 : 1, ic_pages(fd));
		raised += sig == SIGBUS;
		*p = 'y';
		EXPECT_EQ(1, ic_pages(fd));
		munmap((char *)p, RB_PAGE);
		close(fd);
		if (!hit)
			break;
		ASSERT_TRUE(!sig || hit != INJECT_COPY);
	}
	inject_close(&in);
	EXPECT_LT(0, raised);
	EXPECT_TRUE(rb_pages_return(live));
}

TEST_HARNESS_MAIN
