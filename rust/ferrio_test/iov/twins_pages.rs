// SPDX-License-Identifier: GPL-2.0

//! Twins: the pages behind iterators, one by one and as scatterlists.

use super::{
    buffer, holds, pattern, patterned, same, same_bytes,
    twins::{content, page_parts, page_places, parts, patterned_pages, PAGE_RANGES, RANGES, SIZE},
    Verdict,
};
use ferrio::{
    iov::{pinned_pages, IterDest, IterSource, PageSlice, PinnedSource, ScatterSource},
    pages::PageVec,
    user_area::UserArea,
};
use kernel::{page::PAGE_SIZE, prelude::*};

const STEP: usize = 100 * 1024;

/// What the guard holds has to be the next bytes of the iterator, which come from `places`.
fn holds_next(
    held: &PinnedSource<'_, 8>,
    buf: &[u8],
    places: &mut impl Iterator<Item = usize>,
    scratch: &mut [u8],
) -> Verdict {
    let len = held.len();
    holds!(len > 0);
    holds!(len <= STEP);
    holds!(held.offset() < PAGE_SIZE);
    holds!(held.page_count() <= 8);
    same!(held.page_count(), (held.offset() + len).div_ceil(PAGE_SIZE));
    same!(held.is_pinned(), false);
    let (copied, _) = IterDest::with_slice(scratch, |to| held.copy_to(0, len, to));
    same!(copied.bytes(), len);
    for (x, place) in places.take(len).enumerate() {
        if x == 0 {
            same!(held.offset(), place % PAGE_SIZE);
        }
        // A word's number, so that no other place of the buffer fits.
        same!(scratch[x], buf[place]);
    }
    Ok(())
}

pub(super) fn extract_pages_kvec() -> Verdict {
    let mut buf = buffer(SIZE)?;
    for (number, word) in buf.chunks_exact_mut(4).enumerate() {
        word.copy_from_slice(&(number as u32).to_ne_bytes());
    }
    let mut scratch = buffer(STEP)?;
    let mut places = RANGES.into_iter().flat_map(|(from, to)| from..to);
    let before = pinned_pages();
    let (verdict, _) = IterSource::with_vec(&parts(&buf), |iter| -> Verdict {
        let mut left = iter.len();
        while left > 0 {
            let held = iter.extract::<8>(STEP)?;
            same!(iter.len(), left - held.len());
            left -= held.len();
            holds_next(&held, &buf, &mut places, &mut scratch)?;
        }
        same!(iter.extract::<8>(STEP)?.len(), 0);
        Ok(())
    })?;
    verdict?;
    same!(places.next(), None);
    same!(pinned_pages(), before);
    Ok(())
}

pub(super) fn extract_pages_bvec() -> Verdict {
    let pages = patterned_pages(SIZE)?;
    let buf = content(&pages)?;
    let mut scratch = buffer(STEP)?;
    let mut places = page_places();
    let mut ranges = PAGE_RANGES.into_iter().filter(|(_, from, to)| from < to);
    let (verdict, _) = IterSource::with_pages(&page_parts(&pages)?, |iter| -> Verdict {
        let mut left = iter.len();
        while left > 0 {
            let held = iter.extract::<8>(STEP)?;
            same!(iter.len(), left - held.len());
            left -= held.len();
            holds_next(&held, &buf, &mut places, &mut scratch)?;
            for index in 0..held.page_count() {
                let page = ranges.next().and_then(|(page, _, _)| pages.page(page));
                holds!(page.is_some_and(|page| held.is_page(index, page)));
            }
        }
        Ok(())
    })?;
    verdict?;
    same!(places.next(), None);
    holds!(ranges.next().is_none());
    Ok(())
}

const SG_SIZE: usize = 0x20_0000;
const SG_PAGES: usize = SG_SIZE / PAGE_SIZE;

/// Takes all in four steps, the first of which has no room.
fn to_sg(iter: &mut IterSource<'_>, pinned: bool) -> Verdict {
    const TAIL: usize = 16 * PAGE_SIZE;
    let mut scratch = buffer(SG_SIZE)?;
    let before = pinned_pages();
    let mut list = ScatterSource::new(SG_PAGES)?;

    same!(list.fill(iter, SG_SIZE, 0), Ok(0));
    same!(list.entries(), 0);
    same!(list.is_pinned(), false);
    let mut got = list.fill(iter, SG_SIZE - TAIL, 1)?;
    holds!(got <= SG_SIZE - TAIL);
    same!(list.entries(), 1);
    got += list.fill(iter, SG_SIZE - TAIL - got, SG_PAGES - 1)?;
    same!(got, SG_SIZE - TAIL);
    holds!(list.entries() <= SG_PAGES);
    got += list.fill(iter, TAIL, SG_PAGES)?;
    same!(got, SG_SIZE);
    holds!(list.entries() <= SG_PAGES);
    same!(list.len(), SG_SIZE);
    same!(iter.len(), 0);
    same!(iter.count(), SG_SIZE);

    same!(list.is_pinned(), pinned);
    let pins = if pinned { list.entries() } else { 0 };
    same!(pinned_pages(), before + pins);
    same!(list.copy_to(&mut scratch), SG_SIZE);
    drop(list);
    same!(pinned_pages(), before);
    same_bytes(&scratch, &patterned(SG_SIZE)?)
}

pub(super) fn iter_to_sg_kvec() -> Verdict {
    let buf = patterned(SG_SIZE)?;
    IterSource::with_slice(&buf, |iter| to_sg(iter, false)).0
}

pub(super) fn iter_to_sg_bvec() -> Verdict {
    let pages: PageVec = patterned_pages(SG_SIZE)?;
    let mut parts = KVec::with_capacity(SG_PAGES, GFP_KERNEL)?;
    for index in 0..SG_PAGES {
        let page = pages.page(index).ok_or(EINVAL)?;
        parts.push(PageSlice::new(page, 0, PAGE_SIZE)?, GFP_KERNEL)?;
    }
    IterSource::with_pages(&parts, |iter| to_sg(iter, false))?.0
}

pub(super) fn iter_to_sg_ubuf() -> Verdict {
    let area = UserArea::new(SG_PAGES)?;
    area.write(0, &patterned(SG_SIZE)?)?;
    let mut byte = [0];
    area.read(SG_SIZE - 1, &mut byte)?;
    same!(byte[0], pattern(SG_SIZE - 1));
    IterSource::import_buf(area.at(0), SG_SIZE, |iter| to_sg(iter, true))?.0
}
