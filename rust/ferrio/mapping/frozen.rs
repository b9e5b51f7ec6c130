// SPDX-License-Identifier: GPL-2.0

//! Mapping bytes that nobody changes: windows that are only ever read, shared or private.
//!
//! As nobody changes the pages, it is all the same whether a window is `MAP_SHARED` or
//! `MAP_PRIVATE`: both show the pages themselves. `VM_MAYWRITE` is cleared in both, so that
//! `mprotect()` cannot make them writable, and that a debugger's write (`FOLL_FORCE`) does not make
//! a copy either: `is_cow_mapping()` of `linux/mm.h` is false for them, and
//! `check_vma_flags()` of `mm/gup.c` refuses.

use super::{populate, private, NewVma};
use crate::{
    chardev::{FileOps, Private},
    contiguous::Frozen,
    sys,
};
use core::marker::PhantomData;
use kernel::{bindings, prelude::*};

/// A driver whose frozen bytes programs can map.
pub trait MappedFrozen: FileOps {
    /// What a file of it maps: from offset 0 on, the whole of it. Called under some program's
    /// `mmap_lock`, so it may not wait for anything; it is the same one for the life of the file.
    fn frozen<'a>(this: Private<'a, Self>) -> &'a Frozen;
}

/// Gives a window to a program and puts its pages in: what [`FileOps::mmap`] ends with.
///
/// Behind the bytes, the last page is zero. Costs one call of `vm_insert_pages()` for 64 pages.
///
/// # Errors
///
/// To be returned by [`FileOps::mmap`]: the mapping is then not made.
///
/// - `EINVAL`: a page of the window does not exist.
/// - `EPERM`: `PROT_WRITE` or `PROT_EXEC`, also where `READ_IMPLIES_EXEC` of `personality(2)` adds
///   it.
/// - `ENOMEM`: no memory for page tables.
/// - `EINTR`: the caller is being killed.
pub fn map_frozen<T: MappedFrozen>(vma: NewVma<'_, T>) -> Result {
    // SAFETY: The file is open during its `->mmap`, and not released before that returns: its
    // private data, and what they borrow, live longer than the last use of a page.
    let frozen = T::frozen(unsafe { private::<T>(vma.as_ptr()) });
    if vma.first() + vma.count() > frozen.pages() {
        return Err(EINVAL);
    }
    let error = |_| EPERM;
    vma.try_clear_mayexec().map_err(error)?;
    vma.try_clear_maywrite().map_err(error)?;
    vma.set_dontexpand();
    vma.set_dontdump();
    vma.set_mixedmap();
    // SAFETY: The VMA is in setup by the type invariants, so the operations may be set. They fit
    // its file, and live as long as the module, which the file pins.
    unsafe { (*vma.as_ptr()).vm_ops = VmOps::<T>::get() };
    populate(vma.vma, |index| frozen.page(index))
}

/// The `struct vm_operations_struct` of `T`, for VMAs that [`map_frozen`] made, and their copies.
struct VmOps<T: MappedFrozen>(PhantomData<T>);

impl<T: MappedFrozen> VmOps<T> {
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
        // SAFETY: `vmf` is ours during the call, and names the VMA and the page of its file that
        // is wanted (`__handle_mm_fault()`), wherever the VMA has been moved to. A fault to write
        // does not come here: the VMA is not writable, and cannot be made so (`access_error()` of
        // arch/x86/mm/fault.c, `sanitize_fault_flags()` of mm/memory.c).
        unsafe {
            let vma = (*vmf).__bindgen_anon_1.vma;
            match T::frozen(private::<T>(vma)).page((*vmf).__bindgen_anon_1.pgoff) {
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
        may_split: Some(Self::may_split),
        fault: Some(Self::fault),
        // No `open` and `close`: nobody counts. No `access`, `mremap`, `page_mkwrite`: as there is
        // nothing to write.
        ..pin_init::zeroed()
    };

    fn get() -> &'static bindings::vm_operations_struct {
        &Self::OPS
    }
}
