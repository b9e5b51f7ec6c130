// SPDX-License-Identifier: GPL-2.0

//! The ABI as bindgen reads it from `rust/uapi/ferrio/iov_copy.h`.

#![allow(
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub,
    clippy::all
)]

use ferrio::ioctl::ExtStruct;

include!(concat!(
    env!("FERRIO_GEN"),
    "/rust/iov_copy/uapi_generated.rs"
));

/// `_IOC_SIZE()` of a command number: the size of the first version of its struct.
const fn ioc_size(cmd: u32) -> usize {
    ((cmd >> 16) & 0x3fff) as usize
}

macro_rules! ext_struct {
    ($name:ident, $cmd:ident) => {
        impl ExtStruct for $name {
            const FIRST_SIZE: usize = ioc_size($cmd);
        }
        // A struct may grow but never shrink.
        const _: () = assert!(size_of::<$name>() >= ioc_size($cmd));
    };
}

ext_struct!(ferrio_ic_info, FERRIO_IC_IOC_GET_INFO);
ext_struct!(ferrio_ic_size, FERRIO_IC_IOC_SET_SIZE);
ext_struct!(ferrio_ic_copyv, FERRIO_IC_IOC_COPYV);
