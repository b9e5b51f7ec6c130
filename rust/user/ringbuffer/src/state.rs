// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the kernel says of a ring and of its waits.

use ferrio_ring::state;

/// What has become of a ring, at some time during the call that gave this. All of it is final.
///
/// # Examples
///
/// ```
/// let (producer, consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
/// assert!(!producer.state().consumer_is_gone());
/// drop(consumer);
/// assert!(producer.state().consumer_is_gone());
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// One load from memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    consumer_is_gone: bool,
    producer_is_gone: bool,
    is_corrupt: bool,
}

impl State {
    pub(crate) fn new(word: u64) -> Self {
        State {
            consumer_is_gone: word & state::READ_CLOSED != 0,
            producer_is_gone: word & state::WRITE_CLOSED != 0,
            is_corrupt: word & state::CORRUPT != 0,
        }
    }

    /// Nobody holds the consumer end any more: what is written is EPIPE.
    ///
    /// # Examples
    ///
    /// See [`State`].
    ///
    /// # Cost
    ///
    /// None: it is what was seen when this value was made.
    #[must_use]
    pub fn consumer_is_gone(self) -> bool {
        self.consumer_is_gone
    }

    /// Nobody holds the producer end any more: what is in the ring is the last of it.
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// producer.write(b"last")?;
    /// drop(producer);
    /// assert!(consumer.state().producer_is_gone());
    /// assert_eq!(consumer.read(&mut [0; 8])?, 4);
    /// assert_eq!(consumer.read(&mut [0; 8])?, 0);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// As [`State::consumer_is_gone`].
    #[must_use]
    pub fn producer_is_gone(self) -> bool {
        self.producer_is_gone
    }

    /// One end broke the protocol: both get EBADMSG.
    ///
    /// # Examples
    ///
    /// ```
    /// let (producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// assert!(!producer.state().is_corrupt());
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// As [`State::consumer_is_gone`].
    #[must_use]
    pub fn is_corrupt(self) -> bool {
        self.is_corrupt
    }
}

/// How often the waits of one end did what, since the ring was made.
///
/// # Examples
///
/// ```
/// let ring = ferrio_ringbuffer::Ring::open()?;
/// let observer = ring.observer()?;
/// let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
/// producer.write(b"hello")?;
/// consumer.read(&mut [0; 5])?;
/// // Nobody had to wait.
/// assert_eq!(observer.consumer_waits().sleeps, 0);
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// Five loads from memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waits {
    /// Somebody began to wait.
    pub arms: u64,
    /// Of these, woken by the peer: `arms - wakes` is 1 while somebody waits, else 0.
    pub wakes: u64,
    /// Calls to wake that found nobody.
    pub suppressed: u64,
    /// A task gave its CPU away.
    pub sleeps: u64,
    /// Of these, for nothing.
    pub spurious: u64,
}
