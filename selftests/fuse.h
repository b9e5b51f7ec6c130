/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file whose content comes when, and as, the test lets it: a file system in
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

/* What ->read gives for an answer that is to come by fuse_answer(). */
#define FUSE_HOLD	(-4096)

struct fuse_read {
	uint64_t unique, at;
	uint32_t len;
};

struct fuse_file {
	int dev;
	char path[64];
	uint64_t size;		/* what it says of itself */
	uint32_t init_flags, open_flags;
	/*
	 * Puts at most @len bytes, a page at most, from @at on to @to.  How many, or
	 * a negative errno, or FUSE_HOLD.
	 */
	int (*read)(struct fuse_file *f, uint64_t at, uint32_t len, char *to);
	void *own;		/* the test's */
	/* How many READ there were, are unanswered; and open files. */
	int reads, held, open;
	struct fuse_read hold[16];
	pthread_mutex_t lock;	/* of what is unanswered */
	pthread_t server;
};

static inline void fuse_reply(struct fuse_file *f, uint64_t unique, int error,
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
	if (write(f->dev, buf, head->len) != (ssize_t)head->len && errno != ENOENT)
		rb_die("answering a request: %s", strerror(errno));
}

/* Whether it was answered. */
static inline bool fuse_try_read(struct fuse_file *f, const struct fuse_read *r)
{
	char page[RB_PAGE];
	int ret = f->read(f, r->at, r->len < RB_PAGE ? r->len : RB_PAGE, page);

	if (ret == FUSE_HOLD)
		return false;
	fuse_reply(f, r->unique, ret < 0 ? -ret : 0, page, ret < 0 ? 0 : ret);
	return true;
}

static inline void fuse_do_read(struct fuse_file *f, const struct fuse_read *r)
{
	pthread_mutex_lock(&f->lock);
	__atomic_add_fetch(&f->reads, 1, __ATOMIC_SEQ_CST);
	if (!fuse_try_read(f, r)) {
		if (f->held == sizeof(f->hold) / sizeof(*f->hold))
			rb_die("too many READ that wait");
		f->hold[f->held] = *r;
		__atomic_store_n(&f->held, f->held + 1, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&f->lock);
}

/* Asks ->read once more for all that were put off. */
static inline void fuse_answer(struct fuse_file *f)
{
	int left = 0;

	pthread_mutex_lock(&f->lock);
	for (int i = 0; i < f->held; i++)
		if (!fuse_try_read(f, &f->hold[i]))
			f->hold[left++] = f->hold[i];
	__atomic_store_n(&f->held, left, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&f->lock);
}

/* Until somebody waits for the content. */
static inline void fuse_met(struct fuse_file *f)
{
	while (!__atomic_load_n(&f->held, __ATOMIC_ACQUIRE))
		rb_sleep_ms(1);
}

/* A daemon, until the file system is unmounted or its connection aborted. */
static inline void *fuse_serve(void *arg)
{
	static char buf[2 * FUSE_MIN_READ_BUFFER];
	struct fuse_file *f = arg;
	struct fuse_in_header *in = (void *)buf;
	struct fuse_read_in *read_in = (void *)(in + 1);
	struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION, .minor = 31, .max_readahead = RB_PAGE,
		.flags = f->init_flags, .max_write = RB_PAGE, .time_gran = 1,
	};
	/* The time is that of the server: what it says is believed no longer. */
	struct fuse_attr_out attr = {
		.attr = { .ino = 1, .blocks = 8, .mode = S_IFREG | 0600, .nlink = 1,
			  .blksize = RB_PAGE },
	};
	/* No flush: who is killed would wait for himself to answer it. */
	struct fuse_open_out open_out = {
		.fh = 1, .open_flags = f->open_flags | FOPEN_NOFLUSH,
	};

	while (read(f->dev, buf, sizeof(buf)) > 0) {
		switch (in->opcode) {
		case FUSE_INIT:
			fuse_reply(f, in->unique, 0, &init, sizeof(init));
			break;
		case FUSE_GETATTR:
			attr.attr.size = __atomic_load_n(&f->size, __ATOMIC_ACQUIRE);
			fuse_reply(f, in->unique, 0, &attr, sizeof(attr));
			break;
		case FUSE_OPEN:
			__atomic_add_fetch(&f->open, 1, __ATOMIC_SEQ_CST);
			fuse_reply(f, in->unique, 0, &open_out, sizeof(open_out));
			break;
		case FUSE_READ:
			fuse_do_read(f, &(struct fuse_read){
				in->unique, read_in->offset, read_in->size });
			break;
		case FUSE_FORGET:
		case FUSE_BATCH_FORGET:
		case FUSE_INTERRUPT:
			break;
		case FUSE_RELEASE:
			__atomic_sub_fetch(&f->open, 1, __ATOMIC_SEQ_CST);
			fuse_reply(f, in->unique, 0, NULL, 0);
			break;
		default:
			fuse_reply(f, in->unique, EOPNOTSUPP, NULL, 0);
		}
	}
	return NULL;
}

/*
 * Mounts, but does not serve.  @f has been filled in but for what is found here.
 * A READ is of one page: the mount says so.
 */
static inline void fuse_mount(struct fuse_file *f)
{
	char options[128];
	int fd;

	pthread_mutex_init(&f->lock, NULL);
	f->dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (f->dev < 0)
		rb_die("/dev/fuse: %s: CONFIG_FUSE_FS needed", strerror(errno));
	snprintf(f->path, sizeof(f->path), "/tmp/fuse-%d", getpid());
	fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=100000,user_id=0,group_id=0,max_read=%lu", f->dev, RB_PAGE);
	if (mount("fuse-test", f->path, "fuse", 0, options))
		rb_die("mount fuse at %s: %s", f->path, strerror(errno));
}

/* A descriptor of the file; only when it is asked for the size is known. */
static inline int fuse_open(struct fuse_file *f, int flags)
{
	int fd = open(f->path, flags | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || st.st_size != (off_t)f->size)
		rb_die("%s: %s", f->path, strerror(errno));
	return fd;
}

static inline void fuse_start(struct fuse_file *f)
{
	fuse_mount(f);
	if (pthread_create(&f->server, NULL, fuse_serve, f))
		rb_die("pthread_create failed");
}

/* All descriptors of the file are closed by then. */
static inline void fuse_umount(struct fuse_file *f)
{
	if (umount2(f->path, MNT_DETACH))
		rb_die("umount %s: %s", f->path, strerror(errno));
	unlink(f->path);
}

static inline void fuse_stop(struct fuse_file *f)
{
	fuse_umount(f);
	pthread_join(f->server, NULL);
	close(f->dev);
}

/* One page, that is mapped, and comes when slow_answer() lets it. */
struct slow_file {
	struct fuse_file file;
	int fd;
	char *page;		/* a private mapping of the file */
	char content[RB_PAGE];
	int answer;
};

static inline int slow_read(struct fuse_file *f, uint64_t at, uint32_t len, char *to)
{
	struct slow_file *s = f->own;

	if (!__atomic_load_n(&s->answer, __ATOMIC_ACQUIRE))
		return FUSE_HOLD;
	memcpy(to, s->content + at, len);
	return len;
}

static inline void slow_start(struct slow_file *s)
{
	memset(s, 0, sizeof(*s));
	s->file = (struct fuse_file){
		.size = RB_PAGE, .init_flags = FUSE_ASYNC_READ,
		.open_flags = FOPEN_KEEP_CACHE, .read = slow_read, .own = s,
	};
	fuse_start(&s->file);
	s->fd = fuse_open(&s->file, O_RDWR);
	s->page = mmap(NULL, RB_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, s->fd, 0);
	if (s->page == MAP_FAILED)
		rb_die("mmap of %s: %s", s->file.path, strerror(errno));
}

static inline void slow_met(struct slow_file *s)
{
	fuse_met(&s->file);
}

static inline void slow_answer(struct slow_file *s)
{
	__atomic_store_n(&s->answer, 1, __ATOMIC_RELEASE);
	fuse_answer(&s->file);
}

static inline void slow_stop(struct slow_file *s)
{
	slow_answer(s);
	munmap(s->page, RB_PAGE);
	close(s->fd);
	fuse_stop(&s->file);
}

#endif /* FUSE_H */
