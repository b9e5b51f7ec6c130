// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a producer builds in.

use crate::{
    error::{Error, Result},
    Producer,
};

/// Space that [`Producer::reserve`] has found. What is not committed when it is dropped has not
/// happened.
///
/// It is no `&mut [u8]`, since others who hold the end can write it, too, and the consumer can read
/// it before it is committed. What is in it at first is what an earlier turn has left.
///
/// # Examples
///
/// ```
/// let (mut producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
/// let mut space = producer.reserve(100)?;
/// space.copy_from(0, b"never");
/// drop(space);
/// let mut space = producer.reserve(100)?;
/// space.copy_from(0, b"hello");
/// space.commit(5)?;
/// assert_eq!(producer.used(), 5);
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// Nothing: dropping it does nothing either.
#[derive(Debug)]
#[must_use = "what is not committed has not happened"]
pub struct Space<'a> {
    producer: &'a mut Producer,
    offset: usize,
    len: usize,
}

impl<'a> Space<'a> {
    pub(crate) fn new(producer: &'a mut Producer, offset: usize, len: usize) -> Self {
        Space {
            producer,
            offset,
            len,
        }
    }

    /// How many bytes are reserved, less those that [`Space::commit_part`] has published.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (mut producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// assert_eq!(producer.reserve(100)?.len(), 100);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// None.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it is nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (mut producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// assert!(producer.reserve(0)?.is_empty());
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

    /// Writes `from` at `at`, counted from the beginning of the space.
    ///
    /// # Panics
    ///
    /// If it does not fit, as slices do.
    ///
    /// # Examples
    ///
    /// See [`Producer::reserve`].
    ///
    /// # Cost
    ///
    /// The copy.
    #[inline]
    pub fn copy_from(&mut self, at: usize, from: &[u8]) {
        assert!(
            at <= self.len && from.len() <= self.len - at,
            "{} bytes at {at} of a space of {}",
            from.len(),
            self.len
        );
        self.producer.0.mapped.copy_in(self.offset + at, from);
    }

    /// Where the space is, for those who build in place by pointer: `len()` bytes can be written,
    /// until they are committed or the producer is gone. It is at any alignment.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (mut producer, mut consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// let mut space = producer.reserve(3)?;
    /// let place = space.as_mut_ptr();
    /// // SAFETY: Three bytes, none of which is behind a reference.
    /// unsafe { place.copy_from_nonoverlapping(b"abc".as_ptr(), 3) };
    /// space.commit(3)?;
    /// # let mut text = [0; 3];
    /// # consumer.read(&mut text)?;
    /// # assert_eq!(&text, b"abc");
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// Two comparisons, of the bounds.
    #[inline]
    #[must_use]
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.producer.0.mapped.place(self.offset, self.len)
    }

    /// Publishes the first `bytes`: the consumer sees all of them at once, and is woken if it
    /// sleeps for them. The rest is given up.
    ///
    /// # Errors
    ///
    /// EINVAL: more than was reserved; nothing is published.
    ///
    /// # Examples
    ///
    /// See [`Space`].
    ///
    /// # Cost
    ///
    /// A store, a fence and a load; a system call if the consumer sleeps for it.
    #[inline]
    pub fn commit(mut self, bytes: usize) -> Result<()> {
        self.commit_part(bytes)
    }

    /// Publishes the first `bytes` as [`Space::commit`], and keeps the rest.
    ///
    /// # Errors
    ///
    /// EINVAL: more than is left; nothing is published.
    ///
    /// # Examples
    ///
    /// ```
    /// # let (mut producer, _consumer) = ferrio_ringbuffer::ringbuffer(4096)?;
    /// let mut space = producer.reserve(10)?;
    /// space.copy_from(0, b"one");
    /// space.commit_part(3)?;
    /// space.copy_from(0, b"two");
    /// space.commit_part(3)?;
    /// assert_eq!(space.len(), 4);
    /// space.discard();
    /// assert_eq!(producer.used(), 6);
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// As [`Space::commit`].
    #[inline]
    pub fn commit_part(&mut self, bytes: usize) -> Result<()> {
        if bytes > self.len {
            return Err(Error::more());
        }
        self.producer.0.publish(bytes)?;
        // Behind the data that lies there first it lies there again.
        self.offset += bytes;
        self.len -= bytes;
        Ok(())
    }

    /// Gives up what is not committed, as dropping does.
    ///
    /// # Examples
    ///
    /// See [`Space::commit_part`].
    ///
    /// # Cost
    ///
    /// None.
    #[inline]
    pub fn discard(self) {}
}
