/* SPDX-License-Identifier: GPL-2.0 */
/* Tests that start from a ring of many producers, of one page. */
#ifndef FIX_MANY_H
#define FIX_MANY_H

#include "records.h"

#define MANY	(FERRIO_RB_RECORDS | FERRIO_RB_RECORDS_MANY)

/* An end of its own, which does not block. */
static inline struct ring_records map_end(int fd, int rw)
{
	struct ring_records rr;
	int end = rb_mint(fd, rw);

	if (ring_records(end, rw, 0, 0, &rr) != end)
		rb_die("ring_records: %s", strerror(errno));
	rr.rb.nonblock = true;
	return rr;
}

/* Who maps both ends may move all words while nobody uses them; @start is a multiple of 8. */
static inline void start_at(int fd, struct ring_records *c, uint64_t start)
{
	struct ring_records p = map_end(fd, FERRIO_RB_WRITE);

	__atomic_store_n(&ring__page(&p.rb)->reserve, start << 8, __ATOMIC_RELEASE);
	__atomic_store_n(&ring__page(&p.rb)->limit, start << 8, __ATOMIC_RELEASE);
	__atomic_store_n(c->rb.own, start, __ATOMIC_RELEASE);
	ring_records_close(&p);
}

FIXTURE(many) {
	int fd;
	long live;
};

FIXTURE_VARIANT(many) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(many, wait) {
	.flags = MANY,
};

FIXTURE_VARIANT_ADD(many, drop) {
	.flags = MANY | FERRIO_RB_RECORDS_DROP,
};

FIXTURE_SETUP(many)
{
	self->live = rb_live_pages();
	self->fd = rb_open(O_RDWR);
	ASSERT_EQ(0, set_records(self->fd, RB_PAGE, variant->flags));
}

FIXTURE_TEARDOWN(many)
{
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_TRUE(rb_pages_return(self->live));
}

#endif /* FIX_MANY_H */
