// SPDX-License-Identifier: MIT OR Apache-2.0

//! The end that data goes into.

use crate::{
    end::End,
    error::{Error, Result},
    ffi::Mapping,
};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::{io, time::Duration};

/// So many bytes are written whole or not at all by an end that does not block (`PIPE_BUF`); no
/// ring is smaller.
pub const ATOMIC: usize = 4096;

/// The producer end of a ring, mapped.
///
/// All calls that need space wait for it, unless [`Producer::set_nonblocking`] says that they fail
/// with EAGAIN. There is no system call until this end has to sleep or the consumer has to be
/// woken. Dropping it gives the end up; if nobody else holds it, the consumer sees the end of the
/// stream behind the bytes that were published.
#[derive(Debug)]
pub struct Producer(End<ferrio_ring::Producer<'static, Mapping>>);

impl Producer {
    /// Maps an end that was made before: by [`Ring::producer_fd`](crate::Ring::producer_fd), by C's
    /// `FERRIO_RB_MINT`, or by another process, which sent it over a socket. It goes on where the
    /// end's last holder stopped. `fd` is closed if that fails.
    ///
    /// Two system calls to ask, three to map.
    ///
    /// # Errors
    ///
    /// EBADF: no producer end. ENOTTY: no ring. EOPNOTSUPP, EPROTO: the module is older, or of
    /// another ABI. Those of mmap(2).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use ferrio_ringbuffer::{Producer, Ring};
    ///
    /// let ring = Ring::open()?;
    /// let mut producer = Producer::from_fd(ring.producer_fd()?)?;
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    pub fn from_fd(fd: OwnedFd) -> Result<Self> {
        End::from_fd(fd).map(Producer)
    }

    /// The size of the ring, in bytes.
    pub fn size(&self) -> usize {
        self.0.mapped.size()
    }

    /// How many bytes are in the ring, at some time during the call; at most its size.
    pub fn used(&self) -> usize {
        self.0.mapped.used() as usize
    }

    /// Whether calls fail with EAGAIN where they would wait; `false` at first. This is not
    /// O_NONBLOCK of the descriptor, which is for read(2) and write(2).
    pub fn set_nonblocking(&mut self, nonblocking: bool) {
        self.0.set_nonblocking(nonblocking);
    }

    /// How often a call looks again before it sleeps: [`SPIN`](crate::SPIN) at first, or 0 on one
    /// CPU.
    pub fn set_spin(&mut self, spin: u32) {
        self.0.set_spin(spin);
    }

    /// Space to build something in, `bytes` long and in one piece. Waits until there is so much.
    ///
    /// Nothing is taken yet: who gives up just does not commit, and the next call has the same
    /// place.
    ///
    /// # Errors
    ///
    /// EAGAIN: it does not fit now, and this end does not block. EINVAL: it is more than the ring.
    /// EINTR: a signal came. EPIPE: no consumer is left. EBADMSG: the ring is corrupt.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let (mut producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// let mut space = producer.reserve(12)?;
    /// space.copy_from(0, &7u32.to_ne_bytes());
    /// space.copy_from(4, &99u64.to_ne_bytes());
    /// space.commit(12)?;
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    #[inline]
    pub fn reserve(&mut self, bytes: usize) -> Result<Space<'_>> {
        let offset = self.0.begin(bytes)?.offset as usize;
        Ok(Space {
            producer: self,
            offset,
            len: bytes,
        })
    }

    /// Publishes the first `bytes` of what is reserved, as [`Space::commit`], for who has built
    /// them through [`Space::as_ptr`]. May be called several times; each goes on behind the last.
    ///
    /// # Errors
    ///
    /// EINVAL: more than was free; nothing is published.
    #[inline]
    pub fn commit(&mut self, bytes: usize) -> Result<()> {
        self.0.publish(bytes)
    }

    /// Writes all of `from`, with waits in between if they have to be; without a copy in the
    /// kernel.
    ///
    /// An end that does not block writes up to [`ATOMIC`] bytes whole or not at all, and of more
    /// what fits. An empty `from` only says whether the end could be written to.
    ///
    /// Returns how many bytes were written: fewer if this end does not block, or if a signal came
    /// or the consumer went behind some.
    ///
    /// # Errors
    ///
    /// EAGAIN, EINTR, EPIPE, EBADMSG as [`Producer::reserve`], if nothing was written. No SIGPIPE
    /// is sent.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let (mut producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// assert_eq!(producer.write(b"hello")?, 5);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
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

    /// Sleeps until `min` bytes are free (0 is 1), at most for `timeout`; returns how many are.
    /// Always a system call. The other calls wait by themselves: this one is for a time limit.
    ///
    /// # Errors
    ///
    /// ETIMEDOUT: the time is over; one of 0 only looks. EINVAL: `min` is more than the ring.
    /// EPIPE: no consumer is left. EBADMSG: the ring is corrupt. EINTR: a signal came; without a
    /// timeout only if its handler is not SA_RESTART.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let (mut producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// use std::{io::ErrorKind, time::Duration};
    ///
    /// match producer.wait(100, Some(Duration::from_millis(10))) {
    ///     Ok(free) => assert!(free >= 100),
    ///     Err(error) if error.kind() == ErrorKind::TimedOut => println!("a slow consumer"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    pub fn wait(&self, min: usize, timeout: Option<Duration>) -> Result<usize> {
        self.0.wait(min, timeout)
    }

    /// Wakes consumers that sleep, whatever they wait for. All that publishes here wakes when it
    /// has to: this is for programs that move positions themselves. A system call.
    ///
    /// # Errors
    ///
    /// None is known for an end that is mapped.
    pub fn wakeup(&self) -> Result<()> {
        self.0.wakeup()
    }
}

/// Space that [`Producer::reserve`] has found; not committed, it has not happened.
///
/// It is no `&mut [u8]`, since others who hold the end can write it, too, and the consumer can read
/// it before it is committed. What is in it at first is what an earlier turn has left.
#[derive(Debug)]
pub struct Space<'a> {
    producer: &'a mut Producer,
    offset: usize,
    len: usize,
}

impl Space<'_> {
    /// How many bytes were reserved.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it was nothing.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Writes `from` at `at`, counted from the beginning of the space.
    ///
    /// # Panics
    ///
    /// If it does not fit, as slices do.
    #[inline]
    pub fn copy_from(&mut self, at: usize, from: &[u8]) {
        assert!(
            at <= self.len && from.len() <= self.len - at,
            "{} bytes at {at} of a space of {}",
            from.len(),
            self.len
        );
        self.producer.0.mapped.copy_in(self.offset + at, from);
    }

    /// Where the space is, for those who build in place by pointer: `len()` bytes can be written,
    /// until they are committed or the producer is gone. It is at any alignment.
    #[inline]
    pub fn as_ptr(&mut self) -> *mut u8 {
        self.producer.0.mapped.place(self.offset, self.len)
    }

    /// Publishes the first `bytes`: the consumer sees all of them at once, and is woken if it
    /// sleeps for them. The rest is given up.
    ///
    /// # Errors
    ///
    /// EINVAL: more than was reserved; nothing is published.
    #[inline]
    pub fn commit(self, bytes: usize) -> Result<()> {
        if bytes > self.len {
            return Err(Error::more());
        }
        self.producer.commit(bytes)
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

/// For poll(2), and to be passed on: whoever gets it can map the end as well.
impl AsFd for Producer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Undoes the mapping. The end stays where it is, for whoever maps it next or calls write(2).
impl From<Producer> for OwnedFd {
    fn from(producer: Producer) -> Self {
        producer.0.into_fd()
    }
}
