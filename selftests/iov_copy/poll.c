// SPDX-License-Identifier: GPL-2.0
/* poll(2), select(2), epoll(7): the device is always ready, as a regular file is. */

#include <sys/epoll.h>
#include <sys/select.h>

#include "ic_dev.h"

TEST_F(dev, always_ready)
{
	const short all = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
	struct pollfd pfd = { .fd = self->fd, .events = all | POLLPRI | POLLRDHUP };

	/* empty, written to, at the end: it makes no difference */
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(1, E(poll(&pfd, 1, -1)));
		EXPECT_EQ(all, pfd.revents);
		if (i == 0)
			ASSERT_EQ(1, E(write(self->fd, "x", 1)));
		if (i == 1)
			ASSERT_EQ(IC_DEFAULT, E(lseek(self->fd, 0, SEEK_END)));
	}
	pfd.events = POLLPRI;
	EXPECT_EQ(0, E(poll(&pfd, 1, 0)));
	EXPECT_EQ(0, pfd.revents);
}

TEST_F(dev, select_says_the_same)
{
	fd_set r, w, e;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&e);
	FD_SET(self->fd, &r);
	FD_SET(self->fd, &w);
	FD_SET(self->fd, &e);
	EXPECT_EQ(2, E(select(self->fd + 1, &r, &w, &e, NULL)));
	EXPECT_TRUE(FD_ISSET(self->fd, &r));
	EXPECT_TRUE(FD_ISSET(self->fd, &w));
	EXPECT_FALSE(FD_ISSET(self->fd, &e));
}

TEST_F(dev, epoll_is_not_for_it)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, ep);
	EXPECT_EQ(-EPERM, E(epoll_ctl(ep, EPOLL_CTL_ADD, self->fd, &event)));
	close(ep);
}

TEST_HARNESS_MAIN
