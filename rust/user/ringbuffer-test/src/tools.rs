// SPDX-License-Identifier: GPL-2.0

//! What the tests share: the peer in C, the stream, what the kernel says of an end.

use ferrio_ringbuffer::Error;
use rustix::{
    event::{poll, PollFd, PollFlags},
    fd::{AsFd, AsRawFd, OwnedFd},
    io::Errno,
};
use std::{
    fs,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

/// The smallest ring.
pub const PAGE: usize = 4096;

/// How many on the stock kernel, and on the test kernel, which is 10 to 40 times slower.
pub fn rounds(stock: usize, test: usize) -> usize {
    match std::env::var("FERRIO_PLACE").as_deref() {
        Ok("test") => test,
        _ => stock,
    }
}

/// The program in C at the other end; it dies with this value.
pub struct Peer(Child);

impl Peer {
    /// Starts it with the end as descriptor 0.
    pub fn with(end: OwnedFd, mode: &str, bytes: usize) -> Peer {
        Peer::start(Stdio::from(end), Stdio::inherit(), "fd", mode, bytes)
    }

    /// Starts it with a socket as descriptor 0, through which the end comes.
    pub fn with_socket(socket: OwnedFd, mode: &str, bytes: usize) -> Peer {
        Peer::start(Stdio::from(socket), Stdio::inherit(), "socket", mode, bytes)
    }

    /// Starts it as an echo between two ends.
    pub fn between(from: OwnedFd, to: OwnedFd, bytes: usize) -> Peer {
        Peer::start(Stdio::from(from), Stdio::from(to), "fd", "echo", bytes)
    }

    fn start(input: Stdio, output: Stdio, way: &str, mode: &str, bytes: usize) -> Peer {
        let program = std::env::current_exe()
            .expect("our own name")
            .with_file_name("rust_peer");
        let child = Command::new(program)
            .args([way, mode, &bytes.to_string()])
            .stdin(input)
            .stdout(output)
            .spawn();
        Peer(child.expect("rust_peer beside this program"))
    }

    /// It has to have found all as it has to be.
    pub fn ends_well(mut self) {
        let status = self.0.wait().expect("a child");
        assert!(status.success(), "the peer: {status}");
    }

    pub fn kill(&mut self) {
        self.0.kill().expect("a child");
        self.0.wait().expect("a child");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Byte `position` of the stream.
fn byte_at(position: usize) -> u8 {
    ((position / 4) as u32).to_le_bytes()[position % 4]
}

/// The stream from `position` on.
pub fn fill(to: &mut [u8], position: usize) {
    for (i, byte) in to.iter_mut().enumerate() {
        *byte = byte_at(position + i);
    }
}

/// Compares with the stream from `position` on.
pub fn check(from: &[u8], position: usize) {
    for (i, byte) in from.iter().enumerate() {
        assert_eq!(*byte, byte_at(position + i), "byte {}", position + i);
    }
}

/// Lengths of pieces: 1 to 3000, and no more than is left.
pub struct Pieces(u32);

impl Pieces {
    pub fn new() -> Pieces {
        Pieces(88_172_645)
    }

    pub fn next(&mut self, left: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (1 + self.0 as usize % 3000).min(left)
    }
}

/// The number of `key` in the end's fdinfo.
pub fn fdinfo(fd: impl AsFd, key: &str) -> u64 {
    let path = format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd());
    let text = fs::read_to_string(path).expect("fdinfo");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let number = line.unwrap_or_else(|| panic!("no {key} in {text}"));
    number.trim().parse().expect("a number")
}

/// Until `true`; the test's own limit ends it.
pub fn until(what: impl Fn() -> bool) {
    while !what() {
        sleep(Duration::from_millis(1));
    }
}

/// What poll(2) shows at once.
pub fn events(fd: impl AsFd) -> PollFlags {
    let mut fds = [PollFd::new(&fd, PollFlags::IN | PollFlags::OUT)];
    poll(&mut fds, Some(&Default::default())).expect("poll");
    fds[0].revents()
}

/// The errno of a failure, and its text.
#[track_caller]
pub fn fails<T>(result: Result<T, Error>, errno: Errno, text: &str) {
    let error = result.err().expect("a failure");
    assert_eq!(error.errno(), errno.raw_os_error(), "{error:?}");
    assert_eq!(error.to_string(), text);
}
