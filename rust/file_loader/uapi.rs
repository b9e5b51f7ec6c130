// SPDX-License-Identifier: GPL-2.0

//! The ABI as bindgen reads it from `rust/uapi/ferrio/file_loader.h`.

#![allow(
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub,
    clippy::all,
    clippy::undocumented_unsafe_blocks
)]

use ferrio::ioctl::ExtStruct;

include!(concat!(
    env!("FERRIO_GEN"),
    "/rust/file_loader/uapi_generated.rs"
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

ext_struct!(ferrio_fl_info, FERRIO_FL_IOC_GET_INFO);
ext_struct!(ferrio_fl_blob, FERRIO_FL_IOC_BLOB_INFO);
ext_struct!(ferrio_fl_load, FERRIO_FL_IOC_LOAD_FD);

/// It is in no command.
impl ExtStruct for ferrio_fl_failure {
    const FIRST_SIZE: usize = FERRIO_FL_FAILURE_SIZE_VER0 as usize;
}

// One struct for three commands; it may grow but never shrink.
const _: () = {
    assert!(FERRIO_FL_IOC_LOAD_PATH >> 16 == FERRIO_FL_IOC_LOAD_FD >> 16);
    assert!(FERRIO_FL_IOC_LOAD_BYTES >> 16 == FERRIO_FL_IOC_LOAD_FD >> 16);
    assert!(size_of::<ferrio_fl_failure>() >= FERRIO_FL_FAILURE_SIZE_VER0 as usize);
};
