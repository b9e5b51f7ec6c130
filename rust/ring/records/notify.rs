// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Who wakes a consumer, and whether a consumer has to sleep.

use super::{
    header::{offset, position_in, Found, POSITION},
    Records,
};
use crate::{Word, Words};

/// Whether the consumer is woken for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notify {
    /// If it waits for this one. A full fence.
    Default,
    /// No: somebody else wakes it, behind a later record or by time. No cost.
    Quiet,
    /// If it waits at all. A full fence.
    Forced,
}

/// Behind the commit of a record at `at` (M9, P5): the sequence of the consumer's bell for which it
/// has to be woken, if any. Who calls the kernel for it remembers it, and does not call for the
/// same one again.
///
/// The fence pairs with that of [`must_sleep`](crate::must_sleep): either this load of `armed` sees
/// the arm, or the sleeper's look sees the record.
#[inline]
pub(super) fn notify<R: Records, const MANY: bool>(
    ring: &R,
    at: u64,
    notify: Notify,
) -> Option<u64> {
    if let Notify::Quiet = notify {
        return None;
    }
    R::Words::fence();
    // Acquire: pairs with the release in Bell::arm(), so that `wanted` is this arm's or a newer's.
    let bell = ring.bell();
    let armed = bell.armed();
    if armed == 0 {
        return None;
    }
    if let Notify::Forced = notify {
        return Some(armed);
    }
    waits_for::<R, MANY>(ring, at, bell.wanted()).then_some(armed)
}

/// Whether the consumer waits for the record at `at`.
#[cold]
fn waits_for<R: Records, const MANY: bool>(ring: &R, at: u64, wanted: u64) -> bool {
    // Relaxed, both: the sleeper's position is in front of its arm and its fence, and so seen
    // behind ours; and whoever reserved the last of what the consumer waits for has woken it, or
    // was seen by it, so that if we are later, we see that it is reserved.
    let from = ring.consumer().load() & POSITION;
    let end = position_in::<MANY>(ring.producer().load(), from);
    let ahead = if MANY {
        // Of `at` there are 56 bits.
        position_in::<MANY>(at << super::header::OWNER_BITS, from).wrapping_sub(from)
    } else {
        at.wrapping_sub(from)
    };
    // An arm that was left behind wants what the consumer has long seen; whoever waits now waits
    // for a record at least.
    let min = wanted.wrapping_sub(from) as i64;
    let min = if min > 0 { min as u64 } else { 1 };
    ahead < min && end.wrapping_sub(from) >= min
}

/// Where the next record of many producers will begin; no more than the size in front of the
/// consumer, whatever a producer has written.
pub fn end_of<R: Records>(ring: &R, size: u64) -> u64 {
    // The consumer first: the end is there or behind it.
    let from = ring.consumer().load_acquire() & POSITION;
    let end = position_in::<true>(ring.producer().load_acquire(), from);
    from.wrapping_add(end.wrapping_sub(from).min(size))
}

/// How many bytes many producers have reserved that the consumer has not given back: committed or
/// not, as somebody sees it who is neither. As [`observe`](crate::observe).
pub fn reserved<R: Records>(ring: &R, size: u64) -> u64 {
    let mut from = ring.consumer().load_acquire();
    let mut there = 0;
    for _ in 0..crate::LOOKS {
        let at = from & POSITION;
        there = position_in::<true>(ring.producer().load_acquire(), at).wrapping_sub(at);
        let now = ring.consumer().load_acquire();
        if now == from {
            break;
        }
        from = now;
    }
    there.min(size)
}

/// How many bytes of records, headers included, are committed in a row from the consumer's position
/// on: for the look of a sleeping consumer (S4), and for poll(2). `MANY`: the ring has many
/// producers.
///
/// Ends at `min` or behind it, so it looks at `min / 8` headers at most. Whatever is in the words,
/// the result is at most the size and what is impossible is 0: a broken rule is the reader's to
/// find.
pub fn readable<R: Records, const MANY: bool>(ring: &R, size: u64, min: u64) -> u64 {
    // Acquire: pairs with the consumer's release, for those who are not the consumer; then what
    // the header's places held before is seen.
    let mut cursor = ring.consumer().load_acquire();
    let from = cursor & POSITION;
    // Acquire: pairs with P4 or M6.
    let end = position_in::<MANY>(ring.producer().load_acquire(), from);
    let there = end.wrapping_sub(from);
    if there > size {
        return 0;
    }
    let mut seen = 0;
    while seen < min && seen < there {
        let word = ring.word(offset(cursor, size)).load_acquire();
        let found = Found::new(cursor, word);
        if !found.is_ended() || found.extent() > there - seen {
            break;
        }
        seen += found.extent();
        cursor = found.behind(cursor);
    }
    seen
}
