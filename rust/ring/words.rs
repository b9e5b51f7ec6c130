// SPDX-License-Identifier: GPL-2.0 OR MIT

//! What a holder brings: the words and the fence.

/// One aligned 64-bit word that somebody else may write at any time.
///
/// Each method is one access of all 64 bits, never torn, repeated, merged or left out. C's names
/// are those of the kernel; `core::sync::atomic::AtomicU64` serves in user space.
pub trait Word {
    /// Loads without any order: `READ_ONCE()`.
    fn load(&self) -> u64;

    /// Loads; later accesses stay behind it, and see what came before the release store of the
    /// value: `smp_load_acquire()`.
    fn load_acquire(&self) -> u64;

    /// Stores without any order: `WRITE_ONCE()`.
    fn store(&self, value: u64);

    /// Stores; earlier accesses, loads too, stay in front of it: `smp_store_release()`.
    fn store_release(&self, value: u64);

    /// Stores `new` with release order if the word holds `old`, in one step; whether it did. Never
    /// fails for another reason: `cmpxchg_release()`, the strong form. No order if it does not
    /// store.
    fn cmpxchg_release(&self, old: u64, new: u64) -> bool;

    /// Adds in one step, with release order. For words that nobody else writes but by this method:
    /// it is tried until nobody came in between.
    #[inline]
    fn add_release(&self, value: u64) {
        loop {
            let old = self.load();
            if self.cmpxchg_release(old, old.wrapping_add(value)) {
                return;
            }
        }
    }
}

impl<W: Word + ?Sized> Word for &W {
    #[inline]
    fn load(&self) -> u64 {
        (**self).load()
    }

    #[inline]
    fn load_acquire(&self) -> u64 {
        (**self).load_acquire()
    }

    #[inline]
    fn store(&self, value: u64) {
        (**self).store(value);
    }

    #[inline]
    fn store_release(&self, value: u64) {
        (**self).store_release(value);
    }

    #[inline]
    fn cmpxchg_release(&self, old: u64, new: u64) -> bool {
        (**self).cmpxchg_release(old, new)
    }

    #[inline]
    fn add_release(&self, value: u64) {
        (**self).add_release(value);
    }
}

/// The words of a kind of holder.
pub trait Words {
    /// Its word.
    type Word: Word;

    /// A full fence: what is in front of it is done, for everybody, before what is behind it; a
    /// store and a later load of another word too. `smp_mb()`, `fence(SeqCst)`.
    fn fence();
}
