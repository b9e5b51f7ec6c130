// SPDX-License-Identifier: GPL-2.0

//! The crates' calls, their examples, and the two libraries on one ring, on a real device.

use ferrio_ringbuffer_test::{api, cross, examples, handed, ktap};
use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args()
        .nth(1)
        .is_some_and(|first| first == handed::LIMIT)
    {
        handed::say_limit();
        return ExitCode::SUCCESS;
    }
    let tests: Vec<_> = [cross::TESTS, api::TESTS, handed::TESTS, examples::TESTS].concat();
    ktap::main(&tests)
}
