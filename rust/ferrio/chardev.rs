// SPDX-License-Identifier: GPL-2.0

//! Character devices and anonymous files: all of `struct file_operations` as one trait.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/miscdevice.h`](srctree/include/linux/miscdevice.h),
//! [`include/linux/anon_inodes.h`](srctree/include/linux/anon_inodes.h)
//!
//! A driver implements [`FileOps`] for a type and gets its files from a [`Registration`] (a misc
//! device) or from [`anon_file`]. What it does not implement has the kernel's default: no
//! `->read_iter` is `EINVAL`, no `->poll` is "always ready", no `->llseek` is `ESPIPE`, no
//! `->splice_*` and no `->mmap` are `EINVAL` and `ENODEV`, no `->ioctl` is `ENOTTY`. The module is
//! pinned while one of its files is open.

mod anon;
mod registration;
mod request;
mod vtable;

pub use anon::anon_file;
pub use registration::Registration;
pub use request::{OpenFile, Request};

use crate::{
    iov::{IterDest, IterSource, Moved},
    poll::{Mask, PollTable},
    splice::{PipeSink, PipeSource, SpliceFlags, Spliced},
};
use kernel::{
    build_error,
    error::VTABLE_DEFAULT_ERROR,
    fs::{File, LocalFile},
    mm::virt::VmaNew,
    prelude::*,
    seq_file::SeqFile,
    types::ForeignOwnable,
    uaccess::UserPtr,
};

/// What [`FileOps::Ptr`] looks like while a call borrows it.
pub type Private<'a, T> = <<T as FileOps>::Ptr as ForeignOwnable>::Borrowed<'a>;

/// The operations of a file, called in process context; all may sleep.
///
/// Calls run at the same time on the same file, also [`release`](Self::release) of one file and
/// calls on another. Within a call `this` is borrowed; it is dropped after `release`.
#[vtable]
pub trait FileOps: Sized + 'static {
    /// What owns the private data of an open file.
    type Ptr: ForeignOwnable + Send + Sync + 'static;

    /// What [`open`](Self::open) can see of the device; `()` for files that are never opened by
    /// name.
    type Device: Send + Sync + 'static;

    /// The name of the file under `/dev`, or of the anonymous inode.
    const NAME: &'static CStr;

    /// The mode of the device node.
    const MODE: u16 = 0o600;

    /// Whether the file is a stream: no position, `lseek()` and `pread()` are `ESPIPE`.
    const STREAM: bool = false;

    /// Whether [`Request::nowait`] is honoured by every call, so that `RWF_NOWAIT` and io_uring may
    /// use it without a worker (`FMODE_NOWAIT`).
    const NOWAIT: bool = false;

    /// A file is being opened by name. The misc core holds a lock: allocate no more than the
    /// private data.
    fn open(_device: &Self::Device, _file: &OpenFile) -> Result<Self::Ptr> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The last reference to the open file is gone: there is no file to look at any more.
    fn release(this: Self::Ptr) {
        drop(this);
    }

    /// `read()` and its relatives. On success the result is what went through `iter`; with an error
    /// what went through is lost to the caller, so return one only if nothing did or nothing counts.
    fn read_iter<'i>(
        _this: Private<'_, Self>,
        _request: &mut Request<'_>,
        _iter: &mut IterDest<'i>,
    ) -> Result<Moved<'i>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `write()` and its relatives.
    fn write_iter<'i>(
        _this: Private<'_, Self>,
        _request: &mut Request<'_>,
        _iter: &mut IterSource<'i>,
    ) -> Result<Moved<'i>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Register with the queues that matter, then say what is ready. Must not sleep for long: no
    /// lock that is held across a user copy.
    fn poll<'a>(_this: Private<'a, Self>, _table: &PollTable<'a>) -> Mask {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `lseek()`: returns the new position.
    fn llseek(
        _this: Private<'_, Self>,
        _file: &LocalFile,
        _offset: i64,
        _whence: i32,
    ) -> Result<i64> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `splice(file, pipe)`, see [`splice`](crate::splice).
    fn splice_read<'p>(
        _this: Private<'_, Self>,
        _file: &File,
        _position: &mut i64,
        _pipe: &mut PipeSink<'p>,
        _flags: SpliceFlags,
    ) -> Result<Spliced<'p>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `splice(pipe, file)`, and `sendfile()` into this file.
    fn splice_write<'p>(
        _this: Private<'_, Self>,
        _file: &File,
        _position: &mut i64,
        _pipe: &mut PipeSource<'p>,
        _flags: SpliceFlags,
    ) -> Result<Spliced<'p>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `ioctl()`. Return `ENOTTY` for what you do not know.
    fn ioctl(_this: Private<'_, Self>, _file: &File, _cmd: u32, _arg: UserPtr) -> Result<isize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `ioctl()` of a 32-bit program. Without it [`ioctl`](Self::ioctl) is called with the pointer
    /// widened, which is right for structs that look the same on both.
    fn compat_ioctl(
        _this: Private<'_, Self>,
        _file: &File,
        _cmd: u32,
        _arg: UserPtr,
    ) -> Result<isize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `mmap()`, under the caller's `mmap_lock`.
    fn mmap(_this: Private<'_, Self>, _file: &File, _vma: &VmaNew) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Adds lines to `/proc/PID/fdinfo/FD`.
    fn show_fdinfo(_this: Private<'_, Self>, _seq: &SeqFile, _file: &File) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}
