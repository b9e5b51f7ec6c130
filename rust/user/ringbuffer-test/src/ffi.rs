// SPDX-License-Identifier: GPL-2.0

//! C's library, as its caller sees it: an end, and calls that give an errno.

mod records;

pub use records::{CNext, CRecords};

use ferrio_ringbuffer_sys::{
    abi::{FERRIO_RB_OBSERVE, FERRIO_RB_READ, FERRIO_RB_WRITE},
    c,
};
use rustix::{
    fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    io::Errno,
};
use std::{
    io,
    mem::MaybeUninit,
    ptr::{copy_nonoverlapping, NonNull},
    sync::atomic::{AtomicU64, Ordering::Release},
};

/// An end that C has mapped.
///
/// # Invariants
///
/// `rb` was made by `ringbuffer()`, and is mapped. `fd` is its descriptor.
pub struct CEnd {
    rb: Box<c::ringbuffer>,
    fd: OwnedFd,
}

// SAFETY: The library keeps nothing of a thread; one at a time uses the end, as it takes `&mut`.
unsafe impl Send for CEnd {}

fn errno() -> Errno {
    let error = io::Error::last_os_error();
    Errno::from_io_error(&error).expect("an errno")
}

/// -1 is an errno.
fn count(returned: isize) -> Result<usize, Errno> {
    usize::try_from(returned).map_err(|_| errno())
}

impl CEnd {
    /// Maps an end, or an observer, and keeps its descriptor.
    fn new(fd: OwnedFd, rw: u32) -> Result<Self, Errno> {
        let mut rb = Box::new(MaybeUninit::uninit());
        // SAFETY: The library fills in all of `rb`, also when it fails: calls with it fail then.
        let (end, mut rb) = unsafe {
            let end = c::ringbuffer(fd.as_raw_fd(), rw as i32, 0, rb.as_mut_ptr());
            (end, rb.assume_init())
        };
        if end < 0 {
            return Err(errno());
        }
        assert_eq!(end, fd.as_raw_fd(), "an end is mapped as it is");
        // Sleeps, where it can.
        rb.spin = 0;
        // INVARIANT: Just made.
        Ok(CEnd { rb, fd })
    }

    pub fn producer(fd: OwnedFd) -> Result<Self, Errno> {
        CEnd::new(fd, FERRIO_RB_WRITE)
    }

    pub fn consumer(fd: OwnedFd) -> Result<Self, Errno> {
        CEnd::new(fd, FERRIO_RB_READ)
    }

    pub fn observer(fd: OwnedFd) -> Result<Self, Errno> {
        CEnd::new(fd, FERRIO_RB_OBSERVE)
    }

    pub fn set_nonblocking(&mut self, nonblocking: bool) {
        self.rb.nonblock = nonblocking.into();
    }

    pub fn used(&self) -> u64 {
        // SAFETY: By the type invariant.
        unsafe { c::ringbuffer_used(&*self.rb) }
    }

    pub fn write(&mut self, from: &[u8]) -> Result<usize, Errno> {
        // SAFETY: By the type invariant; so many bytes can be read.
        count(unsafe { c::ringbuffer_write(&mut *self.rb, from.as_ptr().cast(), from.len()) })
    }

    pub fn read(&mut self, to: &mut [u8]) -> Result<usize, Errno> {
        // SAFETY: By the type invariant; so many bytes can be written.
        count(unsafe { c::ringbuffer_read(&mut *self.rb, to.as_mut_ptr().cast(), to.len()) })
    }

    /// Reserves `reserved` bytes, fills the first ones and publishes these.
    pub fn commit(&mut self, reserved: usize, from: &[u8]) -> Result<usize, Errno> {
        // SAFETY: By the type invariant.
        let place = unsafe { c::ringbuffer_reserve(&mut *self.rb, reserved) };
        let place = NonNull::new(place.cast::<u8>()).ok_or_else(errno)?;
        if from.len() <= reserved {
            // SAFETY: So many bytes can be written there, as they were reserved, and `from` is no
            // part of a mapping.
            unsafe { copy_nonoverlapping(from.as_ptr(), place.as_ptr(), from.len()) };
        }
        // SAFETY: By the type invariant; what is too much is refused.
        count(unsafe { c::ringbuffer_commit(&mut *self.rb, from.len()) } as isize)?;
        Ok(from.len())
    }

    /// Waits for `min` bytes, copies the first `to.len()` of those that are there, and consumes
    /// `consumed`. Returns how many were there.
    pub fn consume(&mut self, min: usize, to: &mut [u8], consumed: usize) -> Result<usize, Errno> {
        let mut there = min;
        // SAFETY: By the type invariant.
        let place = unsafe { c::ringbuffer_peek(&mut *self.rb, &mut there) };
        let place = NonNull::new(place.cast::<u8>().cast_mut()).ok_or_else(errno)?;
        let part = to.len().min(there);
        // SAFETY: So many bytes can be read there, and `to` is no part of a mapping.
        unsafe { copy_nonoverlapping(place.as_ptr(), to.as_mut_ptr(), part) };
        // SAFETY: By the type invariant; what is too much is refused.
        count(unsafe { c::ringbuffer_consume(&mut *self.rb, consumed) } as isize)?;
        Ok(there)
    }

    /// Moves the own position where it cannot be.
    pub fn break_position(&mut self) {
        // SAFETY: By the type invariant it is a word of the mapping, which nobody has a reference
        // to, and which this end may write.
        let position = unsafe { AtomicU64::from_ptr(self.rb.own) };
        position.fetch_add(3 * self.rb.size, Release);
    }
}

impl Drop for CEnd {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; what pointed into the mapping was used up by each call.
        // The descriptor is dropped behind it.
        unsafe { c::ringbuffer_unmap(&mut *self.rb) };
    }
}

impl AsFd for CEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
