// SPDX-License-Identifier: GPL-2.0
/* The files of a driver with rings: what programs see. */
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "hold.h"
#include "fix_driver.h"

static short polled(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };

	if (poll(&pfd, 1, 0) < 0)
		rb_die("poll: %s", strerror(errno));
	return pfd.revents;
}

TEST_F(driver, poll)
{
	char in[RB_PAGE], out[RB_PAGE];

	EXPECT_EQ(POLLOUT, polled(self->fd));
	EXPECT_EQ(0, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, "a", 1));
	EXPECT_EQ(POLLIN | POLLOUT, polled(self->fd));
	EXPECT_EQ(1, write(self->fd, "b", 1));
	EXPECT_EQ(POLLIN, polled(self->fd));
	EXPECT_EQ(1, read(self->fd, out, 8));
	EXPECT_EQ(0, polled(self->fd));
	EXPECT_EQ(1, rd_read(self->fd, FERRIO_TEST_RING_ATOMIC, out, 1, RB_PAGE));
	EXPECT_EQ(POLLOUT, polled(self->fd));
	rb_pattern(in, sizeof(in), 0);
	EXPECT_EQ(0, RD(self->fd, SHUTDOWN, .directions = RD_READ));
	EXPECT_EQ(POLLOUT | POLLHUP, polled(self->fd));
	EXPECT_EQ(0, RD(self->fd, SHUTDOWN, .directions = RD_WRITE));
	EXPECT_EQ(POLLOUT | POLLHUP | POLLERR, polled(self->fd));
}

/* A poller that sleeps is woken by a write from wherever; one with edges for each. */
TEST_F(driver, poll_wakes)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	unsigned int where;
	struct pollfd pfd;
	struct rb_call call;
	int ep;

	for (where = FERRIO_TEST_RING_SLEEPING; where <= FERRIO_TEST_RING_ATOMIC; where++) {
		pfd = (struct pollfd) { .fd = self->fd, .events = POLLIN };
		rb_call_poll(&call, &pfd, -1);
		rb_call_asleep(&call);
		EXPECT_EQ(0, rd_write(self->fd, where, "a", 1));
		EXPECT_EQ(1, rb_call_end(&call));
		EXPECT_EQ(POLLIN, pfd.revents);
		EXPECT_EQ(1, read(self->fd, &event.data, 1));
	}
	ep = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->fd, &event));
	EXPECT_EQ(0, epoll_wait(ep, &event, 1, 0));
	for (where = FERRIO_TEST_RING_SLEEPING; where <= FERRIO_TEST_RING_ATOMIC; where++) {
		EXPECT_EQ(0, rd_write(self->fd, where, "a", 1));
		EXPECT_EQ(1, epoll_wait(ep, &event, 1, 1000));
		EXPECT_EQ(EPOLLIN, event.events);
		EXPECT_EQ(0, epoll_wait(ep, &event, 1, 0));
	}
	close(ep);
}

/* A reader that sleeps is woken by each form. */
TEST_F(driver, read_sleeps)
{
	unsigned int where;
	struct rb_call call;
	char out[8];

	for (where = FERRIO_TEST_RING_SLEEPING; where <= FERRIO_TEST_RING_ATOMIC; where++) {
		rb_call_read(&call, self->fd, out, sizeof(out));
		rb_call_asleep(&call);
		EXPECT_EQ(0, rd_write(self->fd, where, "abc", 3));
		EXPECT_EQ(3, rb_call_end(&call));
	}
	EXPECT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, E(read(self->fd, out, 8)));
}

/* A writer that sleeps is woken when the driver has read. */
TEST_F(driver, write_sleeps)
{
	char in[RB_PAGE], out[RB_PAGE];
	unsigned int where;
	struct rb_call call;

	rb_pattern(in, sizeof(in), 0);
	ASSERT_EQ(RB_PAGE, write(self->fd, in, RB_PAGE));
	for (where = FERRIO_TEST_RING_SLEEPING; where <= FERRIO_TEST_RING_ATOMIC; where++) {
		rb_call_write(&call, self->fd, in, RB_PAGE);
		rb_call_asleep(&call);
		EXPECT_EQ(RB_PAGE, rd_read(self->fd, where, out, RB_PAGE, RB_PAGE));
		EXPECT_EQ(-1, rb_mismatch(out, RB_PAGE, 0));
		EXPECT_EQ(RB_PAGE, rb_call_end(&call));
	}
}

/* What can be asked of a file that has both directions. */
TEST_F(driver, ioctls)
{
	struct ferrio_rb_info info;
	struct ferrio_rb_wait wait = {
		.size = sizeof(wait), .flags = FERRIO_RB_WAIT_RELATIVE, .rw = FERRIO_RB_READ,
	};
	char c;

	rb_info(self->fd, &info);
	EXPECT_EQ(FERRIO_RB_KIND_PLAIN, info.kind);
	EXPECT_EQ(RB_PAGE, info.ring_bytes);
	EXPECT_EQ(FERRIO_RB_STATE_ALLOCATED, info.state);
	EXPECT_EQ(0, info.user_rings);
	EXPECT_EQ(0, info.user_bytes);
	EXPECT_EQ(-EBUSY, rb_set_size(self->fd, 2 * RB_PAGE));
	EXPECT_EQ(-ENOTTY, E(ioctl(self->fd, 0x1234, 0)));

	EXPECT_EQ(-ETIMEDOUT, E(ioctl(self->fd, FERRIO_RB_WAIT, &wait)));
	wait.rw = FERRIO_RB_WRITE;
	EXPECT_EQ(0, ioctl(self->fd, FERRIO_RB_WAIT, &wait));
	EXPECT_EQ(RB_PAGE, wait.bytes);
	EXPECT_EQ(0, rb_wakeup(self->fd, FERRIO_RB_READ));
	EXPECT_EQ(1, rb_fdinfo(self->fd, "rbr-producer-suppressed"));
	EXPECT_EQ(0, rb_wakeup(self->fd, FERRIO_RB_WRITE));
	EXPECT_EQ(1, rb_fdinfo(self->fd, "rbw-consumer-suppressed"));

	EXPECT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_READ));
	EXPECT_EQ(-EBADF, rb_shutdown(self->fd, FERRIO_RB_READ));
	EXPECT_EQ(-EBADF, E(read(self->fd, &c, 1)));
	EXPECT_EQ(1, write(self->fd, "a", 1));
	EXPECT_EQ(0, rb_blame(self->fd, FERRIO_RB_WRITE));
	EXPECT_EQ(-EBADMSG, E(write(self->fd, "a", 1)));
	EXPECT_EQ(-EBADMSG, rd_read(self->fd, FERRIO_TEST_RING_ATOMIC, &c, 1, 1));
	EXPECT_EQ(FERRIO_RB_CORRUPT_CONSUMER_TOLD, rb_fdinfo(self->fd, "rbw-corrupt"));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rbr-corrupt"));
}

/* A file has the ends for which it is open. */
TEST_F(driver, open_mode)
{
	int r = rd_open(variant->device, O_RDONLY, RD_READ | RD_WRITE, RB_PAGE);
	int w = rd_open(variant->device, O_WRONLY, RD_READ | RD_WRITE, RB_PAGE);
	struct ferrio_rb_info info;

	EXPECT_EQ(-EBADF, rb_try_mint(r, FERRIO_RB_WRITE));
	EXPECT_EQ(-EBADF, rb_shutdown(r, FERRIO_RB_WRITE));
	EXPECT_EQ(-EBADF, rb_blame(r, FERRIO_RB_WRITE));
	EXPECT_EQ(0, polled(r));
	EXPECT_EQ(-EBADF, rb_try_mint(w, FERRIO_RB_READ));
	EXPECT_EQ(-EBADF, rb_try_mint(w, FERRIO_RB_OBSERVE));
	EXPECT_EQ(-EBADF, rb_wakeup(w, FERRIO_RB_READ));
	EXPECT_EQ(-EBUSY, rb_set_size(r, RB_PAGE));
	EXPECT_EQ(-EBUSY, rb_set_size(w, RB_PAGE));
	EXPECT_EQ(POLLOUT, polled(w));
	rb_info(w, &info);
	EXPECT_EQ(RB_PAGE, info.ring_bytes);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 2 * RB_PAGE, PROT_READ, MAP_SHARED, r, info.map_bytes));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(0, close(rb_mint(r, FERRIO_RB_READ)));
	EXPECT_EQ(0, close(rb_mint(r, FERRIO_RB_OBSERVE)));
	EXPECT_EQ(0, close(rb_mint(w, FERRIO_RB_WRITE)));
	close(r);
	close(w);

	/* None at all. */
	w = rd_open(variant->device, O_RDONLY, RD_WRITE, RB_PAGE);
	EXPECT_EQ(-EBADF, E(ioctl(w, FERRIO_RB_GET_INFO, &info)));
	EXPECT_EQ(-EBADF, rb_set_size(w, RB_PAGE));
	EXPECT_EQ(0, polled(w));
	close(w);
}

/* Through the library, both directions mapped; the file gives its ends up to them. */
TEST_F(driver, mapped)
{
	char in[1500], out[RB_PAGE];
	struct ringbuffer c, p;

	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_READ, 0, &c));
	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_WRITE, RB_PAGE, &p));
	c.nonblock = true;
	p.nonblock = true;
	EXPECT_EQ(-EBADF, E(read(self->fd, out, 1)));
	EXPECT_EQ(-EAGAIN, E(ringbuffer_read(&c, out, 1)));
	for (uint64_t pos = 0; pos < 40 * RB_PAGE; pos += sizeof(in)) {
		unsigned int where = pos & 1 ? FERRIO_TEST_RING_ATOMIC : FERRIO_TEST_RING_SLEEPING;

		rb_pattern(in, sizeof(in), pos);
		ASSERT_EQ(0, rd_write(self->fd, where, in, sizeof(in)));
		ASSERT_EQ(sizeof(in), ringbuffer_read(&c, out, sizeof(out)));
		ASSERT_EQ(-1, rb_mismatch(out, sizeof(in), pos));
		ASSERT_EQ(sizeof(in), ringbuffer_write(&p, in, sizeof(in)));
		ASSERT_EQ(sizeof(in), rd_read(self->fd, where, out, sizeof(in), RB_PAGE));
		ASSERT_EQ(-1, rb_mismatch(out, sizeof(in), pos));
	}
	/* Nobody slept, so nobody was woken. */
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rbr-consumer-wakes"));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rbw-consumer-wakes"));
	ringbuffer_close(&c);
	EXPECT_EQ(-EPIPE, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, in, 1));
	ringbuffer_close(&p);
	EXPECT_EQ(0, rd_read(self->fd, FERRIO_TEST_RING_ATOMIC, out, 1, 1));
}

/* A mapped consumer sleeps in the kernel, and is woken by each form; and so is a driver. */
TEST_F(driver, mapped_sleeps)
{
	struct ferrio_rb_wait wait = { .size = sizeof(wait), .rw = FERRIO_RB_READ };
	struct ferrio_test_ring arg = {
		.size = sizeof(arg), .how = FERRIO_TEST_RING_READ, .min = 4, .len = 4,
	};
	struct ringbuffer c, p;
	struct rb_call call;
	unsigned int where;
	char out[8];

	arg.data = (uintptr_t)out;
	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_READ, 0, &c));
	ASSERT_LE(0, ringbuffer(self->fd, FERRIO_RB_WRITE, 0, &p));
	for (where = FERRIO_TEST_RING_SLEEPING; where <= FERRIO_TEST_RING_ATOMIC; where++) {
		wait.min_bytes = 1;
		rb_call_ioctl(&call, c.fd, FERRIO_RB_WAIT, &wait);
		rb_call_asleep(&call);
		EXPECT_EQ(0, rd_write(self->fd, where, "abc", 3));
		EXPECT_EQ(0, rb_call_end(&call));
		EXPECT_EQ(3, ringbuffer_read(&c, out, 8));
	}
	rb_call_ioctl(&call, self->fd, FERRIO_TEST_RING_CALL, &arg);
	rb_call_asleep(&call);
	EXPECT_EQ(3, ringbuffer_write(&p, "abc", 3));
	EXPECT_EQ(0, rb_fdinfo(p.fd, "rb-consumer-wakes"));
	EXPECT_EQ(1, ringbuffer_write(&p, "d", 1));
	EXPECT_EQ(0, rb_call_end(&call));
	EXPECT_EQ(4, arg.result);
	EXPECT_EQ(1, rb_fdinfo(p.fd, "rb-consumer-wakes"));
	ringbuffer_close(&c);
	ringbuffer_close(&p);
}

static void *window(int fd, size_t bytes, int prot, off_t at)
{
	return mmap(NULL, bytes, prot, MAP_SHARED, fd, at);
}

#define REFUSED(error, fd, bytes, prot, at) do {				\
	EXPECT_EQ(MAP_FAILED, window(fd, bytes, prot, at));			\
	EXPECT_EQ(error, errno);						\
} while (0)

/* The file of the driver itself, without a library: two windows for each direction. */
TEST_F(driver, own_windows)
{
	const int both = PROT_READ | PROT_WRITE;
	struct ferrio_rb_end_page *consumer, *producer;
	struct ferrio_rb_info info;
	char *in, *state, out[8];
	size_t rest, data;

	rb_info(self->fd, &info);
	rest = info.map_bytes - info.map_state;
	data = info.map_bytes - info.map_producer;
	REFUSED(EPERM, self->fd, rest, both, info.map_state);
	REFUSED(EPERM, self->fd, 2 * RB_PAGE, both, info.map_bytes);
	REFUSED(EPERM, self->fd, rest, PROT_READ | PROT_EXEC, info.map_state);
	REFUSED(EINVAL, self->fd, rest - RB_PAGE, PROT_READ, info.map_state);
	REFUSED(EINVAL, self->fd, info.map_bytes, PROT_READ, 0);
	REFUSED(EINVAL, self->fd, RB_PAGE, both, 2 * info.map_bytes);
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rbr-maps"));

	consumer = window(self->fd, RB_PAGE, both, info.map_consumer);
	in = window(self->fd, rest, PROT_READ, info.map_state);
	state = window(self->fd, 2 * RB_PAGE, PROT_READ, info.map_bytes);
	producer = window(self->fd, data, both, info.map_bytes + info.map_producer);
	ASSERT_TRUE(consumer != MAP_FAILED && in != MAP_FAILED && state != MAP_FAILED &&
		    producer != MAP_FAILED);
	EXPECT_EQ(2, rb_fdinfo(self->fd, "rbr-maps"));
	EXPECT_EQ(2, rb_fdinfo(self->fd, "rbw-maps"));

	EXPECT_EQ(0, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, "abc", 3));
	EXPECT_EQ(0, memcmp(in + info.map_data - info.map_state, "abc", 3));
	EXPECT_EQ(0, madvise(in, rest, MADV_DONTNEED));
	EXPECT_EQ(0, memcmp(in + info.map_data - info.map_state + RB_PAGE, "abc", 3));
	__atomic_store_n(&consumer->position, 3, __ATOMIC_RELEASE);
	EXPECT_EQ(0, rb_avail(self->fd));

	memcpy((char *)producer + info.map_data - info.map_producer, "de", 2);
	__atomic_store_n(&producer->position, 2, __ATOMIC_RELEASE);
	EXPECT_EQ(2, rd_read(self->fd, FERRIO_TEST_RING_ATOMIC, out, 1, 8));
	EXPECT_EQ(0, memcmp(out, "de", 2));
	EXPECT_EQ(2, ((struct ferrio_rb_end_page *)state)->position);

	EXPECT_EQ(-EINVAL, E(munmap(in, RB_PAGE)));
	EXPECT_EQ(0, munmap(in, rest));
	EXPECT_EQ(1, rb_fdinfo(self->fd, "rbr-maps"));
	/* An end that was given up is not mapped any more. */
	EXPECT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_READ));
	REFUSED(EBADF, self->fd, rest, PROT_READ, info.map_state);
	/* The others keep the file. */
	close(self->fd);
	self->fd = -1;
	producer->position = 3;
	EXPECT_EQ(0, munmap(consumer, RB_PAGE));
	EXPECT_EQ(0, munmap(state, 2 * RB_PAGE));
	EXPECT_EQ(self->live + 2 * (RB_HEAD_PAGES + 1), rb_live_pages());
	EXPECT_EQ(0, munmap(producer, data));
}

/* A child's windows are windows of their own. */
TEST_F(driver, windows_are_inherited)
{
	char *own = window(self->fd, RB_PAGE, PROT_READ | PROT_WRITE, 0), c;
	int go[2];
	pid_t pid;

	ASSERT_TRUE(own != MAP_FAILED);
	ASSERT_EQ(0, pipe2(go, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(read(go[0], &c, 1) != 1 || ((struct ferrio_rb_end_page *)own)->position);
	EXPECT_EQ(2, rb_fdinfo(self->fd, "rbr-maps"));
	EXPECT_EQ(0, munmap(own, RB_PAGE));
	EXPECT_EQ(1, rb_fdinfo(self->fd, "rbr-maps"));
	EXPECT_EQ(1, write(go[1], "g", 1));
	EXPECT_EQ(pid, waitpid(pid, &go[0], 0));
	EXPECT_EQ(0, go[0]);
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rbr-maps"));
	close(go[1]);
}

/* A ring into a pipe and back. */
TEST_F(driver, splice)
{
	char in[RB_PAGE], out[RB_PAGE];
	int pipe[2];

	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	rb_pattern(in, sizeof(in), 0);
	ASSERT_EQ(0, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, in, 3000));
	EXPECT_EQ(3000, splice(self->fd, NULL, pipe[1], NULL, RB_PAGE, 0));
	EXPECT_EQ(3000, splice(pipe[0], NULL, self->fd, NULL, RB_PAGE, SPLICE_F_NONBLOCK));
	EXPECT_EQ(3000, rd_read(self->fd, FERRIO_TEST_RING_ATOMIC, out, 3000, RB_PAGE));
	EXPECT_EQ(-1, rb_mismatch(out, 3000, 0));
	EXPECT_EQ(-EAGAIN, E(splice(self->fd, NULL, pipe[1], NULL, 1, SPLICE_F_NONBLOCK)));
	close(pipe[0]);
	close(pipe[1]);
}

/* Rings of a device: a file cannot give them up, nor does their last descriptor end them. */
TEST_F(driver, shared)
{
	int fd = rd_open(variant->device, O_RDWR, 0, 0);
	struct ringbuffer c;
	char out[8];

	ASSERT_EQ(0, RD(fd, ALLOC, .len = RB_PAGE, .directions = RD_READ | RD_WRITE,
			.flags = RD_SHARED));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, rd_write(fd, FERRIO_TEST_RING_ATOMIC, "ab", 2));
		ASSERT_LE(0, ringbuffer(fd, FERRIO_RB_READ, 0, &c));
		EXPECT_EQ(1, ringbuffer_read(&c, out, 1));
		ringbuffer_close(&c);
		EXPECT_EQ(0, rb_shutdown(fd, FERRIO_RB_READ));
		EXPECT_EQ(1, read(fd, out, 8));
	}
	close(fd);
}
