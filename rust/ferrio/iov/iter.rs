// SPDX-License-Identifier: GPL-2.0

//! What both directions share: position, limits, queries and the proof.

use super::MAX_RW_COUNT;
use core::{marker::PhantomData, mem::MaybeUninit, ptr::NonNull};
use kernel::{bindings, page::PAGE_SIZE, prelude::*, types::NotThreadSafe};

/// A lifetime that matches only itself: neither shorter nor longer ones fit.
pub(super) type Brand<'i> = PhantomData<fn(&'i ()) -> &'i ()>;

/// The proof that a call is finished: so much went through its iterator.
///
/// `'i` is the brand of one iterator. As the driver's method is generic over it, no [`Moved`] of an
/// earlier call fits, and there is no constructor but the `moved()` of the two iterators.
#[must_use]
#[derive(Debug)]
pub struct Moved<'i> {
    bytes: usize,
    faulted: bool,
    _brand: Brand<'i>,
}

impl Moved<'_> {
    /// Bytes that went through the iterator when the proof was made.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a copy of this call had stopped at memory that could not be accessed.
    #[inline]
    pub fn faulted(&self) -> bool {
        self.faulted
    }
}

/// What one copy did.
///
/// Fewer bytes than asked for without a fault mean that the iterator has come to its end.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    bytes: usize,
    faulted: bool,
}

impl Copied {
    #[inline]
    pub(crate) fn new(bytes: usize, faulted: bool) -> Self {
        Copied { bytes, faulted }
    }

    /// Bytes copied; the iterator has advanced by as much.
    #[inline]
    pub fn bytes(self) -> usize {
        self.bytes
    }

    /// Whether the copy stopped at memory that could not be accessed.
    #[inline]
    pub fn faulted(self) -> bool {
        self.faulted
    }
}

/// A position in an iterator to which it can be rolled back.
#[derive(Clone, Copy)]
pub struct Checkpoint<'i> {
    /// Bytes left when it was taken. In a part of the iterator that is another number, but there
    /// the brand is another one, too.
    left: usize,
    _brand: Brand<'i>,
}

/// What both directions share.
///
/// # Invariants
///
/// - `raw` is a valid `struct iov_iter` that nobody else uses while this value lives.
/// - `start` is the `count` it had when this value was made; `count` never rises above it, and what
///   is missing from it has been advanced since.
pub(super) struct Iter<'i> {
    pub(super) raw: NonNull<bindings::iov_iter>,
    start: usize,
    faulted: bool,
    /// Whether the memory may hold what nobody wrote there: pages that C made for this call.
    pub(super) fresh: bool,
    _brand: Brand<'i>,
    // kmap_local and the user mappings belong to one task.
    _not_send: NotThreadSafe,
}

impl<'i> Iter<'i> {
    /// # Safety
    ///
    /// `raw` must be a valid `struct iov_iter` for `'i`, used by nobody else meanwhile.
    #[inline]
    pub(super) unsafe fn new(raw: NonNull<bindings::iov_iter>, fresh: bool) -> Self {
        let mut iter = Iter {
            raw,
            start: 0,
            faulted: false,
            fresh,
            _brand: PhantomData,
            _not_send: NotThreadSafe,
        };
        iter.start = iter.len();
        // INVARIANT: The caller vouches for `raw`; `start` has just been read, and `count` can only
        // rise again in `rollback` and `limited`, which stop at a value it had since.
        iter
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        // SAFETY: By the type invariants `raw` is valid and ours; `count` is a plain member of the
        // anonymous union and struct that every kind of iterator uses.
        unsafe {
            (*self.raw.as_ptr())
                .__bindgen_anon_1
                .__bindgen_anon_1
                .as_ref()
                .count
        }
    }

    /// iov_iter_truncate() and iov_iter_reexpand() of `uio.h`, which are inline.
    ///
    /// # Safety
    ///
    /// The memory behind the iterator's position must be `count` bytes at least.
    unsafe fn set_len(&mut self, count: usize) {
        // SAFETY: By the type invariants `raw` is valid and ours.
        unsafe {
            (*self.raw.as_ptr())
                .__bindgen_anon_1
                .__bindgen_anon_1
                .as_mut()
                .count = count;
        }
    }

    #[inline]
    pub(super) fn moved_bytes(&self) -> usize {
        // By the type invariants it does not wrap.
        self.start.wrapping_sub(self.len())
    }

    pub(super) fn kind(&self) -> bindings::iter_type {
        // SAFETY: By the type invariants `raw` is valid and ours.
        unsafe { (*self.raw.as_ptr()).iter_type.into() }
    }

    #[inline]
    pub(super) fn is_user(&self) -> bool {
        matches!(
            self.kind(),
            bindings::iter_type_ITER_UBUF | bindings::iter_type_ITER_IOVEC
        )
    }

    /// Whether there is memory behind it.
    pub(super) fn has_pages(&self) -> bool {
        self.kind() != bindings::iter_type_ITER_DISCARD
    }

    /// Whether bytes that are skipped would show what nobody wrote there.
    #[inline]
    pub(super) fn is_fresh(&self) -> bool {
        self.fresh && !self.is_user()
    }

    #[inline]
    pub(super) fn checkpoint(&self) -> Checkpoint<'i> {
        Checkpoint {
            left: self.len(),
            _brand: PhantomData,
        }
    }

    #[inline]
    pub(super) fn rollback(&mut self, to: Checkpoint<'i>) {
        // A checkpoint taken later than the present position asks for nothing.
        let mut back = to.left.saturating_sub(self.len());
        loop {
            // More than this at once is a WARN and goes nowhere.
            let step = back.min(MAX_RW_COUNT);
            // SAFETY: `raw` is valid. iov_iter_revert() must not go back beyond the start:
            // `to.left` is a `count` that this iterator had (the brand says it is this one, and no
            // part of it), so `back` is at most what has been advanced since.
            unsafe { bindings::iov_iter_revert(self.raw.as_ptr(), step) };
            back -= step;
            if back == 0 {
                break;
            }
        }
    }

    #[inline]
    pub(super) fn advance(&mut self, bytes: usize) -> usize {
        let before = self.len();
        // SAFETY: `raw` is valid; iov_iter_advance() stops at the end by itself.
        unsafe { bindings::iov_iter_advance(self.raw.as_ptr(), bytes) };
        before - self.len()
    }

    /// Runs `body` with an iterator that ends `most` bytes from here at the latest.
    pub(super) fn limited<R>(
        &mut self,
        most: usize,
        body: impl for<'b> FnOnce(Iter<'b>) -> (R, Iter<'b>),
    ) -> R {
        let cut = self.len().saturating_sub(most);
        // SAFETY: Fewer than before; they are there.
        unsafe { self.set_len(self.len() - cut) };
        // SAFETY: `raw` is valid, and `self` is not used until `body` has given it back.
        let (result, inner) = body(unsafe { Iter::new(self.raw, self.fresh) });
        self.faulted |= inner.faulted;
        // SAFETY: What was cut off lies behind what is left; both were there before.
        unsafe { self.set_len(self.len() + cut) };
        result
    }

    /// Runs `body` with a copy of the iterator: what it moves is not moved here.
    pub(super) fn peek<R>(&self, body: impl for<'b> FnOnce(Iter<'b>) -> (R, Iter<'b>)) -> R {
        // SAFETY: `raw` is valid; a `struct iov_iter` may be copied (dup_iter() of lib/iov_iter.c
        // does), since its functions change nothing but the struct itself.
        let mut copy = MaybeUninit::new(unsafe { self.raw.as_ptr().read() });
        // SAFETY: The copy is valid as long as what it points to, which is borrowed with `self`,
        // and nobody else uses it.
        body(unsafe { Iter::new(NonNull::new_unchecked(copy.as_mut_ptr()), self.fresh) }).0
    }

    #[inline]
    pub(super) fn moved(&self) -> Result<Moved<'i>> {
        let bytes = self.moved_bytes();
        if bytes == 0 && self.faulted {
            return Err(EFAULT);
        }
        Ok(Moved {
            bytes,
            faulted: self.faulted,
            _brand: PhantomData,
        })
    }

    #[inline]
    pub(super) fn faulted(&self) -> bool {
        self.faulted
    }

    /// Notes whether a copy stopped early.
    #[inline]
    pub(super) fn copied(&mut self, asked: usize, got: usize) -> Copied {
        let faulted = got < asked;
        if faulted {
            self.faulted = true;
        }
        Copied::new(got, faulted)
    }

    /// The same for a function that stops at the end by itself: a fault leaves something behind.
    #[inline]
    pub(super) fn copied_up_to(&mut self, most: usize, got: usize) -> Copied {
        if got == most {
            return Copied::new(got, false);
        }
        let asked = most.min(got + self.len());
        self.copied(asked, got)
    }

    /// Notes how many of `asked` bytes are not accessible; returns how many are.
    pub(super) fn prefaulted(&mut self, asked: usize, missing: usize) -> Copied {
        self.copied(asked, asked - missing.min(asked))
    }

    pub(super) fn single_seg_count(&self) -> usize {
        // SAFETY: `raw` is valid; it is only looked at.
        unsafe { bindings::iov_iter_single_seg_count(self.raw.as_ptr()) }
    }

    pub(super) fn npages(&self, most: usize) -> usize {
        // Below, the sum of what is left must fit into an int.
        let most = most.min(MAX_RW_COUNT / PAGE_SIZE) as c_int;
        // SAFETY: `raw` is valid; it is only looked at. The result is between 0 and `most`.
        unsafe { bindings::iov_iter_npages(self.raw.as_ptr(), most) as usize }
    }

    pub(super) fn alignment(&self) -> usize {
        // SAFETY: `raw` is valid; it is only looked at.
        unsafe { bindings::iov_iter_alignment(self.raw.as_ptr()) }
    }

    pub(super) fn gap_alignment(&self) -> Option<usize> {
        // SAFETY: By the type invariants `raw` is valid and ours.
        let inside = unsafe { (*self.raw.as_ptr()).iov_offset } != 0;
        let answers = match self.kind() {
            bindings::iter_type_ITER_UBUF => true,
            // C forgets that part of the present segment may be used up, and stops early.
            bindings::iter_type_ITER_IOVEC => !inside,
            // Other kinds are a WARN.
            _ => false,
        };
        // SAFETY: `raw` is valid and of a kind that the function knows; it is only looked at.
        answers.then(|| unsafe { bindings::iov_iter_gap_alignment(self.raw.as_ptr()) })
    }
}

/// The methods that both directions have, on a `struct $name<'i>(Iter<'i>)`.
macro_rules! both_directions {
    ($name:ident) => {
        impl<'i> $name<'i> {
            /// Takes over a raw iterator for the time of one call.
            ///
            /// # Safety
            ///
            /// `raw` must be a valid `struct iov_iter` of this direction for `'i`, and nobody else
            /// may use it meanwhile.
            #[inline]
            pub(crate) unsafe fn from_raw(raw: NonNull<bindings::iov_iter>) -> Self {
                // SAFETY: The caller's promise is the one asked for.
                Self(unsafe { Iter::new(raw, true) })
            }

            /// Runs `body` with an iterator that this crate has made.
            ///
            /// # Safety
            ///
            /// As for [`from_raw`](Self::from_raw), and the memory has been initialised.
            pub(super) unsafe fn run<R>(
                raw: *mut bindings::iov_iter,
                body: impl for<'b> FnOnce(&mut $name<'b>) -> R,
            ) -> (R, usize) {
                // SAFETY: The caller's promise is the one asked for; valid, so not NULL.
                let mut iter = $name(unsafe { Iter::new(NonNull::new_unchecked(raw), false) });
                let result = body(&mut iter);
                (result, iter.count())
            }

            /// Bytes that are left in the iterator. Any context.
            #[inline]
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// Whether no byte is left.
            #[inline]
            pub fn is_empty(&self) -> bool {
                self.0.len() == 0
            }

            /// Bytes moved so far, less what was rolled back. Any context.
            #[inline]
            pub fn count(&self) -> usize {
                self.0.moved_bytes()
            }

            /// Whether a copy stopped at memory that could not be accessed, of this call, at any
            /// time. Any context.
            #[inline]
            pub fn faulted(&self) -> bool {
                self.0.faulted()
            }

            /// Whether the memory belongs to a process, so that copies may fault. For statistics,
            /// and for who cannot sleep. Wraps `user_backed_iter()`. Any context.
            #[inline]
            pub fn is_user_backed(&self) -> bool {
                self.0.is_user()
            }

            /// Marks the present position. Any context.
            #[inline]
            pub fn checkpoint(&self) -> Checkpoint<'i> {
                self.0.checkpoint()
            }

            /// Goes back to a position marked before; what was moved since does not count any more.
            /// A mark that lies ahead asks for nothing.
            ///
            /// Wraps `iov_iter_revert()` of `lib/iov_iter.c`. Any context. Costs a step per
            /// segment.
            #[inline]
            pub fn rollback(&mut self, to: Checkpoint<'i>) {
                self.0.rollback(to)
            }

            /// Runs `body` with this iterator, but at most `most` bytes of it.
            ///
            /// Afterwards the rest is there again, whatever `body` did. It has a brand of its own:
            /// a checkpoint from outside, which may lie before the part, does not fit. Wraps
            /// `iov_iter_truncate()` and `iov_iter_reexpand()` of `uio.h`. Any context that `body`
            /// may run in.
            pub fn limited<R>(
                &mut self,
                most: usize,
                body: impl for<'b> FnOnce(&mut $name<'b>) -> R,
            ) -> R {
                self.0.limited(most, |iter| {
                    let mut iter = $name(iter);
                    (body(&mut iter), iter.0)
                })
            }

            /// Runs `body` with a copy of this iterator, which then stands where it stood.
            ///
            /// What `body` moves is in memory, but does not count here. The memory may be changed
            /// by others meanwhile: what is read a second time need not be the same. In place of
            /// `dup_iter()` and `iov_iter_save_state()`; allocates nothing. Any context that `body`
            /// may run in.
            pub fn peek<R>(&self, body: impl for<'b> FnOnce(&mut $name<'b>) -> R) -> R {
                self.0.peek(|iter| {
                    let mut iter = $name(iter);
                    (body(&mut iter), iter.0)
                })
            }

            /// Bytes that are left of the present segment; it may be the empty rest of one that was
            /// just used up. Wraps `iov_iter_single_seg_count()`. Any context.
            pub fn single_seg_count(&self) -> usize {
                self.0.single_seg_count()
            }

            /// How many pages the rest touches, at most `most`; a page that two segments touch
            /// counts twice. Wraps `iov_iter_npages()`. Any context. Costs a step per segment.
            pub fn npages(&self, most: usize) -> usize {
                self.0.npages(most)
            }

            /// All addresses and lengths of the rest, ORed: its lowest bit that is set says what
            /// they are a multiple of. 0 for none. Wraps `iov_iter_alignment()`. Any context. Costs
            /// a step per segment.
            pub fn alignment(&self) -> usize {
                self.0.alignment()
            }

            /// All addresses at which a segment ends or begins, but for the very first and last,
            /// ORed. `None` where C has no answer: for memory of the kernel (a WARN), and inside of
            /// a segment (a wrong one). Wraps `iov_iter_gap_alignment()`. Any context. Costs a step
            /// per segment.
            pub fn gap_alignment(&self) -> Option<usize> {
                self.0.gap_alignment()
            }

            /// Finishes a call: what has been moved so far is its result.
            ///
            /// # Errors
            ///
            /// `EFAULT` if nothing was moved because a copy faulted. Nothing moved without a fault
            /// is `Ok`: the end of the file, or a call of length 0.
            #[inline]
            pub fn moved(&self) -> Result<Moved<'i>> {
                self.0.moved()
            }

            /// The result for the VFS: what really went through, whatever the driver says.
            #[inline]
            pub(crate) fn finish(&self, result: Result<Moved<'i>>) -> Result<usize> {
                result
                    .and_then(|_| self.0.moved())
                    .map(|moved| moved.bytes())
            }

            /// The same for a splice step: only an errno, the count is the iterator's.
            pub(crate) fn step_errno(result: Result) -> c_int {
                result.map_or_else(|err| err.to_errno(), |()| 0)
            }
        }
    };
}
pub(super) use both_directions;
