// SPDX-License-Identifier: MIT OR Apache-2.0

//! Rings of records: what their ends have in common, and what they say of each other.

mod consumer;
mod end;
mod producer;
mod record;
mod space;

pub use consumer::{NextRecord, RecordConsumer};
pub use producer::RecordProducer;
pub use record::Record;
pub use space::RecordSpace;

use crate::{Builder, Result};
use ferrio_ring::records::{self, Cause, CAUSES};

/// Makes a ring of records of `size` bytes and maps both ends. A record is whole or not there at
/// all, and in one piece; its producer waits for room. [`Builder`] says more: many producers, or
/// rings that drop what has no room.
///
/// `size` is as of [`ringbuffer`](crate::ringbuffer). Each record takes 8 bytes more than its
/// payload, filled up to a multiple of 8; the largest one has `size - 16`.
///
/// # Errors
///
/// Those of [`Builder::record_pair`].
///
/// # Examples
///
/// ```
/// use ferrio_ringbuffer::{records, NextRecord};
///
/// let (mut producer, mut consumer) = records(65536)?;
/// producer.write(b"first")?;
/// producer.write(b"second")?;
/// drop(producer);
/// let mut texts = Vec::new();
/// while let NextRecord::Record(record) = consumer.next_record()? {
///     texts.push(record.to_vec());
/// }
/// assert_eq!(texts, [&b"first"[..], b"second"]);
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// That of [`Builder::record_pair`].
pub fn records(size: usize) -> Result<(RecordProducer, RecordConsumer)> {
    Builder::new().size(size).record_pair()
}

/// Whether the consumer is woken for a record.
///
/// # Examples
///
/// Of a burst only the last one wakes:
///
/// ```
/// use ferrio_ringbuffer::Notify;
///
/// let (mut producer, _consumer) = ferrio_ringbuffer::records(65536)?;
/// for number in 0..10u8 {
///     let mut space = producer.reserve(1)?;
///     space.copy_from(0, &[number]);
///     let how = if number == 9 { Notify::Forced } else { Notify::Quiet };
///     space.commit_with(1, how)?;
/// }
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// A fence and a load, a system call if it wakes; [`Notify::Quiet`] nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notify {
    /// If it sleeps for this one. Not if it sleeps for one in front that was committed
    /// [`Notify::Quiet`].
    #[default]
    Default,
    /// No: somebody else wakes it, behind a later record or by time.
    Quiet,
    /// If it sleeps at all.
    Forced,
}

impl From<Notify> for records::Notify {
    fn from(how: Notify) -> Self {
        match how {
            Notify::Default => records::Notify::Default,
            Notify::Quiet => records::Notify::Quiet,
            Notify::Forced => records::Notify::Forced,
        }
    }
}

/// Records that did not get into the stream, by cause. What an end of a ring is told is what its
/// producers say: who maps one can say anything.
///
/// # Examples
///
/// ```
/// use ferrio_ringbuffer::NextRecord;
///
/// let builder = ferrio_ringbuffer::Builder::new().size(4096).drops();
/// let (mut producer, mut consumer) = builder.record_pair()?;
/// producer.write(&[1; 4080])?;
/// // ENOBUFS: no room.
/// assert_eq!(producer.write(&[2; 10]).unwrap_err().errno(), 105);
/// assert!(matches!(consumer.next_record()?, NextRecord::Record(_)));
/// producer.write(&[3; 10])?;
/// // In front of the third one.
/// match consumer.next_record()? {
///     NextRecord::Gap(lost) => assert_eq!((lost.full, lost.sum()), (1, 1)),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// Four words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lost {
    /// There was no room.
    pub full: u64,
    /// There never is room.
    pub too_large: u64,
    /// The producer died before it was done.
    pub aborted: u64,
    /// The ring was corrupt, or a peer made it unusable for the while.
    pub peer: u64,
}

impl Lost {
    pub(crate) fn new(by_cause: [u64; CAUSES]) -> Self {
        Lost {
            full: by_cause[Cause::Full as usize],
            too_large: by_cause[Cause::TooLarge as usize],
            aborted: by_cause[Cause::Aborted as usize],
            peer: by_cause[Cause::Peer as usize],
        }
    }

    /// How many these are, for whatever cause.
    ///
    /// # Examples
    ///
    /// See [`Lost`].
    ///
    /// # Cost
    ///
    /// None.
    #[must_use]
    pub fn sum(self) -> u64 {
        [self.full, self.too_large, self.aborted, self.peer]
            .into_iter()
            .fold(0, u64::wrapping_add)
    }
}
