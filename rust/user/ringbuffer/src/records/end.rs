// SPDX-License-Identifier: MIT OR Apache-2.0

//! What both ends of a ring of records have in common: waiting, waking, and what stops them.

use crate::{
    end::{self, Settings, SPIN_FOREVER},
    error::{During, Error, Result},
    ffi::{Carried, RecordsIn, RecordsOut},
    Deadline, State,
};
use ferrio_ring::state;
use ferrio_ringbuffer_sys::{self as sys, abi::*};
use rustix::{
    fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    io::Errno,
};
use std::{fmt, time::Duration};

/// The two ends of the protocol, by one face.
pub(crate) trait Mapped: Sized {
    /// FERRIO_RB_READ or FERRIO_RB_WRITE.
    const RW: u32;
    /// What a mapped end of the kind is.
    const KIND: u32;
    /// Maps an end of a ring of records.
    fn map(fd: BorrowedFd<'_>, info: &ferrio_rb_info) -> rustix::io::Result<Self>;
    /// The kernel's state word.
    fn state(&self) -> u64;
    /// The size of the ring, in bytes.
    fn size(&self) -> usize;
    /// The bytes in the ring.
    fn used(&self) -> u64;
}

impl Mapped for RecordsIn {
    const RW: u32 = FERRIO_RB_WRITE;
    const KIND: u32 = FERRIO_RB_KIND_PRODUCER;

    fn map(fd: BorrowedFd<'_>, info: &ferrio_rb_info) -> rustix::io::Result<Self> {
        RecordsIn::new(fd, info)
    }

    fn state(&self) -> u64 {
        self.state()
    }

    fn size(&self) -> usize {
        self.size()
    }

    fn used(&self) -> u64 {
        self.used()
    }
}

impl Mapped for RecordsOut {
    const RW: u32 = FERRIO_RB_READ;
    const KIND: u32 = FERRIO_RB_KIND_CONSUMER;

    fn map(fd: BorrowedFd<'_>, info: &ferrio_rb_info) -> rustix::io::Result<Self> {
        RecordsOut::new(fd, info)
    }

    fn state(&self) -> u64 {
        self.state()
    }

    fn size(&self) -> usize {
        self.size()
    }

    fn used(&self) -> u64 {
        self.used()
    }
}

/// How far a wait has come.
#[derive(Default)]
pub(crate) struct Waited {
    looks: u32,
    until: Option<Deadline>,
}

/// A mapped end and its descriptor.
pub(crate) struct End<M> {
    pub(crate) mapped: M,
    fd: OwnedFd,
    /// The last arm of the peer that was called for.
    woken: u64,
    nonblocking: bool,
    spin: u32,
    timeout: Option<Duration>,
}

impl<M: Mapped> End<M> {
    /// Maps an end that was made before.
    pub(crate) fn from_fd(fd: OwnedFd, settings: Settings) -> Result<Self> {
        let info = end::info(fd.as_fd())?;
        if info.kind != M::KIND {
            return Err(Error::new(During::Info, Errno::BADF));
        }
        if info.records == 0 {
            return Err(Error::carries(false));
        }
        if !Carried::new(&info).are_records() {
            // Of a kind that is newer than this.
            return Err(Error::new(During::Info, Errno::PROTO));
        }
        let mapped = M::map(fd.as_fd(), &info).map_err(|errno| Error::new(During::Map, errno))?;
        Ok(End {
            mapped,
            fd,
            woken: 0,
            nonblocking: settings.nonblocking,
            spin: settings.spin.unwrap_or_else(end::spin),
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

    pub(crate) fn is_nonblocking(&self) -> bool {
        self.nonblocking
    }

    pub(crate) fn never_sleeps(&self) -> bool {
        self.nonblocking || self.spin == SPIN_FOREVER
    }

    pub(crate) fn state(&self) -> State {
        State::new(self.mapped.state())
    }

    pub(crate) fn wait(&self, bytes: u64, until: Deadline) -> Result<usize> {
        let (flags, timeout) = until.words();
        match sys::wait(self.fd.as_fd(), M::RW, bytes, flags, timeout) {
            // The bytes of a ring fit, as it is mapped.
            Ok(there) => Ok(there.bytes as usize),
            Err(error) => Err(Error::of(During::Turn, &error)),
        }
    }

    /// Between two looks that found nothing: the next one is at once, or when there are `bytes`.
    pub(crate) fn pause(&self, waited: &mut Waited, bytes: u64) -> Result<()> {
        if self.nonblocking {
            return Err(Error::turn(Errno::AGAIN));
        }
        if waited.looks < self.spin {
            waited.looks += u32::from(self.spin != SPIN_FOREVER);
            std::hint::spin_loop();
            return Ok(());
        }
        waited.looks = 0;
        // From the first sleep on: what wakes this end for nothing does not make it longer.
        let until = *waited
            .until
            .get_or_insert_with(|| Deadline::starting_now(self.timeout));
        self.wait(bytes, until).map(drop)
    }

    /// Calls the kernel for a peer that sleeps, once for each of its arms.
    #[inline]
    pub(crate) fn ring(&mut self, bell: Option<u64>) {
        if let Some(sequence) = bell.filter(|sequence| *sequence != self.woken) {
            self.woken = sequence;
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        // That it failed is nothing to a caller whose record has moved.
        let _ = self.wakeup();
    }

    pub(crate) fn wakeup(&self) -> Result<()> {
        sys::wakeup(self.fd.as_fd(), M::RW).map_err(|error| Error::of(During::Turn, &error))
    }

    /// The ring is corrupt: says so to all who use it, once.
    #[cold]
    pub(crate) fn corrupt(&self) -> Error {
        // There is nobody to tell that it failed.
        if self.mapped.state() & state::CORRUPT == 0 {
            let _ = sys::blame(self.fd.as_fd(), M::RW);
        }
        Error::turn(Errno::BADMSG)
    }

    pub(crate) fn shutdown(self) -> Result<()> {
        // A mapping of many producers keeps the end.
        let End { mapped, fd, .. } = self;
        drop(mapped);
        sys::shutdown(fd.as_fd(), M::RW).map_err(|error| Error::of(During::Turn, &error))
    }
}

impl<M> AsFd for End<M> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<M> AsRawFd for End<M> {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl<M: Mapped> fmt::Debug for End<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("End")
            .field("fd", &self.fd)
            .field("size", &self.mapped.size())
            .field("used", &self.mapped.used())
            .finish_non_exhaustive()
    }
}
