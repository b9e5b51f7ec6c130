// SPDX-License-Identifier: GPL-2.0

//! The ioctls. `Documentation/abi/iov_copy.rst` has the errors.

use crate::{
    copyv,
    memory::Memory,
    quota,
    size::{DEFAULT_BYTES, MAX_BYTES, MIN_BYTES},
    uapi::{self, ferrio_ic_info, ferrio_ic_size},
};
use ferrio::ioctl::ExtArg;
use kernel::{prelude::*, uaccess::UserPtr};

pub(crate) fn ioctl(memory: &Memory, cmd: u32, arg: UserPtr) -> Result {
    match cmd {
        uapi::FERRIO_IC_IOC_GET_INFO => get_info(memory, arg),
        uapi::FERRIO_IC_IOC_SET_SIZE => set_size(memory, arg),
        uapi::FERRIO_IC_IOC_COPYV => copyv::copyv(arg),
        _ => Err(ENOTTY),
    }
}

fn get_info(memory: &Memory, arg: UserPtr) -> Result {
    let mut arg = ExtArg::<ferrio_ic_info>::read(arg)?;
    let state = if memory.size.is_fixed() {
        uapi::FERRIO_IC_STATE_FIXED
    } else {
        0
    };
    arg.value = ferrio_ic_info {
        size: size_of::<ferrio_ic_info>() as u32,
        abi_version: uapi::FERRIO_IC_ABI_VERSION,
        features: (uapi::FERRIO_IC_FEAT_MAP
            | uapi::FERRIO_IC_FEAT_SPLICE
            | uapi::FERRIO_IC_FEAT_COPYV
            | uapi::FERRIO_IC_FEAT_CRC32C)
            .into(),
        min_bytes: MIN_BYTES,
        max_bytes: MAX_BYTES,
        default_bytes: DEFAULT_BYTES,
        all_max_bytes: quota::limit() as u64,
        all_bytes: quota::held() as u64,
        bytes: memory.size.get(),
        stored_bytes: memory.stored() as u64,
        copy_max_bytes: copyv::MAX_BYTES as u64,
        max_segments: copyv::MAX_SEGMENTS as u32,
        state,
    };
    arg.write()
}

fn set_size(memory: &Memory, arg: UserPtr) -> Result {
    let arg = ExtArg::<ferrio_ic_size>::read(arg)?.value;
    if arg.flags != 0 {
        return Err(EINVAL);
    }
    memory.size.set(arg.bytes)
}
