// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The consumer: reads each word once, checks it, and works with the copy.

use super::{
    bits::{BUSY, DISCARD, GAP},
    header::{is_size, offset, position_in, Found, HEADER_BYTES, POSITION},
    loss::{CAUSES, GAP_BYTES},
    Misuse, Notify, Records,
};
use crate::{called, state, turn, used, Stop, Word};

/// The bits of a state that end a consumer that has something to read.
const NO_CONSUMER: u64 = state::READ_CLOSED | state::CORRUPT;

/// How many discarded records one read skips.
const SKIPS: u32 = 64;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A payload.
    Data,
    /// What was lost here: [`Reader::gap`].
    Gap,
    /// Nothing: some records were discarded, and have to be given back.
    Skip,
}

/// A record in the ring, until it is given back.
// In this order a `Stop` in its place shares no word with the offset, which then is not put
// together for each record.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it is.
    pub kind: Kind,
    /// Where its payload begins in the data: below the size.
    pub offset: u64,
    /// How long it is, at most the largest record: it may end in the second copy of the data.
    pub len: u64,
}

/// The consumer of a ring of records. `MANY`: the ring has many producers.
///
/// Keeps the producers' position of an earlier turn, as [`Consumer`](crate::Consumer) does, and
/// reads ahead: [`Reader::read`] several times, then [`Reader::free`] for all of them.
///
/// # Invariants
///
/// `size` is a power of two of 64 to 2^32.
pub struct Reader<R, const MANY: bool> {
    ring: R,
    size: u64,
    /// The consumer's word, as loaded or stored last.
    own: u64,
    /// The cursor behind what has been read.
    next: u64,
    /// The end, as of an earlier turn.
    end: u64,
}

impl<R: Records, const MANY: bool> Reader<R, MANY> {
    /// Goes on where the end's last holder stopped. `None`: `size` is not a power of two of 64 to
    /// 2^32.
    pub fn new(ring: R, size: u64) -> Option<Self> {
        if !is_size(size) {
            return None;
        }
        let own = ring.consumer().load();
        // INVARIANT: Just checked. The end is kept as if there was nothing to read, so it is loaded
        // in the first turn.
        Some(Reader {
            ring,
            size,
            own,
            next: own,
            end: own & POSITION,
        })
    }

    /// The words.
    #[inline]
    pub fn ring(&self) -> &R {
        &self.ring
    }

    /// The next record.
    ///
    /// Each word is loaded once and checked; what is in the payload is the producers' word.
    ///
    /// # Errors
    ///
    /// - [`Stop::Empty`]: none, or the next one is not committed yet.
    /// - [`Stop::End`]: none, and no producer is left.
    /// - [`Stop::GivenUp`], [`Stop::Corrupt`].
    // Always: what leaves it is cold, and a call would cost as much as all of this.
    #[inline(always)]
    pub fn read(&mut self) -> Result<Record, Stop> {
        let mut cursor = self.next;
        if cursor == self.own {
            // Relaxed: only holders of this end write it, and whatever hands the end over orders
            // them.
            let own = self.ring.consumer().load();
            if cursor != own {
                self.own = own;
                self.next = own;
                cursor = own;
            }
        }
        let mut ready = self.end.wrapping_sub(cursor & POSITION);
        // A kept end that is behind makes this larger than the size.
        if ready.wrapping_sub(1) >= self.size {
            self.look(cursor & POSITION)?;
            cursor = self.next;
            ready = self.ready();
        }
        let found = self.find(cursor);
        if found.is_plain::<MANY>() && found.extent() <= ready {
            self.next = found.behind_plain::<MANY>(cursor);
            return Ok(self.record(cursor, found, Kind::Data));
        }
        // Not as a result: that would have a place in memory for all that are not cold, too.
        let mut special = self.record(cursor, found, Kind::Data);
        self.read_special(found, &mut special)?;
        Ok(special)
    }

    /// How far the end is ahead of what has been read.
    #[inline]
    fn ready(&self) -> u64 {
        self.end.wrapping_sub(self.next & POSITION)
    }

    /// C3. Acquire: pairs with M8, and whoever has many producers needs that.
    #[inline]
    fn find(&self, cursor: u64) -> Found {
        let word = self.ring.word(offset(cursor, self.size));
        Found::new(
            cursor,
            if MANY {
                word.load_acquire()
            } else {
                word.load()
            },
        )
    }

    #[inline]
    fn record(&self, cursor: u64, found: Found, kind: Kind) -> Record {
        Record {
            kind,
            offset: offset(cursor.wrapping_add(HEADER_BYTES), self.size),
            len: found.len(),
        }
    }

    /// Goes behind what was found, if it lies in front of the end.
    fn take(&mut self, found: Found, kind: Kind) -> Result<Record, Stop> {
        // Who has reserved a record has moved the end behind all of it.
        if found.extent() > self.ready() {
            return Err(Stop::Corrupt);
        }
        let record = self.record(self.next, found, kind);
        self.next = found.behind(self.next);
        Ok(record)
    }

    #[cold]
    fn read_special(&mut self, mut found: Found, record: &mut Record) -> Result<(), Stop> {
        let mut skipped = false;
        for _ in 0..SKIPS {
            match self.take_special(found) {
                Ok(taken) => {
                    *record = taken;
                    if taken.kind != Kind::Skip {
                        return Ok(());
                    }
                    skipped = true;
                }
                // What was skipped is given back first.
                Err(stop) => return if skipped { Ok(()) } else { Err(stop) },
            }
            if self.ready().wrapping_sub(1) >= self.size {
                break;
            }
            found = self.find(self.next);
        }
        Ok(())
    }

    /// C4.
    fn take_special(&mut self, mut found: Found) -> Result<Record, Stop> {
        if !found.is_made() || found.has(BUSY) {
            found = self.look_again()?;
        }
        if !found.is_header() {
            return Err(Stop::Corrupt);
        }
        let kind = match (found.has(DISCARD), found.has(GAP)) {
            (true, _) => Kind::Skip,
            (false, true) if found.len() == GAP_BYTES => Kind::Gap,
            (false, true) => return Err(Stop::Corrupt),
            (false, false) => Kind::Data,
        };
        let record = self.take(found, kind)?;
        Ok(match kind {
            Kind::Skip => Record { len: 0, ..record },
            _ => record,
        })
    }

    /// There is no header yet, or it is busy; if it stays so, that is an error.
    fn look_again(&self) -> Result<Found, Stop> {
        if !MANY {
            return Err(Stop::Corrupt);
        }
        // Acquire, and in front of the header: pairs with the kernel's release when the producers
        // are gone. Then the header that is loaded next is the last one.
        let state = self.ring.state().load_acquire();
        if state & state::CORRUPT != 0 {
            return Err(Stop::Corrupt);
        }
        if state & state::READ_CLOSED != 0 {
            return Err(Stop::GivenUp);
        }
        let found = self.find(self.next);
        if found.is_made() && !found.has(BUSY) {
            return Ok(found);
        }
        // Also what will never be a header.
        if state & state::WRITE_CLOSED != 0 || (found.is_made() && !found.is_header()) {
            return Err(Stop::Corrupt);
        }
        Err(Stop::Empty)
    }

    /// C1 and C2, if there is a record at `at`.
    #[inline]
    fn look(&mut self, at: u64) -> Result<(), Stop> {
        // Acquire, both: as in reload().
        let state = self.ring.state().load_acquire();
        let end = position_in::<MANY>(self.ring.producer().load_acquire(), at);
        // What has been read ahead is part of what may be in the ring.
        let size = self.size.wrapping_sub(at.wrapping_sub(self.own & POSITION));
        if state & NO_CONSUMER == 0 && end.wrapping_sub(at).wrapping_sub(1) < size {
            self.end = end;
            return Ok(());
        }
        self.reload()
    }

    /// The same, if there is none, or something is wrong.
    #[cold]
    fn reload(&mut self) -> Result<(), Stop> {
        let (ring, size) = (&self.ring, self.size);
        // Acquire, and in front of the position: as for bytes.
        let state = ring.state().load_acquire();
        if state & state::CORRUPT != 0 {
            return Err(Stop::Corrupt);
        }
        if state & state::READ_CLOSED != 0 {
            return Err(Stop::GivenUp);
        }
        // Acquire: pairs with P4, M6. With one producer the headers are there.
        let (own, peer, there) = turn::look(&ring.consumer(), &ring.producer(), |own, peer| {
            let own = own & POSITION;
            used(position_in::<MANY>(peer, own), own, size)
        })?;
        if own != self.own {
            // Another holder was here: what this one has read ahead is over.
            self.own = own;
            self.next = own;
        }
        self.end = position_in::<MANY>(peer, own & POSITION);
        let ready = self.end.wrapping_sub(self.next & POSITION);
        if ready > there {
            // Behind the end, which has moved back.
            Err(Stop::Corrupt)
        } else if ready > 0 {
            Ok(())
        } else if state & state::WRITE_CLOSED != 0 {
            Err(Stop::End)
        } else {
            Err(Stop::Empty)
        }
    }

    /// What a gap tells: the records lost since the last one of the same producers, by
    /// [`Cause`](super::Cause). 0, if the record is none.
    pub fn gap(&self, record: Record) -> [u64; CAUSES] {
        if record.kind != Kind::Gap {
            return [0; CAUSES];
        }
        let mut at = record.offset;
        core::array::from_fn(|_| {
            // Relaxed: as the payload, which is behind the header.
            let lost = self.ring.word(offset(at, self.size)).load();
            at += 8;
            lost
        })
    }

    /// Gives back all that was read (C6, C7), behind its last use.
    ///
    /// `how`: [`Notify::Quiet`] if producers of this ring never wait for space, or if more is given
    /// back before this consumer waits. A number: producers sleep, and the kernel has to wake them;
    /// of a mapped consumer, once for each number.
    #[inline]
    #[must_use = "the producer may have to be woken"]
    pub fn free(&mut self, how: Notify) -> Option<u64> {
        self.own = self.next;
        // Release: pairs with P2, M3. What was read is in front of it.
        self.ring.consumer().store_release(self.own);
        self.rung(how)
    }

    /// The same, by a holder that has the end for itself meanwhile, as read(2) under its token.
    ///
    /// # Errors
    ///
    /// [`Misuse::Stale`]: another holder has moved the end; its position stands.
    #[inline]
    pub fn free_exclusive(&mut self, how: Notify) -> Result<Option<u64>, Misuse> {
        if !self.ring.consumer().cmpxchg_release(self.own, self.next) {
            return Err(Misuse::Stale);
        }
        self.own = self.next;
        Ok(self.rung(how))
    }

    #[inline]
    fn rung(&self, how: Notify) -> Option<u64> {
        match how {
            Notify::Quiet => None,
            Notify::Default => called::<R::Words>(&self.ring.bell(), self.own & POSITION, 0),
            Notify::Forced => {
                <R::Words as crate::Words>::fence();
                let armed = self.ring.bell().armed();
                (armed != 0).then_some(armed)
            }
        }
    }
}
