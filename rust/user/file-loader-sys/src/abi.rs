// SPDX-License-Identifier: MIT OR Apache-2.0

//! The structs and numbers of `rust/uapi/ferrio/file_loader.h`, where each is described.
//!
//! The first member of each argument is its size, which `new()` fills in. Structs get members at
//! their ends as the ABI grows, and so are `#[non_exhaustive]`. Command numbers have `IOC` in their
//! names: [`FERRIO_FL_IOC_LOAD_FD`] is C's `FERRIO_FL_LOAD_FD`.
//!
//! ```
//! use ferrio_file_loader_sys::abi::*;
//!
//! let load = ferrio_fl_load::new();
//! assert_eq!((load.size, load.flags, load.max_bytes), (152, 0, 0));
//! assert_eq!(FERRIO_FL_DEVICE, c"/dev/file_loader");
//! ```

#![allow(
    non_camel_case_types,
    clippy::all,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    rustdoc::all,
    // bindgen's, for structs whose arrays have no Default.
    unsafe_code
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
            /// use ferrio_file_loader_sys::abi::*;
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
                let mut new = Self::default();
                new.size = size_of::<Self>() as u32;
                new
            }
        }
    )*};
}

argument!(ferrio_fl_info ferrio_fl_failure ferrio_fl_load ferrio_fl_blob);
