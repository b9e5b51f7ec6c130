// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The only producer: what it reserves is its own business until it commits.

use super::{
    bits,
    header::{check, extent, is_size, largest, offset, HEADER_BYTES, POSITION},
    loss::GAP_BYTES,
    notify::{notify, Notify},
    Cause, Loss, Misuse, Records, Refusal, Refused, Reservation, Token, NO_PRODUCER,
};
use crate::{turn, used, Word};

/// The only producer of a ring of records.
///
/// Keeps the consumer's position of an earlier turn, as [`Producer`](crate::Producer) does; the own
/// one is loaded for each record.
///
/// # Invariants
///
/// `size` is a power of two of 64 to 2^32. `reserved` is the header of a record that has room at
/// `own`.
pub struct Single<R> {
    ring: R,
    size: u64,
    own: u64,
    /// The consumer's position, as of an earlier turn.
    peer: u64,
    reserved: Option<u64>,
}

impl<R: Records> Single<R> {
    /// Goes on where the end's last holder stopped. `None`: `size` is not a power of two of 64 to
    /// 2^32.
    pub fn new(ring: R, size: u64) -> Option<Self> {
        if !is_size(size) {
            return None;
        }
        let own = ring.producer().load();
        // INVARIANT: Just checked; none. The consumer's position is kept as if the ring was full,
        // so it is loaded for the first record.
        Some(Single {
            ring,
            size,
            own,
            peer: own.wrapping_sub(size),
            reserved: None,
        })
    }

    /// The words.
    #[inline]
    pub fn ring(&self) -> &R {
        &self.ring
    }

    /// The size of the data in bytes.
    #[inline]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reserves a record of `len` bytes. Counts nothing: for rings that push back.
    ///
    /// # Errors
    ///
    /// Each [`Refusal`] but [`Refusal::Contended`].
    #[inline]
    pub fn reserve(&mut self, len: u64) -> Result<Reservation, Refusal> {
        if len > largest(self.size) {
            return Err(Refusal::TooLarge);
        }
        self.claim(len)
    }

    /// Reserves a record of `len` bytes, and counts it as lost if it cannot: for rings that drop.
    /// If something was lost before, tells it first, in a record of its own, which may have to wake
    /// the consumer: [`Reservation::wake`].
    ///
    /// # Errors
    ///
    /// As [`Single::reserve`]. If [`Cause::of`] has a cause for it, the record is counted. Of a gap
    /// that got in nevertheless the consumer is to be told: [`Refused::wake`].
    #[inline]
    pub fn offer(
        &mut self,
        len: u64,
        loss: &Loss<impl Word, impl Word>,
    ) -> Result<Reservation, Refused> {
        let told = if loss.owes() {
            self.tell(loss)
        } else {
            Ok(None)
        };
        let (why, wake) = match told {
            Ok(wake) => match self.reserve(len) {
                Ok(reservation) => {
                    return Ok(Reservation {
                        wake,
                        ..reservation
                    })
                }
                Err(why) => (why, wake),
            },
            // Of the two causes the one that will not go away.
            Err(Refusal::Full) if len > largest(self.size) => (Refusal::TooLarge, None),
            Err(why) => (why, None),
        };
        Err(self.refused(why, wake, loss))
    }

    /// Counts a record that is refused.
    #[cold]
    fn refused(
        &self,
        why: Refusal,
        wake: Option<u64>,
        loss: &Loss<impl Word, impl Word>,
    ) -> Refused {
        if let Some(cause) = Cause::of(why) {
            loss.count(cause);
        }
        Refused { why, wake }
    }

    /// Tells what was lost, if there is something; whether the consumer waits for that. What comes
    /// behind it does not ask for it, as it lies elsewhere.
    #[cold]
    fn tell(&mut self, loss: &Loss<impl Word, impl Word>) -> Result<Option<u64>, Refusal> {
        let Some(telling) = loss.begin() else {
            return Ok(None);
        };
        let reserved = self.claim(GAP_BYTES | bits::GAP);
        let told = reserved.map(|gap| {
            let mut at = gap.at;
            for news in telling.news {
                at = at.wrapping_add(8);
                self.ring.word(offset(at, self.size)).store(news);
            }
            // What was just reserved is not refused.
            self.commit(gap, Notify::Default).unwrap_or(None)
        });
        loss.end(telling, told.is_ok());
        told
    }

    /// P1 and P2.
    #[inline]
    fn claim(&mut self, bits: u64) -> Result<Reservation, Refusal> {
        // Relaxed, both: as for bytes.
        let state = self.ring.state().load();
        if state & NO_PRODUCER != 0 {
            return Err(Refusal::of_state(state));
        }
        if self.reserved.is_some() {
            return Err(Refusal::Reserved);
        }
        self.own = self.ring.producer().load();
        // No underflow: no extent is larger than that of the largest record.
        let free = self.size - HEADER_BYTES - extent(bits & bits::LEN);
        if self.own.wrapping_sub(self.peer) > free {
            self.reload(free)?;
        }
        let header = bits | check(self.own) | bits::PHASE;
        // INVARIANT: There is room for it.
        self.reserved = Some(header);
        Ok(Reservation {
            at: self.own,
            header,
            wake: None,
        })
    }

    #[cold]
    fn reload(&mut self, free: u64) -> Result<(), Refusal> {
        let (ring, size) = (&self.ring, self.size);
        // Acquire: pairs with C6. What is in front of the position has been read.
        let looked = turn::look(&ring.producer(), &ring.consumer(), |own, peer| {
            used(own, peer & POSITION, size)
        });
        let (own, peer, there) = looked.map_err(|_| Refusal::Corrupt)?;
        self.own = own;
        self.peer = peer & POSITION;
        if own & !POSITION != 0 {
            Err(Refusal::Corrupt)
        } else if there > free {
            Err(Refusal::Full)
        } else {
            Ok(())
        }
    }

    /// Whether this is what is reserved.
    #[inline]
    fn is_reserved(&self, at: u64, header: u64) -> bool {
        self.own == at && self.reserved == Some(header)
    }

    /// Commits a record, behind the last change of its payload.
    ///
    /// A number: consumers sleep, and the kernel has to wake them; of a mapped producer, once for
    /// each number.
    ///
    /// # Errors
    ///
    /// [`Misuse::Stale`]: the reservation is of another ring.
    #[inline]
    pub fn commit(&mut self, reservation: Reservation, how: Notify) -> Result<Option<u64>, Misuse> {
        let len = reservation.len();
        self.commit_part(reservation, len, how)
    }

    /// Commits the first `len` bytes of a record; the rest is free again.
    ///
    /// # Errors
    ///
    /// - [`Misuse::Stale`]: the reservation is of another ring.
    /// - [`Misuse::TooLong`]: `len` is more than was reserved; the record stays reserved, see
    ///   [`Single::abandon`].
    #[inline]
    pub fn commit_part(
        &mut self,
        reservation: Reservation,
        len: u64,
        how: Notify,
    ) -> Result<Option<u64>, Misuse> {
        let Reservation { at, header, .. } = reservation;
        if !self.is_reserved(at, header) {
            return Err(Misuse::Stale);
        }
        if len > header & bits::LEN {
            return Err(Misuse::TooLong);
        }
        // INVARIANT: None.
        self.reserved = None;
        // P3, relaxed: not visible in front of P4.
        self.ring
            .word(offset(at, self.size))
            .store(header & !bits::LEN | len);
        self.own = at.wrapping_add(extent(len));
        // P4, release: pairs with C1. The payload and the header are in front of it.
        self.ring.producer().store_release(self.own);
        Ok(notify::<R, false>(&self.ring, at, how))
    }

    /// Takes a reservation back: nobody has seen it. Counts nothing; see
    /// [`Loss::count_discarded`].
    ///
    /// # Errors
    ///
    /// [`Misuse::Stale`]: the reservation is of another ring.
    #[inline]
    pub fn discard(&mut self, reservation: Reservation) -> Result<(), Misuse> {
        if !self.is_reserved(reservation.at, reservation.header) {
            return Err(Misuse::Stale);
        }
        self.abandon();
        Ok(())
    }

    /// Takes back whatever is reserved. Its token is stale from then on, unless the very same is
    /// reserved again.
    #[inline]
    pub fn abandon(&mut self) {
        // INVARIANT: None.
        self.reserved = None;
    }

    /// The reservation of a token: as often as one likes, until it is ended.
    ///
    /// # Errors
    ///
    /// [`Misuse::Stale`].
    #[inline]
    pub fn redeem(&self, token: Token) -> Result<Reservation, Misuse> {
        if self.is_reserved(token.position, token.header) {
            Ok(Reservation {
                at: token.position,
                header: token.header,
                wake: None,
            })
        } else {
            Err(Misuse::Stale)
        }
    }

    /// As [`Many::room_at`](super::Many::room_at).
    pub fn room_at(&self, len: u64) -> Result<(), u64> {
        if len > largest(self.size) {
            return Ok(());
        }
        let end = self.ring.producer().load();
        // Acquire: pairs with C6.
        let consumer = self.ring.consumer().load_acquire() & POSITION;
        let wanted = end
            .wrapping_add(extent(len) + HEADER_BYTES)
            .wrapping_sub(self.size);
        // The consumer is there or behind it, or there is no such position.
        if end.wrapping_sub(consumer) > self.size || crate::reached(consumer, wanted) {
            Ok(())
        } else {
            Err(wanted)
        }
    }
}
