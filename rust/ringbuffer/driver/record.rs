// SPDX-License-Identifier: GPL-2.0

//! What a driver does at the producer end of a ring of records: any number of producers at once, in
//! any context but NMI, none of which waits for another.

use super::end::{Context, Direction, Produces};
use crate::{memory::Memory, view::View};
use core::ptr::NonNull;
use kernel::prelude::*;
use ring::{
    records::{
        bits, extent, Many, Notify, Producers, Records, Refusal, Reservation, Slot, HEADER_BYTES,
    },
    Bell, Stop, Word,
};

/// The words of a ring whose producers are all in the kernel: programs have the consumer end alone,
/// so that what lies in the producer's page and in the data is what producers wrote.
struct Ours<'a>(View<'a>);

impl Records for Ours<'_> {
    type Words = <View<'static> as Records>::Words;

    #[inline]
    fn consumer(&self) -> impl Word {
        self.0.consumer()
    }

    #[inline]
    fn producer(&self) -> impl Word {
        self.0.producer()
    }

    #[inline]
    fn state(&self) -> impl Word {
        self.0.state()
    }

    #[inline]
    fn bell(&self) -> Bell<impl Word> {
        self.0.bell()
    }

    #[inline]
    fn word(&self, offset: u64) -> impl Word {
        self.0.word(offset)
    }
}

impl Producers for Ours<'_> {
    const USERS: bool = false;

    #[inline]
    fn limit(&self) -> impl Word {
        self.0.limit()
    }

    #[inline]
    fn owner(&self) -> u64 {
        0
    }

    #[inline]
    fn slot(&self, owner: u64) -> Option<Slot<impl Word>> {
        self.0.slot(owner)
    }
}

impl Direction<Produces> {
    #[inline]
    fn many<'m>(&'m self, memory: &'m Memory) -> Result<Many<Ours<'m>>> {
        let view = Ours(View::of(&self.ring, memory));
        Many::new(view, memory.len() as u64).ok_or(EINVAL)
    }

    /// ferrio_ring_record_reserve().
    pub(crate) fn reserve_record(&self, len: usize, context: Context) -> Result<NonNull<u8>> {
        // What room::is_room() asks for. A ring that drops does not say EAGAIN.
        let need = extent(len.min(self.ring.size()) as u64) + HEADER_BYTES;
        self.until_done(need as usize, context, || self.reserve_now(len, context))
    }

    /// The record holds the end open from here until it is ended.
    #[inline]
    fn reserve_now(&self, len: usize, context: Context) -> Result<NonNull<u8>> {
        self.ring.open_record();
        let reserved = self
            .in_time()
            .and_then(|()| self.reserve_open(len, context));
        if reserved.is_err() {
            self.closed(context);
        }
        reserved
    }

    /// A record does not hold the end open any more.
    #[inline]
    fn closed(&self, context: Context) {
        if self.ring.close_record() && self.in_time().is_err() {
            self.finish(context);
        }
    }

    #[inline]
    fn reserve_open(&self, len: usize, context: Context) -> Result<NonNull<u8>> {
        let memory = self.memory()?;
        let many = self.many(memory)?;
        let reserved = if self.ring.drops() {
            many.offer(len as u64, &self.ring.loss).map_err(|no| {
                if no.wake.is_some() {
                    self.wake(context);
                }
                no.why
            })
        } else {
            many.reserve(len as u64)
        };
        let reservation = reserved.map_err(|refusal| self.refused(refusal, context))?;
        if reservation.wake().is_some() {
            self.wake(context);
        }
        // The driver keeps the address alone, by which the record is found again.
        let offset = reservation.offset(many.size());
        let _ = reservation.into_token();
        // No record is longer than the ring.
        let piece = memory.data.piece(offset, len).ok_or(EMSGSIZE)?;
        Ok(piece.start())
    }

    #[cold]
    fn refused(&self, refusal: Refusal, context: Context) -> Error {
        if self.ring.drops() {
            self.ring.print_losses();
        }
        match refusal {
            Refusal::Full if self.ring.drops() => ENOBUFS,
            Refusal::Full => EAGAIN,
            Refusal::TooLarge => EMSGSIZE,
            Refusal::Closed => EPIPE,
            Refusal::GivenUp => ESHUTDOWN,
            Refusal::Corrupt => self.stopped(Stop::Corrupt, context),
            // Only where programs are producers.
            Refusal::Reserved | Refusal::Contended => EBUSY,
        }
    }

    /// The reservation of the record at an address, of which `len` bytes are wanted.
    ///
    /// # Errors
    ///
    /// `EINVAL`: there is none, it has been ended, or it is shorter.
    #[inline]
    fn redeem(
        &self,
        memory: &Memory,
        many: &Many<Ours<'_>>,
        record: usize,
        len: usize,
    ) -> Result<Reservation> {
        let start = memory.data.piece(0, 0).ok_or(EINVAL)?.start();
        let offset = record.wrapping_sub(start.as_ptr() as usize) as u64;
        if offset >= many.size() || offset % 8 != 0 {
            return Err(EINVAL);
        }
        let token = many.token_at(offset);
        if len as u64 > token.header & bits::LEN {
            return Err(EINVAL);
        }
        many.redeem(token).map_err(|_| EINVAL)
    }

    /// ferrio_ring_record_commit().
    pub(crate) fn commit_record(&self, record: usize, len: usize, context: Context) -> Result {
        let memory = self.memory()?;
        let many = self.many(memory)?;
        let reservation = self.redeem(memory, &many, record, len)?;
        // No longer than what is reserved: just looked at.
        if let Ok(Some(_)) = many.commit_part(reservation, len as u64, Notify::Default) {
            self.wake(context);
        }
        self.closed(context);
        Ok(())
    }

    /// ferrio_ring_record_discard().
    pub(crate) fn discard_record(&self, record: usize) -> Result {
        let memory = self.memory()?;
        let many = self.many(memory)?;
        let reservation = self.redeem(memory, &many, record, 0)?;
        // In front, so that whoever sees that it is ended sees that it is counted.
        self.ring.loss.count_discarded();
        self.ring.print_losses();
        if many.discard(reservation, Notify::Default).is_some() {
            self.wake(Context::Atomic);
        }
        self.closed(Context::Atomic);
        Ok(())
    }
}
