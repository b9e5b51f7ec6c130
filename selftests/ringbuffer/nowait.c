// SPDX-License-Identifier: GPL-2.0
/*
 * RWF_NOWAIT and O_NONBLOCK: no sleep, EAGAIN only if nothing has moved; also for
 * those who meet another in the same end, or in the first use.
 */

#include <sys/uio.h>

#include "fix_ring.h"
#include "hold.h"
#include "../stall.h"
#include "../uring.h"

#define BIG	(64UL << 20)
#define MIDDLE	(1UL << 20)	/* more than is made at once */

/* Tags of requests. */
enum { A = 1, B };

static char in[2 * RB_DEFAULT], out[2 * RB_DEFAULT];

/* The ways to say that a call must not wait. */
FIXTURE(nowait) {
	struct rb rb;
	struct uring u;
};

FIXTURE_VARIANT(nowait) {
	enum rb_kind kind;
	enum { FLAG, FILE_FLAG, URING } how;
};

FIXTURE_VARIANT_ADD(nowait, plain_flag) {
	.kind = RB_PLAIN, .how = FLAG,
};

FIXTURE_VARIANT_ADD(nowait, ends_flag) {
	.kind = RB_ENDS, .how = FLAG,
};

FIXTURE_VARIANT_ADD(nowait, plain_file) {
	.kind = RB_PLAIN, .how = FILE_FLAG,
};

FIXTURE_VARIANT_ADD(nowait, ends_file) {
	.kind = RB_ENDS, .how = FILE_FLAG,
};

FIXTURE_VARIANT_ADD(nowait, plain_uring) {
	.kind = RB_PLAIN, .how = URING,
};

FIXTURE_VARIANT_ADD(nowait, ends_uring) {
	.kind = RB_ENDS, .how = URING,
};

FIXTURE_SETUP(nowait)
{
	rb_start(&self->rb, variant->kind, RB_DEFAULT);
	if (variant->how == FILE_FLAG)
		rb_nonblock(&self->rb, true);
	uring_start(&self->u, 0);
}

FIXTURE_TEARDOWN(nowait)
{
	uring_stop(&self->u);
	rb_stop(&self->rb);
	EXPECT_TRUE(rb_pages_return(self->rb.live));
}

/* By @how: RWF_NOWAIT, O_NONBLOCK that is set, or io_uring with RWF_NOWAIT. */
static long move(struct uring *u, int how, bool puts, int fd, void *buf, size_t n)
{
	struct iovec v = { buf, n };

	switch (how) {
	case FLAG:
		return puts ? E(pwritev2(fd, &v, 1, -1, RWF_NOWAIT)) :
			      E(preadv2(fd, &v, 1, -1, RWF_NOWAIT));
	case FILE_FLAG:
		return puts ? E(write(fd, buf, n)) : E(read(fd, buf, n));
	default:
		uring_add(u, puts ? IORING_OP_WRITE : IORING_OP_READ, fd, buf, n,
			  A)->rw_flags = RWF_NOWAIT;
		uring_submit(u);
		return uring_end(u, A);
	}
}

#define put(buf, n)	move(&self->u, variant->how, true, self->rb.w, buf, n)
#define get(buf, n)	move(&self->u, variant->how, false, self->rb.r, buf, n)

/* Nobody has slept, at either end. */
static bool nobody_slept(struct rb *rb)
{
	return !rb_fdinfo(rb->r, "rb-consumer-sleeps") &&
	       !rb_fdinfo(rb->w, "rb-producer-sleeps");
}

TEST_F(nowait, counts)
{
	struct rb *rb = &self->rb;

	rb_pattern(in, sizeof(in), 0);
	EXPECT_EQ(-EAGAIN, get(out, 10));
	EXPECT_EQ(10, put(in, 10));
	EXPECT_EQ(10, get(out, sizeof(out)));
	EXPECT_EQ(-1, rb_mismatch(out, 10, 0));
	EXPECT_EQ(-EAGAIN, get(out, 1));
	/* what there is room for, and then nothing */
	EXPECT_EQ(RB_DEFAULT, put(in, sizeof(in)));
	EXPECT_EQ(-EAGAIN, put(in, sizeof(in)));
	EXPECT_EQ(-EAGAIN, put(in, 1));
	EXPECT_EQ(0, put(in, 0));
	/* whole or not at all, up to PIPE_BUF; a part, of more */
	EXPECT_EQ(RB_PAGE - 1, get(out, RB_PAGE - 1));
	EXPECT_EQ(-EAGAIN, put(in + RB_DEFAULT, RB_PAGE));
	EXPECT_EQ(RB_PAGE - 1, put(in + RB_DEFAULT, RB_PAGE + 1));
	EXPECT_EQ(RB_DEFAULT, get(out, sizeof(out)));
	EXPECT_EQ(-1, rb_mismatch(out, RB_DEFAULT, RB_PAGE - 1));
	EXPECT_EQ(0, get(out, 0));
	EXPECT_TRUE(nobody_slept(rb));
}

/* The ring begins anew, with another size. */
static void again(struct rb *rb, enum rb_kind kind, size_t size, bool nonblock)
{
	rb_stop(rb);
	rb_start(rb, kind, size);
	if (nonblock)
		rb_nonblock(rb, true);
}

/* What is final is told as it is. */
TEST_F(nowait, ends)
{
	struct rb *rb = &self->rb;

	ASSERT_EQ(5, put(in, 5));
	rb_close_w(rb);
	EXPECT_EQ(5, get(out, 9));
	EXPECT_EQ(0, get(out, 9));
	if (variant->kind == RB_PLAIN) {
		EXPECT_EQ(-EBADF, put(in, 5));
		rb_close_r(rb);
		EXPECT_EQ(-EBADF, get(out, 5));
	}
}

/* The same before the first use, and for a ring too large to be made at once. */
TEST_F(nowait, ends_of_a_large_ring)
{
	const bool nonblock = variant->how == FILE_FLAG;
	struct rb *rb = &self->rb;

	for (size_t size = RB_DEFAULT; size <= MIDDLE; size *= MIDDLE / RB_DEFAULT) {
		again(rb, variant->kind, size, nonblock);
		rb_close_r(rb);
		EXPECT_EQ(-EPIPE, put(in, 5));
		EXPECT_EQ(1, rb_caught(SIGPIPE));
		again(rb, variant->kind, size, nonblock);
		EXPECT_EQ(0, rb_blame(rb->w, FERRIO_RB_WRITE));
		EXPECT_EQ(-EBADMSG, put(in, 5));
		EXPECT_EQ(-EBADMSG, get(out, 5));
	}
}

TEST_F(nowait, faults)
{
	char *p = mmap(NULL, 2 * RB_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, mprotect(p + RB_PAGE, RB_PAGE, PROT_NONE));
	rb_pattern(in, 100, 0);
	/* not EAGAIN: to come back would not help */
	EXPECT_EQ(-EFAULT, put(p + RB_PAGE, 10));
	ASSERT_EQ(100, put(in, 100));
	EXPECT_EQ(-EFAULT, get(p + RB_PAGE, 10));
	EXPECT_EQ(10, get(p + RB_PAGE - 10, 100));
	EXPECT_EQ(-1, rb_mismatch(p + RB_PAGE - 10, 10, 0));
	EXPECT_EQ(90, rb_avail(self->rb.r));
	/* a page that is not there yet is brought in */
	ASSERT_EQ(0, madvise(p, RB_PAGE, MADV_DONTNEED));
	EXPECT_EQ(90, get(p, 100));
	EXPECT_EQ(-1, rb_mismatch(p, 90, 10));
	munmap(p, 2 * RB_PAGE);
}

/* A signal that is there already does not matter to who does not wait. */
TEST_F(nowait, signal_is_pending)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	rb_catch(SIGUSR1, 0);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	raise(SIGUSR1);
	EXPECT_EQ(-EAGAIN, get(out, 9));
	EXPECT_EQ(9, put(in, 9));
	EXPECT_EQ(9, get(out, 9));
	ASSERT_EQ(0, sigprocmask(SIG_UNBLOCK, &set, NULL));
	EXPECT_EQ(1, rb_caught(SIGUSR1));
}

/* Another call is inside of its copy: EAGAIN, and an event when it is over. */
TEST_F_TIMEOUT(nowait, another_reader, 10)
{
	static char page[RB_PAGE];
	struct rb *rb = &self->rb;
	struct io_uring_cqe cqe;
	struct rb_call first;
	struct stall s;

	stall_init(&s);
	rb_pattern(in, 200, 0);
	ASSERT_EQ(200, put(in, 200));
	rb_call_read(&first, rb->r, s.page, 100);
	stall_met(&s);
	uring_poll(&self->u, rb->r, POLLIN, true, B);
	uring_submit(&self->u);
	uring_next(&self->u, &cqe);
	EXPECT_EQ(POLLIN, cqe.res);
	EXPECT_EQ(-EAGAIN, get(out, 10));
	EXPECT_EQ(200, rb_avail(rb->r));
	EXPECT_TRUE(uring_idle(&self->u));
	stall_end(&s, page);
	EXPECT_EQ(100, rb_call_end(&first));
	uring_next(&self->u, &cqe);
	EXPECT_EQ(B, cqe.user_data);
	EXPECT_EQ(POLLIN, cqe.res);
	/* A file that is both ends is told of the space, too; mostly in the same event. */
	if (!uring_idle(&self->u)) {
		EXPECT_EQ(RB_PLAIN, variant->kind);
		uring_next(&self->u, &cqe);
		EXPECT_EQ(B, cqe.user_data);
		EXPECT_EQ(POLLIN, cqe.res);
	}
	EXPECT_TRUE(uring_idle(&self->u));
	EXPECT_EQ(100, get(out, 200));
	EXPECT_EQ(-1, rb_mismatch(s.page, 100, 0));
	EXPECT_EQ(-1, rb_mismatch(out, 100, 100));
}

TEST_F_TIMEOUT(nowait, another_writer, 10)
{
	static char page[RB_PAGE];
	struct rb *rb = &self->rb;
	struct rb_call first;
	struct stall s;

	stall_init(&s);
	rb_pattern(page, sizeof(page), 0);
	rb_call_write(&first, rb->w, s.page, 100);
	stall_met(&s);
	EXPECT_EQ(-EAGAIN, put(in, 10));
	EXPECT_EQ(-EAGAIN, put(in, 2 * RB_PAGE));
	EXPECT_EQ(-EAGAIN, get(out, 10));
	stall_end(&s, page);
	EXPECT_EQ(100, rb_call_end(&first));
	rb_pattern(in, 100, 100);
	EXPECT_EQ(100, put(in, 100));
	EXPECT_EQ(200, get(out, 300));
	EXPECT_EQ(-1, rb_mismatch(out, 200, 0));
}

/* From and to a window that nobody has touched yet. */
TEST_F(nowait, mapped_windows)
{
	struct hold to, from;
	char *place;
	int fd[2];

	hold_ends(RB_DEFAULT, fd);
	hold_take(&to, fd[FERRIO_RB_WRITE], FERRIO_RB_WRITE, true);
	hold_take(&from, fd[FERRIO_RB_READ], FERRIO_RB_READ, true);
	rb_pattern(in, 9000, 5);
	ASSERT_EQ(9000, put(in, 9000));
	place = ringbuffer_reserve(&to.rb, 9000);
	ASSERT_NE(NULL, place);
	ASSERT_EQ(0, madvise(to.rb.window, to.rb.window_bytes, MADV_DONTNEED));
	ASSERT_EQ(9000, get(place, 9000));
	ASSERT_EQ(0, ringbuffer_commit(&to.rb, 9000));
	EXPECT_EQ(9000, put(from.rb.data, 9000));
	EXPECT_EQ(9000, get(out, 9000));
	EXPECT_EQ(-1, rb_mismatch(out, 9000, 5));
	/* a consumer's data is read-only */
	ASSERT_EQ(10, put(in, 10));
	EXPECT_EQ(-EFAULT, get(from.rb.data, 10));
	EXPECT_EQ(10, get(out, 10));
	hold_drop(&to);
	hold_drop(&from);
}

/* As much memory as a pipe's is made at once; for more, come back in another way. */
TEST_F(nowait, first_use)
{
	static const size_t sizes[] = { RB_PAGE, RB_DEFAULT, MIDDLE };
	struct rb *rb = &self->rb;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		bool refused = sizes[i] > RB_DEFAULT && variant->how != FILE_FLAG;
		/* ends have been minted: that was the first use */
		bool used = variant->kind == RB_ENDS;

		rb_stop(rb);
		rb_start(rb, variant->kind, sizes[i]);
		if (variant->how == FILE_FLAG)
			rb_nonblock(rb, true);
		EXPECT_EQ(-EAGAIN, get(out, 5));
		EXPECT_EQ(0, put(in, 0));
		EXPECT_EQ(used, rb_fdinfo(rb->r, "rb-allocated"));
		EXPECT_EQ(refused && !used ? -EAGAIN : 5, put(in, 5));
		EXPECT_EQ(!refused || used, rb_fdinfo(rb->r, "rb-allocated"));
		if (refused && !used) {
			/* the size is not settled by a call that did nothing */
			EXPECT_EQ(0, rb_set_size(rb->r, sizes[i] / 2));
			close(rb_mint(rb->r, FERRIO_RB_WRITE));
			EXPECT_EQ(5, put(in, 5));
		}
		EXPECT_EQ(5, get(out, 9));
	}
}

/* io_uring takes a worker for it, once. */
TEST_F(ring, first_use_by_a_worker)
{
	int plain = rb_open(O_RDWR);
	struct uring u;

	uring_start(&u, 0);
	ASSERT_EQ(0, rb_set_size(plain, MIDDLE));
	rb_pattern(in, sizeof(in), 0);
	ASSERT_EQ(sizeof(in), uring_do(&u, IORING_OP_WRITE, plain, in, sizeof(in)));
	EXPECT_EQ(1, rb_fdinfo(plain, "rb-allocated"));
	ASSERT_EQ(sizeof(in), uring_do(&u, IORING_OP_READ, plain, out, sizeof(out)));
	EXPECT_EQ(-1, rb_mismatch(out, sizeof(out), 0));
	EXPECT_EQ(0, rb_fdinfo(plain, "rb-producer-sleeps"));
	uring_stop(&u);
	close(plain);
}

/* How often who must not wait was refused while another thread made the memory. */
static int refused_meanwhile(void)
{
	struct ferrio_rb_mint mint = { .size = sizeof(mint), .rw = FERRIO_RB_READ };
	int plain = rb_open(O_RDWR | O_NONBLOCK), refused = 0;
	struct ferrio_rb_info info;
	struct rb_call maker;
	uint64_t before;
	long ret;

	/* long enough in the making to be met */
	if (rb_set_size(plain, rb_test_kernel() ? BIG / 8 : BIG))
		rb_die("FERRIO_RB_SET_SIZE failed");
	rb_info(plain, &info);
	before = info.user_bytes;
	rb_call_ioctl(&maker, plain, FERRIO_RB_MINT, &mint);
	do {
		rb_info(plain, &info);
	} while (info.user_bytes == before);
	/* it has begun */
	do {
		ret = E(write(plain, in, 1));
		refused += ret == -EAGAIN;
		rb_info(plain, &info);
	} while (ret == -EAGAIN && !(info.state & FERRIO_RB_STATE_ALLOCATED));
	if (rb_call_end(&maker))
		rb_die("FERRIO_RB_MINT: %ld", maker.ret);
	if (ret == -EAGAIN)
		ret = E(write(plain, in, 1));
	if (ret != 1)
		rb_die("write: %ld", ret);
	close(mint.fd);
	close(plain);
	return refused;
}

/* This thread may sleep through the whole of it; but not again and again. */
TEST_F_TIMEOUT(ring, first_use_of_another, 60)
{
	int refused = 0;

	for (int i = 0; i < 20 && !refused; i++)
		refused = refused_meanwhile();
	EXPECT_LT(0, refused);
}

/* io_uring without the flag waits where it must: for data, for another's copy. */
TEST_F(ring, uring_waits_for_another)
{
	static char page[RB_PAGE];
	struct rb *rb = &self->rb;
	struct rb_call first;
	struct stall s;
	struct uring u;

	uring_start(&u, 0);
	for (int i = 0; i < 2; i++) {
		stall_init(&s);
		rb_pattern(in, 200, 0);
		ASSERT_EQ(200, write(rb->w, in, 200));
		rb_call_read(&first, rb->r, s.page, 100);
		stall_met(&s);
		if (i)
			rb_nonblock(rb, true);
		uring_add(&u, IORING_OP_READ, rb->r, out, 200, A);
		uring_submit(&u);
		if (i) {
			/* who is never to wait is not made to by a worker */
			EXPECT_EQ(-EAGAIN, uring_end(&u, A));
		} else {
			EXPECT_TRUE(uring_idle(&u));
		}
		stall_end(&s, page);
		EXPECT_EQ(100, rb_call_end(&first));
		EXPECT_EQ(100, i ? read(rb->r, out, 200) : uring_end(&u, A));
		EXPECT_EQ(-1, rb_mismatch(out, 100, 100));
		munmap(s.page, RB_PAGE);
		close(s.uffd);
	}
	uring_stop(&u);
}

/* Two at each end who never wait: nothing is lost, doubled or mixed. */
struct pair {
	int fd;
	bool puts;
	uint64_t moved, seed;
	int *left;		/* of both of an end */
	int faults;
};

static void *hurry(void *arg)
{
	struct pair *p = arg;
	uint32_t word[64];

	while (__atomic_load_n(p->left, __ATOMIC_ACQUIRE) > 0) {
		size_t n = 1 + rb_random(&p->seed) % 64;
		struct iovec v = { word, n * 4 };
		long ret;

		for (size_t i = 0; i < n; i++)
			word[i] = 0x01010101U * n;
		ret = p->puts ? E(pwritev2(p->fd, &v, 1, -1, RWF_NOWAIT)) :
				E(preadv2(p->fd, &v, 1, -1, RWF_NOWAIT));
		if (ret == -EAGAIN)
			continue;
		if (ret <= 0 || ret % 4 || (p->puts && ret != n * 4)) {
			p->faults++;
			break;
		}
		p->moved += ret;
		if (p->puts)
			__atomic_sub_fetch(p->left, 1, __ATOMIC_ACQ_REL);
		else
			for (long i = 0; i < ret / 4; i++)
				p->faults += !word[i] || word[i] > 0x40404040U ||
					     word[i] % 0x01010101U;
	}
	return NULL;
}

TEST_F_TIMEOUT(ring, hurried_pairs, 60)
{
	int left[2] = { rounds(4000, 300), 1 };
	uint64_t seed = rb_seed();
	struct rb *rb = &self->rb;
	struct pair p[4];
	pthread_t t[4];

	for (int i = 0; i < 4; i++) {
		p[i] = (struct pair){
			.fd = i < 2 ? rb->w : rb->r, .puts = i < 2,
			.seed = seed + i, .left = &left[i / 2],
		};
		ASSERT_EQ(0, pthread_create(&t[i], NULL, hurry, &p[i]));
	}
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	while (rb_avail(rb->r))
		rb_sleep_ms(1);
	__atomic_store_n(&left[1], 0, __ATOMIC_RELEASE);
	for (int i = 2; i < 4; i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(p[0].moved + p[1].moved, p[2].moved + p[3].moved);
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(0, p[i].faults);
	EXPECT_TRUE(nobody_slept(rb));
	EXPECT_EQ(0, rb_fdinfo(rb->r, "rb-misuse"));
}

TEST_HARNESS_MAIN
