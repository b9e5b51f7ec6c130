// SPDX-License-Identifier: GPL-2.0

//! Why there is nothing.

use crate::ffi::{self, abi};
use kernel::{fmt, prelude::*};

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
    /// There is no memory.
    Memory,
    /// A security module, which has not seen the bytes.
    Lsm,
    /// Reading, or the file changed meanwhile.
    Read,
    /// A security module, which has seen the bytes.
    LsmPost,
    /// The bytes are not those that are pinned.
    Digest,
}

/// Why a load failed. There is no byte of the file left anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// What went wrong.
    pub errno: Error,
    /// The step that failed; none, if the request made no sense.
    pub stage: Option<Stage>,
    /// The size that the file had, or 0 if it was not looked at.
    pub bytes: u64,
}

impl LoadError {
    pub(crate) fn new(errno: Error, failure: &abi::ferrio_file_failure) -> Self {
        LoadError {
            errno,
            stage: match failure.stage {
                abi::FERRIO_FL_STAGE_OPEN => Some(Stage::Open),
                abi::FERRIO_FL_STAGE_TYPE => Some(Stage::Type),
                abi::FERRIO_FL_STAGE_BUSY => Some(Stage::Busy),
                abi::FERRIO_FL_STAGE_SIZE => Some(Stage::Size),
                abi::FERRIO_FL_STAGE_MEMORY => Some(Stage::Memory),
                abi::FERRIO_FL_STAGE_LSM => Some(Stage::Lsm),
                abi::FERRIO_FL_STAGE_READ => Some(Stage::Read),
                abi::FERRIO_FL_STAGE_LSM_POST => Some(Stage::LsmPost),
                abi::FERRIO_FL_STAGE_DIGEST => Some(Stage::Digest),
                _ => None,
            },
            bytes: failure.bytes,
        }
    }

    fn number(&self) -> u32 {
        match self.stage {
            None => abi::FERRIO_FL_STAGE_NONE,
            Some(Stage::Open) => abi::FERRIO_FL_STAGE_OPEN,
            Some(Stage::Type) => abi::FERRIO_FL_STAGE_TYPE,
            Some(Stage::Busy) => abi::FERRIO_FL_STAGE_BUSY,
            Some(Stage::Size) => abi::FERRIO_FL_STAGE_SIZE,
            Some(Stage::Memory) => abi::FERRIO_FL_STAGE_MEMORY,
            Some(Stage::Lsm) => abi::FERRIO_FL_STAGE_LSM,
            Some(Stage::Read) => abi::FERRIO_FL_STAGE_READ,
            Some(Stage::LsmPost) => abi::FERRIO_FL_STAGE_LSM_POST,
            Some(Stage::Digest) => abi::FERRIO_FL_STAGE_DIGEST,
        }
    }
}

/// As in `open, error -2`.
impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = ffi::stage_name(self.number());
        let stage = stage.to_str().unwrap_or_default();
        write!(f, "{}, error {}", stage, self.errno.to_errno())
    }
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Error {
        error.errno
    }
}
