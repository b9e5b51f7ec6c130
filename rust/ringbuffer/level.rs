// SPDX-License-Identifier: GPL-2.0

//! How full a ring is, as somebody sees it who takes no turn, and what that means to sleepers.

use crate::{ring::Ring, rw::Rw};
use ferrio::{iov::PIPE_BUF, poll::Mask};
use ring::observe;

/// A producer that has to sleep sleeps for this part of the ring at most, if it needs less and its
/// peer is awake.
pub(crate) const WORTH_PART: usize = 4;

impl Ring {
    /// How many bytes wake a reader or a writer that did not say, and mean EPOLLIN or EPOLLOUT: a
    /// writer that is woken for every byte sleeps again after every byte.
    pub(crate) fn enough(&self, rw: Rw) -> usize {
        match rw {
            Rw::Read => 1,
            // A record that finds no room there is lost: nobody waits for any.
            Rw::Write if self.drops() => 0,
            Rw::Write => PIPE_BUF.min(self.size()),
        }
    }

    /// How many bytes are worth a wake of a reader or a writer that sleeps for fewer. Not the whole
    /// of a small ring: a consumer that spins for the rest of a message leaves the beginning of it.
    pub(crate) fn worth(&self, rw: Rw) -> usize {
        self.enough(rw).min(self.size() / WORTH_PART)
    }

    /// Bytes that can be read now, as a third party sees it: at most the size.
    pub(crate) fn readable(&self) -> usize {
        match self.memory() {
            // At most the size, which is a usize.
            Some(memory) => observe(
                &memory.position(Rw::Read),
                &memory.position(Rw::Write),
                memory.len() as u64,
            ) as usize,
            None => 0,
        }
    }

    /// Bytes to read, or free bytes, as a third party sees it.
    pub(crate) fn available(&self, rw: Rw) -> usize {
        let used = self.readable();
        match rw {
            Rw::Read => used,
            Rw::Write => self.size().saturating_sub(used),
        }
    }

    /// The bits of a wake at an end: none if there is less than poll() calls ready.
    pub(crate) fn news(&self, rw: Rw) -> Mask {
        if self.available(rw) < self.enough(rw) {
            Mask::NONE
        } else {
            rw.event()
        }
    }
}
