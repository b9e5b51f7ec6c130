// SPDX-License-Identifier: GPL-2.0
/* sendfile(2): a file into a ring, and what is refused the other way. */

#include <sys/sendfile.h>
#include <sys/socket.h>

#include "fix_ring.h"

#define FILE_SIZE	100000

static int make_file(void)
{
	static char buf[FILE_SIZE];
	int fd = memfd_create("file", MFD_CLOEXEC);

	rb_pattern(buf, sizeof(buf), 0);
	if (fd < 0 || write(fd, buf, sizeof(buf)) != sizeof(buf) ||
	    lseek(fd, 0, SEEK_SET))
		rb_die("memfd_create: %s", strerror(errno));
	return fd;
}

struct sender {
	pthread_t thread;
	int out, in;
	long ret;
};

static void *send_all(void *arg)
{
	struct sender *s = arg;

	s->ret = E(sendfile(s->out, s->in, NULL, FILE_SIZE + 1));
	return NULL;
}

/* All of the file, past the size of the ring, to a reader at work. */
TEST_F(ring, whole)
{
	static char buf[FILE_SIZE];
	int file = make_file(), pos = 0;
	struct sender s = { .out = self->rb.w, .in = file };

	ASSERT_EQ(0, pthread_create(&s.thread, NULL, send_all, &s));
	while (pos < FILE_SIZE) {
		ssize_t n = read(self->rb.r, buf + pos, 3000);

		ASSERT_GT(n, 0);
		pos += n;
	}
	pthread_join(s.thread, NULL);
	EXPECT_EQ(FILE_SIZE, s.ret);
	EXPECT_EQ(0, rb_avail(self->rb.r));
	EXPECT_EQ(-1, rb_mismatch(buf, FILE_SIZE, 0));
	EXPECT_EQ(FILE_SIZE, lseek(file, 0, SEEK_CUR));
	close(file);
}

/* Without waiting, what fits goes and the position tells how much. */
TEST_F(ring, partial)
{
	static char buf[RB_DEFAULT];
	int file = make_file();
	off_t off = 100;

	rb_nonblock(&self->rb, true);
	EXPECT_EQ(1000, E(sendfile(self->rb.w, file, NULL, 1000)));
	EXPECT_EQ(1000, lseek(file, 0, SEEK_CUR));
	EXPECT_EQ(1000, read(self->rb.r, buf, sizeof(buf)));
	EXPECT_EQ(-1, rb_mismatch(buf, 1000, 0));

	EXPECT_EQ(RB_DEFAULT, E(sendfile(self->rb.w, file, &off, FILE_SIZE)));
	EXPECT_EQ(100 + RB_DEFAULT, off);
	EXPECT_EQ(1000, lseek(file, 0, SEEK_CUR));
	EXPECT_EQ(-EAGAIN, E(sendfile(self->rb.w, file, &off, 1)));
	EXPECT_EQ(100 + RB_DEFAULT, off);
	EXPECT_EQ(RB_DEFAULT, read(self->rb.r, buf, sizeof(buf)));
	EXPECT_EQ(-1, rb_mismatch(buf, RB_DEFAULT, 100));

	/* to the end of the file, then nothing */
	EXPECT_EQ(FILE_SIZE - RB_DEFAULT - 100,
		  E(sendfile(self->rb.w, file, &off, FILE_SIZE)));
	EXPECT_EQ(0, E(sendfile(self->rb.w, file, &off, FILE_SIZE)));
	close(file);
}

TEST_F(ring, closed)
{
	int file = make_file();

	rb_close_r(&self->rb);
	EXPECT_EQ(-EPIPE, E(sendfile(self->rb.w, file, NULL, 1000)));
	EXPECT_EQ(1, rb_caught(SIGPIPE));
	EXPECT_EQ(0, lseek(file, 0, SEEK_CUR));
	close(file);
}

/* Out of a ring only into a pipe, as out of a pipe. */
TEST_F(ring, out)
{
	int file = make_file(), p[2], sock[2];
	char buf[200];
	off_t off = 0;
	struct rb other;

	rb_start(&other, variant->kind, RB_DEFAULT);
	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	rb_pattern(buf, 100, 0);
	ASSERT_EQ(100, write(self->rb.w, buf, 100));
	EXPECT_EQ(-EINVAL, E(sendfile(file, self->rb.r, NULL, 10)));
	EXPECT_EQ(-EINVAL, E(sendfile(sock[0], self->rb.r, NULL, 10)));
	EXPECT_EQ(-EINVAL, E(sendfile(other.w, self->rb.r, NULL, 10)));
	EXPECT_EQ(-ESPIPE, E(sendfile(p[1], self->rb.r, &off, 10)));
	EXPECT_EQ(100, rb_avail(self->rb.r));
	EXPECT_EQ(60, E(sendfile(p[1], self->rb.r, NULL, 60)));
	EXPECT_EQ(40, rb_avail(self->rb.r));
	EXPECT_EQ(60, read(p[0], buf, sizeof(buf)));
	EXPECT_EQ(-1, rb_mismatch(buf, 60, 0));
	close(file);
	close(p[0]);
	close(p[1]);
	close(sock[0]);
	close(sock[1]);
	rb_stop(&other);
}

TEST_HARNESS_MAIN
