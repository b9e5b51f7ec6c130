// SPDX-License-Identifier: GPL-2.0

//! Iterators over memory of the kernel, and over none.

use super::{total_len, IterDest, IterSource, MAX_RW_COUNT};
use core::{ffi::c_void, marker::PhantomData};
use kernel::{bindings, prelude::*, types::Opaque};

/// A slice to write to, as one segment of an iterator.
///
/// # Invariants
///
/// `kvec` is a slice that is borrowed mutably for `'m`.
#[repr(transparent)]
pub struct IoSliceMut<'m> {
    kvec: bindings::kvec,
    _life: PhantomData<&'m mut [u8]>,
}

impl<'m> IoSliceMut<'m> {
    /// Any context.
    pub fn new(slice: &'m mut [u8]) -> Self {
        // INVARIANT: The slice is borrowed for 'm.
        IoSliceMut {
            kvec: bindings::kvec {
                iov_base: slice.as_mut_ptr().cast::<c_void>(),
                iov_len: slice.len(),
            },
            _life: PhantomData,
        }
    }
}

/// A slice to read from, as one segment of an iterator.
///
/// # Invariants
///
/// `kvec` is a slice that is borrowed for `'m`.
#[repr(transparent)]
pub struct IoSlice<'m> {
    kvec: bindings::kvec,
    _life: PhantomData<&'m [u8]>,
}

impl<'m> IoSlice<'m> {
    /// Any context.
    pub fn new(slice: &'m [u8]) -> Self {
        // INVARIANT: The slice is borrowed for 'm.
        IoSlice {
            kvec: bindings::kvec {
                iov_base: slice.as_ptr().cast_mut().cast::<c_void>(),
                iov_len: slice.len(),
            },
            _life: PhantomData,
        }
    }
}

impl IterDest<'_> {
    /// Runs `body` with a destination in kernel memory; returns its result and the bytes moved.
    ///
    /// Only the first [`MAX_RW_COUNT`] bytes of a longer slice are used. Wraps `iov_iter_kvec()` of
    /// `lib/iov_iter.c`. Any context that `body` may run in; copies do not fault.
    pub fn with_slice<R>(
        buf: &mut [u8],
        body: impl for<'b> FnOnce(&mut IterDest<'b>) -> R,
    ) -> (R, usize) {
        let count = buf.len().min(MAX_RW_COUNT);
        let kvec = IoSliceMut::new(&mut buf[..count]).kvec;
        let raw = Opaque::<bindings::iov_iter>::uninit();
        // SAFETY: iov_iter_kvec() initialises `raw` to walk the one element of `kvec`, both of
        // which outlive the iterator below; `buf` is borrowed mutably for as long.
        unsafe { bindings::iov_iter_kvec(raw.get(), bindings::ITER_DEST, &kvec, 1, count) };
        // SAFETY: It has just been made with this direction, nobody else uses it, and a slice has
        // been initialised.
        unsafe { Self::run(raw.get(), body) }
    }

    /// Runs `body` with a destination of several slices, in this order; returns its result and the
    /// bytes moved.
    ///
    /// Wraps `iov_iter_kvec()` of `lib/iov_iter.c`. Any context that `body` may run in; copies do
    /// not fault.
    ///
    /// # Errors
    ///
    /// As of [`total_len`].
    pub fn with_vec<R>(
        parts: &mut [IoSliceMut<'_>],
        body: impl for<'b> FnOnce(&mut IterDest<'b>) -> R,
    ) -> Result<(R, usize)> {
        let count = total_len(parts.iter().map(|part| part.kvec.iov_len))?;
        let raw = Opaque::<bindings::iov_iter>::uninit();
        // SAFETY: An IoSliceMut is a kvec, so these are `parts.len()` of them, of `count` bytes;
        // array and memory are borrowed longer than the iterator below lives.
        unsafe {
            bindings::iov_iter_kvec(
                raw.get(),
                bindings::ITER_DEST,
                parts.as_ptr().cast(),
                parts.len(),
                count,
            )
        };
        // SAFETY: It has just been made with this direction, nobody else uses it, and slices have
        // been initialised.
        Ok(unsafe { Self::run(raw.get(), body) })
    }

    /// Runs `body` with a destination of `count` bytes that keeps nothing; returns its result and
    /// the bytes moved.
    ///
    /// There is none for the other direction, for which C has a BUG. At most [`MAX_RW_COUNT`]
    /// bytes. Wraps `iov_iter_discard()` of `lib/iov_iter.c`. Any context that `body` may run in;
    /// copies do not fault.
    pub fn with_discard<R>(
        count: usize,
        body: impl for<'b> FnOnce(&mut IterDest<'b>) -> R,
    ) -> (R, usize) {
        let raw = Opaque::<bindings::iov_iter>::uninit();
        let count = count.min(MAX_RW_COUNT);
        // SAFETY: iov_iter_discard() initialises `raw`, of the only direction that it knows.
        unsafe { bindings::iov_iter_discard(raw.get(), bindings::ITER_DEST, count) };
        // SAFETY: It has just been made with this direction, nobody else uses it, and it has no
        // memory.
        unsafe { Self::run(raw.get(), body) }
    }
}

impl IterSource<'_> {
    /// Runs `body` with a source in kernel memory; returns its result and the bytes moved.
    ///
    /// As [`IterDest::with_slice`], the other way.
    pub fn with_slice<R>(
        buf: &[u8],
        body: impl for<'b> FnOnce(&mut IterSource<'b>) -> R,
    ) -> (R, usize) {
        let count = buf.len().min(MAX_RW_COUNT);
        let kvec = IoSlice::new(&buf[..count]).kvec;
        let raw = Opaque::<bindings::iov_iter>::uninit();
        // SAFETY: iov_iter_kvec() initialises `raw` to walk the one element of `kvec`, both of
        // which outlive the iterator below. The direction is ITER_SOURCE: `buf` is only read.
        unsafe { bindings::iov_iter_kvec(raw.get(), bindings::ITER_SOURCE, &kvec, 1, count) };
        // SAFETY: It has just been made with this direction, nobody else uses it, and a slice has
        // been initialised.
        unsafe { Self::run(raw.get(), body) }
    }

    /// Runs `body` with a source of several slices, in this order; returns its result and the bytes
    /// moved.
    ///
    /// As [`IterDest::with_vec`], the other way.
    ///
    /// # Errors
    ///
    /// As of [`total_len`].
    pub fn with_vec<R>(
        parts: &[IoSlice<'_>],
        body: impl for<'b> FnOnce(&mut IterSource<'b>) -> R,
    ) -> Result<(R, usize)> {
        let count = total_len(parts.iter().map(|part| part.kvec.iov_len))?;
        let raw = Opaque::<bindings::iov_iter>::uninit();
        // SAFETY: An IoSlice is a kvec, so these are `parts.len()` of them, of `count` bytes; array
        // and memory are borrowed longer than the iterator below lives, and only read.
        unsafe {
            bindings::iov_iter_kvec(
                raw.get(),
                bindings::ITER_SOURCE,
                parts.as_ptr().cast(),
                parts.len(),
                count,
            )
        };
        // SAFETY: It has just been made with this direction, nobody else uses it, and slices have
        // been initialised.
        Ok(unsafe { Self::run(raw.get(), body) })
    }
}
