// SPDX-License-Identifier: MIT OR Apache-2.0

//! Rates: what two looks differ by.

use super::{
    device,
    model::{End, Status, FORMAT},
    module, processes, MODULES,
};
use crate::root::Root;
use std::{
    io,
    time::{Duration, Instant},
};

/// A look, and when it was.
pub(super) struct Sample {
    at: Instant,
    pub(super) status: Status,
}

impl Sample {
    pub(super) fn take(root: &Root) -> io::Result<Self> {
        let found = processes::look(root)?;
        let at = Instant::now();
        let status = Status {
            format: FORMAT,
            modules: MODULES.map(|name| module::look(root, name)).into(),
            devices: MODULES.map(|name| device::look(root, name)).into(),
            rings: found.rings.into_values().collect(),
            mappings: found.mappings,
            files: found.files,
            not_inspected: found.not_inspected,
        };
        Ok(Sample { at, status })
    }

    /// With the rates since an earlier one; a ring that was not there then has none.
    pub(super) fn since(mut self, before: &Sample) -> Self {
        let time = self.at.duration_since(before.at);
        for ring in &mut self.status.rings {
            let Ok(at) = before
                .status
                .rings
                .binary_search_by_key(&ring.id, |old| old.id)
            else {
                continue;
            };
            let old = &before.status.rings[at];
            ring.write_rate = rate(old.written, ring.written, time);
            ring.read_rate = rate(old.read, ring.read, time);
            end_since(&mut ring.consumer, &old.consumer, time);
            end_since(&mut ring.producer, &old.producer, time);
        }
        self
    }
}

fn end_since(end: &mut End, old: &End, time: Duration) {
    end.wake_rate = rate(old.wakes, end.wakes, time);
}

/// A second. A number that went back is of another ring: the module was loaded anew.
#[allow(clippy::cast_precision_loss)] // it is for people
fn rate(old: u64, new: u64, time: Duration) -> Option<f64> {
    let per_second = new.checked_sub(old)? as f64 / time.as_secs_f64();
    per_second
        .is_finite()
        .then(|| (per_second * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            fdinfo::tests::lines,
            processes::tests::{open, process},
        },
        *,
    };
    use crate::root::tests::Tree;

    fn sample(at: Instant, id: u64, written: u64, read: u64) -> Sample {
        let tree = Tree::new();
        process(&tree, 3, "writer");
        open(
            &tree,
            3,
            4,
            "/dev/ringbuffer",
            &lines("rb", id, written, read),
        );
        let mut sample = Sample::take(&tree.root()).expect("a look");
        sample.at = at;
        sample
    }

    #[test]
    fn rates_are_a_second() {
        let start = Instant::now();
        let before = sample(start, 1, 1000, 400);
        let mut after = sample(start + Duration::from_secs(2), 1, 5000, 401);
        after.status.rings[0].producer.wakes += 7;
        let ring = &after.since(&before).status.rings[0];
        assert_eq!((ring.write_rate, ring.read_rate), (Some(2000.0), Some(0.5)));
        assert_eq!(ring.consumer.wake_rate, Some(0.0));
        assert_eq!(ring.producer.wake_rate, Some(3.5));
    }

    #[test]
    fn a_new_ring_has_none() {
        let start = Instant::now();
        let before = sample(start, 1, 1000, 400);
        let after = sample(start + Duration::from_secs(2), 2, 5000, 401).since(&before);
        assert_eq!(after.status.rings[0].write_rate, None);
    }

    #[test]
    fn nor_has_one_that_went_back() {
        assert_eq!(rate(2, 1, Duration::from_secs(1)), None);
        assert_eq!(rate(2, 3, Duration::ZERO), None);
    }
}
