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

include!(concat!(
    env!("FERRIO_GEN"),
    "/rust/iov_copy/uapi_generated.rs"
));

ferrio::ioctl::ext_structs!(
    ferrio_ic_info: FERRIO_IC_IOC_GET_INFO,
    ferrio_ic_size: FERRIO_IC_IOC_SET_SIZE,
    ferrio_ic_copyv: FERRIO_IC_IOC_COPYV,
);
