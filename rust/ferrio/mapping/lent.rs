// SPDX-License-Identifier: GPL-2.0

//! Windows of files of other drivers: whose private data are theirs.
//!
//! So it is the VMA that keeps what it shows: `vm_private_data` owns a reference to it, each copy
//! one of its own.

use super::{count, first, populate, restrict, Rights};
use crate::{pages::PageRef, sys};
use core::marker::PhantomData;
use kernel::{
    bindings,
    mm::virt::{flags, VmaNew, VmaRef},
    prelude::*,
    sync::{Arc, ArcBorrow},
};

/// What is shown in windows. Its methods run where those of [`Mapped`](super::Mapped) do.
pub trait Shown: Send + Sync + 'static {
    /// The page at `index`, counted from offset 0 of the file. May sleep for memory, and for
    /// nothing else. `None`: [`map_lent`] fails with `EINVAL`, and a fault raises `SIGBUS`.
    fn page(&self, index: usize) -> Option<PageRef<'_>>;

    /// There is one more VMA; `writable` says that a program may write to it.
    fn opened(&self, _writable: bool) {}

    /// There is one VMA less: once for each [`opened`](Self::opened).
    fn closed(&self, _writable: bool) {}
}

/// A VMA that is being made, of a file of another driver.
///
/// # Invariants
///
/// It is undergoing setup by the `->mmap` of that driver, which returns what is made of it.
pub struct LentVma<'a>(&'a VmaNew);

impl<'a> LentVma<'a> {
    /// # Safety
    ///
    /// `vma` must be the argument of the running `->mmap`, which returns the result of the call
    /// that this is made for, and whose file pins this module for as long as it is open.
    pub(crate) unsafe fn from_raw(vma: *mut bindings::vm_area_struct) -> Self {
        // INVARIANT: The caller's promise.
        // SAFETY: In `->mmap` the VMA is in setup, and ours until we return.
        LentVma(unsafe { VmaNew::from_raw(vma) })
    }

    /// The first page of the window, counted from offset 0 of the file.
    pub fn first(&self) -> usize {
        first(self.0)
    }

    /// The length of the window in pages, at least 1.
    pub fn count(&self) -> usize {
        count(self.0)
    }
}

/// Gives a window to a program and puts its pages in, as [`map`](super::map) does.
///
/// # Errors
///
/// As of [`map`](super::map); to be returned by `->mmap`.
pub fn map_lent<T: Shown>(vma: LentVma<'_>, shown: Arc<T>, rights: Rights) -> Result {
    let vma = vma.0;
    restrict(vma, rights)?;
    populate(vma, |index| shown.page(index))?;
    // Nothing can fail any more, as `->mmap` returns this.
    shown.opened(vma.flags() & flags::MAYWRITE != 0);
    // SAFETY: The VMA is in setup, so both may be set. The operations are those for what the
    // private data are, and live as long as this module, which the file pins.
    unsafe {
        (*vma.as_ptr()).vm_private_data = Arc::into_raw(shown).cast_mut().cast();
        (*vma.as_ptr()).vm_ops = &LentOps::<T>::OPS;
    }
    Ok(())
}

/// The `struct vm_operations_struct` of windows that show a `T`.
///
/// Each function is called by the mm core on a VMA that got this table from [`map_lent`], or is a
/// copy of such a one, as `include/linux/mm.h` says: its private data is from `Arc::into_raw()` of
/// an `Arc<T>`, of which it owns a reference, but for a copy whose `->open` runs.
struct LentOps<T: Shown>(PhantomData<T>);

impl<T: Shown> LentOps<T> {
    /// # Safety
    ///
    /// `vma` is one of `T`, and not closed for `'a`.
    unsafe fn shown<'a>(vma: *mut bindings::vm_area_struct) -> ArcBorrow<'a, T> {
        // SAFETY: From Arc::into_raw(), and alive: the VMA has a reference, or is a copy of one
        // that has, and that cannot be closed while `mmap_lock` is held for writing.
        unsafe { ArcBorrow::from_raw((*vma).vm_private_data.cast::<T>()) }
    }

    /// # Safety
    ///
    /// `vma` is valid.
    unsafe fn writable(vma: *mut bindings::vm_area_struct) -> bool {
        // SAFETY: The caller's promise.
        unsafe { VmaRef::from_raw(vma) }.flags() & flags::MAYWRITE != 0
    }

    /// # Safety
    ///
    /// `vma` is a copy, under `mmap_lock` for writing.
    unsafe extern "C" fn open(vma: *mut bindings::vm_area_struct) {
        // SAFETY: The mm core's contract.
        let (shown, writable) = unsafe { (Self::shown(vma), Self::writable(vma)) };
        shown.opened(writable);
        // The reference of the copy.
        let _ = Arc::into_raw(Arc::from(shown));
    }

    /// # Safety
    ///
    /// `vma` goes.
    unsafe extern "C" fn close(vma: *mut bindings::vm_area_struct) {
        // SAFETY: The reference of this VMA, which nobody uses any more.
        let shown = unsafe { Arc::from_raw((*vma).vm_private_data.cast::<T>()) };
        // SAFETY: The mm core's contract.
        shown.closed(unsafe { Self::writable(vma) });
    }

    /// # Safety
    ///
    /// None is needed.
    unsafe extern "C" fn may_split(_: *mut bindings::vm_area_struct, _: c_ulong) -> c_int {
        EINVAL.to_errno()
    }

    /// # Safety
    ///
    /// `vmf` is of a fault in a VMA of `T`.
    unsafe extern "C" fn fault(vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        // SAFETY: The mm core's contract: `vmf` is ours during the call, and names the VMA and the
        // page of its file that is wanted.
        unsafe {
            let shown = Self::shown((*vmf).__bindgen_anon_1.vma);
            match shown.page((*vmf).__bindgen_anon_1.pgoff) {
                Some(page) => {
                    // The core owns this reference from here on.
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
        // As in the parent, no others.
        ..pin_init::zeroed()
    };
}
