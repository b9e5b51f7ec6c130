// SPDX-License-Identifier: GPL-2.0

//! Bytes of a program.

use super::{failed, loaded, patterned, CAP};
use crate::iov_cases::{same, same_bytes, Verdict};
use ferrio::{
    file_read::{Purpose, Stage, UserBytes},
    pages::live_pages,
    user_area::UserArea,
};
use kernel::{page::PAGE_SIZE, prelude::*};

pub(super) fn of_a_program() -> Verdict {
    let before = live_pages();
    let area = UserArea::new(70)?;
    let bytes = patterned(area.len())?;
    area.write(0, &bytes)?;
    for (at, len) in [(0, 1), (1, 4096), (0, bytes.len()), (5, bytes.len() - 5)] {
        for purpose in Purpose::ALL {
            let given = loaded(UserBytes::new(area.at(at), len as u64, len as u64))?;
            same!(given.len(), len);
            let content = loaded(given.read(purpose))?;
            same_bytes(content.bytes(), &bytes[at..at + len])?;
            same!(live_pages(), before + len.div_ceil(PAGE_SIZE));
        }
    }
    same!(live_pages(), before);
    Ok(())
}

pub(super) fn that_are_not_there() -> Verdict {
    let before = live_pages();
    let area = UserArea::new(3)?;
    area.unmap(1)?;
    for (at, len) in [(0, PAGE_SIZE + 1), (PAGE_SIZE, 1), (10, 2 * PAGE_SIZE)] {
        let given = loaded(UserBytes::new(area.at(at), len as u64, CAP))?;
        failed(given.read(Purpose::Firmware), Stage::Read, EFAULT)?;
    }
    same!(live_pages(), before);
    Ok(())
}

pub(super) fn of_the_wrong_size() -> Verdict {
    let area = UserArea::new(1)?;
    let new = |len, cap| UserBytes::new(area.at(0), len, cap).map(|bytes| bytes.len());
    same!(loaded(new(10, 10))?, 10);
    failed(new(10, 9), Stage::Size, EFBIG)?;
    failed(new(0, 9), Stage::Size, EINVAL)?;
    failed(new(0, 0), Stage::Size, EINVAL)?;
    failed(new(1, 0), Stage::Size, EFBIG)?;
    for len in [1 << 63, u64::MAX] {
        failed(new(len, u64::MAX), Stage::Size, EFBIG)?;
    }
    let much = loaded(UserBytes::new(area.at(0), 1 << 42, u64::MAX))?;
    failed(much.read(Purpose::Firmware), Stage::Memory, ENOMEM)
}
