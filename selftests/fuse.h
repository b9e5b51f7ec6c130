/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file of one page whose content comes when the test lets it: a file system in
 * user space that has nothing but its root, which is that file.
 */
#ifndef FUSE_H
#define FUSE_H

#include <linux/fuse.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "task.h"

struct slow_file {
	int dev, fd;
	char path[64];
	char *page;		/* a private mapping of the file */
	char content[RB_PAGE];
	pthread_t server;
	int asked, answer;
};

static inline void slow_reply(struct slow_file *s, uint64_t unique, int error,
			      const void *body, size_t len)
{
	char buf[sizeof(struct fuse_out_header) + RB_PAGE];
	struct fuse_out_header *head = (void *)buf;

	*head = (struct fuse_out_header){
		.len = sizeof(*head) + len, .error = -error, .unique = unique,
	};
	if (len)
		memcpy(head + 1, body, len);
	/* ENOENT: who asked was killed meanwhile */
	if (write(s->dev, buf, head->len) != (ssize_t)head->len && errno != ENOENT)
		rb_die("answering a request: %s", strerror(errno));
}

static inline void *slow_serve(void *arg)
{
	static char buf[2 * FUSE_MIN_READ_BUFFER];
	struct slow_file *s = arg;
	struct fuse_in_header *in = (void *)buf;
	struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION, .minor = 31, .max_readahead = RB_PAGE,
		.flags = FUSE_ASYNC_READ, .max_write = RB_PAGE, .time_gran = 1,
	};
	struct fuse_attr_out attr = {
		.attr_valid = 3600,
		.attr = { .ino = 1, .size = RB_PAGE, .blocks = 8, .mode = S_IFREG | 0600,
			  .nlink = 1, .blksize = RB_PAGE },
	};
	/* No flush: who is killed would wait for itself to answer it. */
	struct fuse_open_out open_out = {
		.fh = 1, .open_flags = FOPEN_KEEP_CACHE | FOPEN_NOFLUSH,
	};

	while (read(s->dev, buf, sizeof(buf)) > 0) {
		switch (in->opcode) {
		case FUSE_INIT:
			slow_reply(s, in->unique, 0, &init, sizeof(init));
			break;
		case FUSE_GETATTR:
			slow_reply(s, in->unique, 0, &attr, sizeof(attr));
			break;
		case FUSE_OPEN:
			slow_reply(s, in->unique, 0, &open_out, sizeof(open_out));
			break;
		case FUSE_READ:
			__atomic_store_n(&s->asked, 1, __ATOMIC_RELEASE);
			while (!__atomic_load_n(&s->answer, __ATOMIC_ACQUIRE))
				rb_sleep_ms(1);
			slow_reply(s, in->unique, 0, s->content, RB_PAGE);
			break;
		case FUSE_FORGET:
		case FUSE_BATCH_FORGET:
		case FUSE_INTERRUPT:
			break;
		case FUSE_RELEASE:
			slow_reply(s, in->unique, 0, NULL, 0);
			break;
		default:
			slow_reply(s, in->unique, EOPNOTSUPP, NULL, 0);
		}
	}
	return NULL;
}

static inline void slow_start(struct slow_file *s)
{
	char options[128];
	struct stat st;
	int fd;

	memset(s, 0, sizeof(*s));
	s->dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (s->dev < 0)
		rb_die("/dev/fuse: %s: CONFIG_FUSE_FS needed", strerror(errno));
	snprintf(s->path, sizeof(s->path), "/tmp/slow-%d", getpid());
	fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	snprintf(options, sizeof(options), "fd=%d,rootmode=100000,user_id=0,group_id=0",
		 s->dev);
	if (mount("slow", s->path, "fuse", 0, options))
		rb_die("mount fuse at %s: %s", s->path, strerror(errno));
	if (pthread_create(&s->server, NULL, slow_serve, s))
		rb_die("pthread_create failed");
	s->fd = open(s->path, O_RDWR | O_CLOEXEC);
	/* Only when it is asked for the size is known. */
	if (s->fd < 0 || fstat(s->fd, &st) || st.st_size != RB_PAGE)
		rb_die("%s: %s", s->path, strerror(errno));
	s->page = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, s->fd, 0);
	if (s->page == MAP_FAILED)
		rb_die("mmap of %s: %s", s->path, strerror(errno));
}

/* Until somebody waits for the content. */
static inline void slow_met(struct slow_file *s)
{
	while (!__atomic_load_n(&s->asked, __ATOMIC_ACQUIRE))
		rb_sleep_ms(1);
}

static inline void slow_answer(struct slow_file *s)
{
	__atomic_store_n(&s->answer, 1, __ATOMIC_RELEASE);
}

static inline void slow_stop(struct slow_file *s)
{
	slow_answer(s);
	munmap(s->page, RB_PAGE);
	close(s->fd);
	if (umount2(s->path, MNT_DETACH))
		rb_die("umount %s: %s", s->path, strerror(errno));
	pthread_join(s->server, NULL);
	close(s->dev);
	unlink(s->path);
}

#endif /* FUSE_H */
