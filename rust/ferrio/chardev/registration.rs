// SPDX-License-Identifier: GPL-2.0

//! Misc devices.

use super::{vtable::VTable, FileOps};
use kernel::{bindings, error::to_result, prelude::*, types::Opaque};

/// A registered misc device with dynamic minor, `/dev/NAME`, of mode [`FileOps::MODE`].
///
/// # Invariants
///
/// - `misc` is registered from the end of the initialiser until the start of the drop.
/// - `misc` is the first member: `->open` finds the registration by it.
#[repr(C)]
#[pin_data(PinnedDrop)]
pub struct Registration<T: FileOps> {
    #[pin]
    misc: Opaque<bindings::miscdevice>,
    device: T::Device,
}

// SAFETY: misc_deregister() may be called by another task than misc_register().
unsafe impl<T: FileOps> Send for Registration<T> {}
// SAFETY: Shared use reads `device`, which is Sync.
unsafe impl<T: FileOps> Sync for Registration<T> {}

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
        // `device` goes first: a program may open the node while misc_register() still runs.
        try_pin_init!(Self {
            device,
            // INVARIANT: Registered on success; repr(C) makes it the first member.
            misc <- Opaque::try_ffi_init(|slot: *mut bindings::miscdevice| {
                let mut misc: bindings::miscdevice = pin_init::zeroed();
                misc.minor = bindings::MISC_DYNAMIC_MINOR as c_int;
                misc.name = T::NAME.as_char_ptr();
                misc.fops = VTable::<T>::get();
                misc.mode = T::MODE;
                // SAFETY: The slot is valid for writes.
                unsafe { slot.write(misc) };
                // SAFETY: A complete miscdevice, pinned, deregistered before it goes.
                to_result(unsafe { bindings::misc_register(slot) })
            }),
        })
    }

    /// The registration that a `struct miscdevice` is part of.
    ///
    /// # Safety
    ///
    /// `misc` must be what `misc_open()` stored for a file of a `Registration<T>`, and the misc
    /// core's lock must be held, which keeps it registered, for `'a`.
    pub(super) unsafe fn from_misc<'a>(misc: *mut bindings::miscdevice) -> &'a Self {
        // SAFETY: By the type invariants `misc` is the first member of a pinned registration.
        unsafe { &*misc.cast::<Self>() }
    }

    /// What [`FileOps::open`] sees.
    pub fn device(&self) -> &T::Device {
        &self.device
    }
}

#[pinned_drop]
impl<T: FileOps> PinnedDrop for Registration<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Registered by the type invariants, and this happens once.
        unsafe { bindings::misc_deregister(self.misc.get()) };
    }
}
