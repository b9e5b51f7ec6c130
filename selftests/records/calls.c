// SPDX-License-Identifier: GPL-2.0
/* Records by read(2), write(2), poll(2) and splice(2), and how a ring comes to have them. */

#include <sys/uio.h>

#include "fix_records.h"

/* Calls do the same where there are many producers. */
FIXTURE_VARIANT_ADD(records, many) {
	.flags = FERRIO_RB_RECORDS | FERRIO_RB_RECORDS_MANY,
};

FIXTURE_VARIANT_ADD(records, many_drop) {
	.flags = FERRIO_RB_RECORDS | FERRIO_RB_RECORDS_MANY | FERRIO_RB_RECORDS_DROP,
};

/* What a ring has is decided before its first use. */
TEST_F(records, before_the_first_use)
{
	const unsigned int bad[] = {
		FERRIO_RB_RECORDS_DROP, FERRIO_RB_RECORDS_MANY,
		FERRIO_RB_RECORDS_DROP | FERRIO_RB_RECORDS_MANY, 8, 1U << 31,
		variant->flags | 1U << 31,
	};
	struct ferrio_rb_info info;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, set_records(self->fd, RB_PAGE, bad[i]));
	rb_info(self->fd, &info);
	EXPECT_TRUE(info.features & FERRIO_RB_FEAT_RECORDS);
	EXPECT_TRUE(info.features & FERRIO_RB_FEAT_MANY);
	EXPECT_EQ(variant->flags, info.records);
	/* the last call counts */
	EXPECT_EQ(0, set_records(self->fd, 2 * RB_PAGE, 0));
	rb_info(self->fd, &info);
	EXPECT_EQ(0, info.records);
	EXPECT_EQ(-1, rb_fdinfo(self->fd, "rb-records"));
	EXPECT_EQ(0, set_records(self->fd, RB_PAGE, variant->flags));
	ASSERT_EQ(5, write(self->fd, "hello", 5));
	EXPECT_EQ(-EBUSY, set_records(self->fd, RB_PAGE, 0));
	EXPECT_EQ(-EBUSY, set_records(self->fd, RB_PAGE, variant->flags));
	rb_info(self->fd, &info);
	EXPECT_EQ(variant->flags, info.records);
	EXPECT_EQ(variant->flags, rb_fdinfo(self->fd, "rb-records"));
	EXPECT_EQ(extent_of(5), rb_fdinfo(self->fd, "rb-written"));
	EXPECT_EQ(extent_of(5), rb_avail(self->fd));
}

/* One call, one record, however the buffers are cut. */
TEST_F(records, boundaries)
{
	char buf[64];
	struct iovec in[] = { { "one ", 4 }, { "", 0 }, { "record", 6 } };
	struct iovec out[] = { { buf, 3 }, { buf + 3, 61 } };

	ASSERT_EQ(5, write(self->fd, "first", 5));
	ASSERT_EQ(10, writev(self->fd, in, 3));
	ASSERT_EQ(0, write(self->fd, "", 0));
	EXPECT_EQ(5, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "first", 5));
	EXPECT_EQ(10, readv(self->fd, out, 2));
	EXPECT_EQ(0, memcmp(buf, "one record", 10));
	rb_nonblock(&(struct rb){ .r = self->fd, .w = self->fd }, true);
	EXPECT_EQ(-EAGAIN, E(read(self->fd, buf, sizeof(buf))));
}

/* What does not fit into the buffer, or cannot be copied there, stays. */
TEST_F(records, refused_reads)
{
	char buf[8];

	ASSERT_EQ(5, write(self->fd, "hello", 5));
	EXPECT_EQ(-EMSGSIZE, E(read(self->fd, buf, 4)));
	EXPECT_EQ(-EFAULT, E(syscall(SYS_read, self->fd, 8L, 5L)));
	EXPECT_EQ(0, E(syscall(SYS_read, self->fd, 8L, 0L)));
	EXPECT_EQ(5, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "hello", 5));
}

/* A record is whole or not there; one that could not be read was taken back. */
TEST_F(records, refused_writes)
{
	struct ferrio_rb_info info;
	char big[RB_PAGE] = { 0 };
	bool drops = variant->flags & FERRIO_RB_RECORDS_DROP;
	bool many = variant->flags & FERRIO_RB_RECORDS_MANY;
	struct iovec torn[] = { { big, 8 }, { (void *)8, 8 } };

	ASSERT_EQ(LARGEST, write(self->fd, big, LARGEST));
	ASSERT_EQ(LARGEST, read(self->fd, big, sizeof(big)));
	EXPECT_EQ(-EFAULT, E(writev(self->fd, torn, 2)));
	/* of many, others may be behind it */
	EXPECT_EQ(many ? extent_of(16) : 0, rb_avail(self->fd));
	rb_nonblock(&(struct rb){ .r = self->fd, .w = self->fd }, true);
	EXPECT_EQ(-EAGAIN, E(read(self->fd, big, sizeof(big))));
	rb_info(self->fd, &info);
	EXPECT_EQ(1, info.lost.discarded);
	EXPECT_EQ(-EMSGSIZE, E(write(self->fd, big, LARGEST + 1)));
	EXPECT_EQ(0, rb_avail(self->fd));
	EXPECT_EQ(drops, lost(self->fd, FERRIO_RB_LOST_TOO_LARGE));
	EXPECT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_READ));
	EXPECT_EQ(-EPIPE, E(write(self->fd, big, 1)));
	EXPECT_EQ(1, rb_caught(SIGPIPE));
	EXPECT_EQ(0, lost(self->fd, FERRIO_RB_LOST_FULL));
}

/* The records come before the end. */
TEST_F(records, end)
{
	char buf[8];

	ASSERT_EQ(4, write(self->fd, "last", 4));
	ASSERT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_WRITE));
	EXPECT_EQ(4, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(0, read(self->fd, buf, sizeof(buf)));
}

/* A pipe would not keep records apart. */
TEST_F(records, splice)
{
	int pipe_fd[2];

	ASSERT_EQ(0, pipe(pipe_fd));
	ASSERT_EQ(5, write(self->fd, "hello", 5));
	ASSERT_EQ(5, write(pipe_fd[1], "hello", 5));
	EXPECT_EQ(-EINVAL, E(splice(self->fd, NULL, pipe_fd[1], NULL, 5, 0)));
	EXPECT_EQ(-EINVAL, E(splice(pipe_fd[0], NULL, self->fd, NULL, 5, 0)));
	EXPECT_EQ(extent_of(5), rb_avail(self->fd));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

/* A reader sleeps for a record, and is woken by it. */
TEST_F(records, read_sleeps)
{
	struct rb_call call;
	char buf[8];

	for (int i = 0; i < 3; i++) {
		rb_call_read(&call, self->fd, buf, sizeof(buf));
		rb_call_asleep(&call);
		ASSERT_EQ(5, write(self->fd, "hello", 5));
		EXPECT_EQ(5, rb_call_end(&call));
	}
	rb_call_read(&call, self->fd, buf, sizeof(buf));
	rb_call_asleep(&call);
	ASSERT_EQ(0, rb_shutdown(self->fd, FERRIO_RB_WRITE));
	EXPECT_EQ(0, rb_call_end(&call));
}

/* A writer sleeps for the room of its record, if the ring waits. */
TEST_F(records, write_sleeps)
{
	char buf[RB_PAGE] = { 0 };
	struct rb_call call;

	ASSERT_EQ(2000, write(self->fd, buf, 2000));
	ASSERT_EQ(1000, write(self->fd, buf, 1000));
	if (variant->flags & FERRIO_RB_RECORDS_DROP) {
		EXPECT_EQ(-ENOBUFS, E(write(self->fd, buf, 1500)));
		EXPECT_EQ(1, lost(self->fd, FERRIO_RB_LOST_FULL));
		return;
	}
	rb_call_write(&call, self->fd, buf, 1500);
	rb_call_asleep(&call);
	EXPECT_EQ(2000, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(1500, rb_call_end(&call));
	EXPECT_EQ(1000, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(1500, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(0, lost(self->fd, FERRIO_RB_LOST_FULL));
}

/* A ring that drops can be written always. */
TEST_F(records, poll)
{
	bool drops = variant->flags & FERRIO_RB_RECORDS_DROP;
	struct pollfd pfd = { .fd = self->fd, .events = POLLIN | POLLOUT };
	char buf[8];

	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLOUT, pfd.revents);
	ASSERT_EQ(5, write(self->fd, "hello", 5));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(drops ? POLLIN | POLLOUT : POLLIN, pfd.revents);
	EXPECT_EQ(5, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLOUT, pfd.revents);
}

/* Between the last record and the first one a header's room stays free: nobody waits for that. */
TEST_F(records, wait_for_all)
{
	const struct timespec look = { 0, 0 };
	char buf[RB_PAGE] = { 0 };

	ASSERT_EQ(LARGEST, write(self->fd, buf, LARGEST));
	EXPECT_EQ(0, ringbuffer_wait(self->fd, FERRIO_RB_READ, RB_PAGE - 8, &look, 0));
	for (uint64_t more = RB_PAGE - 7; more <= RB_PAGE + 1; more++) {
		EXPECT_EQ(-1, ringbuffer_wait(self->fd, FERRIO_RB_READ, more, NULL, 0));
		EXPECT_EQ(EINVAL, errno);
	}
	ASSERT_EQ(LARGEST, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(0, ringbuffer_wait(self->fd, FERRIO_RB_WRITE, RB_PAGE, &look, 0));
}

TEST_HARNESS_MAIN
