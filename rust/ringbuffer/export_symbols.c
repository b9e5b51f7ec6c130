// SPDX-License-Identifier: GPL-2.0
/*
 * The functions of export.rs, and one more, for other modules.  That they are those of the header
 * is checked there, against what bindgen reads; what is exported here is what the C
 * compiler reads.
 */
#include <linux/export.h>
#include <ferrio_ring.h>

/* They are defined in Rust, so this cannot stand behind each of them. */
#define FERRIO_EXPORT(symbol)	EXPORT_SYMBOL_NS_GPL(symbol, FERRIO_RING_API)

/* In C, as the bits of f_mode have no other setter. */
int ferrio_ring_open(struct inode *inode, struct file *file)
{
	file->f_mode |= FMODE_NOWAIT;
	return stream_open(inode, file);
}

FERRIO_EXPORT(ferrio_ring_open);
FERRIO_EXPORT(ferrio_ring_alloc);
FERRIO_EXPORT(ferrio_ring_get);
FERRIO_EXPORT(ferrio_ring_put);
FERRIO_EXPORT(ferrio_ring_shutdown);
FERRIO_EXPORT(ferrio_ring_leave);
FERRIO_EXPORT(ferrio_ring_free);
FERRIO_EXPORT(ferrio_ring_write_slow);
FERRIO_EXPORT(ferrio_ring_write_atomic_slow);
FERRIO_EXPORT(ferrio_ring_wake);
FERRIO_EXPORT(ferrio_ring_wake_atomic);
FERRIO_EXPORT(ferrio_ring_reserve);
FERRIO_EXPORT(ferrio_ring_reserve_atomic);
FERRIO_EXPORT(ferrio_ring_commit);
FERRIO_EXPORT(ferrio_ring_commit_atomic);
FERRIO_EXPORT(ferrio_ring_discard);
FERRIO_EXPORT(ferrio_ring_record_reserve);
FERRIO_EXPORT(ferrio_ring_record_reserve_atomic);
FERRIO_EXPORT(ferrio_ring_record_commit);
FERRIO_EXPORT(ferrio_ring_record_commit_atomic);
FERRIO_EXPORT(ferrio_ring_record_discard);
FERRIO_EXPORT(ferrio_ring_read_slow);
FERRIO_EXPORT(ferrio_ring_read_atomic_slow);
FERRIO_EXPORT(ferrio_ring_read_iter);
FERRIO_EXPORT(ferrio_ring_write_iter);
FERRIO_EXPORT(ferrio_ring_poll);
FERRIO_EXPORT(ferrio_ring_ioctl);
FERRIO_EXPORT(ferrio_ring_mmap);
FERRIO_EXPORT(ferrio_ring_splice_read);
FERRIO_EXPORT(ferrio_ring_splice_write);
FERRIO_EXPORT(ferrio_ring_show_fdinfo);
