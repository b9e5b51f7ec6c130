// SPDX-License-Identifier: GPL-2.0
/* Several holders of one end: plain descriptor, minted ends, SHUTDOWN. */

#include "fix_dev.h"

static bool eof(int fd)
{
	char c;

	return !E(read(fd, &c, 1));
}

/* The plain descriptor is one producer and one consumer until SHUTDOWN. */
TEST_F(dev, plain_holds_both)
{
	int r = rb_mint(self->fd, FERRIO_RB_READ);
	int w = rb_mint(self->fd, FERRIO_RB_WRITE);
	char c;

	ASSERT_EQ(0, fcntl(r, F_SETFL, O_NONBLOCK));
	close(w);
	EXPECT_EQ(-EAGAIN, E(read(r, &c, 1)));
	EXPECT_EQ(1, write(self->fd, "x", 1));
	EXPECT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_WRITE));
	EXPECT_EQ(1, read(r, &c, 1));
	EXPECT_TRUE(eof(r));
	EXPECT_TRUE(eof(self->fd));
	EXPECT_EQ(-EBADF, rb_try_mint(self->fd, FERRIO_RB_WRITE));
	close(r);
}

/* While a holder is left, further ends may be minted; then never again. */
TEST_F(dev, mint_many)
{
	int w[3], r[3];
	char c;

	for (int i = 0; i < 3; i++) {
		w[i] = rb_mint(self->fd, FERRIO_RB_WRITE);
		r[i] = rb_mint(self->fd, FERRIO_RB_READ);
		EXPECT_EQ(2 + i, rb_fdinfo(self->fd, "rb-producers"));
		EXPECT_EQ(2 + i, rb_fdinfo(self->fd, "rb-consumers"));
	}
	ASSERT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_WRITE));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(1, write(w[i], "x", 1));
		EXPECT_EQ(1, read(r[i], &c, 1));
		ASSERT_EQ(0, fcntl(r[i], F_SETFL, O_NONBLOCK));
		EXPECT_EQ(-EAGAIN, E(read(r[i], &c, 1)));
		close(w[i]);
		EXPECT_EQ(2 - i, rb_fdinfo(self->fd, "rb-producers"));
	}
	for (int i = 0; i < 3; i++) {
		EXPECT_TRUE(eof(r[i]));
		close(r[i]);
	}
	EXPECT_EQ(-EBADF, rb_try_mint(self->fd, FERRIO_RB_WRITE));
	EXPECT_EQ(1, rb_fdinfo(self->fd, "rb-consumers"));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rb-producers"));
}

/* Every order in which a plain descriptor and both ends can be closed. */
TEST_F(dev, orders_of_closing)
{
	static const int order[6][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	char buf[4];

	for (int i = 0; i < 6; i++) {
		int fd[3] = { rb_open(O_RDWR), -1, -1 };
		int pipes = rb_caught(SIGPIPE);

		fd[1] = rb_mint(fd[0], FERRIO_RB_READ);
		fd[2] = rb_mint(fd[0], FERRIO_RB_WRITE);
		ASSERT_EQ(2, write(fd[2], "ab", 2));
		for (int j = 0; j < 3; j++) {
			bool reader, writer;

			close(fd[order[i][j]]);
			fd[order[i][j]] = -1;
			reader = fd[0] >= 0 || fd[1] >= 0;
			writer = fd[0] >= 0 || fd[2] >= 0;
			if (fd[2] >= 0 && !reader) {
				EXPECT_EQ(-EPIPE, E(write(fd[2], "c", 1)));
				EXPECT_EQ(++pipes, rb_caught(SIGPIPE));
			} else if (fd[2] >= 0) {
				EXPECT_EQ(1, write(fd[2], "c", 1));
				EXPECT_EQ(1, read(fd[0] >= 0 ? fd[0] : fd[1],
						  buf, 1));
			}
			if (fd[1] >= 0 && !writer) {
				/* the last bytes are there, then the end */
				EXPECT_EQ(2, read(fd[1], buf, 4));
				EXPECT_TRUE(eof(fd[1]));
			} else if (fd[1] >= 0) {
				EXPECT_EQ(2, rb_avail(fd[1]));
			}
		}
	}
}

/* SHUTDOWN lets calls in that end through the same file come back. */
TEST_F(dev, shutdown_wakes_own_reader)
{
	struct rb_call c;
	char buf[4];

	rb_call_read(&c, self->fd, buf, 4);
	rb_call_asleep(&c);
	EXPECT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_READ));
	EXPECT_EQ(-EBADF, rb_call_end(&c));
}

TEST_F(dev, shutdown_wakes_own_writer)
{
	struct rb_call c;
	char buf[4096];
	int r = rb_mint(self->fd, FERRIO_RB_READ);

	while (rb_avail(self->fd) < 65536)
		ASSERT_EQ(4096, write(self->fd, buf, 4096));
	rb_call_write(&c, self->fd, buf, 4);
	rb_call_asleep(&c);
	EXPECT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_WRITE));
	EXPECT_EQ(-EBADF, rb_call_end(&c));
	EXPECT_EQ(0, rb_caught(SIGPIPE));
	EXPECT_EQ(65536, rb_avail(r));
	close(r);
}

/* A sleeper in another holder of that end sleeps on. */
TEST_F(dev, shutdown_lets_others_sleep)
{
	int r = rb_mint(self->fd, FERRIO_RB_READ);
	int w = rb_mint(self->fd, FERRIO_RB_WRITE);
	struct rb_call c;
	char buf[4];

	rb_call_read(&c, r, buf, 4);
	rb_call_asleep(&c);
	EXPECT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_READ));
	EXPECT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_WRITE));
	rb_call_asleep(&c);
	EXPECT_EQ(4, write(w, "abcd", 4));
	EXPECT_EQ(4, rb_call_end(&c));
	close(r);
	close(w);
}

/* With a sleeping reader, only the last producer's going is the end. */
TEST_F(dev, last_producer_wakes)
{
	int r = rb_mint(self->fd, FERRIO_RB_READ);
	int w = rb_mint(self->fd, FERRIO_RB_WRITE);
	struct rb_call c;
	char buf[4];

	rb_call_read(&c, r, buf, 4);
	rb_call_asleep(&c);
	close(w);
	rb_call_asleep(&c);
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, rb_call_end(&c));
	close(r);
}

TEST_HARNESS_MAIN
