// SPDX-License-Identifier: MIT OR Apache-2.0

//! What to do when a load fails.

use crate::output::bytes;
use ferrio_file_loader_sys::{
    abi::{
        FERRIO_FL_STAGE_BUSY, FERRIO_FL_STAGE_DIGEST, FERRIO_FL_STAGE_LSM,
        FERRIO_FL_STAGE_LSM_POST, FERRIO_FL_STAGE_MEMORY, FERRIO_FL_STAGE_OPEN,
        FERRIO_FL_STAGE_READ, FERRIO_FL_STAGE_SIZE, FERRIO_FL_STAGE_TYPE,
    },
    Failure, Request,
};
use rustix::io::Errno;
use std::io;

fn errno(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw_os_error)
}

pub(super) fn of_device(error: &io::Error) -> &'static str {
    match errno(error) {
        Some(Errno::NOENT | Errno::NODEV | Errno::NXIO) => {
            "the module is not loaded: sudo modprobe file_loader"
        }
        Some(Errno::ACCESS | Errno::PERM) => {
            "it is root's, and the group ferrio's where udev knows of it: sudo, or join the group"
        }
        _ => "see file_loader(4)",
    }
}

pub(super) fn of_file(error: &io::Error) -> &'static str {
    match errno(error) {
        Some(Errno::NOENT) => "look at the name",
        Some(Errno::ACCESS) => "you may not read it",
        _ => "it cannot be opened for reading",
    }
}

/// The error, the step, and what to do about it.
pub(super) fn of_failure(failure: &Failure, request: &Request) -> String {
    let error = &failure.error;
    match failure.stage {
        FERRIO_FL_STAGE_OPEN => match errno(error) {
            Some(Errno::PERM) => {
                format!("{error}, finding it; --as-init needs CAP_SYS_ADMIN: sudo, or leave it out")
            }
            _ => format!("{error}, finding it; look at the name, and at who may read it"),
        },
        // Not all C libraries have words for EFTYPE.
        FERRIO_FL_STAGE_TYPE => "no regular file; only such can be loaded".into(),
        FERRIO_FL_STAGE_BUSY => {
            format!("{error}: it is open for writing; fuser -v FILE says who has it")
        }
        FERRIO_FL_STAGE_SIZE if failure.bytes > request.max_bytes => format!(
            "{error}: it has {}, --max is {}; --max {} would do",
            bytes(failure.bytes),
            bytes(request.max_bytes),
            failure.bytes
        ),
        FERRIO_FL_STAGE_SIZE => {
            format!("{error}: it is empty, or does not say how large it is (/proc)")
        }
        FERRIO_FL_STAGE_MEMORY => format!(
            "{error}, getting memory for {}; close other blobs, or raise user_max_bytes in \
             /sys/module/file_loader/parameters, or the limit of the memory cgroup",
            bytes(failure.bytes)
        ),
        FERRIO_FL_STAGE_LSM | FERRIO_FL_STAGE_LSM_POST => {
            format!("{error}: a security module refuses it; its reason is in its own log")
        }
        FERRIO_FL_STAGE_READ => {
            format!("{error}, reading it: it has less than it says, or has changed; try again")
        }
        FERRIO_FL_STAGE_DIGEST => match errno(error) {
            Some(Errno::NODATA) => format!("{error}: the file has no fs-verity; fsverity enable"),
            _ => format!(
                "{error}: it is not what is pinned; ferrio load without the pin says what it is"
            ),
        },
        _ => format!("{error}; the module may be of another version: ferrio status"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(error: Errno, stage: u32, size: u64) -> Failure {
        // What the kernel gives is all that makes one; its members are public.
        let mut failure = Failure::new(error.into());
        (failure.stage, failure.bytes) = (stage, size);
        failure
    }

    #[test]
    fn too_large() {
        let request = Request::new(1, 4096);
        let said = of_failure(&failure(Errno::FBIG, FERRIO_FL_STAGE_SIZE, 5000), &request);
        assert!(
            said.contains("it has 4.8 KiB, --max is 4 KiB; --max 5000 would do"),
            "{said}"
        );
    }

    #[test]
    fn each_stage_says_what_to_do() {
        let request = Request::new(1, 4096);
        for stage in FERRIO_FL_STAGE_OPEN..=FERRIO_FL_STAGE_DIGEST {
            let said = of_failure(&failure(Errno::IO, stage, 0), &request);
            assert!(!said.contains("another version"), "{stage}: {said}");
        }
        let said = of_failure(&failure(Errno::IO, FERRIO_FL_STAGE_DIGEST + 1, 0), &request);
        assert!(said.contains("another version"), "{said}");
    }
}
