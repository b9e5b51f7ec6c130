// SPDX-License-Identifier: GPL-2.0

//! poll() of a ring.

use crate::{rw::Rw, stream::Stream, uapi, wish::Wish};
use ferrio::{
    poll::{Mask, PollTable},
    shared::fence,
};

impl<'a> Stream<'a> {
    /// Registers a poller of the ends that the file holds, or observes, and says what is ready.
    pub(crate) fn poll(&self, table: &PollTable<'a>) -> Mask {
        let ring = self.ring;
        // Only where its own events come: others would wake it for nothing, and Linux AIO polls a
        // file with one queue only. An end that is lost later wakes its queue at that time.
        if self.holds(Rw::Read) {
            table.register(&ring.consumer.alarm.waiters);
        } else if self.watches_data() {
            table.register(&ring.consumer.alarm.onlookers);
        }
        if self.holds(Rw::Write) {
            table.register(&ring.producer.alarm.waiters);
        }
        if table.asks_once() {
            self.expect_edges();
        }
        if table.is_waiting() {
            self.ready_or_armed(table.wants_more())
        } else {
            self.ready()
        }
    }

    /// The bits of poll() for the ends that the file holds, or observes; and for those that it has
    /// given up, where a call would not wait, but fail.
    pub(crate) fn ready(&self) -> Mask {
        let ring = self.ring;
        let mut mask = Mask::NONE;
        for rw in [Rw::Read, Rw::Write] {
            if self.has_given_up(rw) {
                mask |= rw.event();
            }
        }
        if ring.corrupt() != uapi::FERRIO_RB_CORRUPT_NONE {
            mask |= Mask::ERR;
        }
        if self.watches_data() {
            // Finished first: all that was ever published is then seen below.
            if ring.is_finished() {
                mask |= Mask::HUP;
            }
            ring.reap();
            if ring.has_enough(Rw::Read) {
                mask |= Mask::IN;
            }
        }
        if self.holds(Rw::Write) {
            if ring.consumer.is_closed() {
                mask |= Mask::ERR | Mask::HUP;
            }
            if ring.has_enough(Rw::Write) {
                mask |= Mask::OUT;
            }
        }
        mask
    }

    /// A poller of this file does not ask again before the next event.
    fn expect_edges(&self) {
        if self.watches_data() {
            self.ring.consumer.alarm.expect_edges();
        }
        if self.holds(Rw::Write) {
            self.ring.producer.alarm.expect_edges();
        }
    }

    /// The bits for a poller that is queued already, and may wait for an event: arms for those that
    /// are not there, and with `more` for all.
    pub(crate) fn ready_or_armed(&self, more: bool) -> Mask {
        let mask = self.ready();
        let mut armed = false;
        for (watched, rw, bits) in [
            (self.watches_data(), Rw::Read, Mask::IN),
            (self.holds(Rw::Write), Rw::Write, Mask::OUT),
        ] {
            if watched && (more || !mask.contains(bits)) {
                if mask.contains(bits) {
                    Wish::arm_for_more(self, rw);
                } else {
                    Wish::exact(self, rw, self.ring.enough(rw)).arm();
                }
                armed = true;
            }
        }
        if !armed {
            return mask;
        }
        fence();
        self.ready()
    }
}
