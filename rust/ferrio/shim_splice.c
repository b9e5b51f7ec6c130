// SPDX-License-Identifier: GPL-2.0
/*
 * Splice: pipe_inode_info and splice_desc are opaque to Rust, so the walk over
 * a pipe's buffers is here and each piece goes to Rust as a bvec iterator.
 */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "shim.h"

static void ferrio_spd_release(struct splice_pipe_desc *spd, unsigned int i)
{
	put_page(spd->pages[i]);
}

/*
 * ferrio_splice_to_pipe - fill the free slots of a pipe from `step`
 *
 * Context: ->splice_read, so pipe->mutex is held (splice_file_to_pipe()), or
 * the pipe is this task's own (splice_direct_to_actor()), and neither the
 * number of free slots nor that of readers can change.  May sleep
 * for memory.  Whatever `step` moved goes into the pipe: splice_to_pipe() can
 * only refuse for want of readers or slots, and both were looked at before.
 *
 * Return: bytes moved; 0 or the errno of `step` if it moved nothing; -EPIPE
 * (with SIGPIPE) without readers; -EAGAIN without a free slot; -ENOMEM.
 */
ssize_t ferrio_splice_to_pipe(struct pipe_inode_info *pipe, size_t len,
			      ferrio_splice_step_t step, void *data)
{
	struct splice_pipe_desc spd = {
		.ops = &nosteal_pipe_buf_ops,
		.spd_release = ferrio_spd_release,
	};
	unsigned int used = pipe_buf_usage(pipe);
	unsigned int slots, nr, i, keep;
	struct partial_page *partial;
	struct page **pages;
	struct bio_vec *bv;
	struct iov_iter iter;
	size_t moved, left;
	ssize_t ret;

	if (!pipe->readers) {
		send_sig(SIGPIPE, current, 0);
		return -EPIPE;
	}
	slots = used < pipe->max_usage ? pipe->max_usage - used : 0;
	if (!slots)
		return -EAGAIN;
	slots = min_t(size_t, slots, DIV_ROUND_UP(len, PAGE_SIZE));

	pages = kvmalloc_array(slots, sizeof(*pages), GFP_KERNEL);
	partial = kvcalloc(slots, sizeof(*partial), GFP_KERNEL);
	bv = kvmalloc_array(slots, sizeof(*bv), GFP_KERNEL);
	ret = -ENOMEM;
	if (!pages || !partial || !bv)
		goto out;

	/* Fewer pages than slots is a short count; none at all is a failure. */
	for (nr = 0; nr < slots; nr++) {
		pages[nr] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_NOWARN |
				       __GFP_RETRY_MAYFAIL);
		if (!pages[nr])
			break;
		bvec_set_page(&bv[nr], pages[nr], PAGE_SIZE, 0);
	}
	if (!nr)
		goto out;

	len = min_t(size_t, len, (size_t)nr << PAGE_SHIFT);
	iov_iter_bvec(&iter, ITER_DEST, bv, nr, len);
	ret = step(&iter, data);
	moved = len - iov_iter_count(&iter);
	keep = DIV_ROUND_UP(moved, PAGE_SIZE);

	for (i = keep; i < nr; i++)
		put_page(pages[i]);
	if (!moved)
		goto out;

	left = moved;
	for (i = 0; i < keep; i++) {
		partial[i].len = min_t(size_t, left, PAGE_SIZE);
		left -= partial[i].len;
	}
	spd.pages = pages;
	spd.partial = partial;
	spd.nr_pages = keep;
	ret = splice_to_pipe(pipe, &spd);
out:
	kvfree(bv);
	kvfree(partial);
	kvfree(pages);
	return ret;
}

struct ferrio_feed {
	ferrio_splice_step_t step;
	void *data;
};

/* The actor runs under pipe->mutex: `step` must not wait for anybody. */
static int ferrio_feed_actor(struct pipe_inode_info *pipe,
			     struct pipe_buffer *buf, struct splice_desc *sd)
{
	struct ferrio_feed *feed = sd->u.data;
	struct iov_iter iter;
	struct bio_vec bv;
	size_t moved;
	int ret;

	bvec_set_page(&bv, buf->page, sd->len, buf->offset);
	iov_iter_bvec(&iter, ITER_SOURCE, &bv, 1, sd->len);
	ret = feed->step(&iter, feed->data);
	moved = sd->len - iov_iter_count(&iter);
	if (moved)
		return moved;
	/* 0 would read as "done": nothing moved is always an errno here. */
	return ret < 0 ? ret : -EAGAIN;
}

/*
 * ferrio_splice_from_pipe - feed the buffers of a pipe to `step`
 *
 * Context: ->splice_write, pipe->mutex not held.  Takes it; sleeps for data in
 * the pipe as __splice_from_pipe() does (interruptibly, with the mutex given
 * back) unless @flags has SPLICE_F_NONBLOCK.
 *
 * Return: bytes moved; 0 when the pipe is empty and has no writer; the errno
 * of `step` when it moved nothing; -EAGAIN; -ERESTARTSYS.
 */
ssize_t ferrio_splice_from_pipe(struct pipe_inode_info *pipe, size_t len,
				unsigned int flags, ferrio_splice_step_t step,
				void *data)
{
	struct ferrio_feed feed = { .step = step, .data = data };
	struct splice_desc sd = {
		.total_len = len,
		.flags = flags,
		.u.data = &feed,
	};
	ssize_t ret;

	pipe_lock(pipe);
	ret = __splice_from_pipe(pipe, &sd, ferrio_feed_actor);
	pipe_unlock(pipe);
	return ret;
}
