// SPDX-License-Identifier: GPL-2.0

//! The crate and C's `ferrio/ring.h` against each other, in two processes, on a real device.

use ferrio_ringbuffer_test::{errors, ktap, peers, streams, turns};
use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args()
        .nth(1)
        .is_some_and(|first| first == errors::OPEN)
    {
        errors::say_open();
        return ExitCode::SUCCESS;
    }
    let tests: Vec<_> = [streams::TESTS, turns::TESTS, peers::TESTS, errors::TESTS].concat();
    ktap::main(&tests)
}
