// SPDX-License-Identifier: GPL-2.0

//! Bytes that a program gives instead of a file.

use super::{open::since, LoadError, Loaded, Purpose, Stage, Times};
use crate::{contiguous::Buffer, task};
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    time::{Instant, Monotonic},
    uaccess::{UserPtr, UserSlice},
};

/// What is copied between two looks for a signal, in bytes.
const CHUNK: usize = 256 << 10;

/// What the security modules call it in their logs.
const DESCRIPTION: &CStr = c"ferrio";

/// Memory of the calling program that is to be loaded.
pub struct UserBytes {
    at: UserPtr,
    len: usize,
}

impl UserBytes {
    /// `len` bytes from `at` on, at most `cap`.
    ///
    /// # Errors
    ///
    /// In [`Stage::Size`]: `EINVAL`: none; `EFBIG`: more than `cap`, or than there can be.
    pub fn new(at: UserPtr, len: u64, cap: u64) -> Result<Self, LoadError<'static>> {
        let fail = |errno| LoadError {
            bytes: len,
            ..LoadError::new(Stage::Size, errno)
        };
        if len == 0 {
            return Err(fail(EINVAL));
        }
        let size = isize::try_from(len).map_err(|_| fail(EFBIG))?;
        if len > cap {
            return Err(fail(EFBIG));
        }
        Ok(UserBytes {
            at,
            len: size as usize,
        })
    }

    /// The size in bytes, at least 1.
    #[allow(clippy::len_without_is_empty)] // It never is.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The error of a step that is the caller's own.
    pub fn fail(&self, stage: Stage, errno: Error) -> LoadError<'static> {
        LoadError {
            bytes: self.len as u64,
            ..LoadError::new(stage, errno)
        }
    }

    /// Copies the bytes into memory of the kernel, charged to the caller's memory cgroup.
    ///
    /// There is no file for the security modules to look at, so they are asked in another way:
    /// `security_kernel_load_data()` before, `security_kernel_post_load_data()` behind, with the
    /// bytes. Each byte is read once.
    ///
    /// # Errors
    ///
    /// - In [`Stage::Memory`], as of [`Buffer::new`]: `ENOMEM`, `EINTR`.
    /// - In [`Stage::Lsm`] and [`Stage::LsmPost`] what the security modules say: where they insist
    ///   on files, `EPERM` or `EACCES`.
    /// - In [`Stage::Read`]: `EFAULT`, as in a kernel thread without a program's memory; `EINTR`:
    ///   the caller is being killed.
    pub fn read(&self, purpose: Purpose) -> Result<Loaded, LoadError<'static>> {
        // Or the copy would be from the memory of whoever ran before.
        if !task::has_memory() {
            return Err(self.fail(Stage::Read, EFAULT));
        }
        let start = Instant::<Monotonic>::now();
        let mut buffer = Buffer::new(self.len).map_err(|errno| self.fail(Stage::Memory, errno))?;
        let memory = since(start);
        let start = Instant::<Monotonic>::now();
        // SAFETY: Process context; a purpose of the enumeration below LOADING_MAX_ID. `true`: the
        // second hook follows.
        to_result(unsafe { bindings::security_kernel_load_data(purpose.loading(), true) })
            .map_err(|errno| self.fail(Stage::Lsm, errno))?;
        self.copy(buffer.bytes_mut())
            .map_err(|errno| self.fail(Stage::Read, errno))?;
        let bytes = buffer.bytes_mut();
        // SAFETY: As many bytes as we say, which the hook may even change; a string that ends in a
        // zero, and that it only reads.
        to_result(unsafe {
            bindings::security_kernel_post_load_data(
                bytes.as_mut_ptr().cast(),
                bytes.len() as bindings::loff_t,
                purpose.loading(),
                DESCRIPTION.as_char_ptr().cast_mut(),
            )
        })
        .map_err(|errno| self.fail(Stage::LsmPost, errno))?;
        Ok(Loaded {
            buffer,
            times: Times {
                open: 0,
                memory,
                read: since(start),
                digest: 0,
            },
        })
    }

    fn copy(&self, bytes: &mut [u8]) -> Result {
        let mut reader = UserSlice::new(self.at, bytes.len()).reader();
        for chunk in bytes.chunks_mut(CHUNK) {
            let copied = reader.read_slice(chunk);
            // Which also ends the wait for a page, that is not there then.
            if task::killed_in_long_work() {
                return Err(EINTR);
            }
            copied?;
        }
        Ok(())
    }
}
