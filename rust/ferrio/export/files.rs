// SPDX-License-Identifier: GPL-2.0

//! Kinds of arguments for those who answer the calls of other drivers' files.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)
//!
//! The driver passes on what its own `struct file_operations` are called with, in the call that it
//! is for.

use super::{Call, FromC};
use crate::{
    chardev::Request,
    iov::{IterDest, IterSource},
    mapping::lent::LentVma,
    poll::PollTable,
    splice::{PipeSink, PipeSource},
};
use core::{marker::PhantomData, ptr::NonNull};
use kernel::{
    bindings,
    fs::{File, LocalFile},
    seq_file::SeqFile,
};

/// `struct kiocb *`: that of the running `->read_iter` or `->write_iter`.
pub struct Iocb;

impl FromC for Iocb {
    type C = *mut bindings::kiocb;
    type Rust<'a> = Request<'a>;

    unsafe fn from_c<'a>(c: *mut bindings::kiocb, _call: &'a Call) -> Request<'a> {
        // SAFETY: Of the running call, so not NULL, by our contract.
        unsafe { Request::new(NonNull::new_unchecked(c)) }
    }
}

/// `struct iov_iter *`: that of the running `->read_iter`.
pub struct Dest;

impl FromC for Dest {
    type C = *mut bindings::iov_iter;
    type Rust<'a> = IterDest<'a>;

    unsafe fn from_c<'a>(c: *mut bindings::iov_iter, _call: &'a Call) -> IterDest<'a> {
        // SAFETY: Of the running call, so not NULL and ours for 'a, and of this direction, by our
        // contract.
        unsafe { IterDest::from_raw(NonNull::new_unchecked(c)) }
    }
}

/// `struct iov_iter *`: that of the running `->write_iter`.
pub struct Source;

impl FromC for Source {
    type C = *mut bindings::iov_iter;
    type Rust<'a> = IterSource<'a>;

    unsafe fn from_c<'a>(c: *mut bindings::iov_iter, _call: &'a Call) -> IterSource<'a> {
        // SAFETY: As for Dest.
        unsafe { IterSource::from_raw(NonNull::new_unchecked(c)) }
    }
}

/// `struct file *`: that of the running `->poll`, `->unlocked_ioctl`, `->mmap`, `->splice_read` or
/// `->splice_write`; with `->poll`, what is [`Lent`](super::Lent) in the same call lives until
/// `->release` of this file.
pub struct Called;

/// What [`Called`] becomes.
#[derive(Clone, Copy)]
pub struct CalledFile<'a>(&'a File);

impl FromC for Called {
    type C = *mut bindings::file;
    type Rust<'a> = CalledFile<'a>;

    unsafe fn from_c<'a>(c: *mut bindings::file, _call: &'a Call) -> CalledFile<'a> {
        // SAFETY: Open for 'a by our contract; none of these calls is made inside of fdget_pos().
        CalledFile(unsafe { File::from_raw_file(c) })
    }
}

impl<'a> CalledFile<'a> {
    /// The file.
    pub fn file(self) -> &'a LocalFile {
        self.0
    }

    /// The poller of the call.
    pub fn poller(self, table: Poller<'a>) -> PollTable<'a> {
        // SAFETY: NULL or valid by the contract of Polls. What is borrowed for 'a, which is
        // invariant in a PollTable, is an argument of the same call or a part of one: it lives
        // until the release of this file, by the contract of Called.
        unsafe { PollTable::new(table.0, self.0) }
    }
}

/// `struct poll_table_struct *`: that of the running `->poll`, may be NULL.
pub struct Polls;

/// What [`Polls`] becomes; see [`CalledFile::poller`].
pub struct Poller<'a>(*mut bindings::poll_table, PhantomData<&'a Call>);

impl FromC for Polls {
    type C = *mut bindings::poll_table;
    type Rust<'a> = Poller<'a>;

    unsafe fn from_c<'a>(c: *mut bindings::poll_table, _call: &'a Call) -> Poller<'a> {
        Poller(c, PhantomData)
    }
}

/// `loff_t *`, which nobody looks at: a stream has no position.
pub struct NoPosition;

impl FromC for NoPosition {
    type C = *mut bindings::loff_t;
    type Rust<'a> = ();

    unsafe fn from_c<'a>(_c: *mut bindings::loff_t, _call: &'a Call) {}
}

/// `struct pipe_inode_info *`: that of the running `->splice_read`.
pub struct ToPipe;

/// What [`ToPipe`] becomes.
pub struct PipeToFill<'a>(NonNull<bindings::pipe_inode_info>, PhantomData<&'a Call>);

impl FromC for ToPipe {
    type C = *mut bindings::pipe_inode_info;
    type Rust<'a> = PipeToFill<'a>;

    unsafe fn from_c<'a>(c: *mut bindings::pipe_inode_info, _call: &'a Call) -> PipeToFill<'a> {
        // SAFETY: Of the running call, so not NULL, by our contract.
        PipeToFill(unsafe { NonNull::new_unchecked(c) }, PhantomData)
    }
}

impl<'a> PipeToFill<'a> {
    /// The pipe, which is to take `len` bytes.
    pub fn sink(self, len: usize) -> PipeSink<'a> {
        // SAFETY: Of the running `->splice_read`, by the contract of ToPipe.
        unsafe { PipeSink::new(self.0, len) }
    }
}

/// `struct pipe_inode_info *`: that of the running `->splice_write`.
pub struct FromPipe;

/// What [`FromPipe`] becomes.
pub struct PipeToDrain<'a>(NonNull<bindings::pipe_inode_info>, PhantomData<&'a Call>);

impl FromC for FromPipe {
    type C = *mut bindings::pipe_inode_info;
    type Rust<'a> = PipeToDrain<'a>;

    unsafe fn from_c<'a>(c: *mut bindings::pipe_inode_info, _call: &'a Call) -> PipeToDrain<'a> {
        // SAFETY: Of the running call, so not NULL, by our contract.
        PipeToDrain(unsafe { NonNull::new_unchecked(c) }, PhantomData)
    }
}

impl<'a> PipeToDrain<'a> {
    /// The pipe, which is to give `len` bytes.
    pub fn source(self, len: usize) -> PipeSource<'a> {
        // SAFETY: Of the running `->splice_write`, by the contract of FromPipe.
        unsafe { PipeSource::new(self.0, len) }
    }
}

/// `struct vm_area_struct *`: that of the running `->mmap`, which returns what the function does, and
/// whose file keeps this module.
pub struct Vma;

impl FromC for Vma {
    type C = *mut bindings::vm_area_struct;
    type Rust<'a> = LentVma<'a>;

    unsafe fn from_c<'a>(c: *mut bindings::vm_area_struct, _call: &'a Call) -> LentVma<'a> {
        // SAFETY: Our contract is the one asked for.
        unsafe { LentVma::from_raw(c) }
    }
}

/// `struct seq_file *`: that of the running `->show_fdinfo`.
pub struct Lines;

impl FromC for Lines {
    type C = *mut bindings::seq_file;
    type Rust<'a> = &'a SeqFile;

    unsafe fn from_c<'a>(c: *mut bindings::seq_file, _call: &'a Call) -> &'a SeqFile {
        // SAFETY: Ours for 'a by our contract.
        unsafe { SeqFile::from_raw(c) }
    }
}
