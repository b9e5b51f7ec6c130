// SPDX-License-Identifier: GPL-2.0

//! How many pages all files together may hold.

use ferrio::sparse::Claim;
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
};

ferrio::ulong_param!(
    /// Bytes that all files together may hold: by default one of the largest size and its tables.
    static MAX_BYTES: crate::LocalModule, "max_bytes" = (1 << 30) + (4 << 20),
    "Bytes that all open files together may hold, tables included (default 1 GiB and 4 MiB)"
);

/// Pages that are held, or about to be.
static HELD: Atomic<usize> = Atomic::new(0);

/// The limit of now, in bytes.
pub(crate) fn limit() -> usize {
    MAX_BYTES.get()
}

/// What all files hold, in bytes.
pub(crate) fn held() -> usize {
    HELD.load(Relaxed) * PAGE_SIZE
}

/// Gives `pages` back.
pub(crate) fn give_back(pages: usize) {
    HELD.fetch_sub(pages, Relaxed);
}

/// The right to one page more; given back when dropped.
pub(crate) struct Permit(());

impl Permit {
    /// # Errors
    ///
    /// `EDQUOT`: all files hold as much as they may.
    pub(crate) fn new() -> Result<Self> {
        // Counted first, so that several at once cannot exceed it; one that fails may make
        // another fail which would have been the last to fit.
        let permit = Permit(());
        let before = HELD.fetch_add(1, Relaxed);
        if before >= limit() / PAGE_SIZE {
            return Err(EDQUOT);
        }
        Ok(permit)
    }
}

impl Claim for Permit {
    /// From now on [`give_back`] is called for it.
    fn keep(self) {
        core::mem::forget(self);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        give_back(1);
    }
}
