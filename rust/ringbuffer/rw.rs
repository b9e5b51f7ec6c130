// SPDX-License-Identifier: GPL-2.0

//! The two ends of a ring, and the set of them that a file has.

use ferrio::poll::Mask;

/// The direction of data, seen by the holder of an end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rw {
    Read,
    Write,
}

impl Rw {
    /// The other end.
    pub(crate) fn peer(self) -> Self {
        match self {
            Rw::Read => Rw::Write,
            Rw::Write => Rw::Read,
        }
    }

    /// The bits of poll() that mean this end is ready.
    pub(crate) fn event(self) -> Mask {
        match self {
            Rw::Read => Mask::IN,
            Rw::Write => Mask::OUT,
        }
    }

    /// The end's bit in a file's set of ends: the file holds it.
    pub(crate) fn bit(self) -> u32 {
        match self {
            Rw::Read => 1,
            Rw::Write => 2,
        }
    }

    /// The bit there of an end that the file has held, and given up.
    pub(crate) fn given_up_bit(self) -> u32 {
        self.bit() << 3
    }
}

/// The bit of an observer in a file's set of ends: it holds none of them.
pub(crate) const OBSERVES: u32 = 1 << 2;
