// SPDX-License-Identifier: GPL-2.0

//! The calls of `ferrio_file.h`: the only place of this crate with `unsafe`.

use core::{cell::UnsafeCell, ffi::c_void, ops::Deref, ptr::NonNull};
use kernel::{
    error::from_err_ptr, fs::LocalFile, prelude::*, str::as_char_ptr_in_const_context,
    uaccess::UserPtr,
};

use crate::{import_ns, LoadError};
pub(crate) use abi::ferrio_file_request;
use abi::{ferrio_file, ferrio_file_failure};

pub(crate) mod abi {
    #![allow(
        dead_code,
        improper_ctypes,
        missing_docs,
        non_camel_case_types,
        non_upper_case_globals,
        unreachable_pub,
        clippy::all,
        clippy::undocumented_unsafe_blocks
    )]
    include!(concat!(env!("FERRIO_GEN"), "/ferrio_file_generated.rs"));
}

/// `MODULE_IMPORT_NS()` of the header.
#[used]
#[link_section = ".modinfo"]
static IMPORT_NS: [u8; import_ns::len(abi::FERRIO_FILE_API)] =
    import_ns::line(abi::FERRIO_FILE_API);

/// The content of a file, which nobody changes; frees it when dropped.
///
/// Borrow it as a slice. There may be any number of readers at a time, in any context; dropping it
/// is for process context, and may sleep.
///
/// # Invariants
///
/// `file` is of a load that was successful, and freed by nobody else. `bytes` are its bytes.
pub struct FileBytes {
    file: NonNull<ferrio_file>,
    bytes: NonNull<[u8]>,
}

// SAFETY: What is loaded belongs to no task.
unsafe impl Send for FileBytes {}
// SAFETY: All that can be done with a shared one is to read.
unsafe impl Sync for FileBytes {}

impl FileBytes {
    /// Makes a load, and tells what became of it.
    fn load(
        call: impl FnOnce(&mut ferrio_file_failure) -> *mut ferrio_file,
    ) -> Result<Self, LoadError> {
        let mut failure = ferrio_file_failure::default();
        let file = from_err_ptr(call(&mut failure)).and_then(|file| {
            // The header says that it never is.
            NonNull::new(file).ok_or(ENOMEM)
        });
        let file = file.map_err(|errno| LoadError::new(errno, &failure))?;
        // SAFETY: Of a load that was successful.
        let (bytes, len) = unsafe {
            (
                abi::ferrio_file_bytes(file.as_ptr()),
                abi::ferrio_file_len(file.as_ptr()),
            )
        };
        let bytes = bytes.cast_mut().cast::<u8>();
        // INVARIANT: Just made, and given to nobody else. As many bytes as there are of it.
        Ok(FileBytes {
            file,
            // SAFETY: The header has it that there are bytes there, so it is not NULL.
            bytes: NonNull::slice_from_raw_parts(unsafe { NonNull::new_unchecked(bytes) }, len),
        })
    }

    /// The SHA-256 of the bytes, known since the load.
    pub fn sha256(&self) -> &[u8; 32] {
        // SAFETY: Of a load that was successful, by the type invariants. 32 bytes, until it is
        // freed, which is when `self` is dropped; nobody writes to them.
        unsafe { &*abi::ferrio_file_sha256(self.file.as_ptr()).cast() }
    }
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: The bytes of `file`, by the type invariants: until it is freed, which is when
        // `self` is dropped; nobody writes to them.
        unsafe { self.bytes.as_ref() }
    }
}

impl Drop for FileBytes {
    fn drop(&mut self) {
        // SAFETY: Of a load that was successful, and freed by nobody else, by the type invariants.
        // The borrows of the bytes end before `self`.
        unsafe { abi::ferrio_file_free(self.file.as_ptr()) };
    }
}

pub(crate) fn load_path(
    path: &CStr,
    request: &ferrio_file_request,
) -> Result<FileBytes, LoadError> {
    // SAFETY: A string that ends in a zero, and two structs that live until it returns. Process
    // context, by our documentation; so in the three below.
    FileBytes::load(|failure| unsafe {
        abi::ferrio_file_load_path(path.as_char_ptr(), request, failure)
    })
}

pub(crate) fn load_fd(fd: i32, request: &ferrio_file_request) -> Result<FileBytes, LoadError> {
    // SAFETY: Any number will do; see above.
    FileBytes::load(|failure| unsafe { abi::ferrio_file_load_fd(fd, request, failure) })
}

pub(crate) fn load_file(
    file: &LocalFile,
    request: &ferrio_file_request,
) -> Result<FileBytes, LoadError> {
    // SAFETY: An open file, as long as it is borrowed; see above.
    FileBytes::load(|failure| unsafe {
        abi::ferrio_file_load_file(file.as_ptr(), request, failure)
    })
}

pub(crate) fn load_user(
    at: UserPtr,
    len: u64,
    request: &ferrio_file_request,
) -> Result<FileBytes, LoadError> {
    // SAFETY: Any address will do; see above.
    FileBytes::load(|failure| unsafe {
        abi::ferrio_file_load_user(at.as_const_ptr().cast::<c_void>(), len, request, failure)
    })
}

pub(crate) fn stage_name(stage: u32) -> &'static CStr {
    // SAFETY: Any number will do; a string of file_loader.ko, which stays for as long as we do.
    unsafe { CStr::from_char_ptr(abi::ferrio_file_stage_name(stage)) }
}

/// A module parameter that is a text, see [`str_param!`](crate::str_param).
///
/// # Invariants
///
/// Points to a string that ends in a zero. It is set before any code of the module runs
/// (`param_set_charp()`), and freed, if it is not the default, when none runs any more
/// (`param_free_charp()`): it is not writable in sysfs.
#[repr(transparent)]
pub struct StrParam(UnsafeCell<*const c_char>);

// SAFETY: While code of the module runs, it is only read.
unsafe impl Sync for StrParam {}

impl StrParam {
    /// The text if insmod does not give one.
    pub const fn new(default: &'static CStr) -> Self {
        // INVARIANT: A string of the module; the rest is `str_param!`'s.
        StrParam(UnsafeCell::new(as_char_ptr_in_const_context(default)))
    }

    /// The text.
    pub fn get(&'static self) -> &'static CStr {
        // SAFETY: Only read, by the type invariants; a string that ends in a zero, and that stays
        // for as long as code of the module can use it.
        unsafe { CStr::from_char_ptr(*self.0.get()) }
    }
}
