// SPDX-License-Identifier: MIT OR Apache-2.0

//! Signals that are meant for all of the commands.
//!
//! A terminal sends SIGINT and SIGQUIT to each of them by itself: what it leads to is theirs to
//! say, so we only stay to see how they end. What was sent to us alone goes on to them.

use rustix::process::{pidfd_open, pidfd_send_signal, Pid, PidfdFlags, Signal};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    iterator,
};
use std::{io, os::fd::OwnedFd, process::Child, thread};

pub(super) struct Signals(iterator::Signals);

impl Signals {
    /// From here on none of them ends us.
    pub(super) fn new() -> io::Result<Self> {
        iterator::Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM]).map(Signals)
    }

    /// What came and what comes.
    pub(super) fn to<'a>(mut self, children: impl Iterator<Item = &'a Child>) {
        // By these it is never somebody else who got the number of one that is gone.
        let children: Vec<OwnedFd> = children
            .filter_map(|child| {
                let pid = Pid::from_child(child);
                pidfd_open(pid, PidfdFlags::empty()).ok()
            })
            .collect();
        thread::spawn(move || {
            for signal in self.0.forever() {
                let signal = match signal {
                    SIGHUP => Signal::HUP,
                    SIGTERM => Signal::TERM,
                    _ => continue,
                };
                for child in &children {
                    // One that has ended needs none.
                    let _ = pidfd_send_signal(child, signal);
                }
            }
        });
    }
}
