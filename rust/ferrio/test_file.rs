// SPDX-License-Identifier: GPL-2.0

//! Files without a name that the kernel has made: for tests of what reads them.
//!
//! Only the modules of tests are linked with `shim_test_file.c`, so all that needs it is inline.

use crate::sys;
use core::{mem::ManuallyDrop, ops::Deref, ptr::NonNull};
use kernel::{
    bindings,
    error::{from_err_ptr, to_result},
    fs::{
        file::flags::{O_RDONLY, O_RDWR, O_WRONLY},
        LocalFile,
    },
    prelude::*,
    sync::aref::ARef,
};

/// A file of the kernel's own tmpfs, as `memfd_create()` makes it: open for reading and writing,
/// but not counted as a writer.
pub struct TestFile(ARef<LocalFile>);

/// # Safety
///
/// `file` must be valid, or an errno; its reference goes to the result.
#[inline]
unsafe fn owned(file: *mut bindings::file) -> Result<ARef<LocalFile>> {
    let file = from_err_ptr(file)?;
    // SAFETY: Not an error, so valid, with a reference that is ours.
    Ok(unsafe { ARef::from_raw(NonNull::new_unchecked(file).cast::<LocalFile>()) })
}

impl TestFile {
    /// A file of `size` bytes of zero, none of which is stored. Process context, sleeps.
    ///
    /// # Errors
    ///
    /// `EINVAL`, `ENOMEM`, `ENFILE`.
    #[inline]
    pub fn sparse(size: i64) -> Result<Self> {
        // SAFETY: Process context.
        Ok(TestFile(unsafe { owned(sys::ferrio_test_file(size))? }))
    }

    /// A file with these bytes in it. Process context, sleeps.
    ///
    /// # Errors
    ///
    /// As of [`sparse`](Self::sparse), and what a write gives.
    #[inline]
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let file = Self::sparse(0)?;
        file.write(0, bytes)?;
        Ok(file)
    }

    /// Writes `bytes` from `offset` on, also while others may not open the file to write to it: it
    /// has been open for that. Process context, sleeps.
    ///
    /// # Errors
    ///
    /// What a write gives.
    #[inline]
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let mut position = (offset + at) as bindings::loff_t;
            // SAFETY: A file that is open for writing; as many bytes as we say, and a position of
            // ours.
            let done = unsafe {
                bindings::kernel_write(
                    self.0.as_ptr(),
                    rest.as_ptr().cast(),
                    rest.len(),
                    &mut position,
                )
            };
            match done {
                1.. => at += done as usize,
                0 => return Err(EIO),
                _ => return Err(Error::from_errno(done as c_int)),
            }
        }
        Ok(())
    }

    /// Makes it shorter, or longer by zeroes, as [`write`](Self::write) may write. Process context,
    /// sleeps.
    ///
    /// # Errors
    ///
    /// Those of `ftruncate()`.
    #[inline]
    pub fn resize(&self, size: usize) -> Result {
        // SAFETY: A valid file, open for writing; no lock is held, and none of its inode above all.
        to_result(unsafe { sys::ferrio_test_resize(self.0.as_ptr(), size as bindings::loff_t) })
    }

    /// The file itself.
    #[inline]
    pub fn file(&self) -> &LocalFile {
        &self.0
    }

    #[inline]
    fn reopen(&self, flags: u32) -> Result<Reopened> {
        // SAFETY: A valid file, whose path is as valid.
        let file = unsafe { owned(sys::ferrio_test_reopen(self.0.as_ptr(), flags as c_int))? };
        Ok(Reopened(ManuallyDrop::new(file)))
    }

    /// The same, open for reading.
    ///
    /// # Errors
    ///
    /// Those of an open.
    #[inline]
    pub fn reader(&self) -> Result<Reopened> {
        self.reopen(O_RDONLY)
    }

    /// The same, open for writing: a writer that counts.
    ///
    /// # Errors
    ///
    /// Those of an open: `ETXTBSY`: nobody may write to it now.
    #[inline]
    pub fn writer(&self) -> Result<Reopened> {
        self.reopen(O_WRONLY)
    }

    /// The same, open for both: a writer that counts.
    ///
    /// # Errors
    ///
    /// As of [`writer`](Self::writer).
    #[inline]
    pub fn both(&self) -> Result<Reopened> {
        self.reopen(O_RDWR)
    }
}

/// A [`TestFile`], opened once more; it is closed when this is dropped, not some time later.
pub struct Reopened(ManuallyDrop<ARef<LocalFile>>);

impl Deref for Reopened {
    type Target = LocalFile;
    #[inline]
    fn deref(&self) -> &LocalFile {
        &self.0
    }
}

impl Drop for Reopened {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: The reference that we own, which nobody else gives back. No lock is held, and
        // nothing that closing a file of tmpfs needs.
        unsafe { sys::ferrio_test_close(self.0.as_ptr()) };
    }
}
