// SPDX-License-Identifier: GPL-2.0

//! The crate's examples, as they are: what they print, byte by byte.

use crate::{ktap::Test, tools::fill};
use std::{
    io::Write,
    process::{Command, Output, Stdio},
    thread,
};

pub const TESTS: &[Test] = &[
    ("example.copy", copy),
    ("example.two_processes", two_processes),
    ("example.observe", observe),
];

/// Runs the example beside this program.
fn run(name: &str, arguments: &[&str], input: Vec<u8>) -> Output {
    let program = std::env::current_exe()
        .expect("our own name")
        .with_file_name(format!("example_{name}"));
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example beside this program");
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("a child");
    writer.join().expect("no panic").expect("an open pipe");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    output
}

fn copy() {
    let mut bytes = vec![0; 300_001];
    fill(&mut bytes, 0);
    let output = run("copy", &[], bytes.clone());
    assert!(output.stdout == bytes, "{} bytes", output.stdout.len());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "300001 bytes through a ring of 65536\n");
}

fn two_processes() {
    let output = run("two_processes", &["1000"], Vec::new());
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        said,
        "child: 1000 messages, sum 499500\nparent: the child is done\n"
    );
}

fn observe() {
    let output = run("observe", &[], Vec::new());
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        said,
        "written   24576, read       0: ######..........  37 %\n\
         written   49152, read    8192: ##########......  62 %\n\
         written   73728, read   16384: ##############..  87 %\n\
         written   73728, read   49152: ######..........  37 %\n\
         written   73728, read   73728: ................   0 %\n\
         the producer is gone\n"
    );
}
