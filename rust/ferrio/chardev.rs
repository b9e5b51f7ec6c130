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
mod seek;
mod vtable;

pub use anon::anon_file;
pub use registration::Registration;
pub use request::{can_read, can_write, OpenFile, Request};
pub use seek::{seek_within, set_position, SEEK_DATA, SEEK_HOLE};

use crate::{
    iov::{IterDest, IterSource, Moved},
    mapping::NewVma,
    poll::{Mask, PollTable},
    splice::{PipeSink, PipeSource, SpliceFlags, Spliced},
};
use kernel::{
    build_error,
    error::VTABLE_DEFAULT_ERROR,
    fs::{File, LocalFile},
    prelude::*,
    seq_file::SeqFile,
    types::ForeignOwnable,
    uaccess::UserPtr,
};

/// What [`FileOps::Ptr`] looks like while a call borrows it.
pub type Private<'a, T> = <<T as FileOps>::Ptr as ForeignOwnable>::Borrowed<'a>;

/// The operations of a file, `struct file_operations` of `fs.h`.
///
/// All are called in process context with interrupts on, and may sleep; where a lock of the caller
/// is held, the method says which. Calls run at the same time on the same file, also
/// [`release`](Self::release) of one file and calls on another. Within a call `this` is borrowed;
/// it is dropped after `release`. The way through the table costs one indirect call.
///
/// An errno goes to the caller as it is, but for `EIOCBQUEUED`, which is a promise to complete the
/// call later and becomes `EIO`. `ERESTARTSYS` is `EINTR` for user space, or starts the call again,
/// as the signal's handler was installed.
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

    /// Whether `read()`, `write()` and `lseek()` on a position that several tasks share are done
    /// one after the other, as on a regular file (`FMODE_ATOMIC_POS`). The VFS then holds
    /// `f_pos_lock` across them.
    const ONE_POSITION: bool = false;

    /// Whether a file of [`anon_file`] is open for writing. One that is not can be neither written
    /// nor mapped to be written: `EBADF`, `EACCES`. How a device is opened is its opener's affair.
    const WRITABLE: bool = true;

    /// Whether `fsync()` succeeds, as there is nothing to be done for it (`noop_fsync()`); `EINVAL`
    /// if not.
    const FSYNC: bool = false;

    /// A file is being opened by name, `->open`.
    ///
    /// Context: `misc_mtx` is held (`misc_open()` of `drivers/char/misc.c`), which every open of
    /// every misc device takes: allocate no more than the private data, wait for nobody, and charge
    /// nothing (no `__GFP_ACCOUNT`): in a full cgroup that is reclaim and the OOM killer, while
    /// everybody else waits.
    ///
    /// # Errors
    ///
    /// Any: the open fails with it, and [`release`](Self::release) is not called.
    fn open(_device: &Self::Device, _file: &OpenFile) -> Result<Self::Ptr> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The last reference to the open file is gone, `->release`.
    ///
    /// There is no file to look at any more, and nobody whom an error could be told. Context: the
    /// task that closed the file last, on its way back to user space, or a kernel worker
    /// (`____fput()` and `delayed_fput()` of `fs/file_table.c`); no lock is held.
    fn release(this: Self::Ptr) {
        drop(this);
    }

    /// `read()` and its relatives, `->read_iter` (`vfs_readv()` and `new_sync_read()` of
    /// `fs/read_write.c`, `io_read()` of io_uring).
    ///
    /// On success the result is what went through `iter`; with an error what went through is lost
    /// to the caller, so return one only if nothing did or nothing counts. Context: `f_pos_lock` is
    /// held for a file that has a position.
    ///
    /// # Errors
    ///
    /// - `EFAULT`: comes from [`IterDest::moved`] by itself.
    /// - `EAGAIN`: it would have to wait, and [`Request::nowait`].
    /// - any other of the driver's.
    fn read_iter<'i>(
        _this: Private<'_, Self>,
        _request: &mut Request<'_>,
        _iter: &mut IterDest<'i>,
    ) -> Result<Moved<'i>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `write()` and its relatives, `->write_iter` (`vfs_writev()` and `new_sync_write()` of
    /// `fs/read_write.c`, `io_write()` of io_uring).
    ///
    /// Result and context as for [`read_iter`](Self::read_iter).
    ///
    /// # Errors
    ///
    /// As for [`read_iter`](Self::read_iter), and `EPIPE` of a stream that nobody reads, with
    /// [`send_sigpipe`](crate::task::send_sigpipe) unless [`Request::nosignal`].
    fn write_iter<'i>(
        _this: Private<'_, Self>,
        _request: &mut Request<'_>,
        _iter: &mut IterSource<'i>,
    ) -> Result<Moved<'i>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `poll()`, `select()`, epoll and io_uring's poll, `->poll` (`vfs_poll()` of `poll.h`).
    ///
    /// Register with the queues that matter, then say what is ready; an error is a bit of the mask.
    /// Context: epoll holds the mutex of its instance. It must not wait for a lock that is held
    /// across a user copy, else one slow page stops whoever polls.
    fn poll<'a>(_this: Private<'a, Self>, _table: &PollTable<'a>) -> Mask {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `lseek()`, `->llseek` (`vfs_llseek()` of `fs/read_write.c`): returns the new position.
    ///
    /// Context: `f_pos_lock` is held for a file that has a position. Streams have none and need no
    /// method: the VFS says `ESPIPE`.
    ///
    /// # Errors
    ///
    /// By custom `EINVAL` for a `whence` or a position that does not exist, `EOVERFLOW`, `ENXIO`
    /// for `SEEK_DATA` behind the end.
    fn llseek(
        _this: Private<'_, Self>,
        _file: &LocalFile,
        _offset: i64,
        _whence: i32,
    ) -> Result<i64> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `splice(file, pipe)` and `sendfile()` out of this file, `->splice_read` (`do_splice_read()`
    /// of `fs/splice.c`).
    ///
    /// Context: `pipe->mutex` is held, see [`splice`](crate::splice) for what that forbids.
    ///
    /// # Errors
    ///
    /// What [`PipeSink::fill`] gives, `EAGAIN` if it would have to wait and must not, any other of
    /// the driver's.
    fn splice_read<'p>(
        _this: Private<'_, Self>,
        _file: &File,
        _position: &mut i64,
        _pipe: &mut PipeSink<'p>,
        _flags: SpliceFlags,
    ) -> Result<Spliced<'p>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `splice(pipe, file)` and `sendfile()` into this file, `->splice_write` (`do_splice_from()`
    /// of `fs/splice.c`).
    ///
    /// Context: no lock is held; [`PipeSource::feed`] takes `pipe->mutex`.
    ///
    /// # Errors
    ///
    /// What [`PipeSource::feed`] gives, `EAGAIN` if it would have to wait and must not, `EPIPE` as
    /// for [`write_iter`](Self::write_iter), any other of the driver's.
    fn splice_write<'p>(
        _this: Private<'_, Self>,
        _file: &File,
        _position: &mut i64,
        _pipe: &mut PipeSource<'p>,
        _flags: SpliceFlags,
    ) -> Result<Spliced<'p>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `ioctl()`, `->unlocked_ioctl` (`vfs_ioctl()` of `fs/ioctl.c`).
    ///
    /// `_arg` is the third argument, not checked by anybody yet; see [`ioctl`](crate::ioctl) for
    /// structs. The numbers of `FIOCLEX` and its like never arrive here. No lock is held.
    ///
    /// # Errors
    ///
    /// `ENOTTY` for a number that is not known; for others whatever it says in the ABI's
    /// description.
    fn ioctl(_this: Private<'_, Self>, _file: &File, _cmd: u32, _arg: UserPtr) -> Result<isize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `ioctl()` of a 32-bit program, `->compat_ioctl`.
    ///
    /// Without it [`ioctl`](Self::ioctl) is called with the pointer widened (`compat_ptr_ioctl()`),
    /// which is right for structs that look the same on both.
    ///
    /// # Errors
    ///
    /// As for [`ioctl`](Self::ioctl).
    fn compat_ioctl(
        _this: Private<'_, Self>,
        _file: &File,
        _cmd: u32,
        _arg: UserPtr,
    ) -> Result<isize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `mmap()`, `->mmap` (`vfs_mmap()` of `fs.h`).
    ///
    /// Context: the caller's `mmap_lock` is held for writing: no copy to or from user memory, and
    /// no lock that is held across one.
    ///
    /// # Errors
    ///
    /// By custom `EINVAL` for a length or an offset that does not exist, `EPERM` for a protection
    /// that is not given, `ENOMEM`; the mapping is then not made. All of them come from
    /// [`map`](crate::mapping::map), which this ends with.
    fn mmap(_this: Private<'_, Self>, _file: &File, _vma: NewVma<'_, Self>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Adds lines to `/proc/PID/fdinfo/FD`, `->show_fdinfo` (`seq_show()` of `fs/proc/fd.c`).
    ///
    /// Context: the mutex of the reader's `seq_file`. It may run again for the same read, with more
    /// room; anybody who may trace the owner of the file may call it.
    fn show_fdinfo(_this: Private<'_, Self>, _seq: &SeqFile, _file: &File) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}
