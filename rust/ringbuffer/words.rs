// SPDX-License-Identifier: GPL-2.0

//! The words of the protocol, in the kernel's own memory and in mapped pages.

use ferrio::{
    shared::{fence, SharedWord},
    word::Word as _,
};
use kernel::sync::atomic::{Atomic, Release};
use ring::Word;

/// A word that only the kernel can write.
#[repr(transparent)]
pub(crate) struct OwnWord(Atomic<u64>);

impl OwnWord {
    pub(crate) const fn new(value: u64) -> Self {
        OwnWord(Atomic::new(value))
    }

    /// The same word, for those who have others in pages.
    #[inline]
    pub(crate) fn as_page_word(&self) -> PageWord<'_> {
        PageWord(SharedWord::from(&self.0))
    }
}

impl Word for OwnWord {
    #[inline]
    fn load(&self) -> u64 {
        self.0.load_relaxed()
    }

    #[inline]
    fn load_acquire(&self) -> u64 {
        self.0.load_acquire()
    }

    #[inline]
    fn store(&self, value: u64) {
        SharedWord::from(&self.0).store(value);
    }

    #[inline]
    fn store_release(&self, value: u64) {
        self.0.store_release(value);
    }

    #[inline]
    fn cmpxchg_release(&self, old: u64, new: u64) -> bool {
        self.0.cmpxchg(old, new, Release).is_ok()
    }
}

/// A word of a page that user space may have mapped, and may be writing to.
#[derive(Clone, Copy)]
pub(crate) struct PageWord<'a>(pub(crate) SharedWord<'a>);

impl Word for PageWord<'_> {
    #[inline]
    fn load(&self) -> u64 {
        self.0.load()
    }

    #[inline]
    fn load_acquire(&self) -> u64 {
        self.0.load_acquire()
    }

    #[inline]
    fn store(&self, value: u64) {
        self.0.store(value);
    }

    #[inline]
    fn store_release(&self, value: u64) {
        self.0.store_release(value);
    }

    #[inline]
    fn cmpxchg_release(&self, old: u64, new: u64) -> bool {
        self.0.cmpxchg_release(old, new)
    }
}

/// The kernel as a holder of an end.
pub(crate) struct KernelWords;

impl ring::Words for KernelWords {
    type Word = OwnWord;

    #[inline]
    fn fence() {
        fence();
    }
}

/// A driver as a holder of an end: all its words are, or look as, words of pages.
pub(crate) struct DriverWords<'a>(core::marker::PhantomData<&'a ()>);

impl<'a> ring::Words for DriverWords<'a> {
    type Word = PageWord<'a>;

    #[inline]
    fn fence() {
        fence();
    }
}
