// SPDX-License-Identifier: MIT OR Apache-2.0

//! The producer end of a ring of records.

use super::{
    records::{Carried, View, PRODUCERS_PAGE},
    Layout, Shared, Window,
};
use ferrio_ring::records::{
    Cause, Loss, Many, Misuse, Notify, Refused, Reservation, Single, CAUSES, SLOTS,
};
use ferrio_ringbuffer_sys::{self as sys, abi::*};
use rustix::{
    fd::BorrowedFd,
    io::{Errno, Result},
};
use std::{array::from_fn, sync::atomic::AtomicU64};

/// The protocol, of a ring of one producer or of many.
enum Protocol {
    One(Single<View>),
    Many(Many<View>),
}

/// A producer of records, mapped.
///
/// # Invariants
///
/// The words of the value are those of `window`; they never leave this value, and are not used when
/// it is dropped. `window` is one of a producer end.
pub(crate) struct RecordsIn {
    protocol: Protocol,
    loss: Loss<&'static Shared, Shared>,
    view: View,
    carried: Carried,
    window: Window,
}

impl RecordsIn {
    /// Maps the end `fd`, of which `info` was told. EPROTO if it lays its pages out in an unknown
    /// way, or has no slot; else what mmap(2) says.
    pub(crate) fn new(fd: BorrowedFd<'_>, info: &ferrio_rb_info) -> Result<Self> {
        let layout = Layout::new(info)?;
        if (info.page_bytes as usize) < PRODUCERS_PAGE {
            return Err(Errno::PROTO);
        }
        let carried = Carried::new(info);
        let window = Window::new(fd, FERRIO_RB_WRITE, layout)?;
        let owner = if carried.are_of_many() {
            // The mapping has got a slot; which one?
            let info = sys::get_info(fd).map_err(|error| errno(&error))?;
            if !(1..=SLOTS).contains(&info.slot) {
                return Err(Errno::PROTO);
            }
            info.slot
        } else {
            // An only producer counts in the first one.
            1
        };
        // SAFETY: By the type invariants, both; a page holds what it has to.
        let view = unsafe { View::new(&window, carried, FERRIO_RB_WRITE, owner) };
        let size = info.ring_bytes;
        let protocol = if carried.are_of_many() {
            Many::new(view, size).map(Protocol::Many)
        } else {
            Single::new(view, size).map(Protocol::One)
        };
        let words = view.counters(owner).ok_or(Errno::PROTO)?;
        let own = from_fn(|_| Shared(AtomicU64::new(0)));
        // INVARIANT: All words are those of `view`, which are those of `window`, or own ones. The
        // methods below return numbers.
        Ok(RecordsIn {
            protocol: protocol.ok_or(Errno::PROTO)?,
            loss: Loss::new(words.lost.each_ref(), &words.discarded, own),
            view,
            carried,
            window,
        })
    }

    /// Reserves a record; in a ring that drops, counts what is refused, and tells of it before the
    /// next one.
    #[inline]
    pub(crate) fn reserve(&mut self, len: u64) -> std::result::Result<Reservation, Refused> {
        let refused = |why| Refused { why, wake: None };
        match (&mut self.protocol, self.carried.are_dropped()) {
            (Protocol::One(one), false) => one.reserve(len).map_err(refused),
            (Protocol::One(one), true) => one.offer(len, &self.loss),
            (Protocol::Many(many), false) => many.reserve(len).map_err(refused),
            (Protocol::Many(many), true) => many.offer(len, &self.loss),
        }
    }

    /// Commits the first `len` bytes, at most those that are reserved; whom to wake.
    #[inline]
    pub(crate) fn commit(
        &mut self,
        reservation: Reservation,
        len: u64,
        how: Notify,
    ) -> std::result::Result<Option<u64>, Misuse> {
        match &mut self.protocol {
            Protocol::One(one) => one.commit_part(reservation, len, how),
            Protocol::Many(many) => many
                .commit_part(reservation, len, how)
                .map_err(|_| Misuse::TooLong),
        }
    }

    /// Takes a reservation back, and counts it; whom to wake.
    pub(crate) fn discard(&mut self, reservation: Reservation) -> Option<u64> {
        self.loss.count_discarded();
        match &mut self.protocol {
            Protocol::One(one) => {
                // It is what this one has reserved.
                let _ = one.discard(reservation);
                None
            }
            Protocol::Many(many) => many.discard(reservation, Notify::Default),
        }
    }

    /// What this producer's counters say, by cause.
    pub(crate) fn lost(&self) -> [u64; CAUSES] {
        [Cause::Full, Cause::TooLarge, Cause::Aborted, Cause::Peer]
            .map(|cause| self.loss.lost(cause))
    }

    /// Records that this producer has taken back.
    pub(crate) fn discarded(&self) -> u64 {
        self.loss.discarded()
    }

    pub(crate) fn carried(&self) -> Carried {
        self.carried
    }

    pub(crate) fn state(&self) -> u64 {
        self.view.state()
    }

    /// The size of the ring, in bytes.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.window.layout.ring
    }

    pub(crate) fn used(&self) -> u64 {
        self.view.used(self.carried)
    }

    /// Where `len` bytes of data begin. Panics if there are not so many behind `offset`.
    #[inline]
    pub(crate) fn place(&mut self, offset: usize, len: usize) -> *mut u8 {
        self.window.data(offset, len).as_ptr()
    }

    /// Copies data into the ring.
    #[inline]
    pub(crate) fn copy_in(&mut self, offset: usize, from: &[u8]) {
        // SAFETY: By the type invariant.
        unsafe { self.window.copy_in(offset, from) };
    }
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
