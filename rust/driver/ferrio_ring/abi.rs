// SPDX-License-Identifier: GPL-2.0

//! What bindgen makes of `ferrio_ring.h`.

#![allow(
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub,
    clippy::all,
    clippy::undocumented_unsafe_blocks
)]

include!(concat!(env!("FERRIO_GEN"), "/ferrio_ring_generated.rs"));
