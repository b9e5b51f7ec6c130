// SPDX-License-Identifier: GPL-2.0

//! I/O vectors, and the proof of what was moved through them.
//!
//! C headers: [`include/linux/uio.h`](srctree/include/linux/uio.h),
//! [`include/linux/iov_iter.h`](srctree/include/linux/iov_iter.h)
//!
//! Two types for two directions, as in `kernel::iov`; but what counts as moved is taken from the
//! iterator itself, never from the driver: [`Moved`] can only be made by the iterator that the
//! driver was handed, and a fault before the first byte is `EFAULT`, not end of file.
//!
//! An iterator comes from the VFS, with a read or a write, or is made here, for the time of a
//! closure: over kernel memory ([`IterDest::with_slice`], [`IterDest::with_vec`]), over pages
//! ([`IterDest::with_pages`]), over memory of the calling process ([`IterDest::import`],
//! [`IterDest::import_buf`]), or over nothing ([`IterDest::with_discard`]). `'i` in its type is a
//! brand that no other iterator has, so a [`Checkpoint`] or a [`Moved`] of another one does not
//! compile. `Documentation/iov.rst` has the names that C has for all this.
//!
//! Nothing gives out where the memory is: who looks at segments breaks as soon as the kernel makes
//! them in another way, as it did when a `readv()` of one segment became a plain buffer.

mod bvec;
mod chunks;
mod dest;
mod dup;
mod iter;
mod kernel_memory;
mod pinned;
mod scatter;
mod source;
mod sum;
mod user;

pub use bvec::PageSlice;
pub use dest::IterDest;
pub use dup::{DupDest, DupSource};
pub use iter::{Checkpoint, Copied, Moved};
pub use kernel_memory::{IoSlice, IoSliceMut};
pub use pinned::{pinned_pages, PinnedDest, PinnedPages, PinnedSource};
pub use scatter::{ScatterDest, ScatterSource};
pub use source::IterSource;
pub use sum::Crc32c;
#[cfg(CONFIG_NET)]
pub use sum::InternetSum;

use crate::sys;
use kernel::prelude::*;

/// The smallest write that is never done in part, `PIPE_BUF` of `limits.h`, in bytes.
pub const PIPE_BUF: usize = sys::FERRIO_PIPE_BUF as usize;

/// The most that one call moves, `MAX_RW_COUNT` of `fs.h`, in bytes: 2 GiB less a page.
pub const MAX_RW_COUNT: usize = sys::FERRIO_MAX_RW_COUNT as usize;

/// The sum of lengths in bytes, as `iov_length()` of `uio.h`, which however wraps around.
///
/// Any context.
///
/// # Errors
///
/// `EINVAL` if the sum is more than [`MAX_RW_COUNT`], or than a `usize` holds.
pub fn total_len(lens: impl IntoIterator<Item = usize>) -> Result<usize> {
    lens.into_iter()
        .try_fold(0usize, |sum, len| sum.checked_add(len))
        .filter(|sum| *sum <= MAX_RW_COUNT)
        .ok_or(EINVAL)
}
