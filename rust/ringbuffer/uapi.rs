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

include!(concat!(
    env!("FERRIO_GEN"),
    "/rust/ringbuffer/uapi_generated.rs"
));

ferrio::ioctl::ext_structs!(
    ferrio_rb_info: FERRIO_RB_IOC_GET_INFO,
    ferrio_rb_size: FERRIO_RB_IOC_SET_SIZE,
    ferrio_rb_mint: FERRIO_RB_IOC_MINT,
    ferrio_rb_shutdown: FERRIO_RB_IOC_SHUTDOWN,
    ferrio_rb_wait: FERRIO_RB_IOC_WAIT,
    ferrio_rb_wakeup: FERRIO_RB_IOC_WAKEUP,
);
// BLAME has the struct of WAKEUP.
const _: () = assert!(
    ferrio::ioctl::ioc_size(FERRIO_RB_IOC_BLAME) == ferrio::ioctl::ioc_size(FERRIO_RB_IOC_WAKEUP)
);
