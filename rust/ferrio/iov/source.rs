// SPDX-License-Identifier: GPL-2.0

//! The direction of writes: what is copied from.

use super::iter::{both_directions, Checkpoint, Copied, Iter, Moved};
use super::MAX_RW_COUNT;
use crate::{
    folio::Folio,
    pages::{within_page, PageRef},
    sys,
};
use core::ptr::NonNull;
use kernel::{alloc::Allocator, bindings, prelude::*};

/// Where a write takes its bytes from: an iterator of direction `ITER_SOURCE`.
pub struct IterSource<'i>(pub(super) Iter<'i>);

both_directions!(IterSource);

impl IterSource<'_> {
    /// Copies to a slice; its rest is left as it was.
    ///
    /// Each byte is fetched once: what the process writes there later changes nothing. Wraps
    /// `copy_from_iter()` of `uio.h`, with its check of the size. Process context; may sleep for a
    /// fault.
    #[inline]
    pub fn copy_from(&mut self, bytes: &mut [u8]) -> Copied {
        let len = bytes.len();
        // SAFETY: The slice is writable for `len` bytes, and what is written are bytes.
        unsafe { self.copy_raw(bytes.as_mut_ptr(), len) }
    }

    /// # Safety
    ///
    /// `to` must be writable for `len` bytes.
    #[inline]
    unsafe fn copy_raw(&mut self, to: *mut u8, len: usize) -> Copied {
        let asked = len.min(self.len()).min(MAX_RW_COUNT);
        // SAFETY: The iterator is valid by the type invariants and of direction ITER_SOURCE, `to`
        // is writable for `asked` bytes, which is less than INT_MAX.
        let got = unsafe { sys::ferrio_copy_from_iter(to.cast(), asked, self.0.raw.as_ptr()) };
        self.0.copied(asked, got)
    }

    /// Fills all of a slice, or moves nothing.
    ///
    /// After an error the iterator stands where it stood, but part of the slice may be changed.
    /// Wraps `copy_from_iter_full()` of `uio.h`. Process context; may sleep for a fault.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the slice is longer than the iterator; nothing was copied.
    /// - `EFAULT`: memory that cannot be accessed.
    pub fn copy_from_exact(&mut self, bytes: &mut [u8]) -> Result {
        if bytes.len() > self.len().min(MAX_RW_COUNT) {
            return Err(EINVAL);
        }
        let start = self.checkpoint();
        if self.copy_from(bytes).bytes() < bytes.len() {
            self.rollback(start);
            return Err(EFAULT);
        }
        Ok(())
    }

    /// Appends up to `most` bytes to a vector.
    ///
    /// How long an iterator is, a program says, up to [`MAX_RW_COUNT`]; so how much memory is made
    /// for it, the caller has to say. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, without a word in the log; nothing was moved.
    pub fn append_to<A: Allocator>(&mut self, vec: &mut Vec<u8, A>, most: usize) -> Result<Copied> {
        let wanted = self.len().min(most);
        vec.reserve(wanted, GFP_KERNEL | __GFP_NOWARN)?;
        let spare = vec.spare_capacity_mut();
        let len = spare.len().min(wanted);
        // SAFETY: The spare capacity is writable, `len` bytes of it at least.
        let copied = unsafe { self.copy_raw(spare.as_mut_ptr().cast(), len) };
        // SAFETY: As many bytes of the spare capacity have been written.
        unsafe { vec.inc_len(copied.bytes()) };
        Ok(copied)
    }

    /// As [`copy_from`](Self::copy_from), around the cache of the processor, for much that is not
    /// looked at soon.
    ///
    /// Wraps `_copy_from_iter_nocache()` of `lib/iov_iter.c`. Process context; may sleep for a
    /// fault, although C calls what it uses "inatomic".
    pub fn copy_from_nocache(&mut self, bytes: &mut [u8]) -> Copied {
        let asked = bytes.len().min(self.len()).min(MAX_RW_COUNT);
        // SAFETY: The iterator is valid and of direction ITER_SOURCE, the slice is writable for
        // `asked` bytes.
        let got = unsafe {
            sys::ferrio_copy_from_iter_nocache(
                bytes.as_mut_ptr().cast(),
                asked,
                self.0.raw.as_ptr(),
            )
        };
        self.0.copied(asked, got)
    }

    /// As [`copy_from_nocache`](Self::copy_from_nocache), and when it returns what was copied is
    /// behind the cache: for memory that survives a reset.
    ///
    /// Wraps `_copy_from_iter_flushcache()` of `lib/iov_iter.c`. Process context; may sleep for a
    /// fault.
    #[cfg(CONFIG_ARCH_HAS_UACCESS_FLUSHCACHE)]
    pub fn copy_from_flushcache(&mut self, bytes: &mut [u8]) -> Copied {
        let asked = bytes.len().min(self.len()).min(MAX_RW_COUNT);
        // SAFETY: The iterator is valid and of direction ITER_SOURCE, the slice is writable for
        // `asked` bytes.
        let got = unsafe {
            sys::ferrio_copy_from_iter_flushcache(
                bytes.as_mut_ptr().cast(),
                asked,
                self.0.raw.as_ptr(),
            )
        };
        self.0.copied(asked, got)
    }

    /// Copies `len` bytes to `offset` of a page; what lies behind its end is left out.
    ///
    /// Wraps `copy_page_from_iter()` of `lib/iov_iter.c`. Process context; may sleep for a fault.
    /// Two copies to the same place at once mix their bytes.
    #[inline]
    pub fn copy_page(&mut self, page: PageRef<'_>, offset: usize, len: usize) -> Copied {
        let (offset, len) = within_page(offset, len);
        // SAFETY: A valid page while `page` lives, and the part is inside of it. To bytes of a page
        // that can be borrowed there are no references.
        unsafe { self.copy_raw_page(page.as_non_null(), offset, len) }
    }

    /// Copies `len` bytes to `offset` of a folio, across its pages; what lies behind its end is
    /// left out.
    ///
    /// Wraps `copy_folio_from_iter()` of `uio.h`. Process context; may sleep for a fault.
    pub fn copy_folio(&mut self, folio: &Folio, offset: usize, len: usize) -> Copied {
        let (offset, len) = folio.within(offset, len);
        // SAFETY: The folio is valid, the part is inside of it, and it gives no references out.
        unsafe { self.copy_raw_page(folio.first_page(), offset, len) }
    }

    /// # Safety
    ///
    /// `page` must be a valid page for the time of the call, alone or the first of a folio,
    /// `offset + len` at most its size, and no reference may exist to those bytes.
    #[inline]
    pub(crate) unsafe fn copy_raw_page(
        &mut self,
        page: NonNull<bindings::page>,
        offset: usize,
        len: usize,
    ) -> Copied {
        // SAFETY: The page is valid and writable by the caller's promise, the iterator by the type
        // invariants; page_copy_sane() in lib/iov_iter.c wants offset and length inside of it.
        let got = unsafe {
            bindings::copy_page_from_iter(page.as_ptr(), offset, len, self.0.raw.as_ptr())
        };
        self.0.copied_up_to(len, got)
    }

    /// As [`copy_folio`](Self::copy_folio), but memory that is not there at the moment counts as a
    /// fault: nothing is brought in, nobody is waited for.
    ///
    /// Such a fault is not one of the call: [`faulted`](Self::faulted) does not change, so
    /// [`prefault`](Self::prefault) and try again. Wraps `copy_folio_from_iter_atomic()` of
    /// `lib/iov_iter.c`. Any context that belongs to the task, also under a spinlock.
    pub fn copy_folio_nofault(&mut self, folio: &Folio, offset: usize, len: usize) -> Copied {
        let (offset, len) = folio.within(offset, len);
        // SAFETY: The folio is valid, the part is inside of it, and it gives no references out.
        unsafe { self.copy_raw_nofault(folio.first_page(), offset, len) }
    }

    /// As [`copy_folio_nofault`](Self::copy_folio_nofault), to one page.
    pub fn copy_page_nofault(&mut self, page: PageRef<'_>, offset: usize, len: usize) -> Copied {
        let (offset, len) = within_page(offset, len);
        // SAFETY: A valid page while `page` lives, and the part is inside of it. To bytes of a page
        // that can be borrowed there are no references.
        unsafe { self.copy_raw_nofault(page.as_non_null(), offset, len) }
    }

    /// # Safety
    ///
    /// As for [`copy_raw_page`](Self::copy_raw_page).
    unsafe fn copy_raw_nofault(
        &mut self,
        page: NonNull<bindings::page>,
        offset: usize,
        len: usize,
    ) -> Copied {
        let asked = len.min(self.len());
        // SAFETY: The page and the part are the caller's promise. A page that is alone or the first
        // of a folio is that folio (struct folio of mm_types.h begins with it).
        let got = unsafe {
            bindings::copy_folio_from_iter_atomic(
                page.as_ptr().cast(),
                offset,
                asked,
                self.0.raw.as_ptr(),
            )
        };
        Copied::new(got, got < asked)
    }

    /// Skips `bytes` bytes, or what is left; returns how many. They count as moved.
    ///
    /// Wraps `iov_iter_advance()` of `lib/iov_iter.c`. Any context. Costs a step per segment.
    pub fn advance(&mut self, bytes: usize) -> usize {
        self.0.advance(bytes)
    }

    /// Brings in the memory of the next `len` bytes, so that a copy that must not fault has a
    /// chance; returns how many are there.
    ///
    /// They may be gone again at once. Fewer than asked count as a fault of the call. Wraps
    /// `fault_in_iov_iter_readable()` of `lib/iov_iter.c`. Process context; may sleep, so hold no
    /// lock that a page fault of the process may need.
    pub fn prefault(&mut self, len: usize) -> Copied {
        let asked = len.min(self.len());
        // SAFETY: The iterator is valid; it is not changed.
        let missing = unsafe { bindings::fault_in_iov_iter_readable(self.0.raw.as_ptr(), asked) };
        self.0.prefaulted(asked, missing)
    }
}
