/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of ferrio_ring.h that is for records: the calls of rings with
 * FERRIO_RING_RECORDS, which have no other calls of the driver's end than these.
 *
 * A record is whole or not there at all.  Programs read them in the order in which they were
 * reserved, one with each read(2), or map the ring.  Any number of calls may run at once, on
 * all CPUs and in any contexts, one in an interrupt of another: none waits for one that it has
 * interrupted.  The calls of any context take no lock, the others one to wake a program.  A
 * record that is reserved and not ended yet stops the programs there, and no producer.
 *
 * A record is ended by a commit or a discard, once, by whoever, in any context.  It holds the
 * stream open: programs find the end behind the last record that was reserved in front of
 * ferrio_ring_shutdown(), when all of them are ended, before it or behind it.  Only
 * ferrio_ring_free() is behind all calls: what is not ended then nobody ends, and programs that
 * come there find the ring corrupt.
 *
 * Errors of all: -EBADF: the ring has no records; of a reservation also -EBADMSG: the ring is
 * corrupt.  That a record was ended does not say that anybody will read it.
 *
 * Cost of a reservation: a few loads, and a compare and exchange, again if another producer is
 * faster.  Now and then it also looks at the headers of what programs have read, at len / 8 of
 * them or at 128: with interrupts off reserve little at a time.
 */
#ifndef _FERRIO_RING_RECORD_H
#define _FERRIO_RING_RECORD_H

#include <linux/types.h>

struct ferrio_ring;

/**
 * ferrio_ring_record_reserve() - a record for read(2), to be built where it is
 * @ring: with FERRIO_RING_RECORDS
 * @len: its bytes; 0 to the size of the ring less 16
 *
 * In one piece, at a multiple of 8.  What is there at first are bytes of older records, or
 * zeros, and a program may see what is written there before the record is ended.
 *
 * In a ring with FERRIO_RING_DROP it does not wait: if there is no room, the record is lost
 * and counted by its cause, and the next one that finds room tells programs in front of
 * it how many were.  Without, it sleeps until there is room, and so may not be called by who
 * has another record to end.
 *
 * Context: process context; sleeps without FERRIO_RING_DROP.
 * Return: the payload; else ERR_PTR(): -ENOBUFS: no room, in a ring with FERRIO_RING_DROP;
 * -EMSGSIZE: longer than any record; -EPIPE: no program has the other end any more; -ERESTARTSYS:
 * a signal; -EINTR: a kernel thread that is to end; -ESHUTDOWN: ferrio_ring_shutdown(). Never
 * NULL.
 */
void *__must_check ferrio_ring_record_reserve(struct ferrio_ring *ring, size_t len);

/**
 * ferrio_ring_record_reserve_atomic() - the same, without sleeping
 * @ring: with FERRIO_RING_RECORDS
 * @len: as of ferrio_ring_record_reserve()
 *
 * Context: any but NMI.
 * Return: as of ferrio_ring_record_reserve(); -EAGAIN: no room, in a ring without
 * FERRIO_RING_DROP.
 */
void *__must_check ferrio_ring_record_reserve_atomic(struct ferrio_ring *ring, size_t len);

/**
 * ferrio_ring_record_commit() - publish a record
 * @ring: with FERRIO_RING_RECORDS
 * @record: of ferrio_ring_record_reserve(), or of ferrio_ring_record_reserve_atomic()
 * @len: how many of its bytes, from the first one on: at most what was reserved
 *
 * Context: process context; wakes who waits for it.
 * Return: 0; -EINVAL: no such record is reserved, or it is shorter: then nothing is changed.
 */
int ferrio_ring_record_commit(struct ferrio_ring *ring, const void *record, size_t len);

/**
 * ferrio_ring_record_commit_atomic() - the same, without taking a lock
 * @ring: with FERRIO_RING_RECORDS
 * @record: as of ferrio_ring_record_commit()
 * @len: as of ferrio_ring_record_commit()
 *
 * Context: any but NMI; who waits for it is woken by irq_work.
 * Return: as of ferrio_ring_record_commit().
 */
int ferrio_ring_record_commit_atomic(struct ferrio_ring *ring, const void *record, size_t len);

/**
 * ferrio_ring_record_discard() - take a record back
 * @ring: with FERRIO_RING_RECORDS
 * @record: as of ferrio_ring_record_commit()
 *
 * Programs do not see it; it is counted as discarded.
 *
 * Context: any but NMI.
 * Return: 0; -EINVAL: no such record is reserved.
 */
int ferrio_ring_record_discard(struct ferrio_ring *ring, const void *record);

#endif /* _FERRIO_RING_RECORD_H */
