// SPDX-License-Identifier: GPL-2.0

//! The three loads.

use crate::{
    blob::{Blob, Origin, Room},
    failure::{self, Report},
    request::{Kind, Request, PATH_ROOM},
};
use ferrio::{
    chardev::anon_file,
    file_read::{Held, LoadError, Loaded, Opened, Source, Stage, UserBytes},
    quota::{Share, Users},
    task::{self, Capability},
};
use kernel::{
    fs::{
        file::{flags::O_CLOEXEC, FileDescriptorReservation},
        File,
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::{aref::ARef, Arc},
    uaccess::UserSlice,
};

/// FERRIO_FL_LOAD_*: returns the descriptor of the blob.
pub(crate) fn load(users: &Arc<Users>, kind: Kind, arg: kernel::uaccess::UserPtr) -> Result<isize> {
    let request = Request::read(kind, arg)?;
    let mut report = Report::new(request.failure)?;
    // Whoever cannot get a descriptor need not wait for the file.
    let fd = FileDescriptorReservation::get_unused_fd_flags(O_CLOEXEC)?;
    // What is known of the path, for the log.
    let mut path = KVec::new();
    let file = match kind {
        Kind::Fd => load_fd(users, &request, &mut path),
        Kind::Path => load_path(users, &request, &mut path),
        Kind::Bytes => load_bytes(users, &request),
    };
    let file = file.map_err(|error| {
        report.tell(&error);
        failure::log(kind, &request, &path, &error);
        error.errno
    })?;
    let number = fd.reserved_fd();
    fd.fd_install(file);
    Ok(number as isize)
}

/// The error of a step before there is a file to look at.
fn not_opened(errno: Error) -> LoadError<'static> {
    LoadError {
        errno,
        stage: Stage::Open,
        path: None,
        bytes: 0,
    }
}

fn load_fd(
    users: &Arc<Users>,
    request: &Request,
    path: &mut KVec<u8>,
) -> Result<ARef<File>, LoadError<'static>> {
    let fd = request.fd().map_err(not_opened)?;
    let opened = Opened::new(Source::Fd(fd))?;
    *path = path_of(&opened)?;
    load_file(users, request, Kind::Fd, opened, path)
}

fn load_path(
    users: &Arc<Users>,
    request: &Request,
    path: &mut KVec<u8>,
) -> Result<ARef<File>, LoadError<'static>> {
    if !task::capable(Capability::SYS_ADMIN) {
        return Err(not_opened(EPERM));
    }
    let at = request.address().map_err(not_opened)?;
    // A byte more than may be, to see whether there is.
    let room = KVec::from_elem(0, PATH_ROOM + 1, GFP_KERNEL);
    let mut room: KVec<u8> = room.map_err(|err| LoadError {
        stage: Stage::Memory,
        ..not_opened(err.into())
    })?;
    let text = UserSlice::new(at, room.len())
        .reader()
        .strcpy_into_buf(&mut room)
        .map_err(not_opened)?;
    if text.to_bytes().len() >= PATH_ROOM {
        return Err(not_opened(ENAMETOOLONG));
    }
    path.extend_from_slice(text.to_bytes(), GFP_KERNEL_ACCOUNT)
        .map_err(|err| LoadError {
            stage: Stage::Memory,
            ..not_opened(err.into())
        })?;
    // The string does not outlive this function.
    let forget = |error: LoadError<'_>| LoadError {
        path: None,
        ..error
    };
    let opened = Opened::new(Source::InitPath(text)).map_err(forget)?;
    load_file(users, request, Kind::Path, opened, path).map_err(forget)
}

/// The path of an open file. One that is too long to be told is not.
fn path_of<'p>(opened: &Opened<'p>) -> Result<KVec<u8>, LoadError<'p>> {
    match opened.path() {
        Err(ENOMEM) => Err(LoadError {
            stage: Stage::Memory,
            ..not_opened(ENOMEM)
        }),
        path => Ok(path.unwrap_or_else(|_| KVec::new())),
    }
}

/// What a blob of `len` bytes counts for: whole pages.
fn share(users: &Arc<Users>, len: usize) -> Result<Share> {
    // A length is far below usize::MAX, by Held and UserBytes.
    Share::new(users, len.next_multiple_of(PAGE_SIZE))
}

fn load_file<'p>(
    users: &Arc<Users>,
    request: &Request,
    kind: Kind,
    opened: Opened<'p>,
    path: &KVec<u8>,
) -> Result<ARef<File>, LoadError<'p>> {
    let held: Held<'p> = opened.hold(request.max_bytes)?;
    // What fs-verity says is known before, and what is read is checked against it on the way.
    let verity = request.pins.check_verity(held.verity());
    verity.map_err(|errno| held.fail(Stage::Digest, errno))?;
    let (loaded, (share, copy, room)) = held.read_with(request.purpose, || {
        let share = share(users, held.len())?;
        let mut copy = KVec::new();
        copy.extend_from_slice(path, GFP_KERNEL_ACCOUNT)?;
        Ok((share, copy, Blob::room()?))
    })?;
    let origin = Origin {
        kind,
        stamp: held.stamp(),
        verity: held.verity(),
        path: copy,
    };
    // Writers need not wait for the digest.
    let at = held.fail(Stage::Digest, EINVAL);
    drop(held);
    publish(request, room, loaded, origin, share).map_err(|(stage, errno)| LoadError {
        stage,
        errno,
        ..at
    })
}

fn load_bytes(users: &Arc<Users>, request: &Request) -> Result<ARef<File>, LoadError<'static>> {
    let at = request.address().map_err(|errno| LoadError {
        stage: Stage::Read,
        bytes: request.source_bytes,
        ..not_opened(errno)
    })?;
    let bytes = UserBytes::new(at, request.source_bytes, request.max_bytes)?;
    let share = share(users, bytes.len()).map_err(|errno| bytes.fail(Stage::Memory, errno))?;
    let room = Blob::room().map_err(|err| bytes.fail(Stage::Memory, err.into()))?;
    let loaded = bytes.read(request.purpose)?;
    let origin = Origin {
        kind: Kind::Bytes,
        stamp: Default::default(),
        verity: None,
        path: KVec::new(),
    };
    publish(request, room, loaded, origin, share).map_err(|(stage, errno)| bytes.fail(stage, errno))
}

/// The last step, and the first in which anybody else could see a byte.
fn publish(
    request: &Request,
    room: Room,
    mut loaded: Loaded,
    origin: Origin,
    share: Share,
) -> Result<ARef<File>, (Stage, Error)> {
    let sha256 = request.pins.check_sha256(&mut loaded);
    let sha256 = sha256.map_err(|errno| (Stage::Digest, errno))?;
    let blob = Blob::new(room, request.purpose, sha256, loaded, origin, share);
    anon_file::<Blob>(blob).map_err(|errno| (Stage::Memory, errno))
}
