// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Many producers: each reserves by moving one word, and none waits for another.

use super::{
    bits,
    header::{
        check, extent, is_size, largest, next_of, offset, phase_over, HEADER_BYTES, OWNER,
        OWNER_BITS, POSITION, ZEROS,
    },
    loss::GAP_BYTES,
    notify::{notify, Notify},
    room, Cause, Loss, Misuse, Producers, Refusal, Refused, Reservation, Token, NO_PRODUCER, TRIES,
};
use crate::Word;

/// A producer among many, of one holder. It has no memory of its own: the kernel may use one of
/// these in any number of contexts at once, nested or not.
///
/// The holder of a slot has one reservation at a time; who has threads lets them take turns.
///
/// # Invariants
///
/// `size` is a power of two of 64 to 2^32.
pub struct Many<R> {
    ring: R,
    size: u64,
}

impl<R: Producers> Many<R> {
    /// A producer of a ring of `size` bytes. `None`: `size` is not a power of two of 64 to 2^32.
    pub fn new(ring: R, size: u64) -> Option<Self> {
        // INVARIANT: Just checked.
        is_size(size).then_some(Many { ring, size })
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
    /// Lock-free: goes on unless others reserve meanwhile. If the limit has to be moved, looks at
    /// as many headers as the record has multiples of 8 bytes, or at 128.
    ///
    /// # Errors
    ///
    /// Each [`Refusal`]; [`Refusal::Reserved`] and [`Refusal::Contended`] only if programs can
    /// write the words.
    #[inline]
    pub fn reserve(&self, len: u64) -> Result<Reservation, Refusal> {
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
    /// As [`Many::reserve`]. If [`Cause::of`] has a cause for it, the record is counted. Of a gap
    /// that got in nevertheless the consumer is to be told: [`Refused::wake`].
    #[inline]
    pub fn offer(
        &self,
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
    fn tell(&self, loss: &Loss<impl Word, impl Word>) -> Result<Option<u64>, Refusal> {
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
            self.commit(gap, Notify::Default)
        });
        loss.end(telling, told.is_ok());
        told
    }

    /// M1 to M7, for a header of these bits.
    #[inline]
    fn claim(&self, bits: u64) -> Result<Reservation, Refusal> {
        let ring = &self.ring;
        // Relaxed: what it says is final, and nothing is read on the strength of it.
        let state = ring.state().load();
        if state & NO_PRODUCER != 0 {
            return Err(Refusal::of_state(state));
        }
        let owner = if R::USERS { ring.owner() & OWNER } else { 0 };
        if owner != 0 && !ring.slot(owner).is_some_and(|slot| slot.is_idle()) {
            return Err(Refusal::Reserved);
        }
        let extent = extent(bits & bits::LEN);
        // As many goes at the limit as its way needs, and those that others spoil.
        let most = u64::from(TRIES) + extent / room::AHEAD;
        let mut tries = 0;
        let refusal = loop {
            if R::USERS {
                tries += 1;
                if tries > most {
                    break Refusal::Contended;
                }
            }
            // M1, acquire: pairs with M6 of others.
            let reserve = ring.producer().load_acquire();
            // M2, acquire: pairs with M3 of others.
            let limit = ring.limit().load_acquire();
            if !room::is_room(reserve, limit, extent, self.size) {
                match room::make(ring, self.size, reserve, limit, extent) {
                    Ok(()) => continue,
                    Err(refusal) => break refusal,
                }
            }
            let at = reserve >> OWNER_BITS;
            if R::USERS && at & !POSITION != 0 {
                break Refusal::Corrupt;
            }
            // M4, relaxed: both places are free, and so stay as they are until M6.
            let here = ring.word(offset(at, self.size));
            let behind = ring.word(offset(at.wrapping_add(extent), self.size));
            let header = bits | check(at) | phase_over(here.load()) | next_of(behind.load());
            if R::USERS {
                self.announce(owner, reserve, at, header);
            }
            // M6, release: pairs with M1, and keeps M4 in front.
            let next = (reserve & !OWNER).wrapping_add(extent << OWNER_BITS) | owner;
            if !ring.producer().cmpxchg_release(reserve, next) {
                continue;
            }
            if R::USERS && owner != 0 {
                if let Some(slot) = ring.slot(owner) {
                    slot.won();
                }
            }
            // M7, relaxed: who sees it sees that it is busy.
            here.store(header | bits::BUSY);
            return Ok(Reservation {
                at,
                header,
                wake: None,
            });
        };
        self.idle(owner);
        Err(refusal)
    }

    /// M5.
    #[inline]
    fn announce(&self, owner: u64, reserve: u64, at: u64, header: u64) {
        if owner != 0 {
            if let Some(slot) = self.ring.slot(owner) {
                slot.announce(at, header);
            }
        }
        let last = reserve & OWNER;
        if last != 0 && last != owner {
            if let Some(slot) = self.ring.slot(last) {
                slot.confirm(reserve);
            }
        }
    }

    /// A holder of a slot has no reservation.
    #[inline]
    fn idle(&self, owner: u64) {
        if R::USERS && owner != 0 {
            if let Some(slot) = self.ring.slot(owner) {
                slot.idle();
            }
        }
    }

    /// M8 and M9.
    #[inline]
    fn end(&self, at: u64, header: u64, how: Notify) -> Option<u64> {
        // Release: pairs with C3. What was written of the payload is in front of it.
        self.ring.word(offset(at, self.size)).store_release(header);
        if R::USERS {
            self.idle(self.ring.owner() & OWNER);
        }
        notify::<R, true>(&self.ring, at, how)
    }

    /// Commits a record, behind the last change of its payload.
    ///
    /// A number: consumers sleep, and the kernel has to wake them; of a mapped producer, once for
    /// each number.
    #[inline]
    #[must_use = "the consumer may have to be woken"]
    pub fn commit(&self, reservation: Reservation, how: Notify) -> Option<u64> {
        self.end(reservation.at, reservation.header, how)
    }

    /// Commits the first `len` bytes of a record; what is left is skipped by the consumer.
    ///
    /// # Errors
    ///
    /// The reservation: `len` is more than was reserved, and nothing is changed.
    #[inline]
    pub fn commit_part(
        &self,
        reservation: Reservation,
        len: u64,
        how: Notify,
    ) -> Result<Option<u64>, Reservation> {
        let Reservation { at, mut header, .. } = reservation;
        if len > header & bits::LEN {
            return Err(reservation);
        }
        let (whole, part) = (extent(header & bits::LEN), extent(len));
        header = header & !bits::LEN | len;
        if part < whole {
            // A record of its own behind this one, which says that bit 45 was 0 there; what is
            // behind both is as it was. It is seen by who sees the header.
            let behind = at.wrapping_add(part);
            let rest = (whole - part - HEADER_BYTES)
                | check(behind)
                | bits::DISCARD
                | bits::PHASE
                | header & bits::NEXT;
            self.ring.word(offset(behind, self.size)).store(rest);
            header &= !bits::NEXT;
        }
        Ok(self.end(at, header, how))
    }

    /// Takes a reservation back: the consumer skips it. Counts nothing; see
    /// [`Loss::count_discarded`].
    ///
    /// A number: as from [`Many::commit`], for others are behind it.
    #[inline]
    #[must_use = "the consumer may have to be woken"]
    pub fn discard(&self, reservation: Reservation, how: Notify) -> Option<u64> {
        self.end(reservation.at, reservation.header | bits::DISCARD, how)
    }

    /// A token of the reservation whose payload begins at byte `payload` of the data, a multiple of
    /// 8: for one who keeps nothing else, among producers that are all in the kernel. If there
    /// is none, [`Many::redeem`] refuses it.
    #[inline]
    pub fn token_at(&self, payload: u64) -> Token {
        let end = self.ring.producer().load_acquire() >> OWNER_BITS;
        let place = payload.wrapping_sub(HEADER_BYTES);
        // Nothing is reserved a turn behind a record that is still there: the last position in
        // front of the end that lies there is the one.
        let back = (end.wrapping_sub(place).wrapping_sub(1) & (self.size - 1)) + 1;
        let position = end.wrapping_sub(back) << OWNER_BITS >> OWNER_BITS;
        let header = self.ring.word(offset(place, self.size)).load();
        Token {
            position,
            header: header & !bits::BUSY,
        }
    }

    /// The reservation of a token: once, whoever tries. One compare and exchange.
    ///
    /// # Errors
    ///
    /// [`Misuse::Stale`].
    pub fn redeem(&self, token: Token) -> Result<Reservation, Misuse> {
        let Token {
            position: at,
            header,
        } = token;
        let state = bits::BUSY | bits::DISCARD | bits::HELD | ZEROS;
        let limit = self.ring.limit().load_acquire();
        let reserve = self.ring.producer().load_acquire();
        // Between the limit and the end nothing is written but by who has reserved it; what is in
        // front of the limit may have become payload, which can look like anything.
        let ahead = (at << OWNER_BITS).wrapping_sub(limit & !OWNER);
        let there = (reserve & !OWNER).wrapping_sub(limit & !OWNER);
        let is_check = (header ^ check(at)) >> bits::CHECK_SHIFT == 0;
        if header & state != 0 || !is_check || at & !POSITION != 0 || ahead >= there {
            return Err(Misuse::Stale);
        }
        let busy = header | bits::BUSY;
        let word = self.ring.word(offset(at, self.size));
        if word.cmpxchg_release(busy, busy | bits::HELD) {
            Ok(Reservation {
                at,
                header,
                wake: None,
            })
        } else {
            Err(Misuse::Stale)
        }
    }

    /// Whether a record of `len` bytes has room; if not, the consumer's position at which it will
    /// have: for a producer that sleeps (S2 and S4). A ring that is not usable has room: its
    /// reservations do not wait.
    ///
    /// With many producers it may be gone when this one comes.
    pub fn room_at(&self, len: u64) -> Result<(), u64> {
        let ring = &self.ring;
        if len > largest(self.size) {
            return Ok(());
        }
        // Acquire: pairs with C6.
        let consumer = ring.consumer().load_acquire() & POSITION;
        let end = super::header::extend(ring.producer().load_acquire(), consumer);
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
