// SPDX-License-Identifier: GPL-2.0 OR MIT

//! A producer that waits for more than it needs, and a consumer that sleeps meanwhile.
//!
//! A producer that was woken for every few free bytes would sleep again after every few, so it arms
//! for more: it *hopes*. But a consumer that waits for many bytes at once may be asleep before the
//! producer has its many: then both would sleep for ever. So a producer takes what it needs when
//! the consumer is armed, and a consumer that arms calls a producer that hopes. Each arms, fences
//! and looks at the other's word: one of the two sees the other. Only the consumer calls, and only
//! who can do with less, so this ends.
//!
//! Both words, the consumer's `armed` and the producer's `hoping`, are the kernel's own.

use crate::{Word, Words};

/// What a producer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hope {
    need: u64,
    worth: u64,
}

impl Hope {
    /// `need` bytes will do; `worth` of them, if that is more, are worth a wake.
    #[inline]
    pub const fn new(need: u64, worth: u64) -> Self {
        Hope {
            need,
            worth: if worth > need { worth } else { need },
        }
    }

    /// The bytes that will do.
    #[inline]
    pub const fn need(&self) -> u64 {
        self.need
    }

    /// Step S2: how many free bytes to arm for, and whether that is a hope, which has to be said
    /// together with the arm. `armed` is the consumer's.
    #[inline]
    pub fn bytes(&self, armed: &impl Word) -> (u64, bool) {
        let bytes = if armed.load() != 0 {
            self.need
        } else {
            self.worth
        };
        (bytes, bytes > self.need)
    }

    /// Step S4, behind the arm and a full fence: whether `free` bytes are enough. `armed` is the
    /// consumer's; the fence pairs with that of [`arm_and_call`].
    #[inline]
    pub fn is_enough(&self, free: u64, armed: &impl Word) -> bool {
        free >= self.worth || (free >= self.need && armed.load() != 0)
    }
}

/// Step S2 of a consumer: `arm` says that it waits; `call` wakes the producer if that hopes, by
/// `hoping`. The fence pairs with the producer's between its arm and [`Hope::is_enough`].
#[inline]
pub fn arm_and_call<W: Words>(arm: impl FnOnce(), hoping: &impl Word, call: impl FnOnce()) {
    arm();
    W::fence();
    if hoping.load() != 0 {
        call();
    }
}
