// SPDX-License-Identifier: GPL-2.0

//! A list of tests, run one after another, and their results as KTAP.

use std::{
    panic::catch_unwind,
    process::{exit, ExitCode},
    sync::mpsc::{channel, RecvTimeoutError},
    thread,
    time::Duration,
};

/// A test's name and what it does; it fails by a panic.
pub type Test = (&'static str, fn());

/// How long a test may take on hardware: this only ends one that hangs.
const LIMIT: u64 = 60;

/// The same where it is as slow as this one.
pub fn limit() -> Duration {
    let slow = std::env::var("FERRIO_SLOW").ok();
    let slow = slow.and_then(|slow| slow.parse().ok()).unwrap_or(1);
    Duration::from_secs(LIMIT * slow)
}

fn run(name: &'static str, test: fn()) -> bool {
    let (done, is_done) = channel::<()>();
    let watch = thread::spawn(move || {
        if is_done.recv_timeout(limit()) == Err(RecvTimeoutError::Timeout) {
            println!("# {name} hangs");
            exit(1);
        }
    });
    let result = catch_unwind(test);
    drop(done);
    watch.join().expect("the watch does not panic");
    result.is_ok()
}

/// The program: `-l` lists the tests as the kernel's harness does, names run these alone.
pub fn main(tests: &[Test]) -> ExitCode {
    let wanted: Vec<_> = std::env::args().skip(1).collect();
    if wanted.first().is_some_and(|first| first == "-l") {
        println!("# FIXTURE            VARIANT                   TEST");
        for (name, _) in tests {
            let (fixture, test) = name.split_once('.').expect("fixture.test");
            println!("--------------------------------------------------------------------");
            println!("{fixture:<20} {:<25} {test}", "");
        }
        return ExitCode::SUCCESS;
    }
    let tests: Vec<_> = tests
        .iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|want| want == name))
        .collect();
    std::panic::set_hook(Box::new(|info| {
        println!("# {}", info.to_string().replace('\n', "\n# "));
    }));
    println!("TAP version 13\n1..{}", tests.len());
    let mut failed = 0;
    for (number, (name, test)) in tests.iter().enumerate() {
        let ok = run(name, *test);
        failed += usize::from(!ok);
        println!("{} {} {name}", if ok { "ok" } else { "not ok" }, number + 1);
    }
    // A name that is no test's is a failure, too.
    ExitCode::from(u8::from(failed > 0 || tests.is_empty()))
}
