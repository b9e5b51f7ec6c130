// SPDX-License-Identifier: GPL-2.0

//! From the C function pointers to the methods of [`FileOps`].
//!
//! Each function below is called by the VFS with the arguments of its name in
//! `include/linux/fs.h`, on a file whose private data is a `T::Ptr` made into a foreign pointer by
//! `open` or by `anon_file`. That is what the SAFETY comments mean by "the VFS's contract".

use super::{FileOps, OpenFile, Private, Request};
use crate::{
    iov::{IterDest, IterSource},
    mapping::{self, NewVma},
    misc::Misc,
    poll::{Mask, PollTable},
    splice::{PipeSink, PipeSource, SpliceFlags},
    sys,
};
use core::{marker::PhantomData, ptr::NonNull};
use kernel::{
    bindings,
    fs::{File, LocalFile},
    module::this_module,
    prelude::*,
    seq_file::SeqFile,
    types::ForeignOwnable,
    uaccess::UserPtr,
};

/// The `struct file_operations` of `T`.
pub(super) struct VTable<T: FileOps>(PhantomData<T>);

/// An errno for the VFS. `EIOCBQUEUED` would make it wait for a completion that never comes
/// (`new_sync_read()` has a BUG_ON for it), so it cannot leave this crate.
#[cold]
fn errno(err: Error) -> c_int {
    if err.to_errno() == -(bindings::EIOCBQUEUED as c_int) {
        return EIO.to_errno();
    }
    err.to_errno()
}

#[inline]
fn ssize(result: Result<usize>) -> isize {
    // An iterator and a pipe hold at most MAX_RW_COUNT bytes, far below isize::MAX.
    result.map_or_else(|err| errno(err) as isize, |n| n as isize)
}

fn long(result: Result<isize>) -> c_long {
    result.map_or_else(|err| errno(err) as c_long, |n| n as c_long)
}

impl<T: FileOps> VTable<T> {
    /// # Safety
    ///
    /// `file` must be an open file of `T` that is not released for `'a`.
    unsafe fn private<'a>(file: *mut bindings::file) -> Private<'a, T> {
        // SAFETY: The private data is a foreign T::Ptr until `release` takes it back.
        unsafe { T::Ptr::borrow((*file).private_data) }
    }

    /// # Safety
    ///
    /// `file` must be valid for `'a`, and the call one that the VFS does not make inside of
    /// fdget_pos(): neither read, write nor llseek.
    unsafe fn file<'a>(file: *mut bindings::file) -> &'a File {
        // SAFETY: The caller's promise is the one asked for.
        unsafe { File::from_raw_file(file) }
    }

    /// # Safety
    ///
    /// `inode` and `file` are those of a misc device of `T` that is being opened by `misc_open()`.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: misc_open() stored the miscdevice that is being opened, and holds misc_mtx, which
        // misc_deregister() takes, until we return.
        let device = unsafe { Misc::<T::Device>::shared((*file).private_data.cast()) };
        // SAFETY: The VFS's contract: `file` is being opened.
        match T::open(device, unsafe { OpenFile::from_raw(file) }) {
            Ok(private) => {
                // SAFETY: During open the private data is ours to replace; the file is not visible
                // to anybody else, so its mode may be changed.
                unsafe {
                    (*file).private_data = private.into_foreign();
                    sys::ferrio_file_open_mode(inode, file, T::STREAM, T::NOWAIT, T::ONE_POSITION);
                }
                0
            }
            Err(err) => errno(err),
        }
    }

    /// # Safety
    ///
    /// `file` is an open file of `T` whose last reference is gone.
    unsafe extern "C" fn release(_: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The last reference is gone: the private data is ours to take back.
        let private = unsafe { T::Ptr::from_foreign((*file).private_data) };
        T::release(private);
        0
    }

    /// # Safety
    ///
    /// `kiocb` is of an open file of `T`; `iter` is valid and of direction `ITER_DEST`.
    unsafe extern "C" fn read_iter(
        kiocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: The VFS's contract: both are valid and ours during the call, and the iterator's
        // direction is ITER_DEST.
        let (mut request, mut iter, this) = unsafe {
            (
                Request::new(NonNull::new_unchecked(kiocb)),
                IterDest::from_raw(NonNull::new_unchecked(iter)),
                Self::private((*kiocb).ki_filp),
            )
        };
        let result = T::read_iter(this, &mut request, &mut iter);
        ssize(iter.finish(result))
    }

    /// # Safety
    ///
    /// `kiocb` is of an open file of `T`; `iter` is valid and of direction `ITER_SOURCE`.
    unsafe extern "C" fn write_iter(
        kiocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: The VFS's contract: both are valid and ours during the call, and the iterator's
        // direction is ITER_SOURCE.
        let (mut request, mut iter, this) = unsafe {
            (
                Request::new(NonNull::new_unchecked(kiocb)),
                IterSource::from_raw(NonNull::new_unchecked(iter)),
                Self::private((*kiocb).ki_filp),
            )
        };
        let result = T::write_iter(this, &mut request, &mut iter);
        ssize(iter.finish(result))
    }

    /// # Safety
    ///
    /// `file` is an open file of `T`; `table` is NULL or valid.
    unsafe extern "C" fn poll(
        file: *mut bindings::file,
        table: *mut bindings::poll_table_struct,
    ) -> bindings::__poll_t {
        // SAFETY: The VFS's contract. `'a` of the table and of the private data is the same: up to
        // `release`, which does not run during the call and which pollers do not outlast.
        let mask: Mask = unsafe {
            let table = PollTable::new(table, Self::file(file));
            T::poll(Self::private(file), &table)
        };
        mask.bits()
    }

    /// # Safety
    ///
    /// `file` is an open file of `T`.
    unsafe extern "C" fn llseek(
        file: *mut bindings::file,
        offset: bindings::loff_t,
        whence: c_int,
    ) -> bindings::loff_t {
        // SAFETY: The VFS's contract.
        let result = unsafe {
            T::llseek(
                Self::private(file),
                LocalFile::from_raw_file(file),
                offset,
                whence,
            )
        };
        result.unwrap_or_else(|err| errno(err).into())
    }

    /// # Safety
    ///
    /// `file` is an open file of `T`; `position` and `pipe` are valid, `pipe->mutex` is held.
    unsafe extern "C" fn splice_read(
        file: *mut bindings::file,
        position: *mut bindings::loff_t,
        pipe: *mut bindings::pipe_inode_info,
        len: usize,
        flags: c_uint,
    ) -> isize {
        // SAFETY: The VFS's contract: all pointers are valid, pipe->mutex is held.
        unsafe {
            let mut sink = PipeSink::new(NonNull::new_unchecked(pipe), len);
            let result = T::splice_read(
                Self::private(file),
                Self::file(file),
                &mut *position,
                &mut sink,
                SpliceFlags(flags),
            );
            ssize(sink.finish(result))
        }
    }

    /// # Safety
    ///
    /// `file` is an open file of `T`; `position` and `pipe` are valid, `pipe->mutex` is free.
    unsafe extern "C" fn splice_write(
        pipe: *mut bindings::pipe_inode_info,
        file: *mut bindings::file,
        position: *mut bindings::loff_t,
        len: usize,
        flags: c_uint,
    ) -> isize {
        // SAFETY: The VFS's contract: all pointers are valid, pipe->mutex is free.
        unsafe {
            let mut source = PipeSource::new(NonNull::new_unchecked(pipe), len);
            let result = T::splice_write(
                Self::private(file),
                Self::file(file),
                &mut *position,
                &mut source,
                SpliceFlags(flags),
            );
            ssize(source.finish(result))
        }
    }

    /// # Safety
    ///
    /// `file` is an open file of `T`.
    unsafe extern "C" fn ioctl(file: *mut bindings::file, cmd: c_uint, arg: c_ulong) -> c_long {
        // SAFETY: The VFS's contract.
        long(unsafe {
            T::ioctl(
                Self::private(file),
                Self::file(file),
                cmd,
                UserPtr::from_addr(arg),
            )
        })
    }

    /// # Safety
    ///
    /// `file` is an open file of `T`.
    unsafe extern "C" fn compat_ioctl(
        file: *mut bindings::file,
        cmd: c_uint,
        arg: c_ulong,
    ) -> c_long {
        // SAFETY: The VFS's contract.
        long(unsafe {
            T::compat_ioctl(
                Self::private(file),
                Self::file(file),
                cmd,
                UserPtr::from_addr(arg),
            )
        })
    }

    /// # Safety
    ///
    /// `file` is an open file of `T`; `vma` is being set up, under `mmap_lock` for writing.
    unsafe extern "C" fn mmap(
        file: *mut bindings::file,
        vma: *mut bindings::vm_area_struct,
    ) -> c_int {
        // SAFETY: The VFS's contract: the VMA is being set up, under mmap_lock for writing, and its
        // vm_file is `file`, of type T.
        let result =
            unsafe { T::mmap(Self::private(file), Self::file(file), NewVma::from_raw(vma)) };
        if let Err(err) = result {
            return errno(err);
        }
        // SAFETY: The same VMA, and 0 is returned.
        unsafe { mapping::opened_first(vma) };
        0
    }

    /// # Safety
    ///
    /// `file` is an open file of `T`; `seq` is valid and ours during the call.
    unsafe extern "C" fn show_fdinfo(seq: *mut bindings::seq_file, file: *mut bindings::file) {
        // SAFETY: The VFS's contract: the seq_file is ours during the call.
        unsafe {
            T::show_fdinfo(
                Self::private(file),
                SeqFile::from_raw(seq),
                Self::file(file),
            )
        };
    }

    const OPS: bindings::file_operations = bindings::file_operations {
        owner: this_module::<T::OwnerModule>().as_ptr(),
        open: if T::HAS_OPEN { Some(Self::open) } else { None },
        release: Some(Self::release),
        read_iter: if T::HAS_READ_ITER {
            Some(Self::read_iter)
        } else {
            None
        },
        write_iter: if T::HAS_WRITE_ITER {
            Some(Self::write_iter)
        } else {
            None
        },
        poll: if T::HAS_POLL { Some(Self::poll) } else { None },
        llseek: if T::HAS_LLSEEK {
            Some(Self::llseek)
        } else {
            None
        },
        splice_read: if T::HAS_SPLICE_READ {
            Some(Self::splice_read)
        } else {
            None
        },
        splice_write: if T::HAS_SPLICE_WRITE {
            Some(Self::splice_write)
        } else {
            None
        },
        unlocked_ioctl: if T::HAS_IOCTL {
            Some(Self::ioctl)
        } else {
            None
        },
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: if T::HAS_COMPAT_IOCTL {
            Some(Self::compat_ioctl)
        } else if T::HAS_IOCTL {
            bindings::compat_ptr_ioctl
        } else {
            None
        },
        mmap: if T::HAS_MMAP { Some(Self::mmap) } else { None },
        // It looks at none of its arguments.
        fsync: if T::FSYNC {
            Some(bindings::noop_fsync)
        } else {
            None
        },
        show_fdinfo: if T::HAS_SHOW_FDINFO {
            Some(Self::show_fdinfo)
        } else {
            None
        },
        ..pin_init::zeroed()
    };

    pub(super) fn get() -> &'static bindings::file_operations {
        &Self::OPS
    }
}
