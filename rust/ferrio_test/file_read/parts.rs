// SPDX-License-Identifier: GPL-2.0

//! Parts of files.

use super::{failed, loaded, opened, patterned, zero, LIAR};
use crate::iov_cases::{holds, same, same_bytes, Verdict};
use ferrio::{
    file_read::{Opened, Part, Purpose, Source, Stage},
    test_file::TestFile,
};
use kernel::prelude::*;

const LEN: usize = 10_000;

pub(super) fn are_the_whole() -> Verdict {
    let bytes = patterned(LEN)?;
    let file = TestFile::new(&bytes)?;
    let opened = loaded(opened(&file))?;
    for step in [1999, 4096, 9999] {
        let mut to = KVec::from_elem(0, step, GFP_KERNEL)?;
        let mut at = 0;
        loop {
            let part = loaded(opened.read_part(Purpose::Firmware, at as u64, &mut to))?;
            same!(part.bytes, step.min(LEN - at));
            same!(part.file_bytes, LEN);
            same!(part.whole, false);
            if part.bytes == 0 {
                break;
            }
            same_bytes(&to[..part.bytes], &bytes[at..at + part.bytes])?;
            at += part.bytes;
        }
        same!(at, LEN);
    }
    Ok(())
}

pub(super) fn at_the_end() -> Verdict {
    let bytes = patterned(LEN)?;
    let file = TestFile::new(&bytes)?;
    let opened = loaded(opened(&file))?;
    let mut to = [b'x'; 20];
    let mut at = |offset: u64| opened.read_part(Purpose::Firmware, offset, &mut to);
    same!(loaded(at(LEN as u64 - 1))?.bytes, 1);
    for offset in [LEN as u64, LEN as u64 + 1, 1 << 40, i64::MAX as u64 - 20] {
        let end = Part {
            bytes: 0,
            file_bytes: LEN,
            whole: false,
        };
        holds!(loaded(at(offset))? == end);
    }
    for offset in [1 << 63, u64::MAX] {
        failed(at(offset), Stage::Size, EINVAL)?;
    }
    zero(&to)
}

pub(super) fn that_are_whole() -> Verdict {
    let bytes = patterned(LEN)?;
    let file = TestFile::new(&bytes)?;
    let opened = loaded(opened(&file))?;
    let mut to = KVec::from_elem(b'x', LEN + 1, GFP_KERNEL)?;
    for (len, whole) in [(LEN - 1, false), (LEN, true), (LEN + 1, true)] {
        let part = loaded(opened.read_part(Purpose::Firmware, 0, &mut to[..len]))?;
        same!(part.whole, whole);
        same!(part.bytes, len.min(LEN));
        same_bytes(&to[..part.bytes], &bytes[..part.bytes])?;
    }
    let part = loaded(opened.read_part(Purpose::Firmware, 1, &mut to))?;
    same!(part.whole, false);
    same!(part.bytes, LEN - 1);
    Ok(())
}

pub(super) fn of_nothing() -> Verdict {
    let file = TestFile::new(b"abc")?;
    failed(
        loaded(opened(&file))?.read_part(Purpose::Firmware, 0, &mut []),
        Stage::Size,
        EINVAL,
    )?;
    let empty = TestFile::new(b"")?;
    let mut to = [b'x'; 20];
    for offset in [0, 1] {
        failed(
            loaded(opened(&empty))?.read_part(Purpose::Firmware, offset, &mut to),
            Stage::Size,
            EINVAL,
        )?;
    }
    zero(&to)
}

/// What a read that fails has brought is not left behind.
pub(super) fn are_wiped() -> Verdict {
    let opened = loaded(Opened::new(Source::InitPath(LIAR)))?;
    let mut to = KVec::from_elem(b'x', 4096, GFP_KERNEL)?;
    // A few bytes of it can be had.
    let part = loaded(opened.read_part(Purpose::Firmware, 0, &mut to[..1]))?;
    same!(part.bytes, 1);
    holds!(to[0].is_ascii_digit());
    failed(
        opened.read_part(Purpose::Firmware, 0, &mut to),
        Stage::Read,
        EIO,
    )?;
    zero(&to)
}

pub(super) fn of_a_busy_file() -> Verdict {
    let file = TestFile::new(b"abc")?;
    let opened = loaded(opened(&file))?;
    let writer = file.writer()?;
    let mut to = [b'x'; 20];
    failed(
        opened.read_part(Purpose::Firmware, 0, &mut to),
        Stage::Busy,
        ETXTBSY,
    )?;
    zero(&to)?;
    drop(writer);
    same!(
        loaded(opened.read_part(Purpose::Firmware, 0, &mut to))?.bytes,
        3
    );
    Ok(())
}
