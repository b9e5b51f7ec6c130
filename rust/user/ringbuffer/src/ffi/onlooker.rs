// SPDX-License-Identifier: MIT OR Apache-2.0

//! Who only looks.

use super::{Layout, Shared, Window};
use crate::Waits;
use ferrio_ring::Word;
use ferrio_ringbuffer_sys::abi::*;
use rustix::{fd::BorrowedFd, io::Result};
use std::mem::offset_of;

/// The window of an observer: the words in it, to be looked at.
///
/// # Invariants
///
/// All of `window` can be read, and nobody writes through it.
#[derive(Debug)]
pub(crate) struct Onlooker(Window);

// SAFETY: All that can be done through a shared one is to load words atomically, and to ask for the
// layout, which does not change.
unsafe impl Sync for Onlooker {}

impl Onlooker {
    /// Maps the observer `fd`, of which `info` was told: errors as [`Mapped::new`].
    pub(crate) fn new(fd: BorrowedFd<'_>, info: &ferrio_rb_info) -> Result<Self> {
        // INVARIANT: One mapping, for reading.
        Window::new(fd, FERRIO_RB_OBSERVE, Layout::new(info)?).map(Onlooker)
    }

    fn end_page(&self, rw: u32) -> usize {
        [0, self.0.layout.producer][usize::from(rw == FERRIO_RB_WRITE)]
    }

    fn position_word(&self, rw: u32) -> &Shared {
        let at = self.end_page(rw) + offset_of!(ferrio_rb_end_page, position);
        // SAFETY: An aligned member of a page of words; not used behind `self`, which has the
        // window.
        unsafe { self.0.word(at) }
    }

    /// The size of the ring, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.0.layout.ring
    }

    /// The position of an end.
    pub(crate) fn position(&self, rw: u32) -> u64 {
        self.position_word(rw).load_acquire()
    }

    /// The bytes in the ring.
    pub(crate) fn used(&self) -> u64 {
        let consumer = self.position_word(FERRIO_RB_READ);
        let producer = self.position_word(FERRIO_RB_WRITE);
        ferrio_ring::observe(consumer, producer, self.size() as u64)
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
        unsafe { self.0.word(self.0.layout.state + at) }.load_acquire()
    }
}
