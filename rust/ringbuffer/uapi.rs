// SPDX-License-Identifier: GPL-2.0

//! The ABI as bindgen reads it from `rust/uapi/ferrio/ringbuffer.h`.

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
    "/rust/ringbuffer/uapi_generated.rs"
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

ext_struct!(ferrio_rb_info, FERRIO_RB_IOC_GET_INFO);
ext_struct!(ferrio_rb_size, FERRIO_RB_IOC_SET_SIZE);
ext_struct!(ferrio_rb_mint, FERRIO_RB_IOC_MINT);
ext_struct!(ferrio_rb_shutdown, FERRIO_RB_IOC_SHUTDOWN);
ext_struct!(ferrio_rb_wait, FERRIO_RB_IOC_WAIT);
ext_struct!(ferrio_rb_wakeup, FERRIO_RB_IOC_WAKEUP);
// BLAME has the struct of WAKEUP.
const _: () = assert!(ioc_size(FERRIO_RB_IOC_BLAME) == ioc_size(FERRIO_RB_IOC_WAKEUP));
