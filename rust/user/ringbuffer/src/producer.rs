// SPDX-License-Identifier: MIT OR Apache-2.0

//! The end that data goes into.

use crate::{
    end::{End, Settings},
    error::{Error, Result},
    ffi::Mapping,
    Deadline, Space, State,
};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::{io, time::Duration};

/// So many bytes are written whole or not at all by an end that does not block (`PIPE_BUF`); no
/// ring is smaller.
///
/// # Examples
///
/// ```
/// let (mut producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
/// assert_eq!(producer.write(&[0; ferrio_ringbuffer::ATOMIC])?, 4096);
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// None.
pub const ATOMIC: usize = 4096;

/// The producer end of a ring, mapped.
///
/// All calls that need space wait for it, unless [`Producer::set_nonblocking`] says that they fail
/// with EAGAIN, and as long as [`Producer::set_timeout`] lets them. There is no system call until
/// this end has to sleep or the consumer has to be woken. Dropping it gives the end up; if nobody
/// else holds it, the consumer sees the end of the stream behind the bytes that were published.
///
/// It can be moved into another thread, but neither used by two at once nor copied, as there is one
/// position:
///
/// ```compile_fail,E0277
/// fn shared<T: Sync>() {}
/// shared::<ferrio_ringbuffer::Producer>();
/// ```
///
/// ```compile_fail,E0599
/// # let (producer, consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
/// let two = (producer.clone(), producer);
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// ```
/// fn sent<T: Send>() {}
/// sent::<ferrio_ringbuffer::Producer>();
/// ```
///
/// # Examples
///
/// ```
/// let (mut producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
/// producer.write(b"copied, ")?;
/// let mut space = producer.reserve(14)?;
/// space.copy_from(0, b"built in place");
/// space.commit(14)?;
/// drop(producer);
/// assert_eq!(std::io::read_to_string(consumer)?, "copied, built in place");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Cost
///
/// A descriptor, a mapping of twice the ring and three pages, and about 150 bytes.
#[derive(Debug)]
pub struct Producer(pub(crate) End<ferrio_ring::Producer<'static, Mapping>>);

impl Producer {
    /// Maps an end that was made before: by [`Ring::producer_fd`](crate::Ring::producer_fd), by C's
    /// `FERRIO_RB_MINT`, or by another process, which sent it over a socket. It goes on where the
    /// end's last holder stopped. `fd` is closed if that fails.
    ///
    /// # Errors
    ///
    /// EBADF: no producer end, or one that was given up. ENOTTY: no ring. EOPNOTSUPP, EPROTO: the
    /// module is older, or of another ABI. Those of mmap(2).
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio_ringbuffer::{Producer, Ring};
    ///
    /// let ring = Ring::open()?;
    /// let mut producer = Producer::from_fd(ring.producer_fd()?)?;
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Four system calls; the first time in a process, a few more for the number of CPUs.
    pub fn from_fd(fd: OwnedFd) -> Result<Self> {
        Producer::with(fd, Settings::default())
    }

    pub(crate) fn with(fd: OwnedFd, settings: Settings) -> Result<Self> {
        End::from_fd(fd, settings).map(Producer)
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
    /// let (mut producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// producer.set_nonblocking(true);
    /// producer.write(&[0; 4096])?;
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
    /// the time, and a long transfer has many waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{io::ErrorKind, time::Duration};
    ///
    /// let (mut producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// producer.set_timeout(Some(Duration::from_millis(10)));
    /// producer.write(&[0; 4096])?;
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

    /// Space to build something in, `bytes` long and in one piece. Waits until there is so much.
    ///
    /// Nothing is taken yet: who gives up drops it, and the next call has the same place.
    ///
    /// # Errors
    ///
    /// EAGAIN: it does not fit now, and this end does not block. ETIMEDOUT: it did not in the time
    /// that is set. EINVAL: it is more than the ring. EINTR: a signal came. EPIPE: no consumer is
    /// left. EBADMSG: the ring is corrupt. EBADF: this end was given up.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (mut producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// let mut space = producer.reserve(12)?;
    /// space.copy_from(0, &7u32.to_ne_bytes());
    /// space.copy_from(4, &99u64.to_ne_bytes());
    /// space.commit(12)?;
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// No system call if it fits; one for each sleep. Two loads from memory, one more to look how
    /// far the consumer is when what was known is used up.
    #[inline]
    pub fn reserve(&mut self, bytes: usize) -> Result<Space<'_>> {
        let offset = self.0.begin(bytes)?.offset as usize;
        Ok(Space::new(self, offset, bytes))
    }

    /// Writes all of `from`, with waits in between if they have to be; without a copy in the
    /// kernel.
    ///
    /// An end that does not block writes up to [`ATOMIC`] bytes whole or not at all, and of more
    /// what fits. An empty `from` only says whether the end could be written to.
    ///
    /// Returns how many bytes were written: fewer if this end does not block, or if a signal came,
    /// the time was over or the consumer went behind some.
    ///
    /// # Errors
    ///
    /// EAGAIN, ETIMEDOUT, EINTR, EPIPE, EBADMSG, EBADF as [`Producer::reserve`], if nothing was
    /// written. No SIGPIPE is sent.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (mut producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// assert_eq!(producer.write(b"hello")?, 5);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// One copy; system calls as [`Producer::reserve`], and one if the consumer sleeps for it.
    pub fn write(&mut self, from: &[u8]) -> Result<usize> {
        if from.is_empty() {
            return self.0.check().map(|()| 0);
        }
        let whole = from.len() <= ATOMIC.min(self.size());
        let mut done = 0;
        while done < from.len() {
            let rest = &from[done..];
            let span = match if whole {
                self.0.begin(rest.len())
            } else {
                self.0.begin_any(rest.len())
            } {
                Ok(span) => span,
                Err(_) if done > 0 => return Ok(done),
                Err(error) => return Err(error),
            };
            let part = rest.len().min(span.len as usize);
            self.0.mapped.copy_in(span.offset as usize, &rest[..part]);
            self.0.publish(part)?;
            done += part;
        }
        Ok(done)
    }

    /// Sleeps until `min` bytes are free (0 is 1), at most to the deadline; returns how many are.
    /// The other calls wait by themselves: this one is for a time limit of its own.
    ///
    /// # Errors
    ///
    /// ETIMEDOUT: the time is over; a span of 0 only looks. EINVAL: `min` is more than the ring.
    /// EPIPE: no consumer is left. EBADMSG: the ring is corrupt. EBADF: this end was given up.
    /// EINTR: a signal came; without an end and up to a time only if its handler is not SA_RESTART.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (mut producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// use std::{io::ErrorKind, time::Duration};
    ///
    /// match producer.wait(100, Duration::from_millis(10)) {
    ///     Ok(free) => assert!(free >= 100),
    ///     Err(error) if error.kind() == ErrorKind::TimedOut => println!("a slow consumer"),
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

    /// Wakes consumers that sleep, whatever they wait for. All that publishes here wakes when it
    /// has to: this is for programs that move positions themselves.
    ///
    /// # Errors
    ///
    /// EBADF: this end was given up.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
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

    /// Gives the end up, for all who hold it by this open: children that inherited it, copies of
    /// its descriptor. The consumer sees the end of the stream. Dropping does the same if nobody
    /// else has it.
    ///
    /// # Errors
    ///
    /// EBADF: somebody else has done it before.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::fd::AsFd;
    ///
    /// let (mut producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// producer.write(b"last")?;
    /// let copy = producer.as_fd().try_clone_to_owned()?;
    /// producer.shutdown()?;
    /// // Although `copy` is still there:
    /// assert_eq!(std::io::read_to_string(&mut consumer)?, "last");
    /// # drop(copy);
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

/// As [`Producer::write`]; flushing has nothing to do.
impl io::Write for Producer {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        Ok(Producer::write(self, from)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// [`Producer::from_fd`].
impl TryFrom<OwnedFd> for Producer {
    type Error = Error;

    fn try_from(fd: OwnedFd) -> Result<Self> {
        Producer::from_fd(fd)
    }
}

/// For poll(2), and to be passed on: whoever gets it can map the end as well.
impl AsFd for Producer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Producer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Undoes the mapping. The end stays where it is, for whoever maps it next or calls write(2).
impl From<Producer> for OwnedFd {
    fn from(end: Producer) -> Self {
        end.0.into_fd()
    }
}
