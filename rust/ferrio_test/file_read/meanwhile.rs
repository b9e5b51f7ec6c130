// SPDX-License-Identifier: GPL-2.0

//! Files that change, and writers that come, while a load gets its memory.

use super::{failed, loaded, opened, CAP};
use crate::iov_cases::{holds, same, same_bytes, Verdict};
use ferrio::{
    file_read::{Purpose, Stage},
    pages::live_pages,
    test_file::TestFile,
};
use kernel::{
    prelude::*,
    time::{delay::fsleep, Delta},
};

/// They need not wait for it; and wait again for the read.
pub(super) fn writers_come_and_go() -> Verdict {
    let file = TestFile::new(b"abc")?;
    let held = loaded(loaded(opened(&file))?.hold(CAP))?;
    same!(file.writer().map(|_| ()), Err(ETXTBSY));
    let (content, ()) = loaded(held.read_with(Purpose::Firmware, || file.writer().map(|_| ())))?;
    same_bytes(content.bytes(), b"abc")?;
    same!(file.writer().map(|_| ()), Err(ETXTBSY));
    Ok(())
}

/// Who is still there when there is memory has come first.
pub(super) fn writers_stay() -> Verdict {
    let file = TestFile::new(b"abc")?;
    let held = loaded(loaded(opened(&file))?.hold(CAP))?;
    let before = live_pages();
    let mut writer = None;
    let result = held.read_with(Purpose::Firmware, || {
        writer = Some(file.writer()?);
        Ok(())
    });
    failed(result, Stage::Busy, ETXTBSY)?;
    same!(live_pages(), before);
    // Nobody is kept off for a read that is not.
    same!(file.both().map(|_| ()), Ok(()));
    drop(writer);
    same_bytes(loaded(held.read(Purpose::Firmware))?.bytes(), b"abc")?;
    same!(file.writer().map(|_| ()), Err(ETXTBSY));
    drop(held);
    same!(file.writer().map(|_| ()), Ok(()));
    Ok(())
}

pub(super) fn it_changes_its_size() -> Verdict {
    let file = TestFile::new(b"abc")?;
    let held = loaded(loaded(opened(&file))?.hold(CAP))?;
    let before = live_pages();
    for (size, stage, errno) in [
        (4, Stage::Read, EIO),
        (2, Stage::Read, EIO),
        (5000, Stage::Read, EIO),
        (0, Stage::Size, EINVAL),
    ] {
        let result = held.read_with(Purpose::Firmware, || file.resize(size));
        failed(result, stage, errno)?;
        same!(live_pages(), before);
        same!(file.writer().map(|_| ()), Err(ETXTBSY));
    }
    Ok(())
}

/// What is read is what is there then, and so is what is said of the file.
pub(super) fn it_is_written_to() -> Verdict {
    let file = TestFile::new(b"abc")?;
    let held = loaded(loaded(opened(&file))?.hold(CAP))?;
    let old = held.stamp();
    let (content, ()) = loaded(held.read_with(Purpose::Firmware, || {
        // More than the clock of a file system may need to move.
        fsleep(Delta::from_millis(30));
        file.write(0, b"xyz")
    }))?;
    same_bytes(content.bytes(), b"xyz")?;
    holds!(held.stamp() != old);
    let again = loaded(loaded(opened(&file))?.hold(CAP))?;
    holds!(held.stamp() == again.stamp());
    Ok(())
}

/// An error of what was to be got with the memory is the load's.
pub(super) fn it_fails() -> Verdict {
    let file = TestFile::new(b"abc")?;
    let held = loaded(loaded(opened(&file))?.hold(CAP))?;
    let before = live_pages();
    for errno in [ENOMEM, EINTR] {
        let result = held.read_with(Purpose::Firmware, || Err::<(), _>(errno));
        failed(result, Stage::Memory, errno)?;
        same!(live_pages(), before);
        same!(file.writer().map(|_| ()), Err(ETXTBSY));
    }
    Ok(())
}
