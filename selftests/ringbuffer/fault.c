// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation of each call fails once.  /proc/self/fail-nth makes the n-th
 * place in this task that can fail do so; n goes up until a call was through
 * before its turn came.  A place may be a copy from or to the program: then
 * the call says EFAULT, else ENOMEM; it may be one that the kernel can do
 * without: then the call succeeds.  Nothing else may come, and after each
 * failure the accounts are as before and the ring is usable.
 */

#include "rb_harness.h"

#define NTH	"/proc/self/fail-nth"
#define DEBUG	"/sys/kernel/debug/"
#define SIZE	(4 * RB_PAGE)

FIXTURE(fault) {
	int nth;
	int other;	/* a ring that shows the user's account */
	int pipe[2];
	long live;
	struct ferrio_rb_info before;
};

static void set(const char *file, const char *value)
{
	long ret = rb_write_file(file, value);

	if (ret)
		rb_die("%s: %s: a kernel with fault injection in debugfs is needed",
		       file, strerror(-ret));
}

FIXTURE_SETUP(fault)
{
	if (access(NTH, F_OK))
		SKIP(return, "no " NTH ": not a kernel with fault injection");
	self->live = rb_live_pages();
	/* sleeping allocations too, single pages too, and no stack dumps */
	set(DEBUG "failslab/ignore-gfp-wait", "N");
	set(DEBUG "failslab/verbose", "0");
	set(DEBUG "fail_page_alloc/ignore-gfp-wait", "N");
	set(DEBUG "fail_page_alloc/min-order", "0");
	set(DEBUG "fail_page_alloc/verbose", "0");
	set(DEBUG "fail_usercopy/verbose", "0");
	self->nth = open(NTH, O_RDWR | O_CLOEXEC);
	self->other = rb_open(O_RDWR);
	if (self->nth < 0 || pipe2(self->pipe, O_CLOEXEC | O_NONBLOCK))
		rb_die("%s: %s", NTH, strerror(errno));
	rb_info(self->other, &self->before);
}

FIXTURE_TEARDOWN(fault)
{
	if (!self->nth)
		return;
	close(self->other);
	close(self->nth);
	close(self->pipe[0]);
	close(self->pipe[1]);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* What is called with a fault in it. */
struct target {
	int fd, pipe_r, pipe_w;
	unsigned int rw;
	char *buf;
};

/*
 * Calls @call with the @n-th place failing.  False if it was through before:
 * then no fault was in it.
 */
static bool inject(int nth, int n, long (*call)(struct target *),
		   struct target *t, long *ret)
{
	char text[16];
	ssize_t len = snprintf(text, sizeof(text), "%d", n);
	long left;

	if (pwrite(nth, text, len, 0) != len)
		rb_die("%s: %s", NTH, strerror(errno));
	*ret = call(t);
	/* this read is a place too: hit, it tells that one was left */
	len = pread(nth, text, sizeof(text) - 1, 0);
	left = 1;
	if (len > 0) {
		text[len] = '\0';
		left = strtol(text, NULL, 10);
	}
	while (pwrite(nth, "0", 1, 0) != 1)
		;
	return left == 0;
}

/* The accounts are as they were, or rb_die() says which is not. */
static bool accounts_even(struct ferrio_rb_info *before, int other, long live,
			  int fds)
{
	struct ferrio_rb_info now;

	rb_info(other, &now);
	if (now.user_rings == before->user_rings &&
	    now.user_bytes == before->user_bytes &&
	    fds == rb_count_fds() && rb_pages_return(live))
		return true;
	fprintf(stderr, "# rings %llu bytes %llu fds %d pages %ld; before %llu %llu %d %ld\n",
		(unsigned long long)now.user_rings,
		(unsigned long long)now.user_bytes, rb_count_fds(),
		rb_live_pages(), (unsigned long long)before->user_rings,
		(unsigned long long)before->user_bytes, fds, live);
	return false;
}

static int target_ring(void)
{
	int fd = rb_open(O_RDWR | O_NONBLOCK);

	if (rb_set_size(fd, SIZE))
		rb_die("SET_SIZE failed");
	return fd;
}

static long call_open(struct target *t)
{
	t->fd = E(open(FERRIO_RB_DEVICE, O_RDWR | O_CLOEXEC));
	return t->fd < 0 ? t->fd : 0;
}

static long call_write(struct target *t)
{
	return E(write(t->fd, t->buf, 100));
}

static long call_mint(struct target *t)
{
	struct ferrio_rb_mint mint = {
		.size = sizeof(mint), .rw = t->rw, .fd = -1,
	};
	long ret = E(ioctl(t->fd, FERRIO_RB_MINT, &mint));

	if (!ret)
		close(mint.fd);
	return ret;
}

static long call_splice_in(struct target *t)
{
	return E(splice(t->pipe_r, NULL, t->fd, NULL, 100, SPLICE_F_NONBLOCK));
}

static long call_splice_out(struct target *t)
{
	return E(splice(t->fd, NULL, t->pipe_w, NULL, 3 * RB_PAGE,
			SPLICE_F_NONBLOCK));
}

#define MANY	500	/* places no call has */

TEST_F_TIMEOUT(fault, open, 60)
{
	struct target t = {};
	int fds = rb_count_fds(), failed = 0, n;
	long ret;

	for (n = 1; n < MANY; n++) {
		bool hit = inject(self->nth, n, call_open, &t, &ret);

		if (!ret)
			close(t.fd);
		failed += ret == -ENOMEM;
		ASSERT_TRUE(!ret || (hit && (ret == -ENOMEM ||
					     ret == -EFAULT)))
			TH_LOG("place %d: %ld", n, ret);
		ASSERT_TRUE(accounts_even(&self->before, self->other,
					  self->live, fds));
		if (!hit)
			break;
	}
	EXPECT_LT(n, MANY);
	EXPECT_LT(0, failed);
	TH_LOG("%d places, %d times ENOMEM", n - 1, failed);
}

/*
 * A call that uses the ring for the first time, failing at each place.  When
 * it failed, the ring has no memory, takes another size, and then works.
 */
static void first_use(struct __test_metadata *_metadata,
		      struct _test_data_fault *self,
		      long (*call)(struct target *), long want, unsigned int rw)
{
	static char buf[RB_PAGE], spare[SIZE];
	struct target t = {
		.pipe_r = self->pipe[0], .pipe_w = self->pipe[1],
		.rw = rw, .buf = buf,
	};
	int fds = rb_count_fds(), failed = 0, n;
	struct ferrio_rb_info info;
	long ret;

	rb_pattern(buf, sizeof(buf), 0);
	for (n = 1; n < MANY; n++) {
		bool hit, good;

		t.fd = target_ring();
		if (want == 100 && call == call_splice_in)
			ASSERT_EQ(100, write(t.pipe_w, buf, 100));
		hit = inject(self->nth, n, call, &t, &ret);
		good = ret == want ||
		       (hit && (ret == -ENOMEM || ret == -EFAULT));
		ASSERT_TRUE(good) TH_LOG("place %d: %ld", n, ret);
		failed += ret == -ENOMEM;
		rb_info(t.fd, &info);
		if (ret == -ENOMEM &&
		    !(info.state & FERRIO_RB_STATE_ALLOCATED)) {
			ASSERT_EQ(self->live, rb_live_pages());
			ASSERT_EQ(self->before.user_bytes, info.user_bytes);
			ASSERT_EQ(0, rb_set_size(t.fd, SIZE / 2));
			ASSERT_EQ(SIZE / 2, write(t.fd, spare, SIZE / 2));
			ASSERT_EQ(self->live + RB_HEAD_PAGES + 2, rb_live_pages());
		} else if (ret < 0) {
			ASSERT_EQ(0, rb_avail(t.fd));
			ASSERT_EQ(1, rb_fdinfo(t.fd, "rb-consumers"));
			ASSERT_EQ(1, rb_fdinfo(t.fd, "rb-producers"));
			ASSERT_EQ(want, call(&t));
		}
		close(t.fd);
		while (read(t.pipe_r, spare, 100) > 0)
			;
		ASSERT_TRUE(accounts_even(&self->before, self->other,
					  self->live, fds));
		if (!hit)
			break;
	}
	EXPECT_LT(n, MANY);
	/* its pages at least can fail */
	EXPECT_LE(2, failed);
	TH_LOG("%d places, %d times ENOMEM", n - 1, failed);
}

TEST_F_TIMEOUT(fault, first_write, 60)
{
	first_use(_metadata, self, call_write, 100, 0);
}

TEST_F_TIMEOUT(fault, mint_read, 60)
{
	first_use(_metadata, self, call_mint, 0, FERRIO_RB_READ);
}

TEST_F_TIMEOUT(fault, mint_write, 60)
{
	first_use(_metadata, self, call_mint, 0, FERRIO_RB_WRITE);
}

TEST_F_TIMEOUT(fault, splice_in, 60)
{
	first_use(_metadata, self, call_splice_in, 100, 0);
}

/* Pages for the pipe fail: a short count, or ENOMEM and no byte is lost. */
TEST_F_TIMEOUT(fault, splice_out, 60)
{
	static char buf[3 * RB_PAGE];
	struct target t = { .pipe_r = self->pipe[0], .pipe_w = self->pipe[1] };
	int fds = rb_count_fds(), failed = 0, n;
	long ret;

	for (n = 1; n < MANY; n++) {
		bool hit;
		long got = 0;

		t.fd = target_ring();
		rb_pattern(buf, sizeof(buf), 0);
		ASSERT_EQ(sizeof(buf), write(t.fd, buf, sizeof(buf)));
		hit = inject(self->nth, n, call_splice_out, &t, &ret);
		failed += ret == -ENOMEM;
		ASSERT_TRUE(ret == sizeof(buf) ||
			    (hit && (ret > 0 || ret == -ENOMEM ||
				     ret == -EFAULT)))
			TH_LOG("place %d: %ld", n, ret);
		if (ret > 0)
			ASSERT_EQ(ret, read(t.pipe_r, buf, sizeof(buf)));
		got = ret > 0 ? ret : 0;
		ASSERT_EQ(sizeof(buf) - got, rb_avail(t.fd));
		while (got < (long)sizeof(buf)) {
			long more = read(t.fd, buf + got, sizeof(buf) - got);

			ASSERT_LT(0, more);
			got += more;
		}
		ASSERT_EQ(-1, rb_mismatch(buf, sizeof(buf), 0));
		close(t.fd);
		ASSERT_TRUE(accounts_even(&self->before, self->other,
					  self->live, fds));
		if (!hit)
			break;
	}
	EXPECT_LT(n, MANY);
	EXPECT_LE(1, failed);
	TH_LOG("%d places, %d times ENOMEM", n - 1, failed);
}

TEST_HARNESS_MAIN
