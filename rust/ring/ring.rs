// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The protocol of a ring: two positions, two bells, and nothing else.
//!
//! A ring carries bytes from a producer end to a consumer end, through memory that both share.
//! This crate knows the words and what may be done with them in which order; where they lie, how
//! bytes are copied and how somebody sleeps is the business of whoever holds an end. The same files
//! are compiled into the kernel module, the user library and the model checker, each with its own
//! [`Words`]. `Documentation/mapped-ring.rst` is the whole protocol, with its reasons; the step
//! numbers here are those of its tables.
//!
//! # Words
//!
//! Each end has a *position*, the bytes that went through it since the ring was made: 64 bits,
//! unmasked, written by the end's holder alone. In the ring is `producer - consumer`, modulo 2^64;
//! the one rule is that this is at most the size, a power of two. Each end has a *bell* as well,
//! two words that the kernel writes for whoever sleeps at that end. A *state* word, the kernel's,
//! says which end is closed and whether the ring is corrupt.
//!
//! # Who uses what
//!
//! | holder | moves bytes with | is woken through | wakes its peer through |
//! |---|---|---|---|
//! | the kernel, for read(2) and write(2) | [`Turn`] | [`Books`], [`must_sleep`] | [`called`] |
//! | a process that mapped the end | [`Consumer`], [`Producer`] | the kernel | the same types |
//! | a driver in the kernel | these, by [`Kept`] | [`Books`], [`must_sleep`] | the same types |
//! | neither: poll(2), FIONREAD, observers | [`observe`] | [`Books`], [`must_sleep`] | |
//!
//! Rings whose bytes are records are in [`records`].
//!
//! # Orderings
//!
//! There are four, each told from both sides where it is made:
//!
//! - A producer's position is stored with release behind its bytes and loaded with acquire in
//!   front of them: who sees the position sees the bytes.
//! - A consumer's position is stored with release behind the reading of its bytes and loaded with
//!   acquire in front of the writing of others: nothing is overwritten that is still being read.
//! - A sleeper arms, fences and looks; a waker stores its position, fences and looks at the bell.
//!   One of the two sees the other, so that no wake is lost: [`must_sleep`], [`called`].
//! - The state is stored with release behind the last position and loaded with acquire in front of
//!   it: who sees an end closed sees all that it has published.
//!
//! Accesses are relaxed, acquire or release; what has to be stronger is a full fence.
//!
//! # Trust
//!
//! A word that somebody else writes is loaded once, checked, and used as a copy. Whatever is in
//! it, what comes out of this crate is an offset below the size, a length of at most the size, or
//! [`Corrupt`]. Nothing here panics, loops without bound, or allocates.

// Kbuild says it on the command line, and saying it twice is a warning.
#![cfg_attr(not(CONFIG_RUST), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod bell;
mod hope;
mod mapped;
pub mod records;
mod turn;
mod words;

pub use bell::{called, must_sleep, reached, Arm, Bell, Books};
pub use hope::{arm_and_call, Hope};
pub use mapped::{state, Consumer, End, Kept, Producer, Span, Stop};
pub use turn::Turn;
pub use words::{Word, Words};

/// The rule `producer - consumer <= size` is broken: what is in the ring is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// How many times somebody who reads two moving words looks again.
const LOOKS: usize = 8;

/// The bytes in a ring of `size` bytes, from copies of its two positions.
///
/// # Errors
///
/// [`Corrupt`]: more than `size`.
#[inline]
pub const fn used(producer: u64, consumer: u64, size: u64) -> Result<u64, Corrupt> {
    let used = producer.wrapping_sub(consumer);
    if used <= size {
        Ok(used)
    } else {
        Err(Corrupt)
    }
}

/// The bytes in a ring of `size` bytes, as somebody sees it who holds neither end: at most `size`.
///
/// Both words may move meanwhile. If the consumer's is the same before and behind the load of the
/// producer's, the two belong together; that is tried a few times, and what is still impossible
/// then is taken as a full ring. A broken rule is not this function's to report.
#[inline]
pub fn observe<W: Word>(consumer: &W, producer: &W, size: u64) -> u64 {
    let mut at = consumer.load_acquire();
    let mut used = 0;
    for _ in 0..LOOKS {
        // Both acquire: the three loads happen in this order. They pair with the holders' release
        // stores, for those who look at the bytes (an observer) or count on them.
        used = producer.load_acquire().wrapping_sub(at);
        let now = consumer.load_acquire();
        if now == at {
            break;
        }
        at = now;
    }
    used.min(size)
}
