// SPDX-License-Identifier: GPL-2.0

//! The driver's ends.
//!
//! An end is one value: it cannot be copied, and each call needs it alone, so that no two calls for
//! a direction run at once. Dropping it is `ferrio_ring_shutdown()`.

use crate::ffi::DriverEnd;
use core::ops::{Deref, DerefMut};
use kernel::prelude::*;

/// Which form of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    MaySleep,
    Atomic,
}

macro_rules! producer {
    (
        $(#[$doc:meta])* $name:ident, $form:expr, $(#[$room_doc:meta])* $room:ident,
        $into:ident -> $other:ident, $context:literal, $errors:literal
    ) => {
        $(#[$doc])*
        ///
        /// Errors of all calls: `EPIPE`: no program has the other end any more. `EBADMSG`: the ring
        /// is corrupt. `EMSGSIZE`: more than the ring holds.
        #[doc = $errors]
        pub struct $name(DriverEnd);

        impl $name {
            /// All of `from`, or nothing.
            #[doc = $context]
            ///
            /// # Errors
            ///
            /// See the type.
            #[inline]
            pub fn write(&mut self, from: &[u8]) -> Result {
                self.0.write(from, $form)
            }

            /// Room for `len` bytes in one piece, to build them where they are.
            #[doc = $context]
            ///
            /// # Errors
            ///
            /// See the type; `EINVAL`: `len` is 0.
            #[inline]
            pub fn reserve(&mut self, len: usize) -> Result<$room<'_>> {
                self.0.reserve(len, $form)?;
                Ok($room { end: &mut self.0 })
            }

            /// The same end with the other calls.
            pub fn $into(self) -> $other {
                $other(self.0)
            }
        }

        $(#[$room_doc])*
        ///
        /// What is there at first are bytes that were read before, or zeros. Nothing of it is
        /// published if it is dropped.
        pub struct $room<'e> {
            end: &'e mut DriverEnd,
        }

        impl $room<'_> {
            /// Publishes the first `len` bytes.
            #[doc = $context]
            ///
            /// # Errors
            ///
            /// `EINVAL`: more than was reserved; then none is published.
            #[inline]
            pub fn commit(self, len: usize) -> Result {
                // What follows the commit, the drop, has nothing left to discard.
                self.end.commit(len, $form)
            }
        }

        impl Deref for $room<'_> {
            type Target = [u8];

            #[inline]
            fn deref(&self) -> &[u8] {
                self.end.room()
            }
        }

        impl DerefMut for $room<'_> {
            #[inline]
            fn deref_mut(&mut self) -> &mut [u8] {
                self.end.room_mut()
            }
        }

        impl Drop for $room<'_> {
            #[inline]
            fn drop(&mut self) {
                self.end.discard();
            }
        }
    };
}

producer!(
    /// The driver's end of what programs read, whose calls may sleep.
    Producer,
    Form::MaySleep,
    /// Room of a [`Producer`].
    Reservation,
    into_atomic -> AtomicProducer,
    " Process context, sleeps until there is room; costs a copy and a fence.",
    " `ERESTARTSYS`: a signal. `EINTR`: a kernel thread that is to end."
);

producer!(
    /// The driver's end of what programs read, whose calls never sleep.
    AtomicProducer,
    Form::Atomic,
    /// Room of an [`AtomicProducer`].
    AtomicReservation,
    into_sleeping -> Producer,
    " Any context but NMI; costs a copy and a fence.",
    " `EAGAIN`: there is not so much room."
);

macro_rules! consumer {
    (
        $(#[$doc:meta])* $name:ident, $form:expr, $into:ident -> $other:ident, $context:literal,
        $errors:literal
    ) => {
        $(#[$doc])*
        ///
        /// Errors of all calls: `EINVAL`: nothing is wanted, or more than there is place for.
        /// `EMSGSIZE`: more than the ring holds. `EBADMSG`: the ring is corrupt.
        #[doc = $errors]
        pub struct $name(DriverEnd);

        impl $name {
            /// As many bytes as there are, up to the length of `to`, and `min` at least; says how
            /// many. Fewer than `min`, at last 0, when no program can write any more.
            ///
            /// They are copied, once: what they mean is to be checked in the copy.
            #[doc = $context]
            ///
            /// # Errors
            ///
            /// See the type.
            #[inline]
            pub fn read(&mut self, to: &mut [u8], min: usize) -> Result<usize> {
                self.0.read(to, min, $form)
            }

            /// The same end with the other calls.
            pub fn $into(self) -> $other {
                $other(self.0)
            }
        }
    };
}

consumer!(
    /// The driver's end of what programs write, whose calls may sleep.
    Consumer,
    Form::MaySleep,
    into_atomic -> AtomicConsumer,
    " Process context, sleeps until there are enough; costs a copy and a fence.",
    " `ERESTARTSYS`: a signal. `EINTR`: a kernel thread that is to end."
);

consumer!(
    /// The driver's end of what programs write, whose calls never sleep.
    AtomicConsumer,
    Form::Atomic,
    into_sleeping -> Consumer,
    " Any context but NMI; costs a copy and a fence.",
    " `EAGAIN`: there are fewer."
);

impl Producer {
    pub(crate) fn new(end: DriverEnd) -> Self {
        Producer(end)
    }
}

impl Consumer {
    pub(crate) fn new(end: DriverEnd) -> Self {
        Consumer(end)
    }
}
