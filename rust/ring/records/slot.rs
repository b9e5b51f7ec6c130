// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Slots: what a mapped producer leaves behind, should it die with a reservation.

use super::{
    bits,
    header::{extent, OWNER_BITS},
};
use crate::Word;

/// How many slots a ring has: `FERRIO_RB_SLOTS` of the ABI. Less than 2^8, the owners.
pub const SLOTS: u64 = 56;

/// The words of a slot, or references to them.
#[derive(Clone, Copy, Debug)]
pub struct Slot<W> {
    /// A number, and the state.
    pub claim: W,
    /// Where the reservation begins.
    pub position: W,
    /// Its header, committed.
    pub header: W,
}

/// The states of a claim: `FERRIO_RB_SLOT_*` of the ABI, which its users compare with these at
/// compile time. Behind the two bits is a number.
pub mod claim {
    /// Nothing is reserved.
    pub const IDLE: u64 = 0;
    /// Perhaps something is: the word `reserve` says so.
    pub const ASKING: u64 = 1;
    /// It is reserved.
    pub const WON: u64 = 2;
}
use claim::*;

/// The bits of a claim that are its state.
const STATE: u64 = 3;

/// A reservation as its slot tells it.
pub(super) struct Told {
    pub(super) at: u64,
    pub(super) header: u64,
}

impl<W: Word> Slot<W> {
    /// Whether its holder may reserve.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.claim.load() & STATE == IDLE
    }

    /// M5: the holder is going to reserve this. What the slot said before is over.
    ///
    /// The release pairs with the acquire of [`Slot::claim`]: who sees the number sees these words
    /// or newer ones. Newer ones begin where the word `reserve` was then, so they do not end
    /// where an older reservation did.
    #[inline]
    pub(super) fn announce(&self, at: u64, header: u64) {
        self.position.store(at);
        self.header.store(header);
        let number = (self.claim.load() & !STATE).wrapping_add(STATE + 1);
        self.claim.store_release(number | ASKING);
    }

    /// Behind M6, which succeeded. Relaxed: what it says can be found out without it.
    #[inline]
    pub(super) fn won(&self) {
        let number = self.claim.load() & !STATE;
        self.claim.store(number | WON);
    }

    /// Behind M8, or behind M6, which failed for good.
    ///
    /// Release: the header is in front of it. (It is for the kernel to see, when this holder is
    /// dead; then all that it did is seen.)
    #[inline]
    pub fn idle(&self) {
        let number = self.claim.load() & !STATE;
        self.claim.store_release(number | IDLE);
    }

    /// What the holder was about to reserve, and whether it is known to have. `None`: nothing.
    #[inline]
    fn told(&self) -> Option<(u64, Told)> {
        let claim = self.claim.load_acquire();
        if claim & STATE == IDLE {
            return None;
        }
        let told = Told {
            at: self.position.load(),
            header: self.header.load(),
        };
        Some((claim, told))
    }

    /// M5 of another producer, which is about to move `reserve` on from the value `reserve` that
    /// this slot's holder gave it: settles that the holder has reserved.
    ///
    /// The number keeps this from being said of a later claim. The caller's M6 is behind it: who
    /// finds that `reserve` has gone on, with acquire, finds the slot confirmed.
    #[inline]
    pub(super) fn confirm(&self, reserve: u64) {
        if let Some((claim, told)) = self.told() {
            if claim & STATE == ASKING && told.ends_at(reserve) {
                // If not, the holder has said so itself, or has ended it.
                let _ = self.claim.cmpxchg_release(claim, claim & !STATE | WON);
            }
        }
    }

    /// What the holder, who is dead, has reserved; `reserve` is the word, and `owns` says whether
    /// it is of this holder. The acquire load of it pairs with the M6 of who moved it on.
    pub(super) fn left(&self, reserve: u64, owns: bool) -> Option<Told> {
        let (claim, told) = self.told()?;
        let won = claim & STATE == WON || (owns && told.ends_at(reserve));
        won.then_some(told)
    }
}

impl Told {
    /// Whether it ends where the word `reserve` says that the next record begins.
    #[inline]
    fn ends_at(&self, reserve: u64) -> bool {
        let end = self.at.wrapping_add(extent(self.header & bits::LEN));
        end << OWNER_BITS >> OWNER_BITS == reserve >> OWNER_BITS
    }
}
