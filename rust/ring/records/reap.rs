// SPDX-License-Identifier: GPL-2.0 OR MIT

//! What the kernel does for a producer that died: its reservation is discarded.

use super::{
    bits,
    header::{
        extend, extent, largest, offset, Found, HEADER_BYTES, OWNER, OWNER_BITS, POSITION, ZEROS,
    },
    notify::{notify, Notify},
    slot::Told,
    Cause, Loss, Many, Producers,
};
use crate::{used, Word};

/// How a reaper got on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaped {
    /// There was nothing to discard, or what the slot says is a lie. The slot is idle.
    Nothing,
    /// The reservation is discarded. The slot is idle. A number: the consumer has to be woken.
    Discarded(Option<u64>),
    /// It is not there yet: to be called again.
    More,
    /// Another producer in front of it is about to write its header, or has died before it did:
    /// to be called again when that is over, not at once.
    Later,
    /// The ring is corrupt, or somebody keeps the reaper from its end. The slot is idle.
    Corrupt,
}

/// The end of a slot whose holder is dead: nobody writes its words any more, or a reservation's.
///
/// To be used by one at a time for each slot. Process context, since the way can be long; each step
/// is as long as the caller wants.
pub struct Reaper {
    owner: u64,
    told: Told,
    /// How far it has gone, as a cursor. `None`: not yet.
    cursor: Option<u64>,
    /// How many looks at a header it may still take: nobody who follows the protocol takes more.
    looks: u64,
}

/// What is found on the way.
enum Way {
    There(u64),
    End(Reaped),
}

impl Reaper {
    /// Looks at the slot of `owner`. `None`: there is nothing to discard, and the slot is idle.
    ///
    /// `hole` is where another reaper of the ring was stopped, [`Reaper::hole`]: this one goes on
    /// from there if its reservation is behind that.
    pub fn new<R: Producers>(many: &Many<R>, owner: u64, hole: Option<u64>) -> Option<Reaper> {
        let ring = many.ring();
        let slot = ring.slot(owner)?;
        // Acquire, and in front of the slot: who has moved it on has confirmed the slot before.
        let reserve = ring.producer().load_acquire();
        let told = slot.left(reserve, reserve & OWNER == owner).filter(|told| {
            let wrong = bits::BUSY | bits::DISCARD | bits::HELD | ZEROS;
            told.header & wrong == 0
                && told.header & bits::LEN <= largest(many.size())
                && told.at & !POSITION == 0
                && (told.header ^ super::header::check(told.at)) >> bits::CHECK_SHIFT == 0
        });
        if told.is_none() {
            slot.idle();
        }
        Some(Reaper {
            owner,
            told: told?,
            cursor: hole,
            // Each record once, and once more for each movement of a consumer that does not get
            // past the reservation.
            looks: many.size() / HEADER_BYTES * 2 + 2,
        })
    }

    /// Behind [`Reaped::Later`]: the place of the header that is missing, as a cursor.
    pub fn hole(&self) -> Option<u64> {
        self.cursor
    }

    /// Whether a header is still missing in a [`hole`](Reaper::hole), and the consumer is not past
    /// it: until then no reaper that was stopped there gets further.
    pub fn is_stopped_at<R: Producers>(many: &Many<R>, hole: u64) -> bool {
        let (ring, size) = (many.ring(), many.size());
        // Acquire: pairs with C6.
        let from = ring.consumer().load_acquire() & POSITION;
        let end = extend(ring.producer().load_acquire(), from);
        let at = hole & POSITION;
        used(end, from, size).is_ok_and(|there| at.wrapping_sub(from) < there)
            && !Found::new(hole, ring.word(offset(at, size)).load_acquire()).is_made()
    }

    /// Goes on by up to `records` records, and discards the reservation if it gets there; counts
    /// it then.
    ///
    /// Behind anything but [`Reaped::More`] and [`Reaped::Later`] the reaper is done.
    pub fn step<R: Producers>(
        &mut self,
        many: &Many<R>,
        records: u32,
        loss: &Loss<impl Word, impl Word>,
    ) -> Reaped {
        let reaped = match self.walk(many, records) {
            Way::There(cursor) => self.discard(many, cursor, loss),
            Way::End(reaped) => reaped,
        };
        if !matches!(reaped, Reaped::More | Reaped::Later) {
            if let Some(slot) = many.ring().slot(self.owner) {
                slot.idle();
            }
        }
        reaped
    }

    /// From the consumer's position to the reservation, header by header.
    fn walk<R: Producers>(&mut self, many: &Many<R>, records: u32) -> Way {
        let (ring, size) = (many.ring(), many.size());
        // Acquire: pairs with C6. What the headers' places held before is seen.
        let mut consumer = ring.consumer().load_acquire();
        let mut cursor = self.cursor.unwrap_or(consumer);
        for _ in 0..records {
            // A position, or a reservation, that moves to and fro.
            let Some(left) = self.looks.checked_sub(1) else {
                return Way::End(Reaped::Corrupt);
            };
            self.looks = left;
            let from = consumer & POSITION;
            let end = extend(ring.producer().load_acquire(), from);
            let Ok(there) = used(end, from, size) else {
                return Way::End(Reaped::Corrupt);
            };
            let target = extend(self.told.at << OWNER_BITS, from);
            // A consumer that has gone past the cursor knows better; and the hole of another
            // reaper may be behind the reservation.
            let ahead = (cursor & POSITION).wrapping_sub(from);
            if ahead > there || ahead > target.wrapping_sub(from) {
                cursor = consumer;
            }
            let at = cursor & POSITION;
            let whole = extent(self.told.header & bits::LEN);
            // Consumed, or never reserved.
            if target.wrapping_sub(from) >= there || whole > end.wrapping_sub(target) {
                return Way::End(Reaped::Nothing);
            }
            if at == target {
                return Way::There(cursor);
            }
            // Acquire: the consumer's position below is not older than what is read here.
            let found = Found::new(cursor, ring.word(offset(at, size)).load_acquire());
            let now = ring.consumer().load_acquire();
            if now != consumer {
                // What was read may have been anything.
                consumer = now;
                continue;
            }
            if !found.is_made() {
                self.cursor = Some(cursor);
                return Way::End(Reaped::Later);
            }
            if !found.is_header() {
                return Way::End(Reaped::Corrupt);
            }
            if found.extent() > target.wrapping_sub(at) {
                return Way::End(Reaped::Nothing);
            }
            cursor = found.behind(cursor);
        }
        self.cursor = Some(cursor);
        Way::End(Reaped::More)
    }

    /// Step 4: the cursor is at the reservation.
    fn discard<R: Producers>(
        &self,
        many: &Many<R>,
        cursor: u64,
        loss: &Loss<impl Word, impl Word>,
    ) -> Reaped {
        let header = self.told.header;
        let word = many.ring().word(offset(cursor, many.size()));
        let there = word.load_acquire();
        let is_busy = there & !bits::HELD == header | bits::BUSY;
        // Not written, and about to be written as the slot says, or written so.
        let is_ours = Found::new(cursor, header).is_made()
            && (!Found::new(cursor, there).is_made() || is_busy);
        // The exchange, not a store: if the slot lies, somebody may be writing there.
        if !is_ours || !word.cmpxchg_release(there, header | bits::DISCARD) {
            return Reaped::Nothing;
        }
        if header & bits::GAP == 0 {
            loss.count(Cause::Aborted);
        }
        Reaped::Discarded(notify::<R, true>(
            many.ring(),
            self.told.at,
            Notify::Default,
        ))
    }
}
