// SPDX-License-Identifier: GPL-2.0

//! Vectors of pages.
//!
//! The pages may be shared with somebody who writes to them at any time, so there is never a
//! reference to their bytes: they are copied from and to iterators.

use crate::{
    iov::{Copied, IterDest, IterSource},
    sys, task,
};
use core::{marker::PhantomData, ptr::NonNull};
use kernel::{
    bindings, debugfs, fmt,
    page::{PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
};

mod folios;
mod twice;

pub use twice::{Piece, TwicePages};

/// Pages that this module holds at the moment. kmemleak does not see pages, this does.
static LIVE: Atomic<usize> = Atomic::new(0);

/// How many pages this module holds at the moment.
pub fn live_pages() -> usize {
    LIVE.load(Relaxed)
}

/// Counts pages in, or out.
pub(crate) fn count_live(before: usize, after: usize) {
    LIVE.fetch_add(after.wrapping_sub(before), Relaxed);
}

/// The part of `len` bytes from `offset` that lies in one page.
#[inline]
pub(crate) fn within_page(offset: usize, len: usize) -> (usize, usize) {
    let offset = offset.min(PAGE_SIZE);
    (offset, len.min(PAGE_SIZE - offset))
}

/// [`live_pages`] as the content of a debugfs file: one decimal line.
pub struct LivePages;

impl debugfs::Writer for LivePages {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", live_pages())
    }
}

/// One owned page.
///
/// # Invariants
///
/// Owns one reference to a valid page, which is counted in [`LIVE`]. The page is of order 0, or one
/// of a folio, each page of which has an owner.
#[repr(transparent)]
pub(crate) struct OwnedPage(NonNull<bindings::page>);

// SAFETY: A page belongs to no task.
unsafe impl Send for OwnedPage {}
// SAFETY: Shared use only hands the pointer to copies that allow concurrent ones.
unsafe impl Sync for OwnedPage {}

impl OwnedPage {
    /// A zeroed page, charged to the active memory cgroup. Process context, sleeps.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: Process context, may sleep: asked for by our callers' documentation.
        let page = NonNull::new(unsafe { sys::ferrio_page_alloc() }).ok_or(ENOMEM)?;
        LIVE.fetch_add(1, Relaxed);
        // INVARIANT: alloc_page() gave us the only reference, and it has just been counted.
        Ok(OwnedPage(page))
    }

    /// The page that this owns; valid for as long as `self` lives, or as it is kept from dropping.
    #[inline]
    pub(crate) fn as_raw(&self) -> NonNull<bindings::page> {
        self.0
    }

    /// Takes over a page from [`as_raw`](Self::as_raw).
    ///
    /// # Safety
    ///
    /// The `OwnedPage` that it comes from must have been kept from dropping, and must not be used.
    pub(crate) unsafe fn from_raw(page: NonNull<bindings::page>) -> Self {
        // INVARIANT: The reference of that one, which is counted still.
        OwnedPage(page)
    }

    /// Takes over a page from [`address`](Self::address).
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](Self::from_raw).
    pub(crate) unsafe fn from_address(address: NonNull<u8>) -> Self {
        // SAFETY: The address is that of a page that the kernel has mapped, as GFP_KERNEL gives
        // them; so there is a struct page for it. It owns its reference by the caller's promise.
        unsafe {
            let page = sys::ferrio_page_of(address.as_ptr().cast());
            Self::from_raw(NonNull::new_unchecked(page))
        }
    }

    #[inline]
    pub(crate) fn borrow(&self) -> PageRef<'_> {
        // INVARIANT: `self` owns the page, and is borrowed for as long.
        PageRef(self.0, PhantomData)
    }

    /// Where the page lies in the kernel's memory: page-aligned, `PAGE_SIZE` bytes, readable and
    /// writable for as long as `self` lives. Costs a call.
    pub(crate) fn address(&self) -> NonNull<u8> {
        // SAFETY: A valid page by the type invariants.
        let address = unsafe { sys::ferrio_page_address(self.0.as_ptr()) };
        // SAFETY: Only a page in high memory may have no address. GFP_KERNEL gives none of those,
        // and a 64-bit kernel has none.
        unsafe { NonNull::new_unchecked(address.cast()) }
    }
}

impl Drop for OwnedPage {
    fn drop(&mut self) {
        // SAFETY: The reference that we own by the type invariants.
        unsafe { sys::ferrio_page_free(self.0.as_ptr()) };
        LIVE.fetch_sub(1, Relaxed);
    }
}

/// A borrowed page: what a driver hands to [`mapping`](crate::mapping) to be mapped.
///
/// # Invariants
///
/// A page of order 0, or of a folio, which somebody owns a reference to for `'a`.
#[derive(Clone, Copy)]
pub struct PageRef<'a>(NonNull<bindings::page>, PhantomData<&'a OwnedPage>);

impl PageRef<'_> {
    /// # Safety
    ///
    /// `page` must be a page of order 0 or of a folio, which somebody owns a reference to for the
    /// life of the result.
    #[inline]
    pub(crate) unsafe fn from_raw(page: NonNull<bindings::page>) -> Self {
        // INVARIANT: The caller's promise.
        PageRef(page, PhantomData)
    }

    #[inline]
    pub(crate) fn as_ptr(self) -> *mut bindings::page {
        self.0.as_ptr()
    }

    #[inline]
    pub(crate) fn as_non_null(self) -> NonNull<bindings::page> {
        self.0
    }

    /// How many references the page has: its owner's, one for each place where it is mapped, and
    /// those of whoever looks at it at the moment; of a page of a folio, those of the folio. For
    /// tests of mappings; any context.
    pub fn references(self) -> usize {
        // SAFETY: A valid page by the type invariants.
        unsafe { sys::ferrio_page_count(self.0.as_ptr()) }
    }

    /// Another reference to the page, which is the caller's to give back. Any context.
    #[inline]
    pub(crate) fn get(self) -> *mut bindings::page {
        // SAFETY: By the type invariants somebody owns a reference, so the count is not zero.
        unsafe { sys::ferrio_page_get(self.0.as_ptr()) };
        self.0.as_ptr()
    }
}

/// A vector of zeroed pages, charged to the active memory cgroup.
pub struct PageVec {
    pages: KVVec<OwnedPage>,
}

impl PageVec {
    /// Allocates `bytes` of memory, rounded up to pages.
    ///
    /// Process context, sleeps. Costs one page allocation and the clearing of it per page.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: no memory, or the cgroup is full (nobody is killed for it).
    /// - `EINTR`: the caller is being killed.
    pub fn new(bytes: usize) -> Result<Self> {
        let count = bytes.div_ceil(PAGE_SIZE);
        // Not charged: 8 bytes a page. A charge could kill in a full cgroup, as the flag that
        // prevents it for the pages does not exist here.
        let pages = KVVec::with_capacity(count, GFP_KERNEL | __GFP_NOWARN)?;
        let mut this = PageVec { pages };
        this.push_to(count)?;
        Ok(this)
    }

    /// Allocates page by page until there are `count`, for which there is room.
    fn push_to(&mut self, count: usize) -> Result {
        while self.pages.len() < count {
            if task::is_dying() {
                return Err(EINTR);
            }
            self.pages.push(OwnedPage::new()?, GFP_KERNEL)?;
        }
        Ok(())
    }

    /// The size in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.pages.len() << PAGE_SHIFT
    }

    /// Whether there is no page.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// The page number `index` of the vector, or `None` behind the end. Any context.
    #[inline]
    pub fn page(&self, index: usize) -> Option<PageRef<'_>> {
        self.pages.get(index).map(OwnedPage::borrow)
    }

    /// Where the page number `index` lies, as [`OwnedPage::address`]; `None` behind the end.
    #[inline]
    pub(crate) fn address(&self, index: usize) -> Option<NonNull<u8>> {
        self.pages.get(index).map(OwnedPage::address)
    }

    /// All pages as C wants them: an array of pointers, [`len`](Self::len) by the size of a page of
    /// them, valid for as long as `self` lives and not to be written to.
    pub(crate) fn as_array(&self) -> *mut *mut bindings::page {
        // OwnedPage is a transparent pointer.
        self.pages.as_ptr().cast_mut().cast()
    }

    /// Splits `len` bytes from `offset`, less than a turn, at page borders and at the end of the
    /// vector, behind which it goes on at 0. Stops when `copy` does less than asked; returns the
    /// sum.
    #[inline]
    fn walk(
        &self,
        offset: usize,
        len: usize,
        mut copy: impl FnMut(NonNull<bindings::page>, usize, usize) -> Copied,
    ) -> Copied {
        let mut done = 0;
        let mut at = offset;
        let mut faulted = false;
        while done < len {
            if at >= self.len() {
                at = 0;
            }
            let Some(page) = self.pages.get(at >> PAGE_SHIFT) else {
                break;
            };
            let within = at & (PAGE_SIZE - 1);
            let piece = (PAGE_SIZE - within).min(len - done);
            let got = copy(page.0, within, piece);
            done += got.bytes();
            at += got.bytes();
            if got.bytes() < piece {
                faulted = got.faulted();
                break;
            }
        }
        Copied::new(done, faulted)
    }

    /// Copies `len` bytes from `offset` to `iter`, going on at 0 behind the end.
    ///
    /// Fewer than asked are copied if `iter` is full or faults. May sleep.
    #[inline]
    pub fn copy_to(&self, offset: usize, len: usize, iter: &mut IterDest<'_>) -> Copied {
        // SAFETY: The page is owned by `self`; `walk` keeps offset and length inside of it.
        self.walk(offset, len, |page, at, n| unsafe {
            iter.copy_raw_page(page, at, n)
        })
    }

    /// Copies `len` bytes from `iter` to `offset`, going on at 0 behind the end.
    ///
    /// Fewer than asked are copied if `iter` is empty or faults. May sleep. Two copies to the same
    /// place at once mix their bytes; it is for the caller to order them.
    #[inline]
    pub fn copy_from(&self, offset: usize, len: usize, iter: &mut IterSource<'_>) -> Copied {
        // SAFETY: The page is owned by `self`; `walk` keeps offset and length inside of it; nobody
        // has a reference to its bytes, as this type gives none out.
        self.walk(offset, len, |page, at, n| unsafe {
            iter.copy_raw_page(page, at, n)
        })
    }
}
