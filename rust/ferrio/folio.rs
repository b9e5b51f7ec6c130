// SPDX-License-Identifier: GPL-2.0

//! Folios: pages that lie one behind the other in memory and are one.
//!
//! C header: [`include/linux/mm_types.h`](srctree/include/linux/mm_types.h)
//!
//! As with [`pages`](crate::pages), there is never a reference to their bytes.

use crate::{pages::count_live, sys};
use core::ptr::NonNull;
use kernel::{bindings, page::PAGE_SIZE, prelude::*};

/// An owned, zeroed folio.
///
/// # Invariants
///
/// Owns one reference to a valid folio of `order`, whose pages are counted as live.
pub struct Folio {
    first: NonNull<bindings::page>,
    order: u32,
}

// SAFETY: A folio belongs to no task.
unsafe impl Send for Folio {}
// SAFETY: Shared use only hands the pointer to copies that allow concurrent ones.
unsafe impl Sync for Folio {}

impl Folio {
    /// Allocates `1 << order` pages, charged to the active memory cgroup. Process context, sleeps.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: more than the allocator ever has in one piece.
    /// - `ENOMEM`: it has none now, which is to be expected with a high order, or the cgroup is
    ///   full (nobody is killed for it).
    pub fn new(order: u32) -> Result<Self> {
        if order > sys::FERRIO_MAX_PAGE_ORDER {
            return Err(EINVAL);
        }
        // SAFETY: Process context, may sleep: asked for above. The order is one that there is.
        let first = NonNull::new(unsafe { sys::ferrio_folio_alloc(order) }).ok_or(ENOMEM)?;
        count_live(0, 1 << order);
        // INVARIANT: We got the only reference, and the pages have just been counted.
        Ok(Folio { first, order })
    }

    /// The size in bytes. Any context.
    pub fn len(&self) -> usize {
        PAGE_SIZE << self.order
    }

    /// Never: there is one page at least.
    pub fn is_empty(&self) -> bool {
        false
    }

    pub(crate) fn first_page(&self) -> NonNull<bindings::page> {
        self.first
    }

    /// The part of `len` bytes from `offset` that is there.
    pub(crate) fn within(&self, offset: usize, len: usize) -> (usize, usize) {
        let offset = offset.min(self.len());
        (offset, len.min(self.len() - offset))
    }
}

impl Drop for Folio {
    fn drop(&mut self) {
        // SAFETY: The reference that we own by the type invariants; its first page stands for it.
        unsafe { sys::ferrio_page_free(self.first.as_ptr()) };
        count_live(1 << self.order, 0);
    }
}
