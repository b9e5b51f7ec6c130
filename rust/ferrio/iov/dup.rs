// SPDX-License-Identifier: GPL-2.0

//! Copies of iterators that have a list of segments of their own.

use super::{
    iter::{Brand, Iter},
    IterDest, IterSource,
};
use core::{marker::PhantomData, mem::MaybeUninit, ptr::NonNull};
use kernel::{bindings, prelude::*, types::NotThreadSafe};

impl Iter<'_> {
    /// Whether it walks an array of segments.
    fn has_list(&self) -> bool {
        matches!(
            self.kind(),
            bindings::iter_type_ITER_IOVEC
                | bindings::iter_type_ITER_KVEC
                | bindings::iter_type_ITER_BVEC
        )
    }
}

/// # Invariants
///
/// `raw` is a valid `struct iov_iter` over memory that is there for `'i`. `list` is its array of
/// segments, from `dup_iter()`, or NULL if its kind has none.
struct Dup<'i> {
    raw: bindings::iov_iter,
    list: *const c_void,
    fresh: bool,
    _brand: Brand<'i>,
    // What is a user's belongs to the task.
    _not_send: NotThreadSafe,
}

impl<'i> Dup<'i> {
    fn new(iter: &Iter<'i>) -> Result<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: The iterator is valid; `dup_iter()` of lib/iov_iter.c only reads it, and
        // initialises all of `raw`, also when it has no memory for the list.
        let (list, raw) = unsafe {
            let list =
                bindings::dup_iter(raw.as_mut_ptr(), iter.raw.as_ptr(), bindings::GFP_KERNEL);
            (list, raw.assume_init())
        };
        if list.is_null() && iter.has_list() {
            return Err(ENOMEM);
        }
        // INVARIANT: The list is a copy; the memory is that of `iter`, which is there for 'i.
        Ok(Dup {
            raw,
            list,
            fresh: iter.is_fresh(),
            _brand: PhantomData,
            _not_send: NotThreadSafe,
        })
    }
}

impl Drop for Dup<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants it is NULL, or memory that dup_iter() has allocated and
        // that belongs to nobody else.
        unsafe { bindings::kfree(self.list) };
    }
}

macro_rules! duplicate {
    ($dup:ident, $iter:ident) => {
        impl<'i> $iter<'i> {
            /// A copy that stands where this iterator stands, and does not care what becomes of it:
            /// for work that is done apart from it.
            ///
            /// Wraps `dup_iter()` of `lib/iov_iter.c`. Process context, sleeps for memory. Costs an
            /// allocation of 16 bytes per segment; [`peek`](Self::peek) needs none.
            ///
            /// # Errors
            ///
            /// `ENOMEM`.
            pub fn duplicate(&self) -> Result<$dup<'i>> {
                Ok($dup(Dup::new(&self.0)?))
            }
        }

        impl $dup<'_> {
            /// Runs `body` with the copy, which goes on where the last one has left it; returns its
            /// result and the bytes moved.
            ///
            /// Any context that `body` may run in.
            pub fn with<R>(
                &mut self,
                body: impl for<'b> FnOnce(&mut $iter<'b>) -> R,
            ) -> (R, usize) {
                let raw = NonNull::from(&mut self.0.raw);
                // SAFETY: By the type invariants it is valid, it has the direction that it was
                // copied with, and nobody else uses it while `self` is borrowed.
                let mut iter = $iter(unsafe { Iter::new(raw, self.0.fresh) });
                let result = body(&mut iter);
                (result, iter.count())
            }
        }
    };
}

/// A copy of an [`IterSource`], of the same memory.
pub struct DupSource<'i>(Dup<'i>);

/// A copy of an [`IterDest`], of the same memory.
pub struct DupDest<'i>(Dup<'i>);

duplicate!(DupSource, IterSource);
duplicate!(DupDest, IterDest);
