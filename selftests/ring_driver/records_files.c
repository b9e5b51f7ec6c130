// SPDX-License-Identifier: GPL-2.0
/* A driver's ring of records, as programs see it; some of them keep to no rule. */
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "fix_record.h"

static short polled(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };

	if (poll(&pfd, 1, 0) < 0)
		rb_die("poll: %s", strerror(errno));
	return pfd.revents;
}

TEST_F(record, poll)
{
	char out[8];

	EXPECT_EQ(0, polled(self->fd));
	ASSERT_EQ(0, rd_take_back(self->fd, FERRIO_TEST_RING_ATOMIC, "abc", 3));
	ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, "abc", 3, 3));
	EXPECT_EQ(POLLIN, polled(self->fd));
	EXPECT_EQ(3, read(self->fd, out, 8));
	EXPECT_EQ(0, polled(self->fd));
	EXPECT_EQ(0, RD(self->fd, SHUTDOWN, .directions = RD_READ));
	EXPECT_EQ(POLLHUP, polled(self->fd));
}

/* Who sleeps in poll(2), epoll_wait(2), read(2) or FERRIO_RB_WAIT is woken from each context. */
TEST_F(record, wakes)
{
	struct ferrio_rb_wait wait = { .size = sizeof(wait), .rw = FERRIO_RB_READ };
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct ring_records c = map_end(self->fd);
	struct pollfd pfd;
	struct rb_call call;
	const void *payload;
	char out[8];
	int ep;

	ep = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->fd, &event));
	FOR_EACH_CONTEXT(where) {
		pfd = (struct pollfd) { .fd = self->fd, .events = POLLIN };
		rb_call_poll(&call, &pfd, -1);
		rb_call_asleep(&call);
		ASSERT_EQ(0, rd_record(self->fd, where, "a", 1, 1));
		ASSERT_EQ(1, rb_call_end(&call));
		EXPECT_EQ(POLLIN, pfd.revents);
		EXPECT_EQ(1, epoll_wait(ep, &event, 1, 1000));
		EXPECT_EQ(EPOLLIN, event.events);
		EXPECT_EQ(0, epoll_wait(ep, &event, 1, 0));
		EXPECT_EQ(1, read(self->fd, out, sizeof(out)));

		rb_call_read(&call, self->fd, out, sizeof(out));
		rb_call_asleep(&call);
		ASSERT_EQ(0, rd_record(self->fd, where, "abc", 3, 3));
		ASSERT_EQ(3, rb_call_end(&call));

		wait.min_bytes = 1;
		rb_call_ioctl(&call, c.rb.fd, FERRIO_RB_WAIT, &wait);
		rb_call_asleep(&call);
		ASSERT_EQ(0, rd_record(self->fd, where, "abcd", 4, 4));
		ASSERT_EQ(0, rb_call_end(&call));
		ASSERT_EQ(4, next_of(&c, &payload));
		ASSERT_EQ(0, ring_record_done(&c));
		while (epoll_wait(ep, &event, 1, 0))
			;
	}
	close(ep);
	ring_records_close(&c);
}

/* What can be asked of the file, and what it is not for. */
TEST_F(record, ioctls)
{
	int both = rd_open(variant->device, O_RDWR, 0, 0), pipe_fd[2];
	struct ferrio_rb_info info;
	char c;

	rb_info(self->fd, &info);
	EXPECT_EQ(FERRIO_RB_KIND_PLAIN, info.kind);
	EXPECT_EQ(RB_PAGE, info.ring_bytes);
	EXPECT_EQ(FERRIO_RB_RECORDS | FERRIO_RB_RECORDS_MANY |
		  (self->drops ? FERRIO_RB_RECORDS_DROP : 0), info.records);
	EXPECT_EQ(info.records, rb_fdinfo(self->fd, "rbr-records"));
	EXPECT_EQ(0, info.slot);
	EXPECT_EQ(0, info.user_rings);
	EXPECT_EQ(-1, rb_fdinfo(self->fd, "rbw-size"));
	EXPECT_EQ(-EBUSY, rb_set_size(self->fd, RB_PAGE));

	/* No program is a producer, whatever it has open. */
	ASSERT_EQ(0, RD(both, ALLOC, .len = RB_PAGE, .directions = RD_READ,
			.flags = variant->flags));
	EXPECT_EQ(-EINVAL, E(write(both, "x", 1)));
	EXPECT_EQ(-EBADF, rb_try_mint(both, FERRIO_RB_WRITE));
	ASSERT_EQ(0, pipe2(pipe_fd, O_CLOEXEC));
	ASSERT_EQ(1, write(pipe_fd[1], "x", 1));
	EXPECT_EQ(-EINVAL, E(splice(pipe_fd[0], NULL, both, NULL, 1, 0)));
	/* A pipe would not keep records apart. */
	ASSERT_EQ(0, rd_record(both, FERRIO_TEST_RING_ATOMIC, "abc", 3, 3));
	EXPECT_EQ(-EINVAL, E(splice(both, NULL, pipe_fd[1], NULL, 3, 0)));
	EXPECT_EQ(-EMSGSIZE, E(read(both, &c, 1)));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	close(both);
}

/* The file's own end goes to a mapping, which has no more rights than to consume. */
TEST_F(record, mapped)
{
	struct ring_records rr;
	struct ringbuffer bytes;
	char in[1500], c;
	const void *out;

	EXPECT_EQ(-1, ringbuffer(self->fd, FERRIO_RB_READ, 0, &bytes));
	EXPECT_EQ(EPROTO, errno);
	ASSERT_LE(0, ring_records(self->fd, FERRIO_RB_READ, 0, 0, &rr));
	rr.rb.nonblock = true;
	EXPECT_EQ(-EBADF, E(read(self->fd, &c, 1)));
	EXPECT_EQ(-EPERM, rb_try_mint(rr.rb.fd, FERRIO_RB_WRITE));
	EXPECT_EQ(-EACCES, E(mprotect(rr.rb.window + RB_PAGE, rr.rb.window_bytes - RB_PAGE,
				      PROT_READ | PROT_WRITE)));
	for (uint64_t pos = 0; pos < 40 * RB_PAGE; pos += sizeof(in)) {
		FOR_EACH_CONTEXT(where) {
			rb_pattern(in, sizeof(in), pos);
			ASSERT_EQ(0, rd_record(self->fd, where, in, sizeof(in), sizeof(in)));
			ASSERT_EQ(sizeof(in), next_of(&rr, &out));
			ASSERT_EQ(-1, rb_mismatch(out, sizeof(in), pos));
			ASSERT_EQ(0, ring_record_done(&rr));
		}
	}
	/* Nobody slept, so nobody was woken. */
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rbr-consumer-wakes"));
	ring_records_close(&rr);
	EXPECT_EQ(-EPIPE, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, in, 1, 1));
}

/* A ring of a device: a file cannot give it up, nor does its last descriptor end it. */
TEST_F(record, shared)
{
	int fd = rd_open(variant->device, O_RDONLY, 0, 0);
	struct ring_records rr;
	const void *payload;
	char out[8];

	ASSERT_EQ(0, RD(fd, ALLOC, .len = RB_PAGE, .directions = RD_READ,
			.flags = variant->flags | RD_SHARED));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, rd_record(fd, FERRIO_TEST_RING_ATOMIC, "ab", 2, 2));
		ASSERT_EQ(0, rd_record(fd, FERRIO_TEST_RING_ATOMIC, "cde", 3, 3));
		ASSERT_LE(0, ring_records(fd, FERRIO_RB_READ, 0, 0, &rr));
		ASSERT_EQ(2, next_of(&rr, &payload));
		ring_record_done(&rr);
		ring_records_close(&rr);
		EXPECT_EQ(0, rb_shutdown(fd, FERRIO_RB_READ));
		EXPECT_EQ(3, read(fd, out, sizeof(out)));
	}
	close(fd);
}

/* ---- what keeps to no rule ---- */

/* A consumer in the middle of a record, in front of the end, or a ring behind: impossible. */
TEST_F(record, impossible_positions)
{
	static const uint64_t wrong[] = { 504, 4040, 1ULL << 55, -RB_PAGE };
	char bytes[1000] = "";

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		FOR_EACH_CONTEXT(where) {
			int fd = rd_records(variant->device, variant->flags, RB_PAGE);
			struct ring_records c = map_end(fd);
			const void *out;

			for (int n = 0; n < 4; n++)
				ASSERT_EQ(0, rd_record(fd, where, bytes, 1000, 1000));
			__atomic_store_n(c.rb.own, wrong[i], __ATOMIC_RELEASE);
			ASSERT_EQ(-EBADMSG, rd_record(fd, where, bytes, 100, 100));
			ASSERT_EQ(-EBADMSG, rd_take_back(fd, where, bytes, 100));
			/* A mark that is made by an interrupt comes a moment later. */
			for (int n = 0; n < 2000 && !rb_fdinfo(fd, "rbr-corrupt"); n++)
				rb_sleep_ms(1);
			ASSERT_EQ(FERRIO_RB_CORRUPT_CONSUMER, rb_fdinfo(fd, "rbr-corrupt"));
			ASSERT_EQ(self->drops ? 2 : 0, rb_fdinfo(fd, "rbr-lost-peer"));
			ASSERT_EQ(-EBADMSG, next_of(&c, &out));
			ASSERT_NE(0, polled(c.rb.fd) & POLLERR);
			ring_records_close(&c);
			close(fd);
		}
	}
}

/* A position that may be one is the program's loss alone. */
TEST_F(record, early_position)
{
	struct ring_records c = map_end(self->fd);
	char bytes[1000] = "";
	const void *out;

	for (int n = 0; n < 4; n++)
		ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, bytes, 1000, 1000));
	__atomic_store_n(c.rb.own, 2 * extent_of(1000), __ATOMIC_RELEASE);
	for (int n = 0; n < 2; n++)
		ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, bytes, 900, 900));
	ASSERT_EQ(1000, next_of(&c, &out));
	ASSERT_EQ(1000, next_of(&c, &out));
	ASSERT_EQ(900, next_of(&c, &out));
	ASSERT_EQ(900, next_of(&c, &out));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rbr-corrupt"));
	ring_records_close(&c);
}

/* A driver that sleeps is woken by corruption, as by anything that is final. */
TEST_F(record, corrupt_wakes)
{
	struct ferrio_test_ring arg = {
		.size = sizeof(arg), .how = FERRIO_TEST_RING_RECORD, .len = LARGEST,
	};
	struct rb_call call;

	ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, "a", 1, 1));
	if (!self->drops) {
		rb_call_ioctl(&call, self->fd, FERRIO_TEST_RING_CALL, &arg);
		rb_call_asleep(&call);
	}
	EXPECT_EQ(0, rb_blame(self->fd, FERRIO_RB_READ));
	if (!self->drops) {
		EXPECT_EQ(0, rb_call_end(&call));
		EXPECT_EQ(-EBADMSG, arg.result);
	}
	EXPECT_EQ(-EBADMSG, rd_record(self->fd, FERRIO_TEST_RING_SLEEPING, "a", 1, 1));
	EXPECT_EQ(self->drops, rd_lost(self->fd, FERRIO_RB_LOST_PEER));
}

/* Whatever a program does with its words, the driver's calls end, and give what they may. */
TEST_F_TIMEOUT(record, scribbles, 60)
{
	int turns = rounds(4000, 150);
	uint64_t seed = rb_seed();
	char bytes[RB_PAGE] = "";

	for (int ring = 0; ring < 4; ring++) {
		int fd = rd_records(variant->device, variant->flags, RB_PAGE);
		struct ring_records c = map_end(fd);
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			for (uint64_t n = 0;; n++) {
				/* The first rings within the rule, the others anywhere. */
				uint64_t by = rb_random(&seed) % (ring < 2 ? 64 : ~0ULL);

				__atomic_store_n(c.rb.own, *c.rb.own + by, __ATOMIC_RELEASE);
				((uint64_t *)c.rb.own)[16 + n % 2] = rb_random(&seed);
			}
		}
		for (int i = 0; i < turns; i++) {
			size_t len = rb_random(&seed) % LARGEST;
			unsigned int where = contexts[self->drops ? i % 2 : 1];
			long ret = i % 3 ? rd_record(fd, where, bytes, len, len / 2) :
				rd_take_back(fd, where, bytes, len);

			ASSERT_TRUE(!ret || ret == (self->drops ? -ENOBUFS : -EAGAIN) ||
				    ret == -EBADMSG);
		}
		kill(pid, SIGKILL);
		rb_reap_killed(pid);
		ring_records_close(&c);
		close(fd);
	}
}

/* ---- what goes, in any order ---- */

/* The file goes, and its driver's end with it; the mapping stays, and says so. */
TEST_F(record, file_goes_before_the_mapping)
{
	struct ring_records c = map_end(self->fd);
	const void *out;

	ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, "abc", 3, 3));
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(3, next_of(&c, &out));
	EXPECT_EQ(0, memcmp(out, "abc", 3));
	EXPECT_EQ(-ENODATA, next_of(&c, &out));
	EXPECT_EQ(self->live + RB_HEAD_PAGES + 1, rb_live_pages());
	ring_records_close(&c);
	EXPECT_EQ(self->live, rb_live_pages());
}

/* A thread of the driver is in the middle of it when the file goes. */
TEST_F_TIMEOUT(record, file_goes_under_a_thread, 60)
{
	int turns = rounds(40, 5), r;
	char out[RB_PAGE];
	long n;

	for (int i = 0; i < turns; i++) {
		ASSERT_EQ(0, RD(self->fd, THREAD, .len = 512));
		r = rb_mint(self->fd, FERRIO_RB_READ);
		for (int j = 0; j < i % 5; j++)
			ASSERT_EQ(512, read(r, out, sizeof(out)));
		close(self->fd);
		/* Whole records, and then the end. */
		while ((n = E(read(r, out, sizeof(out)))) == 512)
			;
		EXPECT_EQ(0, n);
		close(r);
		self->fd = rd_records(variant->device, variant->flags, RB_PAGE);
	}
}

/* A program that had the only end is killed while it sleeps: the driver is told. */
TEST_F(record, killed_program)
{
	pid_t pid;
	int ready[2];
	char c;

	ASSERT_EQ(0, pipe2(ready, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct ring_records rr;
		const void *out;

		if (ring_records(self->fd, FERRIO_RB_READ, 0, 0, &rr) < 0 ||
		    write(ready[1], "r", 1) != 1)
			_exit(1);
		rr.rb.spin = 0;
		next_of(&rr, &out);
		_exit(2);
	}
	ASSERT_EQ(1, read(ready[0], &c, 1));
	rb_asleep(pid, pid, SYS_ioctl);
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rbr-consumer-wakes"));
	kill(pid, SIGKILL);
	rb_reap_killed(pid);
	FOR_EACH_CONTEXT(where)
		EXPECT_EQ(-EPIPE, rd_record(self->fd, where, "abc", 3, 3));
	close(ready[0]);
	close(ready[1]);
}

/* The driver's module is removed while a program has its ring mapped. */
TEST_F(record, modules)
{
	const char *driver = rd_drivers[rd_is_rust(variant->device)];
	struct ring_records c = map_end(self->fd);
	const void *out;

	EXPECT_EQ(-EWOULDBLOCK, driver_remove("ringbuffer"));
	EXPECT_EQ(-EWOULDBLOCK, driver_remove(driver));
	ASSERT_EQ(0, rd_record(self->fd, FERRIO_TEST_RING_ATOMIC, "a", 1, 1));
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, driver_remove_soon(driver));
	EXPECT_EQ(-EWOULDBLOCK, driver_remove("ringbuffer"));
	EXPECT_EQ(1, next_of(&c, &out));
	EXPECT_EQ(-ENODATA, next_of(&c, &out));
	ring_records_close(&c);
	EXPECT_EQ(0, driver_insert(driver, ""));
}
