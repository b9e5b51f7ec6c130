// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a consumer looks at.

use crate::{error::Result, Consumer};

/// Bytes that [`Consumer::peek`] has found; not consumed, they stay.
///
/// It is no `&[u8]`, since the producer can write it at any time. Who does not trust the producer
/// copies, and checks the copy.
///
/// # Examples
///
/// ```
/// let (mut producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
/// producer.write(b"hello")?;
/// let data = consumer.peek(1)?;
/// let mut first = [0];
/// data.copy_to(0, &mut first);
/// assert_eq!((&first, data.len()), (b"h", 5));
/// drop(data);
/// assert_eq!(consumer.used(), 5);
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// Nothing.
#[derive(Debug)]
#[must_use = "what is not consumed stays"]
pub struct Data<'a> {
    consumer: &'a mut Consumer,
    offset: usize,
    len: usize,
}

impl<'a> Data<'a> {
    pub(crate) fn new(consumer: &'a mut Consumer, offset: usize, len: usize) -> Self {
        Data {
            consumer,
            offset,
            len,
        }
    }

    /// How many bytes there are, less those that [`Data::consume_part`] is done with.
    ///
    /// # Examples
    ///
    /// See [`Data`].
    ///
    /// # Cost
    ///
    /// None.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none: the stream has ended, or all are consumed.
    ///
    /// # Examples
    ///
    /// ```
    /// let (producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// drop(producer);
    /// assert!(consumer.peek(1)?.is_empty());
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
    /// See [`Data`].
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
        self.consumer.0.mapped.copy_out(self.offset + at, to);
    }

    /// Where the bytes are, for those who read them in place by pointer: `len()` bytes can be read,
    /// as volatile, until they are consumed or the consumer is gone. They are at any alignment.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (mut producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// # producer.write(b"h")?;
    /// let data = consumer.peek(1)?;
    /// // SAFETY: One byte at least is there, and any value is one.
    /// assert_eq!(unsafe { data.as_ptr().read_volatile() }, b'h');
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Two comparisons, of the bounds.
    #[inline]
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.consumer.0.mapped.place(self.offset, self.len)
    }

    /// Is done with the first `bytes`: the producer may overwrite them, and is woken if it sleeps
    /// for that. The rest stays.
    ///
    /// # Errors
    ///
    /// EINVAL: more than there are; nothing is consumed.
    ///
    /// # Examples
    ///
    /// See [`Consumer::peek`].
    ///
    /// # Cost
    ///
    /// As [`Consumer::consume`].
    #[inline]
    pub fn consume(mut self, bytes: usize) -> Result<()> {
        self.consume_part(bytes)
    }

    /// Is done with the first `bytes` as [`Data::consume`], and keeps looking at the rest: for
    /// several messages of one look. They begin at 0 again.
    ///
    /// # Errors
    ///
    /// EINVAL: more than are left; nothing is consumed.
    ///
    /// # Examples
    ///
    /// Messages of any length, each behind a byte that says it:
    ///
    /// ```
    /// let (mut producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// producer.write(b"\x03one\x05three\x04fo")?;
    /// let (mut data, mut messages) = (consumer.peek(1)?, Vec::new());
    /// while !data.is_empty() {
    ///     let mut len = [0];
    ///     data.copy_to(0, &mut len);
    ///     let mut message = vec![0; len[0].into()];
    ///     if 1 + message.len() > data.len() {
    ///         break;
    ///     }
    ///     data.copy_to(1, &mut message);
    ///     data.consume_part(1 + message.len())?;
    ///     messages.push(message);
    /// }
    /// assert_eq!(messages, [&b"one"[..], b"three"]);
    /// // The rest of the third one is not there yet.
    /// assert_eq!(data.len(), 3);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// As [`Consumer::consume`].
    #[inline]
    pub fn consume_part(&mut self, bytes: usize) -> Result<()> {
        // Of the same turn, which has no more than there is here.
        self.consumer.consume(bytes)?;
        // Behind the data that lies there first it lies there again.
        self.offset += bytes;
        self.len -= bytes;
        Ok(())
    }
}
