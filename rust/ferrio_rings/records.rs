// SPDX-License-Identifier: GPL-2.0

//! A ring of records, as a driver calls it.

use super::RingsFile;
use ferrio_ring::Recorder;
use kernel::{interrupt::local_interrupt_disable, prelude::*};

/// One record of a thread.
pub(crate) fn zeros(recorder: &Recorder, len: usize) -> Result {
    let mut record = recorder.reserve(len)?;
    record.fill(0);
    record.commit(len)
}

impl RingsFile {
    /// A record of these bytes, of which `commit` are committed; or none.
    pub(crate) fn record(&self, from: &[u8], commit: Option<usize>, atomic: bool) -> Result {
        let mut ends = self.ends.lock();
        let mut recorder = ends.recorder.take().ok_or(EBADF)?;
        let result;
        if atomic {
            let end = recorder.into_atomic();
            let interrupts = local_interrupt_disable();
            result = end.reserve(from.len()).and_then(|mut record| {
                record.copy_from_slice(from);
                // Dropped, it is taken back.
                commit.map_or(Ok(()), |len| record.commit(len))
            });
            drop(interrupts);
            recorder = end.into_sleeping();
        } else {
            result = recorder.reserve(from.len()).and_then(|mut record| {
                record.copy_from_slice(from);
                commit.map_or(Ok(()), |len| record.commit(len))
            });
        }
        ends.recorder = Some(recorder);
        result
    }

    /// Two records of a half each: the one that was reserved first is there when the other one is
    /// there already.
    pub(crate) fn two_records(&self, from: &[u8]) -> Result {
        let mut ends = self.ends.lock();
        let end = ends.recorder.take().ok_or(EBADF)?.into_atomic();
        let (one, two) = from.split_at(from.len() / 2);
        let interrupts = local_interrupt_disable();
        let result = end.reserve(one.len()).and_then(|mut first| {
            first.copy_from_slice(one);
            let second = end.reserve(two.len()).and_then(|mut second| {
                second.copy_from_slice(two);
                second.commit(two.len())
            });
            first.commit(one.len()).and(second)
        });
        drop(interrupts);
        ends.recorder = Some(end.into_sleeping());
        result
    }
}
