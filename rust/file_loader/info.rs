// SPDX-License-Identifier: GPL-2.0

//! FERRIO_FL_GET_INFO, of the device.

use crate::{
    request::purpose_number,
    uapi::{self, ferrio_fl_info},
};
use ferrio::{file_read::Purpose, ioctl::ExtArg, quota::Users, task};
use kernel::{prelude::*, uaccess::UserPtr};

pub(crate) fn get(users: &Users, arg: UserPtr) -> Result {
    let mut arg = ExtArg::<ferrio_fl_info>::read(arg)?;
    let limits = users.limits();
    let have = users.get(task::real_uid());
    arg.value = ferrio_fl_info {
        size: size_of::<ferrio_fl_info>() as u32,
        abi_version: uapi::FERRIO_FL_ABI_VERSION,
        features: (uapi::FERRIO_FL_FEAT_FD
            | uapi::FERRIO_FL_FEAT_PATH
            | uapi::FERRIO_FL_FEAT_BYTES
            | uapi::FERRIO_FL_FEAT_SHA256
            | uapi::FERRIO_FL_FEAT_VERITY
            | uapi::FERRIO_FL_FEAT_MAP
            | uapi::FERRIO_FL_FEAT_SPLICE)
            .into(),
        purposes: Purpose::ALL
            .iter()
            .fold(0, |bits, purpose| bits | 1 << purpose_number(*purpose)),
        user_max_bytes: limits.bytes as u64,
        user_bytes: have.bytes as u64,
        user_max_blobs: limits.objects as u64,
        user_blobs: have.objects as u64,
    };
    arg.write()
}
