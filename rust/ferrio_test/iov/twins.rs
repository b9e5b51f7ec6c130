// SPDX-License-Identifier: GPL-2.0

//! Twins: copies to and from kvecs and bvecs, in odd pieces of a MiB.

use super::{buffer, holds, pattern, patterned, same, same_bytes, Verdict};
use core::mem;
use ferrio::{
    iov::{IoSlice, IoSliceMut, IterDest, IterSource, PageSlice},
    pages::PageVec,
};
use kernel::{page::PAGE_SIZE, prelude::*};

pub(super) const SIZE: usize = 0x10_0000;

pub(super) const RANGES: [(usize, usize); 8] = [
    (0x00002, 0x00002),
    (0x00027, 0x03000),
    (0x05193, 0x18794),
    (0x20000, 0x20000),
    (0x20000, 0x24000),
    (0x24000, 0x27001),
    (0x29000, 0xffffb),
    (0xffffd, 0xffffe),
];

/// A page, and the part of it.
pub(super) const PAGE_RANGES: [(usize, usize, usize); 8] = [
    (0, 0x0002, 0x0002),
    (1, 0x0027, 0x0893),
    (2, 0x0193, 0x0794),
    (3, 0x0000, 0x1000),
    (4, 0x0000, 0x1000),
    (5, 0x0000, 0x1000),
    (6, 0x0000, 0x0ffb),
    (6, 0x0ffd, 0x0ffe),
];

/// The ranges of a buffer, which have no byte twice.
fn parts_mut(buf: &mut [u8]) -> [IoSliceMut<'_>; 8] {
    let mut rest = buf;
    let mut at = 0;
    RANGES.map(|(from, to)| {
        let (part, tail) = mem::take(&mut rest)[from - at..].split_at_mut(to - from);
        rest = tail;
        at = to;
        IoSliceMut::new(part)
    })
}

pub(super) fn parts(buf: &[u8]) -> [IoSlice<'_>; 8] {
    RANGES.map(|(from, to)| IoSlice::new(&buf[from..to]))
}

/// The ranges of pages. An empty one does not exist here.
pub(super) fn page_parts(pages: &PageVec) -> Result<KVec<PageSlice<'_>>> {
    let mut parts = KVec::with_capacity(PAGE_RANGES.len(), GFP_KERNEL)?;
    for (page, from, to) in PAGE_RANGES {
        let page = pages.page(page).ok_or(EINVAL)?;
        match PageSlice::new(page, from, to - from) {
            Ok(part) => parts.push(part, GFP_KERNEL)?,
            Err(err) if err == EINVAL && from == to => (),
            Err(err) => return Err(err),
        }
    }
    Ok(parts)
}

/// Where each byte that an iterator over these ranges has comes from.
fn places() -> impl Iterator<Item = usize> {
    RANGES.into_iter().flat_map(|(from, to)| from..to)
}

pub(super) fn page_places() -> impl Iterator<Item = usize> {
    PAGE_RANGES
        .into_iter()
        .flat_map(|(page, from, to)| page * PAGE_SIZE + from..page * PAGE_SIZE + to)
}

/// What a buffer of zeroes has to look like after the pattern went to these places.
fn image(places: impl Iterator<Item = usize>) -> Result<VVec<u8>> {
    let mut image = buffer(SIZE)?;
    for (x, place) in places.enumerate() {
        image[place] = pattern(x);
    }
    Ok(image)
}

/// What came from these places of the pattern.
fn gathered(places: impl Iterator<Item = usize>) -> Result<VVec<u8>> {
    let mut bytes = buffer(SIZE)?;
    let mut len = 0;
    for place in places {
        bytes[len] = pattern(place);
        len += 1;
    }
    bytes.truncate(len);
    Ok(bytes)
}

pub(super) fn copy_to_kvec() -> Verdict {
    let scratch = patterned(SIZE)?;
    let mut buf = buffer(SIZE)?;
    let size = places().count();
    let (verdict, moved) = IterDest::with_vec(&mut parts_mut(&mut buf), |iter| -> Verdict {
        same!(iter.len(), size);
        let copied = iter.copy_to(&scratch[..size]);
        same!(copied.bytes(), size);
        same!(copied.faulted(), false);
        same!(iter.len(), 0);
        same!(iter.single_seg_count(), 0);
        Ok(())
    })?;
    verdict?;
    same!(moved, size);
    same_bytes(&buf, &image(places())?)
}

pub(super) fn copy_from_kvec() -> Verdict {
    let buf = patterned(SIZE)?;
    let mut scratch = buffer(SIZE)?;
    let want = gathered(places())?;
    let (verdict, moved) = IterSource::with_vec(&parts(&buf), |iter| -> Verdict {
        same!(iter.len(), want.len());
        // There is room for more than there is.
        let copied = iter.copy_from(&mut scratch);
        same!(copied.bytes(), want.len());
        same!(copied.faulted(), false);
        same!(iter.len(), 0);
        same!(iter.single_seg_count(), 0);
        Ok(())
    })?;
    verdict?;
    same!(moved, want.len());
    same_bytes(&scratch[..want.len()], &want)?;
    holds!(scratch[want.len()..].iter().all(|byte| *byte == 0));
    Ok(())
}

/// The pages' content.
pub(super) fn content(pages: &PageVec) -> Result<VVec<u8>> {
    let mut image = buffer(pages.len())?;
    let (copied, _) = IterDest::with_slice(&mut image, |iter| pages.copy_to(0, pages.len(), iter));
    if copied.bytes() != pages.len() {
        return Err(EIO);
    }
    Ok(image)
}

/// Pages with the pattern in them.
pub(super) fn patterned_pages(len: usize) -> Result<PageVec> {
    let pages = PageVec::new(len)?;
    let (copied, _) =
        IterSource::with_slice(&patterned(len)?, |iter| pages.copy_from(0, len, iter));
    if copied.bytes() != len {
        return Err(EIO);
    }
    Ok(pages)
}

pub(super) fn copy_to_bvec() -> Verdict {
    let scratch = patterned(SIZE)?;
    let pages = PageVec::new(SIZE)?;
    let size = page_places().count();
    let (verdict, moved) = IterDest::with_pages(&page_parts(&pages)?, |iter| -> Verdict {
        same!(iter.len(), size);
        let copied = iter.copy_to(&scratch[..size]);
        same!(copied.bytes(), size);
        same!(copied.faulted(), false);
        same!(iter.len(), 0);
        same!(iter.single_seg_count(), 0);
        Ok(())
    })?;
    verdict?;
    same!(moved, size);
    same_bytes(&content(&pages)?, &image(page_places())?)
}

pub(super) fn copy_from_bvec() -> Verdict {
    let pages = patterned_pages(SIZE)?;
    let mut scratch = buffer(SIZE)?;
    let want = gathered(page_places())?;
    let (verdict, moved) = IterSource::with_pages(&page_parts(&pages)?, |iter| -> Verdict {
        same!(iter.len(), want.len());
        let copied = iter.copy_from(&mut scratch);
        same!(copied.bytes(), want.len());
        same!(copied.faulted(), false);
        same!(iter.len(), 0);
        same!(iter.single_seg_count(), 0);
        Ok(())
    })?;
    verdict?;
    same!(moved, want.len());
    same_bytes(&scratch[..want.len()], &want)?;
    holds!(scratch[want.len()..].iter().all(|byte| *byte == 0));
    Ok(())
}
