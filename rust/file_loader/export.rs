// SPDX-License-Identifier: GPL-2.0

//! The loads of other modules: the functions of `rust/driver/include/ferrio_file.h`, where their
//! documentation is. `export_symbols.c` exports them.
//!
//! They know neither the device nor its users: what a driver loads counts for nobody's limit, and
//! nothing of it is logged here.

use crate::{
    abi::{self, ferrio_file_failure, ferrio_file_request},
    failure::stage_number,
    pins::Pins,
    request::purpose_of,
};
use core::mem::MaybeUninit;
use ferrio::{
    contiguous::Frozen,
    digest::Sha256,
    export::{Given, In, Lent, Opaque, OpenedFile, Out, Text, User},
    file_read::{LoadError, Loaded, Opened, Purpose, Source, Stage, UserBytes},
};
use kernel::{fs::LocalFile, prelude::*, uaccess::UserPtr};

/// What a driver has of a file: `struct ferrio_file`.
struct Content {
    bytes: Frozen,
    sha256: Sha256,
}

impl Opaque for Content {
    type C = abi::ferrio_file;
}

/// `struct ferrio_file_request`, looked at.
struct Request {
    purpose: Purpose,
    max_bytes: u64,
    pins: Pins,
}

impl Request {
    fn new(request: Option<&ferrio_file_request>) -> Result<Self> {
        let request = request.ok_or(EINVAL)?;
        Ok(Request {
            purpose: purpose_of(request.purpose)?,
            max_bytes: request.max_bytes,
            pins: Pins::new(
                request.pins,
                &request.sha256,
                request.verity_algorithm,
                request.verity_bytes,
                &request.verity,
            )?,
        })
    }

    /// The memory for what a driver gets, apart from the bytes. Before these: when they fill the
    /// caller's memory cgroup, the next charge may kill in it.
    fn room() -> Result<KBox<MaybeUninit<Content>>> {
        Ok(KBox::new_uninit(GFP_KERNEL_ACCOUNT)?)
    }

    fn content(
        &self,
        room: KBox<MaybeUninit<Content>>,
        mut loaded: Loaded,
    ) -> Result<KBox<Content>> {
        let sha256 = self.pins.check_sha256(&mut loaded)?;
        Ok(KBox::write(
            room,
            Content {
                bytes: loaded.freeze(),
                sha256,
            },
        ))
    }

    fn file<'p>(&self, source: Source<'p>) -> Result<KBox<Content>, LoadError<'p>> {
        let held = Opened::new(source)?.hold(self.max_bytes)?;
        let verity = self.pins.check_verity(held.verity());
        verity.map_err(|errno| held.fail(Stage::Digest, errno))?;
        let (loaded, room) = held.read_with(self.purpose, Self::room)?;
        // Writers need not wait for the digest.
        let at = held.fail(Stage::Digest, EINVAL);
        drop(held);
        self.content(room, loaded)
            .map_err(|errno| LoadError { errno, ..at })
    }

    fn user(&self, at: UserPtr, len: u64) -> Result<KBox<Content>, LoadError<'static>> {
        let bytes = UserBytes::new(at, len, self.max_bytes)?;
        let room = Self::room().map_err(|errno| bytes.fail(Stage::Memory, errno))?;
        let loaded = bytes.read(self.purpose)?;
        self.content(room, loaded)
            .map_err(|errno| bytes.fail(Stage::Digest, errno))
    }
}

/// Why there is nothing; without a stage, if the request made no sense.
struct Why(ferrio_file_failure, Error);

impl From<Error> for Why {
    fn from(errno: Error) -> Self {
        let error = errno.to_errno();
        Why(
            ferrio_file_failure {
                error,
                ..Default::default()
            },
            errno,
        )
    }
}

impl From<LoadError<'_>> for Why {
    fn from(error: LoadError<'_>) -> Self {
        Why(
            ferrio_file_failure {
                stage: stage_number(error.stage),
                error: error.errno.to_errno(),
                bytes: error.bytes,
            },
            error.errno,
        )
    }
}

type Failure<'a> = Option<&'a mut ferrio_file_failure>;

/// Makes a load, and says why it failed, if it did.
fn told(
    failure: Failure<'_>,
    load: impl FnOnce() -> Result<KBox<Content>, Why>,
) -> Result<KBox<Content>> {
    load().map_err(|Why(why, errno)| {
        if let Some(failure) = failure {
            *failure = why;
        }
        errno
    })
}

fn load_path(
    path: Option<&CStr>,
    request: Option<&ferrio_file_request>,
    failure: Failure<'_>,
) -> Result<KBox<Content>> {
    told(failure, || {
        let request = Request::new(request)?;
        Ok(request.file(Source::InitPath(path.ok_or(EINVAL)?))?)
    })
}

fn load_fd(
    fd: i32,
    request: Option<&ferrio_file_request>,
    failure: Failure<'_>,
) -> Result<KBox<Content>> {
    told(failure, || {
        let request = Request::new(request)?;
        // A negative one becomes a number that is no descriptor's.
        Ok(request.file(Source::Fd(fd as u32))?)
    })
}

fn load_file(
    file: Option<&LocalFile>,
    request: Option<&ferrio_file_request>,
    failure: Failure<'_>,
) -> Result<KBox<Content>> {
    told(failure, || {
        let request = Request::new(request)?;
        Ok(request.file(Source::File(file.ok_or(EINVAL)?))?)
    })
}

fn load_user(
    at: UserPtr,
    len: u64,
    request: Option<&ferrio_file_request>,
    failure: Failure<'_>,
) -> Result<KBox<Content>> {
    told(failure, || {
        let request = Request::new(request)?;
        if request.pins.of_a_file() {
            return Err(EINVAL.into());
        }
        Ok(request.user(at, len)?)
    })
}

fn bytes(content: &Content) -> *const c_void {
    content.bytes.bytes().as_ptr().cast()
}

fn len(content: &Content) -> usize {
    content.bytes.bytes().len()
}

fn sha256(content: &Content) -> *const u8 {
    content.sha256.0.as_ptr()
}

/// The name of a stage.
fn stage_name(number: u32) -> *const c_char {
    Stage::ALL
        .into_iter()
        .find(|stage| stage_number(*stage) == number)
        .map_or(c"request", Stage::c_name)
        .as_char_ptr()
}

ferrio::export! {
    abi {
        /// See [`load_path`].
        fn ferrio_file_load_path(
            path: Text,
            request: In<ferrio_file_request>,
            failure: Out<ferrio_file_failure>,
        ) -> Result<KBox<Content>> = load_path;

        /// See [`load_fd`].
        fn ferrio_file_load_fd(
            fd: i32,
            request: In<ferrio_file_request>,
            failure: Out<ferrio_file_failure>,
        ) -> Result<KBox<Content>> = load_fd;

        /// See [`load_file`].
        fn ferrio_file_load_file(
            file: OpenedFile,
            request: In<ferrio_file_request>,
            failure: Out<ferrio_file_failure>,
        ) -> Result<KBox<Content>> = load_file;

        /// See [`load_user`].
        fn ferrio_file_load_user(
            bytes: User,
            len: u64,
            request: In<ferrio_file_request>,
            failure: Out<ferrio_file_failure>,
        ) -> Result<KBox<Content>> = load_user;

        /// See [`Frozen::bytes`].
        fn ferrio_file_bytes(file: Lent<Content>) -> *const c_void = bytes;

        /// The length of them.
        fn ferrio_file_len(file: Lent<Content>) -> usize = len;

        /// The digest of them.
        fn ferrio_file_sha256(file: Lent<Content>) -> *const u8 = sha256;

        /// Frees it, and its pages.
        fn ferrio_file_free(file: Given<Content>) = drop;

        /// See [`Stage::c_name`].
        fn ferrio_file_stage_name(stage: u32) -> *const c_char = stage_name;
    }
}
