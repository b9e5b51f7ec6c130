// SPDX-License-Identifier: GPL-2.0

//! Memory that lies in a row: charged, and in two states.
//!
//! A [`Buffer`] belongs to one task that fills it. [`Buffer::freeze`] makes a [`Frozen`] of it,
//! whose bytes nobody changes any more, so that they can be borrowed, and mapped by programs, see
//! [`frozen`](crate::mapping::frozen). A buffer that is not frozen is wiped when it goes: what is
//! in it has not been approved by whoever has to.
//!
//! The pages are those of a [`PageVec`]: charged to the caller's memory cgroup, without the OOM
//! killer, which `vmalloc()` would not have; in folios of 64 where there are any, else of order 0.
//!
//! C header: [`include/linux/vmalloc.h`](srctree/include/linux/vmalloc.h)

use crate::{
    pages::{PageRef, PageVec},
    sys, task,
};
use core::{
    ffi::c_void,
    mem::ManuallyDrop,
    ptr::{self, NonNull},
    slice,
};
use kernel::{
    bindings,
    page::{PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
};

/// What is wiped, or summed, between two looks whether others want the CPU, in bytes.
pub(crate) const CHUNK: usize = 64 << 10;

/// Zeroes `bytes`. Process context, may sleep.
pub(crate) fn wipe(bytes: &mut [u8]) {
    for chunk in bytes.chunks_mut(CHUNK) {
        chunk.fill(0);
        // Even if nobody looks at them any more.
        core::hint::black_box(&mut *chunk);
        // What has to be wiped is, killed or not.
        let _ = task::killed_in_long_work();
    }
}

/// Pages, and where they lie in a row.
///
/// # Invariants
///
/// `address` is what `vmap()` gave for all of `pages` in their order, and is unmapped when dropped.
/// `1 <= len <= pages.len()`.
struct Area {
    address: NonNull<u8>,
    len: usize,
    pages: PageVec,
}

// SAFETY: Neither the pages nor their address belong to a task.
unsafe impl Send for Area {}
// SAFETY: Shared use only reads, see Frozen and Buffer.
unsafe impl Sync for Area {}

impl Drop for Area {
    fn drop(&mut self) {
        // SAFETY: From vmap() by the type invariants, and nobody has a reference to its bytes any
        // more. Process context, not in an interrupt: it is dropped with a file or by a task.
        unsafe { sys::vunmap(self.address.as_ptr().cast::<c_void>()) };
        self.pages.clear();
    }
}

/// Bytes in a row that one task fills; zeroed at first.
pub struct Buffer(Area);

impl Buffer {
    /// Allocates `len` bytes, charged to the caller's memory cgroup.
    ///
    /// Process context, sleeps; so does dropping it. Costs the clearing of each page and a page
    /// table entry for it, and an allocation for 64 of them if the memory has them in a row, else
    /// one each. The list of pages and the page tables are the only other memory, 16 bytes a page,
    /// which are charged to nobody.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: 0.
    /// - `ENOMEM`: more than the machine could give at the moment, which is looked at before
    ///   anything is taken (`si_mem_available()` of `mm/show_mem.c`); or no memory, or the cgroup
    ///   is full. Nobody is killed for it.
    /// - `EINTR`: the caller is being killed.
    pub fn new(len: usize) -> Result<Self> {
        if len == 0 {
            return Err(EINVAL);
        }
        // SAFETY: It looks at counters of the memory management.
        let available = unsafe { bindings::si_mem_available() };
        let count = len.div_ceil(PAGE_SIZE);
        if usize::try_from(available).map_or(true, |available| count > available) {
            return Err(ENOMEM);
        }
        let pages = PageVec::in_folios(len)?;
        let count = c_uint::try_from(count).map_err(|_| ENOMEM)?;
        // SAFETY: An array of `count` pages, each valid; process context. The pages live as long
        // as the mapping: Area unmaps it before they are dropped.
        let address = unsafe { sys::ferrio_vmap(pages.as_array(), count) };
        let address = NonNull::new(address.cast::<u8>()).ok_or(ENOMEM)?;
        // INVARIANT: Just so; `count` pages hold at least `len` bytes, and at least one.
        Ok(Buffer(Area {
            address,
            len,
            pages,
        }))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `len` bytes from `address` on are mapped by the type invariants of Area, and were
        // zeroed when they were allocated. They are written to through `bytes_mut` alone.
        unsafe { slice::from_raw_parts(self.0.address.as_ptr(), self.0.len) }
    }

    /// The bytes, to be written.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: As for `bytes`; the pages have not been given to anybody else, as only a Frozen
        // gives them out.
        unsafe { slice::from_raw_parts_mut(self.0.address.as_ptr(), self.0.len) }
    }

    /// Nobody changes the bytes any more.
    pub fn freeze(self) -> Frozen {
        // Not to be dropped, which would wipe it.
        let this = ManuallyDrop::new(self);
        // INVARIANT: The only one that could write to it was `this`, and a page that Frozen gives
        // out goes into windows that cannot be written to.
        // SAFETY: The area is read once, and what it is read from is not used again.
        Frozen(unsafe { ptr::read(&this.0) })
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        wipe(self.bytes_mut());
    }
}

/// Bytes in a row that nobody changes. To be dropped in process context, where it may sleep.
///
/// # Invariants
///
/// Nothing writes to the pages: neither the kernel nor a program that has them mapped.
pub struct Frozen(Area);

impl Frozen {
    /// The bytes, at least one.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `len` bytes from `address` on are mapped by the type invariants of Area, and were
        // zeroed when they were allocated. Nothing writes to them by the type invariants.
        unsafe { slice::from_raw_parts(self.0.address.as_ptr(), self.0.len) }
    }

    /// How many pages there are; behind the bytes, the last one is zero.
    #[inline]
    pub fn pages(&self) -> usize {
        self.0.pages.len() >> PAGE_SHIFT
    }

    /// The page `index`, only to be read.
    #[inline]
    pub(crate) fn page(&self, index: usize) -> Option<PageRef<'_>> {
        self.0.pages.page(index)
    }
}
