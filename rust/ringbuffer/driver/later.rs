// SPDX-License-Identifier: GPL-2.0

//! What a driver's atomic calls leave to an interrupt: waking, and whatever takes a lock.

use crate::{ring::Ring, rw::Rw, uapi};
use ferrio::{irq_work::Deferred, word::Word};
use kernel::sync::{atomic::Atomic, Arc};

/// The wake of one end of a ring, for a driver at the other one.
pub(crate) struct Later {
    ring: Arc<Ring>,
    /// Whose sleepers.
    rw: Rw,
    /// FERRIO_RB_CORRUPT_*, if the ring is to be marked.
    corrupt: Atomic<u32>,
    /// Not 0: the driver's last record has been ended behind its end.
    finished: Atomic<u32>,
}

impl Later {
    pub(crate) fn new(ring: Arc<Ring>, rw: Rw) -> Self {
        Later {
            ring,
            rw,
            corrupt: Atomic::new(uapi::FERRIO_RB_CORRUPT_NONE),
            finished: Atomic::new(0),
        }
    }

    /// The end of the stream may have waited for the driver's last record.
    pub(crate) fn finish(&self) {
        self.finished.store_release(1);
    }

    /// The ring is to be marked as corrupt as well.
    pub(crate) fn blame(&self, reason: u32) {
        self.corrupt.store_release(reason);
    }
}

impl Deferred for Later {
    fn run(&self) {
        let ring: &Ring = &self.ring;
        let reason = self.corrupt.load_acquire();
        if reason != uapi::FERRIO_RB_CORRUPT_NONE {
            ring.set_corrupt(reason);
        }
        if self.finished.load_acquire() != 0 {
            // It wakes everybody.
            return ring.make_up(self.rw.peer());
        }
        ring.side(self.rw)
            .alarm
            .wake_armed(ring.news(self.rw), ring);
    }
}
