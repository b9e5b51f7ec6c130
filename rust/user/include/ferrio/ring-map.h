/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * From a descriptor to a mapped end, and back.
 *
 * Part of ferrio/ring.h, which is what programs include.
 */
#ifndef FERRIO_RING_MAP_H
#define FERRIO_RING_MAP_H

#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>
/* The C library hides it from those who ask for the C standard alone. */
#ifndef MAP_ANONYMOUS
#include <linux/mman.h>
#endif

#include <ferrio/ring-end.h>

/* See RING_IOCTL. */
#ifndef RING_MMAP
#define RING_MMAP(address, bytes, prot, flags, fd, offset) \
	mmap(address, bytes, prot, flags, fd, offset)
#endif

/* A handle with which every call fails, and none reads or writes anything else. */
static inline void ring__clear(struct ringbuffer *rb)
{
	memset(rb, 0, sizeof(*rb));
	rb->fd = -1;
	rb->rw = -1;
	rb->own = &ring__nowhere;
	rb->limit = UINT64_MAX;		/* behind it */
	rb->state[FERRIO_RB_READ] = &ring__stopped;
	rb->state[FERRIO_RB_WRITE] = &ring__stopped;
}

static inline int ring__info(int fd, struct ferrio_rb_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	if (ring__ioctl(fd, FERRIO_RB_GET_INFO, info) < 0)
		return -1;
	if (!(info->features & FERRIO_RB_FEAT_MAP)) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return 0;
}

/* A size that is asked for holds if it is set here, or was before. */
static inline int ring__size(int fd, uint64_t bytes, struct ferrio_rb_info *info)
{
	struct ferrio_rb_size arg = { sizeof(arg), 0, bytes };

	if (!bytes)
		return 0;
	if (!(info->state & FERRIO_RB_STATE_ALLOCATED)) {
		if (ring__ioctl(fd, FERRIO_RB_SET_SIZE, &arg) >= 0)
			return 0;
		/* Somebody else may have made the first use just now. */
		if (errno != EBUSY || ring__info(fd, info))
			return -1;
	}
	if (info->ring_bytes == bytes)
		return 0;
	errno = EBUSY;
	return -1;
}

static inline int ring__mint(int fd, int rw)
{
	struct ferrio_rb_mint arg = { sizeof(arg), 0, (uint32_t)rw, -1 };

	return ring__ioctl(fd, FERRIO_RB_MINT, &arg) < 0 ? -1 : arg.fd;
}

/* The order of the pages is the ABI; where each begins, the kernel says. */
static inline int ring__window_is_known(const struct ferrio_rb_info *info)
{
	const uint64_t at[5] = {
		info->map_consumer, info->map_state, info->map_producer,
		info->map_data, info->map_data + info->ring_bytes,
	};
	uint64_t ragged = 0;
	size_t i;

	for (i = 0; i < 5; i++) {
		ragged |= at[i] % (info->page_bytes ? info->page_bytes : 1);
		if (i && at[i] < at[i - 1] + info->page_bytes)
			return 0;
	}
	return info->page_bytes >= sizeof(struct ferrio_rb_state_page) &&
		!ragged && !at[0] && info->ring_bytes >= RING__ATOMIC &&
		!(info->ring_bytes & (info->ring_bytes - 1)) &&
		info->map_bytes == info->map_data + 2 * info->ring_bytes;
}

/*
 * One protection to a mapping: what comes up to the last page that a consumer may
 * write, or before the first that a producer may, and the rest.
 */
static inline int ring__map_window(int fd, int rw, const struct ferrio_rb_info *info,
				   unsigned char *window)
{
	const int both = PROT_READ | PROT_WRITE;
	uint64_t split;

	split = rw == FERRIO_RB_READ ? info->map_state :
		rw == FERRIO_RB_WRITE ? info->map_producer : info->map_bytes;
	if (RING_MMAP(window, (size_t)split, rw == FERRIO_RB_READ ? both : PROT_READ,
		      MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		return -1;
	if (split < info->map_bytes &&
	    RING_MMAP(window + split, (size_t)(info->map_bytes - split),
		      rw == FERRIO_RB_WRITE ? both : PROT_READ,
		      MAP_SHARED | MAP_FIXED, fd, (off_t)split) == MAP_FAILED)
		return -1;
	return 0;
}

/* Fills in @rb for the end @fd whose window lies at @window. */
static inline void ring__attach(int fd, int rw, const struct ferrio_rb_info *info,
				unsigned char *window, struct ringbuffer *rb)
{
	void *page[2];

	page[FERRIO_RB_READ] = window + info->map_consumer;
	page[FERRIO_RB_WRITE] = window + info->map_producer;
	ring__clear(rb);
	rb->fd = fd;
	rb->rw = rw;
	rb->window = window;
	rb->window_bytes = (size_t)info->map_bytes;
	rb->consumer = (const struct ferrio_rb_end_page *)page[FERRIO_RB_READ];
	rb->producer = (const struct ferrio_rb_end_page *)page[FERRIO_RB_WRITE];
	rb->data = window + info->map_data;
	rb->size = info->ring_bytes;
	rb->mask = info->ring_bytes - 1;
	rb->spin = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? RINGBUFFER_SPIN : 0;
	if (rw == FERRIO_RB_OBSERVE)
		return;
	rb->own = &((struct ferrio_rb_end_page *)page[rw])->position;
	rb->peer = rw == FERRIO_RB_READ ? rb->producer : rb->consumer;
	rb->slack = rw == FERRIO_RB_READ ? 0 : rb->size;
	/* Of the peer nothing is known yet: as if there were nothing to be moved. */
	rb->limit = ring__relaxed(rb->own);
	rb->state[rw] = &((const struct ferrio_rb_state_page *)
			  (const void *)(window + info->map_state))->state;
}

static inline int ring__map(int fd, int rw, struct ringbuffer *rb)
{
	struct ferrio_rb_info info;
	void *window;
	int error;

	if (ring__info(fd, &info))
		return -1;
	if (!ring__window_is_known(&info)) {
		errno = EPROTO;
		return -1;
	}
	if (info.map_bytes > SIZE_MAX) {
		errno = ENOMEM;
		return -1;
	}
	window = mmap(NULL, (size_t)info.map_bytes, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (window == MAP_FAILED)
		return -1;
	if (ring__map_window(fd, rw, &info, (unsigned char *)window)) {
		error = errno;
		munmap(window, (size_t)info.map_bytes);
		errno = error;
		return -1;
	}
	ring__attach(fd, rw, &info, (unsigned char *)window, rb);
	return 0;
}

/**
 * ringbuffer_unmap() - undo the mapping
 * @rb: of ringbuffer(); every call with it fails with EBADF afterwards
 *
 * The descriptor stays open; @rb forgets it.  The end is held until both the mapping and the
 * descriptor are gone, in this process and in all that inherited them.
 */
static inline void ringbuffer_unmap(struct ringbuffer *rb)
{
	if (rb->window)
		munmap(rb->window, rb->window_bytes);
	ring__clear(rb);
}

/**
 * ringbuffer_close() - undo the mapping and close the descriptor
 * @rb: of ringbuffer(); what is not mapped is left alone
 *
 * In a process that has inherited an end and does not use it this is what lets
 * the other end see that its peer has gone.
 */
static inline void ringbuffer_close(struct ringbuffer *rb)
{
	int fd = rb->fd;

	/* Not that of a struct which is all zero. */
	if (!rb->window)
		return;
	ringbuffer_unmap(rb);
	close(fd);
}

/* Of a ring of records, or of one of bytes; anybody may look on. */
static inline int ring__open(int fd, int rw, uint32_t size, int records, struct ringbuffer *rb)
{
	static const uint32_t kind[] = {
		FERRIO_RB_KIND_CONSUMER, FERRIO_RB_KIND_PRODUCER, FERRIO_RB_KIND_OBSERVER,
	};
	struct ferrio_rb_info info;
	int end = fd, error;

	ring__clear(rb);
	if (rw < FERRIO_RB_READ || rw > FERRIO_RB_OBSERVE) {
		errno = EINVAL;
		return -1;
	}
	if (ring__info(fd, &info))
		return -1;
	if (rw != FERRIO_RB_OBSERVE && !info.records != !records) {
		errno = EPROTO;
		return -1;
	}
	if (info.kind == FERRIO_RB_KIND_PLAIN) {
		if (ring__size(fd, size, &info))
			return -1;
		end = ring__mint(fd, rw);
		if (end < 0)
			return -1;
	} else if (info.kind != kind[rw]) {
		errno = EBADF;
		return -1;
	} else if (size && size != info.ring_bytes) {
		errno = EBUSY;
		return -1;
	}
	if (!ring__map(end, rw, rb) &&
	    (end == fd || rw == FERRIO_RB_OBSERVE ||
	     ring__command(fd, FERRIO_RB_SHUTDOWN, rw) >= 0))
		return end;
	error = errno;
	ringbuffer_unmap(rb);
	if (end != fd)
		close(end);
	errno = error;
	return -1;
}

/**
 * ringbuffer() - map an end of a ring
 * @fd: an open of /dev/ringbuffer, a file of a driver, or an end
 * @rw: FERRIO_RB_READ for the consumer, FERRIO_RB_WRITE for the producer,
 *	FERRIO_RB_OBSERVE to look on
 * @size: bytes that the ring shall hold; 0: whatever it does
 * @rb: is filled in; by a failure, too, so that all calls with it give EBADF
 *
 * From an open of the device the end is made and given up there by that
 * descriptor, so that the new one is its only holder.  An end is mapped as it is.
 * A driver's file has to stay open as long as the end is used: its last close is
 * what may end the stream.
 *
 * Return: the end's descriptor, close-on-exec if it is new, else @fd; -1 with
 * errno, and then nothing is left of it, but a size that was set stays.  EBADF: @fd
 * holds no such end; EBUSY: the ring has another size; EINVAL: @rw or @size;
 * EOPNOTSUPP: the module knows no mappings; EPROTO: it lays them out in another
 * way, or the ring has records, which ferrio/ring-records.h moves; and what open(2), mmap(2) and the calls in ringbuffer(4) say.
 */
static inline int ringbuffer(int fd, int rw, uint32_t size, struct ringbuffer *rb)
{
	return ring__open(fd, rw, size, 0, rb);
}

#endif /* FERRIO_RING_MAP_H */
