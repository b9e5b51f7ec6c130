// SPDX-License-Identifier: GPL-2.0

//! Digests: of bytes, and of files that have fs-verity.
//!
//! C headers: [`include/crypto/sha2.h`](srctree/include/crypto/sha2.h),
//! [`include/linux/fsverity.h`](srctree/include/linux/fsverity.h)

use crate::{contiguous::CHUNK, sys, task};
use kernel::{bindings, fs::LocalFile, prelude::*};

/// SHA-256 of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// The digest of `bytes`.
    ///
    /// Wraps `sha256_init()`, `sha256_update()` and `sha256_final()` of the kernel's library, which
    /// takes the instructions that the CPU has for it; with preemption off for 64 KiB at most.
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// `EINTR`: the caller is being killed.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        let mut state: bindings::sha256_ctx = pin_init::zeroed();
        // SAFETY: The state is ours, and valid for writes.
        unsafe { bindings::sha256_init(&mut state) };
        for chunk in bytes.chunks(CHUNK) {
            // SAFETY: An initialised state, which only these calls change; the chunk is valid for
            // reads. sha256_update() is this with the member.
            unsafe {
                bindings::__sha256_update(&mut state.ctx, chunk.as_ptr(), chunk.len());
            }
            if task::killed_in_long_work() {
                return Err(EINTR);
            }
        }
        let mut digest = [0; 32];
        // SAFETY: An initialised state, and 32 bytes (SHA256_DIGEST_SIZE) to write to.
        unsafe { bindings::sha256_final(&mut state, digest.as_mut_ptr()) };
        Ok(Sha256(digest))
    }
}

/// The most bytes that a digest of fs-verity has.
pub const VERITY_MAX: usize = sys::FERRIO_VERITY_MAX as usize;

/// What fs-verity says a file is: the digest that its Merkle tree, and so every block that is read,
/// has been checked against.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Verity {
    /// `FS_VERITY_HASH_ALG_*` of `uapi/linux/fsverity.h`.
    pub algorithm: u8,
    /// The length of the digest in bytes.
    pub len: u8,
    /// The digest, and zeros behind it.
    pub digest: [u8; VERITY_MAX],
}

impl Verity {
    /// The digest of an open file, if it has one.
    ///
    /// Wraps `fsverity_get_digest()`: an inode has it once it was opened
    /// (`fsverity_file_open()`). Process context.
    pub fn of(file: &LocalFile) -> Option<Self> {
        let mut verity = Verity {
            algorithm: 0,
            len: 0,
            digest: [0; VERITY_MAX],
        };
        // SAFETY: An open file; FS_VERITY_MAX_DIGEST_SIZE bytes to write to, and one.
        let len = unsafe {
            sys::ferrio_file_verity(
                file.as_ptr(),
                verity.digest.as_mut_ptr(),
                &mut verity.algorithm,
            )
        };
        // It is at most VERITY_MAX.
        verity.len = u8::try_from(len).ok().filter(|len| *len > 0)?;
        Some(verity)
    }
}
