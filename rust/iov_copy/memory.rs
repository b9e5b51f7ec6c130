// SPDX-License-Identifier: GPL-2.0

//! The memory of one open file. There is no lock: see `Documentation/iov_copy.rst`.

use crate::{quota, quota::Permit, size::Size};
use ferrio::{
    chardev::{SEEK_DATA, SEEK_HOLE},
    iov::{IterDest, IterSource},
    memcg::MemCgroup,
    pages::PageRef,
    sparse::SparsePages,
    task,
};
use kernel::{
    page::{PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
};

/// What is copied between two looks for a signal, in bytes.
const CHUNK: usize = 256 << 10;

/// The memory of one open file.
pub(crate) struct Memory {
    pub(crate) size: Size,
    pages: SparsePages,
    /// Whom pages are charged to.
    opener: MemCgroup,
}

/// Runs `copy` with offset and length of each chunk of `len` bytes from `first`, until one is
/// not done whole or a signal comes behind one.
///
/// Apart from the way of a single chunk, which is 22 instructions shorter without this loop around
/// it.
#[inline(never)]
fn in_chunks(
    first: usize,
    len: usize,
    mut copy: impl FnMut(usize, usize) -> Result<usize>,
) -> Result {
    let end = first + len;
    let mut at = first;
    while at < end {
        let chunk = (end - at).min(CHUNK);
        // What was copied before counts, so a later failure is only a short count.
        let got = match copy(at, chunk) {
            Err(error) if at == first => return Err(error),
            result => result.unwrap_or(0),
        };
        at += got;
        if got < chunk || (at < end && task::interrupted_in_long_call()) {
            break;
        }
    }
    Ok(())
}

impl Memory {
    /// A memory of the default size without a page, whose pages are charged to the caller.
    pub(crate) fn new() -> Self {
        Memory {
            size: Size::new(),
            pages: SparsePages::new(),
            opener: MemCgroup::current(),
        }
    }

    /// How much of it is there, in bytes.
    pub(crate) fn stored(&self) -> usize {
        self.pages.count() * PAGE_SIZE
    }

    /// Makes the page at `index` unless it is there.
    ///
    /// # Errors
    ///
    /// `EDQUOT`, `ENOMEM`; `EINTR`: the caller is being killed.
    #[cold]
    fn make(&self, index: usize) -> Result {
        if task::is_dying() {
            return Err(EINTR);
        }
        self.opener.charge(|| self.pages.make(index, Permit::new))
    }

    /// The page at `index`, made if it is not there; `None` behind the end, or without memory.
    pub(crate) fn page(&self, index: usize) -> Option<PageRef<'_>> {
        if index >= (self.size.get() >> PAGE_SHIFT) as usize {
            return None;
        }
        if let Some(page) = self.pages.page(index) {
            return Some(page);
        }
        // Also if it fails: somebody else may have made it.
        let _ = self.make(index);
        self.pages.page(index)
    }

    /// Offset and length of what a call of `len` bytes at `position` can touch, if there is any.
    #[inline]
    fn within(position: i64, len: usize, size: u64) -> Option<(usize, usize)> {
        let at = u64::try_from(position).ok()?;
        if at >= size {
            return None;
        }
        // Both are at most MAX_BYTES.
        Some((at as usize, ((size - at) as usize).min(len)))
    }

    /// Copies from `position` on to `iter`, as much as fits and is there; holes are zeros.
    #[inline]
    pub(crate) fn read(&self, position: i64, iter: &mut IterDest<'_>) {
        let Some((at, len)) = Self::within(position, iter.len(), self.size.get()) else {
            return;
        };
        // It cannot fail: a short copy is the iterator's to explain.
        if len > CHUNK {
            let _ = in_chunks(at, len, |at, len| Ok(self.pages.copy_to(at, len, iter)));
        } else {
            self.pages.copy_to(at, len, iter);
        }
    }

    /// Copies from `iter` to `position` on; makes the pages that are missing, unless `nowait`.
    ///
    /// # Errors
    ///
    /// If nothing was copied: `ENOSPC` at or behind the end, and those of [`make`](Self::make). A
    /// fault is the iterator's to explain. With `nowait` `EAGAIN` before anything is copied if any
    /// page is missing: io_uring would take less than all for the result, and not come back.
    #[inline]
    pub(crate) fn write(
        &self,
        position: i64,
        iter: &mut IterSource<'_>,
        nowait: impl FnOnce() -> bool,
    ) -> Result {
        if iter.is_empty() {
            return Ok(());
        }
        let size = self.size.fix();
        let (at, len) = Self::within(position, iter.len(), size).ok_or(ENOSPC)?;
        if nowait() && self.has_hole(at, len) {
            return Err(EAGAIN);
        }
        if len > CHUNK {
            return in_chunks(at, len, |at, len| self.write_chunk(at, len, iter));
        }
        self.write_chunk(at, len, iter).map(|_| ())
    }

    /// Whether a page that `len` bytes from `at` touch is missing.
    #[cold]
    fn has_hole(&self, at: usize, len: usize) -> bool {
        let end = (at + len).div_ceil(PAGE_SIZE);
        self.pages.next(at >> PAGE_SHIFT, end, true).is_some()
    }

    /// Always inlined, as [`SparsePages::copy_from`].
    #[inline(always)]
    fn write_chunk(&self, at: usize, len: usize, iter: &mut IterSource<'_>) -> Result<usize> {
        self.pages
            .copy_from(at, len, iter, |index| self.make(index))
    }

    /// The next byte at or behind `offset` that is stored (`SEEK_DATA`), or that is not
    /// (`SEEK_HOLE`); the end is a hole.
    ///
    /// # Errors
    ///
    /// - `ENXIO`: `offset` is not in the memory; or only holes follow.
    /// - `EINVAL`: another `whence`.
    pub(crate) fn next(&self, offset: i64, whence: i32) -> Result<i64> {
        let hole = match whence {
            SEEK_DATA => false,
            SEEK_HOLE => true,
            _ => return Err(EINVAL),
        };
        let size = self.size.get();
        let (at, _) = Self::within(offset, 0, size).ok_or(ENXIO)?;
        let end = (size >> PAGE_SHIFT) as usize;
        let found = match self.pages.next(at >> PAGE_SHIFT, end, hole) {
            Some(index) => index << PAGE_SHIFT,
            None if hole => size as usize,
            None => return Err(ENXIO),
        };
        // The page that `offset` is in begins before it.
        Ok(found.max(at) as i64)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let pages = self.pages.held();
        // They count until they are gone, which may take long.
        drop(core::mem::take(&mut self.pages));
        quota::give_back(pages);
    }
}
