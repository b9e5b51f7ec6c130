// SPDX-License-Identifier: GPL-2.0

//! How large a ring may be.

use kernel::{page::PAGE_SIZE, prelude::*};

/// The smallest ring, in bytes.
pub(crate) const MIN_BYTES: usize = PAGE_SIZE;
/// The largest ring, in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 30;
/// The size of a ring that nobody gave one, in bytes; a pipe's.
pub(crate) const DEFAULT_BYTES: usize = 64 << 10;

/// A size that a ring may have.
///
/// # Invariants
///
/// A power of two in [`MIN_BYTES`]`..=`[`MAX_BYTES`].
#[derive(Clone, Copy)]
pub(crate) struct RingBytes(usize);

impl TryFrom<u64> for RingBytes {
    type Error = Error;

    /// `EINVAL` for a size that no ring may have.
    fn try_from(bytes: u64) -> Result<Self> {
        let bytes = usize::try_from(bytes).map_err(|_| EINVAL)?;
        if !bytes.is_power_of_two() || !(MIN_BYTES..=MAX_BYTES).contains(&bytes) {
            return Err(EINVAL);
        }
        // INVARIANT: Just checked.
        Ok(RingBytes(bytes))
    }
}

impl RingBytes {
    /// The size in bytes.
    pub(crate) fn get(self) -> usize {
        self.0
    }
}
