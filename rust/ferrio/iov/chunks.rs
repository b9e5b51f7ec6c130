// SPDX-License-Identifier: GPL-2.0

//! The bytes of a source where they lie.

use super::{iter::Iter, IterSource};
use core::slice;
use kernel::bindings;

impl Iter<'_> {
    /// Where the next bytes lie that are in one piece, and how many; 0 of them at the end. `None`
    /// unless it was made of slices by this crate.
    fn next_slice(&self) -> Option<(*const u8, usize)> {
        if self.fresh || self.kind() != bindings::iter_type_ITER_KVEC {
            return None;
        }
        // SAFETY: By the type invariants `raw` is valid, and of the kind that has this member: an
        // array of as many segments as hold `count` bytes from `iov_offset` of the first on.
        unsafe {
            let raw = self.raw.as_ref();
            let both = raw.__bindgen_anon_1.__bindgen_anon_1.as_ref();
            let mut segment = both.__bindgen_anon_1.kvec;
            let mut offset = raw.iov_offset;
            if both.count == 0 {
                return Some((core::ptr::null(), 0));
            }
            // A segment may be empty, or used up.
            while (*segment).iov_len == offset {
                segment = segment.add(1);
                offset = 0;
            }
            let len = ((*segment).iov_len - offset).min(both.count);
            Some(((*segment).iov_base.cast::<u8>().add(offset), len))
        }
    }
}

impl IterSource<'_> {
    /// Calls `body` with each piece of the rest, where it lies, until it takes less than all of
    /// one; it says how much it takes, and so much is moved. Returns the bytes moved; `None` unless
    /// the iterator was made of slices here ([`with_slice`](Self::with_slice),
    /// [`with_vec`](Self::with_vec)).
    ///
    /// Only of those it is known that nobody writes to them meanwhile. For the same reason there is
    /// none for the other direction, whose memory may also be held by a
    /// [`PinnedDest`](super::PinnedDest). In place of `iterate_and_advance_kernel()` of
    /// `linux/iov_iter.h`. Any context that `body` may run in; does not fault, copies nothing.
    pub fn for_each_chunk(&mut self, mut body: impl FnMut(&[u8]) -> usize) -> Option<usize> {
        let before = self.count();
        loop {
            let (base, len) = self.0.next_slice()?;
            if len == 0 {
                break;
            }
            // SAFETY: next_slice() gives memory of a slice that was borrowed for longer than this
            // iterator lives, and a source is only read.
            let took = body(unsafe { slice::from_raw_parts(base, len) }).min(len);
            self.advance(took);
            if took < len {
                break;
            }
        }
        Some(self.count() - before)
    }
}
