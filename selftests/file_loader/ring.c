// SPDX-License-Identifier: GPL-2.0
/* From a blob into a ring: neither module knows of the other. */
#define _GNU_SOURCE
#include <sys/sendfile.h>

#include <ferrio/ringbuffer.h>
#include "fl.h"

#define LEN	300001UL	/* more than four times round */
#define RING	65536UL
#define FREED	(2 * RB_PAGE)	/* of which each page wakes the writer */

FIXTURE(ring) {
	int dev, blob, r, w;
	int fds;
	long live;
};

static int mint(int ring, unsigned int rw)
{
	struct ferrio_rb_mint arg = { .size = sizeof(arg), .rw = rw };

	if (ioctl(ring, FERRIO_RB_MINT, &arg))
		rb_die("FERRIO_RB_MINT: %s", strerror(errno));
	return arg.fd;
}

FIXTURE_SETUP(ring)
{
	int file, ring;

	self->live = rb_live_pages();
	self->fds = rb_count_fds();
	self->dev = fl_open();
	file = fl_file(LEN);
	self->blob = fl_load_fd(self->dev, file);
	if (self->blob < 0)
		rb_die("load: %d", self->blob);
	close(file);
	ring = open(FERRIO_RB_DEVICE, O_RDWR | O_CLOEXEC);
	if (ring < 0)
		rb_die("%s: %s: is ringbuffer.ko inserted?", FERRIO_RB_DEVICE, strerror(errno));
	self->r = mint(ring, FERRIO_RB_READ);
	self->w = mint(ring, FERRIO_RB_WRITE);
	close(ring);
	rb_catch(SIGPIPE, 0);
}

FIXTURE_TEARDOWN(ring)
{
	struct ferrio_fl_info info;

	close(self->r);
	close(self->w);
	close(self->blob);
	fl_info(self->dev, &info);
	EXPECT_EQ(0, info.user_blobs);
	EXPECT_EQ(0, info.user_bytes);
	close(self->dev);
	unlink(FL_FILE);
	EXPECT_EQ(self->fds, rb_count_fds());
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* Reads `len` bytes of the pattern from `pos` on; returns how many came as they should. */
static long take(int fd, size_t len, uint64_t pos)
{
	static char buf[4096];
	size_t got = 0;
	long n;

	while (got < len) {
		n = E(read(fd, buf, len - got < sizeof(buf) ? len - got : sizeof(buf)));
		if (n < 0)
			return n;
		if (!n || rb_mismatch(buf, n, pos + got) != -1)
			break;
		got += n;
	}
	return got;
}

/* Another process, which takes all of the blob, and then sees the end. */
static pid_t start_consumer(int r, int w)
{
	pid_t pid = fork();
	char c;

	if (pid < 0)
		rb_die("fork: %s", strerror(errno));
	if (pid)
		return pid;
	close(w);
	_exit(take(r, LEN, 0) == LEN && !read(r, &c, 1) ? 0 : 1);
}

#define CONSUMER_ENDS_WELL(pid) do {				\
	int __status;						\
								\
	ASSERT_EQ(pid, waitpid(pid, &__status, 0));		\
	EXPECT_EQ(0, __status);					\
} while (0)

/* One call, which waits for space as often as it has to. */
TEST_F(ring, sendfile)
{
	pid_t pid = start_consumer(self->r, self->w);

	EXPECT_EQ(LEN, E(sendfile(self->w, self->blob, NULL, 1 << 30)));
	EXPECT_EQ(LEN, E(lseek(self->blob, 0, SEEK_CUR)));
	EXPECT_EQ(0, E(sendfile(self->w, self->blob, NULL, 1 << 30)));
	close(self->w);
	CONSUMER_ENDS_WELL(pid);
	self->w = -1;
}

/* The same by a pipe in between, in odd pieces. */
TEST_F(ring, splice)
{
	pid_t pid = start_consumer(self->r, self->w);
	loff_t at = 0;
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	while (at < LEN) {
		long in = E(splice(self->blob, &at, ends[1], NULL, 30011, 0));

		ASSERT_LT(0, in);
		while (in > 0) {
			long out = E(splice(ends[0], NULL, self->w, NULL, in, 0));

			ASSERT_LT(0, out);
			in -= out;
		}
	}
	EXPECT_EQ(0, E(splice(self->blob, &at, ends[1], NULL, 1, 0)));
	/* The blob's own position is not that of `at`. */
	EXPECT_EQ(0, E(lseek(self->blob, 0, SEEK_CUR)));
	close(ends[0]);
	close(ends[1]);
	close(self->w);
	CONSUMER_ENDS_WELL(pid);
	self->w = -1;
}

/* What does not fit stays in the blob, and the position says where to go on. */
TEST_F(ring, nonblock)
{
	off_t at = 0;

	ASSERT_EQ(0, fcntl(self->w, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(RING, E(sendfile(self->w, self->blob, &at, LEN)));
	EXPECT_EQ(RING, at);
	EXPECT_EQ(-EAGAIN, E(sendfile(self->w, self->blob, &at, LEN)));
	EXPECT_EQ(RING, at);
	EXPECT_EQ(10000, take(self->r, 10000, 0));
	EXPECT_EQ(10000, E(sendfile(self->w, self->blob, &at, LEN)));
	EXPECT_EQ(RING + 10000, at);
	EXPECT_EQ(RING, take(self->r, RING, 10000));
	at = LEN - 5;
	EXPECT_EQ(5, E(sendfile(self->w, self->blob, &at, LEN)));
	EXPECT_EQ(5, take(self->r, 5, LEN - 5));
}

/* A consumer that goes early: what it took counts, then it is a broken pipe. */
TEST_F(ring, consumer_goes)
{
	struct rb_call c;

	rb_call_start(&c, SYS_sendfile, (long[6]) { self->w, self->blob, 0, LEN });
	rb_call_asleep(&c);
	EXPECT_EQ(FREED, take(self->r, FREED, 0));
	rb_call_asleep(&c);
	close(self->r);
	self->r = -1;
	EXPECT_EQ(RING + FREED, rb_call_end(&c));
	EXPECT_EQ(RING + FREED, E(lseek(self->blob, 0, SEEK_CUR)));
	EXPECT_EQ(-EPIPE, E(sendfile(self->w, self->blob, NULL, LEN)));
	EXPECT_LE(1, rb_caught(SIGPIPE));
	EXPECT_EQ(RING + FREED, E(lseek(self->blob, 0, SEEK_CUR)));
}

/* What is in the ring is the ring's: the blob's memory goes with the blob. */
TEST_F(ring, blob_goes)
{
	off_t at = 0;

	EXPECT_EQ(50000, E(sendfile(self->w, self->blob, &at, 50000)));
	close(self->blob);
	self->blob = -1;
	EXPECT_TRUE(rb_pages_return(self->live));
	EXPECT_EQ(50000, take(self->r, 50000, 0));
}

TEST_HARNESS_MAIN
