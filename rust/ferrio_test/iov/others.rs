// SPDX-License-Identifier: GPL-2.0

//! Copies of iterators, bytes where they lie, and the two copies for special memory.

use super::{
    buffer, holds,
    kinds::{each_dest, each_source, Kind},
    patterned, same, same_bytes, Verdict,
};
use ferrio::{
    iov::{IoSlice, IterDest, IterSource},
    user_area::UserArea,
};
use kernel::{page::PAGE_SIZE, prelude::*};

const LENS: [usize; 4] = [3, 0, 5, 4];
const TEXT: &[u8; 12] = b"abcdefghijkl";

/// Each goes on by itself, whatever the other does, and also when the first is used up.
pub(super) fn duplicates_go_their_own_way() -> Verdict {
    each_source(&LENS, TEXT, |_, iter| {
        let mut buf = [0; 12];
        same!(iter.copy_from(&mut buf[..4]).bytes(), 4);
        let mut copy = iter.duplicate()?;
        same!(iter.copy_from(&mut buf[4..]).bytes(), 8);
        let mut got = [0; 12];
        let (copied, moved) = copy.with(|copy| copy.copy_from(&mut got[..3]).bytes());
        same!((copied, moved), (3, 3));
        // It stands where it was left.
        let (copied, moved) = copy.with(|copy| copy.copy_from(&mut got[3..]).bytes());
        same!((copied, moved), (5, 5));
        same_bytes(&got[..8], &TEXT[4..])?;
        same!(iter.len(), 0);
        same_bytes(&buf, TEXT)
    })?;
    each_dest(&LENS, b"ABCDefghijkl", |_, iter| {
        let mut copy = iter.duplicate()?;
        same!(copy.with(|copy| copy.copy_to(TEXT).bytes()), (12, 12));
        same!(iter.count(), 0);
        same!(iter.copy_to(b"ABCD").bytes(), 4);
        Ok(())
    })
}

/// A copy of a copy, and the first of them goes first; or last.
pub(super) fn duplicates_in_any_order() -> Verdict {
    for first in [false, true] {
        each_source(&LENS, TEXT, |_, iter| {
            let mut one = iter.duplicate()?;
            let (of_one, _) = one.with(|copy| -> Verdict {
                let mut buf = [0; 2];
                let mut copied = copy.duplicate()?;
                same!(copied.with(|it| it.copy_from(&mut buf).bytes()), (2, 2));
                same_bytes(&buf, &TEXT[..2])
            });
            of_one?;
            let mut two = iter.duplicate()?;
            let mut got = [0; 12];
            if first {
                drop(one);
            } else {
                same!(one.with(|one| one.copy_from(&mut got).bytes()), (12, 12));
                same_bytes(&got, TEXT)?;
                got.fill(0);
            }
            same!(two.with(|two| two.copy_from(&mut got).bytes()), (12, 12));
            same_bytes(&got, TEXT)
        })?;
    }
    Ok(())
}

pub(super) fn chunks_of_slices() -> Verdict {
    each_source(&LENS, TEXT, |kind, iter| {
        let mut seen = KVec::new();
        let mut pieces = 0;
        let moved = iter.limited(10, |iter| -> Result<_> {
            let mut result = Ok(());
            let moved = iter.for_each_chunk(|chunk| {
                pieces += 1;
                if result.is_ok() {
                    result = seen.extend_from_slice(chunk, GFP_KERNEL);
                }
                chunk.len()
            });
            result?;
            Ok(moved)
        })?;
        if kind != Kind::Kvec {
            // Others may write to what the rest of them walks.
            same!(moved, None);
            same!(iter.count(), 0);
            return Ok(());
        }
        same!(moved, Some(10));
        same!(pieces, 3);
        same_bytes(&seen, &TEXT[..10])?;
        same!(iter.len(), 2);
        // Less than all of a piece, or more: it ends there.
        same!(iter.for_each_chunk(|_| 1), Some(1));
        same!(iter.for_each_chunk(|_| 100), Some(1));
        same!(iter.for_each_chunk(|_| 100), Some(0));
        Ok(())
    })?;
    // Empty ones at both ends.
    let parts = [IoSlice::new(b""), IoSlice::new(b"x"), IoSlice::new(b"")];
    let (moved, count) = IterSource::with_vec(&parts, |iter| iter.for_each_chunk(<[u8]>::len))?;
    same!((moved, count), (Some(1), 1));
    Ok(())
}

#[cfg(CONFIG_ARCH_HAS_UACCESS_FLUSHCACHE)]
pub(super) fn copy_behind_the_cache() -> Verdict {
    each_source(&[1000, 0, 3000], &patterned(4000)?, |_, iter| {
        let mut buf = buffer(5000)?;
        let copied = iter.copy_from_flushcache(&mut buf);
        same!((copied.bytes(), copied.faulted()), (4000, false));
        same_bytes(&buf[..4000], &patterned(4000)?)
    })?;
    let area = UserArea::new(2)?;
    area.unmap(1)?;
    let (verdict, moved) = IterSource::import_buf(area.at(0), 2 * PAGE_SIZE, |iter| -> Verdict {
        let copied = iter.copy_from_flushcache(&mut buffer(2 * PAGE_SIZE)?);
        same!((copied.bytes(), copied.faulted()), (PAGE_SIZE, true));
        Ok(())
    })?;
    same!(moved, PAGE_SIZE);
    verdict
}

#[cfg(CONFIG_ARCH_HAS_COPY_MC)]
pub(super) fn copy_of_what_may_be_broken() -> Verdict {
    let image = patterned(4000)?;
    each_dest(&[1000, 0, 3000], &image, |_, iter| {
        let copied = iter.copy_to_mc(&patterned(5000)?);
        same!((copied.bytes(), copied.faulted()), (4000, false));
        Ok(())
    })?;
    let area = UserArea::new(2)?;
    area.unmap(1)?;
    let (verdict, moved) = IterDest::import_buf(area.at(0), 2 * PAGE_SIZE, |iter| -> Verdict {
        let copied = iter.copy_to_mc(&patterned(2 * PAGE_SIZE)?);
        holds!(copied.bytes() <= PAGE_SIZE);
        same!(copied.faulted(), true);
        Ok(())
    })?;
    holds!(moved <= PAGE_SIZE);
    verdict
}
