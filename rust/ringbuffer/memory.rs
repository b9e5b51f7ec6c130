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
use ring::Bell;
use uapi::{ferrio_rb_counters, ferrio_rb_end_page, ferrio_rb_state_page};

/// Pages in front of the data.
pub(crate) const HEAD_PAGES: usize = 3;

/// The pages of a ring, in the order in which they are mapped.
pub(crate) struct Memory {
    consumer: SharedPage,
    state: SharedPage,
    producer: SharedPage,
    /// Mapped by the kernel for its own ends alone: calls copy page by page.
    pub(crate) data: TwicePages,
}

// Words are eight bytes at a multiple of eight.
const _: () = assert!(
    size_of::<ferrio_rb_end_page>() <= PAGE_SIZE && size_of::<ferrio_rb_state_page>() <= PAGE_SIZE
);

impl Memory {
    /// Pages for `bytes` of data, all zero, charged to the active memory cgroup.
    ///
    /// # Errors
    ///
    /// As [`PageVec::new`].
    pub(crate) fn new(bytes: usize) -> Result<Self> {
        let memory = Memory {
            consumer: SharedPage::new()?,
            state: SharedPage::new()?,
            producer: SharedPage::new()?,
            data: TwicePages::new(PageVec::new(bytes)?),
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
