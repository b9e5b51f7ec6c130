// SPDX-License-Identifier: GPL-2.0

//! The words of a ring of records, as the kernel has them: for a turn of its own, for somebody who
//! looks, or for a producer that is dead.

use crate::{memory::Memory, ring::Ring, rw::Rw, words::KernelWords};
use ring::{
    records::{Producers, Records, Slot},
    Bell, Word,
};

/// The kernel at one end of a ring of records.
pub(crate) struct View<'a> {
    pub(crate) ring: &'a Ring,
    pub(crate) memory: &'a Memory,
    /// At which.
    pub(crate) rw: Rw,
}

impl Records for View<'_> {
    type Words = KernelWords;

    #[inline]
    fn consumer(&self) -> impl Word {
        self.memory.position(Rw::Read)
    }

    #[inline]
    fn producer(&self) -> impl Word {
        self.memory.end_word()
    }

    #[inline]
    fn state(&self) -> impl Word {
        self.memory.state()
    }

    #[inline]
    fn bell(&self) -> Bell<impl Word> {
        self.ring.side(self.rw.peer()).alarm.bell()
    }

    #[inline]
    fn word(&self, offset: u64) -> impl Word {
        self.memory.word(offset)
    }
}

impl Producers for View<'_> {
    // Whoever has mapped a producer end.
    const USERS: bool = true;

    #[inline]
    fn limit(&self) -> impl Word {
        self.memory.limit()
    }

    #[inline]
    fn owner(&self) -> u64 {
        0
    }

    #[inline]
    fn slot(&self, owner: u64) -> Option<Slot<impl Word>> {
        // Nothing else lies behind the last one.
        self.memory.slot(owner.checked_sub(1)?)
    }
}

impl<'a> View<'a> {
    /// For one who looks at how full it is, or who reaps: at the producers' end.
    pub(crate) fn of(ring: &'a Ring, memory: &'a Memory) -> Self {
        View {
            ring,
            memory,
            rw: Rw::Write,
        }
    }
}
