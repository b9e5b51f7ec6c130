// SPDX-License-Identifier: GPL-2.0

//! Iterators over pages.

use super::{total_len, IterDest, IterSource};
use crate::{folio::Folio, pages::PageRef};
use core::marker::PhantomData;
use kernel::{bindings, page::PAGE_SIZE, prelude::*, types::Opaque};

/// A part of a page or of a folio, as one segment of an iterator.
///
/// # Invariants
///
/// `bvec` is a part, not empty, of a page or a folio that somebody owns a reference to for `'m` and
/// gives out no Rust references to.
#[repr(transparent)]
pub struct PageSlice<'m> {
    bvec: bindings::bio_vec,
    _life: PhantomData<PageRef<'m>>,
}

impl<'m> PageSlice<'m> {
    /// `len` bytes from `offset` of a page. Any context.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are not that many, or none: C's functions do not agree what an empty
    /// segment is.
    pub fn new(page: PageRef<'m>, offset: usize, len: usize) -> Result<Self> {
        Self::part(page.as_ptr(), PAGE_SIZE, offset, len)
    }

    /// `len` bytes from `offset` of a folio, across its pages. Any context.
    ///
    /// # Errors
    ///
    /// As of [`new`](Self::new).
    pub fn of_folio(folio: &'m Folio, offset: usize, len: usize) -> Result<Self> {
        Self::part(folio.first_page().as_ptr(), folio.len(), offset, len)
    }

    fn part(page: *mut bindings::page, size: usize, offset: usize, len: usize) -> Result<Self> {
        let end = offset.checked_add(len).ok_or(EINVAL)?;
        if len == 0 || end > size {
            return Err(EINVAL);
        }
        // INVARIANT: The part is not empty and inside; what is borrowed for 'm is said by our
        // callers' arguments.
        Ok(PageSlice {
            bvec: bindings::bio_vec {
                bv_page: page,
                bv_len: u32::try_from(len)?,
                bv_offset: u32::try_from(offset)?,
            },
            _life: PhantomData,
        })
    }
}

/// Makes an iterator over `parts` in `raw`.
///
/// # Safety
///
/// `raw` is not used after `parts` is not borrowed any more.
unsafe fn init(
    raw: &Opaque<bindings::iov_iter>,
    direction: u32,
    parts: &[PageSlice<'_>],
) -> Result {
    let count = total_len(parts.iter().map(|part| part.bvec.bv_len as usize))?;
    // SAFETY: A PageSlice is a bio_vec, so these are `parts.len()` of them, of `count` bytes; array
    // and pages are borrowed as long as our caller uses `raw`.
    unsafe {
        bindings::iov_iter_bvec(
            raw.get(),
            direction,
            parts.as_ptr().cast(),
            parts.len(),
            count,
        )
    };
    Ok(())
}

impl IterDest<'_> {
    /// Runs `body` with a destination of parts of pages, in this order; returns its result and the
    /// bytes moved.
    ///
    /// Others may change the pages meanwhile. Wraps `iov_iter_bvec()` of `lib/iov_iter.c`. Any
    /// context that `body` may run in; copies do not fault.
    ///
    /// # Errors
    ///
    /// As of [`total_len`].
    pub fn with_pages<R>(
        parts: &[PageSlice<'_>],
        body: impl for<'b> FnOnce(&mut IterDest<'b>) -> R,
    ) -> Result<(R, usize)> {
        let raw = Opaque::<bindings::iov_iter>::uninit();
        // SAFETY: `parts` is borrowed until this function returns.
        unsafe { init(&raw, bindings::ITER_DEST, parts) }?;
        // SAFETY: It has just been made with this direction, nobody else uses it, and our pages
        // are zeroed when they are made.
        Ok(unsafe { Self::run(raw.get(), body) })
    }
}

impl IterSource<'_> {
    /// Runs `body` with a source of parts of pages, in this order; returns its result and the bytes
    /// moved.
    ///
    /// As [`IterDest::with_pages`], the other way.
    ///
    /// # Errors
    ///
    /// As of [`total_len`].
    pub fn with_pages<R>(
        parts: &[PageSlice<'_>],
        body: impl for<'b> FnOnce(&mut IterSource<'b>) -> R,
    ) -> Result<(R, usize)> {
        let raw = Opaque::<bindings::iov_iter>::uninit();
        // SAFETY: `parts` is borrowed until this function returns.
        unsafe { init(&raw, bindings::ITER_SOURCE, parts) }?;
        // SAFETY: It has just been made with this direction, nobody else uses it, and our pages
        // are zeroed when they are made.
        Ok(unsafe { Self::run(raw.get(), body) })
    }
}
