// SPDX-License-Identifier: GPL-2.0

//! The size of a memory: it can be set until something depends on it.

use ferrio::{sparse::SparsePages, word::Word};
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
};

/// The smallest memory, and what sizes are multiples of, in bytes.
pub(crate) const MIN_BYTES: u64 = PAGE_SIZE as u64;
/// The largest memory, in bytes.
pub(crate) const MAX_BYTES: u64 = 1 << 30;
/// The size unless somebody sets it.
pub(crate) const DEFAULT_BYTES: u64 = 64 << 20;

const _: () = assert!(MAX_BYTES <= (SparsePages::MAX_PAGES * PAGE_SIZE) as u64);

/// Marks a size that cannot be set any more. No size has this bit.
const FIXED: u64 = 1 << 63;

/// The size of one memory, in bytes.
pub(crate) struct Size(Atomic<u64>);

impl Size {
    pub(crate) fn new() -> Self {
        Size(Atomic::new(DEFAULT_BYTES))
    }

    /// The size of now.
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load_relaxed() & !FIXED
    }

    /// Whether it is final.
    pub(crate) fn is_fixed(&self) -> bool {
        self.0.load_relaxed() & FIXED != 0
    }

    /// The size, which is final from now on.
    #[inline]
    pub(crate) fn fix(&self) -> u64 {
        if !self.is_fixed() {
            self.fix_first();
        }
        self.get()
    }

    #[cold]
    fn fix_first(&self) {
        loop {
            let now = self.0.load_relaxed();
            if self.0.cmpxchg(now, now | FIXED, Relaxed).is_ok() {
                return;
            }
        }
    }

    /// # Errors
    ///
    /// - `EINVAL`: not a size that a memory can have.
    /// - `EBUSY`: it is final.
    pub(crate) fn set(&self, bytes: u64) -> Result {
        if !(MIN_BYTES..=MAX_BYTES).contains(&bytes) || bytes % MIN_BYTES != 0 {
            return Err(EINVAL);
        }
        loop {
            let now = self.0.load_relaxed();
            if now & FIXED != 0 {
                return Err(EBUSY);
            }
            if self.0.cmpxchg(now, bytes, Relaxed).is_ok() {
                return Ok(());
            }
        }
    }
}
