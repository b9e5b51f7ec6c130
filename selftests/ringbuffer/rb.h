/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all tests of /dev/ringbuffer share: making rings, ends and pipes with
 * one face.
 */
#ifndef RB_H
#define RB_H

#include <ferrio/ringbuffer.h>
#include "../task.h"

#define RB_DEFAULT	65536UL
#define RB_HEAD_PAGES	3	/* of words, in front of the data */

enum rb_kind {
	RB_PLAIN,	/* one descriptor of the device for both ends */
	RB_ENDS,	/* a consumer and a producer end, plain one closed */
	RB_PIPE,	/* a real pipe, the control */
};

struct rb {
	enum rb_kind kind;
	int r, w;		/* -1: closed; the same number if plain */
	bool r_open, w_open;	/* what a plain descriptor has not shut down */
	size_t size;
	long live;		/* pages before the ring was made */
};

/* The device. */
int rb_open(int flags);
int rb_mint(int fd, unsigned int rw);
long rb_try_mint(int fd, unsigned int rw);
long rb_set_size(int fd, uint64_t bytes);
long rb_shutdown(int fd, unsigned int rw);
long rb_wakeup(int fd, unsigned int rw);
long rb_blame(int fd, unsigned int rw);
void rb_info(int fd, struct ferrio_rb_info *info);
int rb_avail(int fd);
uint64_t rb_param(const char *name);

/* A ring or a pipe, by one face. */
void rb_start(struct rb *rb, enum rb_kind kind, size_t size);
void rb_stop(struct rb *rb);
void rb_close_r(struct rb *rb);
void rb_close_w(struct rb *rb);
void rb_nonblock(struct rb *rb, bool on);
void rb_fill(struct rb *rb);
void rb_skip(struct rb *rb, size_t bytes);

#endif /* RB_H */
