// SPDX-License-Identifier: GPL-2.0

//! The device: it has nothing but ioctls.

use crate::{info, load::load, request::Kind, uapi};
use ferrio::{
    chardev::{FileOps, OpenFile, Private},
    quota::Users,
};
use kernel::{fs::File, prelude::*, sync::Arc, uaccess::UserPtr};

/// An open file of the device.
pub(crate) struct Loader {
    users: Arc<Users>,
}

#[vtable]
impl FileOps for Loader {
    type Ptr = KBox<Loader>;
    type Device = Arc<Users>;

    const NAME: &'static CStr = c"file_loader";
    const STREAM: bool = true;

    fn open(users: &Arc<Users>, _file: &OpenFile) -> Result<KBox<Loader>> {
        Ok(KBox::new(
            Loader {
                users: users.clone(),
            },
            // Not charged: a full cgroup would hold up all opens of all misc devices.
            GFP_KERNEL,
        )?)
    }

    fn ioctl(this: Private<'_, Self>, _file: &File, cmd: u32, arg: UserPtr) -> Result<isize> {
        let users = &this.users;
        match cmd {
            uapi::FERRIO_FL_IOC_GET_INFO => info::get(users, arg).map(|()| 0),
            uapi::FERRIO_FL_IOC_LOAD_FD => load(users, Kind::Fd, arg),
            uapi::FERRIO_FL_IOC_LOAD_PATH => load(users, Kind::Path, arg),
            uapi::FERRIO_FL_IOC_LOAD_BYTES => load(users, Kind::Bytes, arg),
            _ => Err(ENOTTY),
        }
    }
}
