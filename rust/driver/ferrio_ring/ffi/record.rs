// SPDX-License-Identifier: GPL-2.0

//! The calls of `ferrio_ring_record.h`.

use super::{make, Reference, Rings};
use crate::{
    abi::{self, ferrio_ring_params},
    ends::Form,
};
use core::ptr::NonNull;
use kernel::{
    error::{from_err_ptr, to_result},
    prelude::*,
};

/// The driver's end of a ring of records; dropping it gives it up, in process context.
pub(crate) struct RecordEnd(Reference);

/// Makes a ring of records: what files have of it, and the driver's end.
pub(crate) fn alloc_records(params: &ferrio_ring_params) -> Result<(Rings, RecordEnd)> {
    let ring = make(params)?;
    Ok((Rings(ring.clone()), RecordEnd(ring)))
}

impl Drop for RecordEnd {
    fn drop(&mut self) {
        // SAFETY: As for a `DriverEnd`. No record is reserved, as those borrow us, but such as were
        // forgotten, which nobody ends.
        unsafe { abi::ferrio_ring_shutdown(self.0.as_ptr(), abi::FERRIO_RING_READ) };
    }
}

/// The payload of a record that is being built; discarded when it is dropped.
///
/// # Invariants
///
/// `room` is reserved and not ended, but while it is dropped; nobody else writes there.
pub(crate) struct Payload<'e> {
    end: &'e RecordEnd,
    room: NonNull<[u8]>,
}

// SAFETY: Memory of the ring, which belongs to no task; whoever has a record may end it. Of the end
// it has a shared reference, and that is `Sync`.
unsafe impl Send for Payload<'_> {}
// SAFETY: A shared one can only look at it.
unsafe impl Sync for Payload<'_> {}

impl RecordEnd {
    #[inline]
    pub(crate) fn reserve(&self, len: usize, form: Form) -> Result<Payload<'_>> {
        let ring = self.0.as_ptr();
        // SAFETY: Alive, as we have a reference; any number of these calls may run at once. The
        // context is that of the form, by the documentation of the type that has the end.
        let room = from_err_ptr(unsafe {
            match form {
                Form::MaySleep => abi::ferrio_ring_record_reserve(ring, len),
                Form::Atomic => abi::ferrio_ring_record_reserve_atomic(ring, len),
            }
        })?;
        let room = NonNull::new(room.cast()).ok_or(ENOMEM)?;
        let room = NonNull::slice_from_raw_parts(room, len);
        // INVARIANT: Just reserved; the header says that programs only read there.
        Ok(Payload { end: self, room })
    }
}

impl Payload<'_> {
    #[inline]
    pub(crate) fn commit(self, len: usize, form: Form) -> Result {
        let (ring, room) = (self.end.0.as_ptr(), self.room.as_ptr());
        // SAFETY: As for `reserve`; nobody looks at the room any more.
        let committed = to_result(unsafe {
            match form {
                Form::MaySleep => abi::ferrio_ring_record_commit(ring, room.cast(), len),
                Form::Atomic => abi::ferrio_ring_record_commit_atomic(ring, room.cast(), len),
            }
        });
        if committed.is_ok() {
            core::mem::forget(self);
        }
        committed
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: By the type invariants, so many bytes, which live as long as the end;
        // initialised, as the ring's pages were zeroed.
        unsafe { self.room.as_ref() }
    }

    #[inline]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: As for `bytes`; nobody else writes there.
        unsafe { self.room.as_mut() }
    }
}

impl Drop for Payload<'_> {
    #[inline]
    fn drop(&mut self) {
        let ring = self.end.0.as_ptr();
        // SAFETY: As for `commit`; any context but NMI. It is refused if it was not reserved.
        unsafe { abi::ferrio_ring_record_discard(ring, self.room.as_ptr().cast()) };
    }
}
