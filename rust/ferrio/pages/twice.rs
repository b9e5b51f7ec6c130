// SPDX-License-Identifier: GPL-2.0

//! Pages that the kernel has mapped twice in a row: what begins anywhere is in one piece.
//!
//! C header: [`include/linux/vmalloc.h`](srctree/include/linux/vmalloc.h)

use super::PageVec;
use crate::{once::Once, sys};
use core::{ffi::c_void, marker::PhantomData, mem::MaybeUninit, ops::Deref, ptr::NonNull};
use kernel::{bindings, page::PAGE_SHIFT, prelude::*};

/// Where pages lie twice in a row.
///
/// # Invariants
///
/// `base` is what `vmap()` gave for all pages of a [`PageVec`] in their order, and once more; it is
/// unmapped when dropped, before the pages go. They are `mask + 1` bytes, a power of two.
struct Area {
    base: NonNull<u8>,
    mask: usize,
}

// SAFETY: An address of the kernel belongs to no task.
unsafe impl Send for Area {}
// SAFETY: Shared use only hands the pointer to copies that allow concurrent ones.
unsafe impl Sync for Area {}

impl Drop for Area {
    fn drop(&mut self) {
        // SAFETY: From vmap() by the type invariants. Process context, as the documentation of
        // TwicePages asks for.
        unsafe { sys::vunmap(self.base.as_ptr().cast::<c_void>()) };
    }
}

/// A [`PageVec`] that the kernel can have mapped twice in a row. To be dropped in process context.
pub struct TwicePages {
    // In this order: the mapping goes before what it maps.
    area: Once<Area>,
    pages: PageVec,
}

impl Deref for TwicePages {
    type Target = PageVec;

    #[inline]
    fn deref(&self) -> &PageVec {
        &self.pages
    }
}

impl TwicePages {
    /// The pages, not mapped yet.
    pub fn new(pages: PageVec) -> Self {
        TwicePages {
            area: Once::new(),
            pages,
        }
    }

    /// Maps them, if they are not. Who calls it at the same time may find them not mapped yet.
    ///
    /// Costs two page table entries a page, and for the time of the call 16 bytes a page; all of
    /// that is charged to nobody. Wraps `vmap()` of `mm/vmalloc.c`. Process context, sleeps.
    ///
    /// # Errors
    ///
    /// - `ENOMEM`: no memory, no address space, or twice as many pages as the machine has memory.
    /// - `EINVAL`: their number is no power of two.
    pub fn map(&self) -> Result {
        if self.area.get().is_some() {
            return Ok(());
        }
        let count = self.pages.len() >> PAGE_SHIFT;
        if !count.is_power_of_two() {
            return Err(EINVAL);
        }
        let twice = count.checked_mul(2).ok_or(ENOMEM)?;
        let mut list = KVVec::with_capacity(twice, GFP_KERNEL | __GFP_NOWARN)?;
        for index in 0..twice {
            let page = self.pages.page(index % count).ok_or(ENOMEM)?;
            list.push(page.as_ptr(), GFP_KERNEL)?;
        }
        let twice = c_uint::try_from(twice).map_err(|_| ENOMEM)?;
        // SAFETY: An array of `twice` pages, each valid; process context. They live as long as the
        // mapping, which is dropped before them.
        let base = unsafe { sys::ferrio_vmap(list.as_mut_ptr(), twice) };
        let base = NonNull::new(base.cast()).ok_or(ENOMEM)?;
        // INVARIANT: All pages, twice; and so many bytes. If somebody was faster, this one is
        // unmapped again.
        let mask = self.pages.len() - 1;
        self.area.set(Area { base, mask });
        Ok(())
    }

    /// `len` bytes from `position` on, modulo the size, which may go on behind the end; `None` if
    /// they are not mapped, or more than there are. Any context.
    #[inline]
    pub fn piece(&self, position: u64, len: usize) -> Option<Piece<'_>> {
        let area = self.area.get()?;
        if len > area.mask + 1 {
            return None;
        }
        let offset = position as usize & area.mask;
        // INVARIANT: `offset + len` is less than twice the size, which is mapped.
        Some(Piece {
            // SAFETY: Within the mapping.
            start: unsafe { area.base.add(offset) },
            len,
            _pages: PhantomData,
        })
    }
}

/// Some bytes in a row. They may be shared with somebody who writes to them at any time, so there
/// is never a reference to them.
///
/// # Invariants
///
/// `len` bytes from `start` on are mapped, readable and writable, for `'a`.
#[derive(Clone, Copy)]
pub struct Piece<'a> {
    start: NonNull<u8>,
    len: usize,
    _pages: PhantomData<&'a TwicePages>,
}

impl Piece<'_> {
    /// Where they are: valid for as long as they are borrowed.
    #[inline]
    pub fn start(self) -> NonNull<u8> {
        self.start
    }

    /// Writes the first bytes, as many as there are of both. Two who write to the same place at
    /// once mix their bytes; it is for the caller to order them. Any context.
    #[inline]
    pub fn fill(self, from: &[u8]) {
        let len = from.len().min(self.len);
        // SAFETY: So many bytes are valid at both, by the type invariants; the slice is no part of
        // the pages, which nobody has a reference to. A copy by C, as a program's would be.
        unsafe { bindings::memcpy(self.start.as_ptr().cast(), from.as_ptr().cast(), len) };
    }

    /// Reads the first bytes, as many as there are of both. What others write meanwhile is read, or
    /// is not. Any context.
    #[inline]
    pub fn read(self, to: &mut [MaybeUninit<u8>]) {
        let len = to.len().min(self.len);
        // SAFETY: As for `fill`.
        unsafe { bindings::memcpy(to.as_mut_ptr().cast(), self.start.as_ptr().cast(), len) };
    }
}
