// SPDX-License-Identifier: GPL-2.0

//! Mapping a driver's pages into programs: `mmap()`.
//!
//! C headers: [`include/linux/mm.h`](srctree/include/linux/mm.h)
//!
//! A driver implements [`Mapped`] beside [`FileOps`]: which page is at which offset. In
//! [`FileOps::mmap`] it looks at the window that is asked for and calls [`map`]. The pages are put
//! in at once; [`Mapped::page`] is also asked at faults, as a program can drop what was put in
//! (`MADV_DONTNEED`). A child's copy of a window begins with what its parent's has
//! (`VM_COPY_ON_FORK`).
//!
//! # Who keeps what alive
//!
//! A VMA holds a reference to its file in `vm_file`, from before `->mmap` until after `->close`
//! (`__mmap_new_file_vma()` and `remove_vma()` of `mm/vma.c`); a copy that `fork()` makes takes its
//! own only behind `->open`, but what it is copied from has one. The file keeps its private data
//! until `->release`, which runs when its last reference is gone. So whatever is called on a VMA
//! finds the private data through `vm_file`, and a mapping needs no count of its own: a descriptor
//! that is closed while its window is mapped changes nothing. Each page that is put in has a
//! reference for as long as it is there, so the driver may even free it before.
//!
//! # What a program can do with a window
//!
//! A window stays whole: `->may_split` refuses what would cut it (partial `munmap()`, `mprotect()`,
//! `mremap()`, `MAP_FIXED` over a part: `EINVAL`). It can be moved, unmapped, inherited by a child.
//! It cannot grow (`VM_DONTEXPAND`), is not in core dumps (`VM_DONTDUMP`), is never executable, and
//! `mprotect()` gives no right that [`map`] did not.

pub mod frozen;
pub mod lent;

use crate::{
    chardev::{FileOps, Private},
    pages::PageRef,
    sys, task,
};
use core::{marker::PhantomData, ops::Deref, ptr};
use kernel::{
    bindings,
    error::to_result,
    mm::virt::{flags, VmaNew, VmaRef},
    page::{PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
    types::ForeignOwnable,
};

/// Pages that go into a page table by one call: half a kilobyte of stack.
const BATCH: usize = 64;

/// A driver whose pages programs can map.
///
/// All three run in process context with the `mmap_lock` of some program held: `page` for reading
/// (at a fault, also by the kernel's own copies to and from the window), `opened` for writing,
/// `closed` for reading or writing (`vms_complete_munmap_vmas()` of `mm/vma.c` downgrades), or of a
/// program that is gone. So they must not copy from or to user memory, and must not wait for a lock
/// that is held across such a copy. All but `opened` may run several times at once for one program,
/// and all of them for different ones.
pub trait Mapped: FileOps {
    /// The page at `index`, counted from offset 0 of the file. May sleep for memory, and for
    /// nothing else.
    ///
    /// For `None` [`map`] fails with `EINVAL`, and a fault raises `SIGBUS`.
    fn page<'a>(this: Private<'a, Self>, index: usize) -> Option<PageRef<'a>>;

    /// There is one more VMA of this file; `writable` says that a program may write to it: that
    /// [`Rights::ReadWrite`] were given, and the file is open for writing, whatever the
    /// protection is at the moment.
    ///
    /// Called when an `mmap()` has succeeded, and for each copy (`->open`: `fork()`, `mremap()`).
    fn opened(_this: Private<'_, Self>, _writable: bool) {}

    /// There is one VMA less, `->close`: exactly once for each [`opened`](Self::opened), with the
    /// same `writable`, while the file still lives.
    fn closed(_this: Private<'_, Self>, _writable: bool) {}
}

/// What a program may do with a window.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Read.
    Read,
    /// Read and write.
    ReadWrite,
}

/// A VMA of a file of `T` that is being made: the argument of [`FileOps::mmap`].
///
/// # Invariants
///
/// `vma` is undergoing setup by `->mmap`, and its `vm_file` is an open file of `T`.
pub struct NewVma<'a, T: FileOps> {
    vma: &'a VmaNew,
    _file: PhantomData<Private<'a, T>>,
}

impl<T: FileOps> Deref for NewVma<'_, T> {
    type Target = VmaNew;
    #[inline]
    fn deref(&self) -> &VmaNew {
        self.vma
    }
}

/// The first page of a window, counted from offset 0 of the file.
#[inline]
fn first(vma: &VmaNew) -> usize {
    // SAFETY: Valid, and nobody else sees a VMA in setup.
    unsafe { (*vma.as_ptr()).vm_pgoff }
}

/// The length of a window in pages.
#[inline]
fn count(vma: &VmaNew) -> usize {
    (vma.end() - vma.start()) >> PAGE_SHIFT
}

impl<'a, T: FileOps> NewVma<'a, T> {
    /// # Safety
    ///
    /// `vma` must be the argument of the running `->mmap` of a file of `T`.
    #[inline]
    pub(crate) unsafe fn from_raw(vma: *mut bindings::vm_area_struct) -> Self {
        // INVARIANT: The mm core has set `vm_file` to the file whose `->mmap` it calls.
        NewVma {
            // SAFETY: In `->mmap` the VMA is in setup, and ours until we return.
            vma: unsafe { VmaNew::from_raw(vma) },
            _file: PhantomData,
        }
    }

    /// The first page of the window, counted from offset 0 of the file.
    #[inline]
    pub fn first(&self) -> usize {
        first(self.vma)
    }

    /// The length of the window in pages, at least 1. `first() + count()` does not overflow
    /// (`do_mmap()` refuses that with `EOVERFLOW`).
    #[inline]
    pub fn count(&self) -> usize {
        count(self.vma)
    }
}

/// Gives a window to a program and puts its pages in: what [`FileOps::mmap`] ends with.
///
/// A program that has not opened the file for reading and writing gets no more than what it has
/// opened it for: what is forbidden to a file is forbidden before this is called. Costs one call of
/// [`Mapped::page`] a page, and one of `vm_insert_pages()` for 64 of them.
///
/// # Errors
///
/// To be returned by [`FileOps::mmap`]: the mapping is then not made, what was put in is taken out,
/// and [`Mapped::opened`] is not called.
///
/// - `EINVAL`: `MAP_PRIVATE`, or a page of the window that [`Mapped::page`] does not have.
/// - `EPERM`: `PROT_WRITE` without the right, or `PROT_EXEC`, also where `READ_IMPLIES_EXEC` of
///   `personality(2)` adds it.
/// - `ENOMEM`: no memory for page tables.
/// - `EINTR`: the caller is being killed.
pub fn map<T: Mapped>(vma: NewVma<'_, T>, rights: Rights) -> Result {
    set_up(&vma, rights)?;
    populate(vma.vma, |index| {
        // SAFETY: The file is open during its `->mmap`, and not released before that returns: its
        // private data, and what they borrow, live longer than the last use of a page.
        T::page(unsafe { private::<T>(vma.as_ptr()) }, index)
    })
}

/// Gives a window to a program, as [`map`] does, and puts in nothing: each page comes at the first
/// access to it. For memory that is made when it is used.
///
/// # Errors
///
/// To be returned by [`FileOps::mmap`]: the mapping is then not made.
///
/// - `EINVAL`: `MAP_PRIVATE`.
/// - `EPERM`: as of [`map`].
pub fn map_on_demand<T: Mapped>(vma: NewVma<'_, T>, rights: Rights) -> Result {
    set_up(&vma, rights)
}

/// Flags and operations of a window.
fn set_up<T: Mapped>(vma: &NewVma<'_, T>, rights: Rights) -> Result {
    restrict(vma.vma, rights)?;
    // SAFETY: The VMA is in setup by the type invariants, so the operations may be set. They fit
    // its file, and live as long as the module, which the file pins.
    unsafe { (*vma.as_ptr()).vm_ops = VmOps::<T>::get() };
    Ok(())
}

/// Flags of a window that can be written to.
fn restrict(vma: &VmaNew, rights: Rights) -> Result {
    // VM_SHARED is not set in a shared mapping of a file that was opened for reading only.
    if vma.flags() & flags::MAYSHARE == 0 {
        return Err(EINVAL);
    }
    let error = |_| EPERM;
    vma.try_clear_mayexec().map_err(error)?;
    if rights == Rights::Read {
        vma.try_clear_maywrite().map_err(error)?;
    }
    vma.set_dontexpand();
    vma.set_dontdump();
    vma.set_mixedmap();
    Ok(())
}

/// Puts in what `page` says is at each index of the window. The VMA is of type `VM_MIXEDMAP`.
#[inline]
fn populate<'v>(vma: &'v VmaNew, page: impl Fn(usize) -> Option<PageRef<'v>>) -> Result {
    let (first, count) = (first(vma), count(vma));
    let mut batch = [ptr::null_mut(); BATCH];
    let mut done = 0;
    while done < count {
        if task::is_dying() {
            return Err(EINTR);
        }
        let n = (count - done).min(BATCH);
        for (at, slot) in batch[..n].iter_mut().enumerate() {
            *slot = page(first + done + at).ok_or(EINVAL)?.as_ptr();
        }
        // SAFETY: A VMA in setup, under mmap_lock for writing, of type VM_MIXEDMAP, as the caller
        // has set. The range lies in it; the array has `n` pages, of order 0 or of folios, and
        // owned by somebody for as long as the VMA is borrowed here.
        to_result(unsafe {
            sys::ferrio_vma_insert(
                vma.as_ptr(),
                vma.start() + done * PAGE_SIZE,
                batch.as_mut_ptr(),
                n,
            )
        })
        // With a range and pages that are right this is walk_to_pmd() of mm/memory.c, which had no
        // memory for a table above the last level.
        .map_err(|err| if err == EFAULT { ENOMEM } else { err })?;
        done += n;
    }
    Ok(())
}

/// # Safety
///
/// `vma` must be valid, and its `vm_file` an open file of `T` that is not released for `'a`.
#[inline]
unsafe fn private<'a, T: FileOps>(vma: *mut bindings::vm_area_struct) -> Private<'a, T> {
    // SAFETY: The private data of an open file of T is a foreign T::Ptr until its `->release`.
    unsafe { T::Ptr::borrow((*(*vma).vm_file).private_data) }
}

/// Says that the VMA whose setup has just succeeded is there.
///
/// The mm core calls `->open` for copies only, and `->close` for all but those whose `->mmap`
/// failed (`mmap_file()` of `mm/internal.h` takes their operations away). After a `->mmap` that
/// succeeded nothing can fail any more (`__mmap_new_vma()` of `mm/vma.c`), so this is the place to
/// count the first one.
///
/// # Safety
///
/// `vma` must be the argument of the running `->mmap`, which is about to return 0.
pub(crate) unsafe fn opened_first(vma: *mut bindings::vm_area_struct) {
    // SAFETY: A VMA has operations from its allocation on: ours, or the kernel's empty ones. Ours
    // are for the type of its file.
    unsafe {
        if let Some(open) = (*(*vma).vm_ops).open {
            open(vma);
        }
    }
}

/// The `struct vm_operations_struct` of `T`.
///
/// Each function below is called by the mm core as `include/linux/mm.h` says, on a VMA that got
/// this table from [`map`], or is a copy of such a one: its `vm_file` is an open file of `T`, to
/// which it holds a reference. That is what the SAFETY comments mean by "the mm core's contract".
struct VmOps<T: Mapped>(PhantomData<T>);

impl<T: Mapped> VmOps<T> {
    /// Cleared in [`map`] where writing is not given, and never changed later.
    ///
    /// # Safety
    ///
    /// `vma` is valid, its `mmap_lock` held.
    unsafe fn writable(vma: *mut bindings::vm_area_struct) -> bool {
        // SAFETY: The caller's promise.
        unsafe { VmaRef::from_raw(vma) }.flags() & flags::MAYWRITE != 0
    }

    /// # Safety
    ///
    /// `vma` is one of `T`, under `mmap_lock` for writing.
    unsafe extern "C" fn open(vma: *mut bindings::vm_area_struct) {
        // SAFETY: The mm core's contract. `copy_vma()` takes the copy's reference to the file
        // before `->open`, `dup_mmap()` behind it; but there the VMA that is copied, which cannot
        // go as its `mmap_lock` is held for writing, has one to the same file.
        unsafe { T::opened(private::<T>(vma), Self::writable(vma)) };
    }

    /// # Safety
    ///
    /// `vma` is one of `T`, under `mmap_lock` for reading or writing, or of a process that is gone:
    /// off the tree already, so nobody else changes it.
    unsafe extern "C" fn close(vma: *mut bindings::vm_area_struct) {
        // SAFETY: The mm core's contract: the reference to the file is given back afterwards
        // (`remove_vma()`, `vms_clean_up_area()`).
        unsafe { T::closed(private::<T>(vma), Self::writable(vma)) };
    }

    /// # Safety
    ///
    /// None is needed.
    unsafe extern "C" fn may_split(_: *mut bindings::vm_area_struct, _: c_ulong) -> c_int {
        EINVAL.to_errno()
    }

    /// # Safety
    ///
    /// `vmf` is of a fault in a VMA of `T`, under `mmap_lock` for reading or the lock of the VMA.
    unsafe extern "C" fn fault(vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        // SAFETY: The mm core's contract: `vmf` is ours during the call, and names the VMA and the
        // page of its file that is wanted (`__handle_mm_fault()`), wherever the VMA
        // has been moved to.
        unsafe {
            let vma = (*vmf).__bindgen_anon_1.vma;
            match T::page(private::<T>(vma), (*vmf).__bindgen_anon_1.pgoff) {
                Some(page) => {
                    // The core owns this reference from here on (`__do_fault()`).
                    (*vmf).page = page.get();
                    0
                }
                None => sys::FERRIO_VM_FAULT_SIGBUS,
            }
        }
    }

    const OPS: bindings::vm_operations_struct = bindings::vm_operations_struct {
        open: Some(Self::open),
        close: Some(Self::close),
        may_split: Some(Self::may_split),
        fault: Some(Self::fault),
        // No `access`: a debugger that may not write does not write either. No `mremap`: a move
        // needs no help. No `page_mkwrite`: nothing is ever written back.
        ..pin_init::zeroed()
    };

    fn get() -> &'static bindings::vm_operations_struct {
        &Self::OPS
    }
}
