// SPDX-License-Identifier: GPL-2.0
/*
 * Ends that are nowhere but in a socket: never received, received in part, in a
 * connection that nobody accepted, in sockets that hold nothing but each other.
 * They are held as long as the socket lives, and released when it is found dead,
 * which may be later, and by a kernel worker.
 */

#include <sys/mman.h>
#include <sys/un.h>
#include <time.h>

#include "accounts.h"
#include "hold.h"
#include "rb_harness.h"

#define SIZE	RB_PAGE
#define TIMES	rounds(10, 15)
#define LATE	4000	/* ms that the garbage collector may take */

FIXTURE(unread) {
	struct accounts before;
	int sent, mine;
};

FIXTURE_VARIANT(unread) {
	unsigned int rw;	/* of the end that is sent */
};

FIXTURE_VARIANT_ADD(unread, consumer) {
	.rw = FERRIO_RB_READ,
};

FIXTURE_VARIANT_ADD(unread, producer) {
	.rw = FERRIO_RB_WRITE,
};

FIXTURE_SETUP(unread)
{
	signal(SIGPIPE, SIG_IGN);
	accounts_take(&self->before);
}

FIXTURE_TEARDOWN(unread)
{
	EXPECT_TRUE(accounts_even(&self->before));
}

/* A ring a round. */
static void ring_begin(struct _test_data_unread *self, unsigned int rw)
{
	int fd[2];

	hold_ends(SIZE, fd);
	self->sent = fd[rw];
	self->mine = fd[!rw];
}

static void pair(int type, int sock[2])
{
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, sock))
		rb_die("socketpair: %s", strerror(errno));
}

/* The last one in the process. */
static void send_last(int over, int *fd)
{
	rb_send_fd(over, *fd);
	close(*fd);
	*fd = -1;
}

/* The other end is open: there is neither the end of the stream nor a broken pipe. */
static bool held(int fd, unsigned int rw)
{
	char c = 0;

	if (hold_poll(fd) & (POLLHUP | POLLERR))
		return false;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return rw == FERRIO_RB_READ ? E(read(fd, &c, 1)) == -EAGAIN :
				      E(write(fd, &c, 1)) == 1;
}

static void start_collector(void)
{
	close(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

/* The other end is closed, now or soon, and says so in each call. */
static bool gone(int fd, unsigned int rw)
{
	int want = POLLHUP | (rw == FERRIO_RB_WRITE ? POLLERR : 0);
	char c = 0;

	for (int ms = 0; ms < LATE && !(hold_poll(fd) & POLLHUP); ms++) {
		start_collector();
		rb_sleep_ms(1);
	}
	return (hold_poll(fd) & (POLLHUP | POLLERR)) == want &&
	       (rw == FERRIO_RB_READ ? E(read(fd, &c, 1)) == 0 :
				       E(write(fd, &c, 1)) == -EPIPE);
}

/* ---- never received ---- */

/* By either socket of the pair, and whichever is closed last. */
TEST_F_TIMEOUT(unread, in_each_kind_of_socket, 60)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

	for (int i = 0, n = TIMES; i < n; i++) {
		int sock[2];

		ring_begin(self, variant->rw);
		pair(types[i / 2 % 3], sock);
		send_last(sock[0], &self->sent);
		EXPECT_TRUE(held(self->mine, !variant->rw));
		/* only the receiver's queue holds it */
		close(sock[i % 2]);
		if (i % 2 == 0)
			EXPECT_TRUE(held(self->mine, !variant->rw));
		close(sock[!(i % 2)]);
		ASSERT_TRUE(gone(self->mine, !variant->rw)) TH_LOG("round %d", i);
		close(self->mine);
	}
}

/* Of a connection that was never accepted, until nobody listens any more. */
TEST_F_TIMEOUT(unread, before_accept, 60)
{
	for (int i = 0, n = TIMES; i < n; i++) {
		struct sockaddr_un name = { .sun_family = AF_UNIX };
		int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int connecting = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		socklen_t len = sizeof(name);

		ring_begin(self, variant->rw);
		/* a name of the kernel's choice */
		ASSERT_EQ(0, bind(listening, (void *)&name, sizeof(sa_family_t)));
		ASSERT_EQ(0, getsockname(listening, (void *)&name, &len));
		ASSERT_EQ(0, listen(listening, 1));
		ASSERT_EQ(0, connect(connecting, (void *)&name, len));
		send_last(connecting, &self->sent);
		ASSERT_TRUE(held(self->mine, !variant->rw));
		close(connecting);
		ASSERT_TRUE(held(self->mine, !variant->rw));
		close(listening);
		ASSERT_TRUE(gone(self->mine, !variant->rw));
		close(self->mine);
	}
}

/* The message is taken without room for the descriptor, which goes at once. */
TEST_F_TIMEOUT(unread, cut_off, 60)
{
	char c, room[CMSG_SPACE(0)];
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int sock[2];

	pair(SOCK_STREAM, sock);
	for (int i = 0, n = TIMES; i < n; i++) {
		ring_begin(self, variant->rw);
		send_last(sock[0], &self->sent);
		/* looking at it takes nothing out */
		ASSERT_EQ(1, recv(sock[1], &c, 1, MSG_PEEK));
		ASSERT_TRUE(held(self->mine, !variant->rw));
		msg.msg_control = room;
		msg.msg_controllen = sizeof(room);
		ASSERT_EQ(1, recvmsg(sock[1], &msg, 0));
		ASSERT_EQ(MSG_CTRUNC, msg.msg_flags);
		ASSERT_TRUE(gone(self->mine, !variant->rw));
		close(self->mine);
	}
	close(sock[0]);
	close(sock[1]);
}

/* Looked at with room for it: that is another descriptor of the same file. */
TEST_F_TIMEOUT(unread, peeked, 60)
{
	for (int i = 0, n = TIMES; i < n; i++) {
		char c, room[CMSG_SPACE(sizeof(int))];
		struct iovec iov = { &c, 1 };
		struct msghdr msg = {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = room, .msg_controllen = sizeof(room),
		};
		int sock[2], fd;

		ring_begin(self, variant->rw);
		pair(SOCK_STREAM, sock);
		send_last(sock[0], &self->sent);
		ASSERT_EQ(1, recvmsg(sock[1], &msg, MSG_PEEK | MSG_CMSG_CLOEXEC));
		ASSERT_NE(NULL, CMSG_FIRSTHDR(&msg));
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
		ASSERT_EQ(1, rb_fdinfo(self->mine, variant->rw == FERRIO_RB_READ ?
				       "rb-consumers" : "rb-producers"));
		close(sock[0]);
		close(sock[1]);
		ASSERT_TRUE(held(self->mine, !variant->rw));
		close(fd);
		ASSERT_TRUE(gone(self->mine, !variant->rw));
		close(self->mine);
	}
}

/* ---- garbage ---- */

/* A socket that holds itself, with the end in front of it or behind it. */
static void self_loop(int *fd, bool behind)
{
	int sock[2];

	pair(SOCK_STREAM, sock);
	if (!behind)
		send_last(sock[0], fd);
	rb_send_fd(sock[0], sock[1]);
	if (behind)
		send_last(sock[0], fd);
	close(sock[0]);
	close(sock[1]);
}

/* Pairs, each of which holds the next one, the last one the first. */
static void circle(int *fd, int count, int at)
{
	int sock[8][2];

	for (int i = 0; i < count; i++)
		pair(SOCK_DGRAM, sock[i]);
	for (int i = 0; i < count; i++) {
		rb_send_fd(sock[i][0], sock[(i + 1) % count][1]);
		if (i == at)
			send_last(sock[i][0], fd);
	}
	for (int i = 0; i < count; i++) {
		close(sock[i][0]);
		close(sock[i][1]);
	}
}

/* A socket of its own hangs on the circle, and the end in that. */
static void tail(int *fd)
{
	int sock[2], more[2];

	pair(SOCK_STREAM, sock);
	pair(SOCK_STREAM, more);
	send_last(more[0], fd);
	rb_send_fd(sock[0], more[1]);
	rb_send_fd(sock[0], sock[1]);
	close(more[0]);
	close(more[1]);
	close(sock[0]);
	close(sock[1]);
}

static void make_garbage(int *fd, int shape)
{
	switch (shape) {
	case 0:
	case 1:
		return self_loop(fd, shape);
	case 2 ... 4:
		return circle(fd, shape, shape - 2);
	case 5:
		return circle(fd, 8, 7);
	default:
		return tail(fd);
	}
}

#define SHAPES	7

TEST_F_TIMEOUT(unread, each_shape_of_garbage, 60)
{
	for (int i = 0, n = TIMES; i < n; i++) {
		ring_begin(self, variant->rw);
		make_garbage(&self->sent, i % SHAPES);
		ASSERT_TRUE(gone(self->mine, !variant->rw))
			TH_LOG("shape %d", i % SHAPES);
		ASSERT_EQ(0, rb_fdinfo(self->mine, variant->rw == FERRIO_RB_READ ?
				       "rb-consumers" : "rb-producers"));
		close(self->mine);
	}
}

/* What is mapped is not garbage: the end lives until it is unmapped. */
TEST_F_TIMEOUT(unread, a_window_outlives_it, 60)
{
	size_t first = variant->rw == FERRIO_RB_WRITE ? 2 : 0;
	size_t bytes = (variant->rw == FERRIO_RB_WRITE ? 3 : 1) * RB_PAGE;

	for (int i = 0, n = TIMES; i < n; i++) {
		char *at;

		ring_begin(self, variant->rw);
		at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, self->sent,
			  first * RB_PAGE);
		ASSERT_NE(MAP_FAILED, at);
		self_loop(&self->sent, false);
		/* the first time long enough for any collector */
		for (int ms = 0; ms < (i ? 3 : 50); ms++) {
			start_collector();
			rb_sleep_ms(1);
		}
		ASSERT_TRUE(held(self->mine, !variant->rw));
		ASSERT_EQ(0, munmap(at, bytes));
		ASSERT_TRUE(gone(self->mine, !variant->rw));
		close(self->mine);
	}
}

/* Somebody sleeps in the other end, or is about to: the collector wakes him. */
TEST_F_TIMEOUT(unread, wakes_who_waits, 60)
{
	char buf[SIZE] = {};

	for (int i = 0, n = TIMES; i < n; i++) {
		struct rb_call c;

		ring_begin(self, variant->rw);
		if (variant->rw == FERRIO_RB_WRITE) {
			rb_call_read(&c, self->mine, buf, SIZE);
		} else {
			ASSERT_EQ(SIZE, write(self->mine, buf, SIZE));
			rb_call_write(&c, self->mine, buf, 1);
		}
		if (i % 2)
			rb_call_asleep(&c);
		make_garbage(&self->sent, i % SHAPES);
		for (int ms = 0; ms < LATE && !rb_call_done(&c); ms++) {
			start_collector();
			rb_sleep_ms(1);
		}
		ASSERT_TRUE(rb_call_done(&c));
		ASSERT_EQ(variant->rw == FERRIO_RB_WRITE ? 0 : -EPIPE, rb_call_end(&c));
		close(self->mine);
	}
}

/* A plain descriptor and both ends of one ring, in one circle. */
FIXTURE(whole) {
	struct accounts before;
};

FIXTURE_SETUP(whole)
{
	accounts_take(&self->before);
}

FIXTURE_TEARDOWN(whole)
{
}

TEST_F_TIMEOUT(whole, rings_in_garbage, 60)
{
	int sock[2];

	for (int i = 0, n = TIMES; i < n; i++) {
		int fd[4] = { rb_open(O_RDWR) };

		for (int kind = 0; kind < 3; kind++)
			fd[1 + kind] = rb_mint(fd[0], kind);
		pair(SOCK_STREAM, sock);
		rb_send_fd(sock[0], sock[1]);
		for (int j = 0; j < 4; j++)
			send_last(sock[0], &fd[j]);
		close(sock[0]);
		close(sock[1]);
	}
	for (int ms = 0; ms < LATE && rb_live_pages() != self->before.live; ms++) {
		start_collector();
		rb_sleep_ms(1);
	}
	EXPECT_TRUE(accounts_even(&self->before));
}

TEST_HARNESS_MAIN
