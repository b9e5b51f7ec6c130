/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A ring of records in user space, as the kernel sees it: how far its ends are, what is
 * committed, and who has which slot.  A part of fake.c.
 */
#ifndef FAKE_RECORDS_H
#define FAKE_RECORDS_H

#define FAKE_RECORDS	(FERRIO_RB_RECORDS | FERRIO_RB_RECORDS_MANY | FERRIO_RB_RECORDS_DROP)

static bool has_many(const struct fake *f)
{
	return f->records & FERRIO_RB_RECORDS_MANY;
}

static struct ferrio_rb_producer_page *producers(const struct fake *f)
{
	return (void *)f->end[FERRIO_RB_WRITE];
}

static __u64 *header_at(const struct fake *f, uint64_t at)
{
	return (void *)(f->data + (at & (f->size - 1) & ~7ULL));
}

static uint64_t extent(uint64_t header)
{
	return ((header & FERRIO_RB_RECORD_LEN) + FERRIO_RB_RECORD_HEADER_BYTES + 7) & ~7ULL;
}

/* How far an end is; of many producers, where the next record will begin. */
static uint64_t position(const struct fake *f, int rw)
{
	uint64_t at, reserve;

	if (!has_many(f))
		return fake_position(f, rw);
	at = fake_position(f, FERRIO_RB_READ) & ~7ULL;
	if (rw == FERRIO_RB_READ)
		return at;
	reserve = __atomic_load_n(&producers(f)->reserve, __ATOMIC_ACQUIRE) >> 8;
	return at + ((reserve - at) << 8 >> 8);
}

/* Bytes to read: of many producers those committed in a row, @need or a record more. */
static uint64_t readable(const struct fake *f, uint64_t need)
{
	uint64_t cursor = fake_position(f, FERRIO_RB_READ), seen = 0;
	uint64_t at = position(f, FERRIO_RB_READ), there = position(f, FERRIO_RB_WRITE) - at;
	bool stale = cursor & 1;
	uint64_t header;

	if (!has_many(f))
		return there;
	while (seen < need && seen < there) {
		header = __atomic_load_n(header_at(f, at + seen), __ATOMIC_ACQUIRE);
		if (!!(header & FERRIO_RB_RECORD_PHASE) == stale || header & FERRIO_RB_RECORD_BUSY)
			break;
		stale = header & FERRIO_RB_RECORD_NEXT;
		seen += extent(header);
	}
	return seen;
}

/* Who maps the producers' words to write there has a slot. */
static int claim_slot(struct fake *f, int fd, void *at, size_t bytes)
{
	int slot = 0, error = 0;

	lock(f->books);
	while (f->books->slots >> slot & 1)
		slot++;
	if (fds[fd].slot)
		error = -EBUSY;
	else if (slot == FERRIO_RB_SLOTS)
		error = -ENFILE;
	if (!error) {
		f->books->slots |= 1ULL << slot;
		fds[fd].slot = slot + 1;
		fds[fd].mapped = at;
		fds[fd].mapped_bytes = bytes;
	}
	unlock(f->books);
	return error;
}

/* What a slot has reserved is discarded.  None of its producers dies in the midst of a step. */
static void bury_slot(struct fake *f, int fd)
{
	struct ferrio_rb_slot *slot = (struct ferrio_rb_slot *)(producers(f) + 1) +
		(fds[fd].slot - 1);

	lock(f->books);
	if ((slot->claim & 3) == FERRIO_RB_SLOT_WON) {
		__atomic_store_n(header_at(f, slot->position),
				 slot->header | FERRIO_RB_RECORD_DISCARD, __ATOMIC_RELEASE);
		slot->claim &= ~3ULL;
		f->state->lost.lost[FERRIO_RB_LOST_ABORTED]++;
		ring_bell(f->books);
	}
	f->books->slots &= ~(1ULL << (fds[fd].slot - 1));
	fds[fd].slot = 0;
	unlock(f->books);
}

/* A stretch of memory is about to be no mapping any more. */
void fake_unmap(const char *at, size_t bytes)
{
	for (int fd = 0; fd < FDS; fd++)
		if (fds[fd].fake && fds[fd].slot && fds[fd].mapped >= at &&
		    fds[fd].mapped + fds[fd].mapped_bytes <= at + bytes)
			bury_slot(fds[fd].fake, fd);
}

#endif /* FAKE_RECORDS_H */
