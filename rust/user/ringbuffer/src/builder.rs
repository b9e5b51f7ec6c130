// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a ring shall be like, before it is made.

use crate::{end::Settings, Consumer, Producer, RecordConsumer, RecordProducer, Result, Ring};
use ferrio_ringbuffer_sys::abi::*;
use std::time::Duration;

/// Makes rings: how large, and how their ends behave.
///
/// # Examples
///
/// ```
/// use std::{io::ErrorKind, time::Duration};
///
/// let (_producer, mut consumer) = ferrio_ringbuffer::Builder::new()
///     .size(1 << 16)
///     .timeout(Some(Duration::from_millis(10)))
///     .pair()?;
/// let late = consumer.read(&mut [0; 100]).unwrap_err();
/// assert_eq!(late.kind(), ErrorKind::TimedOut);
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// Nothing is called before [`Builder::open`] or [`Builder::pair`].
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "it only describes a ring"]
pub struct Builder {
    size: usize,
    /// FERRIO_RB_RECORDS*.
    records: u32,
    settings: Settings,
}

impl Builder {
    /// A ring of the size that the module takes by itself, whose ends wait without an end.
    ///
    /// # Examples
    ///
    /// ```
    /// let (producer, _consumer) = ferrio_ringbuffer::Builder::new().pair()?;
    /// assert_eq!(producer.size(), 65536);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// None.
    pub fn new() -> Self {
        Builder::default()
    }

    /// How many bytes it holds: a power of two from 4096 on, or 0 for what the module takes by
    /// itself.
    ///
    /// # Examples
    ///
    /// ```
    /// let ring = ferrio_ringbuffer::Builder::new().size(4096).open()?;
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// None here; [`Builder::open`] makes two more system calls for it.
    pub fn size(mut self, bytes: usize) -> Self {
        self.size = bytes;
        self
    }

    /// Whether calls of its ends fail with EAGAIN where they would wait; as
    /// [`Consumer::set_nonblocking`].
    ///
    /// # Examples
    ///
    /// ```
    /// let builder = ferrio_ringbuffer::Builder::new().nonblocking(true);
    /// let (_producer, mut consumer) = builder.pair()?;
    /// assert_eq!(consumer.peek(1).unwrap_err().errno(), 11);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// None.
    pub fn nonblocking(mut self, nonblocking: bool) -> Self {
        self.settings.nonblocking = nonblocking;
        self
    }

    /// How often calls of its ends look again before they sleep; as [`Consumer::set_spin`].
    ///
    /// # Examples
    ///
    /// ```
    /// // Sleeps at once: for ends that wait long.
    /// let (_producer, _consumer) = ferrio_ringbuffer::Builder::new().spin(0).pair()?;
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// None here; as [`Consumer::set_spin`].
    pub fn spin(mut self, spin: u32) -> Self {
        self.settings.spin = Some(spin);
        self
    }

    /// How long calls of its ends wait at most; as [`Consumer::set_timeout`].
    ///
    /// # Examples
    ///
    /// See [`Builder`].
    ///
    /// # Cost
    ///
    /// None here; as [`Consumer::set_timeout`].
    pub fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// It carries records, not bytes: each is whole or not there at all. Of one producer, which
    /// waits for room.
    ///
    /// # Examples
    ///
    /// ```
    /// let ring = ferrio_ringbuffer::Builder::new().records().open()?;
    /// let (producer, consumer) = (ring.record_producer()?, ring.record_consumer()?);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// None here; [`Builder::open`] makes two more system calls for it.
    pub fn records(mut self) -> Self {
        self.records |= FERRIO_RB_RECORDS;
        self
    }

    /// It carries records of many producers at once: up to 56 that are mapped, and all who call
    /// write(2). [`Ring::record_producer`] can be called again and again then.
    ///
    /// # Examples
    ///
    /// See [`RecordProducer`].
    ///
    /// # Cost
    ///
    /// As [`Builder::records`]; each record then costs two compare and exchange more.
    pub fn many_producers(mut self) -> Self {
        self.records |= FERRIO_RB_RECORDS | FERRIO_RB_RECORDS_MANY;
        self
    }

    /// It carries records, and drops those that find no room: nobody waits for it, they are
    /// counted, and the consumer is told ([`NextRecord::Gap`](crate::NextRecord::Gap)).
    ///
    /// # Examples
    ///
    /// See [`Lost`](crate::Lost).
    ///
    /// # Cost
    ///
    /// As [`Builder::records`].
    pub fn drops(mut self) -> Self {
        self.records |= FERRIO_RB_RECORDS | FERRIO_RB_RECORDS_DROP;
        self
    }

    /// Makes the ring: its ends are handed out by the [`Ring`].
    ///
    /// # Errors
    ///
    /// Those of [`Ring::open`] and [`Ring::set_size`]. EOPNOTSUPP: the module is older, and has no
    /// such rings of records.
    ///
    /// # Examples
    ///
    /// ```
    /// let ring = ferrio_ringbuffer::Builder::new().size(4096).open()?;
    /// let producer = ring.producer()?;
    /// let end_for_a_child = ring.consumer_fd()?;
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// A system call; two more for a size. The memory comes with the first end.
    pub fn open(self) -> Result<Ring> {
        Ring::with(self.size, self.records, self.settings)
    }

    /// Makes the ring and maps both ends.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::open`], [`Ring::producer`] and [`Ring::consumer`]; nothing is left of it
    /// then.
    ///
    /// # Examples
    ///
    /// See [`Builder`].
    ///
    /// # Cost
    ///
    /// About 15 system calls, and the memory: the ring and three pages, and what maps them twice.
    pub fn pair(self) -> Result<(Producer, Consumer)> {
        let ring = self.open()?;
        Ok((ring.producer()?, ring.consumer()?))
    }

    /// Makes the ring, of records, and maps both ends: of many producers one.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::open`], [`Ring::record_producer`] and [`Ring::record_consumer`]; nothing
    /// is left of it then.
    ///
    /// # Examples
    ///
    /// ```
    /// let builder = ferrio_ringbuffer::Builder::new().size(4096).drops();
    /// let (mut producer, _consumer) = builder.record_pair()?;
    /// while producer.write(b"nobody reads this").is_ok() {}
    /// assert_eq!(producer.lost().full, 1);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// As [`Builder::pair`].
    pub fn record_pair(self) -> Result<(RecordProducer, RecordConsumer)> {
        let ring = self.records().open()?;
        Ok((ring.record_producer()?, ring.record_consumer()?))
    }
}
