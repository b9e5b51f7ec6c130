// SPDX-License-Identifier: MIT OR Apache-2.0

//! Somebody who only looks.

use crate::{
    end,
    error::{During, Error, Result},
    ffi::Onlooker,
    Lost, State, Waits,
};
use ferrio_ringbuffer_sys::abi::*;
use rustix::{
    fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    io::Errno,
};

/// An observer of a ring: sees how full it is, how far both ends are and how they wait, and changes
/// nothing. It holds no end: the ends do not notice it, nor does it keep them open.
///
/// Looking takes no system call, so a monitor can look as often as it likes. All it can do it can
/// do from several threads at once.
///
/// # Examples
///
/// ```
/// let ring = ferrio_ringbuffer::Builder::new().size(8192).open()?;
/// let observer = ring.observer()?;
/// let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
/// producer.write(&[7; 6000])?;
/// assert_eq!((observer.used(), observer.size()), (6000, 8192));
/// consumer.read(&mut [0; 1000])?;
/// assert_eq!((observer.written(), observer.read()), (6000, 1000));
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// A descriptor, and a mapping of twice the ring and three pages, for reading.
#[derive(Debug)]
pub struct Observer {
    window: Onlooker,
    fd: OwnedFd,
}

impl Observer {
    /// Maps an observer that was made before: by [`Ring::observer_fd`](crate::Ring::observer_fd),
    /// or by another process, which sent it over a socket. `fd` is closed if that fails.
    ///
    /// # Errors
    ///
    /// EBADF: an end, or an open of the device. ENOTTY: no ring. EOPNOTSUPP, EPROTO: the module is
    /// older, or of another ABI. Those of mmap(2).
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio_ringbuffer::{Observer, Ring};
    ///
    /// let ring = Ring::open()?;
    /// let observer = Observer::from_fd(ring.observer_fd()?)?;
    /// assert_eq!(observer.used(), 0);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Three system calls.
    pub fn from_fd(fd: OwnedFd) -> Result<Self> {
        let info = end::info(fd.as_fd())?;
        if info.kind != FERRIO_RB_KIND_OBSERVER {
            return Err(Error::new(During::Info, Errno::BADF));
        }
        let window =
            Onlooker::new(fd.as_fd(), &info).map_err(|errno| Error::new(During::Map, errno))?;
        Ok(Observer { window, fd })
    }

    /// The size of the ring, in bytes.
    ///
    /// # Examples
    ///
    /// See [`Observer`].
    ///
    /// # Cost
    ///
    /// None.
    #[must_use]
    pub fn size(&self) -> usize {
        self.window.size()
    }

    /// How many bytes are in the ring, at some time during the call; at most its size, even if an
    /// end breaks the protocol.
    ///
    /// # Examples
    ///
    /// See [`Observer`].
    ///
    /// # Cost
    ///
    /// Three loads from memory, more (up to 24) while the consumer moves.
    #[must_use]
    pub fn used(&self) -> usize {
        // At most the size, which fits.
        self.window.used() as usize
    }

    /// How many bytes were written since the ring was made; of records, headers included, those
    /// that many producers have reserved.
    ///
    /// # Examples
    ///
    /// See [`Observer`].
    ///
    /// # Cost
    ///
    /// One load from memory.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.window.position(FERRIO_RB_WRITE)
    }

    /// How many bytes were read since the ring was made.
    ///
    /// # Examples
    ///
    /// See [`Observer`].
    ///
    /// # Cost
    ///
    /// One load from memory.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.window.position(FERRIO_RB_READ)
    }

    /// What records its producers have lost, all of them: those in the kernel, those that call
    /// write(2), and those that are mapped, which say so themselves. Nothing in a ring of bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// let ring = ferrio_ringbuffer::Builder::new().size(4096).drops().open()?;
    /// let observer = ring.observer()?;
    /// let mut producer = ring.record_producer()?;
    /// producer.write(&[0; 4080])?;
    /// producer.write(&[0; 4080]).unwrap_err();
    /// assert_eq!(observer.lost().full, 1);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// About 300 loads from memory; each counter is of a time of its own.
    #[must_use]
    pub fn lost(&self) -> Lost {
        Lost::new(self.window.losses().0)
    }

    /// How many records their producers have taken back; as [`Observer::lost`].
    ///
    /// # Examples
    ///
    /// ```
    /// let ring = ferrio_ringbuffer::Builder::new().records().open()?;
    /// let observer = ring.observer()?;
    /// ring.record_producer()?.reserve(10)?.discard();
    /// assert_eq!(observer.discarded(), 1);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// As [`Observer::lost`].
    #[must_use]
    pub fn discarded(&self) -> u64 {
        self.window.losses().1
    }

    /// Which ends are gone, and whether the ring is corrupt.
    ///
    /// # Examples
    ///
    /// ```
    /// let ring = ferrio_ringbuffer::Ring::open()?;
    /// let observer = ring.observer()?;
    /// drop(ring.producer()?);
    /// assert!(observer.state().producer_is_gone());
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// One load from memory.
    #[must_use]
    pub fn state(&self) -> State {
        State::new(self.window.state())
    }

    /// How often consumers waited, and were woken.
    ///
    /// # Examples
    ///
    /// See [`Waits`].
    ///
    /// # Cost
    ///
    /// Five loads from memory; each is of a time of its own.
    #[must_use]
    pub fn consumer_waits(&self) -> Waits {
        self.window.waits(FERRIO_RB_READ)
    }

    /// How often producers waited, and were woken.
    ///
    /// # Examples
    ///
    /// See [`Waits`].
    ///
    /// # Cost
    ///
    /// As [`Observer::consumer_waits`].
    #[must_use]
    pub fn producer_waits(&self) -> Waits {
        self.window.waits(FERRIO_RB_WRITE)
    }
}

/// [`Observer::from_fd`].
impl TryFrom<OwnedFd> for Observer {
    type Error = Error;

    fn try_from(fd: OwnedFd) -> Result<Self> {
        Observer::from_fd(fd)
    }
}

/// For poll(2), which shows what it shows a consumer, and to be passed on.
impl AsFd for Observer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Observer {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// Undoes the mapping.
impl From<Observer> for OwnedFd {
    fn from(observer: Observer) -> Self {
        observer.fd
    }
}
