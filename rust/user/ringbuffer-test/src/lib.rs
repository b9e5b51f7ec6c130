// SPDX-License-Identifier: GPL-2.0

//! The crate and C's `ferrio/ring.h` against each other: in two processes on a real device
//! ([`streams`] to [`errors`], the program `rust`); in one process ([`cross`], [`api`]), on a real
//! device (the program `crates`) or with a ring in user space (`cargo test`). And so for rings of
//! records ([`records`] to [`records_wait`], the program `crate_records`).

#![deny(unsafe_code)]

pub mod api;
pub mod cross;
pub mod errors;
pub mod examples;
#[allow(unsafe_code)]
mod ffi;
pub mod handed;
pub mod ktap;
pub mod peers;
pub mod random;
pub mod records;
pub mod records_cross;
pub mod records_dead;
pub mod records_wait;
pub mod streams;
mod tools;
pub mod turns;
