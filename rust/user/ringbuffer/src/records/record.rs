// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a consumer looks at.

use crate::RecordConsumer;
use std::fmt;

/// A record that [`RecordConsumer::next_record`] has found, where it lies. Dropped, it is done
/// with: producers may overwrite it.
///
/// It is no `&[u8]`, since a producer can write it at any time. Who does not trust the producers
/// copies, and checks the copy.
///
/// # Examples
///
/// ```
/// use ferrio_ringbuffer::NextRecord;
///
/// let (mut producer, mut consumer) = ferrio_ringbuffer::records(4096)?;
/// producer.write(b"hello")?;
/// if let NextRecord::Record(record) = consumer.next_record()? {
///     let mut first = [0];
///     record.copy_to(0, &mut first);
///     assert_eq!((&first, record.len()), (b"h", 5));
/// }
/// assert_eq!(consumer.used(), 0);
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// Dropping it is a store, a fence and a load; a system call if a producer sleeps for it.
#[must_use = "it is done with when it is dropped"]
pub struct Record<'a> {
    consumer: &'a mut RecordConsumer,
    offset: usize,
    len: usize,
}

impl<'a> Record<'a> {
    #[inline]
    pub(crate) fn new(consumer: &'a mut RecordConsumer, offset: usize, len: usize) -> Self {
        Record {
            consumer,
            offset,
            len,
        }
    }

    /// How many bytes of payload it has.
    ///
    /// # Examples
    ///
    /// See [`Record`].
    ///
    /// # Cost
    ///
    /// None.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no payload.
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio_ringbuffer::NextRecord;
    ///
    /// let (mut producer, mut consumer) = ferrio_ringbuffer::records(4096)?;
    /// producer.write(b"")?;
    /// assert!(matches!(consumer.next_record()?, NextRecord::Record(record) if record.is_empty()));
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// None.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Fills `to` with the bytes from `at` on.
    ///
    /// # Panics
    ///
    /// If there are not so many, as slices do.
    ///
    /// # Examples
    ///
    /// See [`Record`].
    ///
    /// # Cost
    ///
    /// The copy.
    #[inline]
    pub fn copy_to(&self, at: usize, to: &mut [u8]) {
        assert!(
            at <= self.len && to.len() <= self.len - at,
            "{} bytes at {at} of {}",
            to.len(),
            self.len
        );
        self.consumer.end.mapped.copy_out(self.offset + at, to);
    }

    /// A copy of all of it.
    ///
    /// # Examples
    ///
    /// See [`records`](crate::records).
    ///
    /// # Cost
    ///
    /// Memory of its length, which a producer that is not trusted chooses up to the size of the
    /// ring, and the copy.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len];
        self.copy_to(0, &mut bytes);
        bytes
    }

    /// Where the payload is, for those who read it in place by pointer: `len()` bytes can be read,
    /// as volatile, until this is dropped. It is at a multiple of 8.
    ///
    /// # Examples
    ///
    /// ```
    /// use ferrio_ringbuffer::NextRecord;
    ///
    /// let (mut producer, mut consumer) = ferrio_ringbuffer::records(4096)?;
    /// producer.write(b"h")?;
    /// if let NextRecord::Record(record) = consumer.next_record()? {
    ///     assert_eq!(record.len(), 1);
    ///     // SAFETY: One byte is there, and any value is one.
    ///     assert_eq!(unsafe { record.as_ptr().read_volatile() }, b'h');
    /// }
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Two comparisons, of the bounds.
    #[inline]
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.consumer.end.mapped.place(self.offset, self.len)
    }
}

impl Drop for Record<'_> {
    #[inline]
    fn drop(&mut self) {
        self.consumer.free();
    }
}

/// What is in it is not looked at.
impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("len", &self.len).finish()
    }
}
