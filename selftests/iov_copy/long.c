// SPDX-License-Identifier: GPL-2.0
/*
 * Long calls, and buffers that change while they run: signals, 2 GiB, memory that
 * comes and goes, forks while pages are pinned.
 */

#include <sys/wait.h>

#include "ic_dev.h"
#include "../stall.h"
#include "../uring.h"

#define CHUNKS	4

/* @CHUNKS chunks of @chunk bytes in 3 segments, of which the page at @at stalls. */
static void around(struct iovec v[3], char *buf, struct stall *s, size_t chunk, size_t at)
{
	v[0] = (struct iovec){ buf, at };
	v[1] = (struct iovec){ s->page, RB_PAGE };
	v[2] = (struct iovec){ buf + at + RB_PAGE, CHUNKS * chunk - at - RB_PAGE };
}

FIXTURE(signal) {
	int fd;
	long live;
	char *buf;
	struct stall s;
	struct rb_call c;
};

FIXTURE_VARIANT(signal) {
	size_t page;	/* where the call is when the signal comes, in quarter chunks */
	size_t done;	/* what it returns, in chunks */
};

FIXTURE_VARIANT_ADD(signal, at_the_first_byte) { .page = 0, .done = 1 };
FIXTURE_VARIANT_ADD(signal, in_the_first_chunk) { .page = 2, .done = 1 };
FIXTURE_VARIANT_ADD(signal, in_the_second) { .page = 5, .done = 2 };
FIXTURE_VARIANT_ADD(signal, in_the_last) { .page = 15, .done = 4 };

FIXTURE_SETUP(signal)
{
	self->live = rb_live_pages();
	self->fd = ic_open(O_RDWR);
	self->buf = ic_memory(CHUNKS * IC_CHUNK, PROT_READ | PROT_WRITE);
	stall_init(&self->s);
	rb_catch(SIGUSR1, SA_RESTART);
}

FIXTURE_TEARDOWN(signal)
{
	munmap(self->buf, CHUNKS * IC_CHUNK);
	close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
	EXPECT_EQ(0, ic_pinned_pages());
}

TEST_F(signal, ends_a_read)
{
	static char page[RB_PAGE];
	const size_t at = variant->page * IC_CHUNK / 4, n = variant->done * IC_CHUNK;
	struct iovec v[3];
	const long arg[6] = { self->fd, (long)v, 3 };

	rb_pattern(self->buf, CHUNKS * IC_CHUNK, 0);
	ASSERT_EQ(CHUNKS * IC_CHUNK, E(pwrite(self->fd, self->buf, CHUNKS * IC_CHUNK, 0)));
	memset(self->buf, 0x55, CHUNKS * IC_CHUNK);
	around(v, self->buf, &self->s, IC_CHUNK, at);
	rb_call_start(&self->c, SYS_readv, arg);
	stall_met(&self->s);
	rb_call_signal(&self->c, SIGUSR1);
	stall_end(&self->s, page);
	EXPECT_EQ(n, rb_call_end(&self->c));
	EXPECT_EQ(1, rb_caught(SIGUSR1));
	EXPECT_EQ(n, E(lseek(self->fd, 0, SEEK_CUR)));
	EXPECT_EQ(-1, rb_mismatch(self->buf, at, 0));
	EXPECT_EQ(-1, rb_mismatch(self->s.page, RB_PAGE, at));
	EXPECT_EQ(-1, rb_mismatch(v[2].iov_base, n - at - RB_PAGE, at + RB_PAGE));
	EXPECT_TRUE(ic_all(self->buf + n, CHUNKS * IC_CHUNK - n, 0x55));
}

TEST_F(signal, ends_a_write)
{
	static char page[RB_PAGE];
	const size_t at = variant->page * IC_CHUNK / 4, n = variant->done * IC_CHUNK;
	struct iovec v[3];
	const long arg[6] = { self->fd, (long)v, 3 };

	rb_pattern(self->buf, CHUNKS * IC_CHUNK, 0);
	around(v, self->buf, &self->s, IC_CHUNK, at);
	rb_call_start(&self->c, SYS_writev, arg);
	stall_met(&self->s);
	rb_call_signal(&self->c, SIGUSR1);
	rb_pattern(page, RB_PAGE, at);
	stall_end(&self->s, page);
	EXPECT_EQ(n, rb_call_end(&self->c));
	EXPECT_EQ(n, E(lseek(self->fd, 0, SEEK_CUR)));
	EXPECT_EQ(n / RB_PAGE, ic_pages(self->fd));
	memset(self->buf, 0, n);
	ASSERT_EQ(n, E(pread(self->fd, self->buf, n, 0)));
	EXPECT_EQ(-1, rb_mismatch(self->buf, n, 0));
}

TEST_F(signal, ends_a_copyv)
{
	static char page[RB_PAGE];
	const size_t chunk = IC_COPYV_CHUNK, at = variant->page * chunk / 4;
	const size_t n = variant->done * chunk;
	char *in = ic_memory(CHUNKS * chunk, PROT_READ | PROT_WRITE);
	struct iovec to[3], from = { in, CHUNKS * chunk };
	struct ferrio_ic_copyv arg = {
		.size = sizeof(arg), .flags = FERRIO_IC_COPYV_CRC32C, .to = (uintptr_t)to,
		.from = (uintptr_t)&from, .to_count = 3, .from_count = 1,
	};

	rb_pattern(in, CHUNKS * chunk, 0);
	for (int round = 0; round < 2; round++) {
		memset(self->buf, 0x55, CHUNKS * chunk);
		around(to, self->buf, &self->s, chunk, at);
		arg.crc32c = 0;
		rb_call_ioctl(&self->c, self->fd, FERRIO_IC_COPYV, &arg);
		stall_met(&self->s);
		rb_call_signal(&self->c, SIGUSR1);
		stall_end(&self->s, page);
		EXPECT_EQ(0, rb_call_end(&self->c));
		EXPECT_EQ(n, arg.copied);
		EXPECT_EQ(-1, rb_mismatch(self->buf, at, 0));
		EXPECT_EQ(-1, rb_mismatch(self->s.page, RB_PAGE, at));
		EXPECT_EQ(-1, rb_mismatch(to[2].iov_base, n - at - RB_PAGE, at + RB_PAGE));
		EXPECT_TRUE(ic_all(self->buf + n, CHUNKS * chunk - n, 0x55));
		/* the other way of copying, with a page that stalls once more */
		arg.flags = 0;
		munmap(self->s.page, RB_PAGE);
		close(self->s.uffd);
		stall_init(&self->s);
	}
	munmap(in, CHUNKS * chunk);
}

/* A write of 2 GiB: as much as fits, and no memory but that. */
TEST_F(dev, two_gibibytes)
{
	const size_t len = 2UL << 30, size = 64 * RB_PAGE;
	char *p = ic_memory(len, PROT_READ | PROT_WRITE);
	long before, after;

	ASSERT_EQ(0, ic_set_size(self->fd, size));
	memset(p, 'a', size);
	before = rb_live_pages();
	EXPECT_EQ(size, E(pwrite(self->fd, p, len, 0)));
	after = rb_live_pages();
	EXPECT_EQ(before + (long)(size / RB_PAGE) + ic_tables(size / RB_PAGE), after);
	EXPECT_EQ(size, E(pread(self->fd, p, len, 0)));
	EXPECT_TRUE(ic_all(p, size, 'a'));
	EXPECT_EQ(1, E(pwrite(self->fd, p, len, size - 1)));
	EXPECT_EQ(-ENOSPC, E(pwrite(self->fd, p, len, size)));
	munmap(p, len);
}

/* Many segments, long ones, of the same memory; all of a gibibyte if there is time. */
TEST_F(dev, a_long_read_of_holes)
{
	const size_t len = IC_MIB, n = getenv("FERRIO_LONG") ? 1024 : rounds(256, 16);
	char *p = ic_memory(len, PROT_READ | PROT_WRITE);
	struct iovec v[1024];

	ASSERT_EQ(0, ic_set_size(self->fd, n * len));
	memset(p, 'a', len);
	for (size_t i = 0; i < n; i++)
		v[i] = (struct iovec){ p, len };
	EXPECT_EQ(n * len, E(readv(self->fd, v, n)));
	EXPECT_TRUE(ic_all(p, len, 0));
	EXPECT_EQ(0, ic_pages(self->fd));
	munmap(p, len);
}

struct flicker {
	char *page;
	int stop;
};

/* The page comes and goes. */
static void *flicker(void *arg)
{
	struct flicker *f = arg;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		mprotect(f->page, RB_PAGE, PROT_NONE);
		mprotect(f->page, RB_PAGE, PROT_READ | PROT_WRITE);
		madvise(f->page, RB_PAGE, MADV_DONTNEED);
		f->page[0] = 'n';	/* all else is zeros, always */
	}
	return NULL;
}

/* Whether the first @len bytes are such as that page has. */
static bool flickered(const char *p, size_t len)
{
	return !len || ((p[0] == 'n' || !p[0]) && ic_all(p + 1, len - 1, 0));
}

/* Whether @n bytes of three pages are what a fault in the middle one explains. */
static bool explained(long n)
{
	return n == 3 * RB_PAGE || (n >= (long)RB_PAGE && n <= 2 * (long)RB_PAGE);
}

/*
 * The middle page of a buffer comes, goes, and becomes new under the copy: the count is
 * one that a fault in it explains, and what it counts is right.
 */
TEST_F(dev, a_buffer_that_comes_and_goes)
{
	char *p = ic_memory(3 * RB_PAGE, PROT_READ | PROT_WRITE), *last = p + 2 * RB_PAGE;
	static char page[RB_PAGE], out[3 * RB_PAGE];
	struct flicker f = { .page = p + RB_PAGE };
	pthread_t thread;
	int cut = 0;

	ASSERT_EQ(0, pthread_create(&thread, NULL, flicker, &f));
	for (int i = 0; i < rounds(1000, 150); i++) {
		long n, middle;

		rb_pattern(p, RB_PAGE, i);
		rb_pattern(last, RB_PAGE, i + 2 * RB_PAGE);
		n = E(pwrite(self->fd, p, 3 * RB_PAGE, 0));
		ASSERT_TRUE(explained(n)) {
			TH_LOG("%ld bytes were written", n);
		}
		cut += n < 3 * (long)RB_PAGE;
		middle = n < 2 * (long)RB_PAGE ? n - RB_PAGE : RB_PAGE;
		ASSERT_EQ(n, E(pread(self->fd, out, n, 0)));
		ASSERT_EQ(-1, rb_mismatch(out, RB_PAGE, i));
		ASSERT_TRUE(flickered(out + RB_PAGE, middle));
		if (n == 3 * RB_PAGE)
			ASSERT_EQ(-1, rb_mismatch(out + 2 * RB_PAGE, RB_PAGE, i + 2 * RB_PAGE));
		/* the other way, out of a page and of two holes */
		rb_pattern(page, RB_PAGE, i);
		ASSERT_EQ(RB_PAGE, E(pwrite(self->fd, page, RB_PAGE, IC_MIB)));
		n = E(pread(self->fd, p, 3 * RB_PAGE, IC_MIB));
		ASSERT_TRUE(explained(n)) {
			TH_LOG("%ld bytes were read", n);
		}
		cut += n < 3 * (long)RB_PAGE;
		ASSERT_EQ(-1, rb_mismatch(p, RB_PAGE, i));
		ASSERT_TRUE(n == 3 * RB_PAGE ? ic_all(last, RB_PAGE, 0) :
			    rb_mismatch(last, RB_PAGE, i + 2 * RB_PAGE) == -1);
	}
	__atomic_store_n(&f.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	TH_LOG("%d calls were cut", cut);
	munmap(p, 3 * RB_PAGE);
}

/* A buffer that goes while the call is stopped in the page before it. */
TEST_F(dev, a_buffer_that_has_gone)
{
	static char page[RB_PAGE], out[RB_PAGE + 100];
	static const long calls[] = { SYS_pwritev, SYS_preadv };

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		char *goes = ic_memory(RB_PAGE, PROT_READ | PROT_WRITE), first[100];
		struct stall s;
		struct rb_call c;
		struct iovec v[3];
		const long arg[6] = { self->fd, (long)v, 3, i * IC_MIB };

		stall_init(&s);
		v[0] = (struct iovec){ first, sizeof(first) };
		v[1] = (struct iovec){ s.page, RB_PAGE };
		v[2] = (struct iovec){ goes, RB_PAGE };
		rb_pattern(first, sizeof(first), i);
		rb_pattern(page, RB_PAGE, i + sizeof(first));
		memset(goes, 'g', RB_PAGE);
		/* what is to be read, up to the end of the buffers */
		if (calls[i] == SYS_preadv) {
			ASSERT_EQ(sizeof(first), E(pwrite(self->fd, first, sizeof(first), IC_MIB)));
			ASSERT_EQ(RB_PAGE, E(pwrite(self->fd, page, RB_PAGE,
						    IC_MIB + sizeof(first))));
			memset(first, 0, sizeof(first));
		}
		rb_call_start(&c, calls[i], arg);
		stall_met(&s);
		munmap(goes, RB_PAGE);
		stall_end(&s, page);
		EXPECT_EQ(sizeof(first) + RB_PAGE, rb_call_end(&c));
		EXPECT_EQ(-1, rb_mismatch(first, sizeof(first), i));
		EXPECT_EQ(-1, rb_mismatch(s.page, RB_PAGE, i + sizeof(first)));
		ASSERT_EQ(sizeof(out), E(pread(self->fd, out, sizeof(out), i * IC_MIB)));
		EXPECT_EQ(-1, rb_mismatch(out, sizeof(out), i));
		/* nothing of the page that had gone */
		ASSERT_EQ(RB_PAGE, E(pread(self->fd, out, RB_PAGE, i * IC_MIB + sizeof(out))));
		EXPECT_TRUE(ic_all(out, RB_PAGE, 0));
		munmap(s.page, RB_PAGE);
		close(s.uffd);
	}
}

/* Pages that are pinned now, of the whole machine. */
static long pins_now(void)
{
	long acquired = -1, released = -1, value;
	char name[64];
	FILE *f;

	/* the counts of each CPU into the common one */
	if (rb_write_file("/proc/sys/vm/stat_refresh", "1"))
		rb_die("/proc/sys/vm/stat_refresh cannot be written");
	f = fopen("/proc/vmstat", "re");
	while (f && fscanf(f, "%63s %ld", name, &value) == 2) {
		if (!strcmp(name, "nr_foll_pin_acquired"))
			acquired = value;
		if (!strcmp(name, "nr_foll_pin_released"))
			released = value;
	}
	if (!f || acquired < 0 || released < 0)
		rb_die("/proc/vmstat has no nr_foll_pin_acquired");
	fclose(f);
	return acquired - released;
}

/*
 * The same when nothing changes any more: what an io_uring instance has pinned is given
 * back some time after its end, and there may be one of another program.
 */
static long pins(void)
{
	long value = pins_now();

	for (int same = 0, i = 0; same < 10; i++) {
		long next;

		if (i == 1000)
			rb_die("pages are pinned and unpinned all the time");
		rb_sleep_ms(5);
		next = pins_now();
		same = next == value ? same + 1 : 0;
		value = next;
	}
	return value;
}

/* A fork while pages of the parent are pinned: it keeps them, and no pin is left. */
TEST_F(dev, fork_while_copyv_pins)
{
	static char page[RB_PAGE];
	char *in = ic_memory(3 * RB_PAGE, PROT_READ | PROT_WRITE);
	struct iovec to, from = { in, RB_PAGE };
	struct ferrio_ic_copyv arg = {
		.size = sizeof(arg), .to = (uintptr_t)&to, .from = (uintptr_t)&from,
		.to_count = 1, .from_count = 1,
	};
	long before = pins();
	struct rb_call c;
	struct stall s;
	int status;
	pid_t pid;

	rb_pattern(in, RB_PAGE, 0);
	stall_init(&s);
	to = (struct iovec){ s.page, RB_PAGE };
	rb_call_ioctl(&c, self->fd, FERRIO_IC_COPYV, &arg);
	stall_met(&s);
	EXPECT_EQ(1, ic_pinned_pages());
	EXPECT_EQ(before + 1, pins());
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(rb_mismatch(in, RB_PAGE, 0) == -1 ? 0 : 1);
	/*
	 * The parent's page is the one that is pinned: the copy sees this, but for what
	 * the processor held in its registers when it was stopped.
	 */
	rb_pattern(in, RB_PAGE, 99);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	stall_end(&s, page);
	EXPECT_EQ(0, rb_call_end(&c));
	EXPECT_EQ(RB_PAGE, arg.copied);
	EXPECT_EQ(-1, rb_mismatch(s.page + 64, RB_PAGE - 64, 99 + 64));
	EXPECT_EQ(0, ic_pinned_pages());
	EXPECT_EQ(before, pins());
	munmap(in, 3 * RB_PAGE);
}

/* A registered buffer after a fork is the parent's still. */
TEST_F(dev, fork_with_a_registered_buffer)
{
	char *buf = ic_memory(2 * RB_PAGE, PROT_READ | PROT_WRITE);
	struct iovec v = { buf, 2 * RB_PAGE };
	long before = pins();
	struct uring u;
	int status;
	pid_t pid;

	rb_pattern(buf, 2 * RB_PAGE, 3);
	ASSERT_EQ(2 * RB_PAGE, E(pwrite(self->fd, buf, 2 * RB_PAGE, 0)));
	memset(buf, 0, 2 * RB_PAGE);
	uring_start(&u, 0);
	uring_register(&u, IORING_REGISTER_BUFFERS, &v, 1);
	EXPECT_EQ(before + 2, pins());
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		buf[0] = 'c';
		_exit(ic_all(buf + 1, 2 * RB_PAGE - 1, 0) ? 0 : 1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	uring_add(&u, IORING_OP_READ_FIXED, self->fd, buf, 2 * RB_PAGE, 1)->off = 0;
	uring_submit(&u);
	EXPECT_EQ(2 * RB_PAGE, uring_end(&u, 1));
	EXPECT_EQ(-1, rb_mismatch(buf, 2 * RB_PAGE, 3));
	uring_stop(&u);
	for (int i = 0; i < 2000 && pins_now() != before; i++)
		rb_sleep_ms(1);
	EXPECT_EQ(before, pins());
	munmap(buf, 2 * RB_PAGE);
}

/* No pin of ours is left behind by copies that fail on either side. */
TEST_F(dev, no_pin_is_left)
{
	char *cliff = ic_cliff(20), *buf = ic_memory(20 * RB_PAGE, PROT_READ | PROT_WRITE);
	struct iovec bad = { cliff, 20 * RB_PAGE }, good = { buf, 20 * RB_PAGE };
	struct ferrio_ic_copyv arg = {
		.size = sizeof(arg), .to_count = 1, .from_count = 1,
	};

	memset(buf, 1, 20 * RB_PAGE);
	for (int i = 0; i < 20; i++) {
		arg.to = (uintptr_t)(i % 2 ? &bad : &good);
		arg.from = (uintptr_t)(i % 2 ? &good : &bad);
		ASSERT_EQ(0, E(ioctl(self->fd, FERRIO_IC_COPYV, &arg)));
		ASSERT_EQ(19 * RB_PAGE, arg.copied);
		ASSERT_EQ(0, ic_pinned_pages());
	}
	munmap(cliff, 20 * RB_PAGE);
	munmap(buf, 20 * RB_PAGE);
}

TEST_HARNESS_MAIN
