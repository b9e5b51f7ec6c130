// SPDX-License-Identifier: GPL-2.0

//! Iterators over memory of the calling process.
//!
//! There is no way from parts to such an iterator but these two, which look at every address first:
//! one caller that had forgotten to was a hole for root once.

use super::{IterDest, IterSource};
use core::mem::MaybeUninit;
use kernel::{bindings, current, error::to_result, prelude::*, types::Opaque, uaccess::UserPtr};

/// A kernel thread has no memory of a process, but may run on the page tables of one.
fn has_memory() -> Result {
    current!().mm().map(|_| ()).ok_or(EFAULT)
}

/// The array that import_iovec() may have allocated.
///
/// # Invariants
///
/// NULL, or what kfree() takes.
struct Allocated(*mut bindings::iovec);

impl Drop for Allocated {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; nobody uses it any more.
        unsafe { bindings::kfree(self.0.cast()) };
    }
}

/// Runs `body` with an iterator over the memory that an array of the process names.
fn with_iovec<R>(
    direction: u32,
    vec: UserPtr,
    segments: u32,
    body: impl FnOnce(*mut bindings::iov_iter) -> R,
) -> Result<R> {
    has_memory()?;
    let mut fast = [const { MaybeUninit::<bindings::iovec>::uninit() }; FAST];
    let mut array = fast.as_mut_ptr().cast::<bindings::iovec>();
    let raw = Opaque::<bindings::iov_iter>::uninit();
    // SAFETY: `array` has room for FAST segments; import_iovec() writes to it before it reads,
    // initialises `raw` on success, and leaves in `array` what kfree() takes in any case.
    let bytes = unsafe {
        bindings::import_iovec(
            direction as c_int,
            vec.as_const_ptr().cast(),
            segments,
            FAST as c_uint,
            &mut array,
            raw.get(),
        )
    };
    // INVARIANT: See above.
    let _array = Allocated(array);
    if bytes < 0 {
        return Err(Error::from_errno(bytes as c_int));
    }
    Ok(body(raw.get()))
}

/// Segments that fit on the stack, as for readv().
const FAST: usize = bindings::UIO_FASTIOV as usize;

/// Runs `body` with an iterator over one buffer of the process.
fn with_buf<R>(
    direction: u32,
    buf: UserPtr,
    len: usize,
    body: impl FnOnce(*mut bindings::iov_iter) -> R,
) -> Result<R> {
    has_memory()?;
    let raw = Opaque::<bindings::iov_iter>::uninit();
    // SAFETY: import_ubuf() initialises `raw` on success, and looks at the address.
    to_result(unsafe {
        bindings::import_ubuf(direction as c_int, buf.as_mut_ptr(), len, raw.get())
    })?;
    Ok(body(raw.get()))
}

macro_rules! from_user {
    ($name:ident, $direction:expr) => {
        impl $name<'_> {
            /// Runs `body` with an iterator over the memory that an array of `segments` structs
            /// `iovec` of the calling process names; returns its result and the bytes moved.
            ///
            /// For an ioctl that has such an array in its struct; a 32-bit program's looks
            /// different, and is known. Only the first [`MAX_RW_COUNT`](super::MAX_RW_COUNT) bytes
            /// are used; no segment is none. What is not mapped shows when it is copied. Wraps
            /// `import_iovec()` of `lib/iov_iter.c`. Process context; sleeps. Allocates for more
            /// than 8 segments.
            ///
            /// # Errors
            ///
            /// - `EINVAL`: more than 1024 segments, or a length that is negative as `ssize_t`.
            /// - `EFAULT`: the array cannot be read, a segment is not where a process has memory,
            ///   or the caller is a kernel thread.
            /// - `ENOMEM`.
            pub fn import<R>(
                vec: UserPtr,
                segments: u32,
                body: impl for<'b> FnOnce(&mut $name<'b>) -> R,
            ) -> Result<(R, usize)> {
                // SAFETY: It is valid and of this direction until the closure returns, nobody else
                // uses it, and memory of a process is no secret to it.
                with_iovec($direction, vec, segments, |raw| unsafe {
                    Self::run(raw, body)
                })
            }

            /// Runs `body` with an iterator over `len` bytes of the calling process; returns its
            /// result and the bytes moved.
            ///
            /// Only the first [`MAX_RW_COUNT`](super::MAX_RW_COUNT) bytes are used. Wraps
            /// `import_ubuf()` of `lib/iov_iter.c`. Process context.
            ///
            /// # Errors
            ///
            /// `EFAULT`: it is not where a process has memory, or the caller is a kernel thread.
            pub fn import_buf<R>(
                buf: UserPtr,
                len: usize,
                body: impl for<'b> FnOnce(&mut $name<'b>) -> R,
            ) -> Result<(R, usize)> {
                // SAFETY: As above.
                with_buf($direction, buf, len, |raw| unsafe { Self::run(raw, body) })
            }
        }
    };
}

from_user!(IterDest, bindings::ITER_DEST);
from_user!(IterSource, bindings::ITER_SOURCE);
