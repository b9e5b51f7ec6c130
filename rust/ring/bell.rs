// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Who sleeps at an end, and how its peer learns of it.

use crate::{Word, Words};

/// Whether `position` is at `wanted` or behind it. Positions wrap, so it is their distance that
/// counts: one of less than 2^63.
#[inline]
pub const fn reached(position: u64, wanted: u64) -> bool {
    position.wrapping_sub(wanted) as i64 >= 0
}

/// What is written into an end's bells for its sleepers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arm {
    /// Tells this arm from all others of the end; not 0.
    pub sequence: u64,
    /// The peer's position that is waited for.
    pub wanted: u64,
}

/// The two words by which an end says that somebody sleeps there.
///
/// There may be several bells of one end: the kernel has one in its own memory, which its own
/// wakers trust, and one in the end's page, for mapped wakers. They are written by the kernel
/// alone, while it holds the lock of the end's [`Books`], else a late [`Bell::clear`] could hide
/// a newer arm. Whoever can write a page's bell can lose or add wakes of sleepers at that page's
/// end, of mapped wakers, and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Bell<W> {
    armed: W,
    wanted: W,
}

impl<W: Word> Bell<W> {
    /// The bell made of these two words, or of references to them.
    #[inline]
    pub fn new(armed: W, wanted: W) -> Self {
        Bell { armed, wanted }
    }

    /// Step S2. Under the lock of the end's books; the full fence of [`must_sleep`] comes behind.
    ///
    /// `wanted` relaxed, `armed` with release: pairs with the acquire load of [`Bell::called`],
    /// which then sees this `wanted` or a newer one.
    #[inline]
    pub fn arm(&self, arm: Arm) {
        self.wanted.store(arm.wanted);
        self.armed.store_release(arm.sequence);
    }

    /// Step W5. Under the lock of the end's books, before the queue is woken.
    ///
    /// Relaxed: the lock orders it among arms; a waker that still sees the old value calls once
    /// more than it had to.
    #[inline]
    pub fn clear(&self) {
        self.armed.store(0);
    }

    /// Steps W3 and W4: the sequence that a waker whose position is now `position` has to wake, if
    /// it has to; `woken` is the last one it has woken, or 0.
    ///
    /// To be called behind the store of the position and a full fence: [`called`].
    #[inline]
    pub fn called(&self, position: u64, woken: u64) -> Option<u64> {
        // What comes out of the two words is no more than whether to call.
        let armed = self.armed();
        if armed == 0 {
            return None;
        }
        self.called_for(armed, position, woken)
    }

    /// The sequence of the arm, or 0. Acquire: pairs with the release in [`Bell::arm`].
    #[inline]
    pub(crate) fn armed(&self) -> u64 {
        self.armed.load_acquire()
    }

    /// The position that is waited for, as of the arm that [`Bell::armed`] gave, or a newer one.
    #[inline]
    pub(crate) fn wanted(&self) -> u64 {
        self.wanted.load()
    }

    #[inline]
    fn called_for(&self, armed: u64, position: u64, woken: u64) -> Option<u64> {
        if armed != woken && reached(position, self.wanted()) {
            Some(armed)
        } else {
            None
        }
    }
}

/// Steps W2 to W4, behind the release store of the own position (W1): the sequence for which the
/// sleepers of the peer's end have to be woken, if any.
///
/// The fence pairs with that of [`must_sleep`]: in both threads it stands between their store and
/// their load. So either this load sees the arm, or the sleeper's look sees the position.
#[inline]
pub fn called<W: Words>(bell: &Bell<impl Word>, position: u64, woken: u64) -> Option<u64> {
    W::fence();
    bell.called(position, woken)
}

/// Steps S2 to S4, of a sleeper that is queued (S1): whether it has to sleep (S5).
///
/// `arm` takes the lock of its end's books and prints what [`Books::arm`] gives into all bells of
/// the end before it lets go of the lock. `enough` loads the peer's position (acquire) and the
/// state anew, and says whether there is what the sleeper waits for, or a reason not to wait.
///
/// The fence pairs with that of [`called`]. If `arm` finds the end armed already, that store was
/// seen under the lock, and so lies in front of the fence as well.
#[inline]
pub fn must_sleep<W: Words>(arm: impl FnOnce(), enough: impl FnOnce() -> bool) -> bool {
    arm();
    W::fence();
    !enough()
}

/// The books of an end's sleepers, in the kernel's memory and under its lock.
///
/// All sleepers of an end share one arm: the smallest `wanted` of them, and the sequence number of
/// the last who lowered it. Whoever wakes, wakes all.
///
/// # Invariants
///
/// `arms - wakes` is 1 while armed, else 0.
#[derive(Debug, Default)]
pub struct Books {
    armed: bool,
    sequence: u64,
    wanted: u64,
    arms: u64,
    wakes: u64,
}

impl Books {
    /// Nobody sleeps, nobody ever did.
    pub const fn new() -> Self {
        // INVARIANT: 0 - 0, not armed.
        Books {
            armed: false,
            sequence: 0,
            wanted: 0,
            arms: 0,
            wakes: 0,
        }
    }

    /// Somebody is going to sleep until the peer's position is `wanted`: what has to be printed
    /// into the end's bells, or `None` if they say so already, or ask for less.
    #[must_use]
    pub fn arm(&mut self, wanted: u64) -> Option<Arm> {
        if self.armed {
            if reached(wanted, self.wanted) {
                return None;
            }
        } else {
            // INVARIANT: Armed now, and one arm more.
            self.armed = true;
            self.arms = self.arms.wrapping_add(1);
        }
        // 0 is for "nobody", also if the number wraps.
        self.sequence = self.sequence.wrapping_add(1).max(1);
        self.wanted = wanted;
        Some(Arm {
            sequence: self.sequence,
            wanted,
        })
    }

    /// A waker: whether the end was armed. Then it is not any more, the end's bells have to be
    /// cleared, and behind that all of its queue has to be woken.
    #[must_use]
    pub fn take(&mut self) -> bool {
        if !self.armed {
            return false;
        }
        // INVARIANT: Not armed now, and one wake more.
        self.armed = false;
        self.wakes = self.wakes.wrapping_add(1);
        true
    }

    /// Whether somebody is armed.
    pub const fn is_armed(&self) -> bool {
        self.armed
    }

    /// Times that the end went from nobody to somebody armed.
    pub const fn arms(&self) -> u64 {
        self.arms
    }

    /// Times that a waker took the arm away: as many as `arms`, or one less while armed.
    pub const fn wakes(&self) -> u64 {
        self.wakes
    }
}
