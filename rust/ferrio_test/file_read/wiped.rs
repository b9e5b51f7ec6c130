// SPDX-License-Identifier: GPL-2.0

//! Memory that is wiped before it is given back.

use super::{load, loaded, patterned, zero};
use crate::iov_cases::{same, same_bytes, Failure, Verdict};
use ferrio::{contiguous::Buffer, test_file::TestFile, test_page::KeptPage};
use kernel::{page::PAGE_SIZE, prelude::*};

/// More than is wiped at a time, and a part of a page.
const LEN: usize = (70 << 10) + 1;

/// The pages of some bytes.
#[track_caller]
fn kept(bytes: &[u8]) -> Result<KVec<KeptPage>, Failure> {
    let mut pages = KVec::new();
    for page in bytes.chunks(PAGE_SIZE) {
        let Some(page) = KeptPage::of(page) else {
            return Err(Failure::new("no page", 0, 1));
        };
        pages.push(page, GFP_KERNEL)?;
    }
    Ok(pages)
}

/// The content is there, and is not when `drop` has been called.
#[track_caller]
fn goes_with(pages: &[KeptPage], bytes: &[u8], drop: impl FnOnce()) -> Verdict {
    let mut now: KBox<[u8; PAGE_SIZE]> = KBox::new([0; PAGE_SIZE], GFP_KERNEL)?;
    for (page, bytes) in pages.iter().zip(bytes.chunks(PAGE_SIZE)) {
        page.copy(&mut now);
        same_bytes(&now[..bytes.len()], bytes)?;
    }
    drop();
    for page in pages {
        now.fill(b'x');
        page.copy(&mut now);
        zero(&now[..])?;
    }
    Ok(())
}

/// What a task has filled and not frozen.
pub(super) fn buffer() -> Verdict {
    let bytes = patterned(LEN)?;
    let mut buffer = Buffer::new(LEN)?;
    buffer.bytes_mut().copy_from_slice(&bytes);
    let pages = kept(buffer.bytes())?;
    same!(pages.len(), LEN.div_ceil(PAGE_SIZE));
    goes_with(&pages, &bytes, || drop(buffer))
}

/// What was loaded, and is not wanted: a digest that does not fit, no descriptor to be had.
pub(super) fn content() -> Verdict {
    let bytes = patterned(LEN)?;
    let file = TestFile::new(&bytes)?;
    let content = loaded(load(file.file()))?;
    let pages = kept(content.bytes())?;
    goes_with(&pages, &bytes, || drop(content))
}
