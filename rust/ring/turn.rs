// SPDX-License-Identifier: GPL-2.0 OR MIT

//! One turn of an end, on copies of both positions.

use crate::{used, Corrupt, Word, LOOKS};

/// A turn of an end whose holder has the end for itself meanwhile: steps 1 to 5.
///
/// What read(2) and write(2) do under their end's token. Each position is loaded once, and all is
/// done with the copies, until [`Turn::publish`] finds out whether the end was indeed left alone.
///
/// # Invariants
///
/// `available` is at most the ring's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Turn {
    position: u64,
    available: u64,
}

/// Loads both positions: the own one, and the bytes in the ring by `used_of(own, peer)`.
///
/// A broken rule is one only if the own word stood still. If another holder of the end moves it in
/// between (a misuse, but none that the ring has to die of), the own position is older than the
/// peer's and the difference means nothing: look again. Who does that all the time, on purpose,
/// could as well have broken the rule.
#[inline]
pub(crate) fn look(
    own: &impl Word,
    peer: &impl Word,
    used_of: impl Fn(u64, u64) -> Result<u64, Corrupt>,
) -> Result<(u64, u64, u64), Corrupt> {
    // Step 1, relaxed: only holders of this end write it, and whatever hands the end over orders
    // them. Step 2, acquire: pairs with the peer's release in step 5; see the callers.
    let at = own.load();
    let peer_at = peer.load_acquire();
    match used_of(at, peer_at) {
        Ok(used) => Ok((at, peer_at, used)),
        Err(Corrupt) => look_again(own, peer, used_of),
    }
}

#[cold]
fn look_again(
    own: &impl Word,
    peer: &impl Word,
    used_of: impl Fn(u64, u64) -> Result<u64, Corrupt>,
) -> Result<(u64, u64, u64), Corrupt> {
    // Acquire: pairs with another holder's release of the same word, so that what it has seen of
    // the peer's is not older here.
    let mut at = own.load_acquire();
    for _ in 0..LOOKS {
        let peer_at = peer.load_acquire();
        if let Ok(used) = used_of(at, peer_at) {
            return Ok((at, peer_at, used));
        }
        let now = own.load_acquire();
        if now == at {
            break;
        }
        at = now;
    }
    Err(Corrupt)
}

impl Turn {
    /// Begins a turn of the consumer: what is available are bytes to read.
    ///
    /// The acquire load of the producer's position pairs with the release store by which it was
    /// published: the bytes in front of it are there.
    ///
    /// # Errors
    ///
    /// [`Corrupt`]: the rule is broken. If the end really is the caller's alone, it was the peer.
    #[inline]
    pub fn consume<W: Word>(own: &W, peer: &W, size: u64) -> Result<Turn, Corrupt> {
        let (position, _, available) = look(own, peer, |own, peer| used(peer, own, size))?;
        // INVARIANT: used() is at most the size.
        Ok(Turn {
            position,
            available,
        })
    }

    /// Begins a turn of the producer: what is available are free bytes.
    ///
    /// The acquire load of the consumer's position pairs with the release store by which it was
    /// published: the bytes in front of it have been read, and may be overwritten.
    ///
    /// # Errors
    ///
    /// As [`Turn::consume`].
    #[inline]
    pub fn produce<W: Word>(own: &W, peer: &W, size: u64) -> Result<Turn, Corrupt> {
        let (position, _, used) = look(own, peer, |own, peer| used(own, peer, size))?;
        // INVARIANT: used() is at most the size, so what is left is, too.
        Ok(Turn {
            position,
            available: size - used,
        })
    }

    /// The own position at the beginning of the turn; modulo the size, where the bytes are.
    #[inline]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The bytes to read, or the free bytes, at the beginning of the turn: at most the size.
    #[inline]
    pub fn available(&self) -> u64 {
        self.available
    }

    /// Ends the turn: publishes the own position, `moved` bytes further, behind the copy of them.
    ///
    /// Release: pairs with the acquire load at the beginning of the peer's turn. `false` is a
    /// misuse: another holder has moved the end during the turn; its position stands, and what was
    /// copied may be lost or be there twice. More than [`Turn::available`] counts as that.
    ///
    /// Behind it the peer has to be woken, see [`called`](crate::called).
    #[inline]
    #[must_use]
    pub fn publish<W: Word>(self, own: &W, moved: u64) -> bool {
        let moved = moved.min(self.available);
        own.cmpxchg_release(self.position, self.position.wrapping_add(moved))
    }
}
