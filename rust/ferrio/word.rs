// SPDX-License-Identifier: GPL-2.0

//! Loads and stores of atomic words on the path of every message.
//!
//! C header: [`arch/x86/include/asm/barrier.h`](srctree/arch/x86/include/asm/barrier.h)
//!
//! `kernel::sync::atomic` calls an out-of-line C helper for each access, a dozen instructions for
//! one; a message touches a dozen words. What is written here is what those helpers do on x86-64,
//! where `smp_load_acquire()` is `READ_ONCE()` and a compiler barrier, and `smp_store_release()` a
//! compiler barrier and `WRITE_ONCE()`. On other architectures the helpers are called.

use kernel::sync::atomic::Atomic;
#[cfg(not(CONFIG_X86_64))]
use kernel::sync::atomic::{Acquire, Relaxed, Release};

/// A word that is loaded and stored in one access, with the ordering in the name. Any context.
pub trait Word {
    /// What the word holds.
    type Value;

    /// Loads without any order, as `READ_ONCE()`.
    fn load_relaxed(&self) -> Self::Value;

    /// Loads; what the storer did before its release is seen afterwards.
    fn load_acquire(&self) -> Self::Value;

    /// Stores; what was done before is seen by whoever loads the value with acquire.
    fn store_release(&self, value: Self::Value);
}

/// Keeps the compiler from moving memory accesses across: `barrier()` of C.
#[cfg(CONFIG_X86_64)]
#[inline(always)]
pub(crate) fn barrier() {
    // SAFETY: No instruction; by default an asm block may touch any memory, which is the point.
    unsafe { core::arch::asm!("") };
}

#[cfg(CONFIG_X86_64)]
macro_rules! word {
    ($value:ty) => {
        impl Word for Atomic<$value> {
            type Value = $value;

            #[inline]
            fn load_relaxed(&self) -> $value {
                // SAFETY: The pointer comes from a reference, so it is valid and aligned. The word
                // is only ever accessed atomically: an aligned volatile access of its size is one
                // instruction, as for READ_ONCE().
                unsafe { self.as_ptr().read_volatile() }
            }

            #[inline]
            fn load_acquire(&self) -> $value {
                let value = self.load_relaxed();
                barrier();
                value
            }

            #[inline]
            fn store_release(&self, value: $value) {
                barrier();
                // SAFETY: As for the load; WRITE_ONCE().
                unsafe { self.as_ptr().write_volatile(value) }
            }
        }
    };
}

#[cfg(not(CONFIG_X86_64))]
macro_rules! word {
    ($value:ty) => {
        impl Word for Atomic<$value> {
            type Value = $value;

            #[inline]
            fn load_relaxed(&self) -> $value {
                self.load(Relaxed)
            }

            #[inline]
            fn load_acquire(&self) -> $value {
                self.load(Acquire)
            }

            #[inline]
            fn store_release(&self, value: $value) {
                self.store(value, Release)
            }
        }
    };
}

word!(u32);
word!(u64);
word!(usize);
