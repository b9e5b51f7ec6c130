// SPDX-License-Identifier: GPL-2.0

//! Misc devices.

use super::{vtable::VTable, FileOps};
use crate::misc::Misc;
use kernel::prelude::*;

/// A registered misc device with dynamic minor, `/dev/NAME`, of mode [`FileOps::MODE`].
#[pin_data]
pub struct Registration<T: FileOps> {
    #[pin]
    misc: Misc<T::Device>,
}

impl<T: FileOps> Registration<T> {
    /// Registers the device. It can be opened before this returns.
    ///
    /// # Errors
    ///
    /// - `EBUSY`: no minor is free.
    /// - `EEXIST`: a device of this name exists.
    /// - `ENOMEM`.
    ///
    /// Process context, sleeps. A file may be open by the time that a later step of the module's
    /// init fails: register last.
    pub fn new(device: T::Device) -> impl PinInit<Self, Error> {
        // Without it misc_open() would leave its own pointer where the private data belongs.
        const {
            assert!(
                T::HAS_OPEN,
                "a device that is opened by name implements open()"
            )
        };
        try_pin_init!(Self {
            // SAFETY: The table of `T` is for files whose `->open` finds a `Misc<T::Device>`.
            misc <- unsafe { Misc::new(T::NAME, T::MODE, VTable::<T>::get(), device) },
        })
    }
}
