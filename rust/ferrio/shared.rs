// SPDX-License-Identifier: GPL-2.0

//! Words in a page that programs map, and may write at any time.
//!
//! C header: [`arch/x86/include/asm/barrier.h`](srctree/arch/x86/include/asm/barrier.h)
//!
//! What is in such a page is a claim of somebody who need not be honest. So there is never a
//! reference to it, which would let the compiler read a word twice and find two values: each access
//! below is one load or one store through a raw pointer, and what it gave is a copy.
//!
//! These accesses are on the path of every message. As in [`word`](crate::word), on x86-64 they are
//! what `READ_ONCE()`, `WRITE_ONCE()`, `barrier()` and `cmpxchg()` of C are: one instruction each,
//! no call.

use crate::pages::{OwnedPage, PageRef, PageVec};
#[cfg(CONFIG_X86_64)]
use crate::word::barrier;
use core::{marker::PhantomData, ptr::NonNull};
#[cfg(not(CONFIG_X86_64))]
use kernel::sync::{
    atomic::{self, Acquire, Relaxed, Release},
    barrier::{smp_mb, Full},
};
use kernel::{
    page::{PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
    sync::atomic::Atomic,
};

/// A zeroed order-0 page of words, charged to the active memory cgroup.
///
/// # Invariants
///
/// `base` is the address of `page`: page-aligned, and `PAGE_SIZE` bytes may be read and written
/// there for as long as `page` lives. In the kernel nobody accesses them but through
/// [`SharedWord`], and C, which copies to and from a borrowed page as a program would.
pub struct SharedPage {
    page: OwnedPage,
    base: NonNull<u64>,
}

// SAFETY: The page belongs to no task, and the pointer is to it.
unsafe impl Send for SharedPage {}
// SAFETY: All accesses of Rust through a shared SharedPage are atomic ones of SharedWord.
unsafe impl Sync for SharedPage {}

impl SharedPage {
    /// Allocates a page. Process context, sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: no memory, or the cgroup is full (nobody is killed for it).
    pub fn new() -> Result<Self> {
        let page = OwnedPage::new()?;
        let base = page.address().cast();
        // INVARIANT: It is the page's address, and a new page has no other user.
        Ok(SharedPage { page, base })
    }

    /// The page, to be mapped. Any context.
    #[inline]
    pub fn page(&self) -> PageRef<'_> {
        self.page.borrow()
    }

    /// The word at byte `OFFSET` (of `offset_of!`), which is checked by the compiler. Any context;
    /// costs nothing.
    #[inline(always)]
    pub fn word<const OFFSET: usize>(&self) -> SharedWord<'_> {
        const {
            assert!(OFFSET % size_of::<u64>() == 0, "words are aligned");
            assert!(OFFSET < PAGE_SIZE, "the word is behind the page");
        };
        // SAFETY: Aligned to 8 and less than PAGE_SIZE, so there is a whole word.
        unsafe { self.word_unchecked(OFFSET) }
    }

    /// The word at byte `offset`, or `None` if it is not aligned to 8 or behind the page.
    #[inline]
    pub fn word_at(&self, offset: usize) -> Option<SharedWord<'_>> {
        if offset % size_of::<u64>() != 0 || offset >= PAGE_SIZE {
            return None;
        }
        // SAFETY: Checked: aligned to 8 and less than PAGE_SIZE.
        Some(unsafe { self.word_unchecked(offset) })
    }

    /// # Safety
    ///
    /// `offset` must be a multiple of 8 below `PAGE_SIZE`.
    #[inline(always)]
    unsafe fn word_unchecked(&self, offset: usize) -> SharedWord<'_> {
        // INVARIANT: By the type invariants there are PAGE_SIZE bytes at the page-aligned `base`.
        // They live as long as `self`, and the caller keeps the word inside of them and aligned.
        SharedWord {
            // SAFETY: The caller promises that this is inside of the page.
            ptr: unsafe { self.base.byte_add(offset) },
            _page: PhantomData,
        }
    }
}

/// A word among the bytes that are copied, as a record's header.
impl PageVec {
    /// The word at byte `offset`, or `None` if it is not aligned to 8 or behind the end. Any
    /// context; costs a call.
    #[inline]
    pub fn word_at(&self, offset: usize) -> Option<SharedWord<'_>> {
        let within = offset & (PAGE_SIZE - 1);
        if within % size_of::<u64>() != 0 {
            return None;
        }
        let page = self.address(offset >> PAGE_SHIFT)?.cast::<u64>();
        // INVARIANT: PAGE_SIZE bytes at the page-aligned `page` live as long as `self`, as no page
        // is ever taken out; `within` is less, and a multiple of 8. No reference to them is given
        // out: PageVec has C copy.
        Some(SharedWord {
            // SAFETY: Less than PAGE_SIZE, so inside of the page.
            ptr: unsafe { page.byte_add(within) },
            _page: PhantomData,
        })
    }
}

/// A 64-bit word in a [`SharedPage`] or a [`PageVec`]. All methods may be called in any context.
///
/// # Invariants
///
/// `ptr` is aligned to 8 and may be read and written for `'a`. In the kernel it is only accessed by
/// the methods below, or those of an [`Atomic`], all of them atomic, and by C, which copies as a
/// program would; programs may change it at any time.
#[derive(Clone, Copy)]
pub struct SharedWord<'a> {
    ptr: NonNull<u64>,
    _page: PhantomData<&'a SharedPage>,
}

// SAFETY: As for SharedPage, which it borrows from.
unsafe impl Send for SharedWord<'_> {}
// SAFETY: As for SharedPage.
unsafe impl Sync for SharedWord<'_> {}

/// A word that only the kernel can write, where one of a page could stand as well.
impl<'a> From<&'a Atomic<u64>> for SharedWord<'a> {
    #[inline(always)]
    fn from(word: &'a Atomic<u64>) -> Self {
        // INVARIANT: From a reference, so it is valid and aligned for 'a; an Atomic is only
        // accessed atomically.
        SharedWord {
            // SAFETY: From a reference, so it is not NULL.
            ptr: unsafe { NonNull::new_unchecked(word.as_ptr()) },
            _page: PhantomData,
        }
    }
}

impl SharedWord<'_> {
    /// Where it is, for those who are told by C.
    pub fn address(self) -> usize {
        self.ptr.as_ptr() as usize
    }

    /// Loads without any order, as `READ_ONCE()`.
    #[cfg(CONFIG_X86_64)]
    #[inline(always)]
    pub fn load(self) -> u64 {
        // SAFETY: Valid and aligned by the type invariants. An aligned volatile load of 8 bytes is
        // one instruction, which is what makes it atomic against others.
        unsafe { self.ptr.as_ptr().read_volatile() }
    }

    /// Loads; what the storer did before its release is seen afterwards, as `smp_load_acquire()`.
    #[cfg(CONFIG_X86_64)]
    #[inline(always)]
    pub fn load_acquire(self) -> u64 {
        let value = self.load();
        barrier();
        value
    }

    /// Stores without any order, as `WRITE_ONCE()`.
    #[cfg(CONFIG_X86_64)]
    #[inline(always)]
    pub fn store(self, value: u64) {
        // SAFETY: As for the load.
        unsafe { self.ptr.as_ptr().write_volatile(value) }
    }

    /// Stores; what was done before is seen by whoever loads the value with acquire, as
    /// `smp_store_release()`.
    #[cfg(CONFIG_X86_64)]
    #[inline(always)]
    pub fn store_release(self, value: u64) {
        barrier();
        self.store(value);
    }

    /// Loads without any order, as `READ_ONCE()`.
    #[cfg(not(CONFIG_X86_64))]
    #[inline]
    pub fn load(self) -> u64 {
        // SAFETY: Valid and aligned by the type invariants, and only accessed atomically.
        unsafe { atomic::atomic_load(self.ptr.as_ptr(), Relaxed) }
    }

    /// Loads; what the storer did before its release is seen afterwards, as `smp_load_acquire()`.
    #[cfg(not(CONFIG_X86_64))]
    #[inline]
    pub fn load_acquire(self) -> u64 {
        // SAFETY: As for `load`.
        unsafe { atomic::atomic_load(self.ptr.as_ptr(), Acquire) }
    }

    /// Stores without any order, as `WRITE_ONCE()`.
    #[cfg(not(CONFIG_X86_64))]
    #[inline]
    pub fn store(self, value: u64) {
        // SAFETY: As for `load`.
        unsafe { atomic::atomic_store(self.ptr.as_ptr(), value, Relaxed) }
    }

    /// Stores; what was done before is seen by whoever loads the value with acquire, as
    /// `smp_store_release()`.
    #[cfg(not(CONFIG_X86_64))]
    #[inline]
    pub fn store_release(self, value: u64) {
        // SAFETY: As for `load`.
        unsafe { atomic::atomic_store(self.ptr.as_ptr(), value, Release) }
    }

    /// Stores `new` with release if the word is `old`; says whether it was. If not, nothing is
    /// ordered.
    #[cfg(CONFIG_X86_64)]
    #[inline(always)]
    pub fn cmpxchg_release(self, old: u64, new: u64) -> bool {
        let found: u64;
        // SAFETY: Valid and aligned by the type invariants. One locked instruction, as
        // arch_cmpxchg() of arch/x86, which is a full barrier; it changes rax and the flags, and
        // the compiler takes both, and all of memory, as changed.
        unsafe {
            core::arch::asm!(
                "lock cmpxchg qword ptr [{word}], {new}",
                word = in(reg) self.ptr.as_ptr(),
                new = in(reg) new,
                inout("rax") old => found,
            );
        }
        found == old
    }

    /// Stores `new` with release if the word is `old`; says whether it was. If not, nothing is
    /// ordered.
    #[cfg(not(CONFIG_X86_64))]
    #[inline]
    pub fn cmpxchg_release(self, old: u64, new: u64) -> bool {
        // SAFETY: As for `load`.
        unsafe { atomic::cmpxchg(self.ptr.as_ptr(), old, new, Release) }.is_ok()
    }
}

/// Orders all loads and stores before against all after, those of other words as well: `smp_mb()`.
/// Any context; one instruction on x86-64.
#[cfg(CONFIG_X86_64)]
#[inline(always)]
pub fn fence() {
    // What __smp_mb() of arch/x86 is, also on a kernel for one CPU.
    // SAFETY: Adds nothing to a word below the stack pointer, which may be written as the kernel is
    // compiled without a red zone.
    unsafe { core::arch::asm!("lock add dword ptr [rsp - 4], 0") };
}

/// Orders all loads and stores before against all after, those of other words as well: `smp_mb()`.
/// Any context.
#[cfg(not(CONFIG_X86_64))]
#[inline]
pub fn fence() {
    smp_mb(Full);
}
