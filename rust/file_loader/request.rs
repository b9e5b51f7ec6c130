// SPDX-License-Identifier: GPL-2.0

//! What a program asks for: `struct ferrio_fl_load`, looked at.

use crate::{
    pins::Pins,
    uapi::{self, ferrio_fl_load},
};
use ferrio::{file_read::Purpose, ioctl::ExtArg};
use kernel::{bindings, prelude::*, uaccess::UserPtr};

/// Which of the three calls it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Fd,
    Path,
    Bytes,
}

impl Kind {
    /// `enum ferrio_fl_source`.
    pub(crate) fn number(self) -> u32 {
        match self {
            Kind::Fd => uapi::FERRIO_FL_FROM_FD,
            Kind::Path => uapi::FERRIO_FL_FROM_PATH,
            Kind::Bytes => uapi::FERRIO_FL_FROM_BYTES,
        }
    }
}

/// `enum ferrio_fl_purpose`.
pub(crate) const fn purpose_number(purpose: Purpose) -> u32 {
    match purpose {
        Purpose::Firmware => uapi::FERRIO_FL_FIRMWARE,
        Purpose::Policy => uapi::FERRIO_FL_POLICY,
        Purpose::X509Certificate => uapi::FERRIO_FL_X509_CERTIFICATE,
    }
}

/// The purpose of that number.
///
/// # Errors
///
/// `EINVAL`: there is none.
pub(crate) fn purpose_of(number: u32) -> Result<Purpose> {
    Purpose::ALL
        .into_iter()
        .find(|purpose| purpose_number(*purpose) == number)
        .ok_or(EINVAL)
}

/// A load as it is asked for.
pub(crate) struct Request {
    pub(crate) purpose: Purpose,
    /// The load fails if there are more bytes.
    pub(crate) max_bytes: u64,
    /// A descriptor, or an address.
    pub(crate) source: u64,
    /// How many bytes, if they are the program's own.
    pub(crate) source_bytes: u64,
    /// Where to tell why it failed, or 0.
    pub(crate) failure: u64,
    pub(crate) pins: Pins,
}

impl Request {
    /// Reads the struct.
    ///
    /// # Errors
    ///
    /// Those of [`ExtArg::read`]; `EINVAL`: what is in it makes no sense.
    pub(crate) fn read(kind: Kind, arg: UserPtr) -> Result<Self> {
        let arg = ExtArg::<ferrio_fl_load>::read(arg)?.value;
        let pins = Pins::new(
            arg.flags,
            &arg.sha256,
            arg.verity_algorithm,
            arg.verity_bytes,
            &arg.verity,
        )?;
        if arg.pad != 0
            || (kind != Kind::Bytes && arg.source_bytes != 0)
            || (kind == Kind::Bytes && pins.of_a_file())
        {
            return Err(EINVAL);
        }
        let purpose = purpose_of(arg.purpose)?;
        Ok(Request {
            purpose,
            max_bytes: arg.max_bytes,
            source: arg.source,
            source_bytes: arg.source_bytes,
            failure: arg.failure,
            pins,
        })
    }

    /// The descriptor.
    ///
    /// # Errors
    ///
    /// `EBADF`: it cannot be one.
    pub(crate) fn fd(&self) -> Result<u32> {
        u32::try_from(self.source).map_err(|_| EBADF)
    }

    /// The address of the path, or of the bytes.
    ///
    /// # Errors
    ///
    /// `EFAULT`: it cannot be one.
    pub(crate) fn address(&self) -> Result<UserPtr> {
        address(self.source)
    }
}

/// An address as the ABI has it.
///
/// # Errors
///
/// `EFAULT`: it cannot be one.
pub(crate) fn address(address: u64) -> Result<UserPtr> {
    usize::try_from(address)
        .map(UserPtr::from_addr)
        .map_err(|_| EFAULT)
}

/// The longest path, in bytes, with the zero that ends it.
pub(crate) const PATH_ROOM: usize = bindings::PATH_MAX as usize;
