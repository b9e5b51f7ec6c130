// SPDX-License-Identifier: GPL-2.0

//! When a stream ends: behind all that was published, or is still to be.

use super::Ring;
use crate::rw::Rw;
use ferrio::{log, poll::Mask, shared::fence, word::Word};
use kernel::{
    prelude::*,
    sync::atomic::{Full, Release},
};

impl Ring {
    /// Whether nobody holds the producer end and no turn is under way in it: nothing more will be
    /// published.
    ///
    /// A file that gives its end up while another thread is inside of a copy through it is no
    /// holder any more, but what that copy publishes is not lost. Taking the token orders us behind
    /// the last turn, and a later one sees that its file has lost the end. If it is taken, whoever
    /// has it sees that we were refused, and wakes us; so do we, as others may ask at the same
    /// time. Does not sleep.
    pub(crate) fn is_finished(&self) -> bool {
        if self.finished.load_acquire() != 0 {
            return true;
        }
        if !self.producer.is_closed() {
            return false;
        }
        // Nor while there is something of the dead to be discarded. Pairs with reap(): either this
        // sees that it is over, or reap() sees that the end is closed, and comes here.
        fence();
        if self.is_reaping() {
            return false;
        }
        if self.driver == Some(Rw::Write) {
            // Nobody takes its token. Acquire, behind the fence: pairs with the full barriers of
            // open_record() and close_record().
            let finished = self.open.load_acquire() == 0;
            if finished {
                self.finished.store(1, Release);
            }
            return finished;
        }
        let token = self.producer.token.try_take(|| self.make_up(Rw::Write));
        if token.is_some() {
            // Under the token, so that what we have to make up to others finds it.
            self.finished.store(1, Release);
        }
        token.is_some()
    }

    /// A driver is about to reserve a record, and then looks whether it has given its end up:
    /// either it sees that, or whoever sees the end closed sees the record. Full barrier.
    #[inline]
    pub(crate) fn open_record(&self) {
        self.open.fetch_add(1, Full);
    }

    /// The record is ended, or there is none; says whether it was the last one. If the end is
    /// closed meanwhile, others may wait for that: [`make_up`](Self::make_up). Full barrier.
    #[inline]
    pub(crate) fn close_record(&self) -> bool {
        self.open.fetch_sub(1, Full) == 1
    }

    /// The driver is gone: what it has not ended nobody will. Process context.
    pub(crate) fn forget_records(&self) {
        let left = self.open.xchg(0, Full);
        if left == 0 {
            return;
        }
        if let Some(kept) = log::may_say() {
            pr_warn!(
                "a driver has freed its ring before it had ended {} of its records: programs that \
                 come there find the ring corrupt ({} such lines not printed)\n",
                left,
                kept,
            );
        }
        self.make_up(Rw::Write);
    }

    /// A mapping that could write is gone, perhaps between what it has published and the wake that
    /// belongs to it; or words that it moved for a moment are in what others are armed for. Whoever
    /// sleeps looks, and arms anew. Process context; does not sleep.
    pub(crate) fn rouse(&self) {
        for rw in [Rw::Read, Rw::Write] {
            self.side(rw).alarm.wake_armed(self.news(rw), self);
        }
    }

    /// Tells mapped holders if nothing more will be published. Does not sleep.
    pub(super) fn finish(&self) {
        if self.is_finished() {
            self.print_state(&self.ends.lock());
        }
    }

    /// For those who were refused an end's token: EAGAIN, or "not finished yet". Whatever they wait
    /// for by now, it is the end of the turn that they met.
    pub(crate) fn make_up(&self, rw: Rw) {
        match rw {
            Rw::Read => self.consumer.alarm.wake(Mask::NONE),
            Rw::Write => {
                self.producer.alarm.wake(Mask::NONE);
                if self.producer.is_closed() {
                    self.finish();
                    self.consumer.alarm.wake_all(self);
                }
            }
        }
    }
}
