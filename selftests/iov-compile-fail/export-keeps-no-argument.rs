// SPDX-License-Identifier: GPL-2.0
// error: E0597

//! What another module passes is its own again when the call returns.

use ferrio::export::Text;
use kernel::prelude::*;

mod abi {
    use kernel::ffi::c_char;

    extern "C" {
        pub(crate) fn ferrio_file_length(text: *const c_char) -> usize;
    }
}

#[cfg(not(wrong))]
fn length(text: Option<&CStr>) -> usize {
    text.map_or(0, CStr::count_bytes)
}

#[cfg(wrong)]
fn length(text: Option<&'static CStr>) -> usize {
    text.map_or(0, CStr::count_bytes)
}

ferrio::export! {
    abi {
        /// The length of a string.
        fn ferrio_file_length(text: Text) -> usize = length;
    }
}
