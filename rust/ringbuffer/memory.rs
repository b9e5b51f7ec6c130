// SPDX-License-Identifier: GPL-2.0

//! The memory of a ring: three pages of words, and the data.
//!
//! What is read from the words is a claim of whoever has mapped them; what is written to the state
//! page is a print of what the kernel knows from its own memory.

use crate::{alarm::Counters, rw::Rw, uapi, words::PageWord};
use core::mem::offset_of;
use ferrio::{
    pages::{PageRef, PageVec, TwicePages},
    shared::SharedPage,
};
use kernel::{
    page::{PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
};
use ring::{records::Slot, Bell};
use uapi::{
    ferrio_rb_counters, ferrio_rb_end_page, ferrio_rb_losses, ferrio_rb_producer_page,
    ferrio_rb_slot, ferrio_rb_state_page,
};

/// Pages in front of the data.
pub(crate) const HEAD_PAGES: usize = 3;

/// The pages of a ring, in the order in which they are mapped.
pub(crate) struct Memory {
    consumer: SharedPage,
    state: SharedPage,
    producer: SharedPage,
    /// Mapped by the kernel for its own ends alone: calls copy page by page.
    pub(crate) data: TwicePages,
    /// FERRIO_RB_RECORDS* bits, for good.
    records: u32,
}

/// Where the first slot, that of a single producer, lies in the producer's page.
const SLOT: usize = size_of::<ferrio_rb_producer_page>();

// Words are eight bytes at a multiple of eight.
const _: () = assert!(
    size_of::<ferrio_rb_end_page>() <= PAGE_SIZE && size_of::<ferrio_rb_state_page>() <= PAGE_SIZE
);
const _: () = assert!(
    SLOT + uapi::FERRIO_RB_SLOTS as usize * size_of::<ferrio_rb_slot>() <= PAGE_SIZE
        && uapi::FERRIO_RB_SLOTS as u64 == ring::records::SLOTS
);

impl Memory {
    /// Pages for `bytes` of data, all zero, charged to the active memory cgroup; `records` are
    /// FERRIO_RB_RECORDS* bits.
    ///
    /// # Errors
    ///
    /// As [`PageVec::new`].
    pub(crate) fn new(bytes: usize, records: u32) -> Result<Self> {
        let memory = Memory {
            consumer: SharedPage::new()?,
            state: SharedPage::new()?,
            producer: SharedPage::new()?,
            data: TwicePages::new(PageVec::new(bytes)?),
            records,
        };
        // Two u32 in one word: which half is the first depends on the machine.
        let mut pair = [0; size_of::<u64>()];
        let (version, page) = pair.split_at_mut(size_of::<u32>());
        version.copy_from_slice(&uapi::FERRIO_RB_ABI_VERSION.to_ne_bytes());
        page.copy_from_slice(&(PAGE_SIZE as u32).to_ne_bytes());
        let state = &memory.state;
        state
            .word::<{ offset_of!(ferrio_rb_state_page, abi_version) }>()
            .store(u64::from_ne_bytes(pair));
        state
            .word::<{ offset_of!(ferrio_rb_state_page, ring_bytes) }>()
            .store(bytes as u64);
        state
            .word::<{ offset_of!(ferrio_rb_state_page, records) }>()
            .store(records.into());
        Ok(memory)
    }

    /// The size of the data in bytes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }

    #[inline]
    fn end_page(&self, rw: Rw) -> &SharedPage {
        match rw {
            Rw::Read => &self.consumer,
            Rw::Write => &self.producer,
        }
    }

    /// The position of an end.
    #[inline]
    pub(crate) fn position(&self, rw: Rw) -> PageWord<'_> {
        PageWord(
            self.end_page(rw)
                .word::<{ offset_of!(ferrio_rb_end_page, position) }>(),
        )
    }

    /// The state, as mapped holders see it: FERRIO_RB_STATE_*.
    #[inline]
    pub(crate) fn state(&self) -> PageWord<'_> {
        PageWord(
            self.state
                .word::<{ offset_of!(ferrio_rb_state_page, state) }>(),
        )
    }

    /// Whether there are records.
    #[inline]
    pub(crate) fn has_records(&self) -> bool {
        self.records != 0
    }

    /// Whether there are records of many producers.
    #[inline]
    pub(crate) fn has_many(&self) -> bool {
        self.records & uapi::FERRIO_RB_RECORDS_MANY != 0
    }

    /// The word that says how far the producers are: the position, or `reserve` of many.
    #[inline]
    pub(crate) fn end_word(&self) -> PageWord<'_> {
        if self.has_many() {
            PageWord(
                self.producer
                    .word::<{ offset_of!(ferrio_rb_producer_page, reserve) }>(),
            )
        } else {
            self.position(Rw::Write)
        }
    }

    /// `limit` of many producers.
    #[inline]
    pub(crate) fn limit(&self) -> PageWord<'_> {
        PageWord(
            self.producer
                .word::<{ offset_of!(ferrio_rb_producer_page, limit) }>(),
        )
    }

    /// The words of a slot that tell of its reservation. `None`: there is no such slot.
    pub(crate) fn slot(&self, slot: u64) -> Option<Slot<PageWord<'_>>> {
        if slot >= ring::records::SLOTS {
            return None;
        }
        let base = SLOT + slot as usize * size_of::<ferrio_rb_slot>();
        let word = |offset| self.producer.word_at(base + offset).map(PageWord);
        Some(Slot {
            claim: word(offset_of!(ferrio_rb_slot, claim))?,
            position: word(offset_of!(ferrio_rb_slot, position))?,
            header: word(offset_of!(ferrio_rb_slot, header))?,
        })
    }

    /// The word of the data at byte `offset`, a multiple of 8 below the size. There is none
    /// elsewhere: then it is one that nobody uses.
    #[inline]
    pub(crate) fn word(&self, offset: u64) -> PageWord<'_> {
        let word = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.data.word_at(offset));
        PageWord(word.unwrap_or_else(|| {
            self.state
                .word::<{ offset_of!(ferrio_rb_state_page, pad1) }>()
        }))
    }

    /// Prints what producers in the kernel have lost, unless more is printed. Any context, any
    /// number at once: the counters only grow, and so does what is printed.
    pub(crate) fn print_losses(&self, losses: &ferrio_rb_losses) {
        let base = offset_of!(ferrio_rb_state_page, lost);
        for (offset, value) in words_of(losses) {
            let Some(word) = self.state.word_at(base + offset) else {
                continue;
            };
            // Who fails has seen another one print more than before.
            let mut there = word.load();
            while value.wrapping_sub(there) as i64 > 0 && !word.cmpxchg_release(there, value) {
                there = word.load();
            }
        }
    }

    /// What mapped producers say that they have lost, in all: their word alone.
    pub(crate) fn claimed_losses(&self) -> ferrio_rb_losses {
        let slots = if self.has_many() {
            ring::records::SLOTS as usize
        } else {
            1
        };
        let sum = |offset| {
            (0..slots).fold(0u64, |sum, slot| {
                let at = SLOT + slot * size_of::<ferrio_rb_slot>() + offset;
                sum.wrapping_add(self.producer.word_at(at).map_or(0, |word| word.load()))
            })
        };
        let lost = offset_of!(ferrio_rb_slot, lost);
        ferrio_rb_losses {
            lost: core::array::from_fn(|cause| sum(lost + cause * size_of::<u64>())),
            discarded: sum(offset_of!(ferrio_rb_slot, discarded)),
            ..Default::default()
        }
    }

    /// What mapped wakers look at.
    pub(crate) fn bell(&self, rw: Rw) -> Bell<PageWord<'_>> {
        let page = self.end_page(rw);
        Bell::new(
            PageWord(page.word::<{ offset_of!(ferrio_rb_end_page, armed) }>()),
            PageWord(page.word::<{ offset_of!(ferrio_rb_end_page, wanted) }>()),
        )
    }

    /// Prints what mapped holders have to know of the ring. `corrupt` before `state`, which
    /// says that it is there.
    pub(crate) fn print_state(&self, state: u32, corrupt: u32, generation: u64) {
        let page = &self.state;
        page.word::<{ offset_of!(ferrio_rb_state_page, generation) }>()
            .store(generation);
        page.word::<{ offset_of!(ferrio_rb_state_page, corrupt) }>()
            .store(corrupt.into());
        page.word::<{ offset_of!(ferrio_rb_state_page, state) }>()
            .store_release(state.into());
    }

    /// Prints the counters of an end.
    pub(crate) fn print_counters(&self, rw: Rw, counters: &Counters) {
        let base = match rw {
            Rw::Read => offset_of!(ferrio_rb_state_page, consumer),
            Rw::Write => offset_of!(ferrio_rb_state_page, producer),
        };
        for (offset, value) in [
            (offset_of!(ferrio_rb_counters, arms), counters.arms),
            (offset_of!(ferrio_rb_counters, wakes), counters.wakes),
            (
                offset_of!(ferrio_rb_counters, suppressed),
                counters.suppressed,
            ),
            (offset_of!(ferrio_rb_counters, sleeps), counters.sleeps),
            (offset_of!(ferrio_rb_counters, spurious), counters.spurious),
        ] {
            if let Some(word) = self.state.word_at(base + offset) {
                word.store(value);
            }
        }
    }

    /// The window that is mapped, in pages: the head, and the data twice in a row.
    pub(crate) fn window(bytes: usize) -> usize {
        HEAD_PAGES + 2 * (bytes >> PAGE_SHIFT)
    }

    /// A page of the window.
    pub(crate) fn page(&self, index: usize) -> Option<PageRef<'_>> {
        match index {
            0 => Some(self.consumer.page()),
            1 => Some(self.state.page()),
            2 => Some(self.producer.page()),
            _ => {
                let index = index.checked_sub(HEAD_PAGES)?;
                let again = index.checked_sub(self.len() >> PAGE_SHIFT);
                // Behind the second turn there is nothing.
                self.data.page(again.unwrap_or(index))
            }
        }
    }
}

/// The counters, with their offsets in the struct.
fn words_of(losses: &ferrio_rb_losses) -> impl Iterator<Item = (usize, u64)> + '_ {
    let base = offset_of!(ferrio_rb_losses, lost);
    let discarded = (offset_of!(ferrio_rb_losses, discarded), losses.discarded);
    let lost = losses.lost.iter().enumerate();
    let lost = lost.map(move |(cause, value)| (base + cause * size_of::<u64>(), *value));
    Iterator::chain(lost, [discarded])
}
