// SPDX-License-Identifier: MIT OR Apache-2.0

//! All of the crate that the compiler cannot check: the mapping, and the accesses to it.
//!
//! Memory of the mapping is never behind a reference, its words excepted, which are atomic: the
//! peer, and others who hold the same end, may write it at any time. Bytes are copied by raw
//! pointers; no value of theirs is looked at here.

mod consume;
mod ends;
mod onlooker;
mod produce;
mod records;

pub(crate) use consume::RecordsOut;
pub(crate) use ends::{Mapped, Turns};
pub(crate) use onlooker::Onlooker;
pub(crate) use produce::RecordsIn;
pub(crate) use records::Carried;

use ferrio_ring::{
    records::{bits, claim, Cause, CAUSES, HEADER_BYTES, SLOTS},
    state, Word, Words,
};
use ferrio_ringbuffer_sys::abi::*;
use rustix::{
    fd::BorrowedFd,
    io::{Errno, Result},
    mm::{mmap, mmap_anonymous, munmap, MapFlags, ProtFlags},
};
use std::{
    ptr::{copy_nonoverlapping, NonNull},
    sync::atomic::{
        compiler_fence, fence, AtomicU64,
        Ordering::{Acquire, Relaxed, Release, SeqCst},
    },
};

// The protocol's names for the bits of the state word are the ABI's.
const _: () = assert!(state::READ_CLOSED == FERRIO_RB_STATE_READ_CLOSED as u64);
const _: () = assert!(state::WRITE_CLOSED == FERRIO_RB_STATE_WRITE_CLOSED as u64);
const _: () = assert!(state::CORRUPT == FERRIO_RB_STATE_CORRUPT as u64);
// And those of records.
const _: () = assert!(bits::LEN == FERRIO_RB_RECORD_LEN as u64);
const _: () = assert!(bits::BUSY == FERRIO_RB_RECORD_BUSY);
const _: () = assert!(bits::DISCARD == FERRIO_RB_RECORD_DISCARD);
const _: () = assert!(bits::GAP == FERRIO_RB_RECORD_GAP);
const _: () = assert!(bits::HELD == FERRIO_RB_RECORD_HELD);
const _: () = assert!(bits::NEXT == FERRIO_RB_RECORD_NEXT);
const _: () = assert!(bits::PHASE == FERRIO_RB_RECORD_PHASE);
const _: () = assert!(bits::CHECK_SHIFT == FERRIO_RB_RECORD_CHECK_SHIFT);
const _: () = assert!(HEADER_BYTES == FERRIO_RB_RECORD_HEADER_BYTES as u64);
const _: () = assert!(CAUSES == FERRIO_RB_LOST_CAUSES as usize);
const _: () = assert!(Cause::Full as u32 == FERRIO_RB_LOST_FULL);
const _: () = assert!(Cause::TooLarge as u32 == FERRIO_RB_LOST_TOO_LARGE);
const _: () = assert!(Cause::Aborted as u32 == FERRIO_RB_LOST_ABORTED);
const _: () = assert!(Cause::Peer as u32 == FERRIO_RB_LOST_PEER);
const _: () = assert!(SLOTS == FERRIO_RB_SLOTS as u64);
const _: () = assert!(claim::IDLE == FERRIO_RB_SLOT_IDLE as u64);
const _: () = assert!(claim::ASKING == FERRIO_RB_SLOT_ASKING as u64);
const _: () = assert!(claim::WON == FERRIO_RB_SLOT_WON as u64);

/// One word of a mapped page.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Shared(AtomicU64);

impl Word for Shared {
    #[inline]
    fn load(&self) -> u64 {
        self.0.load(Relaxed)
    }

    #[inline]
    fn load_acquire(&self) -> u64 {
        self.0.load(Acquire)
    }

    #[inline]
    fn store(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    #[inline]
    fn store_release(&self, value: u64) {
        self.0.store(value, Release);
    }

    #[inline]
    fn cmpxchg_release(&self, old: u64, new: u64) -> bool {
        self.0.compare_exchange(old, new, Release, Relaxed).is_ok()
    }
}

/// The words of whoever has mapped an end.
pub(crate) struct Mapping;

impl Words for Mapping {
    type Word = Shared;

    #[inline]
    fn fence() {
        fence(SeqCst);
    }
}

/// Where things are in a window.
///
/// # Invariants
///
/// All begin at multiples of `page`, which holds a page of words, in the order consumer (at 0),
/// state, producer, data, and do not overlap. `ring` is a power of two, and the window ends behind
/// twice as many bytes of data, at `bytes`, which is no more than `isize::MAX`.
#[derive(Clone, Copy, Debug)]
struct Layout {
    state: usize,
    producer: usize,
    data: usize,
    ring: usize,
    bytes: usize,
}

impl Layout {
    /// The order of the pages is the ABI; where each begins, the kernel says. EPROTO if it says
    /// something else.
    fn new(info: &ferrio_rb_info) -> Result<Self> {
        let page = u64::from(info.page_bytes);
        let ring = info.ring_bytes;
        let at = [
            info.map_consumer,
            info.map_state,
            info.map_producer,
            info.map_data,
        ];
        let ordered = at
            .windows(2)
            .all(|two| two[0].checked_add(page).is_some_and(|end| end <= two[1]));
        let end = ring
            .checked_mul(2)
            .and_then(|twice| twice.checked_add(info.map_data));
        if page < size_of::<ferrio_rb_state_page>() as u64
            || page < size_of::<ferrio_rb_end_page>() as u64
            || !page.is_power_of_two()
            || !ring.is_power_of_two()
            || ring % page != 0
            || at.iter().any(|at| at % page != 0)
            || at[0] != 0
            || !ordered
            || end != Some(info.map_bytes)
        {
            return Err(Errno::PROTO);
        }
        if info.map_bytes > isize::MAX as u64 {
            return Err(Errno::NOMEM);
        }
        // INVARIANT: Just checked; what is below `bytes` fits as it does.
        Ok(Layout {
            state: at[1] as usize,
            producer: at[2] as usize,
            data: at[3] as usize,
            ring: ring as usize,
            bytes: info.map_bytes as usize,
        })
    }
}

/// A window in this process' memory.
///
/// # Invariants
///
/// `layout.bytes` bytes from `base` on are this value's to unmap, and readable as long as it is
/// there; those of `layout` that its end may write are writable.
#[derive(Debug)]
struct Window {
    base: NonNull<u8>,
    layout: Layout,
}

// SAFETY: A mapping is the process', not a thread's, and nothing in the type depends on who uses
// it.
unsafe impl Send for Window {}

impl Window {
    /// Maps the end `fd`, in its two protections (see `Documentation/mapped-ring.rst`), or an
    /// observer, in one.
    fn new(fd: BorrowedFd<'_>, rw: u32, layout: Layout) -> Result<Self> {
        let both = ProtFlags::READ | ProtFlags::WRITE;
        let (split, low, high) = match rw {
            FERRIO_RB_READ => (layout.state, both, ProtFlags::READ),
            FERRIO_RB_WRITE => (layout.producer, ProtFlags::READ, both),
            _ => (layout.bytes, ProtFlags::READ, ProtFlags::READ),
        };
        // SAFETY: Without MAP_FIXED a mapping takes the place of no other one.
        let base = unsafe {
            mmap_anonymous(
                std::ptr::null_mut(),
                layout.bytes,
                ProtFlags::empty(),
                MapFlags::PRIVATE,
            )
        }?;
        let base = NonNull::new(base.cast::<u8>()).ok_or(Errno::NOMEM)?;
        // INVARIANT: Ours, as it has just been made; it can be read only behind the two calls
        // below, and nobody has the value before.
        let window = Window { base, layout };
        let flags = MapFlags::SHARED | MapFlags::FIXED;
        // SAFETY: All stretches lie in the range that was reserved, by the layout's invariant, and
        // nothing points there yet. If one fails, the whole is unmapped by drop().
        unsafe {
            mmap(base.as_ptr().cast(), split, low, flags, fd, 0)?;
            if split < layout.bytes {
                let rest = base.as_ptr().add(split).cast();
                mmap(rest, layout.bytes - split, high, flags, fd, split as u64)?;
            }
        }
        Ok(window)
    }

    /// The word at offset `at`.
    ///
    /// # Safety
    ///
    /// `at` is a multiple of 8 in one of the three pages of words, and the reference is not used
    /// behind the end of the window.
    unsafe fn word(&self, at: usize) -> &'static Shared {
        // SAFETY: In the window and aligned, since pages are; read-only ones are only loaded from.
        // Everybody accesses words atomically. The caller promises the rest.
        unsafe { self.base.add(at).cast().as_ref() }
    }

    /// The data at `offset`; the pages of it that are there twice make `len` bytes one stretch.
    fn data(&self, offset: usize, len: usize) -> NonNull<u8> {
        let twice = 2 * self.layout.ring;
        assert!(offset <= twice && len <= twice - offset);
        // SAFETY: In the window, by the layout's invariant and the line above.
        unsafe { self.base.add(self.layout.data + offset) }
    }

    /// Copies data out of the ring.
    #[inline]
    fn copy_out(&self, offset: usize, to: &mut [u8]) {
        let from = self.data(offset, to.len());
        // SAFETY: data() checks that there are so many bytes, and all can be read. `to` is the
        // caller's alone, and so no part of a mapping.
        unsafe { copy_nonoverlapping(from.as_ptr(), to.as_mut_ptr(), to.len()) };
        // What has been copied is checked, and then used: neither may be read from the ring again.
        compiler_fence(SeqCst);
    }

    /// Copies data into the ring.
    ///
    /// # Safety
    ///
    /// The window is a producer end's.
    #[inline]
    unsafe fn copy_in(&self, offset: usize, from: &[u8]) {
        let to = self.data(offset, from.len());
        // SAFETY: data() checks that there are so many bytes, and a producer end can write them.
        // No reference to bytes of a mapping exists, so `from` is none.
        unsafe { copy_nonoverlapping(from.as_ptr(), to.as_ptr(), from.len()) };
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: Ours, by the type invariant. What pointed into it is out of use: raw pointers
        // that this crate gives away say so, and `Mapped` drops its words with this.
        // It fails only if the range is split, and then nothing can be done about it.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.layout.bytes) };
    }
}
