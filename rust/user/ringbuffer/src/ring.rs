// SPDX-License-Identifier: MIT OR Apache-2.0

//! A ring, before its ends are handed out.

use crate::{
    end,
    error::{During, Error, Result},
    ffi,
    uapi::*,
    Consumer, Producer,
};
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{open, Mode, OFlags},
    io::Errno,
};

/// Makes a ring of `size` bytes and maps both ends: a producer and a consumer, each of which can be
/// moved into another thread, or sent to another process as a descriptor.
///
/// `size` is a power of two from 4096 on, or 0 for what the module takes by itself.
///
/// # Errors
///
/// Those of [`Ring::open`], [`Ring::set_size`], [`Ring::producer`] and [`Ring::consumer`]; nothing
/// is left of it then.
///
/// # Examples
///
/// ```no_run
/// let (mut producer, mut consumer) = ferrio_ringbuffer::ringbuffer(65536)?;
/// let reader = std::thread::spawn(move || {
///     let mut text = [0; 5];
///     consumer.read(&mut text).map(|read| text[..read].to_vec())
/// });
/// producer.write(b"hello")?;
/// assert_eq!(reader.join().unwrap()?, b"hello");
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
pub fn ringbuffer(size: usize) -> Result<(Producer, Consumer)> {
    let ring = Ring::open()?;
    if size > 0 {
        ring.set_size(size)?;
    }
    Ok((ring.producer()?, ring.consumer()?))
}

/// An open of `/dev/ringbuffer`: a ring of its own, with the ends that were not handed out yet.
///
/// An end that was is not held by this descriptor any more, so that its peer sees when its holder
/// is gone. Dropping this gives up what is left.
///
/// # Examples
///
/// A mapped producer, and a child whose standard input is the other end:
///
/// ```no_run
/// use std::process::{Command, Stdio};
///
/// let ring = ferrio_ringbuffer::Ring::open()?;
/// let mut producer = ring.producer()?;
/// let mut child = Command::new("wc").stdin(Stdio::from(ring.consumer_fd()?)).spawn()?;
/// producer.write(b"three words here\n")?;
/// drop(producer);
/// child.wait()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Ring(OwnedFd);

impl Ring {
    /// Opens the device.
    ///
    /// # Errors
    ///
    /// ENOENT: there is no device, the module is not loaded. EACCES: the node is not for this user.
    /// EDQUOT: the user has as many rings as he may. ENOMEM, EMFILE, ENFILE.
    pub fn open() -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        match open(FERRIO_RB_DEVICE, flags, Mode::empty()) {
            Ok(fd) => Ok(Ring(fd)),
            Err(errno) => Err(Error::new(During::Open, errno)),
        }
    }

    /// Sets the size in bytes: a power of two. It holds if it is set here, or was before.
    ///
    /// # Errors
    ///
    /// EINVAL: not a power of two, or not between the module's bounds. EBUSY: the ring was used and
    /// has another size.
    pub fn set_size(&self, bytes: usize) -> Result<()> {
        let bytes = bytes as u64;
        let mut info = end::info(self.as_fd())?;
        if info.state & FERRIO_RB_STATE_ALLOCATED == 0 {
            match ffi::set_size(self.as_fd(), bytes) {
                Ok(()) => return Ok(()),
                // Somebody else may have made the first use just now.
                Err(Errno::BUSY) => info = end::info(self.as_fd())?,
                Err(errno) => {
                    let (min, max) = (info.min_bytes, info.max_bytes);
                    return Err(Error::new(During::Size { bytes, min, max }, errno));
                }
            }
        }
        if info.ring_bytes == bytes {
            return Ok(());
        }
        let ring = info.ring_bytes;
        Err(Error::new(During::OtherSize { bytes, ring }, Errno::BUSY))
    }

    /// Maps the producer end, and gives it up here.
    ///
    /// # Errors
    ///
    /// EBADF: it was handed out before. EDQUOT, ENOMEM: the ring's memory, which the first end
    /// makes. EOPNOTSUPP, EPROTO: the module is older, or of another ABI. EMFILE, ENFILE.
    pub fn producer(&self) -> Result<Producer> {
        let end = Producer::from_fd(self.mint(FERRIO_RB_WRITE)?)?;
        self.give_up(FERRIO_RB_WRITE)?;
        Ok(end)
    }

    /// Maps the consumer end, and gives it up here.
    ///
    /// # Errors
    ///
    /// As [`Ring::producer`].
    pub fn consumer(&self) -> Result<Consumer> {
        let end = Consumer::from_fd(self.mint(FERRIO_RB_READ)?)?;
        self.give_up(FERRIO_RB_READ)?;
        Ok(end)
    }

    /// The producer end as a descriptor, to be given to somebody else: for write(2), or for
    /// [`Producer::from_fd`] and C's `ringbuffer()` in another process. It is close-on-exec.
    ///
    /// # Errors
    ///
    /// As [`Ring::producer`], less those of the mapping.
    pub fn producer_fd(&self) -> Result<OwnedFd> {
        let end = self.mint(FERRIO_RB_WRITE)?;
        self.give_up(FERRIO_RB_WRITE)?;
        Ok(end)
    }

    /// The consumer end as a descriptor, for read(2) or for [`Consumer::from_fd`]. It is
    /// close-on-exec.
    ///
    /// # Errors
    ///
    /// As [`Ring::producer_fd`].
    pub fn consumer_fd(&self) -> Result<OwnedFd> {
        let end = self.mint(FERRIO_RB_READ)?;
        self.give_up(FERRIO_RB_READ)?;
        Ok(end)
    }

    fn mint(&self, rw: u32) -> Result<OwnedFd> {
        ffi::mint(self.as_fd(), rw).map_err(|errno| Error::new(During::Mint, errno))
    }

    fn give_up(&self, rw: u32) -> Result<()> {
        ffi::shutdown(self.as_fd(), rw).map_err(|errno| Error::new(During::Mint, errno))
    }
}

/// An open of the device that somebody else has made.
impl From<OwnedFd> for Ring {
    fn from(fd: OwnedFd) -> Self {
        Ring(fd)
    }
}

/// For poll(2), read(2), write(2), and to be passed on.
impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
