// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Room for many producers: `limit` follows the consumer, from header to header.

use super::{
    header::{extend, offset, Found, HEADER_BYTES, OWNER, OWNER_BITS, POSITION, STALE},
    Producers, Refusal,
};
use crate::{used, Word};

/// How many bytes the limit goes, if so many are consumed, though fewer are needed.
pub(super) const AHEAD: u64 = 1024;

/// Whether there is room for `extent` bytes, and a header's place, at `reserve`.
#[inline]
pub(super) fn is_room(reserve: u64, limit: u64, extent: u64, size: u64) -> bool {
    let used = (reserve & !OWNER).wrapping_sub(limit & !OWNER);
    // No underflow: no extent is larger than that of the largest record. If `limit` is newer than
    // `reserve`, the difference may be below 0, which is more than this.
    used <= (size - HEADER_BYTES - extent) << OWNER_BITS
}

/// M3: moves `limit` as far as is needed for `extent` bytes. `Ok`: look again, from M1 on.
///
/// Looks at no more than `extent / 8` headers, or `AHEAD / 8`. If programs can write the words, at
/// `AHEAD / 8` at most, and does not go all the way: one of them could see to it that all of it is
/// done again and again.
#[cold]
pub(super) fn make<R: Producers>(
    ring: &R,
    size: u64,
    reserve: u64,
    limit: u64,
    extent: u64,
) -> Result<(), Refusal> {
    // Acquire: pairs with C6. Records in front of it have been read, and their headers are seen as
    // the consumer saw them.
    let consumer = ring.consumer().load_acquire() & POSITION;
    let limit_at = limit >> OWNER_BITS;
    // The consumer is in front of the limit or there, and the end is in front of it or there.
    let consumed = consumer.wrapping_sub(limit_at) << OWNER_BITS >> OWNER_BITS;
    let end = extend(reserve, consumer);
    let Ok(there) = used(end, consumer, size) else {
        return is_corrupt(ring, reserve, limit);
    };
    if there + extent + HEADER_BYTES > size {
        // Also if `reserve` has moved since: then there is less.
        return Err(Refusal::Full);
    }
    // From the limit to the end there never is more than the size. So no more is needed than what
    // is going to be reserved, nor than what is consumed.
    if consumed > size - there {
        return is_corrupt(ring, reserve, limit);
    }
    let needed = (there + consumed + extent + HEADER_BYTES).wrapping_sub(size);
    let mut cursor = limit_at | (limit & STALE);
    let goal = match R::USERS {
        // Not 0: that is impossible, and found to be.
        true => consumed.clamp(1, AHEAD),
        false => needed.max(consumed.min(AHEAD)),
    };
    let mut gone = 0;
    while gone < goal {
        // Relaxed: the acquire above is enough.
        let found = Found::new(cursor, ring.word(offset(cursor, size)).load());
        if !found.is_ended() || found.extent() > consumed - gone {
            return is_corrupt(ring, reserve, limit);
        }
        gone += found.extent();
        cursor = found.behind(cursor);
    }
    // Release: pairs with M2. If it fails, somebody else was faster, and what was read here may
    // have been anything.
    let _ = ring.limit().cmpxchg_release(
        limit,
        ((cursor & POSITION) << OWNER_BITS) | (cursor & STALE),
    );
    Ok(())
}

/// What was found is impossible, unless one of the words has moved meanwhile.
fn is_corrupt<R: Producers>(ring: &R, reserve: u64, limit: u64) -> Result<(), Refusal> {
    // Compare and exchange for nothing: the last value is what counts, and not an older one.
    if ring.limit().cmpxchg_release(limit, limit)
        && ring.producer().cmpxchg_release(reserve, reserve)
    {
        return Err(Refusal::Corrupt);
    }
    Ok(())
}
