// SPDX-License-Identifier: GPL-2.0
/*
 * A call that is stopped in a page fault of its own buffer delays nobody: every other
 * call is through while the first is still stopped.
 */

#include <sys/sendfile.h>

#include "ic_dev.h"
#include "../fuse.h"
#include "../stall.h"
#include "../uring.h"

#define CALLS	12

/* Those that use the position of the file. */
static void at_the_position(struct __test_metadata *_metadata, int fd)
{
	char c;

	EXPECT_EQ(30 * IC_MIB, E(lseek(fd, 30 * IC_MIB, SEEK_SET)));
	EXPECT_EQ(30 * IC_MIB, E(lseek(fd, 30 * IC_MIB, SEEK_DATA)));
	EXPECT_EQ(30 * IC_MIB + RB_PAGE, E(lseek(fd, 30 * IC_MIB, SEEK_HOLE)));
	EXPECT_EQ(30 * IC_MIB, E(lseek(fd, 30 * IC_MIB, SEEK_SET)));
	EXPECT_EQ(1, E(read(fd, &c, 1)));
	EXPECT_EQ('x', c);
	EXPECT_EQ(1, E(write(fd, "y", 1)));
}

/* COPYV, io_uring, what a program has given away to a pipe, and what looks only. */
static void by_other_ways(struct __test_metadata *_metadata, int fd, char *in, char *out)
{
	struct iovec to = { out, 2 * RB_PAGE }, from = { in, 2 * RB_PAGE };
	struct ferrio_ic_copyv arg = {
		.size = sizeof(arg), .flags = FERRIO_IC_COPYV_CRC32C, .to = (uintptr_t)&to,
		.from = (uintptr_t)&from, .to_count = 1, .from_count = 1,
	};
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };
	loff_t at = 31 * IC_MIB;
	struct uring u;
	int p[2];

	memset(out, 0, 2 * RB_PAGE);
	EXPECT_EQ(0, E(ioctl(fd, FERRIO_IC_COPYV, &arg)));
	EXPECT_EQ(2 * RB_PAGE, arg.copied);
	EXPECT_EQ(-1, rb_mismatch(out, 2 * RB_PAGE, 1));
	arg.flags = arg.crc32c = 0;
	EXPECT_EQ(0, E(ioctl(fd, FERRIO_IC_COPYV, &arg)));
	EXPECT_EQ(2 * RB_PAGE, arg.copied);
	EXPECT_EQ(0, pipe2(p, O_CLOEXEC));
	from.iov_len = RB_PAGE;
	EXPECT_EQ(RB_PAGE, E(vmsplice(p[1], &from, 1, 0)));
	EXPECT_EQ(RB_PAGE, E(splice(p[0], NULL, fd, &at, RB_PAGE, 0)));
	close(p[0]);
	close(p[1]);
	memset(out, 0, 2 * RB_PAGE);
	uring_start(&u, 0);
	uring_add(&u, IORING_OP_READ, fd, out, RB_PAGE, 1)->off = 31 * IC_MIB;
	uring_submit(&u);
	EXPECT_EQ(RB_PAGE, uring_end(&u, 1));
	EXPECT_EQ(-1, rb_mismatch(out, RB_PAGE, 1));
	uring_stop(&u);
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, pfd.revents);
	EXPECT_EQ(0, E(close(dup(fd))));
}

/* Every call on the same file that has a position of its own, and on the same bytes. */
static void others(struct __test_metadata *_metadata, int fd, struct rb_call *stopped)
{
	struct ferrio_ic_info info;
	struct iovec v[2];
	char in[2 * RB_PAGE], out[2 * RB_PAGE];
	int p[2], file = memfd_create("stall", MFD_CLOEXEC);
	loff_t at = 0;
	off_t from = 0;
	char *map;

	rb_pattern(in, sizeof(in), 1);
	v[0] = (struct iovec){ in, 100 };
	v[1] = (struct iovec){ in + 100, sizeof(in) - 100 };
	EXPECT_EQ(sizeof(in), E(pwrite(fd, in, sizeof(in), 0)));
	EXPECT_EQ(sizeof(in), E(pwritev2(fd, v, 2, 0, RWF_NOWAIT)));
	EXPECT_EQ(sizeof(in), E(pwritev(fd, v, 2, 0)));
	EXPECT_EQ(1, E(pwrite(fd, "x", 1, 30 * IC_MIB)));
	v[0].iov_base = out;
	v[1].iov_base = out + 100;
	EXPECT_EQ(sizeof(out), E(preadv2(fd, v, 2, 0, RWF_NOWAIT)));
	EXPECT_EQ(-1, rb_mismatch(out, sizeof(out), 1));
	EXPECT_EQ(sizeof(out), E(preadv(fd, v, 2, 0)));
	by_other_ways(_metadata, fd, in, out);
	EXPECT_EQ(0, pipe2(p, O_CLOEXEC));
	EXPECT_EQ(RB_PAGE, E(splice(fd, &at, p[1], NULL, RB_PAGE, 0)));
	at = 5;
	EXPECT_EQ(RB_PAGE, E(splice(p[0], NULL, fd, &at, RB_PAGE, 0)));
	EXPECT_EQ(RB_PAGE, E(sendfile(file, fd, &from, RB_PAGE)));
	map = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	EXPECT_NE(MAP_FAILED, map);
	map[1] = 'm';
	munmap(map, RB_PAGE);
	EXPECT_EQ(-EBUSY, ic_set_size(fd, RB_PAGE));
	ic_info(fd, &info);
	EXPECT_EQ(1, rb_fdinfo(fd, "ic-fixed"));
	EXPECT_EQ(0, E(fsync(fd)));
	close(p[0]);
	close(p[1]);
	close(file);
	EXPECT_FALSE(rb_call_done(stopped));
}

/* A call whose buffer is @s->page, for its bytes at @at. */
static void start(struct rb_call *c, long nr, int fd, void *buf, size_t len, long at)
{
	const long arg[6] = { fd, (long)buf, len, at };

	rb_call_start(c, nr, arg);
}

TEST_F(dev, pread)
{
	static char page[RB_PAGE];
	struct rb_call c;
	struct stall s;

	rb_pattern(page, sizeof(page), 7);
	ASSERT_EQ(RB_PAGE, E(pwrite(self->fd, page, RB_PAGE, RB_PAGE)));
	stall_init(&s);
	start(&c, SYS_pread64, self->fd, s.page, RB_PAGE, RB_PAGE);
	stall_met(&s);
	others(_metadata, self->fd, &c);
	at_the_position(_metadata, self->fd);
	/* what it copies is what is there when it goes on */
	rb_pattern(page, sizeof(page), 8);
	ASSERT_EQ(RB_PAGE, E(pwrite(self->fd, page, RB_PAGE, RB_PAGE)));
	EXPECT_FALSE(rb_call_done(&c));
	stall_end(&s, page);
	EXPECT_EQ(RB_PAGE, rb_call_end(&c));
	EXPECT_EQ(-1, rb_mismatch(s.page, RB_PAGE, 8));
}

/* Stopped in a hole that it has to zero, and in one that it has to fill. */
TEST_F(dev, pread_of_a_hole)
{
	static char page[RB_PAGE];
	struct rb_call c;
	struct stall s;

	stall_init(&s);
	start(&c, SYS_pread64, self->fd, s.page, RB_PAGE, IC_MIB);
	stall_met(&s);
	others(_metadata, self->fd, &c);
	at_the_position(_metadata, self->fd);
	memset(page, 0x55, sizeof(page));
	stall_end(&s, page);
	EXPECT_EQ(RB_PAGE, rb_call_end(&c));
	EXPECT_TRUE(ic_all(s.page, RB_PAGE, 0));
}

TEST_F(dev, pwrite_to_a_hole)
{
	static char page[RB_PAGE], out[RB_PAGE];
	struct rb_call c;
	struct stall s;

	stall_init(&s);
	start(&c, SYS_pwrite64, self->fd, s.page, RB_PAGE, IC_MIB);
	stall_met(&s);
	others(_metadata, self->fd, &c);
	at_the_position(_metadata, self->fd);
	/* the very place can be read and written meanwhile */
	ASSERT_EQ(RB_PAGE, E(pread(self->fd, out, RB_PAGE, IC_MIB)));
	EXPECT_TRUE(ic_all(out, RB_PAGE, 0));
	ASSERT_EQ(1, E(pwrite(self->fd, "x", 1, IC_MIB + RB_PAGE)));
	EXPECT_FALSE(rb_call_done(&c));
	rb_pattern(page, sizeof(page), 9);
	stall_end(&s, page);
	EXPECT_EQ(RB_PAGE, rb_call_end(&c));
	ASSERT_EQ(RB_PAGE, E(pread(self->fd, out, RB_PAGE, IC_MIB)));
	EXPECT_EQ(-1, rb_mismatch(out, RB_PAGE, 9));
	ASSERT_EQ(1, E(pread(self->fd, out, 1, IC_MIB + RB_PAGE)));
	EXPECT_EQ('x', out[0]);
}

/* Twelve at once, none of them waits for another. */
TEST_F(dev, many_stopped)
{
	static char page[RB_PAGE];
	struct rb_call c[CALLS];
	struct stall s[CALLS];

	for (int i = 0; i < CALLS; i++) {
		stall_init(&s[i]);
		start(&c[i], i % 2 ? SYS_pread64 : SYS_pwrite64, self->fd, s[i].page,
		      RB_PAGE, 2 * IC_MIB);
		stall_met(&s[i]);
	}
	others(_metadata, self->fd, &c[0]);
	at_the_position(_metadata, self->fd);
	/* the last to come goes first */
	for (int i = CALLS - 1; i >= 0; i--) {
		EXPECT_FALSE(rb_call_done(&c[i]));
		rb_pattern(page, sizeof(page), i);
		stall_end(&s[i], page);
		EXPECT_EQ(RB_PAGE, rb_call_end(&c[i]));
	}
	ASSERT_EQ(RB_PAGE, E(pread(self->fd, page, RB_PAGE, 2 * IC_MIB)));
	EXPECT_EQ(-1, rb_mismatch(page, RB_PAGE, 0));
}

/* Killed while it is stopped: nothing is held. */
TEST_F(dev, killed_while_stopped)
{
	static char page[RB_PAGE];
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		struct stall s;

		stall_init(&s);
		syscall(SYS_pwrite64, self->fd, s.page, RB_PAGE, 0L);
		_exit(1);
	}
	rb_asleep(pid, pid, SYS_pwrite64);
	ASSERT_EQ(RB_PAGE, E(pwrite(self->fd, page, RB_PAGE, 0)));
	rb_reap_killed(pid);
	ASSERT_EQ(RB_PAGE, E(pwrite(self->fd, page, RB_PAGE, 0)));
	EXPECT_EQ(1, ic_pages(self->fd));
}

/* COPYV holds nothing but pins while its destination stops it. */
TEST_F(dev, copyv)
{
	static char page[RB_PAGE], in[RB_PAGE];
	struct iovec to, from = { in, RB_PAGE };
	struct ferrio_ic_copyv arg = {
		.size = sizeof(arg), .to = (uintptr_t)&to, .from = (uintptr_t)&from,
		.to_count = 1, .from_count = 1,
	};
	struct rb_call c;
	struct stall s;

	rb_pattern(in, sizeof(in), 4);
	stall_init(&s);
	to = (struct iovec){ s.page, RB_PAGE };
	rb_call_ioctl(&c, self->fd, FERRIO_IC_COPYV, &arg);
	stall_met(&s);
	others(_metadata, self->fd, &c);
	at_the_position(_metadata, self->fd);
	stall_end(&s, page);
	EXPECT_EQ(0, rb_call_end(&c));
	EXPECT_EQ(RB_PAGE, arg.copied);
	EXPECT_EQ(-1, rb_mismatch(s.page, RB_PAGE, 4));
}

/* A mapping of a file whose server takes its time, both ways. */
TEST_F(dev, pread_to_a_slow_file)
{
	struct rb_call c;
	struct slow_file s;

	ASSERT_EQ(3, E(pwrite(self->fd, "abc", 3, 4 * IC_MIB)));
	slow_start(&s);
	start(&c, SYS_pread64, self->fd, s.page + 1, 3, 4 * IC_MIB);
	slow_met(&s);
	others(_metadata, self->fd, &c);
	at_the_position(_metadata, self->fd);
	memset(s.content, 0x55, RB_PAGE);
	slow_answer(&s);
	EXPECT_EQ(3, rb_call_end(&c));
	EXPECT_EQ(0, memcmp(s.page, "UabcU", 5));
	slow_stop(&s);
}

TEST_F(dev, pwrite_from_a_slow_file)
{
	static char out[RB_PAGE];
	struct rb_call c;
	struct slow_file s;

	slow_start(&s);
	rb_pattern(s.content, RB_PAGE, 6);
	start(&c, SYS_pwrite64, self->fd, s.page, RB_PAGE, 3 * IC_MIB);
	slow_met(&s);
	others(_metadata, self->fd, &c);
	at_the_position(_metadata, self->fd);
	slow_answer(&s);
	EXPECT_EQ(RB_PAGE, rb_call_end(&c));
	ASSERT_EQ(RB_PAGE, E(pread(self->fd, out, RB_PAGE, 3 * IC_MIB)));
	EXPECT_EQ(-1, rb_mismatch(out, RB_PAGE, 6));
	slow_stop(&s);
}

/*
 * A call on a position that is shared holds up those that use it, as on a regular file,
 * and nobody else.
 */
FIXTURE(position) {
	int fd;
	long live;
};

FIXTURE_VARIANT(position) {
	long nr;
	bool vector, writes;
};

FIXTURE_VARIANT_ADD(position, read) { .nr = SYS_read };
FIXTURE_VARIANT_ADD(position, readv) { .nr = SYS_readv, .vector = true };
FIXTURE_VARIANT_ADD(position, write) { .nr = SYS_write, .writes = true };
FIXTURE_VARIANT_ADD(position, writev) {
	.nr = SYS_writev, .vector = true, .writes = true,
};

FIXTURE_SETUP(position)
{
	self->live = rb_live_pages();
	self->fd = ic_open(O_RDWR);
}

FIXTURE_TEARDOWN(position)
{
	close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
	EXPECT_EQ(0, ic_pinned_pages());
}

TEST_F(position, holds_up_who_shares_it)
{
	static char page[RB_PAGE], out[RB_PAGE + 2];
	char tail = 't', byte[2] = "b";
	struct iovec va[2], vb[2] = { { byte, 0 }, { byte, 1 } };
	struct rb_call a, b;
	struct stall s;

	rb_pattern(page, sizeof(page), 7);
	ASSERT_EQ(RB_PAGE, E(pwrite(self->fd, page, RB_PAGE, 0)));
	ASSERT_EQ(3, E(pwrite(self->fd, "def", 3, RB_PAGE)));
	stall_init(&s);
	va[0] = (struct iovec){ s.page, RB_PAGE };
	va[1] = (struct iovec){ &tail, 1 };
	if (variant->vector)
		start(&a, variant->nr, self->fd, va, 2, 0);
	else
		start(&a, variant->nr, self->fd, s.page, RB_PAGE, 0);
	stall_met(&s);
	if (variant->vector)
		start(&b, variant->nr, self->fd, vb, 2, 0);
	else
		start(&b, variant->nr, self->fd, byte, 1, 0);
	rb_call_asleep(&b);
	others(_metadata, self->fd, &a);
	EXPECT_FALSE(rb_call_done(&b));
	/* what there is when they go on */
	ASSERT_EQ(RB_PAGE, E(pwrite(self->fd, page, RB_PAGE, 0)));
	ASSERT_EQ(3, E(pwrite(self->fd, "abc", 3, RB_PAGE)));
	rb_pattern(page, sizeof(page), 9);
	stall_end(&s, page);
	EXPECT_EQ(RB_PAGE + variant->vector, rb_call_end(&a));
	EXPECT_EQ(1, rb_call_end(&b));
	/* the second has gone on where the first has ended */
	EXPECT_EQ(RB_PAGE + variant->vector + 1, E(lseek(self->fd, 0, SEEK_CUR)));
	ASSERT_EQ(sizeof(out), E(pread(self->fd, out, sizeof(out), 0)));
	EXPECT_EQ(-1, rb_mismatch(out, RB_PAGE, variant->writes ? 9 : 7));
	if (variant->writes) {
		EXPECT_EQ(0, memcmp(out + RB_PAGE, variant->vector ? "tb" : "bb", 2));
	} else {
		EXPECT_EQ(-1, rb_mismatch(s.page, RB_PAGE, 7));
		EXPECT_EQ(variant->vector ? 'a' : 't', tail);
		EXPECT_EQ(variant->vector ? 'b' : 'a', byte[0]);
	}
}

TEST_HARNESS_MAIN
