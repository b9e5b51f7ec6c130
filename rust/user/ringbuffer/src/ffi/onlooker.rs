// SPDX-License-Identifier: MIT OR Apache-2.0

//! Who only looks.

use super::{
    records::{Carried, View, PRODUCERS_PAGE},
    Layout, Shared, Window,
};
use crate::Waits;
use ferrio_ring::{
    records::{end_of, CAUSES, SLOTS},
    Word,
};
use ferrio_ringbuffer_sys::abi::*;
use rustix::{
    fd::BorrowedFd,
    io::{Errno, Result},
};
use std::{array::from_fn, mem::offset_of};

/// The window of an observer: the words in it, to be looked at.
///
/// # Invariants
///
/// All of `window` can be read, and nobody writes through it. If records are `carried`, its pages
/// hold `PRODUCERS_PAGE` bytes.
#[derive(Debug)]
pub(crate) struct Onlooker {
    window: Window,
    carried: Carried,
}

// SAFETY: All that can be done through a shared one is to load words atomically, and to ask for the
// layout, which does not change.
unsafe impl Sync for Onlooker {}

impl Onlooker {
    /// Maps the observer `fd`, of which `info` was told: errors as [`Mapped::new`].
    pub(crate) fn new(fd: BorrowedFd<'_>, info: &ferrio_rb_info) -> Result<Self> {
        let carried = Carried::new(info);
        if carried.are_records() && (info.page_bytes as usize) < PRODUCERS_PAGE {
            return Err(Errno::PROTO);
        }
        let window = Window::new(fd, FERRIO_RB_OBSERVE, Layout::new(info)?)?;
        // INVARIANT: One mapping, for reading; just checked.
        Ok(Onlooker { window, carried })
    }

    fn end_page(&self, rw: u32) -> usize {
        [0, self.window.layout.producer][usize::from(rw == FERRIO_RB_WRITE)]
    }

    fn position_word(&self, rw: u32) -> &Shared {
        let at = self.end_page(rw) + offset_of!(ferrio_rb_end_page, position);
        // SAFETY: An aligned member of a page of words; not used behind `self`, which has the
        // window.
        unsafe { self.window.word(at) }
    }

    /// The size of the ring, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.window.layout.ring
    }

    /// The position of an end: of many producers, where the next record will begin.
    pub(crate) fn position(&self, rw: u32) -> u64 {
        match self.many() {
            Some(view) if rw == FERRIO_RB_WRITE => end_of(&view, self.size() as u64),
            // What lies in front of a record is no position.
            Some(_) => self.position_word(rw).load_acquire() & !7,
            None => self.position_word(rw).load_acquire(),
        }
    }

    /// The bytes in the ring.
    pub(crate) fn used(&self) -> u64 {
        if let Some(view) = self.many() {
            return view.used(self.carried);
        }
        let consumer = self.position_word(FERRIO_RB_READ);
        let producer = self.position_word(FERRIO_RB_WRITE);
        ferrio_ring::observe(consumer, producer, self.size() as u64)
    }

    /// The words of a ring of records.
    fn records(&self) -> Option<View> {
        if !self.carried.are_records() {
            return None;
        }
        // SAFETY: By the type invariant; it is used within calls of this value, and what is done
        // with it here are loads.
        Some(unsafe { View::new(&self.window, self.carried, FERRIO_RB_OBSERVE, 0) })
    }

    fn many(&self) -> Option<View> {
        self.records().filter(|_| self.carried.are_of_many())
    }

    /// The records that all producers have lost, by cause, and those that they have discarded: what
    /// the kernel says of its own, and the slots of theirs. Each counter by itself.
    pub(crate) fn losses(&self) -> ([u64; CAUSES], u64) {
        let Some(view) = self.records() else {
            return ([0; CAUSES], 0);
        };
        let page = offset_of!(ferrio_rb_state_page, lost);
        let of_kernel = page + offset_of!(ferrio_rb_losses, lost);
        let mut lost = from_fn(|cause| self.kernel(of_kernel + 8 * cause));
        let mut discarded = self.kernel(page + offset_of!(ferrio_rb_losses, discarded));
        for slot in (1..=SLOTS).filter_map(|owner| view.counters(owner)) {
            for (lost, of_slot) in lost.iter_mut().zip(&slot.lost) {
                *lost = u64::wrapping_add(*lost, of_slot.load());
            }
            discarded = discarded.wrapping_add(slot.discarded.load());
        }
        (lost, discarded)
    }

    /// The kernel's state word.
    pub(crate) fn state(&self) -> u64 {
        self.kernel(offset_of!(ferrio_rb_state_page, state))
    }

    /// The kernel's counters of an end's waits, each by itself.
    pub(crate) fn waits(&self, rw: u32) -> Waits {
        let page = [
            offset_of!(ferrio_rb_state_page, consumer),
            offset_of!(ferrio_rb_state_page, producer),
        ][usize::from(rw == FERRIO_RB_WRITE)];
        let counter = |at| self.kernel(page + at);
        Waits {
            arms: counter(offset_of!(ferrio_rb_counters, arms)),
            wakes: counter(offset_of!(ferrio_rb_counters, wakes)),
            suppressed: counter(offset_of!(ferrio_rb_counters, suppressed)),
            sleeps: counter(offset_of!(ferrio_rb_counters, sleeps)),
            spurious: counter(offset_of!(ferrio_rb_counters, spurious)),
        }
    }

    /// The word at an offset of the state page.
    fn kernel(&self, at: usize) -> u64 {
        assert!(at % 8 == 0 && at < size_of::<ferrio_rb_state_page>());
        // SAFETY: Checked; not used behind this call.
        unsafe { self.window.word(self.window.layout.state + at) }.load_acquire()
    }
}
