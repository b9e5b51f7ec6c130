// SPDX-License-Identifier: GPL-2.0

//! Files that the kernel reads once, whole, through the security modules, and that nobody changes
//! any more: the driver's side of `file_loader.ko`.
//!
//! C header: `ferrio_file.h`, whose functions these are.
//!
//! ```ignore
//! let config = Load::new(Purpose::Policy, 4096).path(c"/etc/mine.conf")?;
//! pr_info!("{} bytes of configuration\n", config.len());
//! ```
//!
//! All loads are for process context, and sleep. A module that calls them depends on
//! `file_loader.ko`, which cannot be removed before it. What is loaded is charged to the memory
//! cgroup of the caller; it counts for no limit of a user, and nothing is logged.

/// The prefix of log lines that come from this crate and not from a module.
const __LOG_PREFIX: &[u8] = b"ferrio_file\0";

mod error;
mod ffi;
#[path = "../import_ns.rs"]
mod import_ns;
mod param;

pub use error::{LoadError, Stage};
pub use ffi::{FileBytes, StrParam};
#[doc(hidden)]
pub use param::bytes;

use ffi::{abi, ferrio_file_request};
use kernel::{fs::LocalFile, prelude::*, uaccess::UserPtr};

/// What the security modules are told a file is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// For a device or a driver.
    Firmware,
    /// The text of a policy.
    Policy,
    /// An X.509 certificate.
    X509Certificate,
}

/// A load that is to be made, once or more.
pub struct Load(ferrio_file_request);

impl Load {
    /// A load of at most `max_bytes` bytes.
    pub fn new(purpose: Purpose, max_bytes: u64) -> Self {
        Load(ferrio_file_request {
            max_bytes,
            purpose: match purpose {
                Purpose::Firmware => abi::FERRIO_FL_FIRMWARE,
                Purpose::Policy => abi::FERRIO_FL_POLICY,
                Purpose::X509Certificate => abi::FERRIO_FL_X509_CERTIFICATE,
            },
            ..Default::default()
        })
    }

    /// Nothing but bytes with this SHA-256.
    pub fn pin_sha256(mut self, digest: [u8; 32]) -> Self {
        self.0.pins |= abi::FERRIO_FL_PIN_SHA256;
        self.0.sha256 = digest;
        self
    }

    /// The same, with the digest as `sha256sum` prints it, such as a module parameter has it.
    ///
    /// # Errors
    ///
    /// `EINVAL`: it has not just 64 hexadecimal digits.
    pub fn pin_sha256_text(self, text: &CStr) -> Result<Self> {
        let text = text.to_bytes();
        let mut digest = [0; 32];
        if text.len() != 2 * digest.len() {
            return Err(EINVAL);
        }
        for (byte, pair) in digest.iter_mut().zip(text.chunks(2)) {
            for digit in pair {
                let digit = char::from(*digit).to_digit(16).ok_or(EINVAL)?;
                // Two digits are at most 255.
                *byte = *byte << 4 | digit as u8;
            }
        }
        Ok(self.pin_sha256(digest))
    }

    /// Nothing but a file with this digest of fs-verity; `algorithm` is one of
    /// `FS_VERITY_HASH_ALG_*`. A digest of no byte, or of more than 64, is `EINVAL` at the load.
    pub fn pin_verity(mut self, algorithm: u8, digest: &[u8]) -> Self {
        self.0.pins |= abi::FERRIO_FL_PIN_VERITY;
        self.0.verity_algorithm = algorithm.into();
        // A number that is too large to be right is, cut off, too large to be right.
        self.0.verity_bytes = digest.len().min(u32::MAX as usize) as u32;
        self.0.verity = [0; 64];
        for (to, from) in self.0.verity.iter_mut().zip(digest) {
            *to = *from;
        }
        self
    }

    /// Loads the file of an absolute path, as PID 1 resolves it. The permission to read it is that
    /// of the caller's credentials: in a module's `init` those of whoever runs `insmod`. Works in a
    /// kernel thread.
    ///
    /// # Errors
    ///
    /// Those of `abi/file_loader.rst` in the stages `Open` to `Digest`, but for `EDQUOT` and
    /// `ENFILE`; `EINVAL` without a stage: a digest of fs-verity is pinned that cannot be one.
    pub fn path(&self, path: &CStr) -> Result<FileBytes, LoadError> {
        ffi::load_path(path, &self.0)
    }

    /// Loads the file of a descriptor of the calling program.
    ///
    /// # Errors
    ///
    /// As of [`path`](Self::path); `EBADF`: there is none, as in a kernel thread, or it is not open
    /// for reading.
    pub fn fd(&self, fd: i32) -> Result<FileBytes, LoadError> {
        ffi::load_fd(fd, &self.0)
    }

    /// Loads an open file.
    ///
    /// # Errors
    ///
    /// As of [`path`](Self::path); `EBADF`: it is not open for reading.
    pub fn file(&self, file: &LocalFile) -> Result<FileBytes, LoadError> {
        ffi::load_file(file, &self.0)
    }

    /// Loads `len` bytes of the calling program, from `at` on, each of which is read once. The
    /// security modules are asked by the hooks for bytes without a file.
    ///
    /// # Errors
    ///
    /// As of [`path`](Self::path); `EFAULT`: they cannot be read; `EINVAL` without a stage: a
    /// digest of fs-verity is pinned.
    pub fn user(&self, at: UserPtr, len: u64) -> Result<FileBytes, LoadError> {
        ffi::load_user(at, len, &self.0)
    }
}
