// SPDX-License-Identifier: MIT OR Apache-2.0

//! The calls, which the compiler cannot check.
//!
//! None of them can know whose driver it asks: a command's number is all that says so. Its type,
//! 0xBE, is nobody else's in the kernel, so a file that is no ring answers ENOTTY. That a module
//! from elsewhere does not give the same numbers another meaning is taken for granted here, as it
//! is of every ioctl; whoever loads one that does can break the kernel by it as well.

use crate::abi::*;
use rustix::{
    io::Errno,
    ioctl::{ioctl, Opcode, Setter, Updater},
};
use std::{
    io::Result,
    os::fd::{BorrowedFd, FromRawFd, OwnedFd},
};

/// FERRIO_RB_GET_INFO: limits, this ring, this descriptor. Works on every descriptor of a ring.
///
/// # Errors
///
/// ENOTTY.
///
/// # Examples
///
/// ```
/// # use std::{fs::File, os::fd::AsFd};
/// # let ring = File::options().read(true).write(true).open("/dev/ringbuffer")?;
/// let info = ferrio_ringbuffer_sys::get_info(ring.as_fd())?;
/// println!("{} bytes", info.ring_bytes);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Cost
///
/// A system call.
pub fn get_info(fd: BorrowedFd<'_>) -> Result<ferrio_rb_info> {
    let mut info = ferrio_rb_info::new();
    // SAFETY: The command, which is the ring's by what is said above of numbers, reads and writes
    // `size` bytes of its argument, which has as many, and integers of any value are valid.
    unsafe {
        let call = Updater::<'_, { FERRIO_RB_IOC_GET_INFO as Opcode }, _>::new(&mut info);
        ioctl(fd, call)?;
    }
    Ok(info)
}

/// FERRIO_RB_SET_SIZE, of an open of the device: `bytes`, a power of two.
///
/// # Errors
///
/// EINVAL: no such size. EPERM: an end, not an open of the device. EBUSY: the ring was used.
/// EINTR.
///
/// # Examples
///
/// ```
/// # use std::{fs::File, os::fd::AsFd};
/// # let ring = File::options().read(true).write(true).open("/dev/ringbuffer")?;
/// ferrio_ringbuffer_sys::set_size(ring.as_fd(), 1 << 20)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Cost
///
/// A system call; it waits for others who are about to use the ring for the first time.
pub fn set_size(fd: BorrowedFd<'_>, bytes: u64) -> Result<()> {
    set_records(fd, bytes, 0)
}

/// FERRIO_RB_SET_SIZE with `flags`: FERRIO_RB_RECORDS, for a ring of records, and with it
/// FERRIO_RB_RECORDS_MANY and FERRIO_RB_RECORDS_DROP; 0, for one of bytes.
///
/// # Errors
///
/// As [`set_size`]; EINVAL: `flags`, too.
///
/// # Examples
///
/// ```
/// # use std::{fs::File, os::fd::AsFd};
/// # let ring = File::options().read(true).write(true).open("/dev/ringbuffer")?;
/// use ferrio_ringbuffer_sys::{abi::FERRIO_RB_RECORDS, set_records};
///
/// set_records(ring.as_fd(), 1 << 20, FERRIO_RB_RECORDS)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Cost
///
/// As [`set_size`].
pub fn set_records(fd: BorrowedFd<'_>, bytes: u64, flags: u32) -> Result<()> {
    let arg = ferrio_rb_size {
        flags,
        bytes,
        ..ferrio_rb_size::new()
    };
    // SAFETY: The command reads `size` bytes of its argument, which has as many.
    unsafe {
        let call = Setter::<{ FERRIO_RB_IOC_SET_SIZE as Opcode }, _>::new(arg);
        Ok(ioctl(fd, call)?)
    }
}

/// FERRIO_RB_MINT, of an open of the device: a descriptor of one end, or of an observer, close-on-
/// exec. `rw` is FERRIO_RB_READ, FERRIO_RB_WRITE or FERRIO_RB_OBSERVE. The first one makes the
/// ring's memory.
///
/// # Errors
///
/// EINVAL: `rw`. EPERM: an end cannot make ends. EBADF: the open does not hold that end. EDQUOT,
/// ENOMEM: the memory. EMFILE, ENFILE. EINTR: killed. EPROTO: it gave no descriptor.
///
/// # Examples
///
/// ```
/// # use std::{fs::File, os::fd::AsFd};
/// # let ring = File::options().read(true).write(true).open("/dev/ringbuffer")?;
/// use ferrio_ringbuffer_sys::{abi::FERRIO_RB_WRITE, mint, shutdown};
///
/// let writer = mint(ring.as_fd(), FERRIO_RB_WRITE)?;
/// // `writer` alone holds the end from now on.
/// shutdown(ring.as_fd(), FERRIO_RB_WRITE)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Cost
///
/// A system call and a descriptor. The first end, or observer, of a ring makes its memory, which is
/// zeroed: the ring and three pages.
pub fn mint(fd: BorrowedFd<'_>, rw: u32) -> Result<OwnedFd> {
    let mut arg = ferrio_rb_mint {
        rw,
        fd: -1,
        ..ferrio_rb_mint::new()
    };
    // SAFETY: The command reads and writes `size` bytes of its argument, which has as many.
    unsafe {
        let call = Updater::<'_, { FERRIO_RB_IOC_MINT as Opcode }, _>::new(&mut arg);
        ioctl(fd, call)?;
    }
    if arg.fd < 0 {
        return Err(Errno::PROTO.into());
    }
    // SAFETY: The call succeeded, so this is a descriptor that it has just opened for the caller:
    // by the ABI if the number is the ring's, and so by what this module says of numbers.
    Ok(unsafe { OwnedFd::from_raw_fd(arg.fd) })
}

/// FERRIO_RB_SHUTDOWN: gives up an end that this descriptor holds, for good.
///
/// # Errors
///
/// EINVAL: `rw`. EBADF: the descriptor does not hold that end (any more).
///
/// # Examples
///
/// See [`mint`].
///
/// # Cost
///
/// A system call.
pub fn shutdown(fd: BorrowedFd<'_>, rw: u32) -> Result<()> {
    let arg = ferrio_rb_shutdown {
        rw,
        ..ferrio_rb_shutdown::new()
    };
    // SAFETY: The command reads `size` bytes of its argument, which has as many.
    unsafe {
        let call = Setter::<{ FERRIO_RB_IOC_SHUTDOWN as Opcode }, _>::new(arg);
        Ok(ioctl(fd, call)?)
    }
}

fn wakeup_arg(rw: u32) -> ferrio_rb_wakeup {
    ferrio_rb_wakeup {
        rw,
        ..ferrio_rb_wakeup::new()
    }
}

/// FERRIO_RB_WAKEUP: `rw`, the caller's end, has moved; wakes who sleeps at the other one.
///
/// # Errors
///
/// EINVAL: `rw`. EBADF: the descriptor does not hold that end.
///
/// # Examples
///
/// ```
/// # use std::{fs::File, os::fd::AsFd};
/// # let ring = File::options().read(true).write(true).open("/dev/ringbuffer")?;
/// # use ferrio_ringbuffer_sys::{abi::FERRIO_RB_WRITE, mint, wakeup};
/// # let writer = mint(ring.as_fd(), FERRIO_RB_WRITE)?;
/// wakeup(writer.as_fd(), FERRIO_RB_WRITE)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Cost
///
/// A system call.
pub fn wakeup(fd: BorrowedFd<'_>, rw: u32) -> Result<()> {
    // SAFETY: The command reads `size` bytes of its argument, which has as many.
    unsafe {
        let call = Setter::<{ FERRIO_RB_IOC_WAKEUP as Opcode }, _>::new(wakeup_arg(rw));
        Ok(ioctl(fd, call)?)
    }
}

/// FERRIO_RB_BLAME: the position of the end opposite to `rw` is impossible; the ring is corrupt
/// from now on.
///
/// # Errors
///
/// As [`wakeup`].
///
/// # Examples
///
/// ```
/// # use std::{fs::File, os::fd::AsFd};
/// # let ring = File::options().read(true).write(true).open("/dev/ringbuffer")?;
/// # use ferrio_ringbuffer_sys::{abi::*, *};
/// # let writer = mint(ring.as_fd(), FERRIO_RB_WRITE)?;
/// blame(writer.as_fd(), FERRIO_RB_WRITE)?;
/// let state = get_info(writer.as_fd())?.state;
/// assert_ne!(state & FERRIO_RB_STATE_CORRUPT, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Cost
///
/// A system call.
pub fn blame(fd: BorrowedFd<'_>, rw: u32) -> Result<()> {
    // SAFETY: The command reads `size` bytes of its argument, which has as many.
    unsafe {
        let call = Setter::<{ FERRIO_RB_IOC_BLAME as Opcode }, _>::new(wakeup_arg(rw));
        Ok(ioctl(fd, call)?)
    }
}

/// FERRIO_RB_WAIT: sleeps until the end `rw` has `min_bytes` to read, or free. What comes back has
/// the ring's `state` and how many `bytes` there are.
///
/// `flags` says what `timeout` is: FERRIO_RB_WAIT_RELATIVE, nanoseconds from now on;
/// FERRIO_RB_WAIT_ABSOLUTE, nanoseconds of CLOCK_MONOTONIC; 0 with a timeout of 0, no end.
///
/// # Errors
///
/// EINVAL: `rw`, `flags`, or more than the ring holds. EBADF: the descriptor does not hold that
/// end. EBADMSG: the ring is corrupt. EPIPE: no consumer is left. ETIMEDOUT. EINTR.
///
/// # Examples
///
/// ```
/// # use std::{fs::File, os::fd::AsFd};
/// # let ring = File::options().read(true).write(true).open("/dev/ringbuffer")?;
/// use ferrio_ringbuffer_sys::{abi::*, mint, wait};
///
/// let writer = mint(ring.as_fd(), FERRIO_RB_WRITE)?;
/// let there = wait(writer.as_fd(), FERRIO_RB_WRITE, 1, 0, 0)?;
/// assert_eq!(there.bytes, 65536);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Cost
///
/// A system call, and a sleep unless there is enough.
pub fn wait(
    fd: BorrowedFd<'_>,
    rw: u32,
    min_bytes: u64,
    flags: u32,
    timeout: u64,
) -> Result<ferrio_rb_wait> {
    let mut arg = ferrio_rb_wait {
        flags,
        rw,
        min_bytes,
        timeout,
        ..ferrio_rb_wait::new()
    };
    // SAFETY: The command reads and writes `size` bytes of its argument, which has as many.
    unsafe {
        let call = Updater::<'_, { FERRIO_RB_IOC_WAIT as Opcode }, _>::new(&mut arg);
        ioctl(fd, call)?;
    }
    Ok(arg)
}

/// The library in C, `rust/user/include/ferrio/ring.h`, as bindgen reads it: `ringbuffer(3)`.
#[cfg(feature = "c")]
#[allow(
    non_camel_case_types,
    clippy::all,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    rustdoc::all
)]
pub mod c {
    include!(concat!(env!("OUT_DIR"), "/c_library.rs"));
}
