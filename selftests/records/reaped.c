// SPDX-License-Identifier: GPL-2.0
/* Producers that die in each state of a reservation, or leave lies in their slots. */

#include <pthread.h>
#include <sys/mman.h>

#include "fix_many.h"

/* How far a reservation got: each is one store behind the one before. */
enum moment {
	ANNOUNCED,	/* M5: nothing is reserved */
	EXCHANGED,	/* M6: and nobody says so but `reserve` */
	CLAIMED,	/* the slot says so */
	BUSY,		/* M7 */
	HELD,		/* its token is redeemed */
	COMMITTED,	/* M8, and the slot says that it is reserved */
	MOMENTS,
};

/* Takes the words back to where they were in a moment of the reservation of @p. */
static void rewind_to(struct ring_records *p, enum moment moment, uint64_t before,
		      uint64_t reserve)
{
	struct ferrio_rb_producer_page *page = ring__page(&p->rb);
	__u64 *header = ring__header_at(&p->rb, p->at);
	uint64_t number = p->slot->claim & ~3ULL;

	switch (moment) {
	case ANNOUNCED:
		page->reserve = reserve;
		/* fallthrough */
	case EXCHANGED:
		p->slot->claim = number | FERRIO_RB_SLOT_ASKING;
		/* fallthrough */
	case CLAIMED:
		*header = before;
		break;
	case HELD:
		*header |= FERRIO_RB_RECORD_HELD;
		break;
	case COMMITTED:
		*header &= ~FERRIO_RB_RECORD_BUSY;
		break;
	default:
		break;
	}
}

/* A child with an end of its own that reserves, gets so far, and says so. */
static pid_t dying(int fd, enum moment moment, int *gone)
{
	int pipe_fd[2];
	pid_t pid;
	char c;

	if (pipe(pipe_fd))
		rb_die("pipe");
	pid = fork();
	if (pid < 0)
		rb_die("fork");
	if (!pid) {
		struct ring_records p = map_end(fd, FERRIO_RB_WRITE);
		uint64_t reserve = ring__page(&p.rb)->reserve, before;
		char *room;

		before = *ring__header_at(&p.rb, reserve >> 8);
		room = ring_record_reserve(&p, 6);
		if (!room)
			rb_die("reserve");
		memcpy(room, "orphan", 6);
		rewind_to(&p, moment, before, reserve);
		if (write(pipe_fd[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(pipe_fd[0], &c, 1) != 1)
		rb_die("child");
	close(pipe_fd[1]);
	*gone = pipe_fd[0];
	return pid;
}

static void end(pid_t pid, int gone)
{
	kill(pid, SIGKILL);
	rb_reap_killed(pid);
	close(gone);
}

/*
 * A consumer sleeps in front of the record, behind which there is another: only the
 * death of its producer wakes it.
 */
TEST_F_TIMEOUT(many, killed_in_each_state, 60)
{
	uint64_t dead = 0;

	for (int turn = 0; turn < 3 * MOMENTS; turn++) {
		enum moment moment = turn % MOMENTS;
		struct rb_call call;
		char buf[16];
		int gone;
		pid_t pid = dying(self->fd, moment, &gone);

		if (moment == COMMITTED) {
			ASSERT_EQ(6, read(self->fd, buf, sizeof(buf)));
			ASSERT_EQ(0, memcmp(buf, "orphan", 6));
			end(pid, gone);
			ASSERT_EQ(6, write(self->fd, "behind", 6));
			ASSERT_EQ(6, read(self->fd, buf, sizeof(buf)));
			ASSERT_EQ(0, memcmp(buf, "behind", 6));
			ASSERT_EQ(dead, lost(self->fd, FERRIO_RB_LOST_ABORTED));
			continue;
		}
		dead += moment != ANNOUNCED;
		rb_call_read(&call, self->fd, buf, sizeof(buf));
		rb_call_asleep(&call);
		ASSERT_EQ(6, write(self->fd, "behind", 6));
		if (moment != ANNOUNCED)
			rb_call_asleep(&call);
		end(pid, gone);
		ASSERT_EQ(6, rb_call_end(&call));
		ASSERT_EQ(0, memcmp(buf, "behind", 6));
		ASSERT_EQ(dead, lost(self->fd, FERRIO_RB_LOST_ABORTED));
		/* in a ring that drops the next one tells */
		if (variant->flags & FERRIO_RB_RECORDS_DROP && moment != ANNOUNCED) {
			ASSERT_EQ(6, write(self->fd, "teller", 6));
			ASSERT_EQ(-ENOBUFS, E(read(self->fd, buf, sizeof(buf))));
			ASSERT_EQ(6, read(self->fd, buf, sizeof(buf)));
		}
	}
	EXPECT_EQ(dead, rb_fdinfo(self->fd, "rb-lost-aborted"));
}

/* A mapped consumer that only looks finds what the kernel has done at the death. */
TEST_F(many, seen_by_a_mapping)
{
	struct ring_records c = map_end(self->fd, FERRIO_RB_READ);
	const void *payload;
	size_t bytes;
	int gone;
	pid_t pid = dying(self->fd, BUSY, &gone);

	ASSERT_EQ(6, write(self->fd, "behind", 6));
	for (int i = 0; i < 200; i++) {
		ASSERT_EQ(-1, ring_record_next(&c, &payload, &bytes));
		ASSERT_EQ(EAGAIN, errno);
	}
	end(pid, gone);
	ASSERT_EQ(1, ring_record_next(&c, &payload, &bytes));
	ASSERT_EQ(6, bytes);
	EXPECT_EQ(0, memcmp(payload, "behind", 6));
	ring_records_close(&c);
}

/*
 * The first one has not written its header, so nobody knows where the others' are: they
 * are reaped when it goes, in whatever order they went.
 */
TEST_F(many, dead_behind_the_unborn)
{
	char buf[16];

	for (int order = 0; order < 4; order++) {
		pid_t pid[3];
		int gone[3];

		for (int i = 0; i < 3; i++)
			pid[i] = dying(self->fd, i ? BUSY : CLAIMED, &gone[i]);
		ASSERT_EQ(6, write(self->fd, "behind", 6));
		for (int i = 0; i < 3; i++) {
			int which = (order & 1 ? 2 - i : (i + 1 + order / 2) % 3);

			end(pid[which], gone[which]);
		}
		ASSERT_EQ(3 * (order + 1), lost(self->fd, FERRIO_RB_LOST_ABORTED));
		ASSERT_EQ(6, read(self->fd, buf, sizeof(buf)));
		ASSERT_EQ(0, memcmp(buf, "behind", 6));
		if (variant->flags & FERRIO_RB_RECORDS_DROP) {
			ASSERT_EQ(6, write(self->fd, "teller", 6));
			ASSERT_EQ(-ENOBUFS, E(read(self->fd, buf, sizeof(buf))));
			ASSERT_EQ(6, read(self->fd, buf, sizeof(buf)));
		}
	}
}

/* exec(2) and exit(2) are the end of a mapping, too; a child that only closes is not. */
TEST_F(many, exec)
{
	char buf[16];
	int status;
	pid_t pid;

	for (int i = 0; i < 2; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE);

			if (!ring_record_reserve(&p, 100))
				_exit(1);
			if (i)
				_exit(0);
			/* what it is does not matter, once it runs */
			execl("/proc/self/exe", "reaped", "-h", NULL);
			_exit(1);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFEXITED(status));
		ASSERT_EQ(i + 1, lost(self->fd, FERRIO_RB_LOST_ABORTED));
		ASSERT_EQ(6, write(self->fd, "behind", 6));
	}
	for (int i = 0, got = 0; got < 2; i++) {
		long n = E(read(self->fd, buf, sizeof(buf)));

		ASSERT_GT(4, i);
		if (n == -ENOBUFS)
			continue;
		ASSERT_EQ(6, n);
		got++;
	}
}

/* Killed whenever it is: what others wrote is read, and nothing is counted twice. */
TEST_F_TIMEOUT(many, killed_at_any_time, 90)
{
	uint64_t turns = rounds(300, 40), state = rb_seed(), orphans = 0;
	struct ring_records c = map_end(self->fd, FERRIO_RB_READ);
	struct ferrio_rb_info info;
	const void *payload;
	size_t bytes;

	c.rb.nonblock = false;
	c.rb.spin = 0;
	for (uint64_t turn = 0; turn < turns; turn++) {
		bool found = false;
		pid_t pid[2];

		for (int i = 0; i < 2; i++) {
			pid[i] = fork();
			ASSERT_LE(0, pid[i]);
			if (!pid[i]) {
				struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE);

				p.rb.nonblock = false;
				for (uint64_t n = 1;; n++)
					ring_record_write(&p, &n, n % 9);
			}
		}
		for (uint64_t n = rb_random(&state) % 200 + 10; n; n--) {
			int got = ring_record_next(&c, &payload, &bytes);

			ASSERT_TRUE(got == 1 || errno == ENOBUFS);
		}
		for (int i = 0; i < 2; i++)
			kill(pid[i], SIGKILL);
		for (int i = 0; i < 2; i++)
			rb_reap_killed(pid[i]);
		/* what is there, and then ours */
		c.rb.nonblock = true;
		for (int tries = 0; !found; tries++) {
			int got = ring_record_next(&c, &payload, &bytes);

			ASSERT_GT(10000, tries);
			if (got == 1) {
				found = bytes == 12;
				continue;
			}
			if (errno == ENOBUFS)
				continue;
			ASSERT_EQ(EAGAIN, errno);
			ASSERT_EQ(12, write(self->fd, "twelve bytes", 12));
		}
		ASSERT_EQ(0, ring_record_done(&c));
		c.rb.nonblock = false;
	}
	rb_info(self->fd, &info);
	orphans = info.lost.lost[FERRIO_RB_LOST_ABORTED];
	EXPECT_GE(2 * turns, orphans);
	EXPECT_EQ(0, info.corrupt);
	ring_records_close(&c);
}

/* Lies in a slot are no harm to others' records, whatever they are. */
TEST_F_TIMEOUT(many, lies, 60)
{
	uint64_t state = rb_seed(), turns = rounds(2000, 200);
	struct ring_records q = map_end(self->fd, FERRIO_RB_WRITE);
	char buf[RB_PAGE];

	for (uint64_t turn = 0; turn < turns; turn++) {
		struct ring_records p = map_end(self->fd, FERRIO_RB_WRITE);
		uint64_t at = ring__page(&p.rb)->reserve >> 8;
		char *room = ring_record_reserve(&q, 8);
		long got;

		ASSERT_NE(NULL, room);
		memcpy(room, "innocent", 8);
		/* it says that it has reserved what is another's, or nobody's */
		p.slot->position = at + (rb_random(&state) % 5 - 1) * 8;
		p.slot->header = turn % 2 ? rb_random(&state) >> rb_random(&state) % 64 :
			q.header + rb_random(&state) % 3 - 1;
		if (p.slot->position == q.at && p.slot->header == q.header)
			p.slot->header ^= 1;
		p.slot->claim += 4 + rb_random(&state) % 4;
		ring_records_close(&p);
		ASSERT_EQ(0, ring_record_commit(&q, 8));
		got = E(read(self->fd, buf, sizeof(buf)));
		ASSERT_EQ(8, got);
		ASSERT_EQ(0, memcmp(buf, "innocent", 8));
	}
	EXPECT_EQ(0, lost(self->fd, FERRIO_RB_LOST_ABORTED));
	ring_records_close(&q);
}

/* Random words everywhere: each call ends, and what is read is no longer than a record. */
TEST_F_TIMEOUT(many, random_words, 90)
{
	uint64_t state = rb_seed();
	int left = rounds(2000, 200);
	char buf[RB_PAGE], mine[16];

	while (left--) {
		int fd = rb_open(O_RDWR | O_NONBLOCK);
		struct ring_records p, q, c;

		ASSERT_EQ(0, set_records(fd, RB_PAGE, variant->flags));
		p = map_end(fd, FERRIO_RB_WRITE);
		q = map_end(fd, FERRIO_RB_WRITE);
		c = map_end(fd, FERRIO_RB_READ);
		for (int i = 0; i < 30; i++) {
			uint64_t word = rb_random(&state) >> rb_random(&state) % 64;
			size_t at = rb_random(&state) % 64 * 8, bytes;
			const void *payload;
			long got;

			switch (rb_random(&state) % 8) {
			case 0:
				word = at << RING__CHECK | FERRIO_RB_RECORD_PHASE | word % 64;
				/* fallthrough */
			case 1:
				*ring__header_at(&p.rb, at) = word;
				break;
			case 2:
				*(uint64_t *)((char *)ring__page(&p.rb) + at * 2) =
					word % 8192 << 11 | word % 4;
				break;
			case 3:
				*c.rb.own = word % 8192;
				break;
			case 4:
				got = E(write(fd, buf, rb_random(&state) % RB_PAGE));
				ASSERT_GE((long)RB_PAGE, got);
				break;
			case 5:
				ring_record_write(&q, buf, rb_random(&state) % 64);
				break;
			case 6:
				if (ring_record_next(&c, &payload, &bytes) == 1)
					ASSERT_GE(LARGEST, bytes);
				break;
			default:
				got = E(read(fd, buf, sizeof(buf)));
				ASSERT_GE((long)LARGEST, got);
			}
		}
		ring_records_close(&p);
		ring_records_close(&q);
		ring_records_close(&c);
		close(fd);
		ASSERT_EQ(8, write(self->fd, "innocent", 8));
		ASSERT_EQ(8, read(self->fd, mine, sizeof(mine)));
	}
}

TEST_HARNESS_MAIN
