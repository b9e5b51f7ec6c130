// SPDX-License-Identifier: GPL-2.0
/* splice(2) both ways, sendfile(2), tee(2), vmsplice(2), copy_file_range(2). */

#include <sys/sendfile.h>

#include "ic.h"

#define PIPE	(16 * RB_PAGE)

FIXTURE(pipes) {
	int fd, r, w;
	long live;
};

FIXTURE_SETUP(pipes)
{
	int p[2];

	self->live = rb_live_pages();
	self->fd = ic_open(O_RDWR);
	if (pipe2(p, O_CLOEXEC | O_NONBLOCK))
		rb_die("pipe2: %s", strerror(errno));
	self->r = p[0];
	self->w = p[1];
	rb_catch(SIGPIPE, SA_RESTART);
}

FIXTURE_TEARDOWN(pipes)
{
	close(self->fd);
	close(self->r);
	if (self->w >= 0)
		close(self->w);
	EXPECT_TRUE(rb_pages_return(self->live));
}

static void fill(int fd, size_t len, size_t at, uint64_t pos)
{
	char *buf = malloc(len);

	rb_pattern(buf, len, pos);
	if (pwrite(fd, buf, len, at) != (ssize_t)len)
		rb_die("filling: %s", strerror(errno));
	free(buf);
}

static long differs(int fd, size_t len, size_t at, uint64_t pos)
{
	char *buf = malloc(len);
	long bad;

	if (pread(fd, buf, len, at) != (ssize_t)len)
		rb_die("reading back: %s", strerror(errno));
	bad = rb_mismatch(buf, len, pos);
	free(buf);
	return bad;
}

/* Each length and place, by the file's position and by one of the call. */
TEST_F(pipes, out_of_the_device)
{
	static const size_t lengths[] = { 1, 100, RB_PAGE - 1, RB_PAGE, RB_PAGE + 1,
					  5 * RB_PAGE + 7, PIPE };
	static char out[PIPE];

	fill(self->fd, 2 * PIPE, 3, 3);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		size_t n = lengths[i];
		loff_t at = 3 + 11 * i;

		ASSERT_EQ(n, E(splice(self->fd, &at, self->w, NULL, n, 0)));
		EXPECT_EQ(3 + 11 * i + n, at);
		ASSERT_EQ(n, E(read(self->r, out, sizeof(out))));
		EXPECT_EQ(-1, rb_mismatch(out, n, 3 + 11 * i));
		EXPECT_EQ(0, E(lseek(self->fd, 0, SEEK_CUR)));

		ASSERT_EQ(5, E(lseek(self->fd, 5, SEEK_SET)));
		ASSERT_EQ(n, E(splice(self->fd, NULL, self->w, NULL, n, 0)));
		EXPECT_EQ(5 + n, E(lseek(self->fd, 0, SEEK_CUR)));
		ASSERT_EQ(n, E(read(self->r, out, sizeof(out))));
		EXPECT_EQ(-1, rb_mismatch(out, n, 5));
		ASSERT_EQ(0, E(lseek(self->fd, 0, SEEK_SET)));
	}
}

/* As much as the pipe takes, then EAGAIN; holes are zeros and stay holes. */
TEST_F(pipes, a_full_pipe_and_holes)
{
	static char out[PIPE];
	loff_t at = 8 * RB_PAGE;

	ASSERT_EQ(1, E(pwrite(self->fd, "x", 1, 9 * RB_PAGE)));
	ASSERT_EQ(PIPE, E(splice(self->fd, &at, self->w, NULL, 4 * PIPE, SPLICE_F_NONBLOCK)));
	EXPECT_EQ(8 * RB_PAGE + PIPE, at);
	EXPECT_EQ(-EAGAIN, E(splice(self->fd, &at, self->w, NULL, 1, SPLICE_F_NONBLOCK)));
	EXPECT_EQ(8 * RB_PAGE + PIPE, at);
	ASSERT_EQ(PIPE, E(read(self->r, out, PIPE)));
	EXPECT_TRUE(ic_all(out, RB_PAGE, 0));
	EXPECT_EQ('x', out[RB_PAGE]);
	EXPECT_TRUE(ic_all(out + RB_PAGE + 1, PIPE - RB_PAGE - 1, 0));
	EXPECT_EQ(1, ic_pages(self->fd));
}

TEST_F(pipes, the_end)
{
	loff_t at = IC_DEFAULT - 3;
	char out[8];

	ASSERT_EQ(3, E(pwrite(self->fd, "abc", 3, at)));
	ASSERT_EQ(3, E(splice(self->fd, &at, self->w, NULL, 100, 0)));
	EXPECT_EQ(IC_DEFAULT, at);
	EXPECT_EQ(0, E(splice(self->fd, &at, self->w, NULL, 100, 0)));
	ASSERT_EQ(3, E(read(self->r, out, sizeof(out))));
	EXPECT_EQ(0, memcmp(out, "abc", 3));
	/* the other way: up to the end, then ENOSPC, and the pipe keeps the rest */
	ASSERT_EQ(8, E(write(self->w, "12345678", 8)));
	at = IC_DEFAULT - 3;
	EXPECT_EQ(3, E(splice(self->r, NULL, self->fd, &at, 8, 0)));
	EXPECT_EQ(IC_DEFAULT, at);
	EXPECT_EQ(-ENOSPC, E(splice(self->r, NULL, self->fd, &at, 8, 0)));
	EXPECT_EQ(IC_DEFAULT, at);
	ASSERT_EQ(5, E(read(self->r, out, sizeof(out))));
	EXPECT_EQ(0, memcmp(out, "45678", 5));
	at = -1;
	EXPECT_EQ(-EINVAL, E(splice(self->fd, &at, self->w, NULL, 1, 0)));
}

/* What is in a pipe does not change with the memory that it came from. */
TEST_F(pipes, a_pipe_has_copies)
{
	static char out[3 * RB_PAGE];
	loff_t at = 0;

	fill(self->fd, sizeof(out), 0, 0);
	ASSERT_EQ(sizeof(out), E(splice(self->fd, &at, self->w, NULL, sizeof(out), 0)));
	fill(self->fd, sizeof(out), 0, 99);
	ASSERT_EQ(sizeof(out), E(read(self->r, out, sizeof(out))));
	EXPECT_EQ(-1, rb_mismatch(out, sizeof(out), 0));
	EXPECT_EQ(-1, differs(self->fd, sizeof(out), 0, 99));
}

TEST_F(pipes, into_the_device)
{
	static const size_t lengths[] = { 1, RB_PAGE - 1, RB_PAGE + 1, 9 * RB_PAGE + 5, PIPE };
	static char in[PIPE];

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		size_t n = lengths[i];
		loff_t at = IC_MIB * i + 13 * i;

		rb_pattern(in, n, i);
		ASSERT_EQ(n, E(write(self->w, in, n)));
		ASSERT_EQ(n, E(splice(self->r, NULL, self->fd, &at, PIPE, SPLICE_F_NONBLOCK)));
		EXPECT_EQ(IC_MIB * i + 13 * i + n, at);
		EXPECT_EQ(-1, differs(self->fd, n, IC_MIB * i + 13 * i, i));

		ASSERT_EQ(n, E(write(self->w, in, n)));
		ASSERT_EQ(7, E(lseek(self->fd, 7, SEEK_SET)));
		ASSERT_EQ(n, E(splice(self->r, NULL, self->fd, NULL, PIPE, SPLICE_F_NONBLOCK)));
		EXPECT_EQ(7 + n, E(lseek(self->fd, 0, SEEK_CUR)));
		EXPECT_EQ(-1, differs(self->fd, n, 7, i));
	}
	EXPECT_EQ(-EAGAIN, E(splice(self->r, NULL, self->fd, NULL, 1, SPLICE_F_NONBLOCK)));
	close(self->w);
	self->w = -1;
	EXPECT_EQ(0, E(splice(self->r, NULL, self->fd, NULL, 1, 0)));
}

TEST_F(pipes, refused)
{
	loff_t at = 0;
	int append = ic_open(O_RDWR | O_APPEND), r = ic_open(O_RDONLY), w = ic_open(O_WRONLY);

	ASSERT_EQ(1, E(write(self->w, "x", 1)));
	EXPECT_EQ(-EINVAL, E(splice(self->r, NULL, append, &at, 1, 0)));
	EXPECT_EQ(-EBADF, E(splice(self->r, NULL, r, &at, 1, 0)));
	EXPECT_EQ(-EBADF, E(splice(w, &at, self->w, NULL, 1, 0)));
	EXPECT_EQ(-EINVAL, E(splice(self->fd, &at, self->fd, &at, 1, 0)));
	EXPECT_EQ(-EBADF, E(splice(self->fd, &at, r, &at, 1, 0)));
	EXPECT_EQ(-EINVAL, E(splice(r, &at, w, &at, 1, 0)));
	EXPECT_EQ(-EINVAL, E(tee(self->fd, self->w, 1, 0)));
	EXPECT_EQ(-EINVAL, E(tee(self->r, self->fd, 1, 0)));
	EXPECT_EQ(-EBADF, E(vmsplice(self->fd, &(struct iovec){ "x", 1 }, 1, 0)));
	close(self->r);
	EXPECT_EQ(0, rb_caught(SIGPIPE));
	EXPECT_EQ(-EPIPE, E(splice(self->fd, &at, self->w, NULL, 1, 0)));
	EXPECT_EQ(1, rb_caught(SIGPIPE));
	self->r = dup(self->w);
	close(append);
	close(r);
	close(w);
}

/* Pages of the pipe go on to others: tee, then both arms into devices. */
TEST_F(pipes, tee_between_two_devices)
{
	static const size_t n = 5 * RB_PAGE + 100;
	int other = ic_open(O_RDWR), p[2];
	loff_t at = 1;

	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	fill(self->fd, n, 1, 50);
	ASSERT_EQ(n, E(splice(self->fd, &at, self->w, NULL, n, 0)));
	ASSERT_EQ(n, E(tee(self->r, p[1], n, 0)));
	at = 9 * RB_PAGE;
	ASSERT_EQ(n, E(splice(self->r, NULL, other, &at, n, 0)));
	at = IC_MIB + 3;
	ASSERT_EQ(n, E(splice(p[0], NULL, other, &at, n, 0)));
	EXPECT_EQ(-1, differs(other, n, 9 * RB_PAGE, 50));
	EXPECT_EQ(-1, differs(other, n, IC_MIB + 3, 50));
	close(p[0]);
	close(p[1]);
	close(other);
}

/* Pages of a program, given or lent, arrive as they are at the time of the copy. */
TEST_F(pipes, vmsplice_into_the_device)
{
	char *mine = ic_memory(4 * RB_PAGE, PROT_READ | PROT_WRITE);
	struct iovec v[3] = {
		{ mine + 5, 100 }, { mine + RB_PAGE, 2 * RB_PAGE }, { mine, 1 },
	};
	const size_t n = 101 + 2 * RB_PAGE;
	loff_t at = 77;

	rb_pattern(mine, 4 * RB_PAGE, 0);
	ASSERT_EQ(n, E(vmsplice(self->w, v, 3, 0)));
	rb_pattern(mine + RB_PAGE, 2 * RB_PAGE, 1000);
	ASSERT_EQ(n, E(splice(self->r, NULL, self->fd, &at, n, 0)));
	EXPECT_EQ(-1, differs(self->fd, 100, 77, 5));
	EXPECT_EQ(-1, differs(self->fd, 2 * RB_PAGE, 177, 1000));
	EXPECT_EQ(-1, differs(self->fd, 1, 77 + n - 1, 0));
	/* and out of the device into memory of the program */
	memset(mine, 0, 4 * RB_PAGE);
	at = 77;
	ASSERT_EQ(n, E(splice(self->fd, &at, self->w, NULL, n, 0)));
	ASSERT_EQ(n, E(vmsplice(self->r, v, 3, 0)));
	EXPECT_EQ(-1, rb_mismatch(mine + 5, 100, 5));
	EXPECT_EQ(-1, rb_mismatch(mine + RB_PAGE, 2 * RB_PAGE, 1000));
	munmap(mine, 4 * RB_PAGE);
}

/* sendfile, from the device and to it, by position and by offset. */
TEST_F(pipes, sendfile_from_and_to)
{
	static const size_t n = 3 * IC_MIB + 77;
	int file = memfd_create("iov_copy", MFD_CLOEXEC), other = ic_open(O_RDWR);
	off_t at = 5;

	fill(self->fd, n, 5, 5);
	ASSERT_EQ(n, E(sendfile(file, self->fd, &at, n)));
	EXPECT_EQ(5 + n, at);
	EXPECT_EQ(0, E(lseek(self->fd, 0, SEEK_CUR)));
	EXPECT_EQ(-1, differs(file, n, 0, 5));

	ASSERT_EQ(0, E(lseek(file, 0, SEEK_SET)));
	ASSERT_EQ(100, E(lseek(other, 100, SEEK_SET)));
	ASSERT_EQ(n, E(sendfile(other, file, NULL, n)));
	EXPECT_EQ(n, E(lseek(file, 0, SEEK_CUR)));
	EXPECT_EQ(100 + n, E(lseek(other, 0, SEEK_CUR)));
	EXPECT_EQ(-1, differs(other, n, 100, 5));

	/* from one device to another; the end is the end of both */
	at = IC_DEFAULT - 10;
	ASSERT_EQ(10, E(pwrite(self->fd, "0123456789", 10, at)));
	ASSERT_EQ(IC_DEFAULT - 4, E(lseek(other, -4, SEEK_END)));
	EXPECT_EQ(4, E(sendfile(other, self->fd, &at, 100)));
	EXPECT_EQ(IC_DEFAULT - 6, at);
	EXPECT_EQ(-ENOSPC, E(sendfile(other, self->fd, &at, 100)));
	EXPECT_EQ(IC_DEFAULT - 6, at);
	ASSERT_EQ(0, E(lseek(other, 0, SEEK_SET)));
	EXPECT_EQ(6, E(sendfile(other, self->fd, &at, 100)));
	EXPECT_EQ(0, E(sendfile(other, self->fd, &at, 100)));
	close(file);
	close(other);
}

TEST_F(pipes, copy_file_range_is_for_regular_files)
{
	int file = memfd_create("iov_copy", MFD_CLOEXEC), other = ic_open(O_RDWR);
	int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ASSERT_EQ(1, E(write(file, "x", 1)));
	EXPECT_EQ(-EINVAL, E(copy_file_range(self->fd, NULL, file, NULL, 1, 0)));
	EXPECT_EQ(-EINVAL, E(copy_file_range(file, NULL, self->fd, NULL, 1, 0)));
	EXPECT_EQ(-EINVAL, E(copy_file_range(self->fd, NULL, other, NULL, 1, 0)));
	EXPECT_EQ(-EISDIR, E(copy_file_range(dir, NULL, self->fd, NULL, 1, 0)));
	close(dir);
	close(file);
	close(other);
}

TEST_HARNESS_MAIN
