// SPDX-License-Identifier: GPL-2.0

//! Files that change between the look at their size and the read.
//!
//! Whoever has made a file open (a memfd) can write to it although it is held, as a file system of
//! its own mind can.

use super::{failed, loaded, opened, patterned, zero, CAP};
use crate::iov_cases::{same, Verdict};
use ferrio::{
    file_read::{Held, Purpose, Stage},
    pages::live_pages,
    test_file::TestFile,
};
use kernel::prelude::*;

const LEN: usize = 5000;

/// Both ways to read it fail in this way, and leave nothing.
#[track_caller]
fn fails(held: &Held<'_>, stage: Stage, errno: Error) -> Verdict {
    let before = live_pages();
    for purpose in Purpose::ALL {
        let result = held.read(purpose);
        same!(
            result.as_ref().err().map(|error| error.bytes as usize),
            Some(LEN)
        );
        failed(result, stage, errno)?;
        same!(live_pages(), before);
        // More than it has had, and more than it has now.
        let mut to = KVec::from_elem(b'x', LEN + 10, GFP_KERNEL)?;
        failed(held.read_into(purpose, &mut to), stage, errno)?;
        zero(&to)?;
    }
    Ok(())
}

/// The kernel's own call would read a part of it, without the second hook, and be content.
pub(super) fn grows() -> Verdict {
    let file = TestFile::new(&patterned(LEN)?)?;
    let held = loaded(loaded(opened(&file))?.hold(CAP))?;
    file.write(LEN, b"y")?;
    fails(&held, Stage::Read, EIO)?;
    // By more than a page.
    file.resize(3 * LEN)?;
    fails(&held, Stage::Read, EIO)?;
    // As it was, it can be read.
    file.resize(LEN)?;
    same!(loaded(held.read(Purpose::Firmware))?.bytes().len(), LEN);
    Ok(())
}

pub(super) fn shrinks() -> Verdict {
    let file = TestFile::new(&patterned(LEN)?)?;
    let held = loaded(loaded(opened(&file))?.hold(CAP))?;
    for len in [LEN - 1, 4096, 4095, 1] {
        file.resize(len)?;
        fails(&held, Stage::Read, EIO)?;
    }
    Ok(())
}

pub(super) fn is_emptied() -> Verdict {
    let file = TestFile::new(&patterned(LEN)?)?;
    let held = loaded(loaded(opened(&file))?.hold(CAP))?;
    file.resize(0)?;
    fails(&held, Stage::Size, EINVAL)
}
