// SPDX-License-Identifier: GPL-2.0

//! A value that is set once, and looked at on the path of every message.
//!
//! `kernel::sync::SetOnce` does the same; but to look at it is a call for one load, see
//! [`word`](crate::word).

use crate::word::Word;
use core::{cell::UnsafeCell, mem::MaybeUninit};
use kernel::sync::atomic::{Atomic, Relaxed};

/// Nobody has set it.
const EMPTY: u32 = 0;
/// Somebody is setting it.
const BUSY: u32 = 1;
/// It is there, for ever.
const SET: u32 = 2;

/// A value that is set once.
///
/// # Invariants
///
/// - `state` goes from `EMPTY` to `BUSY` to `SET` and never back. Whoever moved it to `BUSY` is the
///   only one to access `value` until he moves it on.
/// - In `SET`, `value` is initialised, and only read.
pub struct Once<T> {
    state: Atomic<u32>,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: Whoever gets the value may own it, and drop it, as T allows.
unsafe impl<T: Send> Send for Once<T> {}
// SAFETY: Several tasks may look at the value, which T allows; one of them may have brought it from
// another task, which T allows as well.
unsafe impl<T: Send + Sync> Sync for Once<T> {}

impl<T> Once<T> {
    /// Nothing yet.
    pub const fn new() -> Self {
        // INVARIANT: Empty, and nobody looks at the value.
        Once {
            state: Atomic::new(EMPTY),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// The value, if it is there. Any context; costs one load.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        // Acquire: pairs with the release in `set`.
        if self.state.load_acquire() != SET {
            return None;
        }
        // SAFETY: By the type invariants it is initialised, and from now on only read.
        Some(unsafe { (*self.value.get()).assume_init_ref() })
    }

    /// Sets the value, if nobody has or is about to; says whether it did. Any context.
    pub fn set(&self, value: T) -> bool {
        if self.state.cmpxchg(EMPTY, BUSY, Relaxed).is_err() {
            return false;
        }
        // SAFETY: By the type invariants we are the only one here, having moved it to BUSY.
        unsafe { (*self.value.get()).write(value) };
        // INVARIANT: Initialised. Release: pairs with the acquire in `get`.
        self.state.store_release(SET);
        true
    }
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for Once<T> {
    fn drop(&mut self) {
        if self.get().is_some() {
            // SAFETY: Initialised by the type invariants, and nobody can look at it any more.
            unsafe { self.value.get_mut().assume_init_drop() };
        }
    }
}
