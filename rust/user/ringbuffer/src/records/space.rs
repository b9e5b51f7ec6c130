// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a producer builds a record in.

use crate::{
    error::{Error, Result},
    Notify, RecordProducer,
};
use ferrio_ring::records::{Misuse, Reservation};
use rustix::io::Errno;

/// Space for a record that [`RecordProducer::reserve`] has found. Dropped, the record is discarded:
/// the consumer skips it, and it is counted.
///
/// Among many producers the consumer stops in front of it until it is committed or dropped, so it
/// is not to be kept for long. If it is forgotten ([`std::mem::forget`]), its producer can reserve
/// no other (EBUSY); the kernel discards it when the producer is dropped, or its process dies.
///
/// It is no `&mut [u8]`, since others who hold the end can write it, too, and the consumer can read
/// it before it is committed. What is in it at first is what an earlier turn has left.
///
/// # Examples
///
/// ```
/// use ferrio_ringbuffer::NextRecord;
///
/// let (mut producer, mut consumer) = ferrio_ringbuffer::records(4096)?;
/// let mut space = producer.reserve(100)?;
/// space.copy_from(0, b"never");
/// drop(space);
/// assert_eq!(producer.discarded(), 1);
/// let mut space = producer.reserve(100)?;
/// space.copy_from(0, b"hello");
/// space.commit(5)?;
/// match consumer.next_record()? {
///     NextRecord::Record(record) => assert_eq!(record.to_vec(), b"hello"),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), ferrio_ringbuffer::Error>(())
/// ```
///
/// # Cost
///
/// Dropping it costs what a commit does.
#[derive(Debug)]
#[must_use = "what is not committed is discarded"]
pub struct RecordSpace<'a> {
    producer: &'a mut RecordProducer,
    /// `None`: it has ended.
    reservation: Option<Reservation>,
    offset: usize,
    len: usize,
}

impl<'a> RecordSpace<'a> {
    #[inline]
    pub(crate) fn new(producer: &'a mut RecordProducer, reservation: Reservation) -> Self {
        RecordSpace {
            offset: reservation.offset(producer.size() as u64) as usize,
            len: reservation.len() as usize,
            reservation: Some(reservation),
            producer,
        }
    }

    /// How many bytes are reserved.
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut producer, _consumer) = ferrio_ringbuffer::records(4096)?;
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

    /// Whether it is a record without payload, which is one, too.
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut producer, _consumer) = ferrio_ringbuffer::records(4096)?;
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

    /// Writes `from` at `at`, counted from the beginning of the payload.
    ///
    /// # Panics
    ///
    /// If it does not fit, as slices do.
    ///
    /// # Examples
    ///
    /// See [`RecordProducer::reserve`].
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

    /// Where the payload is, for those who build in place by pointer: `len()` bytes can be written,
    /// until they are committed or this is dropped. It is at a multiple of 8.
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut producer, _consumer) = ferrio_ringbuffer::records(4096)?;
    /// let mut space = producer.reserve(8)?;
    /// let place = space.as_mut_ptr().cast::<u64>();
    /// // SAFETY: Eight bytes, none of which is behind a reference, at a multiple of 8.
    /// unsafe { place.write(7) };
    /// space.commit(8)?;
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

    /// Commits the first `bytes` of it as a record, and wakes the consumer if it sleeps for it. The
    /// rest is given up.
    ///
    /// # Errors
    ///
    /// EMSGSIZE: more than was reserved; the record is discarded.
    ///
    /// # Examples
    ///
    /// See [`RecordSpace`].
    ///
    /// # Cost
    ///
    /// A few stores, a fence and a load; a system call if the consumer sleeps for it.
    #[inline]
    pub fn commit(self, bytes: usize) -> Result<()> {
        self.commit_with(bytes, Notify::Default)
    }

    /// Commits as [`RecordSpace::commit`], and says whether the consumer is woken.
    ///
    /// # Errors
    ///
    /// As [`RecordSpace::commit`].
    ///
    /// # Examples
    ///
    /// See [`Notify`].
    ///
    /// # Cost
    ///
    /// That of [`RecordSpace::commit`], or less: see [`Notify`].
    #[inline]
    pub fn commit_with(mut self, bytes: usize, how: Notify) -> Result<()> {
        if bytes > self.len {
            return Err(Error::turn(Errno::MSGSIZE));
        }
        // There is one until here.
        let Some(reservation) = self.reservation.take() else {
            return Ok(());
        };
        let end = &mut self.producer.0;
        match end.mapped.commit(reservation, bytes as u64, how.into()) {
            Ok(bell) => {
                end.ring(bell);
                Ok(())
            }
            Err(Misuse::Stale | Misuse::TooLong) => Err(Error::more()),
        }
    }

    /// Takes it back, as dropping does.
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut producer, _consumer) = ferrio_ringbuffer::records(4096)?;
    /// producer.reserve(100)?.discard();
    /// assert_eq!((producer.discarded(), producer.lost().sum()), (1, 0));
    /// # Ok::<(), ferrio_ringbuffer::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// As [`RecordSpace::commit`].
    #[inline]
    pub fn discard(self) {}
}

impl Drop for RecordSpace<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            let end = &mut self.producer.0;
            let bell = end.mapped.discard(reservation);
            // Others may be behind it.
            end.ring(bell);
        }
    }
}
