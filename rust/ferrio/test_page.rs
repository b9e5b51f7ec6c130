// SPDX-License-Identifier: GPL-2.0

//! Pages that are looked at after their owner has given them back: for tests of what is left in
//! them.
//!
//! Only the modules of tests are linked with `shim_test_file.c`, so all that needs it is inline.

use crate::sys;
use core::ptr::NonNull;
use kernel::{bindings, page::PAGE_SIZE};

/// A page with a reference of its own, so that it is nobody else's memory before this is dropped.
///
/// # Invariants
///
/// Owns a reference to a valid page, of order 0 or of a folio.
pub struct KeptPage(NonNull<bindings::page>);

impl KeptPage {
    /// The page in which `bytes` begin, if they lie in a [`Buffer`](crate::contiguous::Buffer).
    /// Any context.
    #[inline]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        // SAFETY: A valid address, so what it is mapped to stays during the call.
        let page = unsafe { sys::ferrio_test_page(bytes.as_ptr().cast()) };
        // INVARIANT: The call took the reference. What is in the area of vmalloc() and borrowed as
        // bytes is of pages that can have one, by `contiguous` or by a vmalloc() of small pages.
        NonNull::new(page).map(KeptPage)
    }

    /// What is in it now. Whoever owns it may write meanwhile: then it is a mixture.
    #[inline]
    pub fn copy(&self, to: &mut [u8; PAGE_SIZE]) {
        // SAFETY: A valid page by the type invariants, and as many bytes to write to. The copy is
        // made in C, where it may be one of bytes that change.
        unsafe { sys::ferrio_test_page_copy(self.0.as_ptr(), to.as_mut_ptr().cast()) };
    }
}

impl Drop for KeptPage {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: The reference that we own by the type invariants.
        unsafe { sys::ferrio_test_page_put(self.0.as_ptr()) };
    }
}
