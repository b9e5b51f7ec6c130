// SPDX-License-Identifier: GPL-2.0

//! Many pages at once: folios of 64, which are given back whole.
//!
//! A page that is taken by itself costs the allocator and the memory cgroup more instructions than
//! its clearing does, and nearly as many when it goes. A folio costs as many for all of its pages.
//! It goes when the last reference to any of them does: a program that keeps one page, where it has
//! it pinned, keeps all 64.

use super::{count_live, OwnedPage, PageVec};
use crate::{sys, task};
use core::mem;
use kernel::{page::PAGE_SIZE, prelude::*};

/// The order of a folio: as many pages as a CPU takes of a cgroup's budget at once
/// (`MEMCG_CHARGE_BATCH`), so a group is not charged for more than it would be by single pages.
const ORDER: c_uint = 6;

/// The pages of a folio.
const FOLIO: usize = 1 << ORDER;

impl PageVec {
    /// As [`new`](Self::new), in folios of 64 pages as long as there are any at hand, and page by
    /// page for what is left.
    ///
    /// Costs the clearing of each page, and an allocation a folio.
    pub(crate) fn in_folios(bytes: usize) -> Result<Self> {
        let count = bytes.div_ceil(PAGE_SIZE);
        // Not charged, as in `new`.
        let mut pages = KVVec::with_capacity(count, GFP_KERNEL | __GFP_NOWARN)?;
        while pages.len() + FOLIO <= count {
            if task::is_dying() {
                return Err(EINTR);
            }
            if !push_folio(&mut pages) {
                break;
            }
        }
        let mut this = PageVec { pages };
        this.push_to(count)?;
        Ok(this)
    }

    /// Gives all pages back. What dropping does, by a fraction of the instructions.
    pub(crate) fn release(self) {
        let (pages, count, capacity) = self.pages.into_raw_parts();
        // OwnedPage is a transparent pointer.
        // SAFETY: `count` valid pages by the type invariants of OwnedPage, whose references go back
        // here and nowhere else, as the elements are not dropped. All pages of a folio are there,
        // in a row: they came in together, and none is ever taken out. Process context.
        unsafe { sys::ferrio_pages_free(pages.cast(), count) };
        count_live(count, 0);
        // SAFETY: From into_raw_parts(); of an empty vector no element is initialized.
        drop(unsafe { KVVec::from_raw_parts(pages, 0, capacity) });
    }

    /// Gives all pages back, and has none from then on.
    pub(crate) fn clear(&mut self) {
        let empty = PageVec {
            pages: KVVec::new(),
        };
        mem::replace(self, empty).release();
    }
}

/// Whether there was a folio to be pushed. There has to be room for it.
fn push_folio(pages: &mut KVVec<OwnedPage>) -> bool {
    let Some(room) = pages.spare_capacity_mut().get_mut(..FOLIO) else {
        return false;
    };
    // OwnedPage is a transparent pointer.
    // SAFETY: Room for FOLIO pointers, which is what an order of ORDER gives; process context, may
    // sleep, by the documentation of our caller.
    let got = unsafe { sys::ferrio_pages_alloc(room.as_mut_ptr().cast(), ORDER) };
    if got != 0 {
        return false;
    }
    count_live(0, FOLIO);
    // INVARIANT: There is a reference to the folio for each, and each has been counted.
    // SAFETY: There was room for FOLIO, and so many have just been written.
    unsafe { pages.inc_len(FOLIO) };
    true
}
