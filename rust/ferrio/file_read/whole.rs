// SPDX-License-Identifier: GPL-2.0

//! Reading a file whole.

use super::{open::since, Held, LoadError, Purpose, Stage};
use crate::{
    contiguous::{wipe, Buffer, Frozen},
    digest::Sha256,
    sys,
};
use core::ffi::c_void;
use kernel::{
    bindings,
    page::PAGE_SIZE,
    prelude::*,
    time::{Instant, Monotonic},
};

/// What lies at the end of a buffer until the file's own bytes are there, as far as it fits into
/// the last page: a read that fails does so between two pages, by custom.
const MARK: [u8; 8] = *b"\x5d\x02\xe8\xb1\x96\x3c\xfa\xd7";

/// How many bytes of [`MARK`] are at the end of a buffer of `len` bytes, which is not empty.
fn mark_len(len: usize) -> usize {
    ((len - 1) % PAGE_SIZE + 1).min(MARK.len())
}

/// How long the steps of a load took, in nanoseconds.
#[derive(Clone, Copy, Default)]
pub struct Times {
    /// Finding the file and looking at it.
    pub open: u64,
    /// Getting the memory.
    pub memory: u64,
    /// Reading, and the security modules before and behind it: one call of the kernel does all.
    pub read: u64,
    /// Summing.
    pub digest: u64,
}

/// The content of a file, which every security module has agreed to. If it is not
/// [frozen](Self::freeze), it is wiped when it goes.
pub struct Loaded {
    pub(super) buffer: Buffer,
    pub(super) times: Times,
}

impl Loaded {
    /// The bytes: as many as the file has.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.bytes()
    }

    /// How long it has taken.
    pub fn times(&self) -> Times {
        self.times
    }

    /// The digest of the bytes, which counts as a step of the load.
    ///
    /// # Errors
    ///
    /// `EINTR`: the caller is being killed.
    pub fn sha256(&mut self) -> Result<Sha256> {
        let start = Instant::<Monotonic>::now();
        let digest = Sha256::of(self.bytes());
        self.times.digest += since(start);
        digest
    }

    /// The bytes, which nobody changes any more.
    pub fn freeze(self) -> Frozen {
        self.buffer.freeze()
    }
}

/// How far `kernel_read_file()` came before it gave `errno`; it had the size of the file from
/// `looked_at` on, and [`MARK`] lay at the end of `bytes`.
///
/// It has one errno for everything, so this is told from what it left behind. The size is written
/// behind the first hook. Bytes come in order, so the last one of the buffer says whether all were
/// read, unless the file ends as the mark does; the kernel's own error for too few is `EIO`.
fn stage_of(errno: Error, looked_at: bool, bytes: &[u8]) -> Stage {
    if !looked_at {
        return Stage::Lsm;
    }
    let n = mark_len(bytes.len());
    let (end, mark) = (&bytes[bytes.len() - n..], &MARK[MARK.len() - n..]);
    let last_is_new = end.last() != mark.last();
    if last_is_new || (end != mark && errno != EIO) {
        Stage::LsmPost
    } else {
        Stage::Read
    }
}

impl<'p> Held<'p> {
    /// Reads the whole file into `bytes`, which are exactly as many.
    fn fill(&self, purpose: Purpose, bytes: &mut [u8]) -> Result<(), (Stage, Error)> {
        // SAFETY: An open file.
        if !unsafe { sys::ferrio_file_kernel_reads(self.file().as_ptr()) } {
            // What the call would give, less its line in the log, which has the name of the file
            // as it is: whoever may choose that could write lines of his own.
            return Err((Stage::Read, EINVAL));
        }
        let n = mark_len(bytes.len());
        let at = bytes.len() - n;
        bytes[at..].copy_from_slice(&MARK[MARK.len() - n..]);
        let mut to = bytes.as_mut_ptr().cast::<c_void>();
        let mut file_size = 0;
        // SAFETY: A file that is open for reading, by the invariants of Opened. `to` points to a
        // buffer of the given size, which is not NULL, so nothing is allocated, and it is not
        // changed. The purpose is one of the enumeration below READING_MAX_ID.
        let got = unsafe {
            bindings::kernel_read_file(
                self.file().as_ptr(),
                0,
                &mut to,
                bytes.len(),
                &mut file_size,
                purpose.reading(),
            )
        };
        let Ok(got) = usize::try_from(got) else {
            let errno = Error::from_errno(got as c_int);
            // The one thing that it looks at once more, and that may be another by now.
            if file_size == 0 && self.size() <= 0 {
                return Err((Stage::Size, errno));
            }
            let stage = match stage_of(errno, file_size != 0, bytes) {
                // What has become shorter is not read to its end, even if it comes near.
                Stage::LsmPost if self.size() != bytes.len() as i64 => Stage::Read,
                stage => stage,
            };
            return Err((stage, errno));
        };
        // A file that has grown is read in part by that call, without the second hook; one that
        // has shrunk leaves something else behind it.
        if file_size != bytes.len() || got != bytes.len() || self.size() != bytes.len() as i64 {
            return Err((Stage::Read, EIO));
        }
        Ok(())
    }

    /// Reads the whole file into memory of its own, charged to the caller's memory cgroup.
    ///
    /// Wraps `kernel_read_file()` with a buffer of exactly the file's size, so that it is a read of
    /// the whole and both hooks run, the second one (`security_kernel_post_read_file()`) with the
    /// bytes. A signal that kills ends it where the file system lets it.
    ///
    /// # Errors
    ///
    /// - In [`Stage::Memory`], as of [`Buffer::new`]: `ENOMEM`, `EINTR`.
    /// - In [`Stage::Busy`]: `ETXTBSY`: somebody has opened it for writing meanwhile.
    /// - In [`Stage::Lsm`] and [`Stage::LsmPost`] what the security modules say; `EPERM` and
    ///   `EACCES` by custom.
    /// - In [`Stage::Read`]: `EIO`: the file has less or more in it than it said, or has another
    ///   size now; `EINVAL`: its file system cannot be read from by the kernel; `EPERM`: fanotify;
    ///   `EINTR`; what else the file system gives.
    pub fn read(&self, purpose: Purpose) -> Result<Loaded, LoadError<'p>> {
        let (loaded, ()) = self.read_with(purpose, || Ok(()))?;
        Ok(loaded)
    }

    /// Reads as [`read`](Self::read) does, and gets what else the caller needs in the time in which
    /// writers are allowed. Before the memory for the content: when that fills the caller's memory
    /// cgroup, the next charge may kill in it.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read); in [`Stage::Memory`] those of `more`.
    pub fn read_with<T>(
        &self,
        purpose: Purpose,
        more: impl FnOnce() -> Result<T>,
    ) -> Result<(Loaded, T), LoadError<'p>> {
        let start = Instant::<Monotonic>::now();
        let both = self.allowing(|| {
            let more = more()?;
            Ok((Buffer::new(self.len())?, more))
        });
        let (mut buffer, more) = both.map_err(|(stage, errno)| self.fail(stage, errno))?;
        let memory = since(start);
        let start = Instant::<Monotonic>::now();
        // A buffer that is dropped is wiped.
        self.fill(purpose, buffer.bytes_mut())
            .map_err(|(stage, errno)| self.fail(stage, errno))?;
        let loaded = Loaded {
            buffer,
            times: Times {
                open: self.open_ns,
                memory,
                read: since(start),
                digest: 0,
            },
        };
        Ok((loaded, more))
    }

    /// Reads the whole file into the caller's memory; returns the part of it that is filled.
    ///
    /// After an error all of `to` is zero. While it runs, the bytes are there before the security
    /// modules have agreed: `to` must be nothing that anybody else looks at.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read), less that of the memory; in [`Stage::Size`] `EFBIG`: `to` is
    /// too short.
    pub fn read_into<'b>(
        &self,
        purpose: Purpose,
        to: &'b mut [u8],
    ) -> Result<&'b mut [u8], LoadError<'p>> {
        let result = match to.get_mut(..self.len()) {
            Some(bytes) => self.fill(purpose, bytes),
            None => Err((Stage::Size, EFBIG)),
        };
        match result {
            Ok(()) => Ok(&mut to[..self.len()]),
            Err((stage, errno)) => {
                wipe(to);
                Err(self.fail(stage, errno))
            }
        }
    }
}
