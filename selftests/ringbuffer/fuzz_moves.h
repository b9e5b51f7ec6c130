/* SPDX-License-Identifier: GPL-2.0 */
/* The fuzzer's calls that bring rings together with other files. */
#ifndef FUZZ_MOVES_H
#define FUZZ_MOVES_H

#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "fuzz.h"

/* ---- pipes and files ---- */

static long fuzz_splice_out(struct fuzz *t)
{
	int fd = fuzz_fd(t), flags = fuzz_random(t, 16);
	size_t len = fuzz_length(t);
	loff_t at = 0, *offset = fuzz_odds(t, 16) ? &at : NULL;

	fuzz_say(t, fd, len, flags);
	if (len && offset)
		t->must_fail = true;
	return E(splice(fd, offset, fuzz_pipe_end(t, 1), NULL, len, flags));
}

static long fuzz_splice_in(struct fuzz *t)
{
	int fd = fuzz_fd(t), flags = fuzz_random(t, 16);
	size_t len = fuzz_length(t);
	loff_t at = 0, *offset = fuzz_odds(t, 16) ? &at : NULL;

	fuzz_say(t, fd, len, flags);
	if (len && offset)
		t->must_fail = true;
	return E(splice(fuzz_pipe_end(t, 0), NULL, fd, offset, len, flags));
}

/* Between two rings there has to be a pipe, and tee() takes nothing else. */
static long fuzz_no_pipe(struct fuzz *t)
{
	int from = fuzz_fd(t), to = fuzz_fd(t);
	size_t len = 1 + fuzz_length(t);

	fuzz_say(t, from, to, len);
	t->must_fail = true;
	switch (fuzz_random(t, 3)) {
	case 0:
		return E(splice(from, NULL, to, NULL, len, 0));
	case 1:
		return E(tee(from, fuzz_pipe_end(t, 1), len, SPLICE_F_NONBLOCK));
	default:
		return E(tee(fuzz_pipe_end(t, 0), to, len, SPLICE_F_NONBLOCK));
	}
}

/* Pages of windows in a pipe, and out of it into another window. */
static long fuzz_vmsplice(struct fuzz *t)
{
	struct iovec iov[2];

	for (int i = 0; i < 2; i++) {
		iov[i].iov_base = fuzz_in_window(t);
		iov[i].iov_len = fuzz_length(t);
	}
	fuzz_say(t, (long)iov[0].iov_base, iov[0].iov_len, 0);
	return E(vmsplice(fuzz_pipe_end(t, !fuzz_odds(t, 4)), iov,
			  1 + fuzz_random(t, 2),
			  SPLICE_F_NONBLOCK | fuzz_random(t, 16)));
}

static long fuzz_sendfile(struct fuzz *t)
{
	loff_t at = fuzz_odds(t, 16) ? fuzz_word(t) : fuzz_random(t, FUZZ_BUF);
	size_t len = fuzz_length(t);
	int fd = fuzz_fd(t);

	fuzz_say(t, fd, at, len);
	return E(sendfile(fd, fuzz_file, &at, len));
}

static long fuzz_sendfile_out(struct fuzz *t)
{
	size_t len = fuzz_length(t);
	int fd = fuzz_fd(t);

	fuzz_say(t, fd, len, 0);
	return E(sendfile(fuzz_odds(t, 4) ? fuzz_file : fuzz_pipe_end(t, 1), fd,
			  NULL, len));
}

/* So that pipes are neither full nor empty for long. */
static long fuzz_pipe_io(struct fuzz *t)
{
	size_t len = fuzz_length(t);
	int end = fuzz_random(t, 2), fd = fuzz_pipe_end(t, end);
	struct pollfd pfd = { .fd = fd, .events = end ? POLLOUT : POLLIN };

	fuzz_say(t, fd, len, 0);
	if (poll(&pfd, 1, 0) != 1)
		return -EAGAIN;
	return end ? E(write(fd, t->buf, len % RB_PAGE)) : E(read(fd, t->buf, len));
}

/* ---- who waits for events ---- */

static long fuzz_poll(struct fuzz *t)
{
	struct pollfd pfd[4];
	int n = fuzz_random(t, 5), ms = (int)fuzz_random(t, 6) - 1;
	void *at = pfd;

	for (int i = 0; i < 4; i++) {
		pfd[i].fd = fuzz_fd(t);
		pfd[i].events = fuzz_random(t, 1 << 14);
	}
	if (n && fuzz_odds(t, 16)) {
		at = t->buf + FUZZ_BUF;
		t->must_fail = true;
	}
	fuzz_say(t, n, pfd[0].fd, ms);
	return E(syscall(SYS_poll, at, n, ms));
}

static long fuzz_select(struct fuzz *t)
{
	struct timeval soon = { 0, fuzz_random(t, 4000) };
	fd_set set[3];

	for (int i = 0; i < 3; i++) {
		int fd = fuzz_fd(t);

		FD_ZERO(&set[i]);
		if (fd >= 0)
			FD_SET(fd, &set[i]);
	}
	return E(select(FUZZ_LAST_FD + 1, &set[0], &set[1], &set[2], &soon));
}

static long fuzz_epoll_ctl(struct fuzz *t)
{
	static const uint32_t how[] = {
		0, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE, EPOLLET | EPOLLEXCLUSIVE,
		EPOLLWAKEUP,
	};
	struct epoll_event event = {
		.events = how[fuzz_random(t, ARRAY_SIZE(how))] |
			  fuzz_random(t, 1 << 14),
	};
	int op = fuzz_random(t, 4), fd = fuzz_fd(t);

	fuzz_say(t, fd, op, event.events);
	return E(epoll_ctl(fuzz_epoll, op, fd, &event));
}

static long fuzz_epoll_wait(struct fuzz *t)
{
	struct epoll_event events[8];
	int n = (int)fuzz_random(t, 10) - 1, ms = (int)fuzz_random(t, 6) - 1;

	if (n < 1)
		t->must_fail = true;
	fuzz_say(t, n, ms, 0);
	return E(epoll_wait(fuzz_epoll, events, n < 8 ? n : 8, ms));
}

/* ---- sockets ---- */

static long fuzz_send(struct fuzz *t)
{
	int fd[3], n = 1 + fuzz_random(t, 3);
	char room[CMSG_SPACE(sizeof(fd))] = {}, c = 0;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	for (int i = 0; i < 3; i++)
		fd[i] = fuzz_fd(t);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(head), fd, n * sizeof(int));
	fuzz_say(t, n, fd[0], 0);
	return E(sendmsg(fuzz_sock[0], &msg, MSG_DONTWAIT));
}

/* With room for all of them, for some, or for none. */
static long fuzz_receive(struct fuzz *t)
{
	char room[CMSG_SPACE(3 * sizeof(int))], c;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
		.msg_controllen = CMSG_SPACE(fuzz_random(t, 4) * sizeof(int)),
	};
	int flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC, fd[3], n = 0;
	struct cmsghdr *head;
	long ret;

	if (fuzz_odds(t, 4))
		flags |= MSG_PEEK;
	fuzz_say(t, msg.msg_controllen, flags, 0);
	ret = E(recvmsg(fuzz_sock[1], &msg, flags));
	head = ret < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	if (head && head->cmsg_type == SCM_RIGHTS)
		n = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (n)
		memcpy(fd, CMSG_DATA(head), n * sizeof(int));
	for (int i = 0; i < n; i++)
		fuzz_put(t, fd[i]);
	return ret;
}

/* A file in a socket that holds itself: released by the garbage collector. */
static long fuzz_garbage(struct fuzz *t)
{
	int sock[2], fd[2] = { fuzz_fd(t), -1 };
	char room[CMSG_SPACE(sizeof(fd))] = {}, c = 0;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
	long ret;

	fuzz_say(t, fd[0], 0, 0);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock))
		return -errno;
	fd[1] = sock[1];
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(head), fd, sizeof(fd));
	ret = E(sendmsg(sock[0], &msg, MSG_DONTWAIT));
	close(sock[0]);
	close(sock[1]);
	return ret;
}

#endif /* FUZZ_MOVES_H */
