// SPDX-License-Identifier: MIT OR Apache-2.0

//! The structs and numbers of `rust/uapi/ferrio/ringbuffer.h`, where each is described.
//!
//! The first member of each struct is its size. Command numbers have `IOC` in their names:
//! [`FERRIO_RB_IOC_MINT`] is C's `FERRIO_RB_MINT`.
//!
//! ```
//! use ferrio_ringbuffer_sys::abi::*;
//!
//! let mint = ferrio_rb_mint {
//!     size: size_of::<ferrio_rb_mint>() as u32,
//!     rw: FERRIO_RB_WRITE,
//!     ..Default::default()
//! };
//! assert_eq!((mint.size, mint.fd), (16, 0));
//! assert_eq!(FERRIO_RB_DEVICE, c"/dev/ringbuffer");
//! ```

#![allow(
    missing_docs,
    non_camel_case_types,
    clippy::all,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    rustdoc::all
)]

include!(concat!(env!("OUT_DIR"), "/uapi.rs"));
