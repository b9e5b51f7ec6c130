// SPDX-License-Identifier: MIT OR Apache-2.0

//! The ends of a ring of bytes.

use super::{Layout, Mapping, Shared, Window};
use ferrio_ring::{Bell, Consumer, End, Producer, Span, Stop, Word};
use ferrio_ringbuffer_sys::abi::*;
use rustix::{
    fd::BorrowedFd,
    io::{Errno, Result},
};
use std::mem::offset_of;

/// The two ends of the protocol, by one face.
pub(crate) trait Turns: Sized {
    /// FERRIO_RB_READ or FERRIO_RB_WRITE.
    const RW: u32;
    /// What a mapped end of the kind is.
    const KIND: u32;
    /// Begins to use the end.
    fn start(end: End<'static, Shared>, size: u64) -> Option<Self>;
    /// Begins a turn, of `min` bytes if there are.
    fn look(&mut self, min: u64) -> std::result::Result<Span, Stop>;
    /// Moves the own position; whether the kernel has to be called for the peer.
    fn publish(&mut self, moved: u64) -> bool;
}

impl Turns for Consumer<'static, Mapping> {
    const RW: u32 = FERRIO_RB_READ;
    const KIND: u32 = FERRIO_RB_KIND_CONSUMER;

    fn start(end: End<'static, Shared>, size: u64) -> Option<Self> {
        Consumer::new(end, size)
    }

    #[inline]
    fn look(&mut self, min: u64) -> std::result::Result<Span, Stop> {
        self.readable_min(min)
    }

    #[inline]
    fn publish(&mut self, moved: u64) -> bool {
        self.consume(moved).is_some()
    }
}

impl Turns for Producer<'static, Mapping> {
    const RW: u32 = FERRIO_RB_WRITE;
    const KIND: u32 = FERRIO_RB_KIND_PRODUCER;

    fn start(end: End<'static, Shared>, size: u64) -> Option<Self> {
        Producer::new(end, size)
    }

    #[inline]
    fn look(&mut self, min: u64) -> std::result::Result<Span, Stop> {
        self.free_min(min)
    }

    #[inline]
    fn publish(&mut self, moved: u64) -> bool {
        Producer::publish(self, moved).is_some()
    }
}

/// An end, mapped: the protocol and the memory that it is about.
///
/// # Invariants
///
/// The words of the value are those of `window`; they never leave this value, and are not
/// used when it is dropped.
pub(crate) struct Mapped<T> {
    turns: T,
    state: &'static Shared,
    consumer: &'static Shared,
    producer: &'static Shared,
    window: Window,
}

impl<T: Turns> Mapped<T> {
    /// Maps the end `fd`, of which `info` was told: EPROTO if it lays its pages out in an unknown
    /// way, else what mmap(2) says.
    pub(crate) fn new(fd: BorrowedFd<'_>, info: &ferrio_rb_info) -> Result<Self> {
        let layout = Layout::new(info)?;
        let window = Window::new(fd, T::RW, layout)?;
        let position = offset_of!(ferrio_rb_end_page, position);
        let own_page = [0, layout.producer][usize::from(T::RW == FERRIO_RB_WRITE)];
        let peer_page = layout.producer - own_page;
        // SAFETY: All lie in pages of words, at offsets of aligned members. The references go into
        // the value that has the window.
        let (own, peer, armed, wanted, state) = unsafe {
            (
                window.word(own_page + position),
                window.word(peer_page + position),
                window.word(peer_page + offset_of!(ferrio_rb_end_page, armed)),
                window.word(peer_page + offset_of!(ferrio_rb_end_page, wanted)),
                window.word(layout.state + offset_of!(ferrio_rb_state_page, state)),
            )
        };
        let end = End {
            own,
            peer,
            bell: Bell::new(armed, wanted),
            state,
        };
        let turns = T::start(end, info.ring_bytes).ok_or(Errno::PROTO)?;
        let (consumer, producer) = if own_page == 0 {
            (own, peer)
        } else {
            (peer, own)
        };
        // INVARIANT: `turns` has the words that it was given. Its methods, and those below, return
        // numbers.
        Ok(Mapped {
            turns,
            state,
            consumer,
            producer,
            window,
        })
    }

    /// See [`Turns::look`].
    #[inline]
    pub(crate) fn look(&mut self, min: u64) -> std::result::Result<Span, Stop> {
        self.turns.look(min)
    }

    /// See [`Turns::publish`].
    #[inline]
    pub(crate) fn publish(&mut self, moved: u64) -> bool {
        self.turns.publish(moved)
    }
}

impl<T> Mapped<T> {
    /// The kernel's state word; later loads of positions stay behind it.
    pub(crate) fn state(&self) -> u64 {
        self.state.load_acquire()
    }

    /// The size of the ring, in bytes.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.window.layout.ring
    }

    /// The bytes in the ring.
    pub(crate) fn used(&self) -> u64 {
        ferrio_ring::observe(self.consumer, self.producer, self.size() as u64)
    }

    /// Where `len` bytes of data begin. Panics if there are not so many behind `offset`.
    #[inline]
    pub(crate) fn place(&self, offset: usize, len: usize) -> *mut u8 {
        self.window.data(offset, len).as_ptr()
    }

    /// Copies data out of the ring.
    #[inline]
    pub(crate) fn copy_out(&self, offset: usize, to: &mut [u8]) {
        self.window.copy_out(offset, to);
    }
}

impl Mapped<Producer<'static, Mapping>> {
    /// Copies data into the ring.
    #[inline]
    pub(crate) fn copy_in(&mut self, offset: usize, from: &[u8]) {
        // SAFETY: Of these turns it is a producer's.
        unsafe { self.window.copy_in(offset, from) };
    }
}
