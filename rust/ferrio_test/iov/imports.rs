// SPDX-License-Identifier: GPL-2.0

//! Iterators over memory that a program names, truthfully or not.

use super::{holds, kinds::write_iovec, same, same_bytes, Verdict};
use ferrio::{
    iov::{IterDest, IterSource, MAX_RW_COUNT},
    user_area::UserArea,
};
use kernel::{page::PAGE_SIZE, prelude::*, uaccess::UserPtr};

/// How long it is, if it is one.
fn len_of(vec: UserPtr, segments: u32) -> Result<usize> {
    let source = IterSource::import(vec, segments, |iter| iter.len());
    let dest = IterDest::import(vec, segments, |iter| iter.len());
    match (source, dest) {
        (Ok((source, 0)), Ok((dest, 0))) if source == dest => Ok(source),
        (Err(source), Err(dest)) if source == dest => Err(source),
        // The directions do not differ in this.
        _ => Err(EPROTO),
    }
}

/// An address far below the end of what a process may have, as an offset in `area`. Nothing is
/// there.
fn low(area: &UserArea) -> usize {
    0x1_0000usize.wrapping_sub(area.at(0).as_const_ptr() as usize)
}

pub(super) fn every_count() -> Verdict {
    let array = UserArea::new(5)?;
    let area = UserArea::new(1)?;
    // The first of each three is empty.
    let lens = (0..1025).map(|index| (index, index % 3));
    let vec = write_iovec(&array, &area, lens.clone())?;
    let bytes: [u8; 1100] = core::array::from_fn(|x| x as u8);
    area.write(0, &bytes)?;
    for count in [0, 1, 2, 7, 8, 9, 1023, 1024] {
        let sum = lens.clone().take(count).map(|(_, len)| len).sum::<usize>();
        same!(len_of(vec, count as u32), Ok(sum));
        let mut got = [0; 1025];
        let (copied, moved) =
            IterSource::import(vec, count as u32, |iter| iter.copy_from(&mut got))?;
        same!(copied.bytes(), sum);
        same!(moved, sum);
        let mut want = KVec::new();
        for (from, len) in lens.clone().take(count) {
            want.extend_from_slice(&bytes[from..from + len], GFP_KERNEL)?;
        }
        same_bytes(&got[..sum], &want)?;
    }
    same!(len_of(vec, 1025), Err(EINVAL));
    same!(len_of(vec, u32::MAX), Err(EINVAL));
    Ok(())
}

pub(super) fn bad_arrays() -> Verdict {
    let array = UserArea::new(2)?;
    let area = UserArea::new(1)?;
    let vec = write_iovec(&array, &area, (0..512).map(|index| (index, 1)))?;
    same!(len_of(vec, 512), Ok(512));
    array.unmap(1)?;
    // 256 are in the first page.
    same!(len_of(vec, 256), Ok(256));
    same!(len_of(vec, 257), Err(EFAULT));
    same!(len_of(vec, 512), Err(EFAULT));
    for count in [1, 2, 9] {
        same!(len_of(array.at(PAGE_SIZE), count), Err(EFAULT));
        same!(len_of(UserPtr::from_addr(0), count), Err(EFAULT));
        // Memory of the kernel.
        same!(
            len_of(UserPtr::from_addr(usize::MAX - 4095), count),
            Err(EFAULT)
        );
    }
    // No segment is not looked for.
    same!(len_of(UserPtr::from_addr(0), 0), Ok(0));
    Ok(())
}

pub(super) fn bad_segments() -> Verdict {
    let array = UserArea::new(1)?;
    let area = UserArea::new(1)?;
    let kernel = 0usize.wrapping_sub(area.at(PAGE_SIZE).as_const_ptr() as usize);
    for count in [1, 2, 8, 9] {
        for bad in 0..count {
            let with = |segment: (usize, usize)| {
                let segments =
                    (0..count).map(move |index| if index == bad { segment } else { (index, 1) });
                let vec = write_iovec(&array, &area, segments)?;
                len_of(vec, count as u32)
            };
            same!(with((0, 1)), Ok(count));
            same!(with((0, 0)), Ok(count - 1));
            // Negative as ssize_t, and so much that it wraps.
            same!(with((0, 1 << 63)), Err(EINVAL));
            same!(with((0, usize::MAX)), Err(EINVAL));
            // Memory of the kernel, at its start, and at its end, which looks like an errno.
            same!(with((kernel, 1)), Err(EFAULT));
            same!(with((kernel.wrapping_sub(1), 1)), Err(EFAULT));
            // What is not mapped is not looked at.
            same!(with((low(&area), 1)), Ok(count));
        }
    }
    Ok(())
}

pub(super) fn cuts_the_sum() -> Verdict {
    let array = UserArea::new(1)?;
    let area = UserArea::new(1)?;
    let gib = 1 << 30;
    let low = low(&area);
    let lens = [
        (0, 1),
        (low, gib - 1),
        (low, gib - PAGE_SIZE + 3),
        (0, 10),
        (0, 10),
    ];
    let vec = write_iovec(&array, &area, lens.into_iter())?;
    same!(MAX_RW_COUNT, 2 * gib - PAGE_SIZE);
    same!(len_of(vec, 1), Ok(1));
    same!(len_of(vec, 2), Ok(gib));
    same!(len_of(vec, 3), Ok(MAX_RW_COUNT));
    // The rest is empty, and copies end before it.
    same!(len_of(vec, 5), Ok(MAX_RW_COUNT));
    let (verdict, moved) = IterSource::import(vec, 5, |iter| -> Verdict {
        let start = iter.checkpoint();
        same!(iter.advance(usize::MAX), MAX_RW_COUNT);
        let mut byte = [0];
        same!(iter.copy_from(&mut byte).bytes(), 0);
        same!(iter.faulted(), false);
        iter.rollback(start);
        same!(iter.copy_from(&mut byte).bytes(), 1);
        Ok(())
    })?;
    verdict?;
    same!(moved, 1);
    let vec = write_iovec(
        &array,
        &area,
        [(low, isize::MAX as usize >> 20)].into_iter(),
    )?;
    same!(len_of(vec, 1), Ok(MAX_RW_COUNT));
    Ok(())
}

pub(super) fn one_buffer() -> Verdict {
    let area = UserArea::new(1)?;
    let len_of = |at: UserPtr, len: usize| IterDest::import_buf(at, len, |iter| iter.len());
    same!(len_of(area.at(0), 0).map(|got| got.0), Ok(0));
    same!(len_of(area.at(0), 10).map(|got| got.0), Ok(10));
    same!(
        len_of(area.at(low(&area)), 1 << 40).map(|got| got.0),
        Ok(MAX_RW_COUNT)
    );
    let kernel = UserPtr::from_addr(usize::MAX - 4095);
    same!(len_of(kernel, 1).map(|got| got.0), Err(EFAULT));
    let got = IterSource::import_buf(kernel, 1, |_| ());
    holds!(got == Err(EFAULT));
    Ok(())
}
