// SPDX-License-Identifier: GPL-2.0

//! Sparse memory: order-0 pages of which most may be missing.
//!
//! Pages are found without a lock and never taken away before the whole goes, so whoever has found
//! one may copy from and to it for as long as he likes, and sleep in a page fault meanwhile.
//!
//! As in [`pages`](crate::pages) there is never a reference to the bytes of a page: somebody else
//! may write to them at any time.

use crate::{
    iov::{IterDest, IterSource},
    pages::{OwnedPage, PageRef},
    word::Word,
};
use core::{marker::PhantomData, mem::ManuallyDrop, ptr::NonNull};
use kernel::{
    bindings,
    page::{PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
    sync::atomic::{Atomic, Relaxed, Release},
};

/// Places in a table: it fills a page.
const PLACES: usize = PAGE_SIZE / size_of::<usize>();

/// A place for a pointer that is set once.
///
/// # Invariants
///
/// The word is 0, or what was given to [`Place::set`]; it changes once.
struct Place<T> {
    word: Atomic<usize>,
    _target: PhantomData<*mut T>,
}

impl<T> Place<T> {
    /// What is there; what its setter did to it before is seen. One load.
    #[inline]
    fn get(&self) -> Option<NonNull<T>> {
        // Acquire: pairs with the release in `set`.
        NonNull::new(core::ptr::with_exposed_provenance_mut(
            self.word.load_acquire(),
        ))
    }

    /// Puts `target` in, unless there is something; says whether it did.
    fn set(&self, target: NonNull<T>) -> bool {
        // INVARIANT: From 0 to `target`, and a second time there is no 0.
        self.word
            .cmpxchg(0, target.as_ptr().expose_provenance(), Release)
            .is_ok()
    }
}

type Leaf = [Place<bindings::page>; PLACES];
type Root = [Place<Leaf>; PLACES];

/// The right to one page more, which goes back when it is dropped.
pub trait Claim {
    /// The page is there.
    fn keep(self);
}

// A table is a page, charged and counted as those that it leads to.
const _: () = assert!(size_of::<Leaf>() == PAGE_SIZE && size_of::<Root>() == PAGE_SIZE);

/// Up to [`MAX_PAGES`](Self::MAX_PAGES) order-0 pages, each of them missing until it is made.
///
/// # Invariants
///
/// - A word of a place is 0 or a pointer: of the root, to a `Root` that fills the page of an
///   `OwnedPage`; in it to a `Leaf` of the same kind; in that to the page of an `OwnedPage`. All
///   are owned by this value.
/// - `count` is the number of the pages, `tables` that of the tables.
pub struct SparsePages {
    root: Place<Root>,
    count: Atomic<usize>,
    tables: Atomic<usize>,
}

// SAFETY: Pages and tables belong to no task.
unsafe impl Send for SparsePages {}
// SAFETY: Places are set and looked at atomically; what they point to stays, and shared use of a
// page only hands it to copies that allow concurrent ones.
unsafe impl Sync for SparsePages {}

impl SparsePages {
    /// How many pages there can be: 262144 with pages of 4 KiB, 1 GiB.
    pub const MAX_PAGES: usize = PLACES * PLACES;

    /// No page at all. Allocates nothing.
    pub const fn new() -> Self {
        // INVARIANT: Nothing is there, and counted.
        SparsePages {
            root: Place {
                word: Atomic::new(0),
                _target: PhantomData,
            },
            count: Atomic::new(0),
            tables: Atomic::new(0),
        }
    }

    /// How many pages are there. Any context.
    pub fn count(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// How many pages of memory it takes, with the tables. Any context.
    pub fn held(&self) -> usize {
        self.count() + self.tables.load(Relaxed)
    }

    /// The leaf that page `index` is in.
    #[inline]
    fn leaf(&self, index: usize) -> Option<&Leaf> {
        // SAFETY: By the type invariants it points to a table that lives as long as `self`.
        let root = unsafe { self.root.get()?.as_ref() };
        // SAFETY: The same.
        Some(unsafe { root.get(index / PLACES)?.get()?.as_ref() })
    }

    /// The page at `index`, if it is there. Any context; three loads.
    #[inline]
    pub fn page(&self, index: usize) -> Option<PageRef<'_>> {
        let page = self.leaf(index)?[index % PLACES].get()?;
        // SAFETY: By the type invariants it is owned by `self`, which keeps it for as long.
        Some(unsafe { PageRef::from_raw(page) })
    }

    /// Makes the page at `index`, zeroed and charged to the active memory cgroup, unless it is
    /// there.
    ///
    /// For each page that is taken for it, tables included, `claim` is called when nothing but its
    /// answer is missing, and the claim is kept with the page; or dropped if somebody else was
    /// first. Process context, sleeps for memory. Costs a page allocation, and for the first of
    /// each 512 pages one for a table.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: `index` is not below [`MAX_PAGES`](Self::MAX_PAGES).
    /// - `ENOMEM`: no memory, or the cgroup is full (nobody is killed for it).
    /// - What `claim` returned.
    pub fn make<C: Claim>(&self, index: usize, claim: impl Fn() -> Result<C>) -> Result {
        if index >= Self::MAX_PAGES {
            return Err(EINVAL);
        }
        // SAFETY: Both are arrays of places that fill a page; by the type invariants what is there
        // lives as long as `self`.
        let leaf = unsafe {
            let root = self.make_table(&self.root, &claim)?.as_ref();
            self.make_table(&root[index / PLACES], &claim)?.as_ref()
        };
        let place = &leaf[index % PLACES];
        if place.get().is_some() {
            return Ok(());
        }
        let page = OwnedPage::new()?;
        let claim = claim()?;
        if place.set(page.as_raw()) {
            // INVARIANT: It is the place's now, and counted.
            let _ = ManuallyDrop::new(page);
            self.count.fetch_add(1, Relaxed);
            claim.keep();
        }
        Ok(())
    }

    /// The table of a place, made if there is none.
    ///
    /// # Safety
    ///
    /// `T` must be an array of [`Place`]s that fills a page, and `place` one of `self`.
    unsafe fn make_table<T, C: Claim>(
        &self,
        place: &Place<T>,
        claim: &impl Fn() -> Result<C>,
    ) -> Result<NonNull<T>> {
        if let Some(table) = place.get() {
            return Ok(table);
        }
        let page = OwnedPage::new()?;
        let claim = claim()?;
        // The page is zeroed, and a place of value 0 is an empty one.
        if place.set(page.address().cast()) {
            // INVARIANT: It is the place's now, and counted.
            let _ = ManuallyDrop::new(page);
            self.tables.fetch_add(1, Relaxed);
            claim.keep();
        }
        // It is there by now, and stays.
        place.get().ok_or(EIO)
    }

    /// The first page at or behind `index`, and below `end`, that is there or, with `hole`, that is
    /// not. Any context; costs a load for each page, and for each table that is not there.
    pub fn next(&self, index: usize, end: usize, hole: bool) -> Option<usize> {
        let end = end.min(Self::MAX_PAGES);
        let mut at = index;
        while at < end {
            match self.leaf(at) {
                Some(leaf) if leaf[at % PLACES].get().is_none() == hole => return Some(at),
                Some(_) => at += 1,
                None if hole => return Some(at),
                None => at = (at / PLACES + 1) * PLACES,
            }
        }
        None
    }

    /// Copies `len` bytes from `offset` to `iter`: zeros where no page is.
    ///
    /// Returns the bytes copied: fewer than asked if `iter` is full or faults. May sleep for a
    /// fault; allocates nothing. Always inlined, as
    /// [`copy_from`](Self::copy_from): that is 25 of the 1160 instructions of a short `writev()`.
    #[inline(always)]
    pub fn copy_to(&self, offset: usize, len: usize, iter: &mut IterDest<'_>) -> usize {
        // No memory is where this wraps; then nothing is copied.
        let end = offset.wrapping_add(len);
        let mut at = offset;
        while at < end {
            let (index, within, piece) = piece(at, end);
            let got = match self.page(index) {
                Some(page) => iter.copy_page(page, within, piece).bytes(),
                None => iter.zero(piece).bytes(),
            };
            at += got;
            if got < piece {
                break;
            }
        }
        at - offset
    }

    /// Copies `len` bytes from `iter` to `offset`, where `missing` is called for each page that is
    /// not there, with its index: it is to [`make`](Self::make) it.
    ///
    /// Returns the bytes copied: fewer than asked if `iter` is empty or faults. May sleep for a
    /// fault. Two copies to the same place at once mix their bytes; it is for the caller to order
    /// them.
    ///
    /// # Errors
    ///
    /// What `missing` returned, if nothing was copied before; `EIO` if it did not make the page.
    #[inline(always)]
    pub fn copy_from(
        &self,
        offset: usize,
        len: usize,
        iter: &mut IterSource<'_>,
        mut missing: impl FnMut(usize) -> Result,
    ) -> Result<usize> {
        // No memory is where this wraps; then nothing is copied.
        let end = offset.wrapping_add(len);
        let mut at = offset;
        while at < end {
            let (index, within, piece) = piece(at, end);
            let page = match self.page(index) {
                Some(page) => page,
                None => {
                    let result = missing(index);
                    // Also if it failed: somebody else may have made it.
                    match self.page(index) {
                        Some(page) => page,
                        None if at == offset => return Err(result.err().unwrap_or(EIO)),
                        None => break,
                    }
                }
            };
            let got = iter.copy_page(page, within, piece).bytes();
            at += got;
            if got < piece {
                break;
            }
        }
        Ok(at - offset)
    }
}

impl Default for SparsePages {
    fn default() -> Self {
        Self::new()
    }
}

/// What lies between `at` and `end` in the page of `at`: its index, the offset in it, the length.
#[inline]
fn piece(at: usize, end: usize) -> (usize, usize, usize) {
    let within = at & (PAGE_SIZE - 1);
    (at >> PAGE_SHIFT, within, (PAGE_SIZE - within).min(end - at))
}

impl Drop for SparsePages {
    fn drop(&mut self) {
        let Some(root) = self.root.get() else { return };
        // SAFETY: By the type invariants tables and pages are owned by `self`, which nobody else
        // uses any more; the `OwnedPage`s were given up for it.
        unsafe {
            for leaf in root.as_ref().iter().filter_map(Place::get) {
                for page in leaf.as_ref().iter().filter_map(Place::get) {
                    drop(OwnedPage::from_raw(page));
                }
                drop(OwnedPage::from_address(leaf.cast()));
            }
            drop(OwnedPage::from_address(root.cast()));
        }
    }
}
