// SPDX-License-Identifier: GPL-2.0

//! `kernel_read_file()` and its relatives as C calls them, for tests that compare.
//!
//! What [`file_read`](crate::file_read) makes unrepresentable can be said here: no buffer, an
//! offset without a size.
//!
//! C header: [`include/linux/kernel_read_file.h`](srctree/include/linux/kernel_read_file.h)

use crate::file_read::Purpose;
use core::{
    ffi::c_void,
    ptr::{self, NonNull},
    slice,
};
use kernel::{bindings, fs::LocalFile, prelude::*};

/// Which of the four functions, and what it reads.
#[derive(Clone, Copy)]
pub enum CSource<'p> {
    /// `kernel_read_file()` of a file that is open for reading: else it warns.
    File(&'p LocalFile),
    /// `kernel_read_file_from_fd()`
    Fd(i32),
    /// `kernel_read_file_from_path()`
    Path(&'p CStr),
    /// `kernel_read_file_from_path_initns()`
    InitPath(&'p CStr),
}

/// The memory that C has allocated for a file.
///
/// # Invariants
///
/// `at` is from `vmalloc()`, is nobody else's, and its first `filled` bytes were written to.
pub struct CBuffer {
    at: NonNull<u8>,
    filled: usize,
}

impl CBuffer {
    /// What was read into it. Behind that, the memory is what it was before.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: By the type invariants they are there, are initialised, and nobody writes.
        unsafe { slice::from_raw_parts(self.at.as_ptr(), self.filled) }
    }
}

impl Drop for CBuffer {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: From vmalloc() by the type invariants; process context.
        unsafe { bindings::kvfree(self.at.as_ptr().cast()) };
    }
}

/// What a call has given.
pub struct CRead {
    /// How many bytes, or the errno.
    pub got: Result<usize>,
    /// What it wrote behind `file_size`, or 0.
    pub file_size: usize,
    /// What it has allocated.
    pub buffer: Option<CBuffer>,
}

/// Calls it. `to`: the buffer, or else how much is to be allocated at most; `sized`: whether
/// `file_size` is given. Process context, sleeps.
#[inline]
pub fn c_read(
    source: CSource<'_>,
    offset: i64,
    to: core::result::Result<&mut [u8], usize>,
    sized: bool,
) -> CRead {
    let (own, len) = match to {
        Ok(bytes) => (bytes.as_mut_ptr(), bytes.len()),
        Err(most) => (ptr::null_mut(), most),
    };
    let mut at = own.cast::<c_void>();
    let mut file_size = 0;
    let size: *mut usize = if sized {
        &mut file_size
    } else {
        ptr::null_mut()
    };
    let id = Purpose::Firmware.reading();
    // SAFETY: The file is open, the strings end in a zero. `at` is NULL or points to `len` bytes,
    // `size` is NULL or a place of ours; the id is one of the enumeration.
    let got = unsafe {
        match source {
            CSource::File(file) => {
                bindings::kernel_read_file(file.as_ptr(), offset, &mut at, len, size, id)
            }
            CSource::Fd(fd) => {
                bindings::kernel_read_file_from_fd(fd, offset, &mut at, len, size, id)
            }
            CSource::Path(path) => bindings::kernel_read_file_from_path(
                path.as_char_ptr(),
                offset,
                &mut at,
                len,
                size,
                id,
            ),
            CSource::InitPath(path) => bindings::kernel_read_file_from_path_initns(
                path.as_char_ptr(),
                offset,
                &mut at,
                len,
                size,
                id,
            ),
        }
    };
    let got = usize::try_from(got).map_err(|_| Error::from_errno(got as c_int));
    let allocated = NonNull::new(at.cast::<u8>()).filter(|_| own.is_null());
    CRead {
        // INVARIANT: It had no buffer and there is one, so it was allocated for us; it says how
        // many bytes it has read into it, none if that is an error.
        buffer: allocated.map(|at| CBuffer {
            at,
            filled: got.unwrap_or(0),
        }),
        got,
        file_size,
    }
}
