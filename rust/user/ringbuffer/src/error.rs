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
    /// mmap(2).
    Map,
    /// Moving data, or waiting for it.
    Turn,
}

/// Why a call failed: an errno, as the C library has it, and words for people.
///
/// Its text says what happened and, where there is something, what to do. It converts into an
/// [`io::Error`] of the same kind and text.
///
/// ```
/// let error = match ferrio_ringbuffer::ringbuffer(5000) {
///     Ok(_) => unreachable!("not a power of two"),
///     Err(error) => error,
/// };
/// // EINVAL, or without the module ENOENT: "no /dev/ringbuffer: insmod ringbuffer.ko".
/// println!("{error} ({})", error.errno());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error {
    during: During,
    errno: Errno,
}

/// What the crate's calls return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(during: During, errno: Errno) -> Self {
        Error { during, errno }
    }

    /// An error of a turn.
    pub(crate) fn turn(errno: Errno) -> Self {
        Error::new(During::Turn, errno)
    }

    /// More than the turn has.
    pub(crate) fn more() -> Self {
        Error::turn(Errno::INVAL)
    }

    /// The errno, positive: 11 is EAGAIN.
    pub fn errno(&self) -> i32 {
        self.errno.raw_os_error()
    }

    /// The errno as the standard library sorts it: [`io::ErrorKind::WouldBlock`] for EAGAIN,
    /// [`io::ErrorKind::BrokenPipe`] for EPIPE, [`io::ErrorKind::TimedOut`] for ETIMEDOUT,
    /// [`io::ErrorKind::Interrupted`] for EINTR, [`io::ErrorKind::InvalidData`] for EBADMSG.
    pub fn kind(&self) -> io::ErrorKind {
        match self.errno {
            Errno::BADMSG => io::ErrorKind::InvalidData,
            errno => io::Error::from(errno).kind(),
        }
    }

    /// Whether the ring is corrupt (EBADMSG): final, at both ends.
    pub fn is_corrupt(&self) -> bool {
        self.errno == Errno::BADMSG
    }

    fn advice(&self) -> Option<&'static str> {
        Some(match (self.during, self.errno) {
            (During::Open, Errno::NOENT | Errno::NODEV | Errno::NXIO) => {
                "no /dev/ringbuffer: insmod ringbuffer.ko"
            }
            (During::Open, Errno::ACCESS | Errno::PERM) => {
                "no right to open /dev/ringbuffer: chmod 666 /dev/ringbuffer"
            }
            (During::Open, Errno::DQUOT) => {
                "too many rings of this user: close some, or raise user_max_rings of ringbuffer.ko"
            }
            (During::Info, Errno::NOTTY) => "this descriptor is no ring, nor an end of one",
            (During::Info, Errno::BADF) => "this descriptor is another end, or no end at all",
            (During::Info, Errno::OPNOTSUPP) => {
                "this ringbuffer.ko has no mapped rings: insmod a newer one"
            }
            (During::Info | During::Map, Errno::PROTO) => {
                "ringbuffer.ko and this program do not fit together: build both from one tree"
            }
            (During::Mint, Errno::BADF) => "this ring's end was handed out before",
            (During::Mint, Errno::DQUOT) => {
                "too much ring memory of this user: close some, or raise user_max_bytes of \
                 ringbuffer.ko"
            }
            (During::Turn, Errno::AGAIN) => "it would have to wait, and must not",
            (During::Turn, Errno::PIPE) => "no consumer is left: nobody will read it",
            (During::Turn, Errno::BADMSG) => {
                "the ring is corrupt, as its peer broke the protocol: make another"
            }
            (During::Turn, Errno::TIMEDOUT) => "the time is over",
            (During::Turn, Errno::INTR) => "a signal came: call again",
            (During::Turn, Errno::INVAL) => "more bytes than there are, or than the ring holds",
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
                "the ring has {ring} bytes, not {bytes}: its size is set before its first use"
            ),
            during => {
                let what = match during {
                    During::Open => "open of /dev/ringbuffer",
                    During::Info => "description of a ring",
                    During::Size { .. } | During::OtherSize { .. } => "size of a ring",
                    During::Mint => "end of a ring",
                    During::Map => "mapping of a ring",
                    During::Turn => "turn of a ring",
                };
                write!(f, "{what}: {}", io::Error::from(self.errno))
            }
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?}: {self}", self.during, self.errno)
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        io::Error::new(error.kind(), error)
    }
}
