// SPDX-License-Identifier: MIT OR Apache-2.0

//! The structs and numbers of `rust/uapi/ferrio/ringbuffer.h`, where each is described.
//!
//! The first member of each argument is its size, which `new()` fills in. Structs get members at
//! their ends as the ABI grows, and so are `#[non_exhaustive]`. Command numbers have `IOC` in their
//! names: [`FERRIO_RB_IOC_MINT`] is C's `FERRIO_RB_MINT`.
//!
//! ```
//! use ferrio_ringbuffer_sys::abi::*;
//!
//! let mut mint = ferrio_rb_mint::new();
//! mint.rw = FERRIO_RB_WRITE;
//! assert_eq!((mint.size, mint.rw, mint.fd), (16, 1, 0));
//! assert_eq!(FERRIO_RB_DEVICE, c"/dev/ringbuffer");
//! ```
//!
//! A literal is refused, as a later version would not compile it:
//!
//! ```compile_fail,E0639
//! # use ferrio_ringbuffer_sys::abi::*;
//! let mint = ferrio_rb_mint { size: 16, flags: 0, rw: FERRIO_RB_WRITE, fd: -1 };
//! ```

#![allow(
    non_camel_case_types,
    clippy::all,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    rustdoc::all
)]

include!(concat!(env!("OUT_DIR"), "/uapi.rs"));

macro_rules! argument {
    ($($name:ident)*) => {$(
        impl $name {
            /// With its size in `size` and 0 in all others, which asks for nothing in particular,
            /// in members of later versions as well.
            ///
            /// # Examples
            ///
            /// ```
            /// use ferrio_ringbuffer_sys::abi::*;
            ///
            #[doc = concat!("let argument = ", stringify!($name), "::new();")]
            /// assert_eq!(argument.size as usize, size_of_val(&argument));
            /// ```
            ///
            /// # Cost
            ///
            /// None.
            #[must_use]
            pub fn new() -> Self {
                let size = size_of::<Self>() as u32;
                $name { size, ..Self::default() }
            }
        }
    )*};
}

argument!(
    ferrio_rb_info ferrio_rb_size ferrio_rb_mint ferrio_rb_shutdown ferrio_rb_wait ferrio_rb_wakeup
);
