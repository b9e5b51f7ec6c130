// SPDX-License-Identifier: GPL-2.0

//! `ferrio_ring_turn.h`, whose inline functions Rust cannot call: a message's way through the
//! driver's end as far as nobody has to be asked, step by step the same.

use crate::abi::{self, ferrio_ring_end};
use core::ptr::NonNull;
#[cfg(not(CONFIG_X86_64))]
use kernel::sync::{
    atomic::{atomic_load, atomic_store, Acquire, Release},
    barrier::{smp_mb, Full},
};

/// The driver's end of a direction, for calls that need nobody else.
///
/// # Invariants
///
/// What this points to is alive, and what that points to as well: aligned words, and `mask + 1`
/// bytes of data, twice in a row. `limit` changes in calls for this end alone, of which none runs
/// while this is borrowed; it is at most `mask + 1` in front of the own position, and not behind it.
pub(crate) struct Turn(NonNull<ferrio_ring_end>);

/// Where the bytes of a turn are.
struct Known {
    position: u64,
    bytes: usize,
    start: *mut u8,
}

impl Turn {
    /// # Safety
    ///
    /// `end` must be that of a direction of rings that live as long as this, which is the only one
    /// of that end; and must only be borrowed while no call for that direction runs.
    pub(crate) unsafe fn new(end: NonNull<ferrio_ring_end>) -> Self {
        // INVARIANT: Our contract, and the header has the rest.
        Turn(end)
    }

    /// `ferrio_ring_begin()`; if so, all bytes that are known to be there.
    #[inline(always)]
    fn begin(&mut self, stops: u32, len: usize) -> Option<Known> {
        let end = self.0.as_ptr();
        // SAFETY: Alive by the type invariants. A volatile load of an aligned word is READ_ONCE().
        // The masked position lies within the data.
        unsafe {
            if (*end).state.read_volatile() & u64::from(stops) != 0 {
                return None;
            }
            let position = (*end).own.read_volatile();
            let bytes = (*end).limit.wrapping_sub(position);
            let start = (*end).data.add((position & (*end).mask) as usize);
            // Their distance has a sign; a slice is never longer than that can say.
            (bytes as i64 >= len as i64).then_some(Known {
                position,
                bytes: bytes as usize,
                start,
            })
        }
    }

    /// `ferrio_ring_publish()`.
    #[inline(always)]
    fn publish(&mut self, position: u64) -> bool {
        let end = self.0.as_ptr();
        // SAFETY: Alive by the type invariants; words of the ring are only used atomically.
        unsafe {
            store_and_fence((*end).own, position);
            // What is wanted is loaded behind that, as of this arm or a later one.
            load_acquire((*end).armed) != 0
                && position.wrapping_sub((*end).wanted.read_volatile()) as i64 >= 0
        }
    }

    /// `ferrio_ring_put_now()`: `None`, it could not; else whether somebody is to be woken.
    #[inline(always)]
    pub(crate) fn put(&mut self, from: &[u8]) -> Option<bool> {
        let known = self.begin(abi::FERRIO_RING_STOPS_WRITE, from.len())?;
        // SAFETY: So many bytes are free, and mapped wherever they begin. The slice is none of
        // them: who has borrowed such has borrowed the end as well.
        unsafe {
            known
                .start
                .copy_from_nonoverlapping(from.as_ptr(), from.len());
            (*self.0.as_ptr()).reserved = 0;
        }
        Some(self.publish(known.position.wrapping_add(from.len() as u64)))
    }

    /// `ferrio_ring_take_now()`: `None`, it could not; else how many, and whether somebody is to be
    /// woken.
    #[inline(always)]
    pub(crate) fn take(&mut self, to: &mut [u8], min: usize) -> Option<(usize, bool)> {
        if min == 0 || min > to.len() {
            return None;
        }
        let known = self.begin(abi::FERRIO_RING_STOPS_READ, min)?;
        let len = known.bytes.min(to.len());
        // SAFETY: So many bytes are there, mapped wherever they begin. A program may write to them
        // meanwhile: they are copied by the way, and what counts is the copy.
        unsafe { to.as_mut_ptr().copy_from_nonoverlapping(known.start, len) };
        let wake = self.publish(known.position.wrapping_add(len as u64));
        Some((len, wake))
    }
}

/// `smp_load_acquire()`, which on x86 is about the compiler alone.
///
/// # Safety
///
/// `word` must be valid for reads, aligned, and only written atomically.
#[cfg(CONFIG_X86_64)]
#[inline(always)]
unsafe fn load_acquire(word: *const u64) -> u64 {
    // SAFETY: Our contract.
    let value = unsafe { word.read_volatile() };
    // SAFETY: No instruction; memory is taken as changed by it.
    unsafe { core::arch::asm!("") };
    value
}

/// `smp_load_acquire()`.
///
/// # Safety
///
/// `word` must be valid for reads, aligned, and only written atomically.
#[cfg(not(CONFIG_X86_64))]
#[inline]
unsafe fn load_acquire(word: *const u64) -> u64 {
    // SAFETY: Our contract.
    unsafe { atomic_load(word.cast_mut(), Acquire) }
}

/// `smp_store_release()` and `smp_mb()`; on x86 one instruction, as an exchange is both.
///
/// # Safety
///
/// `word` must be valid for writes, aligned, and only used atomically.
#[cfg(CONFIG_X86_64)]
#[inline(always)]
unsafe fn store_and_fence(word: *mut u64, value: u64) {
    // SAFETY: Our contract. The compiler takes all memory as read and changed.
    unsafe { core::arch::asm!("xchg qword ptr [{}], {}", in(reg) word, inout(reg) value => _) };
}

/// `smp_store_release()` and `smp_mb()`.
///
/// # Safety
///
/// `word` must be valid for writes, aligned, and only used atomically.
#[cfg(not(CONFIG_X86_64))]
#[inline]
unsafe fn store_and_fence(word: *mut u64, value: u64) {
    // SAFETY: Our contract.
    unsafe { atomic_store(word, value, Release) };
    smp_mb(Full);
}
