// SPDX-License-Identifier: GPL-2.0

//! Whole files.

use super::{failed, load, loaded, opened, patterned, zero, BINARY, CAP, LIAR};
use crate::iov_cases::{holds, same, same_bytes, Verdict};
use ferrio::{
    file_read::{self, Opened, Purpose, Source, Stage},
    pages::live_pages,
    test_file::TestFile,
};
use kernel::{page::PAGE_SIZE, prelude::*};

pub(super) fn is_the_content() -> Verdict {
    let before = live_pages();
    for len in [1, 2, 7, 8, 9, 4095, 4096, 4097, 3 * PAGE_SIZE, 300_001] {
        let bytes = patterned(len)?;
        let file = TestFile::new(&bytes)?;
        let content = loaded(load(file.file()))?;
        same_bytes(content.bytes(), &bytes)?;
        same!(live_pages(), before + len.div_ceil(PAGE_SIZE));
        // To be read by anybody, and the same.
        let frozen = content.freeze();
        same_bytes(frozen.bytes(), &bytes)?;
        same!(frozen.pages(), len.div_ceil(PAGE_SIZE));
        drop(frozen);
        same!(live_pages(), before);
    }
    Ok(())
}

pub(super) fn for_each_purpose() -> Verdict {
    let file = TestFile::new(b"abc")?;
    for purpose in Purpose::ALL {
        let content = file_read::load(Source::File(file.file()), purpose, CAP);
        same_bytes(loaded(content)?.bytes(), b"abc")?;
    }
    Ok(())
}

pub(super) fn of_a_binary_attribute() -> Verdict {
    let source = Source::InitPath(BINARY);
    let content = loaded(file_read::load(source, Purpose::Firmware, CAP))?;
    // "The magic" of BTF, and its first version.
    same_bytes(&content.bytes()[..3], &[0x9f, 0xeb, 1])?;
    let file = loaded(Opened::new(source))?;
    let len = content.bytes().len();
    let held = loaded(loaded(Opened::new(source))?.hold(CAP))?;
    same!(held.len(), len);
    // What it says by parts.
    let mut part = [0; PAGE_SIZE];
    for at in [0, len / 2, len - PAGE_SIZE] {
        let got = loaded(file.read_part(Purpose::Firmware, at as u64, &mut part))?;
        same!(got.bytes, PAGE_SIZE);
        same_bytes(&part, &content.bytes()[at..][..PAGE_SIZE])?;
    }
    Ok(())
}

pub(super) fn of_a_file_that_lies() -> Verdict {
    let before = live_pages();
    let source = Source::InitPath(LIAR);
    let result = file_read::load(source, Purpose::Firmware, CAP);
    same!(
        result.as_ref().err().map(|error| error.bytes as usize),
        Some(4096)
    );
    holds!(result.as_ref().err().and_then(|error| error.path) == Some(LIAR));
    failed(result, Stage::Read, EIO)?;
    same!(live_pages(), before);
    // The few bytes that it has were there for a while.
    let mut to = KVec::from_elem(b'x', 5000, GFP_KERNEL)?;
    let held = loaded(loaded(Opened::new(source))?.hold(CAP))?;
    failed(held.read_into(Purpose::Firmware, &mut to), Stage::Read, EIO)?;
    zero(&to)
}

pub(super) fn up_to_the_cap() -> Verdict {
    let bytes = patterned(5000)?;
    let file = TestFile::new(&bytes)?;
    let with = |cap| file_read::load(Source::File(file.file()), Purpose::Firmware, cap);
    for cap in [5000, 5001, u64::MAX] {
        same!(loaded(with(cap))?.bytes().len(), 5000);
    }
    for cap in [4999, 1, 0] {
        same!(
            with(cap).err().map(|error| error.bytes as usize),
            Some(5000)
        );
        failed(with(cap), Stage::Size, EFBIG)?;
    }
    Ok(())
}

pub(super) fn of_nothing() -> Verdict {
    let file = TestFile::new(b"")?;
    failed(load(file.file()), Stage::Size, EINVAL)?;
    // What does not say how large it is.
    let source = Source::InitPath(c"/proc/version");
    failed(
        file_read::load(source, Purpose::Firmware, CAP),
        Stage::Size,
        EINVAL,
    )
}

/// Nothing is allocated for it, and nobody is killed.
pub(super) fn of_more_than_there_is() -> Verdict {
    let before = live_pages();
    for size in [1 << 42, i64::MAX] {
        let file = TestFile::sparse(size)?;
        let source = Source::File(file.file());
        failed(
            file_read::load(source, Purpose::Firmware, u64::MAX),
            Stage::Memory,
            ENOMEM,
        )?;
        failed(load(file.file()), Stage::Size, EFBIG)?;
    }
    same!(live_pages(), before);
    Ok(())
}

pub(super) fn into_memory() -> Verdict {
    let bytes = patterned(5000)?;
    let file = TestFile::new(&bytes)?;
    let held = loaded(loaded(opened(&file))?.hold(CAP))?;
    let mut to = KVec::from_elem(b'x', 5010, GFP_KERNEL)?;
    let got = loaded(held.read_into(Purpose::Firmware, &mut to))?;
    same_bytes(got, &bytes)?;
    // What lies behind is not the file's.
    same_bytes(&to[5000..], b"xxxxxxxxxx")?;
    let got = loaded(held.read_into(Purpose::Firmware, &mut to[..5000]))?;
    same_bytes(got, &bytes)
}

pub(super) fn into_too_little() -> Verdict {
    let file = TestFile::new(&patterned(5000)?)?;
    let held = loaded(loaded(opened(&file))?.hold(CAP))?;
    let mut to = KVec::from_elem(b'x', 4999, GFP_KERNEL)?;
    failed(
        held.read_into(Purpose::Firmware, &mut to),
        Stage::Size,
        EFBIG,
    )?;
    zero(&to)?;
    failed(
        held.read_into(Purpose::Firmware, &mut []),
        Stage::Size,
        EFBIG,
    )
}

pub(super) fn says_how_long() -> Verdict {
    let file = TestFile::new(&patterned(200_000)?)?;
    let mut content = loaded(load(file.file()))?;
    let times = content.times();
    holds!(times.open > 0);
    holds!(times.memory > 0);
    holds!(times.read > 0);
    holds!(times.digest == 0);
    content.sha256()?;
    holds!(content.times().digest > 0);
    Ok(())
}
