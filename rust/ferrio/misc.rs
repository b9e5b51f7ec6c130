// SPDX-License-Identifier: GPL-2.0

//! Misc devices: `/dev/NAME`, with a `struct file_operations` of the caller's.
//!
//! C header: [`include/linux/miscdevice.h`](srctree/include/linux/miscdevice.h)
//!
//! It needs the `kernel` crate alone, and is a part of the driver API's crates as well.

use kernel::{bindings, error::to_result, prelude::*, types::Opaque};

/// A registered misc device with dynamic minor, and what its files share.
///
/// # Invariants
///
/// - `misc` is registered from the end of the initialiser until the start of the drop.
/// - `misc` is the first member: `->open` finds `shared` by it.
#[repr(C)]
#[pin_data(PinnedDrop)]
pub struct Misc<S: Send + Sync + 'static> {
    #[pin]
    misc: Opaque<bindings::miscdevice>,
    shared: S,
}

// SAFETY: misc_deregister() may be called by another task than misc_register().
unsafe impl<S: Send + Sync + 'static> Send for Misc<S> {}
// SAFETY: Shared use reads `shared`, which is Sync.
unsafe impl<S: Send + Sync + 'static> Sync for Misc<S> {}

impl<S: Send + Sync + 'static> Misc<S> {
    /// Registers a device of that name and mode. It can be opened before this returns.
    ///
    /// Process context, sleeps. A file may be open by the time that a later step of the module's
    /// init fails: register last.
    ///
    /// # Errors
    ///
    /// `EBUSY`: no minor is free. `EEXIST`: there is a device of this name. `ENOMEM`.
    ///
    /// # Safety
    ///
    /// The functions of `fops` must be fit for files of this device, whose private data is for
    /// `->open` what [`shared`](Self::shared) asks for with this `S`.
    pub unsafe fn new(
        name: &'static CStr,
        mode: u16,
        fops: &'static bindings::file_operations,
        shared: S,
    ) -> impl PinInit<Self, Error> {
        // `shared` goes first: a program may open the node while misc_register() still runs.
        try_pin_init!(Self {
            shared,
            // INVARIANT: Registered on success; repr(C) makes it the first member.
            misc <- Opaque::try_ffi_init(move |slot: *mut bindings::miscdevice| {
                let mut misc: bindings::miscdevice = pin_init::zeroed();
                misc.minor = bindings::MISC_DYNAMIC_MINOR as c_int;
                misc.name = name.as_char_ptr();
                misc.fops = fops;
                misc.mode = mode;
                // SAFETY: The slot is valid for writes.
                unsafe { slot.write(misc) };
                // SAFETY: A complete miscdevice, pinned, deregistered before it goes.
                to_result(unsafe { bindings::misc_register(slot) })
            }),
        })
    }

    /// What the files of the device that is being opened share.
    ///
    /// # Safety
    ///
    /// `misc` must be what `misc_open()` stored as the private data of a file of a `Misc<S>`, and
    /// the misc core's lock must be held, which keeps it registered, for `'a`.
    pub unsafe fn shared<'a>(misc: *mut bindings::miscdevice) -> &'a S {
        // SAFETY: By the type invariants `misc` is the first member of a pinned registration.
        unsafe { &(*misc.cast::<Self>()).shared }
    }
}

#[pinned_drop]
impl<S: Send + Sync + 'static> PinnedDrop for Misc<S> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Registered by the type invariants, and this happens once.
        unsafe { bindings::misc_deregister(self.misc.get()) };
    }
}
