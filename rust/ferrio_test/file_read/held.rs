// SPDX-License-Identifier: GPL-2.0

//! Files that are loaded, and writers.

use super::{failed, load, loaded, opened, CAP};
use crate::iov_cases::{holds, same, same_bytes, Verdict};
use ferrio::{
    file_read::{Opened, Purpose, Source, Stage},
    test_file::TestFile,
};
use kernel::prelude::*;

pub(super) fn busy_with_a_writer() -> Verdict {
    let file = TestFile::new(b"abc")?;
    let reader = file.reader()?;
    for open in [TestFile::writer, TestFile::both] {
        let writer = open(&file)?;
        failed(load(&reader), Stage::Busy, ETXTBSY)?;
        failed(load(file.file()), Stage::Busy, ETXTBSY)?;
        drop(writer);
        same_bytes(loaded(load(&reader))?.bytes(), b"abc")?;
    }
    Ok(())
}

/// A file that was made open (`alloc_file_pseudo()`) is no writer, although it can be written to.
pub(super) fn busy_is_not_a_memfd() -> Verdict {
    let file = TestFile::new(b"abc")?;
    same_bytes(loaded(load(file.file()))?.bytes(), b"abc")
}

pub(super) fn from_writers() -> Verdict {
    let file = TestFile::new(b"abc")?;
    let held = loaded(loaded(opened(&file))?.hold(CAP))?;
    same!(file.writer().map(|_| ()), Err(ETXTBSY));
    same!(file.both().map(|_| ()), Err(ETXTBSY));
    // Others may load it as well.
    same_bytes(loaded(load(file.file()))?.bytes(), b"abc")?;
    same!(file.writer().map(|_| ()), Err(ETXTBSY));
    drop(loaded(held.read(Purpose::Firmware))?);
    same!(file.writer().map(|_| ()), Err(ETXTBSY));
    drop(held);
    same!(file.writer().map(|_| ()), Ok(()));
    Ok(())
}

/// However a load ends, the file can be written to again.
pub(super) fn and_given_back() -> Verdict {
    let file = TestFile::new(b"abc")?;
    let mut part = [0; 2];
    for round in 0..3 {
        drop(loaded(load(file.file()))?);
        failed(
            loaded(opened(&file))?.hold(2).map(|_| ()),
            Stage::Size,
            EFBIG,
        )?;
        loaded(loaded(opened(&file))?.read_part(Purpose::Firmware, round, &mut part))?;
        drop(loaded(opened(&file))?);
        same!(file.writer().map(|_| ()), Ok(()));
    }
    let empty = TestFile::new(b"")?;
    failed(load(empty.file()), Stage::Size, EINVAL)?;
    same!(empty.writer().map(|_| ()), Ok(()));
    Ok(())
}

pub(super) fn knows_the_file() -> Verdict {
    let (a, b) = (TestFile::new(b"abc")?, TestFile::new(b"a")?);
    let held = loaded(loaded(opened(&a))?.hold(CAP))?;
    let other = loaded(loaded(opened(&b))?.hold(CAP))?;
    let reader = a.reader()?;
    let again = loaded(loaded(Opened::new(Source::File(&reader)))?.hold(CAP))?;
    same!(held.len(), 3);
    same!(other.len(), 1);
    holds!(held.stamp() == again.stamp());
    holds!(held.stamp().inode != other.stamp().inode);
    holds!(held.stamp().dev_minor == other.stamp().dev_minor);
    // It was written a moment ago, and not at the beginning of time.
    holds!(held.stamp().mtime_sec > 0);
    holds!(held.verity().is_none());
    Ok(())
}
