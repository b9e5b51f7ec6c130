// SPDX-License-Identifier: GPL-2.0

//! Why there is nothing.

use kernel::prelude::*;

/// The step of a load that failed, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding the file, and the permission to read it.
    Open,
    /// It is no regular file.
    Type,
    /// It is open for writing.
    Busy,
    /// It is empty, or too large.
    Size,
    /// There is no memory, or no more of it for this user.
    Memory,
    /// A security module, which has not seen the bytes.
    Lsm,
    /// Reading, or the file changed meanwhile.
    Read,
    /// A security module, which has seen the bytes.
    LsmPost,
    /// The bytes are not those that are wanted.
    Digest,
}

impl Stage {
    /// All of them.
    pub const ALL: [Stage; 9] = [
        Stage::Open,
        Stage::Type,
        Stage::Busy,
        Stage::Size,
        Stage::Memory,
        Stage::Lsm,
        Stage::Read,
        Stage::LsmPost,
        Stage::Digest,
    ];

    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self.c_name().to_str() {
            Ok(name) => name,
            // They are all of ASCII.
            Err(_) => "",
        }
    }

    /// The same for C.
    pub const fn c_name(self) -> &'static CStr {
        match self {
            Stage::Open => c"open",
            Stage::Type => c"type",
            Stage::Busy => c"busy",
            Stage::Size => c"size",
            Stage::Memory => c"memory",
            Stage::Lsm => c"lsm",
            Stage::Read => c"read",
            Stage::LsmPost => c"lsm-post",
            Stage::Digest => c"digest",
        }
    }
}

/// Why a load failed. There is no byte of the file left anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadError<'p> {
    /// What a caller gets to see: one that programs know.
    pub errno: Error,
    /// The step that failed.
    pub stage: Stage,
    /// The path that was tried, if it was one.
    pub path: Option<&'p CStr>,
    /// The size that the file had, or 0 if it was not looked at.
    pub bytes: u64,
}

/// `EINTR` for those by which a file system, a lease or fanotify asks for the system call to be
/// made once more. A load is not: it has begun, and its failure is told in more places than the
/// result of the call.
fn known(errno: Error) -> Error {
    match errno {
        ERESTARTSYS | ERESTARTNOINTR | ERESTARTNOHAND | ERESTART_RESTARTBLOCK => EINTR,
        errno => errno,
    }
}

impl LoadError<'_> {
    pub(super) fn new(stage: Stage, errno: Error) -> Self {
        LoadError {
            errno: known(errno),
            stage,
            path: None,
            bytes: 0,
        }
    }
}

impl From<LoadError<'_>> for Error {
    fn from(error: LoadError<'_>) -> Error {
        error.errno
    }
}
