// SPDX-License-Identifier: GPL-2.0

//! Checksums of what is copied, of the very bytes that arrive.
//!
//! Memory of a process may change at any time, so a sum made of it before or after the copy is not
//! that of the copy.

use super::{Copied, IterSource};
use crate::sys;
#[cfg(CONFIG_NET)]
use kernel::bindings;
use kernel::prelude::*;

/// A CRC-32C (Castagnoli), as of iSCSI, ext4 and Btrfs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crc32c(u32);

impl Crc32c {
    /// Of no bytes.
    pub const fn new() -> Self {
        Crc32c(!0)
    }

    /// Of the bytes whose sum was `value`, to go on with; 0 is that of no bytes.
    pub const fn resume(value: u32) -> Self {
        Crc32c(!value)
    }

    /// Goes on with `bytes`, which nobody else may write to: a slice of the kernel's. Wraps
    /// `crc32c()` of `lib/crc`. Any context.
    pub fn update(&mut self, bytes: &[u8]) {
        // SAFETY: The slice is readable for its length.
        self.0 = unsafe { sys::ferrio_crc32c(self.0, bytes.as_ptr().cast(), bytes.len()) };
    }

    /// The sum so far; 0xe3069283 for the text "123456789". Any context.
    pub const fn value(self) -> u32 {
        !self.0
    }
}

impl Default for Crc32c {
    fn default() -> Self {
        Self::new()
    }
}

/// The ones' complement sum of IP, TCP and UDP (RFC 1071).
#[cfg(CONFIG_NET)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InternetSum(u32);

#[cfg(CONFIG_NET)]
impl InternetSum {
    /// Of no bytes.
    pub const fn new() -> Self {
        InternetSum(0)
    }

    /// The sum so far as it stands in a header, in the order of the bytes that were summed up, as
    /// `csum_fold()`. Any context.
    pub const fn fold(self) -> u16 {
        let sum = (self.0 & 0xffff) + (self.0 >> 16);
        !((sum & 0xffff) + (sum >> 16)) as u16
    }
}

impl IterSource<'_> {
    /// Copies to a slice as [`copy_from`](Self::copy_from), and goes on with `sum` by what arrived.
    ///
    /// Process context; may sleep for a fault.
    pub fn copy_from_crc32c(&mut self, bytes: &mut [u8], sum: &mut Crc32c) -> Copied {
        let copied = self.copy_from(bytes);
        sum.update(&bytes[..copied.bytes()]);
        copied
    }

    /// Fills all of a slice as [`copy_from_exact`](Self::copy_from_exact), and goes on with `sum`
    /// by it, in one pass.
    ///
    /// `sum` must be of an even number of bytes, as everywhere with this sum. Wraps
    /// `csum_and_copy_from_iter_full()` of `net/core/skbuff.c`. Process context; may sleep for a
    /// fault.
    ///
    /// # Errors
    ///
    /// - `EINVAL`: the slice is longer than the iterator; nothing was copied.
    /// - `EFAULT`: memory that cannot be accessed. `sum` is as it was.
    #[cfg(CONFIG_NET)]
    pub fn copy_from_sum(&mut self, bytes: &mut [u8], sum: &mut InternetSum) -> Result {
        if bytes.len() > self.len() {
            return Err(EINVAL);
        }
        let mut new = sum.0;
        // SAFETY: The iterator is valid and of direction ITER_SOURCE, the slice is writable for its
        // length, and what is written are bytes.
        let all = unsafe {
            bindings::csum_and_copy_from_iter_full(
                bytes.as_mut_ptr().cast(),
                bytes.len(),
                &mut new,
                self.0.raw.as_ptr(),
            )
        };
        if !all {
            let _ = self.0.copied(bytes.len(), 0);
            return Err(EFAULT);
        }
        sum.0 = new;
        Ok(())
    }
}
