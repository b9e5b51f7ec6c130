// SPDX-License-Identifier: GPL-2.0
/*
 * An end that one of its holders gives up: the file that did is told by every
 * poller, and those of the other holders wait on.
 */

#include <linux/aio_abi.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>

#include "rb_harness.h"
#include "hold.h"
#include "../uring.h"

/* Tags of requests. */
enum { ONCE = 1, AGAIN, READ };

static char buf[RB_DEFAULT];

FIXTURE(holders) {
	long live;
	int plain, peer, gives_up, stays;
};

FIXTURE_VARIANT(holders) {
	unsigned int rw;
	int bit;
};

FIXTURE_VARIANT_ADD(holders, consumer) { FERRIO_RB_READ, POLLIN };
FIXTURE_VARIANT_ADD(holders, producer) { FERRIO_RB_WRITE, POLLOUT };

FIXTURE_SETUP(holders)
{
	rb_catch(SIGPIPE, SA_RESTART);
	self->live = rb_live_pages();
	self->plain = rb_open(O_RDWR);
	self->peer = rb_mint(self->plain, !variant->rw);
	self->gives_up = rb_mint(self->plain, variant->rw);
	self->stays = rb_mint(self->plain, variant->rw);
	close(self->plain);
	if (variant->rw == FERRIO_RB_WRITE &&
	    write(self->stays, buf, sizeof(buf)) != sizeof(buf))
		rb_die("write: %s", strerror(errno));
}

FIXTURE_TEARDOWN(holders)
{
	close(self->peer);
	close(self->gives_up);
	close(self->stays);
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* What those who wait at the end wait for. */
static void event(int peer, unsigned int rw)
{
	if (rw == FERRIO_RB_READ ? write(peer, buf, 10) != 10 :
				   read(peer, buf, sizeof(buf)) != sizeof(buf))
		rb_die("nothing for them: %s", strerror(errno));
}

TEST_F(holders, others_wait_on)
{
	struct pollfd p = { .fd = self->stays, .events = variant->bit };
	int bit = variant->bit, ep = epoll_create1(EPOLL_CLOEXEC), told = 0;
	struct epoll_event ev = { .events = bit | EPOLLET };
	struct iocb aio = {
		.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = self->stays,
		.aio_buf = bit,
	};
	struct timespec now = {}, later = { .tv_sec = 20 };
	struct iocb *calls[] = { &aio };
	aio_context_t ctx = 0;
	struct io_event done;
	struct uring u;

	uring_start(&u, 0);
	uring_poll(&u, self->stays, bit, false, ONCE);
	uring_poll(&u, self->stays, bit, true, AGAIN);
	uring_submit(&u);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->stays, &ev));
	ASSERT_EQ(0, syscall(SYS_io_setup, 1, &ctx));
	ASSERT_EQ(1, E(syscall(SYS_io_submit, ctx, 1, calls)));

	ASSERT_EQ(0, rb_shutdown(self->gives_up, variant->rw));
	EXPECT_TRUE(uring_idle(&u));
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 20));
	EXPECT_EQ(0, syscall(SYS_io_getevents, ctx, 0, 1, &done, &now));
	EXPECT_EQ(0, poll(&p, 1, 0));

	event(self->peer, variant->rw);
	while (told != (1 << ONCE | 1 << AGAIN)) {
		struct io_uring_cqe cqe;

		uring_next(&u, &cqe);
		ASSERT_EQ(bit, cqe.res);
		told |= 1 << cqe.user_data;
	}
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, -1));
	EXPECT_EQ(bit, ev.events & ~EPOLLET);
	ASSERT_EQ(1, syscall(SYS_io_getevents, ctx, 1, 1, &done, &later));
	EXPECT_EQ(bit, done.res & bit);
	EXPECT_EQ(1, poll(&p, 1, 0));
	syscall(SYS_io_destroy, ctx);
	uring_stop(&u);
	close(ep);
}

/* Of pollers that are woken one at a time it is this file's who has to look. */
TEST_F(holders, exclusive_pollers)
{
	struct epoll_event ev = { .events = variant->bit | EPOLLEXCLUSIVE };
	int ep[3], fd[3] = { self->stays, self->gives_up, self->stays };
	pid_t pid;

	/* wherever in the queue it stands */
	for (int i = 0; i < 3; i++) {
		ep[i] = epoll_create1(EPOLL_CLOEXEC);
		ASSERT_EQ(0, epoll_ctl(ep[i], EPOLL_CTL_ADD, fd[i], &ev));
	}
	/* only one with a sleeper takes the wake for itself */
	pid = fork();
	if (!pid) {
		epoll_wait(ep[0], &ev, 1, -1);
		_exit(1);
	}
	rb_asleep(pid, pid, SYS_epoll_wait);
	ASSERT_EQ(0, rb_shutdown(self->gives_up, variant->rw));
	EXPECT_EQ(1, epoll_wait(ep[1], &ev, 1, -1));
	EXPECT_EQ(variant->bit, ev.events);
	rb_reap_killed(pid);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0, i == 1 ? 0 : epoll_wait(ep[i], &ev, 1, 0));
		close(ep[i]);
	}
}

/* Calls by it do not wait any more, and that is what poll tells. */
TEST_F(holders, shown_as_ready)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), bit = variant->bit;
	struct epoll_event ev = { .events = bit };
	struct pollfd p = { .fd = self->gives_up, .events = bit };
	struct rb_call call;
	struct uring u;

	uring_start(&u, 0);
	uring_poll(&u, self->gives_up, bit, false, ONCE);
	uring_submit(&u);
	ASSERT_TRUE(uring_idle(&u));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->gives_up, &ev));
	ASSERT_EQ(0, epoll_wait(ep, &ev, 1, 0));
	rb_call_poll(&call, &p, -1);
	rb_call_asleep(&call);

	ASSERT_EQ(0, rb_shutdown(self->gives_up, variant->rw));
	EXPECT_EQ(1, rb_call_end(&call));
	EXPECT_EQ(bit, p.revents);
	EXPECT_EQ(bit, uring_end(&u, ONCE));
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, -1));
	EXPECT_EQ(bit, ev.events);
	EXPECT_EQ(-EBADF, variant->rw == FERRIO_RB_READ ?
		  E(read(self->gives_up, buf, 1)) : E(write(self->gives_up, buf, 1)));
	EXPECT_EQ(-EBADF, rb_shutdown(self->gives_up, variant->rw));
	EXPECT_EQ(bit, hold_poll(self->gives_up));
	uring_stop(&u);
	close(ep);
}

FIXTURE(ring) {
	long live;
};

FIXTURE_SETUP(ring)
{
	rb_catch(SIGPIPE, SA_RESTART);
	self->live = rb_live_pages();
}

FIXTURE_TEARDOWN(ring)
{
	EXPECT_TRUE(rb_pages_return(self->live));
}

/* A plain descriptor shows each end that it has given up. */
TEST_F(ring, plain)
{
	int fd = rb_open(O_RDWR), reads = rb_open(O_RDONLY);

	EXPECT_EQ(POLLOUT, hold_poll(fd));
	EXPECT_EQ(0, rb_shutdown(fd, FERRIO_RB_READ));
	EXPECT_EQ(POLLIN | POLLOUT | POLLERR | POLLHUP, hold_poll(fd));
	EXPECT_EQ(0, rb_shutdown(fd, FERRIO_RB_WRITE));
	EXPECT_EQ(POLLIN | POLLOUT, hold_poll(fd));
	close(fd);
	/* what it never held it has not given up */
	EXPECT_EQ(0, rb_shutdown(reads, FERRIO_RB_READ));
	EXPECT_EQ(POLLIN, hold_poll(reads));
	close(reads);
}

static void *writes(void *arg)
{
	int fd = *(int *)arg;
	uint64_t seed = fd;

	for (;;) {
		for (volatile int i = rb_random(&seed) % 2000; i > 0; i--)
			;
		if (write(fd, "abc", 3) != 3)
			return NULL;
	}
}

/* However close a write is, the multishot read of who gives up ends. */
TEST_F_TIMEOUT(ring, multishot_read_ends, 60)
{
	uint64_t seed = rb_seed();
	struct uring_pool pool;
	int ended = 0;
	struct uring u;

	uring_start(&u, 0);
	uring_pool_start(&u, &pool, 64, 100);
	for (int i = 0; i < rounds(500, 50); i++) {
		int plain = rb_open(O_RDWR), r = rb_mint(plain, FERRIO_RB_READ);
		int w = rb_mint(plain, FERRIO_RB_WRITE);
		struct io_uring_cqe cqe;
		pthread_t thread;

		close(plain);
		uring_multishot(&u, r, READ);
		uring_submit(&u);
		ASSERT_EQ(0, pthread_create(&thread, NULL, writes, &w));
		for (volatile int j = rb_random(&seed) % 20000; j > 0; j--)
			;
		ASSERT_EQ(0, rb_shutdown(r, FERRIO_RB_READ));
		for (;;) {
			uring_next(&u, &cqe);
			if (cqe.flags & IORING_CQE_F_BUFFER)
				uring_give(&pool, cqe.flags >> IORING_CQE_BUFFER_SHIFT);
			if (!(cqe.flags & IORING_CQE_F_MORE))
				break;
		}
		/* or the bytes came faster than we gave buffers back */
		if (cqe.res != -ENOBUFS)
			ASSERT_EQ(-EBADF, cqe.res);
		ended += cqe.res == -EBADF;
		pthread_join(thread, NULL);
		close(r);
		close(w);
	}
	EXPECT_LT(0, ended);
	uring_stop(&u);
}

/* What is wrong with a ring comes before that nobody reads it, in each way to write. */
TEST_F(ring, blamed_before_gone)
{
	int plain = rb_open(O_RDWR), w = rb_mint(plain, FERRIO_RB_WRITE);
	int p[2], file = memfd_create("x", MFD_CLOEXEC);
	off_t from = 0;

	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	ASSERT_EQ(10, write(p[1], buf, 10));
	ASSERT_EQ(10, write(file, buf, 10));
	ASSERT_EQ(0, rb_blame(w, FERRIO_RB_WRITE));
	close(plain);
	EXPECT_EQ(-EBADMSG, E(write(w, buf, 10)));
	EXPECT_EQ(-EBADMSG, E(splice(p[0], NULL, w, NULL, 10, 0)));
	EXPECT_EQ(-EBADMSG, E(sendfile(w, file, &from, 10)));
	EXPECT_EQ(0, rb_caught(SIGPIPE));
	EXPECT_EQ(10, rb_avail(p[0]));
	close(file);
	close(p[0]);
	close(p[1]);
	close(w);
}

TEST_HARNESS_MAIN
