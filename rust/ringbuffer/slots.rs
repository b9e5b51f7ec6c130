// SPDX-License-Identifier: GPL-2.0

//! Who has which slot of a ring of many producers, and the reservations of those who are gone.
//!
//! A mapping that may write to the producers' words has a slot from mmap() on until it goes; then
//! the slot is *dead* until its reservation, if there is one, is discarded.
//! `Documentation/records.rst` has the protocol ("Slots").
//!
//! | state of a slot | left by |
//! |---|---|
//! | free | [`Ring::claim_slot`] |
//! | held | [`Ring::bury_slot`], when the mapping goes: dead |
//! | dead | [`Ring::reap`], when it has come to an end: free |
//!
//! Reaping is tried at once. It cannot go on while a producer that was in front is between its
//! reservation and its header, in a *hole*: then it is tried again by whoever looks for records
//! before it sleeps (read, wait, poll), by whoever wakes the consumer, and behind each record that
//! the kernel writes. The consumer cannot get past that producer's record before, whose commit
//! wakes it, and so it or the waker comes by here. All walks begin at the consumer, so all who are
//! stopped are stopped in one hole: as long as there is no header it costs a look to come by.

use crate::{memory::Memory, ring::Ring, rw::Rw, uapi, view::View};
use ferrio::{poll::Mask, shared::fence, word::Word};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed, Release},
        SpinLock,
    },
};
use ring::records::{Many, Reaped, Reaper, SLOTS};

/// How many records are walked over with the lock held.
const STEP: u32 = 64;

/// How many steps one call takes, whoever makes it, and whatever is left.
const STEPS: u32 = 64;

/// In place of a file's slot: the file has given its end up, and never has one.
const GIVEN_UP: u32 = u32::MAX;

/// A slot for each bit.
const ALL: u64 = (1 << SLOTS) - 1;

struct Inner {
    /// Held or dead.
    taken: u64,
    /// Whose mapping is gone; each is taken, too.
    dead: u64,
    /// The one that is being reaped, and by how far.
    walk: Option<(u32, Reaper)>,
    /// Where a walk was stopped last, and whose: these dead are not tried while it is a hole.
    hole: Option<u64>,
    waiting: u64,
}

impl Inner {
    fn free(&mut self, slot: u32) {
        self.taken &= !(1 << slot);
        self.dead &= !(1 << slot);
        self.waiting &= !(1 << slot);
    }

    fn wait(&mut self, slot: u32, hole: Option<u64>) {
        if self.hole != hole {
            // The others were in front of one that is over.
            self.hole = hole;
            self.waiting = 0;
        }
        self.waiting |= 1 << slot;
    }

    /// If the hole is over, nobody waits for it any more.
    fn look_at_hole(&mut self, many: &Many<View<'_>>) {
        let stopped = |hole| Reaper::is_stopped_at(many, hole);
        if self.waiting != 0 && !self.hole.is_some_and(stopped) {
            self.waiting = 0;
        }
    }
}

/// The slots of a ring.
///
/// The lock is held for `STEP` records; nothing is taken under it.
#[pin_data]
pub(crate) struct Slots {
    #[pin]
    inner: SpinLock<Inner>,
    /// A copy of `Inner::dead`, to be looked at without the lock.
    dead: Atomic<u64>,
    /// Not 0: some of them do not wait. Likewise.
    reaping: Atomic<u64>,
}

impl Slots {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            inner <- new_spinlock!(
                Inner {
                    taken: 0,
                    dead: 0,
                    walk: None,
                    hole: None,
                    waiting: 0,
                },
                "ringbuffer_slots"
            ),
            dead: Atomic::new(0),
            reaping: Atomic::new(0),
        })
    }

    /// Behind each change.
    fn print(&self, inner: &Inner) {
        // The one that is walked for is dead, and does not wait.
        self.reaping.store(inner.dead & !inner.waiting, Release);
        self.dead.store(inner.dead, Release);
    }
}

/// The number of the slot that a file's mapping has + 1, or 0.
pub(crate) fn of_file(slot: &Atomic<u32>) -> u32 {
    match slot.load(Relaxed) {
        GIVEN_UP => 0,
        slot => slot,
    }
}

/// A file is about to give its end up: from now on it has no slot.
///
/// # Errors
///
/// `EBUSY`: it has one. Whoever has it mapped may have a reservation.
pub(crate) fn give_up(slot: &Atomic<u32>) -> Result {
    match slot.cmpxchg(0, GIVEN_UP, Relaxed) {
        Ok(_) | Err(GIVEN_UP) => Ok(()),
        Err(_) => Err(EBUSY),
    }
}

fn must_be_none(of_file: u32) -> Result {
    match of_file {
        0 => Ok(()),
        GIVEN_UP => Err(EBADF),
        _ => Err(EBUSY),
    }
}

impl Ring {
    /// Gives a free slot to a file that is about to map its producer end; in `of_file` is its
    /// number + 1 then, instead of 0.
    ///
    /// # Errors
    ///
    /// `EBADF`: the file has given its end up. `EBUSY`: it has one. `ENFILE`: there is none.
    pub(crate) fn claim_slot(&self, of_file: &Atomic<u32>) -> Result {
        let mut inner = self.slots.inner.lock();
        must_be_none(of_file.load(Relaxed))?;
        let free = ALL & !inner.taken;
        if free == 0 {
            return Err(ENFILE);
        }
        let slot = free.trailing_zeros();
        // SHUTDOWN does not take the lock.
        if let Err(now) = of_file.cmpxchg(0, slot + 1, Relaxed) {
            return must_be_none(now);
        }
        inner.taken |= 1 << slot;
        // Whoever had the words mapped may have written to a slot that was nobody's.
        if let Some(words) = self.memory().and_then(|memory| memory.slot(slot.into())) {
            words.idle();
        }
        Ok(())
    }

    /// The mapping with this file's slot is gone: what it has reserved is discarded. Nothing, if
    /// the file has none.
    pub(crate) fn bury_slot(&self, of_file: &Atomic<u32>) {
        {
            let mut inner = self.slots.inner.lock();
            let Some(slot) = self::of_file(of_file).checked_sub(1) else {
                return;
            };
            of_file.store(0, Relaxed);
            inner.dead |= 1 << slot;
            self.slots.print(&inner);
        }
        self.reap();
    }

    /// Discards what the dead have reserved, as far as that can be done now, and wakes the
    /// consumer for it. Says whether something was.
    ///
    /// Process context; does not sleep. A load if nobody is dead; else at most `STEPS` steps of
    /// `STEP` records. If that was not enough, whoever is queued at the consumer end is woken: he
    /// looks, and so goes on here; with signals, and others, between one call and the next.
    pub(crate) fn reap(&self) -> bool {
        if self.slots.dead.load_acquire() == 0 {
            return false;
        }
        match self.memory() {
            Some(memory) => self.reap_in(memory),
            None => false,
        }
    }

    /// Whether another [`reap`](Self::reap) would get further. Not while all that is left waits for
    /// somebody to write its header.
    pub(crate) fn is_reaping(&self) -> bool {
        self.slots.reaping.load_acquire() != 0
    }

    #[cold]
    fn reap_in(&self, memory: &Memory) -> bool {
        let Some(many) = Many::new(View::of(self, memory), memory.len() as u64) else {
            return false;
        };
        let (mut steps, mut any) = (0, false);
        while steps < STEPS {
            let Some(reaped) = self.reap_step(&many) else {
                break;
            };
            steps += 1;
            match reaped {
                Reaped::Discarded(bell) => {
                    any = true;
                    if bell.is_some() {
                        let alarm = &self.consumer.alarm;
                        alarm.wake_armed(self.news(Rw::Read), self);
                    }
                }
                Reaped::Corrupt => self.set_corrupt(uapi::FERRIO_RB_CORRUPT_PRODUCER),
                Reaped::More | Reaped::Later | Reaped::Nothing => (),
            }
        }
        if any {
            self.print_losses();
        }
        if self.is_reaping() {
            self.consumer.alarm.wake(Mask::NONE);
        } else if steps > 0 {
            // The end of the stream may have waited for this. Pairs with is_finished().
            fence();
            if self.producer.is_closed() {
                self.make_up(Rw::Write);
            }
        }
        any
    }

    /// A step of the one that is being reaped, whoever began, or of another one that does not
    /// wait. `None`: there is none.
    fn reap_step(&self, many: &Many<View<'_>>) -> Option<Reaped> {
        let mut inner = self.slots.inner.lock();
        let (slot, walk) = match inner.walk.take() {
            Some((slot, reaper)) => (slot, Some(reaper)),
            None => {
                inner.look_at_hole(many);
                let left = inner.dead & !inner.waiting;
                if left == 0 {
                    self.slots.print(&inner);
                    return None;
                }
                let slot = left.trailing_zeros();
                (slot, Reaper::new(many, u64::from(slot) + 1, inner.hole))
            }
        };
        let reaped = match walk {
            None => Reaped::Nothing,
            Some(mut reaper) => {
                let reaped = reaper.step(many, STEP, &self.loss);
                match reaped {
                    Reaped::More => inner.walk = Some((slot, reaper)),
                    Reaped::Later => inner.wait(slot, reaper.hole()),
                    _ => (),
                }
                reaped
            }
        };
        if !matches!(reaped, Reaped::More | Reaped::Later) {
            inner.free(slot);
        }
        // Its own reservation may have been the hole.
        inner.look_at_hole(many);
        self.slots.print(&inner);
        Some(reaped)
    }
}
