// SPDX-License-Identifier: GPL-2.0
/*
 * A call that is stopped in a page fault of its own buffer delays nobody: every other
 * call is through while the first is still stopped.
 */

#include <sys/sendfile.h>

#include "ic_dev.h"
#include "../fuse.h"
#include "../stall.h"

#define CALLS	12

/* Every other call on the same file, and on the same bytes. */
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
	EXPECT_EQ(1, E(pwrite(fd, "x", 1, 30 * IC_MIB)));
	v[0].iov_base = out;
	v[1].iov_base = out + 100;
	EXPECT_EQ(sizeof(out), E(preadv2(fd, v, 2, 0, RWF_NOWAIT)));
	EXPECT_EQ(-1, rb_mismatch(out, sizeof(out), 1));
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

/*
 * read() on a position that is shared holds up those that use it, as on a regular file,
 * and nobody else.
 */
TEST_F(dev, read_of_the_shared_position)
{
	static char page[RB_PAGE];
	char byte[2] = "";
	struct rb_call a, b;
	struct stall s;

	rb_pattern(page, sizeof(page), 7);
	ASSERT_EQ(RB_PAGE, E(pwrite(self->fd, page, RB_PAGE, 0)));
	ASSERT_EQ(3, E(pwrite(self->fd, "abc", 3, RB_PAGE)));
	stall_init(&s);
	rb_call_read(&a, self->fd, s.page, RB_PAGE);
	stall_met(&s);
	rb_call_read(&b, self->fd, byte, 1);
	rb_call_asleep(&b);
	others(_metadata, self->fd, &a);
	EXPECT_FALSE(rb_call_done(&b));
	stall_end(&s, page);
	EXPECT_EQ(RB_PAGE, rb_call_end(&a));
	EXPECT_EQ(1, rb_call_end(&b));
	EXPECT_EQ(RB_PAGE + 1, E(lseek(self->fd, 0, SEEK_CUR)));
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
	slow_answer(&s);
	EXPECT_EQ(RB_PAGE, rb_call_end(&c));
	ASSERT_EQ(RB_PAGE, E(pread(self->fd, out, RB_PAGE, 3 * IC_MIB)));
	EXPECT_EQ(-1, rb_mismatch(out, RB_PAGE, 6));
	slow_stop(&s);
}

TEST_HARNESS_MAIN
