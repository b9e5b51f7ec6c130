// SPDX-License-Identifier: MIT OR Apache-2.0

//! The end that records come out of.

use super::{
    end::{End, Waited},
    Lost,
};
use crate::{
    end::Settings,
    error::{Error, Result},
    ffi::RecordsOut,
    Deadline, Record, State,
};
use ferrio_ring::{
    records::{self, Kind, HEADER_BYTES},
    Stop,
};
use rustix::{
    fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    io::Errno,
};
use std::time::Duration;

/// What is next in a stream of records.
///
/// # Examples
///
/// ```
/// use ferrio_ringbuffer::NextRecord;
///
/// let (mut producer, mut consumer) = ferrio_ringbuffer::records(4096)?;
/// # producer.write(b"hello")?;
/// # drop(producer);
/// loop {
///     match consumer.next_record()? {
///         NextRecord::Record(record) => println!("{} bytes", record.len()),
///         NextRecord::Gap(lost) => println!("{} records were lost here", lost.sum()),
///         NextRecord::End => break,
///     }
/// }
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// A few words.
#[derive(Debug)]
#[must_use = "a record is done with when it is dropped"]
pub enum NextRecord<'a> {
    /// A record.
    Record(Record<'a>),
    /// Records were lost here, so many since the last gap of the same producers.
    Gap(Lost),
    /// The end of the stream: all producers are gone, and what they wrote is read.
    End,
}

/// What was found, of it.
enum Found {
    Data(records::Record),
    Gap(Lost),
    End,
}

/// How often a consumer that does not block meets what is reserved, and not committed, before it
/// asks the kernel whether its producer is alive; and one that spins for ever.
const ASKS: u32 = 64;
const ASKS_SPINNING: u32 = 1 << 16;

/// The consumer end of a ring of records, mapped.
///
/// [`RecordConsumer::next_record`] waits for a record, unless
/// [`RecordConsumer::set_nonblocking`] says that it fails with EAGAIN, and as long as
/// [`RecordConsumer::set_timeout`] lets it. There is no system call until this end has to sleep or
/// a producer has to be woken. Dropping it gives the end up; if nobody else holds it, producers get
/// EPIPE.
///
/// It can be moved into another thread, but neither used by two at once nor copied, as there is one
/// position:
///
/// ```compile_fail,E0277
/// fn shared<T: Sync>() {}
/// shared::<ferrio_ringbuffer::RecordConsumer>();
/// ```
///
/// ```
/// fn sent<T: Send>() {}
/// sent::<ferrio_ringbuffer::RecordConsumer>();
/// ```
///
/// # Examples
///
/// See [`NextRecord`].
///
/// # Cost
///
/// A descriptor, a mapping of twice the ring and three pages, and about 320 bytes.
#[derive(Debug)]
pub struct RecordConsumer {
    pub(crate) end: End<RecordsOut>,
    /// Something was read that is not given back.
    holds: bool,
    /// How often it met what is not committed.
    busy: u32,
}

impl RecordConsumer {
    /// Maps an end that was made before, as
    /// [`RecordProducer::from_fd`](crate::RecordProducer::from_fd). It goes on where the end's last
    /// holder stopped.
    ///
    /// # Errors
    ///
    /// EBADF: no consumer end, or one that was given up. ENOTTY: no ring. EPROTO: a ring of bytes.
    /// EOPNOTSUPP, EPROTO: the module is older, or of another ABI. Those of mmap(2).
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio_ringbuffer::{Builder, RecordConsumer};
    ///
    /// let ring = Builder::new().records().open()?;
    /// let mut consumer = RecordConsumer::from_fd(ring.consumer_fd()?)?;
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Four system calls; the first time in a process, a few more for the number of CPUs.
    pub fn from_fd(fd: OwnedFd) -> Result<Self> {
        RecordConsumer::with(fd, Settings::default())
    }

    pub(crate) fn with(fd: OwnedFd, settings: Settings) -> Result<Self> {
        Ok(RecordConsumer {
            end: End::from_fd(fd, settings)?,
            holds: false,
            busy: 0,
        })
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
        self.end.mapped.size()
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
        self.end.mapped.used() as usize
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
        self.end.state()
    }

    /// Whether calls fail with EAGAIN where they would wait; `false` at first. This is not
    /// O_NONBLOCK of the descriptor, which is for read(2) and write(2).
    ///
    /// # Examples
    ///
    /// ```
    /// let (_producer, mut consumer) = ferrio_ringbuffer::records(4096)?;
    /// consumer.set_nonblocking(true);
    /// // EAGAIN: it is empty.
    /// assert_eq!(consumer.next_record().unwrap_err().errno(), 11);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// None.
    pub fn set_nonblocking(&mut self, nonblocking: bool) {
        self.end.set_nonblocking(nonblocking);
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
        self.end.set_spin(spin);
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
    /// let (_producer, mut consumer) = ferrio_ringbuffer::records(4096)?;
    /// consumer.set_timeout(Some(Duration::from_millis(10)));
    /// assert_eq!(consumer.next_record().unwrap_err().kind(), ErrorKind::TimedOut);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Two readings of the clock for each wait that sleeps.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.end.set_timeout(timeout);
    }

    /// The next record, where it lies; or what was lost there; or the end. Waits for it.
    ///
    /// # Errors
    ///
    /// EAGAIN: there is none now, or its producer is not done with it, and this end does not block.
    /// ETIMEDOUT: none came in the time that is set. EINTR: a signal came. EBADMSG: the ring is
    /// corrupt. EBADF: this end was given up.
    ///
    /// # Examples
    ///
    /// See [`NextRecord`].
    ///
    /// # Cost
    ///
    /// No system call if there is one; one for each sleep. A load from memory, two more to look how
    /// far producers are when what was known is used up; as much for each record that was discarded
    /// in front of it.
    #[inline]
    pub fn next_record(&mut self) -> Result<NextRecord<'_>> {
        if self.holds {
            // Of a record that was forgotten.
            self.free();
        }
        let record = match self.end.mapped.read() {
            Ok(record) if record.kind == Kind::Data => record,
            found => match self.find(found)? {
                Found::Data(record) => record,
                Found::Gap(lost) => return Ok(NextRecord::Gap(lost)),
                Found::End => return Ok(NextRecord::End),
            },
        };
        self.holds = true;
        let (offset, len) = (record.offset as usize, record.len as usize);
        Ok(NextRecord::Record(Record::new(self, offset, len)))
    }

    #[cold]
    fn find(&mut self, mut found: std::result::Result<records::Record, Stop>) -> Result<Found> {
        let (mut waited, mut skips) = (Waited::default(), 0u64);
        // All that are there now: behind them there may be one whose producer wakes nobody for it,
        // as it was committed while this end had not caught up.
        let most = self.size() as u64 / HEADER_BYTES;
        loop {
            match found {
                Ok(record) => match record.kind {
                    Kind::Data => return Ok(Found::Data(record)),
                    Kind::Gap => {
                        let lost = Lost::new(self.end.mapped.gap(record));
                        self.free();
                        return Ok(Found::Gap(lost));
                    }
                    Kind::Skip => {
                        self.free();
                        skips += 1;
                        if skips == most && self.end.is_nonblocking() {
                            return Err(Error::turn(Errno::AGAIN));
                        }
                    }
                },
                Err(Stop::End) => return Ok(Found::End),
                Err(Stop::Empty) if self.has_news_of_the_dead() => {}
                Err(Stop::Empty) => self.end.pause(&mut waited, 1)?,
                Err(Stop::GivenUp) => return Err(Error::turn(Errno::BADF)),
                // Of a consumer there is nothing else.
                Err(Stop::Corrupt | Stop::Full | Stop::Closed) => return Err(self.end.corrupt()),
            }
            found = self.end.mapped.read();
        }
    }

    /// Who has reserved what is next may be dead. The kernel looks for that when somebody sleeps
    /// for it; who never does asks, once in a while.
    fn has_news_of_the_dead(&mut self) -> bool {
        if !self.end.never_sleeps() || self.end.mapped.used() == 0 {
            return false;
        }
        self.busy = self.busy.wrapping_add(1);
        let asks = if self.end.is_nonblocking() {
            ASKS
        } else {
            ASKS_SPINNING
        };
        self.busy % asks == 0 && self.end.wait(1, Duration::ZERO.into()).is_ok()
    }

    /// Gives back what was read.
    #[inline]
    pub(crate) fn free(&mut self) {
        self.holds = false;
        let bell = self.end.mapped.free();
        self.end.ring(bell);
    }

    /// Sleeps until records of `bytes` (0 is 1) are there, headers included, at most to the
    /// deadline; returns how many bytes are, which is fewer if the producers are gone.
    /// [`RecordConsumer::next_record`] waits by itself: this one is for many records at once, or a
    /// time limit of its own. With more than the size less the largest record that producers make
    /// so many may never come: give a deadline then.
    ///
    /// # Errors
    ///
    /// ETIMEDOUT: the time is over; a span of 0 only looks. EINVAL: `bytes` is more than the size
    /// less 8, which stay free.
    /// EBADMSG: the ring is corrupt. EBADF: this end was given up. EINTR: a signal came; without an
    /// end and up to a time only if its handler is not SA_RESTART.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{io::ErrorKind, time::Duration};
    ///
    /// let (_producer, consumer) = ferrio_ringbuffer::records(65536)?;
    /// match consumer.wait(4096, Duration::from_millis(10)) {
    ///     Ok(bytes) => println!("{bytes} bytes of records to read"),
    ///     Err(error) if error.kind() == ErrorKind::TimedOut => println!("only a few"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Always a system call.
    pub fn wait(&self, bytes: usize, until: impl Into<Deadline>) -> Result<usize> {
        self.end.wait(bytes as u64, until.into())
    }

    /// Wakes producers that sleep, whatever they wait for. All that reads here wakes when it has
    /// to.
    ///
    /// # Errors
    ///
    /// EBADF: this end was given up.
    ///
    /// # Examples
    ///
    /// See [`RecordProducer::wakeup`](crate::RecordProducer::wakeup).
    ///
    /// # Cost
    ///
    /// A system call.
    pub fn wakeup(&self) -> Result<()> {
        self.end.wakeup()
    }

    /// Undoes the mapping and gives the end up, for all who hold it by this open: children that
    /// inherited its descriptor, copies of that. If it was the last
    /// one, producers get EPIPE.
    /// Dropping does the same if nobody else has it.
    ///
    /// # Errors
    ///
    /// EBADF: somebody else has done it before.
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut producer, consumer) = ferrio_ringbuffer::records(4096)?;
    /// consumer.shutdown()?;
    /// assert_eq!(producer.write(b"?").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Three system calls.
    pub fn shutdown(self) -> Result<()> {
        self.end.shutdown()
    }
}

/// [`RecordConsumer::from_fd`].
impl TryFrom<OwnedFd> for RecordConsumer {
    type Error = Error;

    fn try_from(fd: OwnedFd) -> Result<Self> {
        RecordConsumer::from_fd(fd)
    }
}

/// For poll(2), and to be passed on.
impl AsFd for RecordConsumer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }
}

impl AsRawFd for RecordConsumer {
    fn as_raw_fd(&self) -> RawFd {
        self.end.as_raw_fd()
    }
}

/// Undoes the mapping. The end stays where it is, for whoever maps it next or calls read(2).
impl From<RecordConsumer> for OwnedFd {
    fn from(end: RecordConsumer) -> Self {
        end.end.into_fd()
    }
}
