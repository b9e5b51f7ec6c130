// SPDX-License-Identifier: MIT OR Apache-2.0

//! The time between two looks, which a signal ends.

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    low_level::pipe,
};
use std::{
    io::{self, Read},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

/// What `--watch=` takes.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let period = text
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    period
        .filter(|period| *period >= Duration::from_millis(1) && period.as_secs() < 1 << 20)
        .ok_or_else(|| "a number of seconds, such as 2 or 0.5".into())
}

pub(super) struct Ticks {
    period: Duration,
    next: Instant,
    /// What signals write to, as that can be waited for with a time limit.
    signals: UnixStream,
}

impl Ticks {
    pub(super) fn new(period: Duration) -> io::Result<Self> {
        let (signals, written) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM] {
            pipe::register(signal, written.try_clone()?)?;
        }
        let next = Instant::now();
        Ok(Ticks {
            period,
            next,
            signals,
        })
    }

    /// Waits until it is time; `true` if a signal came meanwhile.
    pub(super) fn end_comes_first(&mut self) -> io::Result<bool> {
        // What took longer than that is not caught up with.
        self.next = (self.next + self.period).max(Instant::now());
        loop {
            let left = self.next.saturating_duration_since(Instant::now());
            // Zero would be no limit.
            let limit = left.max(Duration::from_micros(1));
            self.signals.set_read_timeout(Some(limit))?;
            match self.signals.read(&mut [0]) {
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if left.is_zero() || Instant::now() >= self.next {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}
