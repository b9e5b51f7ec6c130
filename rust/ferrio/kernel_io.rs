// SPDX-License-Identifier: GPL-2.0

//! Reading and writing an open file from kernel memory, at a position of the caller's.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)
//!
//! For tests: it is how other parts of the kernel reach a driver, with an iterator over kernel
//! memory. A driver of ours that opens files wants more than this.

use crate::sys;
use kernel::{bindings, fs::LocalFile, prelude::*};

/// `EBADF` unless the file has been opened in this mode: C would warn and go on.
fn opened(file: &LocalFile, mode: u32) -> Result {
    // SAFETY: The file is valid; these bits do not change once it is open.
    let has = unsafe { (*file.as_ptr()).f_mode };
    if has & mode == 0 {
        return Err(EBADF);
    }
    Ok(())
}

/// The result of a call that moves at most `most` bytes.
fn bytes(got: isize, most: usize) -> Result<usize> {
    if got < 0 {
        return Err(Error::from_errno(got as c_int));
    }
    // A driver that says more than it was asked for is not to be believed.
    if got as usize > most {
        return Err(EIO);
    }
    Ok(got as usize)
}

/// Reads up to `buf.len()` bytes from `position`, which goes on by what was read.
///
/// Wraps `kernel_read()` of `fs/read_write.c`. Process context; may sleep, for as long as the file
/// likes. Costs a copy.
///
/// # Errors
///
/// - `EBADF`: the file is not open for reading.
/// - `EINVAL`: it cannot be read in this way, as it has no `->read_iter` or has a `->read`, too; or
///   the position is negative.
/// - What the file says.
pub fn read(file: &LocalFile, buf: &mut [u8], position: &mut i64) -> Result<usize> {
    opened(file, sys::FERRIO_FMODE_READ)?;
    // SAFETY: The file is valid, and open for reading. The buffer is ours to be written to for the
    // call, and as long as said; it is memory of the kernel. The position is ours as well.
    let got = unsafe {
        bindings::kernel_read(file.as_ptr(), buf.as_mut_ptr().cast(), buf.len(), position)
    };
    bytes(got, buf.len())
}

/// Writes up to `buf.len()` bytes at `position`, which goes on by what was written.
///
/// Wraps `kernel_write()` of `fs/read_write.c`. Process context; may sleep, for as long as the file
/// likes; the caller holds no freeze protection of the file system. Costs a copy.
///
/// # Errors
///
/// As [`read`], for writing.
pub fn write(file: &LocalFile, buf: &[u8], position: &mut i64) -> Result<usize> {
    opened(file, sys::FERRIO_FMODE_WRITE)?;
    // SAFETY: The file is valid, and open for writing. The buffer can be read for the call, and is
    // as long as said; it is memory of the kernel. The position is ours.
    let got =
        unsafe { bindings::kernel_write(file.as_ptr(), buf.as_ptr().cast(), buf.len(), position) };
    bytes(got, buf.len())
}
