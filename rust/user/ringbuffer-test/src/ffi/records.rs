// SPDX-License-Identifier: GPL-2.0

//! `ferrio/ring-records.h`, as its caller sees it.

use super::{count, errno};
use ferrio_ringbuffer_sys::{
    abi::{FERRIO_RB_READ, FERRIO_RB_WRITE},
    c,
};
use rustix::{
    fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    io::Errno,
};
use std::{
    mem::MaybeUninit,
    ptr::{copy_nonoverlapping, null, NonNull},
    sync::atomic::{AtomicU64, Ordering::Release},
};

/// What C's consumer gets.
#[derive(Debug, PartialEq)]
pub enum CNext {
    Record(Vec<u8>),
    /// By cause.
    Gap([u64; 4]),
    End,
}

/// An end of a ring of records that C has mapped.
///
/// # Invariants
///
/// `rr` was made by `ring_records()`, and is mapped. `fd` is its descriptor.
pub struct CRecords {
    rr: Box<c::ring_records>,
    fd: OwnedFd,
}

// SAFETY: The library keeps nothing of a thread; one at a time uses the end, as it takes `&mut`.
unsafe impl Send for CRecords {}

impl CRecords {
    /// Maps an end, and keeps its descriptor.
    fn new(fd: OwnedFd, rw: u32) -> Result<Self, Errno> {
        let mut rr = Box::new(MaybeUninit::uninit());
        // SAFETY: The library fills in all of `rr`, also when it fails: calls with it fail then.
        let (end, mut rr) = unsafe {
            let end = c::ring_records(fd.as_raw_fd(), rw as i32, 0, 0, rr.as_mut_ptr());
            (end, rr.assume_init())
        };
        if end < 0 {
            return Err(errno());
        }
        assert_eq!(end, fd.as_raw_fd(), "an end is mapped as it is");
        // Sleeps, where it can.
        rr.rb.spin = 0;
        // INVARIANT: Just made.
        Ok(CRecords { rr, fd })
    }

    pub fn producer(fd: OwnedFd) -> Result<Self, Errno> {
        CRecords::new(fd, FERRIO_RB_WRITE)
    }

    pub fn consumer(fd: OwnedFd) -> Result<Self, Errno> {
        CRecords::new(fd, FERRIO_RB_READ)
    }

    pub fn set_nonblocking(&mut self, nonblocking: bool) {
        self.rr.rb.nonblock = nonblocking.into();
    }

    pub fn write(&mut self, from: &[u8]) -> Result<(), Errno> {
        // SAFETY: By the type invariant; so many bytes can be read.
        let done = unsafe { c::ring_record_write(&mut *self.rr, from.as_ptr().cast(), from.len()) };
        count(done as isize).map(drop)
    }

    /// Reserves `reserved` bytes, fills the first ones and commits these.
    pub fn commit(&mut self, reserved: usize, from: &[u8]) -> Result<(), Errno> {
        assert!(from.len() <= reserved);
        // SAFETY: By the type invariant.
        let place = unsafe { c::ring_record_reserve(&mut *self.rr, reserved) };
        let place = NonNull::new(place.cast::<u8>()).ok_or_else(errno)?;
        // SAFETY: So many bytes can be written there, as they were reserved, and `from` is no part
        // of a mapping.
        unsafe { copy_nonoverlapping(from.as_ptr(), place.as_ptr(), from.len()) };
        // SAFETY: By the type invariant.
        count(unsafe { c::ring_record_commit(&mut *self.rr, from.len()) } as isize).map(drop)
    }

    /// Reserves so many bytes, and leaves it at that.
    pub fn reserve(&mut self, bytes: usize) -> Result<(), Errno> {
        // SAFETY: By the type invariant.
        let place = unsafe { c::ring_record_reserve(&mut *self.rr, bytes) };
        NonNull::new(place).map(drop).ok_or_else(errno)
    }

    /// The next record, copied and done with.
    pub fn next(&mut self) -> Result<CNext, Errno> {
        let (mut payload, mut bytes) = (null(), 0);
        // SAFETY: By the type invariant.
        let said = unsafe { c::ring_record_next(&mut *self.rr, &mut payload, &mut bytes) };
        match count(said as isize) {
            Ok(0) => return Ok(CNext::End),
            Ok(_) => {}
            Err(Errno::NOBUFS) => return Ok(CNext::Gap(self.rr.lost)),
            Err(errno) => return Err(errno),
        }
        let mut copy = vec![0; bytes];
        // SAFETY: So many bytes can be read there, and `copy` is no part of a mapping.
        unsafe { copy_nonoverlapping(payload.cast::<u8>(), copy.as_mut_ptr(), bytes) };
        // SAFETY: By the type invariant.
        count(unsafe { c::ring_record_done(&mut *self.rr) } as isize)?;
        Ok(CNext::Record(copy))
    }

    /// Moves the own position where it cannot be.
    pub fn break_position(&mut self) {
        // SAFETY: By the type invariant it is a word of the mapping, which nobody has a reference
        // to, and which this end may write.
        let position = unsafe { AtomicU64::from_ptr(self.rr.rb.own) };
        position.fetch_add(3 * self.rr.rb.size, Release);
    }

    /// Writes what is no header over that of the record at the beginning of the data.
    pub fn break_first_header(&mut self) {
        assert_eq!(self.rr.rb.rw, FERRIO_RB_WRITE as i32);
        // SAFETY: By the type invariant it is a word of the mapping, which a producer may write,
        // and to which there are references to atomic words at most.
        let header = unsafe { AtomicU64::from_ptr(self.rr.rb.data.cast()) };
        header.store(u64::MAX, Release);
    }
}

impl Drop for CRecords {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; what pointed into the mapping was used up by each call.
        // The descriptor is dropped behind it.
        unsafe { c::ringbuffer_unmap(&mut self.rr.rb) };
    }
}

impl AsFd for CRecords {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
