// SPDX-License-Identifier: GPL-2.0

//! Words of one thread, as user space has them.

use ferrio_ring::{Word, Words};
use std::sync::atomic::{
    fence, AtomicU64,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
};

/// A word of user space.
pub struct CoreWord(pub AtomicU64);

impl Word for CoreWord {
    fn load(&self) -> u64 {
        self.0.load(Relaxed)
    }

    fn load_acquire(&self) -> u64 {
        self.0.load(Acquire)
    }

    fn store(&self, value: u64) {
        self.0.store(value, Relaxed)
    }

    fn store_release(&self, value: u64) {
        self.0.store(value, Release)
    }

    fn cmpxchg_release(&self, old: u64, new: u64) -> bool {
        self.0.compare_exchange(old, new, Release, Relaxed).is_ok()
    }
}

/// The words of a holder in user space.
pub struct Core;

impl Words for Core {
    type Word = CoreWord;

    fn fence() {
        fence(SeqCst)
    }
}
