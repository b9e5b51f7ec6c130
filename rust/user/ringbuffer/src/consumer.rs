// SPDX-License-Identifier: MIT OR Apache-2.0

//! The end that data comes out of.

use crate::{
    end::End,
    error::{Error, Result},
    ffi::Mapping,
};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::{io, time::Duration};

/// The consumer end of a ring, mapped.
///
/// All calls that need data wait for it, unless [`Consumer::set_nonblocking`] says that they fail
/// with EAGAIN. There is no system call until this end has to sleep or the producer has to be
/// woken. Dropping it gives the end up; if nobody else holds it, the producer gets EPIPE.
#[derive(Debug)]
pub struct Consumer(End<ferrio_ring::Consumer<'static, Mapping>>);

impl Consumer {
    /// Maps an end that was made before, as
    /// [`Producer::from_fd`](crate::Producer::from_fd).
    ///
    /// # Errors
    ///
    /// EBADF: no consumer end. ENOTTY: no ring. EOPNOTSUPP, EPROTO: the module is older, or of
    /// another ABI. Those of mmap(2).
    pub fn from_fd(fd: OwnedFd) -> Result<Self> {
        End::from_fd(fd).map(Consumer)
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

    /// What is there to be consumed, in one piece; `min` bytes at least, 0 being 1. Waits until
    /// there are so many.
    ///
    /// At the end of the stream there can be fewer, and at last none: then no more will come.
    ///
    /// # Errors
    ///
    /// EAGAIN: fewer are there now, and this end does not block. EINVAL: the ring cannot hold so
    /// many. EINTR: a signal came. EBADMSG: the ring is corrupt.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let (_producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
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
    #[inline]
    pub fn peek(&mut self, min: usize) -> Result<Data<'_>> {
        let span = self.0.begin(min.max(1))?;
        Ok(Data {
            consumer: self,
            offset: span.offset as usize,
            len: span.len as usize,
        })
    }

    /// Is done with the first `bytes` of what was peeked at, as [`Data::consume`]. May be called
    /// several times; each goes on behind the last.
    ///
    /// # Errors
    ///
    /// EINVAL: more than were there; nothing is consumed.
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
    /// EAGAIN, EINTR, EBADMSG as [`Consumer::peek`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let (_producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// let mut bytes = [0; 100];
    /// let read = consumer.read(&mut bytes)?;
    /// println!("{:?}", &bytes[..read]);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
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

    /// Sleeps until there are `min` bytes (0 is 1), at most for `timeout`; returns how many there
    /// are, which is fewer if the producer is gone. Always a system call. The other calls wait by
    /// themselves: this one is for a time limit.
    ///
    /// # Errors
    ///
    /// ETIMEDOUT: the time is over; one of 0 only looks. EINVAL: `min` is more than the ring.
    /// EBADMSG: the ring is corrupt. EINTR: a signal came; without a timeout only if its handler is
    /// not SA_RESTART.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let (_producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// use std::{io::ErrorKind, time::Duration};
    ///
    /// match consumer.wait(1, Some(Duration::from_secs(1))) {
    ///     Ok(bytes) => println!("{bytes} bytes to read"),
    ///     Err(error) if error.kind() == ErrorKind::TimedOut => println!("nothing came"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    pub fn wait(&self, min: usize, timeout: Option<Duration>) -> Result<usize> {
        self.0.wait(min, timeout)
    }

    /// Wakes producers that sleep, whatever they wait for. All that consumes here wakes when it has
    /// to: this is for programs that move positions themselves. A system call.
    ///
    /// # Errors
    ///
    /// None is known for an end that is mapped.
    pub fn wakeup(&self) -> Result<()> {
        self.0.wakeup()
    }
}

/// Bytes that [`Consumer::peek`] has found; not consumed, they stay.
///
/// It is no `&[u8]`, since the producer can write it at any time. Who does not trust the producer
/// copies, and checks the copy.
#[derive(Debug)]
pub struct Data<'a> {
    consumer: &'a mut Consumer,
    offset: usize,
    len: usize,
}

impl Data<'_> {
    /// How many bytes there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none: the stream has ended.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Fills `to` with the bytes from `at` on.
    ///
    /// # Panics
    ///
    /// If there are not so many, as slices do.
    #[inline]
    pub fn copy_to(&self, at: usize, to: &mut [u8]) {
        assert!(
            at <= self.len && to.len() <= self.len - at,
            "{} bytes at {at} of {}",
            to.len(),
            self.len
        );
        self.consumer.0.mapped.copy_out(self.offset + at, to);
    }

    /// Where the bytes are, for those who read them in place by pointer: `len()` bytes can be read,
    /// as volatile, until they are consumed or the consumer is gone. They are at any alignment.
    #[inline]
    pub fn as_ptr(&self) -> *const u8 {
        self.consumer.0.mapped.place(self.offset, self.len)
    }

    /// Is done with the first `bytes`: the producer may overwrite them, and is woken if it sleeps
    /// for that. The rest stays.
    ///
    /// # Errors
    ///
    /// EINVAL: more than there are; nothing is consumed.
    #[inline]
    pub fn consume(self, bytes: usize) -> Result<()> {
        if bytes > self.len {
            return Err(Error::more());
        }
        self.consumer.consume(bytes)
    }
}

/// As [`Consumer::read`].
impl io::Read for Consumer {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        Ok(Consumer::read(self, to)?)
    }
}

/// For poll(2), and to be passed on: whoever gets it can map the end as well.
impl AsFd for Consumer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Undoes the mapping. The end stays where it is, for whoever maps it next or calls read(2).
impl From<Consumer> for OwnedFd {
    fn from(consumer: Consumer) -> Self {
        consumer.0.into_fd()
    }
}
