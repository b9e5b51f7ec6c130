// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is asked for, and what became of it.

use crate::abi::{ferrio_fl_blob, ferrio_fl_purpose, ferrio_fl_stage};
use std::{error, fmt, io, path::PathBuf};

/// What a load is to keep to.
///
/// # Examples
///
/// ```
/// use ferrio_file_loader_sys::{abi::FERRIO_FL_POLICY, Request};
///
/// let mut request = Request::new(FERRIO_FL_POLICY, 4096);
/// request.sha256 = Some([0; 32]);
/// ```
///
/// # Cost
///
/// None.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// What the security modules are told that it is.
    pub purpose: ferrio_fl_purpose,
    /// The load fails if there are more.
    pub max_bytes: u64,
    /// The content has this digest, or the load fails.
    pub sha256: Option<[u8; 32]>,
    /// The file has this one of fs-verity, or the load fails; not for bytes.
    pub verity: Option<Verity>,
}

/// A file digest of fs-verity.
///
/// # Examples
///
/// ```
/// // FS_VERITY_HASH_ALG_SHA256
/// let pin = ferrio_file_loader_sys::Verity { algorithm: 1, digest: vec![0; 32] };
/// ```
///
/// # Cost
///
/// None.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verity {
    /// FS_VERITY_HASH_ALG_* of linux/fsverity.h.
    pub algorithm: u32,
    /// At most 64 bytes.
    pub digest: Vec<u8>,
}

impl Request {
    /// A load without pins.
    ///
    /// # Examples
    ///
    /// See [`Request`].
    ///
    /// # Cost
    ///
    /// None.
    #[must_use]
    pub fn new(purpose: ferrio_fl_purpose, max_bytes: u64) -> Self {
        Request {
            purpose,
            max_bytes,
            sha256: None,
            verity: None,
        }
    }
}

/// Why a load gave no blob, and at which step.
///
/// # Examples
///
/// ```no_run
/// use ferrio_file_loader_sys::{abi, load_fd, Request};
/// # use std::{fs::File, os::fd::AsFd};
/// # let device = File::options().read(true).write(true).open("/dev/file_loader")?;
/// # let file = File::open("/etc/passwd")?;
///
/// let request = Request::new(abi::FERRIO_FL_FIRMWARE, 10);
/// if let Err(failure) = load_fd(device.as_fd(), file.as_fd(), &request) {
///     if failure.stage == abi::FERRIO_FL_STAGE_SIZE {
///         println!("{} bytes are too many", failure.bytes);
///     }
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Cost
///
/// None.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure {
    /// What the call gave; its errno is that of the stage.
    pub error: io::Error,
    /// FERRIO_FL_STAGE_*; FERRIO_FL_STAGE_NONE: no load was begun.
    pub stage: ferrio_fl_stage,
    /// The size that the file had; 0: it was not looked at.
    pub bytes: u64,
}

impl Failure {
    /// Of a load that was not begun; for tests of what is said of one.
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio_file_loader_sys::{abi::FERRIO_FL_STAGE_NONE, Failure};
    ///
    /// let failure = Failure::new(std::io::Error::from_raw_os_error(25));
    /// assert_eq!(failure.stage, FERRIO_FL_STAGE_NONE);
    /// ```
    ///
    /// # Cost
    ///
    /// None.
    #[must_use]
    pub fn new(error: io::Error) -> Self {
        Failure {
            error,
            stage: crate::abi::FERRIO_FL_STAGE_NONE,
            bytes: 0,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl error::Error for Failure {}

/// Where a blob came from.
///
/// # Examples
///
/// See [`blob_info`](crate::blob_info).
///
/// # Cost
///
/// None.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Blob {
    /// All of it but the path.
    pub info: ferrio_fl_blob,
    /// How the file was called, as the loading process saw it; `None` for bytes, and for a file
    /// that had no name.
    pub path: Option<PathBuf>,
}

impl Blob {
    /// As [`blob_info`](crate::blob_info) would give it; for tests of what is said of one.
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio_file_loader_sys::{abi::ferrio_fl_blob, Blob};
    ///
    /// let blob = Blob::new(ferrio_fl_blob::new(), Some("/etc/mine.policy".into()));
    /// ```
    ///
    /// # Cost
    ///
    /// None.
    #[must_use]
    pub fn new(info: ferrio_fl_blob, path: Option<PathBuf>) -> Self {
        Blob { info, path }
    }
}
