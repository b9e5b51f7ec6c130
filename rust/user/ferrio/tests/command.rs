// SPDX-License-Identifier: MIT OR Apache-2.0

//! The command as it is called, on a system made of files.

use rustix::process::{kill_process, Pid, Signal};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::symlink,
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
};
use tempfile::TempDir;

fn ferrio(root: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrio"));
    command.env("FERRIO_ROOT_DIR", root).stdin(Stdio::null());
    command
}

fn output(root: &Path, arguments: &[&str]) -> Output {
    ferrio(root).args(arguments).output().expect("it runs")
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).expect("JSON")
}

/// What the ring's counters are: the process that holds it is number 12. Whole or not there, as
/// somebody may be reading.
fn written(root: &Path, bytes: u64) {
    let dir = root.join("proc/12/fdinfo");
    let text = format!(
        "rb-kind:\tplain\nrb-id:\t5\nrb-size:\t65536\nrb-allocated:\t1\nrb-written:\t{bytes}\n\
         rb-read:\t1000\n"
    );
    fs::write(dir.join("new"), text).expect("a file");
    fs::rename(dir.join("new"), dir.join("3")).expect("its name");
}

fn with_a_ring() -> TempDir {
    let root = TempDir::new().expect("a directory");
    let process = root.path().join("proc/12");
    fs::create_dir_all(process.join("fd")).expect("a directory");
    fs::create_dir_all(process.join("fdinfo")).expect("a directory");
    fs::write(process.join("comm"), "writer\n").expect("a file");
    fs::write(process.join("maps"), "").expect("a file");
    symlink("/dev/ringbuffer", process.join("fd/3")).expect("a link");
    written(root.path(), 3000);
    root
}

#[test]
fn status_as_json() {
    let root = with_a_ring();
    let seen = output(root.path(), &["status", "--json"]);
    assert_eq!(seen.status.code(), Some(0));
    let status = json(&seen.stdout);
    let names: Vec<_> = status.as_object().expect("an object").keys().collect();
    let keys = "devices files format mappings modules not_inspected rings";
    let mut expected: Vec<_> = keys.split(' ').collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    let ring = &status["rings"][0];
    assert_eq!((&ring["id"], &ring["fill"]), (&5.into(), &2000.into()));
    // Two looks, and nothing between them.
    assert_eq!(ring["write_rate"], 0.0);
    assert_eq!(ring["holders"][0]["comm"], "writer");
}

#[test]
fn status_as_text() {
    let root = with_a_ring();
    let seen = output(root.path(), &["status"]);
    let text = String::from_utf8(seen.stdout).expect("text");
    assert!(
        text.contains("  5    /dev/ringbuffer, 64 KiB of bytes, 3 % full (1.9 KiB)\n"),
        "{text}"
    );
    assert!(text.contains("       writer[12] fd 3: plain\n"), "{text}");
}

#[test]
fn the_running_system() {
    let seen = output(Path::new("/"), &["status", "--json"]);
    assert_eq!(seen.status.code(), Some(0));
    let names: Vec<_> = json(&seen.stdout)["modules"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|module| module["name"].as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(names, ["ringbuffer", "file_loader", "iov_copy"]);
}

#[test]
fn without_proc_it_fails() {
    let root = TempDir::new().expect("a directory");
    let seen = output(root.path(), &["status"]);
    assert_eq!(seen.status.code(), Some(1));
    let text = String::from_utf8(seen.stderr).expect("text");
    assert_eq!(
        text,
        "ferrio: /proc: No such file or directory (os error 2)\n"
    );
}

fn watch(root: &Path, arguments: &[&str]) -> (Child, BufReader<ChildStdout>) {
    let mut child = ferrio(root)
        .arg("status")
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let out = BufReader::new(child.stdout.take().expect("its output"));
    (child, out)
}

fn line(out: &mut impl BufRead) -> String {
    let mut text = String::new();
    out.read_line(&mut text).expect("a line");
    text
}

/// Its exit status, and what it said of an error.
fn end(mut child: Child) -> (Option<i32>, String) {
    let mut text = String::new();
    child
        .stderr
        .take()
        .expect("its errors")
        .read_to_string(&mut text)
        .expect("text");
    (child.wait().expect("it ends").code(), text)
}

#[test]
fn watch_has_the_difference_of_two_looks() {
    let root = with_a_ring();
    let (child, mut out) = watch(root.path(), &["--json", "--watch=0.02"]);
    let first = json(line(&mut out).as_bytes());
    assert_eq!(first["rings"][0]["write_rate"], Value::Null);
    written(root.path(), 4000);
    // One of the next looks is the first that sees it.
    let changed = loop {
        let status = json(line(&mut out).as_bytes());
        if status["rings"][0]["written"] == 4000 {
            break status;
        }
    };
    assert!(changed["rings"][0]["write_rate"].as_f64().expect("a rate") > 0.0);
    assert_eq!(changed["rings"][0]["read_rate"], 0.0);
    kill_process(Pid::from_child(&child), Signal::INT).expect("a signal");
    let rest = out.lines().map_while(Result::ok).count();
    assert_eq!(end(child), (Some(0), String::new()), "after {rest} more");
}

#[test]
fn watch_ends_by_sigterm_in_the_midst_of_a_long_wait() {
    let root = with_a_ring();
    let (child, mut out) = watch(root.path(), &["--json", "--watch=100000"]);
    line(&mut out);
    kill_process(Pid::from_child(&child), Signal::TERM).expect("a signal");
    assert_eq!(end(child), (Some(0), String::new()));
}

#[test]
fn watch_ends_when_nobody_reads() {
    let root = with_a_ring();
    let (child, mut out) = watch(root.path(), &["--watch=0.02"]);
    let text = line(&mut out);
    drop(out);
    // A file is no terminal, and nothing is cleared.
    assert_eq!(text, "modules\n");
    assert_eq!(end(child), (Some(0), String::new()));
}

#[test]
fn an_output_that_is_full_is_an_error() {
    let root = with_a_ring();
    let full = fs::File::options()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    let seen = ferrio(root.path())
        .args(["status", "--json"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .expect("it runs");
    assert_eq!(seen.status.code(), Some(1));
}

#[test]
fn doctor_fails_where_something_does() {
    let root = TempDir::new().expect("a directory");
    let seen = output(root.path(), &["doctor", "--json"]);
    assert_eq!(seen.status.code(), Some(1));
    let report = json(&seen.stdout);
    assert_eq!(
        (&report["format"], &report["failures"]),
        (&1.into(), &7.into())
    );
    assert_eq!(report["findings"][0]["verdict"], "fail");
}

#[test]
fn wrong_usage() {
    let root = TempDir::new().expect("a directory");
    for arguments in [
        &["frobnicate"][..],
        &[],
        &["status", "--watch=0"],
        &["status", "--watch=-1"],
        &["status", "--watch=x"],
        &["status", "what"],
    ] {
        let seen = output(root.path(), arguments);
        assert_eq!(seen.status.code(), Some(2), "{arguments:?}");
        assert!(seen.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn version_and_completions() {
    let root = TempDir::new().expect("a directory");
    let seen = output(root.path(), &["--version"]);
    let expected = format!("ferrio {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&seen.stdout), expected);
    for shell in ["bash", "zsh", "fish"] {
        let seen = output(root.path(), &["completions", shell]);
        assert_eq!(seen.status.code(), Some(0));
        let text = String::from_utf8(seen.stdout).expect("text");
        assert!(
            text.contains("status") && text.contains("doctor"),
            "{shell}"
        );
        assert!(!text.contains("FERRIO_ROOT_DIR"), "{shell}");
    }
}
