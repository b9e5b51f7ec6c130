// SPDX-License-Identifier: MIT OR Apache-2.0

//! The ABI as bindgen reads it from `rust/uapi/ferrio/ringbuffer.h`.

#![allow(
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub,
    clippy::all
)]

include!(concat!(env!("OUT_DIR"), "/uapi.rs"));

use ferrio_ring::state;

// The protocol's names for the bits of the state word are the ABI's.
const _: () = assert!(state::READ_CLOSED == FERRIO_RB_STATE_READ_CLOSED as u64);
const _: () = assert!(state::WRITE_CLOSED == FERRIO_RB_STATE_WRITE_CLOSED as u64);
const _: () = assert!(state::CORRUPT == FERRIO_RB_STATE_CORRUPT as u64);
