// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The header of a record, and positions of records.

/// Bytes of a header.
pub const HEADER_BYTES: u64 = 8;

/// The bits of a header: `FERRIO_RB_RECORD_*` of the ABI, which its users compare with these at
/// compile time.
pub mod bits {
    /// Bytes of payload.
    pub const LEN: u64 = 0xffff_ffff;
    /// Reserved, and neither committed nor discarded.
    pub const BUSY: u64 = 1 << 32;
    /// To be skipped.
    pub const DISCARD: u64 = 1 << 33;
    /// What was lost here.
    pub const GAP: u64 = 1 << 34;
    /// Busy, and its token has been redeemed.
    pub const HELD: u64 = 1 << 35;
    /// What [`PHASE`] was behind the record when it was reserved.
    pub const NEXT: u64 = 1 << 44;
    /// The opposite of what it was here when the record was reserved.
    pub const PHASE: u64 = 1 << 45;
    /// Where the check begins: `position / 8`, its low 16 bits.
    pub const CHECK_SHIFT: u32 = 48;
}
use bits::*;

/// What has to be as the position says, and 0.
const FIXED: u64 = !(LEN | BUSY | DISCARD | GAP | HELD | NEXT | PHASE);
/// Bits in front of the check that are 0.
pub(super) const ZEROS: u64 = FIXED & ((1 << CHECK_SHIFT) - 1);

/// A *cursor* is a position, which is a multiple of 8, and in its lowest bit what bit 45 is in the
/// word there for as long as no header is written.
pub(super) const STALE: u64 = 1;
/// The position of a cursor.
pub(super) const POSITION: u64 = !7;

/// Position / 8 comes to be the check, and [`STALE`] the phase.
const TO_HEADER: u32 = PHASE.trailing_zeros();
const _: () = assert!(TO_HEADER + 3 == CHECK_SHIFT && STALE << TO_HEADER == PHASE);

/// The smallest and the largest ring of records.
const SIZES: core::ops::RangeInclusive<u64> = 64..=1 << 32;

/// Whether a ring of `size` bytes can have records.
pub(super) fn is_size(size: u64) -> bool {
    size.is_power_of_two() && SIZES.contains(&size)
}

/// The bytes that a record with `len` bytes of payload takes, its header included. `len` is at most
/// 2^32 - 1.
#[inline]
pub const fn extent(len: u64) -> u64 {
    (len + HEADER_BYTES + 7) & !7
}

/// The longest payload of a record in a ring of `size` bytes: less its own header, and the next
/// one's place.
#[inline]
pub const fn largest(size: u64) -> u64 {
    size - 2 * HEADER_BYTES
}

/// Where a position lies in the data: below `size`, a multiple of 8, whatever the position is.
#[inline]
pub(super) const fn offset(position: u64, size: u64) -> u64 {
    position & (size - 1) & POSITION
}

/// The check of the record at a position.
#[inline]
pub(super) const fn check(at: u64) -> u64 {
    at << TO_HEADER
}

/// The phase of a header in the place of the word `stale`, and the next of one in front of it.
#[inline]
pub(super) const fn phase_over(stale: u64) -> u64 {
    !stale & PHASE
}

/// See [`phase_over`].
#[inline]
pub(super) const fn next_of(stale: u64) -> u64 {
    (stale & PHASE) >> (PHASE.trailing_zeros() - NEXT.trailing_zeros())
}

/// What a cursor finds in the word at its place.
#[derive(Clone, Copy)]
pub(super) struct Found {
    header: u64,
    /// The header, with CHECK and PHASE as the difference from what the cursor says.
    sum: u64,
}

impl Found {
    #[inline]
    pub(super) const fn new(cursor: u64, header: u64) -> Self {
        Found {
            header,
            sum: header ^ (cursor << TO_HEADER),
        }
    }

    /// A committed record, neither gap nor discarded. (PHASE differs from what was there.) With one
    /// producer NEXT is 0, too.
    #[inline]
    pub(super) const fn is_plain<const MANY: bool>(self) -> bool {
        let free = if MANY { LEN | NEXT } else { LEN };
        self.sum & !free == PHASE
    }

    /// Whether there is a header at all, and not what was there before.
    #[inline]
    pub(super) const fn is_made(self) -> bool {
        self.sum & PHASE != 0
    }

    /// Whether a header that is made is one for this position.
    #[inline]
    pub(super) const fn is_header(self) -> bool {
        self.sum & FIXED == 0
    }

    /// A header for this position of a record that has ended.
    #[inline]
    pub(super) const fn is_ended(self) -> bool {
        self.sum & (FIXED | BUSY | PHASE) == PHASE
    }

    #[inline]
    pub(super) const fn has(self, bits: u64) -> bool {
        self.header & bits != 0
    }

    #[inline]
    pub(super) const fn len(self) -> u64 {
        self.header & LEN
    }

    #[inline]
    pub(super) const fn extent(self) -> u64 {
        extent(self.len())
    }

    /// [`Found::behind`], for what [`Found::is_plain`].
    #[inline]
    pub(super) const fn behind_plain<const MANY: bool>(self, cursor: u64) -> u64 {
        if MANY {
            self.behind(cursor)
        } else {
            (cursor & POSITION).wrapping_add(self.extent())
        }
    }

    /// The cursor behind it, for the cursor that found it.
    #[inline]
    pub(super) const fn behind(self, cursor: u64) -> u64 {
        (cursor & POSITION).wrapping_add(self.extent())
            | (self.header >> NEXT.trailing_zeros()) & STALE
    }
}

/// Bits of an owner, in front of the position, in the word `reserve`; in `limit` the cursor's.
pub(super) const OWNER_BITS: u32 = 8;
/// The owner in `reserve`.
pub(super) const OWNER: u64 = (1 << OWNER_BITS) - 1;

/// The position of which `reserve` or `limit` holds the low 56 bits, as the next one from `near`
/// on.
#[inline]
pub(super) const fn extend(word: u64, near: u64) -> u64 {
    let ahead = (word & !OWNER).wrapping_sub(near << OWNER_BITS) >> OWNER_BITS;
    near.wrapping_add(ahead)
}

/// The position in a producer's word: with many producers it is [`extend`]ed.
#[inline]
pub(super) const fn position_in<const MANY: bool>(word: u64, near: u64) -> u64 {
    if MANY {
        extend(word, near)
    } else {
        word
    }
}
