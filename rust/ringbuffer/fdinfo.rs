// SPDX-License-Identifier: GPL-2.0

//! What `/proc/PID/fdinfo/FD` says of a ring. The keys are ABI.

use crate::{ring::Ring, rw::Rw, uapi};
use kernel::{seq_file::SeqFile, seq_print, sync::atomic::Relaxed};

impl Ring {
    /// Prints all that is known of the ring, the keys with a prefix.
    pub(crate) fn show(&self, seq: &SeqFile, prefix: &str) {
        // The reader's position first: then the difference is not negative by our doing.
        let read = self.position(Rw::Read);
        let written = self.position(Rw::Write);
        let allocated = u64::from(self.memory().is_some());
        for (what, value) in [
            ("id", self.id),
            ("size", self.size() as u64),
            ("allocated", allocated),
            ("written", written),
            ("read", read),
            ("consumers", self.consumer.holders().into()),
            ("producers", self.producer.holders().into()),
            ("maps", self.maps.load(Relaxed).into()),
            ("corrupt", self.corrupt().into()),
            ("misuse", self.misuse()),
        ] {
            seq_print!(seq, "{}-{}:\t{}\n", prefix, what, value);
        }
        if self.records() != 0 {
            let uapi::ferrio_rb_losses {
                lost, discarded, ..
            } = self.losses();
            for (what, value) in [
                ("records", self.records().into()),
                ("lost-full", lost[uapi::FERRIO_RB_LOST_FULL as usize]),
                (
                    "lost-too-large",
                    lost[uapi::FERRIO_RB_LOST_TOO_LARGE as usize],
                ),
                ("lost-aborted", lost[uapi::FERRIO_RB_LOST_ABORTED as usize]),
                ("lost-peer", lost[uapi::FERRIO_RB_LOST_PEER as usize]),
                ("discarded", discarded),
            ] {
                seq_print!(seq, "{}-{}:\t{}\n", prefix, what, value);
            }
        }
        for (name, side) in [("consumer", &self.consumer), ("producer", &self.producer)] {
            let counters = side.alarm.counters();
            for (what, count) in [
                ("arms", counters.arms),
                ("wakes", counters.wakes),
                ("suppressed", counters.suppressed),
                ("sleeps", counters.sleeps),
                ("spurious", counters.spurious),
            ] {
                seq_print!(seq, "{}-{}-{}:\t{}\n", prefix, name, what, count);
            }
        }
    }
}
