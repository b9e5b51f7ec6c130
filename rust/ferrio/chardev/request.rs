// SPDX-License-Identifier: GPL-2.0

//! The two arguments of a call that say how it was made.

use crate::{iov::Moved, sys};
use core::{marker::PhantomData, ops::Deref, ptr::NonNull};
use kernel::{
    bindings,
    fs::{file::flags::O_NONBLOCK, File, LocalFile},
    types::NotThreadSafe,
};

/// The `struct kiocb` of one read or write.
///
/// # Invariants
///
/// `kiocb` is valid for `'a` and used by nobody else meanwhile; its file is valid as long.
pub struct Request<'a> {
    kiocb: NonNull<bindings::kiocb>,
    _life: PhantomData<&'a mut bindings::kiocb>,
    _not_send: NotThreadSafe,
}

impl Request<'_> {
    /// # Safety
    ///
    /// `kiocb` must be the argument of the running `->read_iter` or `->write_iter`.
    #[inline]
    pub(crate) unsafe fn new(kiocb: NonNull<bindings::kiocb>) -> Self {
        // INVARIANT: The VFS hands the kiocb to this call alone, and the file is held by it.
        Request {
            kiocb,
            _life: PhantomData,
            _not_send: NotThreadSafe,
        }
    }

    /// The file that is read or written; a read or write may be inside of fdget_pos().
    #[inline]
    pub fn file(&self) -> &LocalFile {
        // SAFETY: Valid by the type invariants, and this task is the one in fdget_pos(), if any is.
        unsafe { LocalFile::from_raw_file((*self.kiocb.as_ptr()).ki_filp) }
    }

    #[inline]
    fn iocb_flags(&self) -> i32 {
        // SAFETY: Valid by the type invariants.
        unsafe { (*self.kiocb.as_ptr()).ki_flags }
    }

    /// Whether the caller would rather be told to come back in another way than wait, for memory as
    /// well: `RWF_NOWAIT` or io_uring's first try, on a file that is not `O_NONBLOCK`.
    #[inline]
    pub fn would_come_back(&self) -> bool {
        self.iocb_flags() & sys::FERRIO_IOCB_NOWAIT as i32 != 0
            && self.file().flags() & O_NONBLOCK == 0
    }

    /// Whether the call must not wait: `RWF_NOWAIT`, io_uring's first try, or `O_NONBLOCK`.
    #[inline]
    pub fn nowait(&self) -> bool {
        self.iocb_flags() & sys::FERRIO_IOCB_NOWAIT as i32 != 0
            || self.file().flags() & O_NONBLOCK != 0
    }

    /// Whether a write is to be at the end of the file: `O_APPEND` or `RWF_APPEND`.
    #[inline]
    pub fn append(&self) -> bool {
        self.iocb_flags() & sys::FERRIO_IOCB_APPEND as i32 != 0
    }

    /// Whether a broken stream must not raise SIGPIPE: `RWF_NOSIGNAL`.
    #[inline]
    pub fn nosignal(&self) -> bool {
        self.iocb_flags() & sys::FERRIO_IOCB_NOSIGNAL as i32 != 0
    }

    /// The position of the call in bytes.
    #[inline]
    pub fn position(&self) -> i64 {
        // SAFETY: Valid by the type invariants.
        unsafe { (*self.kiocb.as_ptr()).ki_pos }
    }

    /// Sets the position for the caller to go on from: behind what was moved at `from`.
    #[inline]
    pub fn set_position_behind(&mut self, from: i64, moved: &Moved<'_>) {
        // rw_verify_area() of fs/read_write.c has seen that position and length of a call have a
        // sum, and a file that chooses another position has its end far below.
        self.set_position(from.wrapping_add(moved.bytes() as i64));
    }

    /// Sets the position for the caller to go on from.
    #[inline]
    pub fn set_position(&mut self, position: i64) {
        // SAFETY: Valid and exclusive by the type invariants.
        unsafe { (*self.kiocb.as_ptr()).ki_pos = position };
    }
}

fn mode(file: &LocalFile) -> u32 {
    // SAFETY: The file is valid; f_mode does not change after the VFS has set it up, but for bits
    // that this crate sets before.
    unsafe { (*file.as_ptr()).f_mode }
}

/// Whether a file was opened for reading. Any context.
pub fn can_read(file: &LocalFile) -> bool {
    mode(file) & sys::FERRIO_FMODE_READ != 0
}

/// Whether a file was opened for writing. Any context.
pub fn can_write(file: &LocalFile) -> bool {
    mode(file) & sys::FERRIO_FMODE_WRITE != 0
}

/// A file that is being opened.
#[repr(transparent)]
pub struct OpenFile(File);

impl OpenFile {
    /// # Safety
    ///
    /// `file` must be the file of the running `->open`.
    pub(super) unsafe fn from_raw<'a>(file: *mut bindings::file) -> &'a OpenFile {
        // SAFETY: The file is valid during its open, and OpenFile is a File with another name;
        // nobody else can use its position yet.
        unsafe { &*core::ptr::from_ref(File::from_raw_file(file)).cast::<OpenFile>() }
    }

    /// Whether it is opened for reading.
    pub fn can_read(&self) -> bool {
        can_read(&self.0)
    }

    /// Whether it is opened for writing.
    pub fn can_write(&self) -> bool {
        can_write(&self.0)
    }
}

impl Deref for OpenFile {
    type Target = File;
    fn deref(&self) -> &File {
        &self.0
    }
}
