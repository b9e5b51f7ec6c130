// SPDX-License-Identifier: MIT OR Apache-2.0

//! The ABI of `/dev/ringbuffer`: structs and numbers ([`abi`]) as bindgen reads them from
//! `rust/uapi/ferrio/ringbuffer.h`, and each ioctl as a function.
//!
//! Programs use `ferrio-ringbuffer`, which maps ends and moves bytes. This crate is for those who
//! want the calls alone: rings for programs that know read(2) and write(2) only.
//!
//! What a call does, and each errno, is in `ringbuffer(4)` and `Documentation/abi/ringbuffer.rst`.
//! Each is one system call; none keeps anything of its arguments. On a file that is no ring they
//! are ENOTTY. All fail with an [`io::Error`](std::io::Error) that has an errno:
//! `raw_os_error()` is `Some`.
//!
//! ```
//! use ferrio_ringbuffer_sys as sys;
//! use std::{fs::File, os::fd::AsFd};
//!
//! let open = File::options().read(true).write(true).open("/dev/ringbuffer")?;
//! sys::set_size(open.as_fd(), 8192)?;
//! let reader = sys::mint(open.as_fd(), sys::abi::FERRIO_RB_READ)?;
//! let info = sys::get_info(reader.as_fd())?;
//! assert_eq!(info.kind, sys::abi::FERRIO_RB_KIND_CONSUMER);
//! assert_eq!(info.ring_bytes, 8192);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Features
//!
//! `c` adds a module `c`: the library in C, `ferrio/ring.h`, compiled and linked, for tests of the
//! two libraries against each other. It needs a C compiler. `use-libc` takes the calls through the
//! C library.

#![deny(unsafe_code)]

pub mod abi;
#[allow(unsafe_code)]
mod ffi;

#[cfg(feature = "c")]
pub use ffi::c;
pub use ffi::{blame, get_info, mint, set_records, set_size, shutdown, wait, wakeup};
