// SPDX-License-Identifier: MIT OR Apache-2.0

//! The words of a ring of records, in a window.

use super::{Mapping, Shared, Window};
use ferrio_ring::{
    records::{Producers, Records, Slot, CAUSES, SLOTS},
    Bell, Word,
};
use ferrio_ringbuffer_sys::abi::*;
use std::{mem::offset_of, slice};

/// Bits of `records` that this crate knows.
const KNOWN: u32 = FERRIO_RB_RECORDS | FERRIO_RB_RECORDS_MANY | FERRIO_RB_RECORDS_DROP;

/// What a ring carries, and how: the bits FERRIO_RB_RECORDS*.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried(u64);

impl Carried {
    pub(crate) fn new(info: &ferrio_rb_info) -> Self {
        Carried(info.records)
    }

    /// Records, of a kind that this crate knows.
    pub(crate) fn are_records(self) -> bool {
        self.has(FERRIO_RB_RECORDS) && self.0 & !u64::from(KNOWN) == 0
    }

    /// Of many producers.
    pub(crate) fn are_of_many(self) -> bool {
        self.has(FERRIO_RB_RECORDS_MANY)
    }

    /// What has no room is lost, and counted.
    pub(crate) fn are_dropped(self) -> bool {
        self.has(FERRIO_RB_RECORDS_DROP)
    }

    fn has(self, bit: u32) -> bool {
        self.0 & u64::from(bit) != 0
    }
}

/// A slot in the producers' page, as `struct ferrio_rb_slot`.
#[derive(Debug)]
#[repr(C)]
pub(super) struct SlotWords {
    claim: Shared,
    position: Shared,
    header: Shared,
    pub(super) lost: [Shared; CAUSES],
    pub(super) discarded: Shared,
}

const _: () = assert!(size_of::<SlotWords>() == size_of::<ferrio_rb_slot>());
const _: () = assert!(offset_of!(SlotWords, claim) == offset_of!(ferrio_rb_slot, claim));
const _: () = assert!(offset_of!(SlotWords, position) == offset_of!(ferrio_rb_slot, position));
const _: () = assert!(offset_of!(SlotWords, header) == offset_of!(ferrio_rb_slot, header));
const _: () = assert!(offset_of!(SlotWords, lost) == offset_of!(ferrio_rb_slot, lost));
const _: () = assert!(offset_of!(SlotWords, discarded) == offset_of!(ferrio_rb_slot, discarded));

/// What a page of words has to hold.
pub(super) const PRODUCERS_PAGE: usize =
    size_of::<ferrio_rb_producer_page>() + SLOTS as usize * size_of::<ferrio_rb_slot>();

/// The words of a ring of records, as the holder of one of its ends sees them.
///
/// It can be copied, as references can be; whoever has it sees to it that no copy is used when the
/// window is gone.
#[derive(Clone, Copy)]
pub(crate) struct View {
    consumer: &'static Shared,
    /// The position of one producer, `reserve` of many.
    producer: &'static Shared,
    limit: &'static Shared,
    state: &'static Shared,
    /// Of the other end.
    armed: &'static Shared,
    wanted: &'static Shared,
    slots: &'static [SlotWords],
    /// The data, once.
    words: &'static [Shared],
    owner: u64,
}

impl View {
    /// The words for the end `rw`; of a producer, for `owner`: the number of a slot and 1.
    ///
    /// # Safety
    ///
    /// What comes back, and copies of it, are not used behind the end of `window`. Only a window of
    /// the producer end is used for what stores into words but the consumer's position, and only
    /// one of the consumer end for that.
    pub(super) unsafe fn new(window: &Window, carried: Carried, rw: u32, owner: u64) -> Self {
        let layout = &window.layout;
        let page = layout.producer;
        let producer = if carried.are_of_many() {
            offset_of!(ferrio_rb_producer_page, reserve)
        } else {
            offset_of!(ferrio_rb_producer_page, end.position)
        };
        let bells = if rw == FERRIO_RB_WRITE { 0 } else { page };
        // SAFETY: All are aligned members in pages of words, which hold `PRODUCERS_PAGE` bytes, as
        // whoever makes a view has checked. The caller promises the rest.
        unsafe {
            View {
                consumer: window.word(offset_of!(ferrio_rb_end_page, position)),
                producer: window.word(page + producer),
                limit: window.word(page + offset_of!(ferrio_rb_producer_page, limit)),
                state: window.word(layout.state + offset_of!(ferrio_rb_state_page, state)),
                armed: window.word(bells + offset_of!(ferrio_rb_end_page, armed)),
                wanted: window.word(bells + offset_of!(ferrio_rb_end_page, wanted)),
                slots: window.words(page + size_of::<ferrio_rb_producer_page>(), SLOTS as usize),
                words: window.words(layout.data, layout.ring / size_of::<Shared>()),
                owner,
            }
        }
    }

    /// The kernel's state word; later loads of positions stay behind it.
    pub(super) fn state(&self) -> u64 {
        self.state.load_acquire()
    }

    /// The bytes in the ring, headers included, of records that are committed or not.
    pub(super) fn used(&self, carried: Carried) -> u64 {
        let size = size_of_val(self.words) as u64;
        if carried.are_of_many() {
            ferrio_ring::records::reserved(self, size)
        } else {
            ferrio_ring::observe(self.consumer, self.producer, size)
        }
    }

    /// The counters of the slot of an owner.
    pub(super) fn counters(&self, owner: u64) -> Option<&'static SlotWords> {
        self.slots.get(usize::try_from(owner.checked_sub(1)?).ok()?)
    }
}

impl Window {
    /// `count` words, or what consists of words, from offset `at` on.
    ///
    /// # Safety
    ///
    /// They lie in the window, `at` is a multiple of 8, `T` is one or more of [`Shared`] in a row,
    /// and the reference is not used behind the end of the window.
    unsafe fn words<T>(&self, at: usize, count: usize) -> &'static [T] {
        // SAFETY: In the window and aligned, by the caller's promise; atomic, so that others may
        // store meanwhile. Bytes of payload are written by raw pointers, and a reference to atomic
        // words does not say that they stay as they are.
        unsafe { slice::from_raw_parts(self.base.add(at).cast().as_ptr(), count) }
    }
}

impl Records for View {
    type Words = Mapping;

    #[inline]
    fn consumer(&self) -> impl Word {
        self.consumer
    }

    #[inline]
    fn producer(&self) -> impl Word {
        self.producer
    }

    #[inline]
    fn state(&self) -> impl Word {
        self.state
    }

    #[inline]
    fn bell(&self) -> Bell<impl Word> {
        Bell::new(self.armed, self.wanted)
    }

    #[inline]
    fn word(&self, offset: u64) -> impl Word {
        // Below the size, so that this takes nothing away; but then there is no bound to check.
        &self.words[(offset / 8) as usize & (self.words.len() - 1)]
    }
}

impl Producers for View {
    const USERS: bool = true;

    #[inline]
    fn limit(&self) -> impl Word {
        self.limit
    }

    #[inline]
    fn owner(&self) -> u64 {
        self.owner
    }

    #[inline]
    fn slot(&self, owner: u64) -> Option<Slot<impl Word>> {
        let words = self.counters(owner)?;
        Some(Slot {
            claim: &words.claim,
            position: &words.position,
            header: &words.header,
        })
    }
}
