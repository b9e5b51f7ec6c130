// SPDX-License-Identifier: GPL-2.0

//! The direction of reads: what is copied to.

use super::iter::{both_directions, Checkpoint, Copied, Iter, Moved};
use super::MAX_RW_COUNT;
use crate::{
    folio::Folio,
    pages::{within_page, PageRef},
    sys,
};
use core::ptr::NonNull;
use kernel::{bindings, prelude::*};

/// Where a read puts its bytes: an iterator of direction `ITER_DEST`.
pub struct IterDest<'i>(pub(super) Iter<'i>);

both_directions!(IterDest);

impl IterDest<'_> {
    /// Copies from a slice.
    ///
    /// What arrived before a fault counts. Wraps `copy_to_iter()` of `uio.h`, with its check of the
    /// size. Process context; may sleep for a fault.
    #[inline]
    pub fn copy_to(&mut self, bytes: &[u8]) -> Copied {
        let asked = bytes.len().min(self.len()).min(MAX_RW_COUNT);
        // SAFETY: The iterator is valid by the type invariants and of direction ITER_DEST, the
        // slice is valid for `asked` bytes, which is less than INT_MAX.
        let got =
            unsafe { sys::ferrio_copy_to_iter(bytes.as_ptr().cast(), asked, self.0.raw.as_ptr()) };
        self.0.copied(asked, got)
    }

    /// Copies from a slice that lies in memory which may be broken: what can be read of it arrives,
    /// where [`copy_to`](Self::copy_to) would be a machine check.
    ///
    /// A short copy is noted as a fault, of whichever side it was. Wraps `_copy_mc_to_iter()` of
    /// `lib/iov_iter.c`. Process context; may sleep for a fault.
    #[cfg(CONFIG_ARCH_HAS_COPY_MC)]
    pub fn copy_to_mc(&mut self, bytes: &[u8]) -> Copied {
        let asked = bytes.len().min(self.len()).min(MAX_RW_COUNT);
        // SAFETY: The iterator is valid by the type invariants and of direction ITER_DEST, the
        // slice is valid for `asked` bytes, which is less than INT_MAX.
        let got = unsafe {
            sys::ferrio_copy_mc_to_iter(bytes.as_ptr().cast(), asked, self.0.raw.as_ptr())
        };
        self.0.copied(asked, got)
    }

    /// Copies all of a slice, or moves nothing.
    ///
    /// After an error the iterator stands where it stood, but part of the bytes may be in memory.
    /// Wraps `copy_to_iter_full()` of `uio.h`. Process context; may sleep for a fault.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the slice is longer than the iterator; nothing was copied.
    /// - `EFAULT`: memory that cannot be accessed.
    pub fn copy_to_exact(&mut self, bytes: &[u8]) -> Result {
        if bytes.len() > self.len().min(MAX_RW_COUNT) {
            return Err(EINVAL);
        }
        let start = self.checkpoint();
        if self.copy_to(bytes).bytes() < bytes.len() {
            self.rollback(start);
            return Err(EFAULT);
        }
        Ok(())
    }

    /// Copies `len` bytes from `offset` of a page; what lies behind its end is left out.
    ///
    /// Others may change the page meanwhile. Wraps `copy_page_to_iter()` of `lib/iov_iter.c`.
    /// Process context; may sleep for a fault.
    #[inline]
    pub fn copy_page(&mut self, page: PageRef<'_>, offset: usize, len: usize) -> Copied {
        let (offset, len) = within_page(offset, len);
        // SAFETY: A valid page while `page` lives, and the part is inside of it.
        unsafe { self.copy_raw_page(page.as_non_null(), offset, len) }
    }

    /// Copies `len` bytes from `offset` of a folio, across its pages; what lies behind its end is
    /// left out.
    ///
    /// Wraps `copy_folio_to_iter()` of `uio.h`. Process context; may sleep for a fault.
    pub fn copy_folio(&mut self, folio: &Folio, offset: usize, len: usize) -> Copied {
        let (offset, len) = folio.within(offset, len);
        // SAFETY: The folio is valid, and the part is inside of it.
        unsafe { self.copy_raw_page(folio.first_page(), offset, len) }
    }

    /// # Safety
    ///
    /// `page` must be a valid page for the time of the call, alone or the first of a folio, and
    /// `offset + len` at most its size. Its content may change meanwhile.
    #[inline]
    pub(crate) unsafe fn copy_raw_page(
        &mut self,
        page: NonNull<bindings::page>,
        offset: usize,
        len: usize,
    ) -> Copied {
        // SAFETY: The page is valid by the caller's promise, the iterator by the type invariants;
        // page_copy_sane() in lib/iov_iter.c wants offset and length inside of the page.
        let got =
            unsafe { bindings::copy_page_to_iter(page.as_ptr(), offset, len, self.0.raw.as_ptr()) };
        self.0.copied_up_to(len, got)
    }

    /// As [`copy_page`](Self::copy_page), but memory that is not there at the moment counts as a
    /// fault: nothing is brought in, nobody is waited for.
    ///
    /// The whole of a segment's part arrives, or nothing of it. Such a fault is not one of the
    /// call: [`faulted`](Self::faulted) does not change, so [`prefault`](Self::prefault) and try
    /// again. The `nofault` member of the C struct means something else: that only
    /// `iov_iter_extract_pages()` may not bring pages in. Wraps `copy_page_to_iter_nofault()` of
    /// `lib/iov_iter.c`. Any context that belongs to the task, also under a spinlock.
    pub fn copy_page_nofault(&mut self, page: PageRef<'_>, offset: usize, len: usize) -> Copied {
        let (offset, len) = within_page(offset, len);
        let asked = len.min(self.len());
        // SAFETY: A valid page while `page` lives, and the part is inside of it. The offset fits
        // into an unsigned int.
        let got = unsafe {
            bindings::copy_page_to_iter_nofault(
                page.as_ptr(),
                offset as c_uint,
                asked,
                self.0.raw.as_ptr(),
            )
        };
        Copied::new(got, got < asked)
    }

    /// Writes `len` bytes of zero.
    ///
    /// Only a destination has this: `iov_iter_zero()` of `lib/iov_iter.c` does not look at the
    /// direction, and would overwrite a source. Process context; may sleep for a fault.
    pub fn zero(&mut self, len: usize) -> Copied {
        let asked = len.min(self.len());
        // SAFETY: The iterator is valid and of direction ITER_DEST, so it may be written to.
        let got = unsafe { bindings::iov_iter_zero(asked, self.0.raw.as_ptr()) };
        self.0.copied(asked, got)
    }

    /// Skips `bytes` bytes, or what is left; returns how many. They count as moved.
    ///
    /// Memory of a process is left as it is. Pages that the kernel made for this call, as for a
    /// splice, hold what somebody else left there, and would go to the reader: they are zeroed.
    /// Wraps `iov_iter_advance()` of `lib/iov_iter.c`. Any context. Costs a step per segment.
    pub fn advance(&mut self, bytes: usize) -> usize {
        if self.0.is_fresh() {
            return self.zero(bytes).bytes();
        }
        self.0.advance(bytes)
    }

    /// Zeroes up to `most` of the next bytes if they may hold what nobody wrote there, for who
    /// moves on without writing to them. The iterator stays where it is.
    pub(super) fn zero_fresh(&mut self, most: usize) {
        if self.0.is_fresh() {
            let _ = self.peek(|iter| iter.zero(most));
        }
    }

    /// Brings in the memory of the next `len` bytes, without changing it, so that a copy that must
    /// not fault has a chance; returns how many are there.
    ///
    /// They may be gone again at once. Fewer than asked count as a fault of the call. Wraps
    /// `fault_in_iov_iter_writeable()` of `lib/iov_iter.c`. Process context; may sleep, so hold no
    /// lock that a page fault of the process may need.
    pub fn prefault(&mut self, len: usize) -> Copied {
        let asked = len.min(self.len());
        // SAFETY: The iterator is valid; it is not changed.
        let missing = unsafe { bindings::fault_in_iov_iter_writeable(self.0.raw.as_ptr(), asked) };
        self.0.prefaulted(asked, missing)
    }
}
