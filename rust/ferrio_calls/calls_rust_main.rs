// SPDX-License-Identifier: GPL-2.0

//! `/dev/ferrio_calls_rust`: each function of the crate `ferrio_file`, as a driver calls it.
//! `selftests/file_loader/calls.c` asserts what comes of it, as of `calls_c.c`.

use ferrio::{
    chardev::{FileOps, OpenFile, Private, Registration},
    ioctl::ExtArg,
    task::{capable, Capability},
};
use ferrio_file::{FileBytes, Load, LoadError, Purpose, Stage};
use kernel::{
    fs::{File, LocalFile},
    new_mutex,
    prelude::*,
    str::CString,
    sync::Mutex,
    uaccess::{UserPtr, UserSlice},
};
use uapi::{ferrio_test_load, FERRIO_TEST_IOC_LOAD_CALL};

mod uapi {
    #![allow(
        dead_code,
        missing_docs,
        non_camel_case_types,
        non_upper_case_globals,
        unreachable_pub,
        clippy::all,
        clippy::undocumented_unsafe_blocks
    )]
    include!(concat!(
        env!("FERRIO_GEN"),
        "/rust/ferrio_calls/uapi_generated.rs"
    ));
}

ferrio::ioctl::ext_structs!(ferrio_test_load: FERRIO_TEST_IOC_LOAD_CALL);

module! {
    type: CallsModule,
    name: "ferrio_calls_rust",
    authors: ["The ferrio developers"],
    description: "The functions of the crate ferrio_file, called",
    license: "GPL",
}

/// An open file.
#[pin_data]
struct Calls {
    #[pin]
    kept: Mutex<Option<FileBytes>>,
}

/// The stage as `ferrio_file.h` has it.
fn number(stage: Stage) -> u32 {
    match stage {
        Stage::Open => 1,
        Stage::Type => 2,
        Stage::Busy => 3,
        Stage::Size => 4,
        Stage::Memory => 5,
        Stage::Lsm => 6,
        Stage::Read => 7,
        Stage::LsmPost => 8,
        Stage::Digest => 9,
    }
}

/// The load that is asked for. What cannot be said in Rust is `ENOTTY`.
fn load(request: &ferrio_test_load) -> Result<Result<FileBytes, LoadError>> {
    let purpose = match request.purpose {
        1 => Purpose::Firmware,
        2 => Purpose::Policy,
        3 => Purpose::X509Certificate,
        _ => return Err(ENOTTY),
    };
    let mut load = Load::new(purpose, request.max_bytes);
    if request.pins & 1 != 0 {
        load = load.pin_sha256(request.sha256);
    }
    if request.pins & 2 != 0 {
        let digest = request.verity.get(..request.verity_bytes as usize);
        let algorithm = u8::try_from(request.verity_algorithm).map_err(|_| ENOTTY)?;
        load = load.pin_verity(algorithm, digest.unwrap_or(&[0; 65]));
    }
    let source = UserPtr::from_addr(request.source as usize);
    match request.how {
        uapi::FERRIO_TEST_LOAD_PATH => {
            let mut room = KVec::<u8>::from_elem(0, 4096, GFP_KERNEL)?;
            let text = UserSlice::new(source, room.len())
                .reader()
                .strcpy_into_buf(&mut room)?;
            Ok(load.path(text))
        }
        uapi::FERRIO_TEST_LOAD_FD => Ok(load.fd(request.source as i32)),
        uapi::FERRIO_TEST_LOAD_FILE => {
            let file = LocalFile::fget(request.source as u32)?;
            Ok(load.file(&file))
        }
        uapi::FERRIO_TEST_LOAD_USER => Ok(load.user(source, request.source_bytes)),
        _ => Err(ENOTTY),
    }
}

impl Calls {
    fn call(&self, arg: UserPtr) -> Result {
        let mut arg = ExtArg::<ferrio_test_load>::read(arg)?;
        let value = &mut arg.value;
        match load(value)? {
            Ok(content) => {
                value.result = 0;
                value.stage = 0;
                value.error = 0;
                value.failed_bytes = 0;
                value.bytes = content.len() as u64;
                value.digest = *content.sha256();
                value.name = [0; 16];
                if value.to != 0 {
                    UserSlice::new(UserPtr::from_addr(value.to as usize), content.len())
                        .writer()
                        .write_slice(&content)?;
                }
                if value.keep != 0 {
                    let mut kept = self.kept.lock();
                    if kept.is_some() {
                        return Err(EBUSY);
                    }
                    *kept = Some(content);
                }
            }
            Err(error) => {
                value.result = error.errno.to_errno();
                value.stage = error.stage.map_or(0, number);
                value.error = value.result;
                value.failed_bytes = error.bytes;
                // "NAME, error -N"
                let text = CString::try_from_fmt(fmt!("{error}"))?;
                let name = text.to_bytes().split(|byte| *byte == b',').next();
                value.name = [0; 16];
                for (to, from) in value.name.iter_mut().zip(name.unwrap_or_default()) {
                    *to = *from;
                }
            }
        }
        arg.write()
    }
}

#[vtable]
impl FileOps for Calls {
    type Ptr = Pin<KBox<Calls>>;
    type Device = ();

    const NAME: &'static CStr = c"ferrio_calls_rust";

    fn open(_device: &(), _file: &OpenFile) -> Result<Self::Ptr> {
        if !capable(Capability::SYS_ADMIN) {
            return Err(EPERM);
        }
        KBox::pin_init(
            pin_init!(Calls { kept <- new_mutex!(None, "ferrio_calls_kept") }),
            GFP_KERNEL,
        )
    }

    fn ioctl(this: Private<'_, Self>, _file: &File, cmd: u32, arg: UserPtr) -> Result<isize> {
        match cmd {
            FERRIO_TEST_IOC_LOAD_CALL => this.call(arg).map(|()| 0),
            _ => Err(ENOTTY),
        }
    }
}

/// What exists while the module is loaded.
#[pin_data]
struct CallsModule {
    #[pin]
    device: Registration<Calls>,
}

impl kernel::InPlaceModule for CallsModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            device <- Registration::new(()),
        })
    }
}
