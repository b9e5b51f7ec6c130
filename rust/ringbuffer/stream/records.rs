// SPDX-License-Identifier: GPL-2.0

//! A ring of records: what read() and write() do there, a record with each call.
//!
//! `Documentation/records.rst` has the protocol; the kernel is one producer of it, or the consumer,
//! for a turn under the end's token. Positions are counted as in a ring of bytes, headers included,
//! so that waiting and polling are the same.

use super::Stream;
use crate::{
    memory::Memory,
    ring::Ring,
    rw::Rw,
    uapi::{self, ferrio_rb_losses},
    words::KernelWords,
};
use ferrio::{
    iov::{IterDest, IterSource},
    token::TokenGuard,
};
use kernel::prelude::*;
use ring::{
    records::{
        extent, Cause, Kind, Notify, Reader, Record, Records, Refusal, Reservation, Single,
        HEADER_BYTES,
    },
    Bell, Stop, Word,
};

/// The words of a ring, as the kernel has them that is at the end `rw`.
struct View<'a> {
    ring: &'a Ring,
    memory: &'a Memory,
    rw: Rw,
}

impl Records for View<'_> {
    type Words = KernelWords;

    #[inline]
    fn consumer(&self) -> impl Word {
        self.memory.position(Rw::Read)
    }

    #[inline]
    fn producer(&self) -> impl Word {
        self.memory.position(Rw::Write)
    }

    #[inline]
    fn state(&self) -> impl Word {
        self.memory.state()
    }

    #[inline]
    fn bell(&self) -> Bell<impl Word> {
        self.ring.side(self.rw.peer()).alarm.bell()
    }

    #[inline]
    fn word(&self, offset: u64) -> impl Word {
        self.memory.word(offset)
    }
}

impl<'a> Stream<'a> {
    /// The next record, with the consumer's token.
    fn next_record(&self, reader: &mut Reader<View<'_>, false>) -> Result<Record> {
        reader.read().map_err(|stop| match stop {
            // That the end is near is found out as for bytes.
            Stop::Empty | Stop::End => EAGAIN,
            Stop::GivenUp => EBADF,
            // Of a consumer there is nothing else.
            Stop::Corrupt | Stop::Full | Stop::Closed => {
                self.ring.set_corrupt(uapi::FERRIO_RB_CORRUPT_PRODUCER);
                EBADMSG
            }
        })
    }

    /// One turn of the consumer, with its token: one record.
    ///
    /// # Errors
    ///
    /// As [`read_once`](Stream::read_once), and:
    ///
    /// - `EFAULT`: it cannot be copied; it stays.
    /// - `EMSGSIZE`: it is longer than `iter`; it stays.
    /// - `ENOBUFS`: records were lost here; the gap that says so is gone.
    pub(super) fn read_record(
        &self,
        memory: &Memory,
        iter: &mut IterDest<'_>,
        turn: TokenGuard<'a, impl Fn()>,
    ) -> Result {
        let ring = self.ring;
        let view = View {
            ring,
            memory,
            rw: Rw::Read,
        };
        let mut reader = Reader::new(view, memory.len() as u64).ok_or(EINVAL)?;
        let mut next = self.next_record(&mut reader);
        if next == Err(EAGAIN) {
            self.nothing_to_read()?;
            // Finished, and that orders us behind all that was published: look once more.
            next = self.next_record(&mut reader);
            if next == Err(EAGAIN) {
                return Ok(());
            }
        }
        let record = next?;
        let result = match record.kind {
            Kind::Data => {
                deliver(memory, record, iter)?;
                Ok(())
            }
            Kind::Gap => Err(ENOBUFS),
            // A single producer has no reason to discard anything in the ring.
            Kind::Skip => Err(EAGAIN),
        };
        let freed = reader.free_exclusive(Notify::Default);
        drop(turn);
        match freed {
            Ok(None) => (),
            Ok(Some(_)) => self.wake(Rw::Write),
            Err(_) => ring.count_misuse(),
        }
        if ring.consumer.alarm.expects_edges() && ring.readable() == 0 {
            self.used_up(Rw::Read);
        }
        result
    }

    /// write() of a record: waits for its room unless `nowait`, or unless the ring drops.
    ///
    /// # Errors
    ///
    /// Those of [`put_record`](Self::put_record), and `ERESTARTSYS`: a signal.
    pub(super) fn write_record(
        &self,
        memory: &Memory,
        iter: &mut IterSource<'_>,
        nowait: bool,
    ) -> Result {
        let mut rearmed = false;
        loop {
            match self.put_record(memory, iter, nowait) {
                Err(err) if err == EAGAIN && !nowait => {
                    // No longer than the largest record, or it would not be EAGAIN.
                    let room = extent(iter.len() as u64) + HEADER_BYTES;
                    self.wait(Rw::Write, room as usize)?;
                }
                Err(err) if err == EAGAIN && !rearmed && self.rearm(Rw::Write) => rearmed = true,
                result => return result,
            }
        }
    }

    /// One turn of the producer: all of `iter` is a record.
    ///
    /// # Errors
    ///
    /// - `EAGAIN`: no room, in a ring that pushes back; or the token is taken, and `nowait`.
    /// - `EBADF`: the file does not hold this end.
    /// - `EBADMSG`: the ring is corrupt.
    /// - `EFAULT`: not all could be copied; nothing was written.
    /// - `EINTR`: killed while waiting for the token.
    /// - `EMSGSIZE`: longer than the largest record.
    /// - `ENOBUFS`: no room, in a ring that drops: the record is lost, and counted.
    /// - `EPIPE`: the consumer end is closed.
    fn put_record(&self, memory: &Memory, iter: &mut IterSource<'_>, nowait: bool) -> Result {
        let ring = self.ring;
        let turn = self.turn(Rw::Write, nowait)?;
        if ring.consumer.is_closed() {
            return Err(EPIPE);
        }
        let view = View {
            ring,
            memory,
            rw: Rw::Write,
        };
        let mut producer = Single::new(view, memory.len() as u64).ok_or(EINVAL)?;
        let len = iter.len() as u64;
        let reserved = if ring.drops() {
            // Whom a gap wakes is found below.
            producer.offer(len, &ring.loss).map_err(|no| no.why)
        } else {
            producer.reserve(len)
        };
        let result = match reserved {
            Ok(reservation) => self.fill(memory, &mut producer, reservation, iter),
            Err(refusal) => Err(self.refused(refusal, ring.drops())),
        };
        if result.is_err() {
            memory.print_losses(&ring.own_losses());
        }
        // Also of a gap whose record was refused.
        let position = memory.position(Rw::Write).load();
        drop(turn);
        if ring.consumer.alarm.is_called(position) {
            self.wake(Rw::Read);
        }
        if ring.producer.alarm.expects_edges() && ring.available(Rw::Write) < ring.enough(Rw::Write)
        {
            self.used_up(Rw::Write);
        }
        result
    }

    /// Copies what was reserved, and commits it; its reader is not woken yet.
    fn fill(
        &self,
        memory: &Memory,
        producer: &mut Single<View<'_>>,
        reservation: Reservation,
        iter: &mut IterSource<'_>,
    ) -> Result {
        let len = iter.len();
        let offset = reservation.offset(memory.len() as u64) as usize;
        let start = iter.checkpoint();
        // The reservation is this producer's own, so neither of its ends is refused.
        if memory.data.copy_from(offset, len, iter).bytes() == len {
            let _ = producer.commit(reservation, Notify::Quiet);
            return Ok(());
        }
        iter.rollback(start);
        let _ = producer.discard(reservation);
        self.ring.loss.count_discarded();
        Err(EFAULT)
    }

    #[cold]
    fn refused(&self, refusal: Refusal, drops: bool) -> Error {
        match refusal {
            Refusal::Full if drops => ENOBUFS,
            Refusal::Full => EAGAIN,
            Refusal::TooLarge => EMSGSIZE,
            Refusal::Closed => EPIPE,
            Refusal::GivenUp => EBADF,
            Refusal::Corrupt => {
                self.ring.set_corrupt(uapi::FERRIO_RB_CORRUPT_CONSUMER);
                EBADMSG
            }
            // Of a single producer that has just been made there is neither.
            Refusal::Reserved | Refusal::Contended => EBUSY,
        }
    }
}

/// Copies a record's payload, all of it.
fn deliver(memory: &Memory, record: Record, iter: &mut IterDest<'_>) -> Result {
    // Both are less than the size of the ring.
    let (offset, len) = (record.offset as usize, record.len as usize);
    if iter.len() < len {
        return Err(EMSGSIZE);
    }
    let start = iter.checkpoint();
    if memory.data.copy_to(offset, len, iter).bytes() < len {
        iter.rollback(start);
        return Err(EFAULT);
    }
    Ok(())
}

impl Ring {
    /// Whether a record that finds no room is lost.
    pub(crate) fn drops(&self) -> bool {
        self.records() & uapi::FERRIO_RB_RECORDS_DROP != 0
    }

    /// What writes have lost.
    fn own_losses(&self) -> ferrio_rb_losses {
        let causes = [Cause::Full, Cause::TooLarge, Cause::Aborted, Cause::Peer];
        ferrio_rb_losses {
            lost: causes.map(|cause| self.loss.lost(cause)),
            discarded: self.loss.discarded(),
            ..Default::default()
        }
    }

    /// What all producers have lost; of a mapped one it is what that says.
    pub(crate) fn losses(&self) -> ferrio_rb_losses {
        let mut sum = self.own_losses();
        if let Some(memory) = self.memory() {
            let claimed = memory.claimed_losses();
            for (sum, claimed) in sum.lost.iter_mut().zip(claimed.lost) {
                *sum = sum.wrapping_add(claimed);
            }
            sum.discarded = sum.discarded.wrapping_add(claimed.discarded);
        }
        sum
    }
}
