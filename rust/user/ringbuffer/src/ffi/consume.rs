// SPDX-License-Identifier: MIT OR Apache-2.0

//! The consumer end of a ring of records.

use super::{
    records::{Carried, View, PRODUCERS_PAGE},
    Layout, Window,
};
use ferrio_ring::{
    records::{Notify, Reader, Record, CAUSES},
    Stop,
};
use ferrio_ringbuffer_sys::abi::*;
use rustix::{
    fd::BorrowedFd,
    io::{Errno, Result},
};

/// The protocol, of a ring of one producer or of many.
enum Protocol {
    One(Reader<View, false>),
    Many(Reader<View, true>),
}

/// A consumer of records, mapped.
///
/// # Invariants
///
/// The words of the value are those of `window`; they never leave this value, and are not used when
/// it is dropped. `window` is one of a consumer end.
pub(crate) struct RecordsOut {
    protocol: Protocol,
    view: View,
    carried: Carried,
    window: Window,
}

impl RecordsOut {
    /// Maps the end `fd`, of which `info` was told. EPROTO if it lays its pages out in an unknown
    /// way; else what mmap(2) says.
    pub(crate) fn new(fd: BorrowedFd<'_>, info: &ferrio_rb_info) -> Result<Self> {
        let layout = Layout::new(info)?;
        if (info.page_bytes as usize) < PRODUCERS_PAGE {
            return Err(Errno::PROTO);
        }
        let carried = Carried::new(info);
        let window = Window::new(fd, FERRIO_RB_READ, layout)?;
        // SAFETY: By the type invariants, both; a page holds what it has to. A reader stores into
        // the consumer's position alone.
        let view = unsafe { View::new(&window, carried, FERRIO_RB_READ, 0) };
        let size = info.ring_bytes;
        let protocol = if carried.are_of_many() {
            Reader::new(view, size).map(Protocol::Many)
        } else {
            Reader::new(view, size).map(Protocol::One)
        };
        // INVARIANT: All words are those of `view`, which are those of `window`. The methods below
        // return numbers.
        Ok(RecordsOut {
            protocol: protocol.ok_or(Errno::PROTO)?,
            view,
            carried,
            window,
        })
    }

    /// The next record.
    #[inline]
    pub(crate) fn read(&mut self) -> std::result::Result<Record, Stop> {
        match &mut self.protocol {
            Protocol::One(one) => one.read(),
            Protocol::Many(many) => many.read(),
        }
    }

    /// What a gap tells.
    pub(crate) fn gap(&self, record: Record) -> [u64; CAUSES] {
        match &self.protocol {
            Protocol::One(one) => one.gap(record),
            Protocol::Many(many) => many.gap(record),
        }
    }

    /// Gives back all that was read; whom to wake.
    #[inline]
    pub(crate) fn free(&mut self) -> Option<u64> {
        match &mut self.protocol {
            Protocol::One(one) => one.free(Notify::Default),
            Protocol::Many(many) => many.free(Notify::Default),
        }
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
    pub(crate) fn place(&self, offset: usize, len: usize) -> *const u8 {
        self.window.data(offset, len).as_ptr()
    }

    /// Copies data out of the ring.
    #[inline]
    pub(crate) fn copy_out(&self, offset: usize, to: &mut [u8]) {
        self.window.copy_out(offset, to);
    }
}
