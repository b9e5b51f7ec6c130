// SPDX-License-Identifier: GPL-2.0
/* Who waits for edges is told of what is there, also behind a lot that is not for him. */

#include <sys/epoll.h>

#include "fix_many.h"

#define TAKEN_BACK	20000

/* Whether there is an edge within @ms. */
static bool edge(int ep, int ms)
{
	struct epoll_event event;
	int n = epoll_wait(ep, &event, 1, ms);

	if (n < 0)
		rb_die("epoll_wait");
	return n && event.events & EPOLLIN;
}

/*
 * One read goes past so many discarded records and says EAGAIN; the producer has told of the
 * record behind them, and does not again.
 */
TEST_F_TIMEOUT(many, behind_what_is_taken_back, 60)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct ring_records p;
	int ep = epoll_create1(EPOLL_CLOEXEC), ring = rb_open(O_RDWR), fd, turns = 0;
	char buf[16];
	long got;

	ASSERT_EQ(0, set_records(ring, 256 << 10, variant->flags));
	/* One that does not hear what producers are told. */
	fd = rb_mint(ring, FERRIO_RB_READ);
	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
	ASSERT_FALSE(edge(ep, 0));
	ASSERT_EQ(-EAGAIN, E(read(fd, buf, sizeof(buf))));
	p = map_end(ring, FERRIO_RB_WRITE);
	for (int i = 0; i < TAKEN_BACK; i++) {
		ASSERT_NE(NULL, ring_record_reserve(&p, 0));
		ASSERT_EQ(0, ring_record_discard(&p));
	}
	ASSERT_EQ(0, ring_record_write(&p, "behind", 6));
	do {
		ASSERT_TRUE(edge(ep, 10000));
		turns++;
		got = E(read(fd, buf, sizeof(buf)));
	} while (got == -EAGAIN);
	ASSERT_EQ(6, got);
	EXPECT_EQ(0, memcmp(buf, "behind", 6));
	/* It is not one read that went past all of them. */
	EXPECT_LT(1, turns);
	EXPECT_EQ(-EAGAIN, E(read(fd, buf, sizeof(buf))));
	EXPECT_FALSE(edge(ep, 0));
	ring_records_close(&p);
	close(fd);
	close(ring);
	close(ep);
}

TEST_HARNESS_MAIN
