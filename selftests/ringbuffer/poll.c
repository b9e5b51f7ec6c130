// SPDX-License-Identifier: GPL-2.0
/* poll(2), select(2) and epoll(7): every bit, both triggers, no lost wake. */

#include <linux/aio_abi.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "fix_byte.h"

#define IN	(POLLIN | POLLRDNORM)
#define OUT	(POLLOUT | POLLWRNORM)
#define LONG_MS	20000	/* only reached when a wake is lost */

static int bits(int fd)
{
	struct pollfd p = {
		.fd = fd, .events = IN | OUT | POLLPRI | POLLRDHUP | POLLRDBAND,
	};
	int n = poll(&p, 1, 0);

	if (n < 0 || n != !!p.revents)
		rb_die("poll gave %d with revents %#x", n, p.revents);
	return p.revents;
}

/* A plain descriptor shows the bits of the ends that it holds, and what it gave up as ready. */
static bool shows(struct rb *rb, int r, int w)
{
	int got_r = rb->r < 0 ? r : bits(rb->r);
	int got_w = rb->w < 0 ? w : bits(rb->w);

	if (rb->kind == RB_PLAIN) {
		r = (rb->r_open ? r : IN) | (rb->w_open ? w : OUT);
		w = r;
	}
	if (got_r == r && got_w == w)
		return true;
	fprintf(stderr, "# read side %#x, not %#x; write side %#x, not %#x\n",
		got_r, r, got_w, w);
	return false;
}

TEST_F(byte, bits_of_data_and_space)
{
	static char buf[RB_DEFAULT];
	struct rb *rb = &self->rb;

	EXPECT_TRUE(shows(rb, 0, OUT));
	ASSERT_EQ(1, write(rb->w, buf, 1));
	EXPECT_TRUE(shows(rb, IN, OUT));
	ASSERT_EQ(1, read(rb->r, buf, 1));
	EXPECT_TRUE(shows(rb, 0, OUT));
	rb_fill(rb);
	EXPECT_TRUE(shows(rb, IN, 0));
	if (variant->kind != RB_PIPE) {
		/* PIPE_BUF bytes have to be free, not one less */
		ASSERT_EQ(RB_PAGE - 1, read(rb->r, buf, RB_PAGE - 1));
		EXPECT_TRUE(shows(rb, IN, 0));
		ASSERT_EQ(1, read(rb->r, buf, 1));
	} else {
		ASSERT_EQ(RB_PAGE, read(rb->r, buf, RB_PAGE));
	}
	EXPECT_TRUE(shows(rb, IN, OUT));
	ASSERT_EQ(RB_DEFAULT - RB_PAGE, read(rb->r, buf, sizeof(buf)));
	EXPECT_TRUE(shows(rb, 0, OUT));
}

TEST_F(byte, bits_of_closed_writer)
{
	struct rb *rb = &self->rb;
	char c;

	ASSERT_EQ(1, write(rb->w, "x", 1));
	rb_close_w(rb);
	EXPECT_TRUE(shows(rb, IN | POLLHUP, 0));
	ASSERT_EQ(1, read(rb->r, &c, 1));
	EXPECT_TRUE(shows(rb, POLLHUP, 0));
}

TEST_F(byte, bits_of_closed_reader)
{
	int gone = variant->kind == RB_PIPE ? POLLERR : POLLERR | POLLHUP;
	struct rb *rb = &self->rb;

	EXPECT_TRUE(shows(rb, 0, OUT));
	rb_close_r(rb);
	EXPECT_TRUE(shows(rb, 0, OUT | gone));
}

TEST_F(byte, bits_of_full_closed_reader)
{
	int gone = variant->kind == RB_PIPE ? POLLERR : POLLERR | POLLHUP;
	struct rb *rb = &self->rb;

	rb_fill(rb);
	rb_close_r(rb);
	EXPECT_TRUE(shows(rb, 0, gone));
}

/* A page-sized ring is writable when it is empty, and only then. */
TEST_F(byte, smallest)
{
	struct rb rb;
	char c;

	rb_start(&rb, variant->kind, RB_PAGE);
	EXPECT_TRUE(shows(&rb, 0, OUT));
	ASSERT_EQ(1, write(rb.w, "x", 1));
	EXPECT_TRUE(shows(&rb, IN, 0));
	ASSERT_EQ(1, read(rb.r, &c, 1));
	EXPECT_TRUE(shows(&rb, 0, OUT));
	rb_stop(&rb);
}

static int selected(struct rb *rb, bool *r, bool *w, bool *x)
{
	fd_set rfds, wfds, xfds;
	struct timeval none = { 0, 0 };
	int n;

	FD_ZERO(&rfds);
	FD_ZERO(&wfds);
	FD_ZERO(&xfds);
	FD_SET(rb->r, &rfds);
	FD_SET(rb->w, &wfds);
	FD_SET(rb->r, &xfds);
	FD_SET(rb->w, &xfds);
	n = select((rb->r > rb->w ? rb->r : rb->w) + 1, &rfds, &wfds, &xfds,
		   &none);
	*r = FD_ISSET(rb->r, &rfds);
	*w = FD_ISSET(rb->w, &wfds);
	*x = FD_ISSET(rb->r, &xfds) || FD_ISSET(rb->w, &xfds);
	return n;
}

TEST_F(byte, select)
{
	bool r, w, x;

	EXPECT_EQ(1, selected(&self->rb, &r, &w, &x));
	EXPECT_TRUE(!r && w && !x);
	rb_fill(&self->rb);
	EXPECT_EQ(1, selected(&self->rb, &r, &w, &x));
	EXPECT_TRUE(r && !w && !x);
}

static int watch(int fd, unsigned int events)
{
	struct epoll_event ev = { .events = events };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		rb_die("epoll: %s", strerror(errno));
	return ep;
}

/* The events that are there now; -1 for none. */
static int events(int ep)
{
	struct epoll_event ev;
	int n = epoll_wait(ep, &ev, 1, 0);

	if (n < 0)
		rb_die("epoll_wait: %s", strerror(errno));
	return n ? (int)ev.events : -1;
}

TEST_F(byte, epoll_level)
{
	static char buf[RB_DEFAULT];
	int in = watch(self->rb.r, EPOLLIN), out = watch(self->rb.w, EPOLLOUT);

	EXPECT_EQ(-1, events(in));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(EPOLLOUT, events(out));
	rb_fill(&self->rb);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(EPOLLIN, events(in));
		EXPECT_EQ(-1, events(out));
	}
	ASSERT_EQ(RB_PAGE, read(self->rb.r, buf, RB_PAGE));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(EPOLLIN, events(in));
		EXPECT_EQ(EPOLLOUT, events(out));
	}
	ASSERT_EQ(RB_DEFAULT - RB_PAGE, read(self->rb.r, buf, RB_DEFAULT));
	EXPECT_EQ(-1, events(in));
}

/* Edge triggered: one event for each batch, drained or not. */
TEST_F(byte, epoll_edge_in)
{
	char buf[16];
	int ep;

	ASSERT_EQ(1, write(self->rb.w, "a", 1));
	ep = watch(self->rb.r, EPOLLIN | EPOLLET);
	EXPECT_EQ(EPOLLIN, events(ep));
	EXPECT_EQ(-1, events(ep));
	for (int i = 0; i < 5; i++) {
		ASSERT_EQ(1, write(self->rb.w, "b", 1));
		EXPECT_EQ(EPOLLIN, events(ep));
		EXPECT_EQ(-1, events(ep));
	}
	ASSERT_EQ(6, read(self->rb.r, buf, sizeof(buf)));
	EXPECT_EQ(-1, events(ep));
	for (int i = 0; i < 5; i++) {
		ASSERT_EQ(1, write(self->rb.w, "c", 1));
		ASSERT_EQ(1, write(self->rb.w, "d", 1));
		EXPECT_EQ(EPOLLIN, events(ep));
		EXPECT_EQ(-1, events(ep));
		ASSERT_EQ(2, read(self->rb.r, buf, sizeof(buf)));
	}
	rb_close_w(&self->rb);
	EXPECT_EQ(EPOLLHUP, events(ep) & ~EPOLLIN);
}

TEST_F(byte, epoll_edge_out)
{
	static char buf[RB_DEFAULT];
	int ep = watch(self->rb.w, EPOLLOUT | EPOLLET);

	EXPECT_EQ(EPOLLOUT, events(ep));
	EXPECT_EQ(-1, events(ep));
	for (int i = 0; i < 5; i++) {
		rb_fill(&self->rb);
		EXPECT_EQ(-1, events(ep));
		ASSERT_EQ(RB_PAGE, read(self->rb.r, buf, RB_PAGE));
		EXPECT_EQ(EPOLLOUT, events(ep));
		EXPECT_EQ(-1, events(ep));
		ASSERT_EQ(RB_DEFAULT - RB_PAGE,
			  read(self->rb.r, buf, sizeof(buf)));
		while (events(ep) != -1)
			;
	}
	rb_fill(&self->rb);
	rb_close_r(&self->rb);
	EXPECT_NE(0, events(ep) & EPOLLERR);
}

TEST_F(byte, epoll_oneshot)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT };
	int ep = watch(self->rb.r, EPOLLIN | EPOLLONESHOT);

	ASSERT_EQ(1, write(self->rb.w, "x", 1));
	EXPECT_EQ(EPOLLIN, events(ep));
	ASSERT_EQ(1, write(self->rb.w, "x", 1));
	EXPECT_EQ(-1, events(ep));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_MOD, self->rb.r, &ev));
	EXPECT_EQ(EPOLLIN, events(ep));
	EXPECT_EQ(-1, events(ep));
}

/*
 * Linux AIO polls a file that has one queue: an end has, for its own events.  A
 * plain descriptor that holds both ends has two.
 */
TEST_F(byte, linux_aio)
{
	struct iocb poll_in = {
		.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_fildes = self->rb.r,
		.aio_buf = POLLIN,
	};
	struct timespec now = {}, later = { .tv_sec = LONG_MS / 1000 };
	struct iocb *calls[] = { &poll_in };
	aio_context_t ctx = 0;
	struct io_event ev;

	ASSERT_EQ(0, syscall(SYS_io_setup, 1, &ctx));
	if (variant->kind == RB_PLAIN) {
		EXPECT_EQ(-EINVAL, E(syscall(SYS_io_submit, ctx, 1, calls)));
	} else {
		ASSERT_EQ(1, E(syscall(SYS_io_submit, ctx, 1, calls)));
		EXPECT_EQ(0, syscall(SYS_io_getevents, ctx, 0, 1, &ev, &now));
		ASSERT_EQ(1, write(self->rb.w, "x", 1));
		ASSERT_EQ(1, syscall(SYS_io_getevents, ctx, 1, 1, &ev, &later));
		/* the bits of the wake, if it completed from there */
		EXPECT_EQ(POLLIN, ev.res & ~POLLRDNORM);
	}
	ASSERT_EQ(0, syscall(SYS_io_destroy, ctx));
}

/* A poller that sleeps is woken by data, and by space. */
static void wakes(struct __test_metadata *_metadata, struct rb *rb)
{
	static char buf[RB_DEFAULT];
	struct pollfd in = { .fd = rb->r, .events = POLLIN };
	struct pollfd out = { .fd = rb->w, .events = POLLOUT };
	struct rb_call c;

	for (int i = 0; i < rounds(20, 3); i++) {
		rb_call_poll(&c, &in, -1);
		rb_call_asleep(&c);
		ASSERT_EQ(1, write(rb->w, "x", 1));
		ASSERT_EQ(1, rb_call_end(&c));
		ASSERT_EQ(POLLIN, in.revents);
		ASSERT_EQ(1, read(rb->r, buf, 1));

		rb_fill(rb);
		rb_call_poll(&c, &out, -1);
		rb_call_asleep(&c);
		ASSERT_EQ(RB_PAGE, read(rb->r, buf, RB_PAGE));
		ASSERT_EQ(1, rb_call_end(&c));
		ASSERT_EQ(POLLOUT, out.revents);
		ASSERT_EQ(RB_DEFAULT - RB_PAGE, read(rb->r, buf, RB_DEFAULT));
	}
}

TEST_F(byte, wakes)
{
	wakes(_metadata, &self->rb);
}

TEST_F(byte, wakes_1cpu)
{
	rb_pin(0);
	wakes(_metadata, &self->rb);
}

/* One byte goes to and fro between two edge-triggered sleepers. */
struct player {
	int r, w, ep;
	int turns;
	const char *fault;
};

static bool take_turn(struct player *p)
{
	struct epoll_event ev;
	char buf[8];
	ssize_t n = 0;

	while (n < 1) {
		if (epoll_wait(p->ep, &ev, 1, LONG_MS) != 1) {
			p->fault = "epoll_wait found no event: a lost wake";
			return false;
		}
		n = read(p->r, buf, sizeof(buf));
		if (n < 0 && errno != EAGAIN) {
			p->fault = "read failed";
			return false;
		}
	}
	if (n != 1 || E(read(p->r, buf, 1)) != -EAGAIN) {
		p->fault = "more than one byte in flight";
		return false;
	}
	return true;
}

static void *play(void *arg)
{
	struct player *p = arg;

	while (p->turns) {
		if (!take_turn(p))
			break;
		if (write(p->w, "o", 1) != 1) {
			p->fault = "write failed";
			break;
		}
		p->turns--;
	}
	return NULL;
}

static void ping_pong(struct __test_metadata *_metadata, struct rb *there,
		      enum rb_kind kind, int turns)
{
	struct rb back;
	struct player a, b;
	pthread_t thread;

	rb_start(&back, kind, RB_PAGE);
	rb_nonblock(there, true);
	rb_nonblock(&back, true);
	a = (struct player){ .r = back.r, .w = there->w };
	b = (struct player){ .r = there->r, .w = back.w };
	a.turns = turns;
	b.turns = a.turns + 1;
	a.ep = watch(a.r, EPOLLIN | EPOLLET);
	b.ep = watch(b.r, EPOLLIN | EPOLLET);
	ASSERT_EQ(1, write(there->w, "o", 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, play, &b));
	play(&a);
	pthread_join(thread, NULL);
	EXPECT_EQ(NULL, a.fault)
		TH_LOG("%s with %d turns to go", a.fault, a.turns);
	EXPECT_EQ(NULL, b.fault)
		TH_LOG("%s with %d turns to go", b.fault, b.turns);
	EXPECT_EQ(0, a.turns);
	EXPECT_EQ(0, b.turns);
	rb_stop(&back);
}

/*
 * Each turn wakes the other CPU, which in an emulated machine takes a
 * millisecond; on one CPU it is a switch of tasks.
 */
TEST_F_TIMEOUT(byte, ping_pong, 60)
{
	ping_pong(_metadata, &self->rb, variant->kind,
		  rounds(variant->kind == RB_PIPE ? 150 : 500, 60));
}

TEST_F_TIMEOUT(byte, ping_pong_1cpu, 60)
{
	rb_pin(0);
	ping_pong(_metadata, &self->rb, variant->kind,
		  rounds(variant->kind == RB_PIPE ? 1000 : 5000, 200));
}

TEST_HARNESS_MAIN
