// SPDX-License-Identifier: MIT OR Apache-2.0

//! Signals that are meant for all of the commands.
//!
//! A terminal sends SIGINT and SIGQUIT to each of them by itself: what it leads to is theirs to
//! say, so we only stay to see how they end. What was sent to us alone goes on to them. What we
//! were told to ignore, as by nohup or a shell in front of `&`, they are to ignore as well.

use rustix::process::{pidfd_open, pidfd_send_signal, Pid, PidfdFlags, Signal};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    iterator,
};
use std::{fs, io, os::fd::OwnedFd, process::Child, thread};

pub(super) struct Signals(iterator::Signals);

impl Signals {
    /// From here on none of them ends us.
    pub(super) fn new() -> io::Result<Self> {
        let ignored = ignored(&fs::read_to_string("/proc/self/status")?);
        let signals = [SIGHUP, SIGINT, SIGQUIT, SIGTERM].into_iter();
        iterator::Signals::new(signals.filter(|signal| (ignored >> (signal - 1)) & 1 == 0))
            .map(Signals)
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

/// A bit for each signal, the least for 1: a handler would be the default again behind exec().
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored() {
        let status = "SigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        assert_eq!(ignored(status), (1 << (SIGHUP - 1)) | (1 << 12));
        assert_eq!(ignored("Name:\tferrio\n"), 0);
    }
}
