// SPDX-License-Identifier: MIT OR Apache-2.0

//! The end that data comes out of.

use crate::{
    end::{End, Settings},
    error::{Error, Result},
    ffi::Mapping,
    Data, Deadline, State,
};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::{io, time::Duration};

/// The consumer end of a ring, mapped.
///
/// All calls that need data wait for it, unless [`Consumer::set_nonblocking`] says that they fail
/// with EAGAIN, and as long as [`Consumer::set_timeout`] lets them. There is no system call until
/// this end has to sleep or the producer has to be woken. Dropping it gives the end up; if nobody
/// else holds it, the producer gets EPIPE.
///
/// It can be moved into another thread, but neither used by two at once nor copied, as there is one
/// position:
///
/// ```compile_fail,E0277
/// fn shared<T: Sync>() {}
/// shared::<ferrio_ringbuffer::Consumer>();
/// ```
///
/// ```compile_fail,E0599
/// # let (producer, consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
/// let two = (consumer.clone(), consumer);
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// ```
/// fn sent<T: Send>() {}
/// sent::<ferrio_ringbuffer::Consumer>();
/// ```
///
/// # Examples
///
/// ```
/// let (mut producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
/// producer.write(b"hello world")?;
/// let mut word = [0; 5];
/// consumer.read(&mut word)?;
/// assert_eq!(&word, b"hello");
/// let data = consumer.peek(6)?;
/// data.copy_to(1, &mut word);
/// data.consume(6)?;
/// assert_eq!(&word, b"world");
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// A descriptor, a mapping of twice the ring and three pages, and about 150 bytes.
#[derive(Debug)]
pub struct Consumer(pub(crate) End<ferrio_ring::Consumer<'static, Mapping>>);

impl Consumer {
    /// Maps an end that was made before, as
    /// [`Producer::from_fd`](crate::Producer::from_fd).
    ///
    /// # Errors
    ///
    /// EBADF: no consumer end, or one that was given up. ENOTTY: no ring. EOPNOTSUPP, EPROTO: the
    /// module is older, or of another ABI. Those of mmap(2).
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio_ringbuffer::{Consumer, Ring};
    /// use std::os::fd::OwnedFd;
    ///
    /// let end: OwnedFd = Ring::open()?.consumer_fd()?;
    /// let mut consumer = Consumer::try_from(end)?;
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Four system calls; the first time in a process, a few more for the number of CPUs.
    pub fn from_fd(fd: OwnedFd) -> Result<Self> {
        Consumer::with(fd, Settings::default())
    }

    pub(crate) fn with(fd: OwnedFd, settings: Settings) -> Result<Self> {
        End::from_fd(fd, settings).map(Consumer)
    }

    /// The size of the ring, in bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// let (producer, consumer) = ferrio_ringbuffer::ringbuffer(8192)?;
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

    /// How many bytes are in the ring, at some time during the call; at most its size.
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut producer, consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// producer.write(b"hello")?;
    /// assert_eq!((producer.used(), consumer.used()), (5, 5));
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
    /// let (_producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// consumer.set_nonblocking(true);
    /// // EAGAIN: it is empty.
    /// assert_eq!(consumer.read(&mut [0; 5]).unwrap_err().errno(), 11);
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
    /// the time, and a long transfer has many waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{io::ErrorKind, time::Duration};
    ///
    /// let (_producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// consumer.set_timeout(Some(Duration::from_millis(10)));
    /// assert_eq!(consumer.peek(1).unwrap_err().kind(), ErrorKind::TimedOut);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Two readings of the clock for each wait that sleeps.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.0.set_timeout(timeout);
    }

    /// What is there to be consumed, in one piece; `min` bytes at least, 0 being 1. Waits until
    /// there are so many.
    ///
    /// At the end of the stream there can be fewer, and at last none: then no more will come.
    ///
    /// # Errors
    ///
    /// EAGAIN: fewer are there now, and this end does not block. ETIMEDOUT: fewer came in the time
    /// that is set. EINVAL: the ring cannot hold so many. EINTR: a signal came. EBADMSG: the ring
    /// is corrupt. EBADF: this end was given up.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (mut producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// # producer.write(&7u32.to_ne_bytes())?;
    /// # drop(producer);
    /// loop {
    ///     let data = consumer.peek(4)?;
    ///     if data.len() < 4 {
    ///         break;
    ///     }
    ///     let mut message = [0; 4];
    ///     data.copy_to(0, &mut message);
    ///     data.consume(4)?;
    ///     println!("{}", u32::from_ne_bytes(message));
    /// }
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// No system call if they are there; one for each sleep. A load from memory, two more to look
    /// how far the producer is when what was known is used up.
    #[inline]
    pub fn peek(&mut self, min: usize) -> Result<Data<'_>> {
        let span = self.0.begin(min.max(1))?;
        Ok(Data::new(self, span.offset as usize, span.len as usize))
    }

    /// Is done with the first `bytes` of what was peeked at, as [`Data::consume`]. May be called
    /// several times; each goes on behind the last.
    ///
    /// # Errors
    ///
    /// EINVAL: more than were there; nothing is consumed.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (mut producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// producer.write(b"abc")?;
    /// assert_eq!(consumer.peek(1)?.len(), 3);
    /// consumer.consume(1)?;
    /// consumer.consume(2)?;
    /// assert_eq!(consumer.used(), 0);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// A store, a fence and a load; a system call if the producer sleeps for it.
    #[inline]
    pub fn consume(&mut self, bytes: usize) -> Result<()> {
        self.0.publish(bytes)
    }

    /// Copies what is there into `to`, as much as fits; waits only when there is nothing. Without a
    /// copy in the kernel.
    ///
    /// Returns how many bytes were copied; 0 at the end of the stream, or if `to` is empty, which
    /// only asks whether the end could be read from.
    ///
    /// # Errors
    ///
    /// EAGAIN, ETIMEDOUT, EINTR, EBADMSG, EBADF as [`Consumer::peek`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let (mut producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// # producer.write(b"hello")?;
    /// let mut bytes = [0; 100];
    /// let read = consumer.read(&mut bytes)?;
    /// println!("{:?}", &bytes[..read]);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// One copy; system calls as [`Consumer::peek`], and one if the producer sleeps for it.
    pub fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        if to.is_empty() {
            return self.0.check().map(|()| 0);
        }
        let span = self.0.begin_any(to.len())?;
        let part = to.len().min(span.len as usize);
        self.0
            .mapped
            .copy_out(span.offset as usize, &mut to[..part]);
        self.0.publish(part)?;
        Ok(part)
    }

    /// Sleeps until there are `min` bytes (0 is 1), at most to the deadline; returns how many there
    /// are, which is fewer if the producer is gone. The other calls wait by themselves: this one is
    /// for a time limit of its own.
    ///
    /// # Errors
    ///
    /// ETIMEDOUT: the time is over; a span of 0 only looks. EINVAL: `min` is more than the ring.
    /// EBADMSG: the ring is corrupt. EBADF: this end was given up. EINTR: a signal came; without an
    /// end and up to a time only if its handler is not SA_RESTART.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (_producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// use std::{io::ErrorKind, time::{Duration, Instant}};
    ///
    /// let soon = Instant::now() + Duration::from_millis(10);
    /// match consumer.wait(1, soon) {
    ///     Ok(bytes) => println!("{bytes} bytes to read"),
    ///     Err(error) if error.kind() == ErrorKind::TimedOut => println!("nothing came"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Always a system call.
    pub fn wait(&self, min: usize, until: impl Into<Deadline>) -> Result<usize> {
        self.0.wait(min as u64, until.into())
    }

    /// Wakes producers that sleep, whatever they wait for. All that consumes here wakes when it has
    /// to: this is for programs that move positions themselves.
    ///
    /// # Errors
    ///
    /// EBADF: this end was given up.
    ///
    /// # Examples
    ///
    /// See [`Producer::wakeup`](crate::Producer::wakeup).
    ///
    /// # Cost
    ///
    /// A system call.
    pub fn wakeup(&self) -> Result<()> {
        self.0.wakeup()
    }

    /// Gives the end up, for all who hold it by this open: children that inherited it, copies of
    /// its descriptor. The producer gets EPIPE. Dropping does the same if nobody else has it.
    ///
    /// # Errors
    ///
    /// EBADF: somebody else has done it before.
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut producer, consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// consumer.shutdown()?;
    /// assert_eq!(producer.write(b"?").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Three system calls.
    pub fn shutdown(self) -> Result<()> {
        self.0.shutdown()
    }
}

/// As [`Consumer::read`].
impl io::Read for Consumer {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        Ok(Consumer::read(self, to)?)
    }
}

/// [`Consumer::from_fd`].
impl TryFrom<OwnedFd> for Consumer {
    type Error = Error;

    fn try_from(fd: OwnedFd) -> Result<Self> {
        Consumer::from_fd(fd)
    }
}

/// For poll(2), and to be passed on: whoever gets it can map the end as well.
impl AsFd for Consumer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Consumer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Undoes the mapping. The end stays where it is, for whoever maps it next or calls read(2).
impl From<Consumer> for OwnedFd {
    fn from(end: Consumer) -> Self {
        end.0.into_fd()
    }
}
