// SPDX-License-Identifier: GPL-2.0
/* The driver's ends: each call of ferrio_ring.h, in each context, with each error. */

#include <pthread.h>
#include <sched.h>

#include "fix_c.h"
#include "fix_driver.h"

TEST_F(driver, alloc)
{
	static const size_t wrong[] = { 0, 1, 2048, RB_PAGE + 1, 3 * RB_PAGE, 2UL << 30 };
	int fd = rd_open(variant->device, O_RDWR, 0, 0);
	long live = rb_live_pages();
	char c;

	EXPECT_EQ(self->live + 2 * (RB_HEAD_PAGES + 1), live);
	/* No rings yet. */
	EXPECT_EQ(-ENODEV, E(read(fd, &c, 1)));
	EXPECT_EQ(-ENODEV, E(write(fd, &c, 1)));
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT_EQ(-EINVAL, RD(fd, ALLOC, .len = wrong[i], .directions = RD_READ));
	EXPECT_EQ(live, rb_live_pages());
	EXPECT_EQ(0, RD(fd, ALLOC, .len = 2 * RB_PAGE, .directions = RD_READ));
	EXPECT_EQ(live + RB_HEAD_PAGES + 2, rb_live_pages());
	EXPECT_EQ(-EBUSY, RD(fd, ALLOC, .len = RB_PAGE, .directions = RD_READ));
	EXPECT_EQ(live + RB_HEAD_PAGES + 2, rb_live_pages());
	close(fd);
	EXPECT_TRUE(rb_pages_return(live));
}

/* What is written in any context is read, past many turns of the ring. */
TEST_F(driver, write)
{
	char in[700], out[700];
	uint64_t pos = 0;

	for (int turn = 0; turn < 10; turn++) {
		FOR_EACH_CONTEXT(where) {
			rb_pattern(in, sizeof(in), pos);
			ASSERT_EQ(0, rd_write(self->fd, where, in, sizeof(in)));
			ASSERT_EQ(sizeof(out), read(self->fd, out, sizeof(out)));
			ASSERT_EQ(-1, rb_mismatch(out, sizeof(out), pos));
			pos += sizeof(in);
		}
	}
	EXPECT_EQ(pos, rb_fdinfo(self->fd, "rbr-written"));
	EXPECT_EQ(pos, rb_fdinfo(self->fd, "rbr-read"));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rbw-written"));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rbr-misuse"));
}

/* Whole, or not at all. */
TEST_F(driver, room)
{
	char in[RB_PAGE + 1], out[RB_PAGE];

	rb_pattern(in, sizeof(in), 0);
	FOR_EACH_CONTEXT(where) {
		EXPECT_EQ(-EMSGSIZE, rd_write(self->fd, where, in, RB_PAGE + 1));
		EXPECT_EQ(0, rd_write(self->fd, where, in, 0));
	}
	EXPECT_EQ(0, rb_avail(self->fd));
	EXPECT_EQ(0, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, in, RB_PAGE));
	EXPECT_EQ(-EAGAIN, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, in, 1));
	EXPECT_EQ(100, read(self->fd, out, 100));
	EXPECT_EQ(-EAGAIN, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, in, 101));
	EXPECT_EQ(RB_PAGE - 100, rb_avail(self->fd));
	EXPECT_EQ(0, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, in, 100));
	EXPECT_EQ(RB_PAGE, read(self->fd, out, RB_PAGE));
	EXPECT_EQ(-1, rb_mismatch(out, RB_PAGE - 100, 100));
	EXPECT_EQ(-1, rb_mismatch(out + RB_PAGE - 100, 100, 0));
}

/* Built in place, in one piece wherever it is; only what is committed is there. */
TEST_F(driver, build)
{
	char in[1000], out[RB_PAGE];
	uint64_t pos = 0;

	for (int turn = 0; turn < 10; turn++) {
		FOR_EACH_CONTEXT(where) {
			rb_pattern(in, sizeof(in), pos);
			ASSERT_EQ(0, rd_build(self->fd, where, in, 1000, 900));
			ASSERT_EQ(900, read(self->fd, out, sizeof(out)));
			ASSERT_EQ(-1, rb_mismatch(out, 900, pos));
			pos += 900;
			EXPECT_EQ(0, rd_build(self->fd, where, in, 1000, 0));
			EXPECT_EQ(-EINVAL, rd_build(self->fd, where, in, 1000, 1001));
			EXPECT_EQ(-EINVAL, rd_build(self->fd, where, in, 0, 0));
			EXPECT_EQ(-EMSGSIZE, rd_build(self->fd, where, in, RB_PAGE + 1, 1));
		}
	}
	EXPECT_EQ(pos, rb_fdinfo(self->fd, "rbr-written"));
	EXPECT_EQ(0, rd_build(self->fd, FERRIO_TEST_RING_ATOMIC, in, 1000, 1000));
	EXPECT_EQ(-EAGAIN, rd_build(self->fd, FERRIO_TEST_RING_ATOMIC, in, RB_PAGE - 999, 1));
	EXPECT_EQ(0, rd_build(self->fd, FERRIO_TEST_RING_ATOMIC, in, RB_PAGE - 1000, 1));
	EXPECT_EQ(1001, rb_avail(self->fd));
}

/* At least so many, and at most. */
TEST_F(driver, read)
{
	char in[64], out[RB_PAGE + 1];
	uint64_t pos = 0;

	FOR_EACH_CONTEXT(where) {
		rb_pattern(in, sizeof(in), pos);
		ASSERT_EQ(sizeof(in), write(self->fd, in, sizeof(in)));
		EXPECT_EQ(-EINVAL, rd_read(self->fd, where, out, 0, 10));
		EXPECT_EQ(-EINVAL, rd_read(self->fd, where, out, 11, 10));
		EXPECT_EQ(-EMSGSIZE, rd_read(self->fd, where, out, RB_PAGE + 1, RB_PAGE + 1));
		ASSERT_EQ(10, rd_read(self->fd, where, out, 1, 10));
		EXPECT_EQ(-1, rb_mismatch(out, 10, pos));
		ASSERT_EQ(54, rd_read(self->fd, where, out, 54, RB_PAGE));
		EXPECT_EQ(-1, rb_mismatch(out, 54, pos + 10));
		pos += sizeof(in);
	}
	EXPECT_EQ(-EAGAIN, rd_read(self->fd, FERRIO_TEST_RING_ATOMIC, out, 1, 1));
	ASSERT_EQ(7, write(self->fd, in, 7));
	EXPECT_EQ(-EAGAIN, rd_read(self->fd, FERRIO_TEST_RING_ATOMIC, out, 8, 8));
	EXPECT_EQ(7, rd_read(self->fd, FERRIO_TEST_RING_ATOMIC, out, 7, 8));
	EXPECT_EQ(pos + 7, rb_fdinfo(self->fd, "rbw-read"));
}

/* No program can write any more: what is left, fewer than wanted too, and then 0. */
TEST_F(driver, end_of_stream)
{
	char out[16];

	ASSERT_EQ(5, write(self->fd, "abcde", 5));
	EXPECT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_WRITE));
	EXPECT_EQ(-EBADF, E(write(self->fd, "f", 1)));
	EXPECT_EQ(4, rd_read(self->fd, FERRIO_TEST_RING_ATOMIC, out, 4, 4));
	EXPECT_EQ(1, rd_read(self->fd, FERRIO_TEST_RING_ATOMIC, out, 4, 4));
	EXPECT_EQ('e', out[0]);
	FOR_EACH_CONTEXT(where)
		EXPECT_EQ(0, rd_read(self->fd, where, out, 4, 4));
}

/* No program can read any more. */
TEST_F(driver, nobody_reads)
{
	EXPECT_EQ(0, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, "abc", 3));
	EXPECT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_READ));
	FOR_EACH_CONTEXT(where) {
		EXPECT_EQ(-EPIPE, rd_write(self->fd, where, "abc", 3));
		EXPECT_EQ(-EPIPE, rd_build(self->fd, where, "abc", 3, 3));
	}
}

TEST_F(driver, one_direction)
{
	int r = rd_open(variant->device, O_RDWR, RD_READ, RB_PAGE);
	int w = rd_open(variant->device, O_RDWR, RD_WRITE, RB_PAGE);
	char c;

	EXPECT_EQ(-EBADF, rd_read(r, FERRIO_TEST_RING_ATOMIC, &c, 1, 1));
	EXPECT_EQ(-EBADF, rd_write(w, FERRIO_TEST_RING_ATOMIC, &c, 1));
	EXPECT_EQ(-EBADF, rd_build(w, FERRIO_TEST_RING_ATOMIC, &c, 1, 1));
	EXPECT_EQ(-EINVAL, E(write(r, &c, 1)));
	EXPECT_EQ(-EINVAL, E(read(w, &c, 1)));
	EXPECT_EQ(0, rd_write(r, FERRIO_TEST_RING_ATOMIC, "a", 1));
	EXPECT_EQ(1, read(r, &c, 1));
	EXPECT_EQ(1, write(w, "b", 1));
	EXPECT_EQ(1, rd_read(w, FERRIO_TEST_RING_ATOMIC, &c, 1, 1));
	EXPECT_EQ('b', c);
	close(r);
	close(w);
}

/* The driver gives an end up: the other direction goes on. */
TEST_F(driver, shutdown)
{
	/* In Rust the end is gone with that. */
	long error = rd_is_rust(variant->device) ? -EBADF : -ESHUTDOWN;
	char out[8];

	EXPECT_EQ(0, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, "abc", 3));
	EXPECT_EQ(0, RD(self->fd, SHUTDOWN, .directions = RD_READ));
	FOR_EACH_CONTEXT(where) {
		EXPECT_EQ(error, rd_write(self->fd, where, "d", 1));
		EXPECT_EQ(error, rd_build(self->fd, where, "d", 1, 1));
	}
	EXPECT_EQ(3, read(self->fd, out, 8));
	EXPECT_EQ(0, read(self->fd, out, 8));

	EXPECT_EQ(1, write(self->fd, "e", 1));
	EXPECT_EQ(0, rb_caught(SIGPIPE));
	EXPECT_EQ(0, RD(self->fd, SHUTDOWN, .directions = RD_WRITE));
	EXPECT_EQ(-EPIPE, E(write(self->fd, "f", 1)));
	EXPECT_EQ(1, rb_caught(SIGPIPE));
	FOR_EACH_CONTEXT(where)
		EXPECT_EQ(error, rd_read(self->fd, where, out, 1, 8));
	EXPECT_EQ(0, RD(self->fd, SHUTDOWN, .directions = RD_READ | RD_WRITE));
}

static void call_driver(struct rb_call *c, int fd, struct ferrio_test_ring *arg)
{
	arg->size = sizeof(*arg);
	rb_call_ioctl(c, fd, FERRIO_TEST_RING_CALL, arg);
}

/* A driver that sleeps is woken by what it waits for, and by no less. */
TEST_F(driver, sleeps_for_bytes)
{
	char out[8];
	struct ferrio_test_ring arg = {
		.how = FERRIO_TEST_RING_READ, .data = (uintptr_t)out, .min = 8, .len = 8,
	};
	struct rb_call call;

	call_driver(&call, self->fd, &arg);
	rb_call_asleep(&call);
	ASSERT_EQ(7, write(self->fd, "abcdefg", 7));
	rb_sleep_ms(20);
	EXPECT_FALSE(rb_call_done(&call));
	ASSERT_EQ(1, write(self->fd, "h", 1));
	EXPECT_EQ(0, rb_call_end(&call));
	EXPECT_EQ(8, arg.result);
	EXPECT_EQ(0, memcmp(out, "abcdefgh", 8));
	EXPECT_LT(0, rb_fdinfo(self->fd, "rbw-consumer-sleeps"));
}

TEST_F(driver, sleeps_for_room)
{
	char in[RB_PAGE], out[RB_PAGE];
	struct ferrio_test_ring arg = {
		.how = FERRIO_TEST_RING_WRITE, .data = (uintptr_t)in, .len = RB_PAGE,
	};
	struct rb_call call;

	rb_pattern(in, sizeof(in), 0);
	ASSERT_EQ(0, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, in, 10));
	call_driver(&call, self->fd, &arg);
	rb_call_asleep(&call);
	ASSERT_EQ(9, read(self->fd, out, 9));
	rb_sleep_ms(20);
	EXPECT_FALSE(rb_call_done(&call));
	ASSERT_EQ(1, read(self->fd, out, 1));
	EXPECT_EQ(0, rb_call_end(&call));
	EXPECT_EQ(0, arg.result);
	EXPECT_EQ(RB_PAGE, read(self->fd, out, RB_PAGE));
	EXPECT_EQ(-1, rb_mismatch(out, RB_PAGE, 0));
}

/* A signal ends the sleep, and nothing is lost. */
TEST_F(driver, signal)
{
	char out[8];
	struct ferrio_test_ring arg = {
		.how = FERRIO_TEST_RING_READ, .data = (uintptr_t)out, .min = 8, .len = 8,
	};
	struct rb_call call;

	rb_catch(SIGUSR1, 0);
	ASSERT_EQ(4, write(self->fd, "abcd", 4));
	call_driver(&call, self->fd, &arg);
	rb_call_asleep(&call);
	rb_call_signal(&call, SIGUSR1);
	EXPECT_EQ(0, rb_call_end(&call));
	EXPECT_EQ(-RD_RESTARTSYS, arg.result);
	EXPECT_EQ(4, rd_read(self->fd, FERRIO_TEST_RING_ATOMIC, out, 4, 8));
}

/* A thread of the driver that sleeps in a call is stopped by kthread_stop(). */
TEST_F(driver, thread_writes)
{
	char out[RB_PAGE];

	ASSERT_EQ(0, RD(self->fd, THREAD, .len = 1024));
	for (int i = 0; i < 20; i++)
		ASSERT_LT(0, read(self->fd, out, 700));
	/* Full, so that it sleeps. */
	while (rb_avail(self->fd) <= RB_PAGE - 1024)
		rb_sleep_ms(1);
	EXPECT_EQ(-EINTR, RD(self->fd, STOP));
}

TEST_F(driver, thread_reads)
{
	static const char bytes[99];

	ASSERT_EQ(0, RD(self->fd, THREAD, .min = 100, .len = 100));
	ASSERT_EQ(99, write(self->fd, bytes, 99));
	rb_sleep_ms(20);
	EXPECT_EQ(-EINTR, RD(self->fd, STOP));
	EXPECT_EQ(0, rb_fdinfo(self->fd, "rbw-read"));
}

/* ---- what there is in C alone ---- */

TEST_F(c, nonsense)
{
	EXPECT_EQ(-EINVAL, RD(self->fd, NO_PARAMS));
	EXPECT_EQ(-EINVAL, RD(self->fd, PAD, .len = RB_PAGE, .directions = RD_READ));
	EXPECT_EQ(-EINVAL, RD(self->fd, ALLOC, .len = RB_PAGE, .directions = 0));
	EXPECT_EQ(-EINVAL, RD(self->fd, ALLOC, .len = RB_PAGE, .directions = 4 | RD_READ));
	EXPECT_EQ(-EINVAL, RD(self->fd, ALLOC, .len = RB_PAGE, .directions = RD_READ,
			      .flags = 8));
	for (unsigned int i = 0; i < ARRAY_SIZE(contexts); i++) {
		EXPECT_EQ(-EINVAL, RD(self->fd, NO_DATA, .where = contexts[i], .len = 1));
		EXPECT_EQ(-EINVAL, RD(self->fd, NO_ROOM, .where = contexts[i], .min = 1, .len = 1));
	}
}

/* A reservation is forgotten by a commit, a discard, and a write. */
TEST_F(c, reservation)
{
	char out[8];

	EXPECT_EQ(-EINVAL, RD(self->fd, COMMIT, .len = 0));
	EXPECT_EQ(-EINVAL, RD(self->fd, COMMIT, .len = 1));
	EXPECT_EQ(0, RD(self->fd, RESERVE, .data = (uintptr_t)"abc", .len = 3));
	EXPECT_EQ(0, rb_avail(self->fd));
	EXPECT_EQ(-EINVAL, RD(self->fd, COMMIT, .len = 4));
	EXPECT_EQ(0, RD(self->fd, COMMIT, .len = 2, .where = FERRIO_TEST_RING_HARDIRQ));
	EXPECT_EQ(-EINVAL, RD(self->fd, COMMIT, .len = 1));
	EXPECT_EQ(0, RD(self->fd, RESERVE, .data = (uintptr_t)"abc", .len = 3));
	EXPECT_EQ(0, RD(self->fd, DISCARD));
	EXPECT_EQ(-EINVAL, RD(self->fd, COMMIT, .len = 1));
	EXPECT_EQ(0, RD(self->fd, RESERVE, .data = (uintptr_t)"xyz", .len = 3));
	EXPECT_EQ(0, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, "c", 1));
	EXPECT_EQ(-EINVAL, RD(self->fd, COMMIT, .len = 3));
	EXPECT_EQ(3, read(self->fd, out, 8));
	EXPECT_EQ(0, memcmp(out, "abc", 3));
}

/* Whoever sleeps in a call ends with it. */
TEST_F(c, shutdown_wakes_the_driver)
{
	struct ferrio_test_ring arg[2] = {
		{ .how = FERRIO_TEST_RING_READ, .min = 1, .len = 1 },
		{ .how = FERRIO_TEST_RING_WRITE, .len = RB_PAGE },
	};
	struct rb_call call[2];

	ASSERT_EQ(0, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, "a", 1));
	for (int i = 0; i < 2; i++) {
		call_driver(&call[i], self->fd, &arg[i]);
		rb_call_asleep(&call[i]);
	}
	EXPECT_EQ(0, RD(self->fd, SHUTDOWN, .directions = RD_READ | RD_WRITE));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(0, rb_call_end(&call[i]));
		EXPECT_EQ(-ESHUTDOWN, arg[i].result);
	}
}

struct writer {
	int fd;
	long written, result;
};

static void *write_on(void *data)
{
	struct writer *writer = data;

	while (!(writer->result = rd_write(writer->fd, FERRIO_TEST_RING_SLEEPING, "a", 1)))
		writer->written++;
	return NULL;
}

/*
 * What the driver was told is written is in front of the end of the stream, wherever in a write
 * the end comes: this task has the only CPU from any instruction of the writer's on, and has read
 * all before that goes on.
 */
TEST_F_TIMEOUT(c, shutdown_in_time, 60)
{
	const struct sched_param first = { .sched_priority = 1 }, none = { };

	rb_pin(0);
	for (int round = rounds(1000, 50); round; round--) {
		struct timespec while_it_writes = { .tv_nsec = 50000 + rand() % 100000 };
		struct writer writer = {
			.fd = rd_open(FERRIO_TEST_RINGS_C, O_RDWR, RD_READ, RB_PAGE),
		};
		long seen = 0, n;
		pthread_t thread;
		char out[64];

		ASSERT_EQ(0, pthread_create(&thread, NULL, write_on, &writer));
		ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &first));
		nanosleep(&while_it_writes, NULL);
		ASSERT_EQ(0, RD(writer.fd, SHUTDOWN, .directions = RD_READ));
		while ((n = read(writer.fd, out, sizeof(out))) > 0)
			seen += n;
		ASSERT_EQ(0, sched_setscheduler(0, SCHED_OTHER, &none));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		ASSERT_EQ(0, n);
		ASSERT_EQ(-ESHUTDOWN, writer.result);
		/* The last one may be there as well, though it is an error. */
		ASSERT_LE(writer.written, seen);
		ASSERT_GE(writer.written + 1, seen);
		close(writer.fd);
	}
}

/* The files of the driver have no ends any more; what programs have made of them counts. */
TEST_F(c, leave)
{
	int r = rb_mint(self->fd, FERRIO_RB_READ), w = rb_mint(self->fd, FERRIO_RB_WRITE);
	char c;

	EXPECT_EQ(0, RD(self->fd, LEAVE));
	EXPECT_EQ(-EBADF, E(read(self->fd, &c, 1)));
	EXPECT_EQ(0, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, "ab", 2));
	EXPECT_EQ(1, read(r, &c, 1));
	EXPECT_EQ(1, write(w, "c", 1));
	close(r);
	close(w);
	EXPECT_EQ(-EPIPE, rd_write(self->fd, FERRIO_TEST_RING_ATOMIC, "c", 1));
	EXPECT_EQ(1, rd_read(self->fd, FERRIO_TEST_RING_ATOMIC, &c, 1, 1));
	EXPECT_EQ(0, rd_read(self->fd, FERRIO_TEST_RING_ATOMIC, &c, 1, 1));
	EXPECT_EQ(0, RD(self->fd, LEAVE));
}
