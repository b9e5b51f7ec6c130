// SPDX-License-Identifier: MIT OR Apache-2.0

//! What both ends have in common: looking, spinning, sleeping, waking.

use crate::{
    error::{During, Error, Result},
    ffi::{Mapped, Turns},
    Deadline, State,
};
use ferrio_ring::{state, Span, Stop};
use ferrio_ringbuffer_sys::{self as sys, abi::*};
use rustix::{
    fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    io::Errno,
};
use std::{fmt, sync::OnceLock, thread, time::Duration};

/// How often an end looks again before it sleeps, on a machine with more than one CPU: about what a
/// sleep costs. On one CPU it is 0, as the peer cannot move meanwhile.
///
/// # Examples
///
/// ```
/// let (_producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
/// consumer.set_spin(4 * ferrio_ringbuffer::SPIN);
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// About so many loads of the peer's position, for each wait that ends in a sleep.
pub const SPIN: u32 = 128;
/// For `set_spin`: never sleep, for who has a CPU to himself. Timeouts are not looked at then.
///
/// # Examples
///
/// ```
/// let (_producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
/// consumer.set_spin(ferrio_ringbuffer::SPIN_FOREVER);
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// A whole CPU while the end waits.
pub const SPIN_FOREVER: u32 = u32::MAX;

const EMPTY: Span = Span { offset: 0, len: 0 };

/// How the calls of an end behave.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) nonblocking: bool,
    /// `None`: [`SPIN`], or 0 on one CPU.
    pub(crate) spin: Option<u32>,
    pub(crate) timeout: Option<Duration>,
}

/// A mapped end and its descriptor.
pub(crate) struct End<T: Turns> {
    pub(crate) mapped: Mapped<T>,
    fd: OwnedFd,
    /// What is left of the turn.
    turn: Span,
    nonblocking: bool,
    spin: u32,
    timeout: Option<Duration>,
}

/// GET_INFO of a module that knows mappings.
pub(crate) fn info(fd: BorrowedFd<'_>) -> Result<ferrio_rb_info> {
    let info = sys::get_info(fd).map_err(|error| Error::of(During::Info, &error))?;
    if info.features & u64::from(FERRIO_RB_FEAT_MAP) == 0 {
        return Err(Error::new(During::Info, Errno::OPNOTSUPP));
    }
    Ok(info)
}

/// What an end begins with. The number of CPUs takes reading files: once in a process.
pub(crate) fn spin() -> u32 {
    static SPIN_HERE: OnceLock<u32> = OnceLock::new();
    *SPIN_HERE.get_or_init(|| match thread::available_parallelism() {
        Ok(cpus) if cpus.get() > 1 => SPIN,
        _ => 0,
    })
}

impl<T: Turns> End<T> {
    /// Maps an end that was made before.
    pub(crate) fn from_fd(fd: OwnedFd, settings: Settings) -> Result<Self> {
        let info = info(fd.as_fd())?;
        if info.kind != T::KIND {
            return Err(Error::new(During::Info, Errno::BADF));
        }
        if info.records != 0 {
            return Err(Error::carries(true));
        }
        let mapped =
            Mapped::new(fd.as_fd(), &info).map_err(|errno| Error::new(During::Map, errno))?;
        Ok(End {
            mapped,
            fd,
            turn: EMPTY,
            nonblocking: settings.nonblocking,
            spin: settings.spin.unwrap_or_else(spin),
            timeout: settings.timeout,
        })
    }

    pub(crate) fn into_fd(self) -> OwnedFd {
        self.fd
    }

    pub(crate) fn set_nonblocking(&mut self, nonblocking: bool) {
        self.nonblocking = nonblocking;
    }

    pub(crate) fn set_spin(&mut self, spin: u32) {
        self.spin = spin;
    }

    pub(crate) fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    pub(crate) fn state(&self) -> State {
        State::new(self.mapped.state())
    }

    pub(crate) fn wait(&self, min: u64, until: Deadline) -> Result<usize> {
        let (flags, timeout) = until.words();
        match sys::wait(self.fd.as_fd(), T::RW, min, flags, timeout) {
            // The bytes of a ring fit, as it is mapped.
            Ok(there) => Ok(there.bytes as usize),
            Err(error) => Err(Error::of(During::Turn, &error)),
        }
    }

    pub(crate) fn shutdown(self) -> Result<()> {
        sys::shutdown(self.fd.as_fd(), T::RW).map_err(|error| Error::of(During::Turn, &error))
    }

    pub(crate) fn wakeup(&self) -> Result<()> {
        sys::wakeup(self.fd.as_fd(), T::RW).map_err(|error| Error::of(During::Turn, &error))
    }

    /// Begins a turn with at least `need` bytes, or with fewer at the end of the stream.
    #[inline]
    pub(crate) fn begin(&mut self, need: usize) -> Result<Span> {
        match self.mapped.look(need as u64) {
            Ok(span) if span.len >= need as u64 => Ok(self.keep(span)),
            _ => self.begin_slowly(need as u64),
        }
    }

    /// Begins a turn with as many bytes as there are, of which at most `most` will be used; waits
    /// only for the first.
    #[inline]
    pub(crate) fn begin_any(&mut self, most: usize) -> Result<Span> {
        match self.mapped.look(most as u64) {
            Ok(span) => Ok(self.keep(span)),
            Err(_) => self.begin_slowly(1),
        }
    }

    /// Whether a turn could go on at all.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.mapped.look(0) {
            Err(stop @ (Stop::Closed | Stop::GivenUp | Stop::Corrupt)) => Err(self.stopped(stop)),
            _ => Ok(()),
        }
    }

    #[inline]
    fn keep(&mut self, span: Span) -> Span {
        self.turn = span;
        span
    }

    #[cold]
    fn begin_slowly(&mut self, need: u64) -> Result<Span> {
        let mut looks = 0;
        let mut until = None;
        loop {
            // In front of the position: then that of a producer that is gone is the last.
            let last = T::RW == FERRIO_RB_READ && self.mapped.state() & state::WRITE_CLOSED != 0;
            match self.mapped.look(need) {
                Ok(span) if span.len >= need || last => return Ok(self.keep(span)),
                Err(Stop::End) => return Ok(self.keep(EMPTY)),
                Err(Stop::Empty | Stop::Full) if need == 0 => return Ok(self.keep(EMPTY)),
                Ok(_) | Err(Stop::Empty | Stop::Full) => {}
                Err(stop) => return Err(self.stopped(stop)),
            }
            if need > self.mapped.size() as u64 {
                return Err(Error::turn(Errno::INVAL));
            }
            if self.nonblocking {
                return Err(Error::turn(Errno::AGAIN));
            }
            if looks < self.spin {
                looks += u32::from(self.spin != SPIN_FOREVER);
                std::hint::spin_loop();
                continue;
            }
            looks = 0;
            // From the first sleep on: what wakes this end for nothing does not make it longer.
            let timeout = self.timeout;
            self.wait(
                need,
                *until.get_or_insert_with(|| Deadline::starting_now(timeout)),
            )?;
        }
    }

    #[cold]
    fn stopped(&mut self, stop: Stop) -> Error {
        self.turn = EMPTY;
        match stop {
            Stop::Closed => Error::turn(Errno::PIPE),
            Stop::GivenUp => Error::turn(Errno::BADF),
            _ => {
                // Once, for all who use this ring. There is nobody to tell that it failed.
                if self.mapped.state() & state::CORRUPT == 0 {
                    let _ = sys::blame(self.fd.as_fd(), T::RW);
                }
                Error::turn(Errno::BADMSG)
            }
        }
    }

    /// Gives `bytes` of the turn to the peer, and wakes it if it sleeps for them.
    #[inline]
    pub(crate) fn publish(&mut self, bytes: usize) -> Result<()> {
        let bytes = bytes as u64;
        if bytes > self.turn.len {
            return Err(Error::turn(Errno::INVAL));
        }
        if bytes == 0 {
            return Ok(());
        }
        // It may be behind the ring's size, but then nothing is left of the turn.
        self.turn.offset += bytes;
        self.turn.len -= bytes;
        if self.mapped.publish(bytes) {
            self.wake();
        }
        Ok(())
    }

    #[cold]
    fn wake(&self) {
        // That it failed is nothing to a caller whose bytes have moved.
        let _ = sys::wakeup(self.fd.as_fd(), T::RW);
    }
}

impl<T: Turns> AsFd for End<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<T: Turns> AsRawFd for End<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl<T: Turns> fmt::Debug for End<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("End")
            .field("fd", &self.fd)
            .field("size", &self.mapped.size())
            .field("used", &self.mapped.used())
            .finish_non_exhaustive()
    }
}
