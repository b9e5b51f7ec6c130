// SPDX-License-Identifier: GPL-2.0 OR MIT

//! A turn that needs nothing but what is at hand: the path of every message in the kernel.
//!
//! [`Producer`](crate::Producer) and [`Consumer`](crate::Consumer) do all that a turn may need; but
//! to have them look at the peer, their words must lie in memory, and to build that up for each
//! call would be most of the call. Here are their turns as far as the peer's position that was kept
//! is enough, of words in registers: the same steps, in the same order. What says `None` is left
//! to them.

use crate::{mapped::state, Bell, Word, Words};

/// Steps 0 to 3 of a producer: the own position, if `need` bytes are free by `peer`, the position
/// of the consumer that was kept.
///
/// Relaxed loads, as of [`Producer::free`](crate::Producer::free). For who has the end for himself:
/// the kept position is at most a ring behind the own one, and not in front of it.
#[inline]
pub fn free_by(own: &impl Word, state: &impl Word, size: u64, peer: u64, need: u64) -> Option<u64> {
    if state.load() & (state::READ_CLOSED | state::WRITE_CLOSED | state::CORRUPT) != 0 {
        return None;
    }
    let at = own.load();
    // Where the own position has to stop, less where it will be: their distance has a sign.
    let left = peer.wrapping_add(size).wrapping_sub(at.wrapping_add(need));
    (left as i64 >= 0).then_some(at)
}

/// Steps 0 to 3 of a consumer: the own position and how many bytes there are, if these are `need`
/// by `peer`, the position of the producer that was kept.
///
/// Relaxed loads: what was published up to `peer` has been seen when that was loaded. For who has
/// the end for himself, as [`free_by`]; `need` is less than 2^63.
#[inline]
pub fn readable_by(own: &impl Word, state: &impl Word, peer: u64, need: u64) -> Option<(u64, u64)> {
    if state.load() & (state::READ_CLOSED | state::CORRUPT) != 0 {
        return None;
    }
    let at = own.load();
    let ready = peer.wrapping_sub(at);
    (ready as i64 >= need as i64).then_some((at, ready))
}

/// Steps 5 and 6: publishes `position`, up to which bytes were moved; says whether the peer's
/// sleepers may have to be woken, for [`Bell::called`] to find out.
///
/// Release: as of [`Producer::publish`](crate::Producer::publish) and
/// [`Consumer::consume`](crate::Consumer::consume).
#[inline]
#[must_use = "the peer may have to be woken"]
pub fn publish<W: Words>(own: &W::Word, bell: &Bell<impl Word>, position: u64) -> bool {
    own.store_release(position);
    W::fence();
    bell.is_armed()
}
