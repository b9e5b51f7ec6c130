// SPDX-License-Identifier: GPL-2.0

//! What needs no module: selftests/testbed/user-test-rust.sh puts a ring in user space in front of
//! it.

use ferrio_ringbuffer_test::{api, cross, ktap, records, records_cross, records_wait};
use std::process::ExitCode;

fn main() -> ExitCode {
    let tests: Vec<_> = [
        cross::TESTS,
        api::TESTS,
        records::TESTS,
        records_wait::TESTS,
        records_cross::TESTS,
    ]
    .concat();
    ktap::main(&tests)
}
