// SPDX-License-Identifier: GPL-2.0

//! Polling.
//!
//! C header: [`include/linux/poll.h`](srctree/include/linux/poll.h)

use crate::{sys, wait::WaitQueue};
use core::{marker::PhantomData, ops::BitOr, ops::BitOrAssign};
use kernel::{bindings, fs::File};

/// A set of `EPOLL*` bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mask(u32);

impl Mask {
    /// No bit. Of a wake: no reason is given, so whoever polls looks for himself.
    pub const NONE: Mask = Mask(0);
    /// Data can be read.
    pub const IN: Mask = Mask(sys::FERRIO_EPOLLIN | sys::FERRIO_EPOLLRDNORM);
    /// Data can be written.
    pub const OUT: Mask = Mask(sys::FERRIO_EPOLLOUT | sys::FERRIO_EPOLLWRNORM);
    /// Something is wrong, or nobody reads any more.
    pub const ERR: Mask = Mask(sys::FERRIO_EPOLLERR);
    /// The peer is gone.
    pub const HUP: Mask = Mask(sys::FERRIO_EPOLLHUP);

    /// Whether all bits of `other` are there.
    #[inline]
    pub fn contains(self, other: Mask) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits as `__poll_t` has them.
    #[inline]
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl BitOr for Mask {
    type Output = Mask;
    fn bitor(self, other: Mask) -> Mask {
        Mask(self.0 | other.0)
    }
}

impl BitOrAssign for Mask {
    fn bitor_assign(&mut self, other: Mask) {
        self.0 |= other.0;
    }
}

/// The `struct poll_table_struct` of one `->poll` call.
///
/// `'a` is the life of the file's private data: a queue borrowed for it is still there when the
/// file is released, and every poller lets go of a queue before that. epoll drops its items in
/// `eventpoll_release()` ahead of `->release` (`fs/file_table.c`), select, poll and io_uring hold a
/// reference to the file.
///
/// # Invariants
///
/// `table` is NULL or valid for the call.
pub struct PollTable<'a> {
    table: *mut bindings::poll_table,
    file: &'a File,
    _private: PhantomData<fn(&'a ()) -> &'a ()>,
}

impl<'a> PollTable<'a> {
    /// # Safety
    ///
    /// `table` must be NULL or valid for the call, and `'a` must not be longer than the life of
    /// the private data of `file`.
    pub(crate) unsafe fn new(table: *mut bindings::poll_table, file: &'a File) -> Self {
        // INVARIANT: The caller vouches for `table`.
        PollTable {
            table,
            file,
            _private: PhantomData,
        }
    }

    /// The file that is polled.
    pub fn file(&self) -> &'a File {
        self.file
    }

    /// Whether anybody is going to wait for an event, or waits already: not for a call that only
    /// looks.
    pub fn is_waiting(&self) -> bool {
        !self.table.is_null()
    }

    /// Whether the poller has use for an event although the file is ready: it wants to be told of
    /// changes only (`EPOLLET`), or there are others behind it (`EPOLLEXCLUSIVE`).
    pub fn wants_more(&self) -> bool {
        self.key() & (sys::FERRIO_EPOLLET | sys::FERRIO_EPOLLEXCLUSIVE) != 0
    }

    /// Whether the poller stays queued and may not ask again between two events, but for what its
    /// user does (`EPOLLET` without `EPOLLONESHOT`): io_uring's multishot poll. epoll's edge
    /// trigger, which asks whenever its user waits, looks the same.
    ///
    /// So does a poller in the kernel that names no events, as `init_poll_funcptr()` leaves it: it
    /// may only look from then on, without a table (`p9_read_work()`).
    pub fn asks_once(&self) -> bool {
        let key = self.key();
        key == u32::MAX
            || key & (sys::FERRIO_EPOLLET | sys::FERRIO_EPOLLONESHOT) == sys::FERRIO_EPOLLET
    }

    /// The events and flags that the poller wants; 0 of one that only looks.
    fn key(&self) -> u32 {
        if !self.is_waiting() {
            return 0;
        }
        // SAFETY: Not NULL, so valid by the type invariants; `_key` is set by init_poll_funcptr()
        // or by the caller of ->poll, before it.
        unsafe { (*self.table)._key }
    }

    /// Registers the poller with a queue, if it wants to be.
    ///
    /// Do it before looking at the condition. `poll_wait()` has a full barrier when it queues; when
    /// it does not (epoll looking again), the poller is still queued from before.
    ///
    /// Wraps `poll_wait()` of `poll.h`. Process context; may sleep for the memory of select's
    /// entry, which is select's to report. Costs an indirect call if the caller wants to wait.
    pub fn register(&self, queue: &'a WaitQueue) {
        // SAFETY: The file is valid. The table is NULL or valid by the type invariants. The queue
        // lives for `'a`, that is until the file's private data goes, and no poller keeps it longer
        // (see the type).
        unsafe { bindings::poll_wait(self.file.as_ptr(), queue.as_ptr(), self.table) };
    }
}
