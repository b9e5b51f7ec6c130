// SPDX-License-Identifier: GPL-2.0

//! The same by C's own four functions: what is to be the same is, and what was left out of the
//! wrapper is as it is known to be.

use super::{failed, load, loaded, opened, patterned, zero, CAP, LIAR};
use crate::iov_cases::{holds, same, same_bytes, Verdict};
use ferrio::{
    file_read::{self, Purpose, Source, Stage},
    task::is_kernel_thread,
    test_file::TestFile,
    test_read::{c_read, CSource},
};
use kernel::prelude::*;

const LEN: usize = 10_000;
const MOST: usize = CAP as usize;

/// An attribute that is as long as it says, and not as long as the kernel's BTF.
const SHORT: &CStr = c"/sys/kernel/notes";

/// Both read the same bytes, or give the same errno.
#[track_caller]
fn both(source: Source<'_>, twin: CSource<'_>) -> Verdict {
    let ours = file_read::load(source, Purpose::Firmware, CAP);
    let theirs = c_read(twin, 0, Err(MOST), false);
    same!(
        ours.as_ref()
            .map(|content| content.bytes().len())
            .map_err(|error| error.errno),
        theirs.got
    );
    match (ours, &theirs.buffer) {
        (Ok(content), Some(buffer)) => same_bytes(content.bytes(), buffer.bytes()),
        (ours, buffer) => {
            holds!(ours.is_err());
            holds!(buffer.is_none());
            Ok(())
        }
    }
}

pub(super) fn of_a_file() -> Verdict {
    let bytes = patterned(LEN)?;
    for bytes in [&bytes[..1], &bytes[..4096], &bytes[..], b""] {
        let file = TestFile::new(bytes)?;
        both(Source::File(file.file()), CSource::File(file.file()))?;
        let writer = file.writer()?;
        both(Source::File(file.file()), CSource::File(file.file()))?;
        drop(writer);
    }
    let large = TestFile::sparse(CAP as i64 + 1)?;
    both(Source::File(large.file()), CSource::File(large.file()))
}

pub(super) fn of_paths() -> Verdict {
    let paths = [
        SHORT,
        LIAR,
        c"",
        c"/proc/version",
        c"/proc/nothing",
        c"/proc/version/x",
    ];
    // It is there, so that not all of these are errors.
    let short = c_read(CSource::InitPath(SHORT), 0, Err(MOST), false);
    holds!(short.got.is_ok_and(|bytes| bytes > 0));
    for path in paths {
        both(Source::InitPath(path), CSource::InitPath(path))?;
        if !is_kernel_thread() {
            both(Source::CallerPath(path), CSource::Path(path))?;
        } else if !path.is_empty() {
            // There is nothing in its root directory: why CallerPath is refused.
            same!(
                c_read(CSource::Path(path), 0, Err(MOST), false).got,
                Err(ENOENT)
            );
        }
    }
    Ok(())
}

pub(super) fn of_descriptors() -> Verdict {
    for fd in [1 << 30, u32::MAX, 1 << 31] {
        both(Source::Fd(fd), CSource::Fd(fd as i32))?;
    }
    Ok(())
}

/// One errno for one thing: C has that of an empty file for these.
pub(super) fn but_for_the_type() -> Verdict {
    for path in [c"/", c"/proc/", c"/dev/null"] {
        let source = Source::InitPath(path);
        failed(
            file_read::load(source, Purpose::Firmware, CAP),
            Stage::Type,
            EFTYPE,
        )?;
        let theirs = c_read(CSource::InitPath(path), 0, Err(MOST), false);
        same!(theirs.got, Err(EINVAL));
    }
    Ok(())
}

/// An offset needs a buffer and a place for the size; the wrapper always gives both.
pub(super) fn of_an_offset() -> Verdict {
    let bytes = patterned(LEN)?;
    let file = TestFile::new(&bytes)?;
    let c_file = CSource::File(file.file());
    let mut to = [b'x'; 100];
    for offset in [1, LEN as i64, -1] {
        same!(c_read(c_file, offset, Err(MOST), false).got, Err(EINVAL));
        same!(c_read(c_file, offset, Err(MOST), true).got, Err(EINVAL));
        same!(c_read(c_file, offset, Ok(&mut to), false).got, Err(EINVAL));
    }
    same!(c_read(c_file, -1, Ok(&mut to), true).got, Err(EINVAL));
    let parts = loaded(opened(&file))?;
    let mut ours = [b'y'; 100];
    for offset in [0, 1, LEN - 100, LEN - 1, LEN, LEN + 1] {
        let theirs = c_read(c_file, offset as i64, Ok(&mut to), true);
        let part = loaded(parts.read_part(Purpose::Firmware, offset as u64, &mut ours))?;
        same!(theirs.got, Ok(part.bytes));
        same!(theirs.file_size, part.file_bytes);
        same_bytes(&to[..part.bytes], &ours[..part.bytes])?;
    }
    Ok(())
}

/// Asked for less than there is, C allocates all and fills a part, and says nothing of it.
pub(super) fn of_a_cap_with_a_size() -> Verdict {
    let bytes = patterned(LEN)?;
    let file = TestFile::new(&bytes)?;
    let theirs = c_read(CSource::File(file.file()), 0, Err(100), true);
    same!(theirs.got, Ok(100));
    same!(theirs.file_size, LEN);
    same_bytes(
        theirs.buffer.as_ref().map_or(&[], |buffer| buffer.bytes()),
        &bytes[..100],
    )?;
    let theirs = c_read(CSource::File(file.file()), 0, Err(LEN - 1), false);
    same!(theirs.got, Err(EFBIG));
    holds!(theirs.buffer.is_none());
    let source = Source::File(file.file());
    let ours = file_read::load(source, Purpose::Firmware, LEN as u64 - 1);
    failed(ours, Stage::Size, EFBIG)
}

/// What a read that fails has brought stays where C has put it; the wrapper wipes it.
pub(super) fn of_what_is_left() -> Verdict {
    let source = Source::InitPath(LIAR);
    let mut to = KVec::from_elem(b'x', 4096, GFP_KERNEL)?;
    let theirs = c_read(CSource::InitPath(LIAR), 0, Ok(&mut to), false);
    same!(theirs.got, Err(EIO));
    holds!(to[0].is_ascii_digit());
    same!(to[4095], b'x');
    let held = loaded(loaded(file_read::Opened::new(source))?.hold(CAP))?;
    failed(held.read_into(Purpose::Firmware, &mut to), Stage::Read, EIO)?;
    zero(&to)
}

/// A file with a size, which its driver gives to programs only.
pub(super) fn of_a_file_for_programs() -> Verdict {
    let path = c"/proc/bus/pci/00/00.0";
    both(Source::InitPath(path), CSource::InitPath(path))?;
    let ours = file_read::load(Source::InitPath(path), Purpose::Firmware, CAP);
    same!(
        ours.as_ref().err().map(|error| error.bytes >= 256),
        Some(true)
    );
    failed(ours, Stage::Read, EINVAL)
}

/// Whoever reads by C keeps writers off as well, and gives that back.
pub(super) fn of_writers() -> Verdict {
    let file = TestFile::new(b"abc")?;
    let reader = file.reader()?;
    let mut to = [0; 3];
    for _ in 0..3 {
        same!(
            c_read(CSource::File(&reader), 0, Ok(&mut to), false).got,
            Ok(3)
        );
        same!(file.writer().map(|_| ()), Ok(()));
        drop(loaded(load(&reader))?);
        same!(file.writer().map(|_| ()), Ok(()));
    }
    same_bytes(&to, b"abc")
}
