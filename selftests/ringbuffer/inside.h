/* SPDX-License-Identifier: GPL-2.0 */
/* A ring whose peer goes, by whatever holds its end last, and the calls that see it. */
#ifndef INSIDE_H
#define INSIDE_H

#include "hold.h"
#include "rb_harness.h"
#include "../uring.h"

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
	enum last last;
	void *window;
	int sock[2];
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

	if (op == IORING_OP_POLL_ADD) {
		sqe.poll32_events = events;
	} else {
		sqe.addr = (unsigned long)self->buf;
		sqe.len = op == IORING_OP_READ ? SIZE : MESSAGE;
		sqe.off = -1;
	}
	if (uring_try(&self->uring, &sqe) != 1)
		rb_die("io_uring_enter: %s", strerror(errno));
}

static void submit_call(struct _test_data_inside *self,
			const struct _fixture_variant_inside *variant)
{
	if (variant->call == URING_READ)
		submit(self, IORING_OP_READ, 0);
	else if (variant->call == URING_WRITE)
		submit(self, IORING_OP_WRITE, 0);
	else
		submit(self, IORING_OP_POLL_ADD, variant->events);
}

/* What the call is given. */
static void prepare(struct _test_data_inside *self,
		    const struct _fixture_variant_inside *variant)
{
	self->pfd = (struct pollfd){ .fd = self->fd, .events = variant->events };
	self->wait = (struct ferrio_rb_wait){
		.size = sizeof(self->wait),
		.rw = reads(variant->call) ? FERRIO_RB_READ : FERRIO_RB_WRITE,
	};
	if (variant->call == SPLICE_IN &&
	    write(self->pipe[1], self->buf, MESSAGE) != MESSAGE)
		rb_die("write: %s", strerror(errno));
}

/* Until it sleeps; a request, until it is queued. */
static void enter(struct _test_data_inside *self,
		  const struct _fixture_variant_inside *variant)
{
	struct rb_call *c = &self->call;
	struct io_uring_cqe cqe;

	prepare(self, variant);
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
		rb_call_splice(c, self->pipe[0], self->fd, MESSAGE, 0);
		break;
	default:
		submit_call(self, variant);
		if (uring_take(&self->uring, &cqe))
			rb_die("a request gave %d instead of waiting", cqe.res);
		return;
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

/* Makes @last the only holder of the peer's end. */
static void peer_leaves_but(struct _test_data_inside *self, enum call call,
			    enum last last)
{
	size_t first = reads(call) ? 2 : 0, pages = reads(call) ? 3 : 1;

	self->last = last;
	if (last == WINDOW) {
		self->window = mmap(NULL, pages * RB_PAGE, PROT_READ | PROT_WRITE,
				    MAP_SHARED, self->peer, first * RB_PAGE);
		if (self->window == MAP_FAILED)
			rb_die("mmap: %s", strerror(errno));
	}
	if (last == SOCKET) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, self->sock))
			rb_die("socketpair: %s", strerror(errno));
		rb_send_fd(self->sock[0], self->peer);
	}
	if (last == WINDOW || last == SOCKET)
		close(self->peer);
}

/* That one goes, too. */
static void last_goes(struct _test_data_inside *self, enum call call)
{
	switch (self->last) {
	case DESCRIPTOR:
		close(self->peer);
		break;
	case WINDOW:
		munmap(self->window, (reads(call) ? 3 : 1) * RB_PAGE);
		break;
	case SOCKET:
		close(self->sock[0]);
		close(self->sock[1]);
		break;
	default:
		if (rb_shutdown(self->peer, reads(call) ? FERRIO_RB_WRITE :
							  FERRIO_RB_READ))
			rb_die("FERRIO_RB_SHUTDOWN failed");
		close(self->peer);
	}
}

#endif /* INSIDE_H */
