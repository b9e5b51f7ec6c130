// SPDX-License-Identifier: GPL-2.0

//! Rings of records: the crate, and the two libraries on one ring, on a real device.

use ferrio_ringbuffer_test::{ktap, records, records_cross, records_dead, records_wait};
use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args()
        .nth(1)
        .is_some_and(|first| first == records_dead::HOLD)
    {
        records_dead::hold();
    }
    let tests: Vec<_> = [
        records::TESTS,
        records_wait::TESTS,
        records_cross::TESTS,
        records_dead::TESTS,
    ]
    .concat();
    ktap::main(&tests)
}
