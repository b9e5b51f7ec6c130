// SPDX-License-Identifier: GPL-2.0

//! Extensible structs: arguments that may grow with either side.
//!
//! The rules are those of `copy_struct_from_user()`
//! ([`include/linux/uaccess.h`](srctree/include/linux/uaccess.h)), with the size inside of the
//! struct, as its first member.

use kernel::{
    bindings,
    page::PAGE_SIZE,
    prelude::*,
    uaccess::{UserPtr, UserSlice},
};
use zerocopy::Immutable;

/// A struct whose first member is its size as a `u32`.
pub trait ExtStruct: FromBytes + IntoBytes + Immutable + Default {
    /// The size of the first published version: what every caller knows at least.
    const FIRST_SIZE: usize;
}

/// `_IOC_SIZE()` of a command number: the size of the first version of its struct, in bytes.
pub const fn ioc_size(cmd: u32) -> usize {
    ((cmd >> bindings::_IOC_SIZESHIFT) & bindings::_IOC_SIZEMASK) as usize
}

/// Makes structs [`ExtStruct`]s, each with the number of its command:
/// `ext_structs!(info: GET_INFO, size: SET_SIZE)`.
#[macro_export]
macro_rules! ext_structs {
    ($($name:ident: $cmd:ident),+ $(,)?) => {$(
        impl $crate::ioctl::ExtStruct for $name {
            const FIRST_SIZE: usize = $crate::ioctl::ioc_size($cmd);
        }
        // A struct may grow but never shrink.
        const _: () = assert!(size_of::<$name>() >= $crate::ioctl::ioc_size($cmd));
    )+};
}
pub use ext_structs;

/// A struct as a caller passed it, and what is needed to answer.
pub struct ExtArg<T> {
    ptr: UserPtr,
    user_size: usize,
    /// The struct, filled up with zeros where the caller's is shorter.
    ///
    /// Its size member is a second read of user memory: use nothing but the fields behind it.
    pub value: T,
}

impl<T: ExtStruct> ExtArg<T> {
    /// Reads the struct at `ptr`.
    ///
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// - `EFAULT`: not readable.
    /// - `EINVAL`: the size is smaller than the first version's.
    /// - `E2BIG`: the size is larger than the kernel's and what is behind is not zero, or it is
    ///   larger than a page.
    pub fn read(ptr: UserPtr) -> Result<Self> {
        let user_size = UserSlice::new(ptr, size_of::<u32>())
            .reader()
            .read::<u32>()? as usize;
        if user_size < T::FIRST_SIZE {
            return Err(EINVAL);
        }
        if user_size > PAGE_SIZE {
            return Err(E2BIG);
        }
        let known = size_of::<T>();
        if user_size > known {
            // SAFETY: Any address and length may be passed; it is checked to be user memory.
            let zero = unsafe {
                bindings::check_zeroed_user(
                    ptr.wrapping_byte_add(known).as_const_ptr(),
                    user_size - known,
                )
            };
            match zero {
                1 => (),
                0 => return Err(E2BIG),
                errno => return Err(Error::from_errno(errno)),
            }
        }
        let mut value = T::default();
        let shared = user_size.min(known);
        UserSlice::new(ptr, shared)
            .reader()
            .read_slice(&mut value.as_mut_bytes()[..shared])?;
        Ok(ExtArg {
            ptr,
            user_size,
            value,
        })
    }

    /// Writes the struct back, as much of it as the caller knows.
    ///
    /// # Errors
    ///
    /// `EFAULT`: not writable; the caller's struct may have been written in part.
    pub fn write(&self) -> Result {
        let shared = self.user_size.min(size_of::<T>());
        UserSlice::new(self.ptr, shared)
            .writer()
            .write_slice(&self.value.as_bytes()[..shared])
    }
}

/// Writes one `int` to user memory, as the old calls without a struct do.
///
/// # Errors
///
/// `EFAULT`: not writable.
pub fn put_int(ptr: UserPtr, value: i32) -> Result {
    UserSlice::new(ptr, size_of::<i32>()).writer().write(&value)
}
