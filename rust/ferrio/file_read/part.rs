// SPDX-License-Identifier: GPL-2.0

//! Reading a part of a file.

use super::{LoadError, Opened, Purpose, Stage};
use crate::{contiguous::wipe, sys};
use core::ffi::c_void;
use kernel::{bindings, prelude::*};

/// What was read of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// How many bytes; 0: there is no more from this offset on.
    pub bytes: usize,
    /// The size of the file.
    pub file_bytes: usize,
    /// Whether it was the whole file, so that the security modules have seen the bytes.
    pub whole: bool,
}

impl<'p> Opened<'p> {
    /// Reads from `offset` on, until `to` is full or the file ends.
    ///
    /// Only the first hook runs, unless the whole file fits, and the file may change between two
    /// calls. So what has to be known as a whole is loaded whole and handed out in parts. Wraps
    /// `kernel_read_file()` with an offset, which holds off writers during the call.
    ///
    /// After an error all of `to` is zero.
    ///
    /// # Errors
    ///
    /// - In [`Stage::Size`]: `EINVAL`: `to` is empty; an offset above `i64::MAX`; the file is
    ///   empty, or does not say how large it is.
    /// - In [`Stage::Busy`]: `ETXTBSY`.
    /// - In [`Stage::Lsm`], [`Stage::Read`] and [`Stage::LsmPost`]: as of
    ///   [`Held::read`](super::Held::read); which of the last two is not known of a part, and is
    ///   [`Stage::Read`].
    pub fn read_part(
        &self,
        purpose: Purpose,
        offset: u64,
        to: &mut [u8],
    ) -> Result<Part, LoadError<'p>> {
        self.part(purpose, offset, to).map_err(|(stage, errno)| {
            wipe(to);
            self.fail(stage, errno)
        })
    }

    fn part(&self, purpose: Purpose, offset: u64, to: &mut [u8]) -> Result<Part, (Stage, Error)> {
        let offset = i64::try_from(offset).map_err(|_| (Stage::Size, EINVAL))?;
        if to.is_empty() {
            return Err((Stage::Size, EINVAL));
        }
        // SAFETY: An open file.
        if !unsafe { sys::ferrio_file_kernel_reads(self.file().as_ptr()) } {
            // As for the whole.
            return Err((Stage::Read, EINVAL));
        }
        let mut at = to.as_mut_ptr().cast::<c_void>();
        let mut file_bytes = 0;
        // SAFETY: A file that is open for reading, by the invariants of Opened. `at` points to a
        // buffer of the given size, which is not NULL, so nothing is allocated, and it is not
        // changed. The purpose is one of the enumeration below READING_MAX_ID.
        let got = unsafe {
            bindings::kernel_read_file(
                self.file().as_ptr(),
                offset,
                &mut at,
                to.len(),
                &mut file_bytes,
                purpose.reading(),
            )
        };
        match usize::try_from(got) {
            Ok(bytes) => Ok(Part {
                bytes,
                file_bytes,
                whole: offset == 0 && file_bytes <= to.len(),
            }),
            Err(_) => {
                let errno = Error::from_errno(got as c_int);
                let stage = if file_bytes != 0 {
                    Stage::Read
                } else if errno == ETXTBSY {
                    // No hook should give this one.
                    Stage::Busy
                } else if self.size() <= 0 {
                    Stage::Size
                } else {
                    Stage::Lsm
                };
                Err((stage, errno))
            }
        }
    }
}
