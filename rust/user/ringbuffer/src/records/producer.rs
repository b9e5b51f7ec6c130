// SPDX-License-Identifier: MIT OR Apache-2.0

//! The end that records go into.

use super::{
    end::{End, Waited},
    Lost,
};
use crate::{
    end::Settings,
    error::{Error, Result},
    ffi::RecordsIn,
    Deadline, RecordSpace, State,
};
use ferrio_ring::records::{extent, largest, Refusal, Refused, Reservation, HEADER_BYTES};
use rustix::{
    fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    io::Errno,
};
use std::time::Duration;

/// A producer end of a ring of records, mapped: the only one, or one of many.
///
/// All calls that need space wait for it, unless the ring drops what has no room, or
/// [`RecordProducer::set_nonblocking`] says that they fail with EAGAIN, and as long as
/// [`RecordProducer::set_timeout`] lets them. There is no system call until this end has to sleep
/// or the consumer has to be woken.
///
/// Each has one reservation at a time. Threads, and processes, that produce at once have an end
/// each, of a ring of many producers; none waits for another. Such a mapping is not inherited by a
/// child of fork(2), which must not touch this value. If a process dies with a reservation, the
/// kernel discards that, and counts it as [`Lost::aborted`].
///
/// It can be moved into another thread, but not used by two at once:
///
/// ```compile_fail,E0277
/// fn shared<T: Sync>() {}
/// shared::<ferrio_ringbuffer::RecordProducer>();
/// ```
///
/// ```
/// fn sent<T: Send>() {}
/// sent::<ferrio_ringbuffer::RecordProducer>();
/// ```
///
/// # Examples
///
/// ```
/// use ferrio_ringbuffer::{Builder, NextRecord};
///
/// let ring = Builder::new().many_producers().open()?;
/// let mut consumer = ring.record_consumer()?;
/// let threads: Vec<_> = ["one", "two", "three"]
///     .map(|name| {
///         let mut producer = ring.record_producer()?;
///         Ok(std::thread::spawn(move || producer.write(name.as_bytes())))
///     })
///     .into_iter()
///     .collect::<Result<_, ferrio_ringbuffer::Error>>()?;
/// // So that there is an end of the stream.
/// drop(ring);
/// let mut records = 0;
/// while let NextRecord::Record(record) = consumer.next_record()? {
///     assert!([3, 5].contains(&record.len()));
///     records += 1;
/// }
/// assert_eq!(records, threads.len());
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// A descriptor, a mapping of twice the ring and three pages, and about 400 bytes.
#[derive(Debug)]
pub struct RecordProducer(pub(crate) End<RecordsIn>);

impl RecordProducer {
    /// Maps an end that was made before: by [`Ring::producer_fd`](crate::Ring::producer_fd), by C's
    /// `FERRIO_RB_MINT`, or by another process, which sent it over a socket. `fd` is closed if that
    /// fails.
    ///
    /// # Errors
    ///
    /// EBADF: no producer end, or one that was given up. ENOTTY: no ring. EPROTO: a ring of bytes.
    /// Of many producers EBUSY: this end is mapped; ENFILE: as many others as a ring can have.
    /// EOPNOTSUPP, EPROTO: the module is older, or of another ABI. Those of mmap(2).
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio_ringbuffer::{Builder, RecordProducer};
    ///
    /// let ring = Builder::new().records().open()?;
    /// let mut producer = RecordProducer::from_fd(ring.producer_fd()?)?;
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Four system calls, of many producers five; the first time in a process, a few more for the
    /// number of CPUs.
    pub fn from_fd(fd: OwnedFd) -> Result<Self> {
        RecordProducer::with(fd, Settings::default())
    }

    pub(crate) fn with(fd: OwnedFd, settings: Settings) -> Result<Self> {
        End::from_fd(fd, settings).map(RecordProducer)
    }

    /// How long the longest record is: the size of the ring less 16 bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// let (producer, _consumer) = ferrio_ringbuffer::records(4096)?;
    /// assert_eq!(producer.longest(), 4080);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// None.
    #[must_use]
    pub fn longest(&self) -> usize {
        largest(self.size() as u64) as usize
    }

    /// What records this end has lost, of a ring that drops: whoever has held its place counts on
    /// where the last one stopped. [`Observer::lost`](crate::Observer::lost) has those of all.
    ///
    /// # Examples
    ///
    /// See [`Builder::record_pair`](crate::Builder::record_pair).
    ///
    /// # Cost
    ///
    /// Four loads from memory.
    #[must_use]
    pub fn lost(&self) -> Lost {
        Lost::new(self.0.mapped.lost())
    }

    /// How many records this end has discarded, counted as [`RecordProducer::lost`].
    ///
    /// # Examples
    ///
    /// See [`RecordSpace`].
    ///
    /// # Cost
    ///
    /// A load from memory.
    #[must_use]
    pub fn discarded(&self) -> u64 {
        self.0.mapped.discarded()
    }

    /// The size of the ring, in bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// let (producer, consumer) = ferrio_ringbuffer::records(8192)?;
    /// assert_eq!((producer.size(), consumer.size()), (8192, 8192));
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// None.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.mapped.size()
    }

    /// How many bytes records take in the ring, headers included, at some time during the call:
    /// those that are reserved by many producers, too. At most its size.
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut producer, consumer) = ferrio_ringbuffer::records(4096)?;
    /// producer.write(b"hello")?;
    /// assert_eq!((producer.used(), consumer.used()), (16, 16));
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Three loads from memory, more (up to 24) while the consumer moves.
    #[must_use]
    pub fn used(&self) -> usize {
        // At most the size, which fits.
        self.0.mapped.used() as usize
    }

    /// Which ends are gone, and whether the ring is corrupt.
    ///
    /// # Examples
    ///
    /// See [`State`].
    ///
    /// # Cost
    ///
    /// One load from memory.
    #[must_use]
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// Whether calls fail with EAGAIN where they would wait; `false` at first. This is not
    /// O_NONBLOCK of the descriptor, which is for read(2) and write(2).
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut producer, _consumer) = ferrio_ringbuffer::records(4096)?;
    /// producer.set_nonblocking(true);
    /// producer.write(&[0; 4080])?;
    /// // EAGAIN: it is full.
    /// assert_eq!(producer.write(b"more").unwrap_err().errno(), 11);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// None.
    pub fn set_nonblocking(&mut self, nonblocking: bool) {
        self.0.set_nonblocking(nonblocking);
    }

    /// How often a call looks again before it sleeps: [`SPIN`](crate::SPIN) at first, or 0 on one
    /// CPU. More is for peers that answer fast, and takes CPU time from all others.
    ///
    /// # Examples
    ///
    /// See [`SPIN`](crate::SPIN).
    ///
    /// # Cost
    ///
    /// None here; each wait looks so often before it sleeps.
    pub fn set_spin(&mut self, spin: u32) {
        self.0.set_spin(spin);
    }

    /// How long a call waits at most before it fails with ETIMEDOUT; `None`, as at first, is no
    /// end. It counts from the first sleep of each wait: one that spins for ever does not look at
    /// the time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{io::ErrorKind, time::Duration};
    ///
    /// let (mut producer, _consumer) = ferrio_ringbuffer::records(4096)?;
    /// producer.set_timeout(Some(Duration::from_millis(10)));
    /// producer.write(&[0; 4080])?;
    /// assert_eq!(producer.write(b"more").unwrap_err().kind(), ErrorKind::TimedOut);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Two readings of the clock for each wait that sleeps.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.0.set_timeout(timeout);
    }

    /// Space to build a record in, with `bytes` of payload, in one piece. Waits until there is so
    /// much, unless the ring drops.
    ///
    /// # Errors
    ///
    /// EAGAIN: it does not fit now, and this end does not block. ENOBUFS: it does not fit now, and
    /// the ring drops: the record is lost, and counted. ETIMEDOUT: it did not fit in the time that
    /// is set. EMSGSIZE: it is longer than [`RecordProducer::longest`]; counted, if the ring drops.
    /// EBUSY: a [`RecordSpace`] was forgotten. EINTR: a signal came. EPIPE: no consumer is left.
    /// EBADMSG: the ring is corrupt; or, which [`Error::is_corrupt`] tells apart, other producers
    /// move its words all the time. EBADF: this end was given up.
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut producer, _consumer) = ferrio_ringbuffer::records(4096)?;
    /// let mut space = producer.reserve(12)?;
    /// space.copy_from(0, &7u32.to_ne_bytes());
    /// space.copy_from(4, &99u64.to_ne_bytes());
    /// space.commit(12)?;
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// No system call if it fits; one for each sleep. A few loads from memory; of many producers
    /// two compare and exchange, and one more for each 1024 bytes that are consumed.
    #[inline]
    pub fn reserve(&mut self, bytes: usize) -> Result<RecordSpace<'_>> {
        match self.0.mapped.reserve(bytes as u64) {
            Ok(reservation) => Ok(self.space(reservation)),
            Err(refused) => self.reserve_slowly(bytes, refused),
        }
    }

    #[inline]
    fn space(&mut self, reservation: Reservation) -> RecordSpace<'_> {
        // Of a gap in front of it.
        self.0.ring(reservation.wake());
        RecordSpace::new(self, reservation)
    }

    #[cold]
    fn reserve_slowly(&mut self, bytes: usize, mut refused: Refused) -> Result<RecordSpace<'_>> {
        let end = &mut self.0;
        let mut waited = Waited::default();
        loop {
            // Of a gap that got in nevertheless.
            end.ring(refused.wake);
            let drops = end.mapped.carried().are_dropped();
            match refused.why {
                Refusal::Full if drops => return Err(Error::turn(Errno::NOBUFS)),
                Refusal::Full => end.pause(&mut waited, extent(bytes as u64) + HEADER_BYTES)?,
                Refusal::TooLarge => return Err(Error::turn(Errno::MSGSIZE)),
                Refusal::Reserved => return Err(Error::turn(Errno::BUSY)),
                Refusal::Closed => return Err(Error::turn(Errno::PIPE)),
                Refusal::GivenUp => return Err(Error::turn(Errno::BADF)),
                Refusal::Corrupt => return Err(end.corrupt()),
                Refusal::Contended => return Err(Error::contended()),
            }
            match end.mapped.reserve(bytes as u64) {
                Ok(reservation) => return Ok(self.space(reservation)),
                Err(again) => refused = again,
            }
        }
    }

    /// Writes `from` as a record, which may have no payload.
    ///
    /// # Errors
    ///
    /// As [`RecordProducer::reserve`]. No SIGPIPE is sent.
    ///
    /// # Examples
    ///
    /// See [`records`](crate::records).
    ///
    /// # Cost
    ///
    /// One copy; system calls as [`RecordProducer::reserve`], and one if the consumer sleeps for
    /// it.
    pub fn write(&mut self, from: &[u8]) -> Result<()> {
        let mut space = self.reserve(from.len())?;
        space.copy_from(0, from);
        space.commit(from.len())
    }

    /// Sleeps until a record with `bytes` of payload fits, at most to the deadline. With many
    /// producers another one may be faster then. The other calls wait by themselves: this one is
    /// for a time limit of its own.
    ///
    /// # Errors
    ///
    /// ETIMEDOUT: the time is over; a span of 0 only looks. EMSGSIZE: it never fits. EPIPE: no
    /// consumer is left. EBADMSG: the ring is corrupt. EBADF: this end was given up. EINTR: a
    /// signal came; without an end and up to a time only if its handler is not SA_RESTART.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{io::ErrorKind, time::Duration};
    ///
    /// let (mut producer, _consumer) = ferrio_ringbuffer::records(4096)?;
    /// match producer.wait(100, Duration::from_millis(10)) {
    ///     Ok(()) => producer.write(&[7; 100])?,
    ///     Err(error) if error.kind() == ErrorKind::TimedOut => println!("a slow consumer"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Always a system call.
    pub fn wait(&self, bytes: usize, until: impl Into<Deadline>) -> Result<()> {
        if bytes > self.longest() {
            return Err(Error::turn(Errno::MSGSIZE));
        }
        let room = extent(bytes as u64) + HEADER_BYTES;
        self.0.wait(room, until.into()).map(drop)
    }

    /// Wakes consumers that sleep, whatever they wait for. All that commits here wakes when it has
    /// to: this is for
    /// records that were committed [`Notify::Quiet`](crate::Notify::Quiet).
    ///
    /// # Errors
    ///
    /// EBADF: this end was given up.
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio_ringbuffer::Notify;
    ///
    /// let (mut producer, _consumer) = ferrio_ringbuffer::records(4096)?;
    /// let mut space = producer.reserve(5)?;
    /// space.copy_from(0, b"later");
    /// space.commit_with(5, Notify::Quiet)?;
    /// producer.wakeup()?;
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// A system call.
    pub fn wakeup(&self) -> Result<()> {
        self.0.wakeup()
    }

    /// Undoes the mapping and gives the end up, for all who hold it by this open: children that
    /// inherited its descriptor, copies of that. If it was the last
    /// one, the consumer sees the end of the stream.
    /// Dropping does the same if nobody else has it.
    ///
    /// # Errors
    ///
    /// EBADF: somebody else has done it before.
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio_ringbuffer::NextRecord;
    ///
    /// let (producer, mut consumer) = ferrio_ringbuffer::records(4096)?;
    /// producer.shutdown()?;
    /// assert!(matches!(consumer.next_record()?, NextRecord::End));
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Three system calls.
    pub fn shutdown(self) -> Result<()> {
        self.0.shutdown()
    }
}

/// [`RecordProducer::from_fd`].
impl TryFrom<OwnedFd> for RecordProducer {
    type Error = Error;

    fn try_from(fd: OwnedFd) -> Result<Self> {
        RecordProducer::from_fd(fd)
    }
}

/// For poll(2), and to be passed on.
impl AsFd for RecordProducer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for RecordProducer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Undoes the mapping. The end stays where it is, for whoever maps it next or calls write(2).
impl From<RecordProducer> for OwnedFd {
    fn from(end: RecordProducer) -> Self {
        end.0.into_fd()
    }
}
