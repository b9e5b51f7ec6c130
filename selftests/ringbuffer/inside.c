// SPDX-License-Identifier: GPL-2.0
/*
 * A close while somebody is inside of a call: of the peer's end, whatever was the
 * last to hold it, and of the descriptor that the call itself came by.
 */

#include "hold.h"
#include "rb_harness.h"
#include "uring.h"

#define SIZE	RB_PAGE
#define MESSAGE	3

enum call {
	READ, POLL_DATA, WAIT_DATA, SPLICE_OUT, URING_READ, URING_POLL_DATA,
	WRITE, POLL_SPACE, WAIT_SPACE, SPLICE_IN, URING_WRITE, URING_POLL_SPACE,
};

/* What holds the peer's end last. */
enum last { DESCRIPTOR, WINDOW, SOCKET, RIGHT, LASTS };

FIXTURE(inside) {
	int fd, peer;
	struct rb_call call;
	struct pollfd pfd;
	struct ferrio_rb_wait wait;
	struct uring uring;
	int pipe[2];
	char buf[SIZE];
	long live;
};

FIXTURE_VARIANT(inside) {
	enum call call;
	long moved;	/* when the peer has moved MESSAGE or SIZE bytes */
	long ended;	/* when the peer's end is closed */
	int events;	/* asked for, and shown */
	int pipes;	/* SIGPIPE */
};

FIXTURE_VARIANT_ADD(inside, read) {
	.call = READ, .moved = MESSAGE,
};

FIXTURE_VARIANT_ADD(inside, poll_data) {
	.call = POLL_DATA, .moved = 1, .ended = 1, .events = POLLIN,
};

FIXTURE_VARIANT_ADD(inside, wait_data) {
	.call = WAIT_DATA,
};

FIXTURE_VARIANT_ADD(inside, splice_out) {
	.call = SPLICE_OUT, .moved = MESSAGE,
};

FIXTURE_VARIANT_ADD(inside, uring_read) {
	.call = URING_READ, .moved = MESSAGE,
};

FIXTURE_VARIANT_ADD(inside, uring_poll_data) {
	.call = URING_POLL_DATA, .moved = POLLIN, .ended = POLLHUP,
	.events = POLLIN,
};

FIXTURE_VARIANT_ADD(inside, write) {
	.call = WRITE, .moved = MESSAGE, .ended = -EPIPE, .pipes = 1,
};

FIXTURE_VARIANT_ADD(inside, poll_space) {
	.call = POLL_SPACE, .moved = 1, .ended = 1, .events = POLLOUT,
};

FIXTURE_VARIANT_ADD(inside, wait_space) {
	.call = WAIT_SPACE, .ended = -EPIPE,
};

FIXTURE_VARIANT_ADD(inside, splice_in) {
	.call = SPLICE_IN, .moved = MESSAGE, .ended = -EPIPE, .pipes = 1,
};

FIXTURE_VARIANT_ADD(inside, uring_write) {
	.call = URING_WRITE, .moved = MESSAGE, .ended = -EPIPE, .pipes = 1,
};

FIXTURE_VARIANT_ADD(inside, uring_poll_space) {
	.call = URING_POLL_SPACE, .moved = POLLOUT, .ended = POLLERR | POLLHUP,
	.events = POLLOUT,
};

FIXTURE_SETUP(inside)
{
	rb_catch(SIGPIPE, SA_RESTART);
	self->live = rb_live_pages();
	uring_start(&self->uring, 0);
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC));
}

FIXTURE_TEARDOWN(inside)
{
	close(self->pipe[0]);
	close(self->pipe[1]);
	close(self->uring.fd);
	EXPECT_TRUE(rb_pages_return(self->live));
}

static bool reads(enum call call)
{
	return call < WRITE;
}

static bool by_uring(enum call call)
{
	return call == URING_READ || call == URING_WRITE ||
	       call == URING_POLL_DATA || call == URING_POLL_SPACE;
}

/* ---- the call ---- */

static void submit(struct _test_data_inside *self, int op, int events)
{
	struct io_uring_sqe sqe = {
		.opcode = op, .fd = self->fd, .user_data = 1,
	};
	struct io_uring_cqe cqe;

	if (op == IORING_OP_POLL_ADD) {
		sqe.poll32_events = events;
	} else {
		sqe.addr = (unsigned long)self->buf;
		sqe.len = op == IORING_OP_READ ? SIZE : MESSAGE;
		sqe.off = -1;
	}
	if (uring_try(&self->uring, &sqe) != 1)
		rb_die("io_uring_enter: %s", strerror(errno));
	if (uring_take(&self->uring, &cqe))
		rb_die("a request gave %d instead of waiting", cqe.res);
}

/* Until it sleeps; a request, until it is queued. */
static void enter(struct _test_data_inside *self,
		  const struct _fixture_variant_inside *variant)
{
	struct rb_call *c = &self->call;

	self->pfd = (struct pollfd){ .fd = self->fd, .events = variant->events };
	self->wait = (struct ferrio_rb_wait){
		.size = sizeof(self->wait),
		.rw = reads(variant->call) ? FERRIO_RB_READ : FERRIO_RB_WRITE,
	};
	switch (variant->call) {
	case READ:
		rb_call_read(c, self->fd, self->buf, SIZE);
		break;
	case WRITE:
		rb_call_write(c, self->fd, self->buf, MESSAGE);
		break;
	case POLL_DATA:
	case POLL_SPACE:
		rb_call_poll(c, &self->pfd, -1);
		break;
	case WAIT_DATA:
	case WAIT_SPACE:
		rb_call_ioctl(c, self->fd, FERRIO_RB_WAIT, &self->wait);
		break;
	case SPLICE_OUT:
		rb_call_splice(c, self->fd, self->pipe[1], SIZE, 0);
		break;
	case SPLICE_IN:
		if (write(self->pipe[1], self->buf, MESSAGE) != MESSAGE)
			rb_die("write: %s", strerror(errno));
		rb_call_splice(c, self->pipe[0], self->fd, MESSAGE, 0);
		break;
	case URING_READ:
		return submit(self, IORING_OP_READ, 0);
	case URING_WRITE:
		return submit(self, IORING_OP_WRITE, 0);
	default:
		return submit(self, IORING_OP_POLL_ADD, variant->events);
	}
	rb_call_asleep(c);
}

static long leave(struct _test_data_inside *self, enum call call)
{
	struct io_uring_cqe cqe;
	long ret;

	if (!by_uring(call))
		return rb_call_end(&self->call);
	do {
		ret = uring_wait(&self->uring);
	} while (ret == -EINTR);
	if (ret < 0)
		return ret;
	return uring_take(&self->uring, &cqe) ? cqe.res : -ENOMSG;
}

static bool comes_back(struct _test_data_inside *self, enum call call)
{
	if (by_uring(call))
		return __atomic_load_n(self->uring.cq_tail, __ATOMIC_ACQUIRE) !=
		       *self->uring.cq_head;
	return rb_call_done(&self->call);
}

/* ---- rings ---- */

static void new_ring(struct _test_data_inside *self, enum call call)
{
	int fd[2];

	hold_ends(SIZE, fd);
	self->fd = fd[reads(call) ? FERRIO_RB_READ : FERRIO_RB_WRITE];
	self->peer = fd[reads(call) ? FERRIO_RB_WRITE : FERRIO_RB_READ];
	if (!reads(call)) {
		rb_pattern(self->buf, SIZE, 0);
		if (write(self->fd, self->buf, SIZE) != SIZE)
			rb_die("filling a ring failed");
	}
}

static void peer_acts(struct _test_data_inside *self, enum call call)
{
	static char buf[SIZE];
	ssize_t n = reads(call) ? write(self->peer, "abc", MESSAGE) :
				  read(self->peer, buf, SIZE);

	if (n != (reads(call) ? MESSAGE : SIZE))
		rb_die("the peer moved %zd", n);
}

/* Makes @last the only holder of the peer's end; then it goes. */
static void peer_goes(struct _test_data_inside *self, enum call call, enum last last,
		      void (*between)(struct _test_data_inside *self, enum call call))
{
	size_t first = reads(call) ? 2 : 0, pages = reads(call) ? 3 : 1;
	void *window = MAP_FAILED;
	int sock[2];

	if (last == WINDOW) {
		window = mmap(NULL, pages * RB_PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED, self->peer, first * RB_PAGE);
		if (window == MAP_FAILED)
			rb_die("mmap: %s", strerror(errno));
	}
	if (last == SOCKET) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock))
			rb_die("socketpair: %s", strerror(errno));
		hold_send(sock[0], self->peer);
	}
	if (last == WINDOW || last == SOCKET)
		close(self->peer);
	between(self, call);
	switch (last) {
	case DESCRIPTOR:
		close(self->peer);
		break;
	case WINDOW:
		munmap(window, pages * RB_PAGE);
		break;
	case SOCKET:
		close(sock[0]);
		close(sock[1]);
		break;
	default:
		if (rb_shutdown(self->peer, reads(call) ? FERRIO_RB_WRITE :
							  FERRIO_RB_READ))
			rb_die("FERRIO_RB_SHUTDOWN failed");
		close(self->peer);
	}
}

/* ---- tests ---- */

static void sleeps_on(struct _test_data_inside *self, enum call call)
{
	rb_sleep_ms(2);
	if (comes_back(self, call))
		rb_die("call %d came back before the last holder went", call);
}

/* Its peer's end, by whatever is the last to hold it. */
TEST_F(inside, peer_goes)
{
	int shown = POLLHUP | (reads(variant->call) ? 0 : POLLERR);

	for (int last = 0; last < LASTS; last++) {
		rb_catch(SIGPIPE, SA_RESTART);
		new_ring(self, variant->call);
		enter(self, variant);
		peer_goes(self, variant->call, last, sleeps_on);
		EXPECT_EQ(variant->ended, leave(self, variant->call))
			TH_LOG("last %d", last);
		EXPECT_EQ(variant->pipes, rb_caught(SIGPIPE));
		if (variant->call == POLL_DATA || variant->call == POLL_SPACE)
			EXPECT_EQ(shown, self->pfd.revents);
		if (variant->call == WAIT_DATA) {
			EXPECT_EQ(0, self->wait.bytes);
			EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED |
				  FERRIO_RB_STATE_WRITE_CLOSED, self->wait.state);
		}
		/* what splice() did not move stays in the pipe */
		if (variant->call == SPLICE_IN)
			EXPECT_EQ(MESSAGE, read(self->pipe[0], self->buf, SIZE));
		close(self->fd);
	}
}

/* Whether the peer sees no end while it is held, and soon after it is not. */
static bool peer_sees_end(struct _test_data_inside *self)
{
	return hold_poll(self->peer) & (POLLHUP | POLLERR);
}

/*
 * The descriptor that it came by: the call goes on, and the end with it; both end
 * together.
 */
TEST_F(inside, own_descriptor_closes)
{
	const char *holders = reads(variant->call) ? "rb-consumers" : "rb-producers";
	bool polls = variant->call == POLL_DATA || variant->call == POLL_SPACE;

	for (int i = 0; i < 2; i++) {
		new_ring(self, variant->call);
		enter(self, variant);
		close(self->fd);
		sleeps_on(self, variant->call);
		EXPECT_FALSE(peer_sees_end(self));
		EXPECT_EQ(1, rb_fdinfo(self->peer, holders));
		peer_acts(self, variant->call);
		EXPECT_EQ(variant->moved, leave(self, variant->call));
		/* poll() looks the number up anew before it comes back */
		if (polls)
			EXPECT_EQ(POLLNVAL, self->pfd.revents);
		if (variant->call == WAIT_DATA)
			EXPECT_EQ(MESSAGE, self->wait.bytes);
		if (variant->call == WAIT_SPACE)
			EXPECT_EQ(SIZE, self->wait.bytes);
		if (variant->call == READ || variant->call == URING_READ)
			EXPECT_EQ(0, memcmp(self->buf, "abc", MESSAGE));
		if (variant->call == SPLICE_OUT)
			EXPECT_EQ(MESSAGE, read(self->pipe[0], self->buf, SIZE));
		for (int ms = 0; ms < 2000 && !peer_sees_end(self); ms++)
			rb_sleep_ms(1);
		EXPECT_TRUE(peer_sees_end(self));
		EXPECT_EQ(0, rb_fdinfo(self->peer, holders));
		/* what the call wrote last is there before the end */
		if (!reads(variant->call) && variant->moved == MESSAGE)
			EXPECT_EQ(MESSAGE, read(self->peer, self->buf, SIZE));
		close(self->peer);
	}
}

/* Both: nobody has a descriptor any more, and the call says what is left to say. */
TEST_F(inside, all_descriptors_close)
{
	bool polls = variant->call == POLL_DATA || variant->call == POLL_SPACE;

	for (int i = 0; i < 2; i++) {
		rb_catch(SIGPIPE, SA_RESTART);
		new_ring(self, variant->call);
		enter(self, variant);
		close(self->fd);
		close(self->peer);
		EXPECT_EQ(variant->ended, leave(self, variant->call));
		EXPECT_EQ(variant->pipes, rb_caught(SIGPIPE));
		if (polls)
			EXPECT_EQ(POLLNVAL, self->pfd.revents);
		if (variant->call == SPLICE_IN)
			EXPECT_EQ(MESSAGE, read(self->pipe[0], self->buf, SIZE));
		EXPECT_TRUE(rb_pages_return(self->live));
	}
}

TEST_HARNESS_MAIN
