// SPDX-License-Identifier: MIT OR Apache-2.0

//! What both ends have in common: looking, spinning, sleeping, waking.

use crate::{
    error::{During, Error, Result},
    ffi::{self, Mapped, Turns},
    uapi::*,
};
use ferrio_ring::{state, Span, Stop};
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    io::Errno,
};
use std::{fmt, time::Duration};

/// How often an end looks again before it sleeps, on a machine with more than one CPU: about what a
/// sleep costs. On one CPU it is 0, as the peer cannot move meanwhile.
pub const SPIN: u32 = 128;
/// For `set_spin`: never sleep.
pub const SPIN_FOREVER: u32 = u32::MAX;

const EMPTY: Span = Span { offset: 0, len: 0 };

/// A mapped end and its descriptor.
pub(crate) struct End<T: Turns> {
    pub(crate) mapped: Mapped<T>,
    fd: OwnedFd,
    /// What is left of the turn.
    turn: Span,
    nonblocking: bool,
    spin: u32,
}

/// GET_INFO of a module that knows mappings.
pub(crate) fn info(fd: BorrowedFd<'_>) -> Result<ferrio_rb_info> {
    let failed = |errno| Error::new(During::Info, errno);
    let info = ffi::get_info(fd).map_err(failed)?;
    if info.features & u64::from(FERRIO_RB_FEAT_MAP) == 0 {
        return Err(failed(Errno::OPNOTSUPP));
    }
    Ok(info)
}

impl<T: Turns> End<T> {
    /// Maps an end that was made before.
    pub(crate) fn from_fd(fd: OwnedFd) -> Result<Self> {
        let info = info(fd.as_fd())?;
        if info.kind != T::KIND {
            return Err(Error::new(During::Info, Errno::BADF));
        }
        let mapped =
            Mapped::new(fd.as_fd(), &info).map_err(|errno| Error::new(During::Map, errno))?;
        let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get());
        Ok(End {
            mapped,
            fd,
            turn: EMPTY,
            nonblocking: false,
            spin: if cpus > 1 { SPIN } else { 0 },
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

    pub(crate) fn wait(&self, min: usize, timeout: Option<Duration>) -> Result<usize> {
        // A time that does not fit lies 584 years ahead.
        let timeout = timeout.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        match ffi::wait(self.fd.as_fd(), T::RW, min as u64, timeout) {
            // The bytes of a ring fit, as it is mapped.
            Ok(bytes) => Ok(bytes as usize),
            Err(errno) => Err(Error::turn(errno)),
        }
    }

    pub(crate) fn wakeup(&self) -> Result<()> {
        ffi::wakeup(self.fd.as_fd(), T::RW).map_err(Error::turn)
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
        loop {
            // In front of the position: then that of a producer that is gone is the last.
            let last = T::RW == FERRIO_RB_READ && self.mapped.state() & state::WRITE_CLOSED != 0;
            match self.mapped.look(need) {
                Ok(span) if span.len >= need || last => return Ok(self.keep(span)),
                Ok(_) => {}
                Err(Stop::End) => return Ok(self.keep(EMPTY)),
                Err(Stop::Empty | Stop::Full) if need == 0 => return Ok(self.keep(EMPTY)),
                Err(Stop::Empty | Stop::Full) => {}
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
            ffi::wait(self.fd.as_fd(), T::RW, need, None).map_err(Error::turn)?;
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
                    let _ = ffi::blame(self.fd.as_fd(), T::RW);
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
        let _ = ffi::wakeup(self.fd.as_fd(), T::RW);
    }
}

impl<T: Turns> AsFd for End<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
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
