// SPDX-License-Identifier: GPL-2.0

//! How files are named, and what is none.

use super::{failed, load, loaded, BINARY, CAP, LIAR};
use crate::iov_cases::{holds, same, same_bytes, Verdict};
use ferrio::{
    file_read::{self, Opened, Purpose, Source, Stage},
    task::is_kernel_thread,
    test_file::TestFile,
};
use kernel::prelude::*;

fn load_path(path: &CStr) -> Result<(), file_read::LoadError<'_>> {
    file_read::load(Source::InitPath(path), Purpose::Firmware, CAP).map(|_| ())
}

pub(super) fn is_no_file() -> Verdict {
    for path in [c"/", c"/proc/", c"/dev/null", c"/dev/zero", c"/dev/ttyS0"] {
        failed(load_path(path), Stage::Type, EFTYPE)?;
    }
    Ok(())
}

pub(super) fn is_none() -> Verdict {
    failed(load_path(c""), Stage::Open, EINVAL)?;
    failed(load_path(c"proc/version"), Stage::Open, EINVAL)?;
    failed(load_path(c"/proc/nothing"), Stage::Open, ENOENT)?;
    failed(load_path(c"/proc/version/x"), Stage::Open, ENOTDIR)?;
    let mut long = KVec::from_elem(b'x', 4200, GFP_KERNEL)?;
    long[0] = b'/';
    long[4199] = 0;
    let long = CStr::from_bytes_with_nul(&long).map_err(|_| EINVAL)?;
    failed(load_path(long), Stage::Open, ENAMETOOLONG)?;
    let error = load_path(c"/proc/nothing").err();
    holds!(error.and_then(|error| error.path) == Some(c"/proc/nothing"));
    Ok(())
}

/// A kernel thread has no root directory to look in, and is told so.
pub(super) fn of_the_caller() -> Verdict {
    let with = |path| file_read::load(Source::CallerPath(path), Purpose::Firmware, CAP);
    if is_kernel_thread() {
        for path in [BINARY, LIAR, c"/nothing", c"nothing", c""] {
            failed(with(path), Stage::Open, EOPNOTSUPP)?;
        }
        return Ok(());
    }
    same_bytes(&loaded(with(BINARY))?.bytes()[..2], &[0x9f, 0xeb])?;
    failed(with(LIAR), Stage::Read, EIO)?;
    failed(with(c""), Stage::Open, EINVAL)?;
    failed(with(c"nothing"), Stage::Open, ENOENT)?;
    failed(with(c"/"), Stage::Type, EFTYPE)
}

pub(super) fn is_told() -> Verdict {
    let by_path = loaded(Opened::new(Source::InitPath(
        c"/sys/../sys/kernel/uevent_seqnum",
    )))?;
    same_bytes(&by_path.path()?, b"/sys/../sys/kernel/uevent_seqnum")?;
    let file = TestFile::new(b"abc")?;
    let by_file = loaded(Opened::new(Source::File(file.file())))?;
    same_bytes(&by_file.path()?, b"/ferrio_test (deleted)")
}

pub(super) fn fd_is_none() -> Verdict {
    for fd in [1 << 30, u32::MAX, 1 << 31] {
        failed(
            file_read::load(Source::Fd(fd), Purpose::Firmware, CAP),
            Stage::Open,
            EBADF,
        )?;
    }
    Ok(())
}

pub(super) fn file_is_not_for_reading() -> Verdict {
    let file = TestFile::new(b"abc")?;
    let writer = file.writer()?;
    // Although it is a writer of its own, too.
    failed(load(&writer), Stage::Open, EBADF)?;
    let both = file.both()?;
    failed(load(&both), Stage::Busy, ETXTBSY)?;
    drop(both);
    drop(writer);
    same!(loaded(load(file.file()))?.bytes().len(), 3);
    Ok(())
}
