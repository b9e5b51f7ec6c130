// SPDX-License-Identifier: GPL-2.0

//! Kinds of arguments for memory of the caller: where it is, and how long.
//!
//! C has two arguments for it, so there are two kinds; a function has at most one pair of them. The
//! two put together are a slice.

use super::{Call, FromC};
use core::{ffi::c_void, marker::PhantomData, mem::MaybeUninit, ptr::NonNull, slice};

/// `const void *`: NULL, or as many initialised bytes as the argument of kind [`Len`] says, which
/// nobody writes to.
pub struct BytesAt;

/// What [`BytesAt`] becomes.
#[derive(Clone, Copy)]
pub struct ReadAt<'a>(Option<NonNull<u8>>, PhantomData<&'a [u8]>);

impl FromC for BytesAt {
    type C = *const c_void;
    type Rust<'a> = ReadAt<'a>;

    #[inline]
    unsafe fn from_c<'a>(c: *const c_void, _call: &'a Call) -> ReadAt<'a> {
        ReadAt(NonNull::new(c.cast_mut().cast()), PhantomData)
    }
}

/// `void *`: NULL, or as many bytes as the argument of kind [`Len`] says, initialised or not, which
/// nobody else uses.
pub struct RoomAt;

/// What [`RoomAt`] becomes.
pub struct WriteAt<'a>(Option<NonNull<u8>>, PhantomData<&'a mut [u8]>);

impl FromC for RoomAt {
    type C = *mut c_void;
    type Rust<'a> = WriteAt<'a>;

    #[inline]
    unsafe fn from_c<'a>(c: *mut c_void, _call: &'a Call) -> WriteAt<'a> {
        WriteAt(NonNull::new(c.cast()), PhantomData)
    }
}

/// `size_t`: the length of [`BytesAt`] or [`RoomAt`].
pub struct Len;

/// What [`Len`] becomes.
#[derive(Clone, Copy)]
pub struct Length<'a>(usize, PhantomData<fn(&'a ()) -> &'a ()>);

impl FromC for Len {
    type C = usize;
    type Rust<'a> = Length<'a>;

    #[inline]
    unsafe fn from_c<'a>(c: usize, _call: &'a Call) -> Length<'a> {
        Length(c, PhantomData)
    }
}

/// `const void *`: any address, at which nobody looks.
pub struct Address;

impl FromC for Address {
    type C = *const c_void;
    type Rust<'a> = usize;

    #[inline]
    unsafe fn from_c<'a>(c: *const c_void, _call: &'a Call) -> usize {
        c as usize
    }
}

impl<'a> Length<'a> {
    /// The bytes; `None` if there is no memory, or more than any can be.
    #[inline]
    pub fn bytes(self, at: ReadAt<'a>) -> Option<&'a [u8]> {
        let start = at.0?;
        if self.0 > isize::MAX as usize {
            return None;
        }
        // SAFETY: By the contracts of the two kinds, which are arguments of one call: so many bytes
        // for 'a, which nobody writes to.
        Some(unsafe { slice::from_raw_parts(start.as_ptr(), self.0) })
    }

    /// The room; `None` if there is no memory, or more than any can be.
    #[inline]
    pub fn room(self, at: WriteAt<'a>) -> Option<&'a mut [MaybeUninit<u8>]> {
        let start = at.0?;
        if self.0 > isize::MAX as usize {
            return None;
        }
        // SAFETY: By the contracts of the two kinds, which are arguments of one call: so many bytes
        // for 'a, which nobody else uses; `at` is consumed.
        Some(unsafe { slice::from_raw_parts_mut(start.as_ptr().cast(), self.0) })
    }
}
