// SPDX-License-Identifier: GPL-2.0

//! Rings of other drivers: `struct ferrio_ring`. `Documentation/ring_driver.rst` has the model, the
//! states, and who writes what.
//!
//! A [`Device`] has a [`Direction`] for read(2), one for write(2), or both. Each is a ring of its
//! own, of which the driver holds one end, and the files of the driver the other one, as one holder
//! together; they make further ones by FERRIO_RB_MINT.

mod consume;
mod end;
pub(crate) mod files;
mod later;
pub(crate) mod map;
mod produce;
mod record;

pub(crate) use end::Context;

use crate::{
    calls::Held,
    export::abi::{self, ferrio_ring_params},
    rw::Rw,
    size::RingBytes,
    uapi,
};
use core::mem::offset_of;
use end::{Consumes, Direction, Produces};
use ferrio::export::Opaque;
use kernel::{prelude::*, sync::Arc};

/// The rings of a device, or of an open file of one: `struct ferrio_ring`.
#[repr(C)]
pub(crate) struct Device {
    /// What programs read.
    read: Option<Pin<KBox<Direction<Produces>>>>,
    /// What programs write.
    write: Option<Pin<KBox<Direction<Consumes>>>>,
    /// What programs read, if it is records: then there is no other.
    records: Option<Pin<KBox<Direction<Produces>>>>,
    /// The files are those of many, so that none of them can give an end up.
    shared: bool,
}

impl Opaque for Device {
    type C = abi::ferrio_ring;
}

// Its members, which the driver's own code follows.
const _: () = {
    assert!(offset_of!(Device, read) == offset_of!(abi::ferrio_ring, read));
    assert!(offset_of!(Device, write) == offset_of!(abi::ferrio_ring, write));
    // A pointer, or NULL.
    assert!(size_of::<Option<Pin<KBox<Direction<Produces>>>>>() == size_of::<usize>());
};

impl Device {
    /// Makes rings with their memory.
    ///
    /// # Errors
    ///
    /// `EINVAL`: no such rings. `ENOMEM`; `EINTR`: the caller is being killed.
    pub(crate) fn new(params: &ferrio_ring_params) -> Result<Arc<Self>> {
        let bytes = RingBytes::try_from(params.bytes)?;
        let both = abi::FERRIO_RING_READ | abi::FERRIO_RING_WRITE;
        let kinds = abi::FERRIO_RING_RECORDS | abi::FERRIO_RING_DROP;
        let known = abi::FERRIO_RING_SHARED | kinds;
        let kind = params.flags & kinds;
        if params.directions == 0
            || params.directions & !both != 0
            || params.flags & !known != 0
            || (kind != 0 && params.directions != abi::FERRIO_RING_READ)
            || kind == abi::FERRIO_RING_DROP
            || params.pad != [0; 2]
        {
            return Err(EINVAL);
        }
        // The driver is at the other end of what programs do.
        let (read, write) = (
            params.directions & abi::FERRIO_RING_READ != 0 && kind == 0,
            params.directions & abi::FERRIO_RING_WRITE != 0,
        );
        let device = Device {
            read: read.then(|| Direction::new(bytes, 0)).transpose()?,
            records: (kind != 0)
                .then(|| Direction::new(bytes, records_of(kind)))
                .transpose()?,
            write: write.then(|| Direction::new(bytes, 0)).transpose()?,
            shared: params.flags & abi::FERRIO_RING_SHARED != 0,
        };
        Ok(Arc::new(device, GFP_KERNEL_ACCOUNT)?)
    }

    /// The ring that `rw` means to programs, and the set of its ends that the files have.
    fn held(&self, rw: Rw) -> Option<Held<'_>> {
        match rw {
            Rw::Read => self.produced().map(|direction| direction.held()),
            Rw::Write => self.write.as_ref().map(|direction| direction.held()),
        }
    }

    /// What programs read, whatever it is.
    fn produced(&self) -> Option<&Direction<Produces>> {
        self.read.as_deref().or(self.records.as_deref())
    }

    /// The end at which the driver produces records.
    ///
    /// # Errors
    ///
    /// `EBADF`: there is none.
    #[inline]
    pub(crate) fn recorder(&self) -> Result<&Direction<Produces>> {
        self.records.as_deref().ok_or(EBADF)
    }

    /// The end at which the driver produces bytes.
    ///
    /// # Errors
    ///
    /// `EBADF`: there is none.
    #[inline]
    pub(crate) fn producer(&self) -> Result<&Direction<Produces>> {
        self.read.as_deref().ok_or(EBADF)
    }

    /// The end at which the driver consumes.
    ///
    /// # Errors
    ///
    /// `EBADF`: there is none.
    #[inline]
    pub(crate) fn consumer(&self) -> Result<&Direction<Consumes>> {
        self.write.as_deref().ok_or(EBADF)
    }

    /// The driver has moved bytes in a set of directions, and found that somebody sleeps there, or
    /// that its end is being given up.
    ///
    /// # Errors
    ///
    /// `ESHUTDOWN`: what it has written may be behind the end of the stream.
    pub(crate) fn called(&self, directions: u32, context: Context) -> Result {
        if directions & abi::FERRIO_RING_WRITE != 0 {
            if let Some(direction) = &self.write {
                // What it has read it has.
                let _ = direction.called(context);
            }
        }
        if directions & abi::FERRIO_RING_READ != 0 {
            if let Some(direction) = &self.read {
                direction.called(context)?;
            }
        }
        Ok(())
    }

    /// Gives up the driver's ends of a set of directions; those that are not there are ignored.
    pub(crate) fn shutdown(&self, directions: u32) {
        if directions & abi::FERRIO_RING_READ != 0 {
            if let Some(direction) = self.produced() {
                direction.shutdown();
            }
        }
        if directions & abi::FERRIO_RING_WRITE != 0 {
            if let Some(direction) = &self.write {
                direction.shutdown();
            }
        }
    }

    /// The driver is gone, and its calls are over: nobody ends what it has not ended.
    pub(crate) fn go(&self) {
        self.shutdown(abi::FERRIO_RING_READ | abi::FERRIO_RING_WRITE);
        if let Some(records) = &self.records {
            records.forget();
        }
    }

    /// Gives up the ends of the driver's files.
    pub(crate) fn leave(&self) {
        if let Some(direction) = self.produced() {
            direction.leave();
        }
        if let Some(direction) = &self.write {
            direction.leave();
        }
    }
}

/// FERRIO_RB_RECORDS* bits for those of a driver.
fn records_of(kind: u32) -> u32 {
    let drops = kind & abi::FERRIO_RING_DROP != 0;
    let drop = if drops {
        uapi::FERRIO_RB_RECORDS_DROP
    } else {
        0
    };
    uapi::FERRIO_RB_RECORDS | uapi::FERRIO_RB_RECORDS_MANY | drop
}

impl Drop for Device {
    fn drop(&mut self) {
        // Ends that programs have still live on, and find that nobody is there.
        self.go();
        self.leave();
    }
}
