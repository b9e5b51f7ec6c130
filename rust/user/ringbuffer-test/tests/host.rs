// SPDX-License-Identifier: GPL-2.0

//! What needs no module: selftests/testbed/user-test-rust.sh puts a ring in user space in front of
//! it.

use ferrio_ringbuffer_test::{api, cross, ktap};
use std::process::ExitCode;

fn main() -> ExitCode {
    ktap::main(&[cross::TESTS, api::TESTS].concat())
}
