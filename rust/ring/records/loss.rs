// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Records that did not get into the stream: counted once, told once.

use super::Refusal;
use crate::Word;

/// Why a record is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// There was no room.
    Full = 0,
    /// There is never room.
    TooLarge = 1,
    /// Its producer died.
    Aborted = 2,
    /// The ring is corrupt, or a peer made it unusable for the while.
    Peer = 3,
}

/// How many causes there are.
pub const CAUSES: usize = 4;

/// Bytes of payload of a gap: a number for each cause, as in [`Cause`].
pub const GAP_BYTES: u64 = 8 * CAUSES as u64;

impl Cause {
    /// The cause for which a producer that does not wait loses a record. `None`: it is the
    /// producer's fault, or nobody is left to miss it.
    #[inline]
    pub const fn of(refusal: Refusal) -> Option<Cause> {
        match refusal {
            Refusal::Full => Some(Cause::Full),
            Refusal::TooLarge => Some(Cause::TooLarge),
            Refusal::Corrupt | Refusal::Contended => Some(Cause::Peer),
            Refusal::Reserved | Refusal::Closed | Refusal::GivenUp => None,
        }
    }
}

/// The books of the producers that share one set of counters: those in the kernel, or the holder of
/// a slot.
///
/// `S` are the words that show the counters, which others may read, `O` those of nobody else. With
/// one `Loss`, any number of contexts may count and tell at once, none of which waits.
#[derive(Debug)]
pub struct Loss<S, O> {
    lost: [S; CAUSES],
    discarded: S,
    /// How often something was counted as lost.
    owed: O,
    /// Of these, those that a gap has told of.
    told: O,
    /// What gaps have told of, by cause. Written by who tells.
    shown: [O; CAUSES],
    /// Odd while somebody tells. Never the same again: who sees it twice has missed nothing.
    telling: O,
}

/// What a gap is going to tell, by the only one who tells.
pub(super) struct Telling {
    turn: u64,
    owed: u64,
    total: [u64; CAUSES],
    /// What is new.
    pub(super) news: [u64; CAUSES],
}

impl<S: Word, O: Word> Loss<S, O> {
    /// Books that go on where the words `lost`, in the order of [`Cause`], and `discarded` are;
    /// what was lost before is not told. `own`: words of 0 that nobody else uses.
    pub fn new(lost: [S; CAUSES], discarded: S, own: [O; 3 + CAUSES]) -> Self {
        let [owed, told, telling, shown @ ..] = own;
        for (shown, lost) in shown.iter().zip(&lost) {
            shown.store(lost.load());
        }
        Loss {
            lost,
            discarded,
            owed,
            told,
            shown,
            telling,
        }
    }

    /// Records lost for a cause, by these producers.
    #[inline]
    pub fn lost(&self, cause: Cause) -> u64 {
        self.lost[cause as usize].load()
    }

    /// Records that their producers discarded.
    #[inline]
    pub fn discarded(&self) -> u64 {
        self.discarded.load()
    }

    /// Counts a lost record.
    #[cold]
    pub fn count(&self, cause: Cause) {
        self.lost[cause as usize].add_release(1);
        // Release: who sees that something is owed sees what.
        self.owed.add_release(1);
    }

    /// Counts a record that its producer discards.
    #[inline]
    pub fn count_discarded(&self) {
        self.discarded.add_release(1);
    }

    /// Whether something is lost that no gap has told of.
    #[inline]
    pub fn owes(&self) -> bool {
        self.owed.load() != self.told.load()
    }

    /// Begins to tell. `None`: somebody else does, or there is nothing.
    pub(super) fn begin(&self) -> Option<Telling> {
        // Acquire: pairs with the release in end(). If the word is still the same below, nobody
        // has told in between, and `shown` is the last one's.
        let turn = self.telling.load_acquire();
        if turn % 2 != 0 || !self.telling.cmpxchg_release(turn, turn.wrapping_add(1)) {
            return None;
        }
        // Acquire: pairs with the release in count(). What is counted behind this is owed behind
        // it as well, so it is told now or later.
        let owed = self.owed.load_acquire();
        let mut total = [0; CAUSES];
        let mut news = [0; CAUSES];
        for (i, lost) in self.lost.iter().enumerate() {
            total[i] = lost.load();
            news[i] = total[i].wrapping_sub(self.shown[i].load());
        }
        let telling = Telling {
            turn,
            owed,
            total,
            news,
        };
        if news == [0; CAUSES] {
            self.end(telling, true);
            return None;
        }
        Some(telling)
    }

    /// Ends it: whether the gap is in the stream.
    pub(super) fn end(&self, telling: Telling, is_told: bool) {
        if is_told {
            for (shown, total) in self.shown.iter().zip(telling.total) {
                shown.store(total);
            }
            self.told.store(telling.owed);
        }
        // Release: pairs with the acquire in begin().
        self.telling.store_release(telling.turn.wrapping_add(2));
    }
}
