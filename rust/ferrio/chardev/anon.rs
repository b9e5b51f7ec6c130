// SPDX-License-Identifier: GPL-2.0

//! Files without a name.

use super::{vtable::VTable, FileOps};
use crate::sys;
use core::ptr::NonNull;
use kernel::{
    bindings,
    error::from_err_ptr,
    fs::{
        file::flags::{O_RDONLY, O_RDWR},
        File,
    },
    prelude::*,
    sync::aref::ARef,
    types::ForeignOwnable,
};

/// Makes an open file with an inode of its own, `O_RDWR` or, if not
/// [`WRITABLE`](FileOps::WRITABLE), `O_RDONLY`.
///
/// The file pins the module until it is released. Wraps `anon_inode_create_getfile()`. Process
/// context, sleeps.
///
/// # Errors
///
/// - `ENOENT`: the module is being unloaded.
/// - `ENFILE`: too many open files in the system.
/// - `ENOMEM`.
pub fn anon_file<T: FileOps>(private: T::Ptr) -> Result<ARef<File>> {
    let raw = private.into_foreign();
    // SAFETY: Name and operations live as long as the module, which the file pins. `raw` is what
    // VTable<T> expects as private data.
    let file = from_err_ptr(unsafe {
        sys::ferrio_anon_file(
            T::NAME.as_char_ptr(),
            VTable::<T>::get(),
            raw,
            if T::WRITABLE { O_RDWR } else { O_RDONLY } as c_int,
            T::STREAM,
            T::NOWAIT,
            T::ONE_POSITION,
        )
    })
    .inspect_err(|_| {
        // SAFETY: It comes from into_foreign() above, and no file has taken it.
        drop(unsafe { T::Ptr::from_foreign(raw) });
    })?;
    // SAFETY: Not an error, so a valid file with one reference, which is ours to hand over. No
    // task has it in its table yet, so nobody is inside of fdget_pos().
    Ok(unsafe { ARef::from_raw(NonNull::new_unchecked(file).cast::<File>()) })
}

// The cast above: File is a transparent wrapper of struct file.
const _: () = assert!(size_of::<File>() == size_of::<bindings::file>());
