// SPDX-License-Identifier: GPL-2.0

//! Kernel threads that move bytes.

use crate::ffi;
use kernel::types::NotThreadSafe;

/// What a [`Thread`](crate::Thread) does.
pub trait Body: Send + 'static {
    /// Runs in the thread, until there is nothing left to do, or [`Stop::is_requested`]; a call of
    /// a [`Producer`](crate::Producer) or [`Consumer`](crate::Consumer) that sleeps ends with
    /// `EINTR` then.
    fn run(self, stop: &Stop);
}

/// Tells a thread that it is to end. Only that thread has it.
pub struct Stop(NotThreadSafe);

impl Stop {
    /// Only for a thread of [`Thread`](crate::Thread).
    pub(crate) fn new() -> Self {
        Stop(NotThreadSafe)
    }

    /// Whether the thread is to end. Costs a load.
    pub fn is_requested(&self) -> bool {
        ffi::should_stop(self)
    }
}
