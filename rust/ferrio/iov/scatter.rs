// SPDX-License-Identifier: GPL-2.0

//! The pages behind an iterator, as a scatterlist.

use super::{
    iter::{Brand, Checkpoint, Iter},
    pinned::{count_pins, not_taken},
    IterDest, IterSource,
};
use crate::sys;
use core::marker::PhantomData;
use kernel::{bindings, prelude::*};

/// # Invariants
///
/// `list` are initialised entries, one more than C is told of: it wipes the end mark of a list that
/// it fills up, and looks at the entry behind the last when it walks it. The first `table.nents`
/// name pages, pinned by us if `user`, else kept for `'i` by whoever made the iterator.
struct Scatter<'i> {
    list: KVVec<bindings::scatterlist>,
    table: bindings::sg_table,
    len: usize,
    user: bool,
    _brand: Brand<'i>,
}

impl<'i> Scatter<'i> {
    fn new(entries: usize) -> Result<Self> {
        let count = entries.checked_add(1).ok_or(EOVERFLOW)?;
        let len = u32::try_from(count).map_err(|_| EOVERFLOW)?;
        let mut list = KVVec::with_capacity(count, GFP_KERNEL | __GFP_NOWARN)?;
        for _ in 0..count {
            list.push(bindings::scatterlist::default(), GFP_KERNEL)?;
        }
        // SAFETY: `list` has `len` entries, of which there is one at least.
        unsafe { bindings::sg_init_table(list.as_mut_ptr(), len) };
        // INVARIANT: Initialised just now, and `nents` is 0.
        Ok(Scatter {
            list,
            table: bindings::sg_table::default(),
            len: 0,
            user: false,
            _brand: PhantomData,
        })
    }

    fn fill(&mut self, iter: &mut Iter<'i>, most: usize, entries: usize) -> Result<usize> {
        // Not the kind: C has a WARN for an iterator that has no pages. More bytes than there are
        // would make it forget those that it got.
        let most = most.min(iter.len());
        let used = self.table.nents as usize;
        let room = entries.min(self.list.len() - 1 - used) as u32;
        if !iter.has_pages() {
            return Err(EFAULT);
        }
        self.user = iter.is_user();
        self.table.sgl = self.list.as_mut_ptr();
        // What is before this stays when it fails.
        self.table.orig_nents = self.table.nents;
        let start: Checkpoint<'i> = iter.checkpoint();
        // SAFETY: The iterator is valid, and there are `most` bytes in it; the table has `room`
        // unused entries behind the `nents` used ones, and none of them is the last of `list`.
        let got = unsafe {
            bindings::extract_iter_to_sg(iter.raw.as_ptr(), most, &mut self.table, room, 0)
        };
        if got < 0 || (got == 0 && most > 0 && room > 0) {
            // C has given back the pages, but not the place in the iterator.
            iter.rollback(start);
            return Err(not_taken(iter, most, got));
        }
        // INVARIANT: C has filled in the entries up to the new `nents`, and pinned the pages of a
        // process.
        if self.user {
            count_pins(used, self.table.nents as usize);
        }
        self.len += got as usize;
        Ok(got as usize)
    }

    /// Gives the pages back; the first `written` bytes of them have been written to.
    fn put(&mut self, written: usize) {
        if !self.user || self.table.nents == 0 {
            return;
        }
        // SAFETY: By the type invariants these entries name pages that we have pinned, once each.
        // Process context, as the guards' documentation asks for.
        unsafe { sys::ferrio_sg_unpin(self.table.sgl, self.table.nents, written) };
        count_pins(self.table.nents as usize, 0);
    }
}

macro_rules! guard {
    ($name:ident, $iter:ident, $prepare:expr) => {
        impl<'i> $name<'i> {
            /// An empty list with room for `entries` entries. Process context, sleeps.
            ///
            /// # Errors
            ///
            /// `ENOMEM`; `EOVERFLOW` for more than a list can have.
            pub fn new(entries: usize) -> Result<Self> {
                Ok($name {
                    inner: Scatter::new(entries)?,
                    written: 0,
                })
            }

            /// Takes the next pages, with `most` bytes at most and in `entries` entries at most,
            /// and advances over them; returns how many bytes. 0 if there is no room, or nothing.
            ///
            /// They count as moved. An entry per page of a process or of a slice, and one per
            /// segment of an iterator over pages. Wraps `extract_iter_to_sg()` of
            /// `lib/scatterlist.c`. Process context; may sleep for a fault.
            ///
            /// # Errors
            ///
            /// Nothing was taken by this call:
            ///
            /// - `EFAULT`: a page cannot be accessed, or an iterator that has no pages.
            /// - `EINTR`: the caller is being killed.
            /// - `ENOMEM`, `EHWPOISON`.
            pub fn fill(
                &mut self,
                iter: &mut $iter<'i>,
                most: usize,
                entries: usize,
            ) -> Result<usize> {
                $prepare(iter, most);
                self.inner.fill(&mut iter.0, most, entries)
            }

            /// Bytes in the list. Any context.
            pub fn len(&self) -> usize {
                self.inner.len
            }

            /// Whether there is nothing in the list.
            pub fn is_empty(&self) -> bool {
                self.inner.len == 0
            }

            /// Entries in the list. Any context.
            pub fn entries(&self) -> usize {
                self.inner.table.nents as usize
            }

            /// Whether the pages are of a process, and so pinned. Any context.
            pub fn is_pinned(&self) -> bool {
                self.inner.user && self.inner.table.nents > 0
            }
        }

        impl Drop for $name<'_> {
            fn drop(&mut self) {
                self.inner.put(self.written);
            }
        }
    };
}

/// A list of pages to read from; dropped in process context, as that may sleep.
pub struct ScatterSource<'i> {
    inner: Scatter<'i>,
    /// How many bytes, from the first on, have been written to.
    written: usize,
}

/// A list of pages to write to; dropped in process context, as that may sleep.
pub struct ScatterDest<'i> {
    inner: Scatter<'i>,
    /// How many bytes, from the first on, have been written to.
    written: usize,
}

guard!(ScatterSource, IterSource, |_: &mut IterSource<'i>, _| {});
guard!(ScatterDest, IterDest, IterDest::zero_fresh);

impl ScatterSource<'_> {
    /// Copies from the pages; returns how many bytes. Wraps `sg_copy_to_buffer()` of
    /// `lib/scatterlist.c`. Any context.
    pub fn copy_to(&self, buf: &mut [u8]) -> usize {
        // SAFETY: The entries are valid by the type invariants, and there is one behind them, which
        // sg_next() may look at. The slice is writable for its length, and what is written are
        // bytes. The list is not changed.
        unsafe {
            bindings::sg_copy_to_buffer(
                self.inner.table.sgl,
                self.inner.table.nents,
                buf.as_mut_ptr().cast(),
                buf.len(),
            )
        }
    }
}

impl ScatterDest<'_> {
    /// Copies to the pages; returns how many bytes. Those that it reaches are marked dirty when
    /// they are given back. Wraps `sg_copy_from_buffer()` of `lib/scatterlist.c`. Any context.
    pub fn copy_from(&mut self, buf: &[u8]) -> usize {
        // SAFETY: The entries are valid by the type invariants and the pages for writing, and there
        // is an entry behind them, which sg_next() may look at. The slice is readable for its
        // length.
        let copied = unsafe {
            bindings::sg_copy_from_buffer(
                self.inner.table.sgl,
                self.inner.table.nents,
                buf.as_ptr().cast(),
                buf.len(),
            )
        };
        self.written = self.written.max(copied);
        copied
    }
}
