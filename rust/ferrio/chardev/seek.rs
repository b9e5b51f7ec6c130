// SPDX-License-Identifier: GPL-2.0

//! What `->llseek` of a file with an end needs.

use crate::sys;
use kernel::{bindings, error::to_result, fs::LocalFile, prelude::*};

/// `whence` for the next byte that is stored.
pub const SEEK_DATA: i32 = sys::FERRIO_SEEK_DATA as i32;
/// `whence` for the next byte that is not.
pub const SEEK_HOLE: i32 = sys::FERRIO_SEEK_HOLE as i32;

fn position(result: bindings::loff_t) -> Result<i64> {
    if let Ok(errno) = c_int::try_from(result) {
        to_result(errno)?;
    }
    Ok(result)
}

/// Moves the position of a file of `size` bytes by `SEEK_SET`, `SEEK_CUR` or `SEEK_END`; returns
/// the new one.
///
/// Wraps `fixed_size_llseek()` of `fs/read_write.c`. Only from
/// [`llseek`](super::FileOps::llseek); does not sleep.
///
/// # Errors
///
/// - `EINVAL`: a position below 0 or above `size`; any other `whence`.
pub fn seek_within(file: &LocalFile, offset: i64, whence: i32, size: i64) -> Result<i64> {
    // SAFETY: The file is valid. Its position is guarded as the function wants it: SEEK_CUR takes
    // f_lock unless f_pos_lock is held, which lseek() does for files that need it; other changes
    // are one store.
    position(unsafe { bindings::fixed_size_llseek(file.as_ptr(), offset, whence, size) })
}

/// Sets the position of a file of `size` bytes; returns it.
///
/// Wraps `vfs_setpos()` of `fs/read_write.c`. Only from [`llseek`](super::FileOps::llseek); does
/// not sleep.
///
/// # Errors
///
/// - `EINVAL`: a position below 0 or above `size`.
pub fn set_position(file: &LocalFile, to: i64, size: i64) -> Result<i64> {
    // SAFETY: The file is valid; a change of the position is one store.
    position(unsafe { bindings::vfs_setpos(file.as_ptr(), to, size) })
}
