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
    view::View,
    words::OwnWord,
};
use ferrio::{
    iov::{IterDest, IterSource},
    shared::fence,
    token::TokenGuard,
};
use kernel::prelude::*;
use ring::{
    records::{
        extent, Cause, Kind, Loss, Many, Notify, Reader, Record, Refusal, Reservation, Single,
        HEADER_BYTES,
    },
    Stop,
};

/// How many runs of discarded records one read goes past.
const SKIPS: u32 = 64;

/// The kernel as the only producer, or as one of many, for a turn.
enum Producer<'a> {
    One(Single<View<'a>>),
    Of(Many<View<'a>>),
}

impl Producer<'_> {
    /// See [`Single::offer`], [`Many::offer`]; without `loss`, `reserve` of them. Who is to be
    /// woken is found behind the turn, for all that was done in it.
    fn reserve(
        &mut self,
        len: u64,
        loss: Option<&Loss<OwnWord, OwnWord>>,
    ) -> Result<Reservation, Refusal> {
        match (self, loss) {
            (Producer::One(one), Some(loss)) => one.offer(len, loss).map_err(|no| no.why),
            (Producer::One(one), None) => one.reserve(len),
            (Producer::Of(many), Some(loss)) => many.offer(len, loss).map_err(|no| no.why),
            (Producer::Of(many), None) => many.reserve(len),
        }
    }

    /// Commits what this has just reserved, so that it is not refused.
    fn commit(&mut self, reservation: Reservation) {
        match self {
            Producer::One(one) => {
                let _ = one.commit(reservation, Notify::Quiet);
            }
            Producer::Of(many) => {
                let _ = many.commit(reservation, Notify::Quiet);
            }
        }
    }

    /// The same, for what is taken back.
    fn discard(&mut self, reservation: Reservation) {
        match self {
            Producer::One(one) => {
                let _ = one.discard(reservation);
            }
            Producer::Of(many) => {
                let _ = many.discard(reservation, Notify::Quiet);
            }
        }
    }
}

impl<'a> Stream<'a> {
    /// The next record, with the consumer's token; `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// `EAGAIN`: none yet. `EBADF`, `EBADMSG`.
    fn next_record<const MANY: bool>(
        &self,
        reader: &mut Reader<View<'_>, MANY>,
    ) -> Result<Option<Record>> {
        let ring = self.ring;
        let mut next = self.look_for_record(reader);
        // What stops it may be of somebody who is dead.
        if MANY && next == Err(EAGAIN) && ring.reap() {
            next = self.look_for_record(reader);
        }
        if next == Err(EAGAIN) {
            self.nothing_to_read()?;
            // Finished, and that orders us behind all that was published: look once more.
            next = match self.look_for_record(reader) {
                Err(err) if err == EAGAIN => {
                    // Nobody is left who could commit what is reserved.
                    if MANY && !ring.is_empty() {
                        return Err(self.blame_producer());
                    }
                    return Ok(None);
                }
                next => next,
            };
        }
        next.map(Some)
    }

    #[cold]
    fn blame_producer(&self) -> Error {
        self.ring.set_corrupt(uapi::FERRIO_RB_CORRUPT_PRODUCER);
        EBADMSG
    }

    fn look_for_record<const MANY: bool>(
        &self,
        reader: &mut Reader<View<'_>, MANY>,
    ) -> Result<Record> {
        reader.read().map_err(|stop| match stop {
            // That the end is near is found out as for bytes.
            Stop::Empty | Stop::End => EAGAIN,
            Stop::GivenUp => EBADF,
            // Of a consumer there is nothing else.
            Stop::Corrupt | Stop::Full | Stop::Closed => self.blame_producer(),
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
        if memory.has_many() {
            self.read_record_of::<true>(memory, iter, turn)
        } else {
            self.read_record_of::<false>(memory, iter, turn)
        }
    }

    fn read_record_of<const MANY: bool>(
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
        let mut reader = Reader::<_, MANY>::new(view, memory.len() as u64).ok_or(EINVAL)?;
        let mut wakes = false;
        let mut skips = SKIPS;
        let result = loop {
            let record = match self.next_record(&mut reader) {
                Ok(Some(record)) => record,
                Ok(None) => break Ok(()),
                Err(err) => break Err(err),
            };
            let result = match record.kind {
                Kind::Data => match deliver(memory, record, iter) {
                    Ok(()) => Ok(()),
                    // It stays.
                    Err(err) => break Err(err),
                },
                Kind::Gap => Err(ENOBUFS),
                Kind::Skip => Err(EAGAIN),
            };
            match reader.free_exclusive(Notify::Default) {
                Ok(bell) => wakes |= bell.is_some(),
                Err(_) => ring.count_misuse(),
            }
            skips -= 1;
            // Behind what was skipped there may be a record.
            if record.kind != Kind::Skip || skips == 0 {
                break result;
            }
        };
        drop(turn);
        if wakes {
            self.wake(Rw::Write);
        }
        let alarm = &ring.consumer.alarm;
        if skips == 0 && alarm.expects_edges() && ring.has_enough(Rw::Read) {
            // What is behind them was told before they were skipped: nobody tells again.
            alarm.wake(Rw::Read.event());
        }
        if ring.consumer.alarm.expects_edges() && !ring.has_enough(Rw::Read) {
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
    /// - `EBADMSG`: the ring is corrupt; or a mapped producer moves the words of all the time.
    /// - `EFAULT`: not all could be copied; nothing was written.
    /// - `EINTR`: killed while waiting for the token.
    /// - `EMSGSIZE`: longer than the largest record.
    /// - `ENOBUFS`: no room, in a ring that drops: the record is lost, and counted.
    /// - `EPIPE`: the consumer end is closed.
    fn put_record(&self, memory: &Memory, iter: &mut IterSource<'_>, nowait: bool) -> Result {
        let ring = self.ring;
        let turn = self.turn(Rw::Write, nowait).inspect_err(|err| {
            if *err == EBADMSG && ring.drops() {
                ring.loss.count(Cause::Peer);
                ring.print_losses();
            }
        })?;
        if ring.consumer.is_closed() {
            return Err(EPIPE);
        }
        let (view, size) = (View::of(ring, memory), memory.len() as u64);
        let mut producer = if memory.has_many() {
            Producer::Of(Many::new(view, size).ok_or(EINVAL)?)
        } else {
            Producer::One(Single::new(view, size).ok_or(EINVAL)?)
        };
        let loss = ring.drops().then_some(&ring.loss);
        let result = match producer.reserve(iter.len() as u64, loss) {
            Ok(reservation) => self.fill(memory, &mut producer, reservation, iter),
            Err(refusal) => Err(self.refused(refusal, ring.drops())),
        };
        if result.is_err() {
            ring.print_losses();
        }
        if memory.has_many() {
            // One that is to be discarded may have been behind this.
            ring.reap();
        }
        // Also of a gap whose record was refused, and of what was taken back: others may be behind
        // it. More of them wake than the protocol asks for: whoever waits for so many bytes, though
        // other producers are not done with theirs.
        // The fence: what others reserved behind ours counts, too, if its reader did not see ours.
        fence();
        let position = ring.position(Rw::Write);
        drop(turn);
        if ring.consumer.alarm.is_called(position) {
            self.wake(Rw::Read);
        }
        if ring.producer.alarm.expects_edges() && !ring.has_enough(Rw::Write) {
            self.used_up(Rw::Write);
        }
        result
    }

    /// Copies what was reserved, and commits it; its reader is not woken yet.
    fn fill(
        &self,
        memory: &Memory,
        producer: &mut Producer<'_>,
        reservation: Reservation,
        iter: &mut IterSource<'_>,
    ) -> Result {
        let len = iter.len();
        let offset = reservation.offset(memory.len() as u64) as usize;
        let start = iter.checkpoint();
        if memory.data.copy_from(offset, len, iter).bytes() == len {
            producer.commit(reservation);
            return Ok(());
        }
        iter.rollback(start);
        producer.discard(reservation);
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
            // Of this record alone.
            Refusal::Contended => EBADMSG,
            // Not of a producer that has just been made.
            Refusal::Reserved => EBUSY,
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

    /// Prints what is lost by producers in the kernel, and of the dead.
    pub(crate) fn print_losses(&self) {
        if let Some(memory) = self.memory() {
            memory.print_losses(&self.own_losses());
        }
    }

    /// What writes have lost, and those who died.
    fn own_losses(&self) -> ferrio_rb_losses {
        let causes = [Cause::Full, Cause::TooLarge, Cause::Aborted, Cause::Peer];
        ferrio_rb_losses {
            lost: causes.map(|cause| self.loss.lost(cause)),
            discarded: self.loss.discarded(),
            ..Default::default()
        }
    }

    /// What all producers have lost; of mapped ones it is what that says.
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
