// SPDX-License-Identifier: GPL-2.0

//! I/O vectors, and the proof of what was moved through them.
//!
//! C headers: [`include/linux/uio.h`](srctree/include/linux/uio.h)
//!
//! Two types for two directions, as in `kernel::iov`; but what counts as moved is taken from the
//! iterator itself, never from the driver: [`Moved`] can only be made by the iterator that the
//! driver was handed, and a fault before the first byte is `EFAULT`, not end of file.

use crate::sys;
use core::{ffi::c_void, marker::PhantomData, ptr::NonNull};
use kernel::{
    bindings,
    prelude::*,
    types::{NotThreadSafe, Opaque},
};

/// A lifetime that matches only itself: neither shorter nor longer ones fit.
type Brand<'i> = PhantomData<fn(&'i ()) -> &'i ()>;

/// The proof that a call is finished: so much went through its iterator.
///
/// `'i` is the brand of one iterator. As the driver's method is generic over it, no [`Moved`] of an
/// earlier call fits, and there is no constructor but [`IterDest::moved`] and
/// [`IterSource::moved`].
#[must_use]
#[derive(Debug)]
pub struct Moved<'i> {
    bytes: usize,
    _brand: Brand<'i>,
}

impl Moved<'_> {
    /// Bytes that went through the iterator when the proof was made.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// A position in an iterator to which it can be rolled back.
#[derive(Clone, Copy)]
pub struct Checkpoint<'i> {
    left: usize,
    _brand: Brand<'i>,
}

/// What both directions share.
///
/// # Invariants
///
/// - `raw` is a valid `struct iov_iter` that nobody else uses while this value lives.
/// - `start` is the `count` it had when this value was made; `count` never rises above it.
struct Iter<'i> {
    raw: NonNull<bindings::iov_iter>,
    start: usize,
    faulted: bool,
    _brand: Brand<'i>,
    // kmap_local and the user mappings belong to one task.
    _not_send: NotThreadSafe,
}

impl<'i> Iter<'i> {
    /// # Safety
    ///
    /// `raw` must be a valid `struct iov_iter` for `'i`, used by nobody else meanwhile.
    #[inline]
    unsafe fn new(raw: NonNull<bindings::iov_iter>) -> Self {
        let mut iter = Iter {
            raw,
            start: 0,
            faulted: false,
            _brand: PhantomData,
            _not_send: NotThreadSafe,
        };
        iter.start = iter.len();
        // INVARIANT: The caller vouches for `raw`; `start` has just been read, and `count` can only
        // rise again in `rollback`, which stops at a value it had since.
        iter
    }

    #[inline]
    fn len(&self) -> usize {
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

    #[inline]
    fn checkpoint(&self) -> Checkpoint<'i> {
        Checkpoint {
            left: self.len(),
            _brand: PhantomData,
        }
    }

    #[inline]
    fn rollback(&mut self, to: Checkpoint<'i>) {
        // A checkpoint taken later than the present position asks for nothing.
        let back = to.left.saturating_sub(self.len());
        // SAFETY: `raw` is valid. iov_iter_revert() must not go back beyond the start: `to.left` is
        // a `count` that this iterator had (the brand says it is this one), so `back` is at most
        // what has been advanced since.
        unsafe { bindings::iov_iter_revert(self.raw.as_ptr(), back) };
    }

    #[inline]
    fn moved(&self) -> Result<Moved<'i>> {
        let bytes = self.start - self.len();
        if bytes == 0 && self.faulted {
            return Err(EFAULT);
        }
        Ok(Moved {
            bytes,
            _brand: PhantomData,
        })
    }

    /// Notes whether a copy stopped early, and gives its count back.
    #[inline]
    fn copied(&mut self, asked: usize, got: usize) -> usize {
        if got < asked {
            self.faulted = true;
        }
        got
    }
}

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
                Self(unsafe { Iter::new(raw) })
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
                self.0.start - self.0.len()
            }

            /// Whether a copy stopped at memory that could not be accessed, of this call, at any
            /// time. Any context.
            #[inline]
            pub fn faulted(&self) -> bool {
                self.0.faulted
            }

            /// Marks the present position. Any context.
            #[inline]
            pub fn checkpoint(&self) -> Checkpoint<'i> {
                self.0.checkpoint()
            }

            /// Goes back to a position marked before; what was moved since does not count any more.
            ///
            /// Wraps `iov_iter_revert()` of `lib/iov_iter.c`. Any context.
            #[inline]
            pub fn rollback(&mut self, to: Checkpoint<'i>) {
                self.0.rollback(to)
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
                result.and_then(|_| self.0.moved()).map(|moved| moved.bytes)
            }

            /// The same for a splice step: only an errno, the count is the iterator's.
            pub(crate) fn step_errno(result: Result) -> c_int {
                result.map_or_else(|err| err.to_errno(), |()| 0)
            }
        }
    };
}

/// Where a read puts its bytes: an iterator of direction `ITER_DEST`.
pub struct IterDest<'i>(Iter<'i>);

/// Where a write takes its bytes from: an iterator of direction `ITER_SOURCE`.
pub struct IterSource<'i>(Iter<'i>);

both_directions!(IterDest);
both_directions!(IterSource);

impl IterDest<'_> {
    /// Copies `len` bytes from `offset` of an order-0 page; returns how many arrived.
    ///
    /// Fewer than asked means that the destination is full or faulted, see
    /// [`faulted`](Self::faulted). Wraps `copy_page_to_iter()`. May sleep for a fault.
    ///
    /// # Safety
    ///
    /// `page` must be a valid order-0 page for the time of the call, and `offset + len` at most
    /// `PAGE_SIZE`. Its content may change meanwhile.
    #[inline]
    pub(crate) unsafe fn copy_page(
        &mut self,
        page: NonNull<bindings::page>,
        offset: usize,
        len: usize,
    ) -> usize {
        let asked = len.min(self.len());
        // SAFETY: The page is valid by the caller's promise, the iterator by the type invariants;
        // page_copy_sane() in lib/iov_iter.c wants offset and length inside of the page.
        let got = unsafe {
            bindings::copy_page_to_iter(page.as_ptr(), offset, asked, self.0.raw.as_ptr())
        };
        self.0.copied(asked, got)
    }

    /// Copies from a slice; returns how many bytes arrived.
    ///
    /// Fewer than there are means that the destination is full or faulted, see
    /// [`faulted`](Self::faulted); what arrived before a fault counts. Wraps `_copy_to_iter()` of
    /// `lib/iov_iter.c`. Process context; may sleep for a fault.
    pub fn copy_to(&mut self, bytes: &[u8]) -> usize {
        let asked = bytes.len().min(self.len());
        // SAFETY: The iterator is valid by the type invariants, the slice for `asked` bytes. It is
        // plain kernel memory of known length, so check_copy_size() of the inline
        // copy_to_iter() has nothing left to find.
        let got =
            unsafe { bindings::_copy_to_iter(bytes.as_ptr().cast(), asked, self.0.raw.as_ptr()) };
        self.0.copied(asked, got)
    }

    /// Runs `body` with a destination in kernel memory; returns its result and the bytes moved.
    ///
    /// For tests, and for a driver that reads from its own code. Wraps `iov_iter_kvec()` of
    /// `lib/iov_iter.c`. Any context that `body` may run in; copies do not fault.
    pub fn with_slice<R>(
        buf: &mut [u8],
        body: impl for<'b> FnOnce(&mut IterDest<'b>) -> R,
    ) -> (R, usize) {
        let kvec = bindings::kvec {
            iov_base: buf.as_mut_ptr().cast::<c_void>(),
            iov_len: buf.len(),
        };
        let raw = Opaque::<bindings::iov_iter>::uninit();
        // SAFETY: iov_iter_kvec() initialises `raw` to walk the one element of `kvec`, both of
        // which outlive the iterator below; `buf` is borrowed mutably for as long.
        unsafe { bindings::iov_iter_kvec(raw.get(), bindings::ITER_DEST, &kvec, 1, buf.len()) };
        // SAFETY: It has just been initialised with this direction, and only `iter` uses it.
        let mut iter = unsafe { IterDest::from_raw(NonNull::new_unchecked(raw.get())) };
        let result = body(&mut iter);
        (result, iter.count())
    }
}

impl IterSource<'_> {
    /// Copies `len` bytes to `offset` of an order-0 page; returns how many arrived.
    ///
    /// Fewer than asked means that the source is empty or faulted, see [`faulted`](Self::faulted).
    /// Wraps `copy_page_from_iter()`. May sleep for a fault.
    ///
    /// # Safety
    ///
    /// `page` must be a valid order-0 page for the time of the call, `offset + len` at most
    /// `PAGE_SIZE`, and no reference may exist to those bytes.
    #[inline]
    pub(crate) unsafe fn copy_page(
        &mut self,
        page: NonNull<bindings::page>,
        offset: usize,
        len: usize,
    ) -> usize {
        let asked = len.min(self.len());
        // SAFETY: The page is valid and writable by the caller's promise, the iterator by the type
        // invariants; page_copy_sane() in lib/iov_iter.c wants offset and length inside of it.
        let got = unsafe {
            bindings::copy_page_from_iter(page.as_ptr(), offset, asked, self.0.raw.as_ptr())
        };
        self.0.copied(asked, got)
    }

    /// Copies to a slice; returns how many bytes arrived.
    ///
    /// Fewer than fit means that the source is empty or faulted, see [`faulted`](Self::faulted);
    /// the rest of the slice is left as it was. Wraps `_copy_from_iter()` of `lib/iov_iter.c`.
    /// Process context; may sleep for a fault.
    pub fn copy_from(&mut self, bytes: &mut [u8]) -> usize {
        let asked = bytes.len().min(self.len());
        // SAFETY: The iterator is valid by the type invariants, the slice is writable for `asked`
        // bytes. It is plain kernel memory of known length, so check_copy_size() of the inline
        // copy_from_iter() has nothing left to find.
        let got = unsafe {
            bindings::_copy_from_iter(bytes.as_mut_ptr().cast(), asked, self.0.raw.as_ptr())
        };
        self.0.copied(asked, got)
    }

    /// Runs `body` with a source in kernel memory; returns its result and the bytes moved.
    ///
    /// As [`IterDest::with_slice`], the other way.
    pub fn with_slice<R>(
        buf: &[u8],
        body: impl for<'b> FnOnce(&mut IterSource<'b>) -> R,
    ) -> (R, usize) {
        let kvec = bindings::kvec {
            iov_base: buf.as_ptr().cast_mut().cast::<c_void>(),
            iov_len: buf.len(),
        };
        let raw = Opaque::<bindings::iov_iter>::uninit();
        // SAFETY: iov_iter_kvec() initialises `raw` to walk the one element of `kvec`, both of
        // which outlive the iterator below. The direction is ITER_SOURCE: `buf` is only read.
        unsafe { bindings::iov_iter_kvec(raw.get(), bindings::ITER_SOURCE, &kvec, 1, buf.len()) };
        // SAFETY: It has just been initialised with this direction, and only `iter` uses it.
        let mut iter = unsafe { IterSource::from_raw(NonNull::new_unchecked(raw.get())) };
        let result = body(&mut iter);
        (result, iter.count())
    }
}

/// The smallest write that is never done in part, `PIPE_BUF` of `limits.h`, in bytes.
pub const PIPE_BUF: usize = sys::FERRIO_PIPE_BUF as usize;
