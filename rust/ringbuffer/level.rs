// SPDX-License-Identifier: GPL-2.0

//! How full a ring is, as somebody sees it who takes no turn, and what that means to sleepers.

use crate::{ring::Ring, rw::Rw, view::View};
use ferrio::{iov::PIPE_BUF, poll::Mask};
use ring::{observe, records, Word as _};

/// Of many producers: how many bytes of records are counted for who asks how many there are. Each
/// record is looked at for that.
const COUNTED: usize = 1 << 20;

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

    /// How far an end is: of many producers, where the next record will begin.
    pub(crate) fn position(&self, rw: Rw) -> u64 {
        let Some(memory) = self.memory() else {
            return 0;
        };
        match rw {
            Rw::Write if memory.has_many() => {
                records::end_of(&View::of(self, memory), memory.len() as u64)
            }
            // What lies in the three lowest bits is no position.
            Rw::Read if memory.has_many() => memory.position(rw).load_acquire() & !7,
            _ => memory.position(rw).load_acquire(),
        }
    }

    /// Bytes that can be read now, as a third party sees it: at most the size. Of many producers
    /// those of the records that are committed in a row, and `COUNTED` at most, or a record more.
    pub(crate) fn readable(&self) -> usize {
        self.readable_up_to(COUNTED)
    }

    /// The same; of many producers, no more than are needed to have `bytes`.
    fn readable_up_to(&self, bytes: usize) -> usize {
        match self.memory() {
            // At most the size, which is a usize.
            Some(memory) if memory.has_many() => records::readable::<_, true>(
                &View::of(self, memory),
                memory.len() as u64,
                bytes as u64,
            ) as usize,
            Some(_) => self.used(),
            None => 0,
        }
    }

    /// Bytes that are not free, as a third party sees it: at most the size.
    fn used(&self) -> usize {
        match self.memory() {
            // At most the size, which is a usize.
            Some(memory) if memory.has_many() => {
                records::reserved(&View::of(self, memory), memory.len() as u64) as usize
            }
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
        self.available_up_to(rw, COUNTED)
    }

    /// The same, for one who wants to know whether it is `bytes`, and would not look at more.
    pub(crate) fn available_up_to(&self, rw: Rw, bytes: usize) -> usize {
        match rw {
            Rw::Read => self.readable_up_to(bytes),
            Rw::Write => self.size().saturating_sub(self.used()),
        }
    }

    /// Whether there is what poll() calls ready.
    pub(crate) fn has_enough(&self, rw: Rw) -> bool {
        let enough = self.enough(rw);
        self.available_up_to(rw, enough) >= enough
    }

    /// Whether there is nothing in the ring, committed or not.
    pub(crate) fn is_empty(&self) -> bool {
        self.used() == 0
    }

    /// The bits of a wake at an end: none if there is less than poll() calls ready.
    pub(crate) fn news(&self, rw: Rw) -> Mask {
        if self.has_enough(rw) {
            rw.event()
        } else {
            Mask::NONE
        }
    }
}
