// SPDX-License-Identifier: MIT OR Apache-2.0

//! The library in C, `rust/user/include/ferrio/ring.h`, as bindgen reads it: `ringbuffer(3)`.

#![allow(
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    clippy::all,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    rustdoc::all
)]

include!(concat!(env!("OUT_DIR"), "/c_library.rs"));
