// SPDX-License-Identifier: MIT OR Apache-2.0

//! What went wrong, and what to do about it.

use rustix::io::Errno;
use std::{fmt, io};

/// What the crate was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum During {
    /// open(2) of the device.
    Open,
    /// GET_INFO, and what follows from it.
    Info,
    /// SET_SIZE to so many bytes, between the least and the most.
    Size { bytes: u64, min: u64, max: u64 },
    /// The ring has another size.
    OtherSize { bytes: u64, ring: u64 },
    /// MINT or SHUTDOWN.
    Mint,
    /// A look at what the ring carries: records, for an end that moves bytes, or the other way
    /// round; or what it shall carry.
    Carries { records: bool },
    /// mmap(2).
    Map,
    /// Moving data, or waiting for it.
    Turn,
    /// The same, against producers that move the words all the time.
    Contended,
}

/// Why a call failed: an errno, as the C library has it, and words for people.
///
/// Its text says what happened and, where there is something, what to do. It converts into an
/// [`io::Error`] of the same kind, from which [`Error::errno_of`] gets the errno again.
///
/// # Examples
///
/// ```
/// let error = match ferrio_ringbuffer::ringbuffer(5000) {
///     Ok(_) => unreachable!("not a power of two"),
///     Err(error) => error,
/// };
/// // EINVAL, or without the module ENOENT: "no /dev/ringbuffer: insmod ringbuffer.ko".
/// println!("{error} ({})", error.errno());
/// ```
///
/// # Cost
///
/// A few words; the text is made when it is asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    during: During,
    errno: Errno,
}

/// What the crate's calls return.
///
/// # Examples
///
/// ```
/// fn hello() -> ferrio_ringbuffer::Result<usize> {
///     let (mut producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
///     producer.write(b"hello")
/// }
/// assert_eq!(hello(), Ok(5));
/// ```
///
/// # Cost
///
/// A few words; none of it is allocated.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(during: During, errno: Errno) -> Self {
        Error { during, errno }
    }

    /// That of a call of the `-sys` crate, all of which have an errno.
    pub(crate) fn of(during: During, error: &io::Error) -> Self {
        Error::new(during, Errno::from_io_error(error).unwrap_or(Errno::IO))
    }

    /// An error of a turn.
    pub(crate) fn turn(errno: Errno) -> Self {
        Error::new(During::Turn, errno)
    }

    /// An end of a ring that carries something else.
    pub(crate) fn carries(records: bool) -> Self {
        Error::new(During::Carries { records }, Errno::PROTO)
    }

    /// An error of a record alone.
    pub(crate) fn contended() -> Self {
        Error::new(During::Contended, Errno::BADMSG)
    }

    /// More than the turn has.
    pub(crate) fn more() -> Self {
        Error::turn(Errno::INVAL)
    }

    /// The errno, positive: 11 is EAGAIN.
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// // More than the ring holds: EINVAL.
    /// assert_eq!(producer.reserve(4097).unwrap_err().errno(), 22);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// None.
    #[must_use]
    pub fn errno(&self) -> i32 {
        self.errno.raw_os_error()
    }

    /// The errno as the standard library sorts it: [`io::ErrorKind::WouldBlock`] for EAGAIN,
    /// [`io::ErrorKind::BrokenPipe`] for EPIPE, [`io::ErrorKind::TimedOut`] for ETIMEDOUT,
    /// [`io::ErrorKind::Interrupted`] for EINTR, [`io::ErrorKind::InvalidData`] for EBADMSG.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// let (mut producer, consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// drop(consumer);
    /// assert_eq!(producer.write(b"?").unwrap_err().kind(), ErrorKind::BrokenPipe);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// A few comparisons.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match self.errno {
            Errno::BADMSG => io::ErrorKind::InvalidData,
            errno => io::Error::from(errno).kind(),
        }
    }

    /// Whether the ring is corrupt (EBADMSG): final, at both ends. One EBADMSG is of a record
    /// alone, see [`RecordProducer::reserve`](crate::RecordProducer::reserve).
    ///
    /// # Examples
    ///
    /// ```
    /// fn is_hopeless(error: &ferrio_ringbuffer::Error) -> bool {
    ///     error.is_corrupt() || error.kind() == std::io::ErrorKind::BrokenPipe
    /// }
    /// ```
    ///
    /// # Cost
    ///
    /// A comparison.
    #[must_use]
    pub fn is_corrupt(&self) -> bool {
        self.errno == Errno::BADMSG && self.during != During::Contended
    }

    /// The errno of an [`io::Error`], whether it is one of this crate's or the system's own.
    ///
    /// An `io::Error` has either an errno or a text of somebody else's. What the standard library
    /// has words of its own for (EAGAIN, EINTR, EPIPE) becomes one with an errno; all others keep
    /// this crate's text.
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio_ringbuffer::Error;
    /// use std::io;
    ///
    /// let (mut producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// let error = io::Error::from(producer.reserve(4097).unwrap_err());
    /// assert_eq!(Error::errno_of(&error), Some(22));
    /// assert_eq!(Error::errno_of(&io::Error::other("else")), None);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// A few comparisons.
    #[must_use]
    pub fn errno_of(error: &io::Error) -> Option<i32> {
        let ours = || error.get_ref()?.downcast_ref::<Error>();
        error.raw_os_error().or_else(|| ours().map(Error::errno))
    }

    fn advice(&self) -> Option<&'static str> {
        Some(match (self.during, self.errno) {
            (During::Open, Errno::NOENT | Errno::NXIO | Errno::NODEV) => {
                "no /dev/ringbuffer: insmod ringbuffer.ko"
            }
            (During::Open, Errno::ACCESS | Errno::PERM) => {
                "no right to open /dev/ringbuffer: ask for its group or its mode"
            }
            (During::Open | During::Mint | During::Map, Errno::NOMEM) => {
                "no memory for a ring: make it smaller, or this process' cgroup larger"
            }
            (During::Open | During::Mint, Errno::MFILE) => {
                "this process has too many open files: close some, or raise ulimit -n"
            }
            (During::Open, Errno::DQUOT) => {
                "too many rings of this user: close some, or raise user_max_rings of ringbuffer.ko"
            }
            (During::Info, Errno::NOTTY) => "this descriptor is no ring, nor an end of one",
            (During::Info, Errno::BADF) => {
                "this descriptor is no end of that kind: Ring::from_fd() takes a plain open, or a \
                 driver's file"
            }
            (During::Info, Errno::OPNOTSUPP) => {
                "this ringbuffer.ko has no mapped rings: insmod a newer one"
            }
            (During::Info | During::Map, Errno::PROTO) => {
                "ringbuffer.ko and this program do not fit together: build both from one tree"
            }
            (During::Carries { .. }, Errno::OPNOTSUPP) => {
                "this ringbuffer.ko has no such rings of records: insmod a newer one"
            }
            (During::Carries { records: true }, _) => {
                "the ring carries records, and this moves bytes: take a record_producer() or \
                 record_consumer()"
            }
            (During::Carries { records: false }, _) => {
                "the ring carries no records: Builder::records() makes one that does"
            }
            (During::Map, Errno::BUSY) => {
                "this end is mapped already: each producer maps one of its own"
            }
            (During::Map, Errno::NFILE) => {
                "as many producers as a ring can have are mapped: drop one"
            }
            (During::Mint, Errno::BADF) => {
                "this open has no such end: it was handed out before, it was not opened for it, or \
                 a driver has it"
            }
            (During::Mint, Errno::DQUOT) => {
                "too much ring memory of this user: close some, or raise user_max_bytes of \
                 ringbuffer.ko"
            }
            (During::Mint, Errno::PERM) => {
                "this descriptor is an end, or an observer, which makes no others"
            }
            (During::Turn, Errno::BADF) => "this end was given up by a shutdown",
            (During::Turn, Errno::AGAIN) => "it would have to wait, and must not",
            (During::Turn, Errno::PIPE) => "no consumer is left: nobody will read it",
            (During::Turn, Errno::BADMSG) => {
                "the ring is corrupt, as its peer broke the protocol: make another"
            }
            (During::Turn, Errno::TIMEDOUT) => "the time is over",
            (During::Turn, Errno::INTR) => "a signal came: call again",
            (During::Turn, Errno::MSGSIZE) => {
                "the record is longer than what is reserved, or than the ring's longest"
            }
            (During::Turn, Errno::NOBUFS) => "no room: the record is lost, and counted",
            (During::Turn, Errno::BUSY) => {
                "this producer has a record that was neither committed nor dropped"
            }
            (During::Contended, _) => {
                "other producers move the ring's words all the time: one of them is broken"
            }
            (During::Turn, Errno::INVAL) => {
                "more bytes than there are, or than the ring holds (of records: its size less 8)"
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(advice) = self.advice() {
            return f.write_str(advice);
        }
        match self.during {
            During::Size { bytes, min, max } if self.errno == Errno::INVAL => write!(
                f,
                "no ring has {bytes} bytes: take a power of two from {min} to {max}"
            ),
            During::OtherSize { bytes, ring } => write!(
                f,
                "the ring has {ring} bytes, not {bytes}: its size is set before its first use, or \
                 by its driver"
            ),
            during => {
                let what = match during {
                    During::Open => "open of /dev/ringbuffer",
                    During::Info => "description of a ring",
                    During::Size { .. } | During::OtherSize { .. } => "size of a ring",
                    During::Mint => "end of a ring",
                    During::Carries { .. } => "what a ring carries",
                    During::Map => "mapping of a ring",
                    During::Turn | During::Contended => "turn of a ring",
                };
                write!(f, "{what}: {}", io::Error::from(self.errno))
            }
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: errno {}: {self}", self.during, self.errno())
    }
}

impl std::error::Error for Error {}

/// See [`Error::errno_of`]. EAGAIN, EINTR and EPIPE of a turn take no memory.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match (error.during, error.errno) {
            (During::Turn, errno @ (Errno::AGAIN | Errno::INTR | Errno::PIPE)) => errno.into(),
            _ => io::Error::new(error.kind(), error),
        }
    }
}
