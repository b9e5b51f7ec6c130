// SPDX-License-Identifier: MIT OR Apache-2.0

//! A ring, before its ends are handed out.

use crate::{
    end::{self, Settings},
    error::{During, Error, Result},
    ffi::Carried,
    Builder, Consumer, Observer, Producer, RecordConsumer, RecordProducer,
};
use ferrio_ringbuffer_sys::{self as sys, abi::*};
use rustix::{
    fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    fs::{open, Mode, OFlags},
    io::Errno,
};

/// Makes a ring of `size` bytes and maps both ends: a producer and a consumer, each of which can be
/// moved into another thread, or sent to another process as a descriptor.
///
/// `size` is a power of two from 4096 on, or 0 for what the module takes by itself. [`Builder`]
/// says more than the size.
///
/// # Errors
///
/// Those of [`Ring::open`], [`Ring::set_size`], [`Ring::producer`] and [`Ring::consumer`]; nothing
/// is left of it then.
///
/// # Examples
///
/// ```
/// let (mut producer, mut consumer) = ferrio_ringbuffer::ringbuffer(65536)?;
/// let reader = std::thread::spawn(move || {
///     let mut text = [0; 5];
///     consumer.read(&mut text).map(|read| text[..read].to_vec())
/// });
/// producer.write(b"hello")?;
/// assert_eq!(reader.join().unwrap()?, b"hello");
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// That of [`Builder::pair`].
pub fn ringbuffer(size: usize) -> Result<(Producer, Consumer)> {
    Builder::new().size(size).pair()
}

/// An open of `/dev/ringbuffer`: a ring of its own, with the ends that were not handed out yet.
///
/// An end that was is not held by this descriptor any more, so that its peer sees when its holder
/// is gone. Dropping this gives up what is left.
///
/// # Examples
///
/// A mapped producer, and a child whose standard input is the other end; `wc` knows nothing of
/// rings (not run here: it needs the module itself):
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
///
/// # Cost
///
/// A descriptor; the memory comes with the first end that is handed out.
#[derive(Debug)]
pub struct Ring {
    fd: OwnedFd,
    settings: Settings,
}

impl Ring {
    /// Opens the device, for a ring of the size that the module takes by itself; [`Ring::builder`]
    /// for others.
    ///
    /// # Errors
    ///
    /// ENOENT: there is no device, the module is not loaded. EACCES: the node is not for this user.
    /// EDQUOT: the user has as many rings as he may. ENOMEM, EMFILE, ENFILE.
    ///
    /// # Examples
    ///
    /// ```
    /// match ferrio_ringbuffer::Ring::open() {
    ///     Ok(ring) => println!("{ring:?}"),
    ///     // "no /dev/ringbuffer: insmod ringbuffer.ko", if that is it.
    ///     Err(error) => println!("{error}"),
    /// }
    /// ```
    ///
    /// # Cost
    ///
    /// A system call.
    pub fn open() -> Result<Self> {
        Ring::with(0, 0, Settings::default())
    }

    /// An open of the device that somebody else has made: in C, or in another process, which sent
    /// it over a socket; or a file of a driver that has rings. `fd` is closed if that fails.
    ///
    /// Of a driver's file keep the [`Ring`] as long as its ends are used: the last close is what
    /// may end the stream.
    ///
    /// # Errors
    ///
    /// EPERM: an end, or an observer, which makes no ends. ENOTTY: no ring. EOPNOTSUPP: the module
    /// is older.
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio_ringbuffer::Ring;
    /// use std::os::fd::OwnedFd;
    ///
    /// let open = OwnedFd::from(Ring::open()?);
    /// // Whoever gets it:
    /// let ring = Ring::from_fd(open)?;
    /// let (producer, consumer) = (ring.producer()?, ring.consumer()?);
    ///
    /// let end = OwnedFd::from(consumer);
    /// assert_eq!(Ring::from_fd(end).unwrap_err().errno(), 1);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// A system call.
    pub fn from_fd(fd: OwnedFd) -> Result<Self> {
        if end::info(fd.as_fd())?.kind != FERRIO_RB_KIND_PLAIN {
            return Err(Error::new(During::Mint, Errno::PERM));
        }
        let settings = Settings::default();
        Ok(Ring { fd, settings })
    }

    /// [`Builder::new`].
    ///
    /// # Examples
    ///
    /// ```
    /// let ring = ferrio_ringbuffer::Ring::builder().size(8192).open()?;
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// None.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn with(size: usize, records: u32, settings: Settings) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let fd = open(FERRIO_RB_DEVICE, flags, Mode::empty())
            .map_err(|errno| Error::new(During::Open, errno))?;
        let ring = Ring { fd, settings };
        if records != 0 {
            ring.set_records(size, records)?;
        } else if size > 0 {
            ring.set_size(size)?;
        }
        Ok(ring)
    }

    /// Of a ring that nobody else knows yet.
    fn set_records(&self, size: usize, records: u32) -> Result<()> {
        let info = end::info(self.as_fd())?;
        let many = records & FERRIO_RB_RECORDS_MANY != 0;
        let needed = [FERRIO_RB_FEAT_RECORDS, FERRIO_RB_FEAT_MANY][usize::from(many)];
        if info.features & u64::from(needed) == 0 {
            let during = During::Carries { records: true };
            return Err(Error::new(during, Errno::OPNOTSUPP));
        }
        let bytes = match size {
            0 => info.ring_bytes,
            size => size as u64,
        };
        let (min, max) = (info.min_bytes, info.max_bytes);
        sys::set_records(self.as_fd(), bytes, records)
            .map_err(|error| Error::of(During::Size { bytes, min, max }, &error))
    }

    /// Sets the size in bytes: a power of two. It holds if it is set here, or was before. What the
    /// ring carries stays as it is.
    ///
    /// # Errors
    ///
    /// EINVAL: not a power of two, or not between the module's bounds. EBUSY: the ring was used and
    /// has another size.
    ///
    /// # Examples
    ///
    /// ```
    /// let ring = ferrio_ringbuffer::Ring::open()?;
    /// ring.set_size(1 << 20)?;
    /// let error = ring.set_size(5000).unwrap_err();
    /// println!("{error}"); // no ring has 5000 bytes: take a power of two from 4096 to 1073741824
    /// # assert_eq!(error.errno(), 22);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Two system calls.
    pub fn set_size(&self, bytes: usize) -> Result<()> {
        let bytes = bytes as u64;
        let mut info = end::info(self.as_fd())?;
        if info.state & FERRIO_RB_STATE_ALLOCATED == 0 {
            // Bits of 32, as they came from there.
            match sys::set_records(self.as_fd(), bytes, info.records as u32) {
                Ok(()) => return Ok(()),
                // Somebody else may have made the first use just now.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::BUSY) => {
                    info = end::info(self.as_fd())?;
                }
                Err(error) => {
                    let (min, max) = (info.min_bytes, info.max_bytes);
                    return Err(Error::of(During::Size { bytes, min, max }, &error));
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
    /// EBADF: it was handed out before, or the open was not for it. EDQUOT, ENOMEM: the ring's
    /// memory, which the first end makes. EOPNOTSUPP, EPROTO: the module is older, or of another
    /// ABI. EMFILE, ENFILE.
    ///
    /// # Examples
    ///
    /// ```
    /// let ring = ferrio_ringbuffer::Ring::open()?;
    /// let mut producer = ring.producer()?;
    /// producer.write(b"for whoever gets the other end")?;
    /// assert_eq!(ring.producer().unwrap_err().errno(), 9);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Six system calls. The first end that is handed out makes the memory, which is zeroed.
    pub fn producer(&self) -> Result<Producer> {
        let end = Producer::with(self.mint(FERRIO_RB_WRITE)?, self.settings)?;
        self.give_up(FERRIO_RB_WRITE)?;
        Ok(end)
    }

    /// Maps the consumer end, and gives it up here.
    ///
    /// # Errors
    ///
    /// As [`Ring::producer`].
    ///
    /// # Examples
    ///
    /// ```
    /// let ring = ferrio_ringbuffer::Ring::open()?;
    /// let mut consumer = ring.consumer()?;
    /// drop(ring.producer()?);
    /// assert_eq!(consumer.read(&mut [0; 8])?, 0);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// As [`Ring::producer`].
    pub fn consumer(&self) -> Result<Consumer> {
        let end = Consumer::with(self.mint(FERRIO_RB_READ)?, self.settings)?;
        self.give_up(FERRIO_RB_READ)?;
        Ok(end)
    }

    /// Maps the producer end of a ring of records. Of one producer it is given up here; of many
    /// this keeps it, to make more of them, until it is dropped: not before that does the consumer
    /// see the end of the stream.
    ///
    /// # Errors
    ///
    /// As [`Ring::producer`], and EPROTO: the ring carries bytes. ENFILE: as many as it can have
    /// are mapped.
    ///
    /// # Examples
    ///
    /// ```
    /// let ring = ferrio_ringbuffer::Builder::new().many_producers().open()?;
    /// for name in ["one", "two"] {
    ///     let mut producer = ring.record_producer()?;
    ///     std::thread::spawn(move || producer.write(name.as_bytes()));
    /// }
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Six system calls. The first end that is handed out makes the memory, which is zeroed.
    pub fn record_producer(&self) -> Result<RecordProducer> {
        let many = Carried::new(&end::info(self.as_fd())?).are_of_many();
        let end = RecordProducer::with(self.mint(FERRIO_RB_WRITE)?, self.settings)?;
        if !many {
            self.give_up(FERRIO_RB_WRITE)?;
        }
        Ok(end)
    }

    /// Maps the consumer end of a ring of records, and gives it up here.
    ///
    /// # Errors
    ///
    /// As [`Ring::consumer`], and EPROTO: the ring carries bytes.
    ///
    /// # Examples
    ///
    /// See [`Builder::records`].
    ///
    /// # Cost
    ///
    /// As [`Ring::record_producer`].
    pub fn record_consumer(&self) -> Result<RecordConsumer> {
        let end = RecordConsumer::with(self.mint(FERRIO_RB_READ)?, self.settings)?;
        self.give_up(FERRIO_RB_READ)?;
        Ok(end)
    }

    /// Maps an observer: there can be any number of them, also when the ends are gone from here.
    ///
    /// # Errors
    ///
    /// As [`Ring::producer`], less EBADF.
    ///
    /// # Examples
    ///
    /// See [`Observer`].
    ///
    /// # Cost
    ///
    /// Four system calls; the memory as [`Ring::producer`].
    pub fn observer(&self) -> Result<Observer> {
        Observer::from_fd(self.observer_fd()?)
    }

    /// The producer end as a descriptor, to be given to somebody else: for write(2), or for
    /// [`Producer::from_fd`] and C's `ringbuffer()` in another process. It is close-on-exec. Of a
    /// ring of many producers this keeps the end, as [`Ring::record_producer`] does.
    ///
    /// # Errors
    ///
    /// As [`Ring::producer`], less those of the mapping.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::process::{Command, Stdio};
    ///
    /// // What `ls` prints, read without a system call.
    /// let ring = ferrio_ringbuffer::Ring::open()?;
    /// Command::new("ls").stdout(Stdio::from(ring.producer_fd()?)).spawn()?;
    /// println!("{}", std::io::read_to_string(ring.consumer()?)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Three system calls; the memory as [`Ring::producer`].
    pub fn producer_fd(&self) -> Result<OwnedFd> {
        let many = Carried::new(&end::info(self.as_fd())?).are_of_many();
        let end = self.mint(FERRIO_RB_WRITE)?;
        if !many {
            self.give_up(FERRIO_RB_WRITE)?;
        }
        Ok(end)
    }

    /// The consumer end as a descriptor, for read(2) or for [`Consumer::from_fd`]. It is
    /// close-on-exec.
    ///
    /// # Errors
    ///
    /// As [`Ring::producer_fd`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio_ringbuffer::{Consumer, Ring};
    ///
    /// let end = Ring::open()?.consumer_fd()?;
    /// // Whoever gets it:
    /// let mut consumer = Consumer::from_fd(end)?;
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Two system calls; the memory as [`Ring::producer`].
    pub fn consumer_fd(&self) -> Result<OwnedFd> {
        let end = self.mint(FERRIO_RB_READ)?;
        self.give_up(FERRIO_RB_READ)?;
        Ok(end)
    }

    /// An observer as a descriptor, for poll(2) or for [`Observer::from_fd`]. It is close-on-exec.
    ///
    /// # Errors
    ///
    /// As [`Ring::producer_fd`], less EBADF.
    ///
    /// # Examples
    ///
    /// See [`Observer::from_fd`].
    ///
    /// # Cost
    ///
    /// A system call; the memory as [`Ring::producer`].
    pub fn observer_fd(&self) -> Result<OwnedFd> {
        self.mint(FERRIO_RB_OBSERVE)
    }

    fn mint(&self, rw: u32) -> Result<OwnedFd> {
        sys::mint(self.as_fd(), rw).map_err(|error| Error::of(During::Mint, &error))
    }

    fn give_up(&self, rw: u32) -> Result<()> {
        sys::shutdown(self.as_fd(), rw).map_err(|error| Error::of(During::Mint, &error))
    }
}

/// [`Ring::from_fd`].
impl TryFrom<OwnedFd> for Ring {
    type Error = Error;

    fn try_from(fd: OwnedFd) -> Result<Self> {
        Ring::from_fd(fd)
    }
}

/// For read(2) and write(2), or for somebody else, with all ends that were not handed out.
impl From<Ring> for OwnedFd {
    fn from(ring: Ring) -> Self {
        ring.fd
    }
}

/// For poll(2), read(2), write(2), and to be passed on.
impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Ring {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
