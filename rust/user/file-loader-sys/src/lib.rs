// SPDX-License-Identifier: MIT OR Apache-2.0

//! The ABI of `/dev/file_loader`: structs and numbers ([`abi`]) as bindgen reads them from
//! `rust/uapi/ferrio/file_loader.h`, and each ioctl as a function.
//!
//! A load gives a *blob*: a descriptor of the bytes that a file had, which nobody can change. It is
//! read, mapped and spliced as a file. What a call does, and each errno with its stage, is in
//! `file_loader(4)` and `Documentation/abi/file_loader.rst`.
//!
//! ```no_run
//! use ferrio_file_loader_sys::{self as sys, abi::FERRIO_FL_FIRMWARE, Request};
//! use std::{fs::File, io::Read, os::fd::AsFd};
//!
//! let device = File::options().read(true).write(true).open("/dev/file_loader")?;
//! let file = File::open("/lib/firmware/regulatory.db")?;
//! let request = Request::new(FERRIO_FL_FIRMWARE, 1 << 20);
//! let blob = sys::load_fd(device.as_fd(), file.as_fd(), &request)
//!     .map_err(|failure| failure.error)?;
//! let mut bytes = Vec::new();
//! File::from(blob).read_to_end(&mut bytes)?;
//! # Ok::<(), std::io::Error>(())
//! ```

#![deny(unsafe_code)]

pub mod abi;
#[allow(unsafe_code)]
mod ffi;
mod request;

pub use ffi::{blob_info, get_info, load_bytes, load_fd, load_path};
pub use request::{Blob, Failure, Request, Verity};
