// SPDX-License-Identifier: GPL-2.0

//! The driver's end of a ring of records.
//!
//! Its calls take it shared: any number of them may run at once, on all CPUs and in any context but
//! NMI, one in an interrupt of another. A record that is reserved is one value, which ends it:
//! committed, or discarded when it is dropped.

use crate::{
    ends::Form,
    ffi::{Payload, RecordEnd},
};
use core::ops::{Deref, DerefMut};
use kernel::prelude::*;

macro_rules! recorder {
    (
        $(#[$doc:meta])* $name:ident, $form:expr, $(#[$record_doc:meta])* $record:ident,
        $into:ident -> $other:ident, $context:literal, $commit_context:literal, $errors:literal
    ) => {
        $(#[$doc])*
        ///
        /// It cannot be copied; who has several producers shares a reference to it. Dropping it, in
        /// process context, is `ferrio_ring_shutdown()`: no record can be reserved then.
        pub struct $name(RecordEnd);

        impl $name {
            /// A record of `len` bytes, to be built where it is.
            ///
            #[doc = $context]
            /// A few loads and one compare and exchange, again if another producer is faster. Now
            /// and then it also looks at the headers of what programs have read, at `len / 8` of
            /// them or at 128: with interrupts off reserve little at a time.
            ///
            /// # Errors
            ///
            /// `ENOBUFS`: no room, the record is lost, and counted. `EMSGSIZE`: longer than any
            /// record. `EPIPE`: no program has the other end any more. `EBADMSG`: the ring is
            /// corrupt.
            #[doc = $errors]
            #[inline]
            pub fn reserve(&self, len: usize) -> Result<$record<'_>> {
                Ok($record(self.0.reserve(len, $form)?))
            }

            /// The same end with the other calls.
            pub fn $into(self) -> $other {
                $other(self.0)
            }
        }

        $(#[$record_doc])*
        ///
        /// What is there at first are bytes of older records, or zeros. Programs that read the ring
        /// stop in front of it. It is discarded, and counted as that, if it is dropped; if it is
        /// forgotten, they stop there for ever.
        pub struct $record<'e>(Payload<'e>);

        impl $record<'_> {
            /// Publishes the first `len` bytes.
            ///
            #[doc = $commit_context]
            /// A compare and exchange, and a fence.
            ///
            /// # Errors
            ///
            /// `EINVAL`: more than was reserved; then it is discarded.
            #[inline]
            pub fn commit(self, len: usize) -> Result {
                self.0.commit(len, $form)
            }
        }

        impl Deref for $record<'_> {
            type Target = [u8];

            #[inline]
            fn deref(&self) -> &[u8] {
                self.0.bytes()
            }
        }

        impl DerefMut for $record<'_> {
            #[inline]
            fn deref_mut(&mut self) -> &mut [u8] {
                self.0.bytes_mut()
            }
        }
    };
}

recorder!(
    /// The driver's end of a ring of records, whose calls may sleep: if the ring does not drop,
    /// until there is room. So who has a record of such a ring ends it before the next one.
    Recorder,
    Form::MaySleep,
    /// A record of a [`Recorder`].
    Record,
    into_atomic -> AtomicRecorder,
    "Process context; sleeps if the ring does not drop.",
    "Process context; wakes who waits for it.",
    "`ERESTARTSYS`: a signal. `EINTR`: a kernel thread that is to end."
);

recorder!(
    /// The driver's end of a ring of records, whose calls never sleep.
    AtomicRecorder,
    Form::Atomic,
    /// A record of an [`AtomicRecorder`].
    AtomicRecord,
    into_sleeping -> Recorder,
    "Any context but NMI.",
    "Any context but NMI; who waits for it is woken by irq_work.",
    "`EAGAIN`: no room, in a ring that does not drop."
);

impl Recorder {
    pub(crate) fn new(end: RecordEnd) -> Self {
        Recorder(end)
    }
}
