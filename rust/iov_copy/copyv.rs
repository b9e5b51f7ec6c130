// SPDX-License-Identifier: GPL-2.0

//! FERRIO_IC_COPYV: from one list of memory of the caller to another. Nothing of the file is used.

use crate::uapi::{self, ferrio_ic_copyv};
use ferrio::{
    ioctl::ExtArg,
    iov::{Crc32c, IterDest, IterSource, MAX_RW_COUNT},
    task,
};
use kernel::{page::PAGE_SIZE, prelude::*, uaccess::UserPtr};

/// The most that one call copies, in bytes.
pub(crate) const MAX_BYTES: usize = MAX_RW_COUNT;
/// The most segments of a list, `UIO_MAXIOV`.
pub(crate) const MAX_SEGMENTS: usize = kernel::bindings::UIO_MAXIOV as usize;

/// What is copied between two looks for a signal, in bytes.
const CHUNK: usize = 64 << 10;

/// Pages of the source that are pinned at once.
const PINS: usize = 16;

/// Copies until one of the two is at its end, something cannot be accessed, or a signal comes.
///
/// `step` copies at most the given bytes, at least one of them, or says why not.
fn copy<'t, 'f>(
    to: &mut IterDest<'t>,
    from: &mut IterSource<'f>,
    mut step: impl FnMut(&mut IterDest<'t>, &mut IterSource<'f>, usize) -> Result,
) -> Result {
    let mut next_look = CHUNK;
    loop {
        let left = to.len().min(from.len());
        if left == 0 {
            return Ok(());
        }
        step(to, from, left.min(next_look - to.count()))?;
        if to.count() == next_look {
            if left > CHUNK && task::interrupted_in_long_call() {
                return Err(EINTR);
            }
            next_look += CHUNK;
        }
    }
}

/// From the source's own pages.
fn copy_pinned(to: &mut IterDest<'_>, from: &mut IterSource<'_>) -> Result {
    copy(to, from, |to, from, most| {
        let pages = from.extract::<PINS>(most)?;
        let copied = pages.copy_to(0, pages.len(), to);
        if copied.bytes() < pages.len() {
            return Err(EFAULT);
        }
        Ok(())
    })
}

/// By a page that nobody else sees, so that the sum is that of what arrives.
fn copy_summed(to: &mut IterDest<'_>, from: &mut IterSource<'_>, sum: &mut Crc32c) -> Result {
    if to.is_empty() || from.is_empty() {
        return Ok(());
    }
    // Not charged, as it goes with the call: in a full cgroup a charge would call the OOM killer.
    let mut page = KVec::<u8>::from_elem(0, PAGE_SIZE, GFP_KERNEL)?;
    copy(to, from, |to, from, most| {
        let most = most.min(PAGE_SIZE);
        let taken = from.copy_from(&mut page[..most]).bytes();
        let given = to.copy_to(&page[..taken]).bytes();
        sum.update(&page[..given]);
        if given < most {
            return Err(EFAULT);
        }
        Ok(())
    })
}

pub(crate) fn copyv(arg: UserPtr) -> Result {
    let mut arg = ExtArg::<ferrio_ic_copyv>::read(arg)?;
    let ferrio_ic_copyv {
        flags,
        to,
        from,
        to_count,
        from_count,
        crc32c,
        pad,
        ..
    } = arg.value;
    let with_sum = flags & uapi::FERRIO_IC_COPYV_CRC32C != 0;
    if flags & !uapi::FERRIO_IC_COPYV_CRC32C != 0 || pad != 0 || (crc32c != 0 && !with_sum) {
        return Err(EINVAL);
    }
    let address = |address: u64| {
        usize::try_from(address)
            .map(UserPtr::from_addr)
            .map_err(|_| EFAULT)
    };
    let (to, from) = (address(to)?, address(from)?);
    let mut sum = Crc32c::resume(crc32c);
    let (result, copied) = IterDest::import(to, to_count, |to| {
        let (result, _) = IterSource::import(from, from_count, |from| {
            if with_sum {
                copy_summed(to, from, &mut sum)
            } else {
                copy_pinned(to, from)
            }
        })?;
        result
    })?;
    if copied == 0 {
        result?;
    }
    arg.value.size = size_of::<ferrio_ic_copyv>() as u32;
    arg.value.copied = copied as u64;
    arg.value.crc32c = if with_sum { sum.value() } else { 0 };
    arg.write()
}
