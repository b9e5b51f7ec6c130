// SPDX-License-Identifier: GPL-2.0

//! The pages behind an iterator, as a scatterlist.

use super::{
    iter::{Brand, Checkpoint, Iter},
    pinned::count_pins,
    IterDest, IterSource,
};
use crate::sys;
use core::marker::PhantomData;
use kernel::{bindings, prelude::*};

/// # Invariants
///
/// `list` are as many initialised entries as `table` was made for; the first `table.nents` of them
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
        let count = u32::try_from(entries)?;
        let mut list = KVVec::with_capacity(entries, GFP_KERNEL | __GFP_NOWARN)?;
        for _ in 0..entries {
            list.push(bindings::scatterlist::default(), GFP_KERNEL)?;
        }
        if count > 0 {
            // SAFETY: `list` has `count` entries, of which there is one at least.
            unsafe { bindings::sg_init_table(list.as_mut_ptr(), count) };
        }
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
        let room = entries.min(self.list.len() - used) as u32;
        if !iter.has_pages() {
            return Err(EFAULT);
        }
        self.user = iter.is_user();
        self.table.sgl = self.list.as_mut_ptr();
        // What is before this stays when it fails.
        self.table.orig_nents = self.table.nents;
        let start: Checkpoint<'i> = iter.checkpoint();
        // SAFETY: The iterator is valid, and there are `most` bytes in it; the table has `room`
        // unused entries behind the `nents` used ones.
        let got = unsafe {
            bindings::extract_iter_to_sg(iter.raw.as_ptr(), most, &mut self.table, room, 0)
        };
        if got < 0 {
            // C has given back the pages, but not the place in the iterator.
            iter.rollback(start);
            if self.user {
                let _ = iter.copied(most, 0);
            }
            return Err(Error::from_errno(got as c_int));
        }
        // INVARIANT: C has filled in the entries up to the new `nents`, and pinned the pages of a
        // process.
        if self.user {
            count_pins(used, self.table.nents as usize);
        }
        self.len += got as usize;
        Ok(got as usize)
    }

    fn put(&mut self, dirty: bool) {
        if !self.user || self.table.nents == 0 {
            return;
        }
        // SAFETY: By the type invariants these entries name pages that we have pinned, once each.
        // Process context, as the guards' documentation asks for.
        unsafe { sys::ferrio_sg_unpin(self.table.sgl, self.table.nents, dirty) };
        count_pins(self.table.nents as usize, 0);
    }
}

macro_rules! guard {
    ($name:ident, $iter:ident) => {
        impl<'i> $name<'i> {
            /// An empty list with room for `entries` entries. Process context, sleeps.
            ///
            /// # Errors
            ///
            /// `ENOMEM`; `EOVERFLOW` for more than a list can have.
            pub fn new(entries: usize) -> Result<Self> {
                Ok($name {
                    inner: Scatter::new(entries)?,
                    dirty: false,
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
            /// - `EFAULT`: a page cannot be accessed, or an iterator that has no pages. Nothing was
            ///   taken by this call.
            /// - `ENOMEM`.
            pub fn fill(
                &mut self,
                iter: &mut $iter<'i>,
                most: usize,
                entries: usize,
            ) -> Result<usize> {
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
                self.inner.put(self.dirty);
            }
        }
    };
}

/// A list of pages to read from; dropped in process context, as that may sleep.
pub struct ScatterSource<'i> {
    inner: Scatter<'i>,
    dirty: bool,
}

/// A list of pages to write to; dropped in process context, as that may sleep.
pub struct ScatterDest<'i> {
    inner: Scatter<'i>,
    dirty: bool,
}

guard!(ScatterSource, IterSource);
guard!(ScatterDest, IterDest);

impl ScatterSource<'_> {
    /// Copies from the pages; returns how many bytes. Wraps `sg_copy_to_buffer()` of
    /// `lib/scatterlist.c`. Any context.
    pub fn copy_to(&self, buf: &mut [u8]) -> usize {
        // SAFETY: The entries are valid by the type invariants, the slice is writable for its
        // length, and what is written are bytes. The list is not changed.
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
    /// Copies to the pages; returns how many bytes. They are marked dirty when they are given back.
    /// Wraps `sg_copy_from_buffer()` of `lib/scatterlist.c`. Any context.
    pub fn copy_from(&mut self, buf: &[u8]) -> usize {
        // SAFETY: The entries are valid by the type invariants and the pages for writing, the slice
        // is readable for its length.
        let copied = unsafe {
            bindings::sg_copy_from_buffer(
                self.inner.table.sgl,
                self.inner.table.nents,
                buf.as_ptr().cast(),
                buf.len(),
            )
        };
        self.dirty |= copied > 0;
        copied
    }
}
