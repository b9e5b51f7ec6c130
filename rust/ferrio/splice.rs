// SPDX-License-Identifier: GPL-2.0

//! Splice: between a file and a pipe without a user buffer.
//!
//! C header: [`include/linux/splice.h`](srctree/include/linux/splice.h)
//!
//! `splice(file, pipe)` calls `->splice_read` with `pipe->mutex` held; other users of the pipe wait
//! for it and cannot be killed meanwhile. So a driver may wait there only in a way that a signal
//! ends, and copies without waiting for anybody. `splice(pipe, file)` calls `->splice_write` with
//! the mutex free; [`PipeSource::feed`] holds it while its `step` runs, and only then.

use crate::{
    iov::{IterDest, IterSource},
    sys,
};
use core::{ffi::c_void, marker::PhantomData, ptr::NonNull};
use kernel::{bindings, prelude::*};

/// The flags of one splice call.
#[derive(Clone, Copy)]
pub struct SpliceFlags(pub(crate) u32);

impl SpliceFlags {
    /// The flags that a driver was called with, `SPLICE_F_*`.
    pub fn from_bits(bits: u32) -> Self {
        SpliceFlags(bits)
    }

    /// Whether the caller asked not to wait.
    pub fn nonblock(self) -> bool {
        self.0 & sys::FERRIO_SPLICE_F_NONBLOCK != 0
    }
}

/// The proof that a splice is finished; see [`Moved`](crate::iov::Moved).
#[must_use]
pub struct Spliced<'p> {
    _brand: PhantomData<fn(&'p ()) -> &'p ()>,
}

/// A pipe that takes what a file gives. `pipe->mutex` is held while this lives, or the pipe is the
/// task's own (`splice_direct_to_actor()`, behind `sendfile()`).
pub struct PipeSink<'p> {
    pipe: NonNull<bindings::pipe_inode_info>,
    len: usize,
    moved: usize,
    _brand: PhantomData<fn(&'p ()) -> &'p ()>,
}

/// A pipe that gives to a file.
pub struct PipeSource<'p> {
    pipe: NonNull<bindings::pipe_inode_info>,
    len: usize,
    moved: usize,
    _brand: PhantomData<fn(&'p ()) -> &'p ()>,
}

macro_rules! both_pipes {
    ($name:ident) => {
        impl<'p> $name<'p> {
            /// # Safety
            ///
            /// `pipe` must be the argument of the running `->splice_*` call, with its locking.
            pub(crate) unsafe fn new(pipe: NonNull<bindings::pipe_inode_info>, len: usize) -> Self {
                Self {
                    pipe,
                    len,
                    moved: 0,
                    _brand: PhantomData,
                }
            }

            /// Bytes that the caller still wants to be moved. Any context.
            pub fn left(&self) -> usize {
                self.len - self.moved
            }

            /// Bytes moved so far. Any context.
            pub fn count(&self) -> usize {
                self.moved
            }

            /// Finishes the call: what has been moved is its result.
            pub fn spliced(&self) -> Spliced<'p> {
                Spliced {
                    _brand: PhantomData,
                }
            }

            /// The result for the VFS: what really went through.
            pub(crate) fn finish(&self, result: Result<Spliced<'p>>) -> Result<usize> {
                result.map(|_| self.moved)
            }

            /// Counts what C reports to have moved.
            fn add(&mut self, moved: isize) -> Result<usize> {
                let moved = usize::try_from(moved).map_err(|_| Error::from_errno(moved as i32))?;
                self.moved += moved;
                Ok(moved)
            }
        }
    };
}

both_pipes!(PipeSink);
both_pipes!(PipeSource);

impl PipeSink<'_> {
    /// Runs `step` with an iterator over new pages; what it moves goes into the pipe.
    ///
    /// There are pages for `most` bytes at most, so say what there is to move.
    ///
    /// The pages are copies: what happens to the file's data later does not change them. `step`
    /// must not wait for other tasks. Returns the bytes moved. Costs one page allocation per page,
    /// charged to the caller's cgroup, and three for the call. Process context, `pipe->mutex` held;
    /// may sleep for memory. Wraps `splice_to_pipe()` of `fs/splice.c`.
    ///
    /// # Errors
    ///
    /// - `EPIPE`: the pipe has no reader; SIGPIPE was sent. `step` has not run.
    /// - `EAGAIN`: the pipe has no free slot. `step` has not run.
    /// - `ENOMEM`: no page. `step` has not run.
    /// - what `step` returned, if it moved nothing.
    pub fn fill<F>(&mut self, most: usize, mut step: F) -> Result<usize>
    where
        F: for<'i> FnMut(&mut IterDest<'i>) -> Result,
    {
        /// # Safety
        ///
        /// Only for the call below: `iter` is a valid iterator of this direction, made for this
        /// step, and `data` points to an `F` that nobody else uses meanwhile.
        unsafe extern "C" fn trampoline<F>(
            iter: *mut bindings::iov_iter,
            data: *mut c_void,
        ) -> c_int
        where
            F: for<'i> FnMut(&mut IterDest<'i>) -> Result,
        {
            // SAFETY: `data` is the closure below, which C passes through.
            let step = unsafe { &mut *data.cast::<F>() };
            // SAFETY: C made the iterator for this call, with direction ITER_DEST.
            let mut iter = unsafe { IterDest::from_raw(NonNull::new_unchecked(iter)) };
            IterDest::step_errno(step(&mut iter))
        }
        let left = self.left().min(most);
        // SAFETY: The pipe is the running call's, with its mutex held or its own, by the
        // constructor. The trampoline fits the closure and neither is used after the call.
        let moved = unsafe {
            sys::ferrio_splice_to_pipe(
                self.pipe.as_ptr(),
                left,
                Some(trampoline::<F>),
                (&raw mut step).cast(),
            )
        };
        self.add(moved)
    }
}

impl PipeSource<'_> {
    /// Runs `step` with the pipe's buffers, one after the other, until the pipe is empty or `step`
    /// moves nothing. Returns the bytes moved; 0 is the end: the pipe is empty and has no writer.
    ///
    /// Waits (interruptibly) for data in the pipe only if nothing has been moved by this call and
    /// `wait`. `step` runs under `pipe->mutex`: it must not wait for anybody. An empty buffer in
    /// the middle of the pipe ends the walk early, as it does for every user of the C function.
    ///
    /// Wraps `__splice_from_pipe()` of `fs/splice.c`. Process context, `pipe->mutex` free; sleeps.
    ///
    /// # Errors
    ///
    /// - `EAGAIN`: the pipe is empty, and not `wait`.
    /// - `ERESTARTSYS`: a signal.
    /// - what `step` returned, if nothing was moved; `EAGAIN` for `Ok` without a byte.
    pub fn feed<F>(&mut self, wait: bool, mut step: F) -> Result<usize>
    where
        F: for<'i> FnMut(&mut IterSource<'i>) -> Result,
    {
        /// # Safety
        ///
        /// Only for the call below: `iter` is a valid iterator of this direction, made for this
        /// step, and `data` points to an `F` that nobody else uses meanwhile.
        unsafe extern "C" fn trampoline<F>(
            iter: *mut bindings::iov_iter,
            data: *mut c_void,
        ) -> c_int
        where
            F: for<'i> FnMut(&mut IterSource<'i>) -> Result,
        {
            // SAFETY: `data` is the closure below, which C passes through.
            let step = unsafe { &mut *data.cast::<F>() };
            // SAFETY: C made the iterator for this call, with direction ITER_SOURCE.
            let mut iter = unsafe { IterSource::from_raw(NonNull::new_unchecked(iter)) };
            IterSource::step_errno(step(&mut iter))
        }
        let left = self.left();
        let flags = if wait {
            0
        } else {
            sys::FERRIO_SPLICE_F_NONBLOCK
        };
        // SAFETY: The pipe is the running call's, with its mutex free, by the constructor. The
        // trampoline fits the closure and neither is used after the call.
        let moved = unsafe {
            sys::ferrio_splice_from_pipe(
                self.pipe.as_ptr(),
                left,
                flags,
                Some(trampoline::<F>),
                (&raw mut step).cast(),
            )
        };
        self.add(moved)
    }
}
