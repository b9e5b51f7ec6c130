// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Records: of any length, whole or not there at all, each in one piece.
//!
//! `Documentation/records.rst` is the whole protocol, with its reasons; the step numbers here are
//! those of its tables, and the states those of its state machine.
//!
//! # Who uses what
//!
//! | holder | uses |
//! |---|---|
//! | the only producer of a ring | [`Single`] |
//! | one of many producers, in a program or in the kernel, in any context | [`Many`] |
//! | the consumer | [`Reader`] |
//! | the kernel, for a waiting consumer | [`readable`] |
//! | the kernel, for a dead producer | [`Reaper`] |
//!
//! What each of them brings is [`Records`], and for many producers [`Producers`]: the words, each
//! of which may lie wherever the holder wants.
//!
//! # Cost
//!
//! All functions may be called in any context, and none of them sleeps, allocates, panics or
//! divides. What is not said to be bounded by something is a few loads and stores.

mod header;
mod loss;
mod many;
mod notify;
mod reader;
mod reap;
mod room;
mod single;
mod slot;

pub use header::{bits, extent, largest, HEADER_BYTES};
pub use loss::{Cause, Loss, CAUSES, GAP_BYTES};
pub use many::Many;
pub use notify::{end_of, readable, reserved, Notify};
pub use reader::{Kind, Reader, Record};
pub use reap::{Reaped, Reaper};
pub use single::Single;
pub use slot::{claim, Slot, SLOTS};

use crate::{state, Bell, Word, Words};

/// What a holder brings of a ring of records.
///
/// All methods say where a word is, at no cost; they are called each time that it is needed. Two
/// ends of a ring may have different types of this: each its own.
pub trait Records {
    /// The fence of this holder.
    type Words: Words;

    /// The consumer's position.
    fn consumer(&self) -> impl Word;

    /// The producer's position; with many producers, `reserve`.
    fn producer(&self) -> impl Word;

    /// The state, of bits as in [`state`].
    fn state(&self) -> impl Word;

    /// The bell of the other end.
    fn bell(&self) -> Bell<impl Word>;

    /// The word of the data at byte `offset`: a multiple of 8, below the size that the end was made
    /// with.
    fn word(&self, offset: u64) -> impl Word;
}

/// What each of many producers brings beyond that.
pub trait Producers: Records {
    /// Whether a program can write the words of the producers, so that each may hold anything at
    /// any time. Then nothing here is tried more than [`TRIES`] times, and once more for each KiB
    /// of a record.
    const USERS: bool;

    /// The word `limit`.
    fn limit(&self) -> impl Word;

    /// Who this producer is: 0 for the kernel, n + 1 for the holder of slot n.
    fn owner(&self) -> u64;

    /// The slot of an owner that is not 0. `None`: there is none; anything may be asked for.
    fn slot(&self, owner: u64) -> Option<Slot<impl Word>>;
}

/// How many times a step is tried that only another producer's success makes fail, if a program can
/// write the words.
pub const TRIES: u32 = 4096;

/// Why a record is not reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No room; some may come. `EAGAIN`.
    Full,
    /// It is larger than [`largest`], so there never is room. `EMSGSIZE`.
    TooLarge,
    /// This producer has a reservation, and can have one only. `EBUSY`.
    Reserved,
    /// The consumer is gone: nobody will read what is written. `EPIPE`.
    Closed,
    /// The own end is closed. `EBADF`.
    GivenUp,
    /// The ring is corrupt, or is found to be: the kernel is told by `FERRIO_RB_BLAME`, if it does
    /// not know. `EBADMSG`.
    Corrupt,
    /// A peer that can write the words of producers moves them all the time. `EBADMSG`, but of this
    /// record alone.
    Contended,
}

impl Refusal {
    /// What a state says that is not 0 in the bits that end a producer.
    #[cold]
    fn of_state(state: u64) -> Refusal {
        if state & state::CORRUPT != 0 {
            Refusal::Corrupt
        } else if state & state::WRITE_CLOSED != 0 {
            Refusal::GivenUp
        } else {
            Refusal::Closed
        }
    }
}

/// An offer that is refused.
///
/// In front of the record that was refused, a gap may have got into the ring: then its consumer is
/// to be woken for that, as behind a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the consumer may have to be woken"]
pub struct Refused {
    /// Why.
    pub why: Refusal,
    /// A number: the consumer waits for a gap that was told, and the kernel has to wake it; of a
    /// mapped producer, once for each number.
    pub wake: Option<u64>,
}

/// The bits of a state that end a producer.
const NO_PRODUCER: u64 = state::READ_CLOSED | state::WRITE_CLOSED | state::CORRUPT;

/// Why a reservation is not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// It is of another ring, or has been ended, or never was: nothing is changed. `EINVAL`.
    Stale,
    /// More than was reserved: nothing is changed, the reservation is still there. `EMSGSIZE`.
    TooLong,
}

/// A record that is reserved, and neither committed nor discarded.
///
/// It has to be ended by the producer that reserved it, else the consumer waits for ever. There is
/// no way to end it twice.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a reservation that is not ended stops the consumer"]
pub struct Reservation {
    /// The position; with many producers its low 56 bits.
    at: u64,
    /// The header of the whole, committed.
    header: u64,
    wake: Option<u64>,
}

impl Reservation {
    /// A number: the consumer waits for a gap that was told in front of it, and the kernel has to
    /// wake it; of a mapped producer, once for each number. Not to be put off: the commit asks
    /// whether the consumer waits for this record alone.
    #[inline]
    pub const fn wake(&self) -> Option<u64> {
        self.wake
    }

    /// The bytes of payload that were reserved.
    #[inline]
    pub const fn len(&self) -> u64 {
        self.header & bits::LEN
    }

    /// Whether there is no payload.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The position at which the record begins; with many producers its low 56 bits.
    #[inline]
    pub const fn position(&self) -> u64 {
        self.at
    }

    /// Where the payload begins in a ring of `size` bytes: below the size. Behind it are
    /// [`Reservation::len`] bytes, which may lie in the second copy of the data.
    #[inline]
    pub const fn offset(&self, size: u64) -> u64 {
        header::offset(self.at.wrapping_add(HEADER_BYTES), size)
    }

    /// For somebody who cannot keep a reservation, as in C: to be redeemed by the same producer.
    #[inline]
    pub const fn into_token(self) -> Token {
        Token {
            position: self.at,
            header: self.header,
        }
    }
}

/// A reservation in two words, for somebody who may copy them: they are believed only if they
/// are those of a reservation that nobody has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Opaque.
    pub position: u64,
    /// Opaque.
    pub header: u64,
}
