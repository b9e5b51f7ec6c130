// SPDX-License-Identifier: GPL-2.0

//! What a sleeper at an end waits for.

use crate::{rw::Rw, stream::Stream, words::KernelWords};
use ferrio::poll::Mask;
use ring::{arm_and_call, Hope};

/// So many bytes to read, or free bytes; or a reason not to wait for them.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'s, 'a> {
    stream: &'s Stream<'a>,
    rw: Rw,
    hope: Hope,
}

impl<'s, 'a> Wish<'s, 'a> {
    /// For exactly so many bytes.
    pub(crate) fn exact(stream: &'s Stream<'a>, rw: Rw, bytes: usize) -> Self {
        Wish::new(stream, rw, bytes, bytes)
    }

    /// For `need` bytes; `worth` may be more for a producer.
    pub(crate) fn new(stream: &'s Stream<'a>, rw: Rw, need: usize, worth: usize) -> Self {
        Wish {
            stream,
            rw,
            hope: Hope::new(need as u64, worth as u64),
        }
    }

    /// S4: looks at the positions, the state of the ring, and the rights of the file.
    pub(crate) fn is_fulfilled(&self) -> bool {
        let ring = self.stream.ring;
        let gone = match self.rw {
            Rw::Read => ring.is_finished() || !self.stream.watches_data(),
            Rw::Write => ring.consumer.is_closed() || !self.stream.holds(Rw::Write),
        };
        // The size may still change while there is no memory.
        if gone || ring.must_be_intact().is_err() || self.hope.need() > ring.size() as u64 {
            return true;
        }
        if self.rw == Rw::Read {
            // Behind the arm, and so that whatever ends in front of the dead's is seen, or wakes.
            ring.reap();
        }
        let there = ring.available_up_to(self.rw, self.hope.need() as usize) as u64;
        self.hope.is_enough(there, ring.consumer.alarm.armed())
    }

    /// S2: says which position of the peer would be enough. A full barrier has to follow.
    ///
    /// A consumer that goes to sleep wakes a producer that waits for more than it needs. No other:
    /// a poller of both ends would wake itself.
    pub(crate) fn arm(&self) {
        let ring = self.stream.ring;
        let own = ring.position(self.rw);
        match self.rw {
            Rw::Read => {
                let arm = || {
                    let wanted = own.wrapping_add(self.hope.need());
                    ring.consumer.alarm.arm(wanted, false, ring);
                };
                if self.stream.holds(Rw::Read) {
                    let producer = &ring.producer.alarm;
                    arm_and_call::<KernelWords>(arm, producer.hoping(), || {
                        // Less than a poller calls space.
                        producer.wake_armed(Mask::NONE, ring);
                    });
                } else {
                    // An onlooker takes nothing, and so does not make a producer wait.
                    arm();
                }
            }
            Rw::Write => {
                let (bytes, hoping) = self.hope.bytes(ring.consumer.alarm.armed());
                // The consumer has to be so far that these bytes fit behind the producer.
                let wanted = own.wrapping_add(bytes).wrapping_sub(ring.size() as u64);
                ring.producer.alarm.arm(wanted, hoping, ring);
            }
        }
    }

    /// For a poller that is ready and wants to know of more: any movement of the peer from now on.
    ///
    /// So it asks for the least that the peer's position can be, by the own one. The peer's word
    /// as it is now would say the same, but is the peer's to choose: a value half a turn of the
    /// numbers away would be less than what others are armed for, and never be reached.
    pub(crate) fn arm_for_more(stream: &Stream<'_>, rw: Rw) {
        let ring = stream.ring;
        let own = ring.position(rw);
        let least = match rw {
            Rw::Read => own,
            Rw::Write => own.wrapping_sub(ring.size() as u64),
        };
        ring.side(rw).alarm.arm(least, false, ring);
    }
}

impl ferrio::wait::Wish for Wish<'_, '_> {
    fn is_granted(&mut self) -> bool {
        self.is_fulfilled()
    }

    fn announce(&mut self) {
        self.arm();
    }

    fn slept(&mut self, for_nothing: bool) {
        let ring = self.stream.ring;
        ring.side(self.rw).alarm.slept(for_nothing, ring);
    }
}
