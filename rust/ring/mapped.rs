// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The ends of a ring for who has them mapped.
//!
//! Both types keep the peer's position of an earlier turn and load it anew only when that one is
//! used up. It can only be too small, which is safe: fewer bytes to read, fewer free ones. The own
//! position is loaded in each turn, since another holder may have moved it between two of them; if
//! that one went further than the kept position, the latter is behind the own one, and loaded anew.
//!
//! One turn: [`Consumer::readable`], look at the bytes, [`Consumer::consume`]; or
//! [`Producer::free`], write bytes, [`Producer::publish`]. If these return a number, the kernel has
//! to be called (`FERRIO_RB_WAKEUP`). On [`Stop::Empty`] and [`Stop::Full`] the caller spins, or
//! waits in the kernel (`FERRIO_RB_WAIT`), which arms for it.

use crate::{called, turn, used, Bell, Corrupt, Word, Words};

/// Bits of the state word: `FERRIO_RB_STATE_*` of the ABI, which its users compare with these at
/// compile time.
pub mod state {
    /// No consumer is left: final.
    pub const READ_CLOSED: u64 = 1 << 1;
    /// No producer is left: final.
    pub const WRITE_CLOSED: u64 = 1 << 2;
    /// An impossible position was seen: final.
    pub const CORRUPT: u64 = 1 << 3;
}

/// A stretch of the ring's data, which lies there twice in a row: never in two pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it begins: below the size.
    pub offset: u64,
    /// How long it is: not 0, at most the size.
    pub len: u64,
}

/// Why a turn has nothing to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// No bytes for the consumer; some may come.
    Empty,
    /// No space for the producer; some may come.
    Full,
    /// No bytes for the consumer, and the producer is gone: the end of the stream.
    End,
    /// The consumer is gone: nobody will read what is written.
    Closed,
    /// The own end is closed, although it is mapped: it was given up.
    GivenUp,
    /// The rule is broken, or was: the kernel is told by `FERRIO_RB_BLAME`, if it does not know.
    Corrupt,
}

impl From<Corrupt> for Stop {
    fn from(_: Corrupt) -> Self {
        Stop::Corrupt
    }
}

/// The words of a mapped ring, as the holder of an end sees them.
#[derive(Debug)]
pub struct End<'a, W> {
    /// The position of the holder's end.
    pub own: &'a W,
    /// The position of the other end.
    pub peer: &'a W,
    /// The bell of the other end, by which this one wakes it.
    pub bell: Bell<&'a W>,
    /// The kernel's state word.
    pub state: &'a W,
}

/// What the holder of an end keeps from one turn to the next, where it cannot keep the end itself:
/// a few words, and no reference.
///
/// # Invariants
///
/// `size` is a power of two. `ready` is at most `size`.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    size: u64,
    peer: u64,
    woken: u64,
    ready: u64,
}

impl Kept {
    /// What [`Consumer::new`] begins with, at the position `own`. `None`: `size` is not a power of
    /// two.
    pub const fn consumer(own: u64, size: u64) -> Option<Self> {
        Kept::known(own, size)
    }

    /// What [`Producer::new`] begins with, at the position `own`. `None`: `size` is not a power of
    /// two.
    pub const fn producer(own: u64, size: u64) -> Option<Self> {
        Kept::known(own.wrapping_sub(size), size)
    }

    const fn known(peer: u64, size: u64) -> Option<Self> {
        if !size.is_power_of_two() {
            return None;
        }
        // INVARIANT: Just checked; 0.
        Some(Kept {
            size,
            peer,
            woken: 0,
            ready: 0,
        })
    }

    /// The peer's position, as of an earlier turn, and the last sequence that it was woken for.
    #[inline]
    pub const fn words(&self) -> (u64, u64) {
        (self.peer, self.woken)
    }

    /// The same with other [`words`](Self::words) of this end, and with so many bytes that the turn
    /// may still move, of those that it has found.
    #[inline]
    pub const fn with(self, (peer, woken): (u64, u64), ready: u64) -> Self {
        // INVARIANT: The size is the same; not more than that.
        Kept {
            peer,
            woken,
            ready: if ready < self.size { ready } else { self.size },
            ..self
        }
    }
}

/// What both ends have in common.
///
/// # Invariants
///
/// As of [`Kept`].
struct Mapped<'a, W: Words> {
    end: End<'a, W::Word>,
    size: u64,
    /// The own position, as loaded or published last.
    own: u64,
    /// The peer's position, as of an earlier turn.
    peer: u64,
    /// What the turn may still move.
    ready: u64,
    /// The last sequence of the peer's bell that was called for.
    woken: u64,
}

impl<'a, W: Words> Mapped<'a, W> {
    /// Goes on with what was kept of this end.
    #[inline]
    fn resume(end: End<'a, W::Word>, kept: Kept) -> Self {
        // Relaxed: as step 1 of each turn.
        let own = end.own.load();
        // INVARIANT: By those of `Kept`.
        Mapped {
            end,
            size: kept.size,
            own,
            peer: kept.peer,
            ready: kept.ready,
            woken: kept.woken,
        }
    }

    #[inline]
    fn kept(&self) -> Kept {
        // INVARIANT: By the own ones.
        Kept {
            size: self.size,
            peer: self.peer,
            woken: self.woken,
            ready: self.ready,
        }
    }

    #[inline]
    fn span(&mut self, ready: u64) -> Span {
        // INVARIANT: The callers' `ready` is at most `size`.
        self.ready = ready;
        Span {
            offset: self.own & (self.size - 1),
            len: ready,
        }
    }

    /// Steps 5 and 6.
    #[inline]
    fn publish(&mut self, moved: u64) -> Option<u64> {
        let moved = moved.min(self.ready);
        // INVARIANT: `moved` is at most `ready`, so that this gets smaller.
        self.ready -= moved;
        self.own = self.own.wrapping_add(moved);
        // W1. Release: pairs with the acquire load of the peer's step 2. What was done with the
        // bytes, reading or writing, stays in front of it.
        self.end.own.store_release(self.own);
        let sequence = called::<W>(&self.end.bell, self.own, self.woken)?;
        self.woken = sequence;
        Some(sequence)
    }
}

/// The consumer end of a mapped ring.
pub struct Consumer<'a, W: Words>(Mapped<'a, W>);

impl<'a, W: Words> Consumer<'a, W> {
    /// Goes on where the end's last holder stopped. `None`: `size` is not a power of two.
    pub fn new(end: End<'a, W::Word>, size: u64) -> Option<Self> {
        // The peer's position is kept as if there was nothing to read, so it is loaded in the first
        // turn.
        let kept = Kept::consumer(end.own.load(), size)?;
        Some(Consumer::resume(end, kept))
    }

    /// Goes on where [`Consumer::kept`] was.
    #[inline]
    pub fn resume(end: End<'a, W::Word>, kept: Kept) -> Self {
        Consumer(Mapped::resume(end, kept))
    }

    /// What to go on with later.
    #[inline]
    pub fn kept(&self) -> Kept {
        self.0.kept()
    }

    /// Begins a turn: the bytes that are there, one at least.
    ///
    /// # Errors
    ///
    /// [`Stop::Empty`], [`Stop::End`], [`Stop::GivenUp`], [`Stop::Corrupt`].
    #[inline]
    pub fn readable(&mut self) -> Result<Span, Stop> {
        self.readable_min(1)
    }

    /// Begins a turn of a consumer that has use for `min` bytes at once: as
    /// [`Consumer::readable`], but the peer's position is loaded anew if there are fewer by the one
    /// kept. There may still be fewer.
    ///
    /// # Errors
    ///
    /// As [`Consumer::readable`].
    #[inline]
    pub fn readable_min(&mut self, min: u64) -> Result<Span, Stop> {
        let this = &mut self.0;
        // Step 1, relaxed: only holders of this end write it, and whatever hands the end over
        // orders them.
        this.own = this.end.own.load();
        // A kept position that is behind the own one makes this larger than the size.
        let ready = this.peer.wrapping_sub(this.own);
        if ready.wrapping_sub(1) < this.size && ready >= min {
            return Ok(this.span(ready));
        }
        self.reload()
    }

    fn reload(&mut self) -> Result<Span, Stop> {
        let this = &mut self.0;
        this.ready = 0;
        // Acquire, and in front of the position: pairs with the kernel's release when the producer
        // is gone. If it is, the position that is loaded next is the last one.
        let state = this.end.state.load_acquire();
        if state & state::CORRUPT != 0 {
            return Err(Stop::Corrupt);
        }
        if state & state::READ_CLOSED != 0 {
            return Err(Stop::GivenUp);
        }
        let size = this.size;
        // Step 2, acquire: pairs with the producer's release in step 5. The bytes in front of the
        // position are there.
        let (own, peer, ready) = turn::look(this.end.own, this.end.peer, |own, peer| {
            used(peer, own, size)
        })?;
        this.own = own;
        this.peer = peer;
        if ready > 0 {
            Ok(this.span(ready))
        } else if state & state::WRITE_CLOSED != 0 {
            Err(Stop::End)
        } else {
            Err(Stop::Empty)
        }
    }

    /// Gives `moved` bytes of the turn back to the producer, behind their last use; may be called
    /// several times in a turn. More than the turn has counts as all of it.
    ///
    /// A number: producers sleep, and the kernel has to be called to wake them.
    #[inline]
    #[must_use = "the producer may have to be woken"]
    pub fn consume(&mut self, moved: u64) -> Option<u64> {
        self.0.publish(moved)
    }
}

/// The producer end of a mapped ring.
pub struct Producer<'a, W: Words>(Mapped<'a, W>);

impl<'a, W: Words> Producer<'a, W> {
    /// Goes on where the end's last holder stopped. `None`: `size` is not a power of two.
    pub fn new(end: End<'a, W::Word>, size: u64) -> Option<Self> {
        // The peer's position is kept as if the ring was full, so it is loaded in the first turn.
        let kept = Kept::producer(end.own.load(), size)?;
        Some(Producer::resume(end, kept))
    }

    /// Goes on where [`Producer::kept`] was.
    #[inline]
    pub fn resume(end: End<'a, W::Word>, kept: Kept) -> Self {
        Producer(Mapped::resume(end, kept))
    }

    /// What to go on with later.
    #[inline]
    pub fn kept(&self) -> Kept {
        self.0.kept()
    }

    /// Begins a turn: the free bytes, one at least.
    ///
    /// # Errors
    ///
    /// [`Stop::Full`], [`Stop::Closed`], [`Stop::GivenUp`], [`Stop::Corrupt`].
    #[inline]
    pub fn free(&mut self) -> Result<Span, Stop> {
        self.free_min(1)
    }

    /// Begins a turn of a producer that has use for `min` free bytes at once: as
    /// [`Producer::free`], but the peer's position is loaded anew if there are fewer by the one
    /// kept. There may still be fewer.
    ///
    /// # Errors
    ///
    /// As [`Producer::free`].
    #[inline]
    pub fn free_min(&mut self, min: u64) -> Result<Span, Stop> {
        let this = &mut self.0;
        // In each turn, else a producer would not learn for a whole ring that nobody reads.
        // Relaxed: what it says is final, and nothing is read on the strength of it.
        let state = this.end.state.load();
        if state & (state::READ_CLOSED | state::WRITE_CLOSED | state::CORRUPT) != 0 {
            return Err(Self::stopped(state));
        }
        // Step 1, relaxed: as for the consumer.
        this.own = this.end.own.load();
        // A kept position that is more than a ring behind the own one gives more than the size.
        let used = this.own.wrapping_sub(this.peer);
        if used < this.size && this.size - used >= min {
            let ready = this.size - used;
            return Ok(this.span(ready));
        }
        self.reload()
    }

    #[cold]
    fn stopped(state: u64) -> Stop {
        if state & state::CORRUPT != 0 {
            Stop::Corrupt
        } else if state & state::WRITE_CLOSED != 0 {
            Stop::GivenUp
        } else {
            Stop::Closed
        }
    }

    fn reload(&mut self) -> Result<Span, Stop> {
        let this = &mut self.0;
        this.ready = 0;
        let size = this.size;
        // Step 2, acquire: pairs with the consumer's release in step 5. The bytes in front of the
        // position have been read, and may be overwritten.
        let (own, peer, used) = turn::look(this.end.own, this.end.peer, |own, peer| {
            used(own, peer, size)
        })?;
        this.own = own;
        this.peer = peer;
        if used < size {
            Ok(this.span(size - used))
        } else {
            Err(Stop::Full)
        }
    }

    /// Gives `moved` bytes of the turn to the consumer, behind their last change; may be called
    /// several times in a turn. More than the turn has counts as all of it.
    ///
    /// A number: consumers sleep, and the kernel has to be called to wake them.
    #[inline]
    #[must_use = "the consumer may have to be woken"]
    pub fn publish(&mut self, moved: u64) -> Option<u64> {
        self.0.publish(moved)
    }
}
