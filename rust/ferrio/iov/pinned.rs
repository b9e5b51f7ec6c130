// SPDX-License-Identifier: GPL-2.0

//! The pages behind an iterator, held for as long as a guard lives.
//!
//! Pages of a process are pinned, so that a `fork()` meanwhile gives the child a copy and the
//! process keeps what it handed over; a plain reference (`iov_iter_get_pages2()`) leaves that to
//! chance, so there is no way to get one. Pages of the kernel are only listed: the iterator's
//! memory outlives the guard anyway, which its brand sees to.

use super::{
    iter::{Copied, Iter},
    IterDest, IterSource,
};
use crate::pages::PageRef;
use core::{marker::PhantomData, mem::MaybeUninit, ptr::NonNull};
use kernel::{
    bindings, debugfs, fmt,
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
};

/// Pages that this module has pinned at the moment.
static PINNED: Atomic<usize> = Atomic::new(0);

/// How many pages of processes this module has pinned at the moment. Any context.
pub fn pinned_pages() -> usize {
    PINNED.load(Relaxed)
}

/// [`pinned_pages`] as the content of a debugfs file: one decimal line.
pub struct PinnedPages;

impl debugfs::Writer for PinnedPages {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", pinned_pages())
    }
}

/// Counts pages in, or out. Scatterlists have pins, too.
pub(super) fn count_pins(before: usize, after: usize) {
    PINNED.fetch_add(after.wrapping_sub(before), Relaxed);
}

/// The error for `most` bytes of which C said `got`: none, or an errno.
///
/// None, although there is something to take, would make a loop run for ever.
#[cold]
pub(super) fn not_taken(iter: &mut Iter<'_>, most: usize, got: isize) -> Error {
    let error = if got < 0 {
        Error::from_errno(got as c_int)
    } else {
        EFAULT
    };
    // Others (no memory, being killed) do not make a call EFAULT.
    if iter.is_user() && error == EFAULT {
        let _ = iter.copied(most, 0);
    }
    error
}

/// Up to `N` pages.
///
/// # Invariants
///
/// The first `count` of `pages` are valid pages, pinned by us if `user`, else kept for `'i` by
/// whoever made the iterator. `len` bytes lie in them without a gap, from `offset` of the first on.
struct Pages<'i, const N: usize> {
    pages: [MaybeUninit<*mut bindings::page>; N],
    count: usize,
    offset: usize,
    len: usize,
    user: bool,
    _life: PhantomData<&'i PageRef<'i>>,
}

impl<'i, const N: usize> Pages<'i, N> {
    fn extract(iter: &mut Iter<'i>, most: usize) -> Result<Self> {
        // The array is on the stack, and a word has a bit for each page.
        const { assert!(N > 0 && N <= 64, "1 to 64 pages at a time") };
        let mut got = Pages {
            pages: [const { MaybeUninit::uninit() }; N],
            count: 0,
            offset: 0,
            len: 0,
            user: iter.is_user(),
            _life: PhantomData,
        };
        let most = most.min(iter.len());
        if most == 0 {
            return Ok(got);
        }
        let mut array = got.pages.as_mut_ptr().cast::<*mut bindings::page>();
        // SAFETY: The iterator is valid, and there are `most` bytes in it; `array` has room for N
        // pages and is not NULL, so no other is allocated.
        let len = unsafe {
            bindings::iov_iter_extract_pages(
                iter.raw.as_ptr(),
                &mut array,
                most,
                N as c_uint,
                0,
                &mut got.offset,
            )
        };
        if len <= 0 {
            return Err(not_taken(iter, most, len));
        }
        // INVARIANT: C has filled in as many pages as these bytes touch, and pinned those of a
        // process. It keeps none of the kernel's, but the iterator does, for 'i.
        got.len = len as usize;
        got.count = (got.offset + got.len).div_ceil(PAGE_SIZE);
        if got.user {
            count_pins(0, got.count);
        }
        Ok(got)
    }

    fn page(&self, index: usize) -> Option<NonNull<bindings::page>> {
        let page = self.pages[..self.count].get(index)?;
        // SAFETY: By the type invariants these are initialised, and pages.
        Some(unsafe { NonNull::new_unchecked(page.assume_init()) })
    }

    /// Splits `len` bytes from `at` at the borders of the pages. Stops when `copy` does less than
    /// asked.
    fn walk(
        &self,
        at: usize,
        len: usize,
        mut copy: impl FnMut(NonNull<bindings::page>, usize, usize) -> Copied,
    ) -> Copied {
        let len = len.min(self.len.saturating_sub(at));
        let mut done = 0;
        while done < len {
            let place = self.offset + at + done;
            let Some(page) = self.page(place / PAGE_SIZE) else {
                break;
            };
            let within = place % PAGE_SIZE;
            let piece = (PAGE_SIZE - within).min(len - done);
            let copied = copy(page, within, piece);
            done += copied.bytes();
            if copied.bytes() < piece {
                return Copied::new(done, copied.faulted());
            }
        }
        Copied::new(done, false)
    }

    /// Gives the pages back; those whose bit is set in `changed` have been written to.
    fn put(&mut self, changed: u64) {
        if !self.user {
            return;
        }
        let is_dirty = |index: usize| changed >> index & 1 != 0;
        let mut at = 0;
        while at < self.count {
            let dirty = is_dirty(at);
            let end = (at..self.count)
                .find(|&index| is_dirty(index) != dirty)
                .unwrap_or(self.count);
            let pages = &mut self.pages[at..end];
            // SAFETY: By the type invariants these are pages that we have pinned, once each, and
            // the ranges have none twice. Process context, as the guards' documentation asks for.
            unsafe {
                bindings::unpin_user_pages_dirty_lock(pages.as_mut_ptr().cast(), pages.len(), dirty)
            };
            at = end;
        }
        count_pins(self.count, 0);
    }
}

macro_rules! guard {
    ($name:ident) => {
        impl<const N: usize> $name<'_, N> {
            /// Bytes that the guard holds. Any context.
            pub fn len(&self) -> usize {
                self.pages.len
            }

            /// Whether it holds none: the iterator was at its end.
            pub fn is_empty(&self) -> bool {
                self.pages.len == 0
            }

            /// Where in the first page they begin. Any context.
            pub fn offset(&self) -> usize {
                self.pages.offset
            }

            /// How many pages they touch. Any context.
            pub fn page_count(&self) -> usize {
                self.pages.count
            }

            /// Whether they are pages of a process, and so pinned. Any context.
            pub fn is_pinned(&self) -> bool {
                self.pages.user && self.pages.count > 0
            }

            /// Whether the page number `index` of the guard is `page`. For tests. Any context.
            pub fn is_page(&self, index: usize, page: PageRef<'_>) -> bool {
                self.pages
                    .page(index)
                    .is_some_and(|held| held == page.as_non_null())
            }
        }
    };
}

/// Pages to read from; dropped in process context, as that may sleep.
pub struct PinnedSource<'i, const N: usize> {
    pages: Pages<'i, N>,
}

/// Pages to write to; dropped in process context, as that may sleep.
pub struct PinnedDest<'i, const N: usize> {
    pages: Pages<'i, N>,
    /// A bit for each page that was written to.
    changed: u64,
}

guard!(PinnedSource);
guard!(PinnedDest);

impl<const N: usize> PinnedSource<'_, N> {
    /// Copies `len` bytes from `at` of the guard to an iterator, with no buffer between; what lies
    /// behind the end is left out.
    ///
    /// Process context; may sleep for a fault.
    pub fn copy_to(&self, at: usize, len: usize, to: &mut IterDest<'_>) -> Copied {
        // SAFETY: A page that the guard holds, and the part is inside of it.
        self.pages.walk(at, len, |page, offset, n| unsafe {
            to.copy_raw_page(page, offset, n)
        })
    }
}

impl<const N: usize> PinnedDest<'_, N> {
    /// Copies `len` bytes from an iterator to `at` of the guard, with no buffer between; what would
    /// lie behind the end is left out.
    ///
    /// The pages that it reaches are marked dirty when they are given back. Process context; may
    /// sleep for a fault.
    pub fn copy_from(&mut self, at: usize, len: usize, from: &mut IterSource<'_>) -> Copied {
        // SAFETY: A page that the guard holds, and the part is inside of it. There are no
        // references to it: it belongs to a process, or to whoever lent it to the iterator.
        let copied = self.pages.walk(at, len, |page, offset, n| unsafe {
            from.copy_raw_page(page, offset, n)
        });
        if copied.bytes() > 0 {
            let place = self.pages.offset + at;
            for page in place / PAGE_SIZE..(place + copied.bytes()).div_ceil(PAGE_SIZE) {
                self.changed |= 1 << page;
            }
        }
        copied
    }
}

impl<const N: usize> Drop for PinnedSource<'_, N> {
    fn drop(&mut self) {
        self.pages.put(0);
    }
}

impl<const N: usize> Drop for PinnedDest<'_, N> {
    fn drop(&mut self) {
        self.pages.put(self.changed);
    }
}

impl<'i> IterSource<'i> {
    /// Takes the next pages, `N` (up to 64) at most and with `most` bytes at most, and advances
    /// over them.
    ///
    /// The bytes count as moved. The guard ends with the segment, but for segments of pages that go
    /// on at a page border. Allocates nothing. Wraps `iov_iter_extract_pages()` of
    /// `lib/iov_iter.c`. Process context; may sleep for a fault.
    ///
    /// # Errors
    ///
    /// - `EFAULT`: not even the first page can be read, or an iterator that has no pages.
    /// - `EINTR`: the caller is being killed.
    /// - `ENOMEM`, `EHWPOISON`.
    pub fn extract<const N: usize>(&mut self, most: usize) -> Result<PinnedSource<'i, N>> {
        Ok(PinnedSource {
            pages: Pages::extract(&mut self.0, most)?,
        })
    }
}

impl<'i> IterDest<'i> {
    /// Takes the next pages, `N` (up to 64) at most and with `most` bytes at most, and advances
    /// over them.
    ///
    /// The bytes count as moved, whether or not they are written to. Pages that the kernel made for
    /// this call are zeroed first, as with [`advance`](Self::advance). Else as
    /// [`IterSource::extract`].
    ///
    /// # Errors
    ///
    /// - `EFAULT`: not even the first page can be written to, or an iterator that has no pages.
    /// - `EINTR`, `ENOMEM`, `EHWPOISON`: as there.
    pub fn extract<const N: usize>(&mut self, most: usize) -> Result<PinnedDest<'i, N>> {
        self.zero_fresh(most.min(N * PAGE_SIZE));
        Ok(PinnedDest {
            pages: Pages::extract(&mut self.0, most)?,
            changed: 0,
        })
    }
}
