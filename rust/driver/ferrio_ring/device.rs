// SPDX-License-Identifier: GPL-2.0

//! A device whose files are rings.

use crate::{ffi::Fops, Rings};
use kernel::{bindings, fs::File, module::this_module, prelude::*, uaccess::UserPtr};

/// The private data of an open file of such a device; see [`Registration`](crate::Registration).
#[vtable]
pub trait RingFile: Send + Sync + Sized + 'static {
    /// What all files of the device share.
    type Shared: Send + Sync + 'static;

    /// The name of the node below `/dev`.
    const NAME: &'static CStr;

    /// The mode of the node.
    const MODE: u16 = 0o600;

    /// The node is being opened.
    ///
    /// Context: `misc_mtx` is held, which every open of every misc device takes: make no more than
    /// this file needs, and wait for nobody.
    ///
    /// # Errors
    ///
    /// Any: the open fails with it.
    fn open(shared: &Self::Shared, file: &File) -> Result<Pin<KBox<Self>>>;

    /// What is read and written through the file; always the same. Without any its calls are
    /// `ENODEV`. Any context.
    fn rings(&self) -> Option<&Rings>;

    /// An ioctl that is none of a ring. Process context.
    ///
    /// # Errors
    ///
    /// `ENOTTY`: it is none of the driver's either.
    fn ioctl(&self, _file: &File, _cmd: u32, _arg: UserPtr) -> Result<isize> {
        Err(ENOTTY)
    }
}

impl<T: RingFile> Fops<T> {
    pub(crate) const OPS: bindings::file_operations = bindings::file_operations {
        owner: this_module::<T::OwnerModule>().as_ptr(),
        open: Some(Self::open),
        release: Some(Self::release),
        read_iter: Some(Self::read_iter),
        write_iter: Some(Self::write_iter),
        poll: Some(Self::poll),
        unlocked_ioctl: Some(Self::ioctl),
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: bindings::compat_ptr_ioctl,
        mmap: Some(Self::mmap),
        splice_read: Some(Self::splice_read),
        splice_write: Some(Self::splice_write),
        show_fdinfo: Some(Self::show_fdinfo),
        ..pin_init::zeroed()
    };
}
