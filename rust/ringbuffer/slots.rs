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
//! reservation and its header: then it is tried again by whoever looks for records before it sleeps
//! (read, wait, poll), by whoever wakes the consumer, and behind each record that the kernel
//! writes. The consumer cannot get past that producer's record before, whose commit wakes it, and
//! so it or the waker comes by here.

use crate::{memory::Memory, ring::Ring, rw::Rw, uapi, view::View};
use ferrio::word::Word;
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed, Release},
        SpinLock,
    },
};
use ring::records::{Many, Reaped, Reaper, HEADER_BYTES, SLOTS};

/// How many records are walked over with the lock held.
const STEP: u32 = 64;

/// A slot for each bit.
const ALL: u64 = (1 << SLOTS) - 1;

struct Inner {
    /// Held or dead.
    taken: u64,
    /// Whose mapping is gone; each is taken, too.
    dead: u64,
    /// The one that is being reaped, and by how far.
    walk: Option<(u32, Reaper)>,
}

impl Inner {
    fn free(&mut self, slot: u32) {
        self.taken &= !(1 << slot);
        self.dead &= !(1 << slot);
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
}

impl Slots {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            inner <- new_spinlock!(
                Inner {
                    taken: 0,
                    dead: 0,
                    walk: None,
                },
                "ringbuffer_slots"
            ),
            dead: Atomic::new(0),
        })
    }
}

impl Ring {
    /// Gives a free slot to a file that is about to map its producer end; in `of_file` is its
    /// number + 1 then, instead of 0.
    ///
    /// # Errors
    ///
    /// `EBUSY`: the file has one. `ENFILE`: there is none.
    pub(crate) fn claim_slot(&self, of_file: &Atomic<u32>) -> Result {
        let mut inner = self.slots.inner.lock();
        if of_file.load(Relaxed) != 0 {
            return Err(EBUSY);
        }
        let free = ALL & !inner.taken;
        if free == 0 {
            return Err(ENFILE);
        }
        let slot = free.trailing_zeros();
        inner.taken |= 1 << slot;
        of_file.store(slot + 1, Relaxed);
        Ok(())
    }

    /// The mapping with this file's slot is gone: what it has reserved is discarded. Nothing, if
    /// the file has none.
    pub(crate) fn bury_slot(&self, of_file: &Atomic<u32>) {
        {
            let mut inner = self.slots.inner.lock();
            let Some(slot) = of_file.load(Relaxed).checked_sub(1) else {
                return;
            };
            of_file.store(0, Relaxed);
            inner.dead |= 1 << slot;
            self.slots.dead.store(inner.dead, Release);
        }
        self.reap();
    }

    /// Discards what the dead have reserved, as far as that can be done now, and wakes the
    /// consumer for it. Says whether something was.
    ///
    /// Process context; does not sleep. A load if nobody is dead; else as many steps of `STEP`
    /// records as lie in front of their reservations, for each as many as twice the ring has.
    pub(crate) fn reap(&self) -> bool {
        if self.slots.dead.load_acquire() == 0 {
            return false;
        }
        match self.memory() {
            Some(memory) => self.reap_in(memory),
            None => false,
        }
    }

    #[cold]
    fn reap_in(&self, memory: &Memory) -> bool {
        let Some(many) = Many::new(View::of(self, memory), memory.len() as u64) else {
            return false;
        };
        let mut any = false;
        // Those that could not go on since the last one that did.
        let mut stuck = 0;
        // Whoever moves the consumer's position to and fro could keep a walk from its end; then it
        // is left to the next who comes by.
        let most = 2 * (memory.len() / (HEADER_BYTES as usize * STEP as usize) + 1);
        let mut steps = most;
        while let Some((slot, reaped)) = self.reap_step(&many, stuck) {
            match reaped {
                Reaped::Later => stuck |= 1 << slot,
                Reaped::Discarded(bell) => {
                    any = true;
                    stuck = 0;
                    if bell.is_some() {
                        let alarm = &self.consumer.alarm;
                        alarm.wake_armed(self.news(Rw::Read), self);
                    }
                }
                Reaped::Corrupt => self.set_corrupt(uapi::FERRIO_RB_CORRUPT_PRODUCER),
                Reaped::More | Reaped::Nothing => (),
            }
            if reaped != Reaped::More {
                steps = most;
            }
            steps -= 1;
            if steps == 0 {
                break;
            }
        }
        if any {
            self.print_losses();
        }
        any
    }

    /// A step of the one that is being reaped, whoever began, or of another one that is not
    /// `stuck`. `None`: there is none.
    fn reap_step(&self, many: &Many<View<'_>>, stuck: u64) -> Option<(u32, Reaped)> {
        let mut inner = self.slots.inner.lock();
        let (slot, walk) = match inner.walk.take() {
            Some((slot, reaper)) => (slot, Some(reaper)),
            None => {
                let left = inner.dead & !stuck;
                if left == 0 {
                    return None;
                }
                let slot = left.trailing_zeros();
                (slot, Reaper::new(many, u64::from(slot) + 1))
            }
        };
        let reaped = match walk {
            None => Reaped::Nothing,
            Some(mut reaper) => {
                let reaped = reaper.step(many, STEP, &self.loss);
                if reaped == Reaped::More {
                    inner.walk = Some((slot, reaper));
                }
                reaped
            }
        };
        if !matches!(reaped, Reaped::More | Reaped::Later) {
            inner.free(slot);
            self.slots.dead.store(inner.dead, Release);
        }
        Some((slot, reaped))
    }
}
