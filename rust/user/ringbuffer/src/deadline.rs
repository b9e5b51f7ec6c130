// SPDX-License-Identifier: MIT OR Apache-2.0

//! How long a call may wait.

use ferrio_ringbuffer_sys::abi::*;
use rustix::time::{clock_gettime, ClockId};
use std::time::{Duration, Instant};

/// How long a wait may last: a span from the call on, or up to a time.
///
/// All `wait` functions take what converts into one: a [`Duration`], an [`Instant`], or an
/// `Option<Duration>`, of which `None` is [`Deadline::NEVER`].
///
/// A time is better than a span where one wait goes on where another one stopped: a wait up to a
/// time is begun again by the kernel behind a signal whose handler is `SA_RESTART`, and a program
/// that begins it again itself does not wait longer for it. A span ends in EINTR at any signal.
///
/// # Examples
///
/// ```
/// use ferrio_ringbuffer::Deadline;
/// use std::time::{Duration, Instant};
///
/// let (mut producer, consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
/// producer.write(b"12")?;
/// assert_eq!(consumer.wait(1, Duration::from_millis(5))?, 2);
/// assert_eq!(consumer.wait(1, Instant::now())?, 2);
/// assert_eq!(consumer.wait(1, None)?, 2);
/// assert_eq!(consumer.wait(1, Deadline::NEVER)?, 2);
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// A span costs nothing; a time two readings of the clock, without a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Until);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    Never,
    In(Duration),
    At(Instant),
}

impl Deadline {
    /// No end: until it happens, or a signal comes.
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio_ringbuffer::Deadline;
    ///
    /// assert_eq!(Deadline::from(None), Deadline::NEVER);
    /// ```
    ///
    /// # Cost
    ///
    /// None.
    pub const NEVER: Deadline = Deadline(Until::Never);

    /// The time at which a span that begins now ends.
    pub(crate) fn starting_now(span: Option<Duration>) -> Self {
        // A time that does not fit lies far ahead.
        let at = span.and_then(|span| Instant::now().checked_add(span));
        Deadline(at.map_or(Until::Never, Until::At))
    }

    /// `flags` and `timeout` of FERRIO_RB_WAIT.
    pub(crate) fn words(self) -> (u32, u64) {
        match self.0 {
            Until::Never => (0, 0),
            Until::In(span) => (FERRIO_RB_WAIT_RELATIVE, nanoseconds(span)),
            Until::At(time) => {
                // An `Instant` is a time of this clock, but does not say which. Read first, so that
                // the wait does not end early.
                let left = time.saturating_duration_since(Instant::now());
                let now = clock_gettime(ClockId::Monotonic);
                let now = now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs();
                let at = now.saturating_add(nanoseconds(left));
                (FERRIO_RB_WAIT_ABSOLUTE, at)
            }
        }
    }
}

/// A time that does not fit lies 584 years ahead.
fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// From the call on; a span of 0 only looks.
impl From<Duration> for Deadline {
    fn from(span: Duration) -> Self {
        Deadline(Until::In(span))
    }
}

/// Up to that time; one that is over only looks.
impl From<Instant> for Deadline {
    fn from(time: Instant) -> Self {
        Deadline(Until::At(time))
    }
}

/// `None` is no end.
impl From<Option<Duration>> for Deadline {
    fn from(span: Option<Duration>) -> Self {
        span.map_or(Deadline::NEVER, Deadline::from)
    }
}
