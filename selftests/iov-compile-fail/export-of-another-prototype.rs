// SPDX-License-Identifier: GPL-2.0
// error: E0308

//! A function that is exported has the prototype of its header.

mod abi {
    extern "C" {
        #[cfg(not(wrong))]
        pub(crate) fn ferrio_file_twice(number: u32, more: u64) -> usize;
        #[cfg(wrong)]
        pub(crate) fn ferrio_file_twice(number: u32, more: i32) -> usize;
    }
}

fn twice(number: u32, more: u64) -> usize {
    number as usize * 2 + more as usize
}

ferrio::export! {
    abi {
        /// Twice as much, and more.
        fn ferrio_file_twice(number: u32, more: u64) -> usize = twice;
    }
}
