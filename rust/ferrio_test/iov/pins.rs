// SPDX-License-Identifier: GPL-2.0

//! Guards of pages: of a process they are pinned, and given back however it ends.

use super::{buffer, kinds::write_iovec, patterned, same, same_bytes, Verdict};
use ferrio::{
    iov::{pinned_pages, IterDest, IterSource, ScatterDest, ScatterSource},
    user_area::UserArea,
};
use kernel::{page::PAGE_SIZE, prelude::*};

pub(super) fn are_given_back() -> Verdict {
    let area = UserArea::new(4)?;
    let image = patterned(4 * PAGE_SIZE)?;
    area.write(0, &image)?;
    let before = pinned_pages();
    let len = 3 * PAGE_SIZE;
    let (verdict, moved) = IterSource::import_buf(area.at(10), len, |iter| -> Verdict {
        let first = iter.extract::<2>(usize::MAX)?;
        same!(first.is_pinned(), true);
        same!(first.offset(), 10);
        same!(first.page_count(), 2);
        same!(first.len(), 2 * PAGE_SIZE - 10);
        same!(pinned_pages(), before + 2);
        let second = iter.extract::<4>(100)?;
        same!(second.len(), 100);
        same!(second.offset(), 0);
        same!(pinned_pages(), before + 3);
        drop(first);
        same!(pinned_pages(), before + 1);
        let mut back = [0; 100];
        let (copied, _) = IterDest::with_slice(&mut back, |to| second.copy_to(10, 200, to));
        same!(copied.bytes(), 90);
        same_bytes(&back[..90], &image[2 * PAGE_SIZE + 10..][..90])?;
        // A full destination is no fault.
        let (copied, _) = IterDest::with_slice(&mut back[..5], |to| second.copy_to(0, 100, to));
        same!(copied.bytes(), 5);
        same!(copied.faulted(), false);
        Ok(())
    })?;
    verdict?;
    same!(moved, 2 * PAGE_SIZE - 10 + 100);
    same!(pinned_pages(), before);
    Ok(())
}

pub(super) fn to_write_to() -> Verdict {
    let area = UserArea::new(4)?;
    let image = patterned(4 * PAGE_SIZE)?;
    let before = pinned_pages();
    let (verdict, _) = IterDest::import_buf(area.at(100), 3 * PAGE_SIZE, |iter| -> Verdict {
        let mut held = iter.extract::<4>(usize::MAX)?;
        same!(held.page_count(), 4);
        same!(held.len(), 3 * PAGE_SIZE);
        same!(pinned_pages(), before + 4);
        // From the end of the second page into the third.
        let at = 2 * PAGE_SIZE - 100 - 7;
        let (copied, _) = IterSource::with_slice(&image[..20], |from| held.copy_from(at, 50, from));
        same!(copied.bytes(), 20);
        same!(copied.faulted(), false);
        let (copied, _) = IterSource::with_slice(&image, |from| {
            held.copy_from(3 * PAGE_SIZE - 1, usize::MAX, from)
        });
        same!(copied.bytes(), 1);
        Ok(())
    })?;
    verdict?;
    same!(pinned_pages(), before);
    let mut got = buffer(4 * PAGE_SIZE)?;
    area.read(0, &mut got)?;
    let mut want = buffer(4 * PAGE_SIZE)?;
    want[2 * PAGE_SIZE - 7..2 * PAGE_SIZE + 13].copy_from_slice(&image[..20]);
    want[3 * PAGE_SIZE + 99] = image[0];
    same_bytes(&got, &want)
}

pub(super) fn end_at_a_hole() -> Verdict {
    let area = UserArea::new(4)?;
    area.write(0, &patterned(4 * PAGE_SIZE)?)?;
    area.unmap(2)?;
    let before = pinned_pages();
    let (verdict, _) = IterSource::import_buf(area.at(1), 3 * PAGE_SIZE, |iter| -> Verdict {
        let held = iter.extract::<4>(usize::MAX)?;
        same!(held.len(), 2 * PAGE_SIZE - 1);
        same!(iter.faulted(), false);
        same!(
            iter.extract::<4>(usize::MAX).map(|held| held.len()),
            Err(EFAULT)
        );
        same!(iter.faulted(), true);
        same!(iter.count(), 2 * PAGE_SIZE - 1);
        same!(pinned_pages(), before + 2);
        Ok(())
    })?;
    verdict?;
    same!(pinned_pages(), before);
    // To be written, and it may only be read.
    area.renew(3, false)?;
    let (held, _) = IterDest::import_buf(area.at(3 * PAGE_SIZE), 10, |iter| {
        iter.extract::<1>(10).map(|held| held.len())
    })?;
    same!(held, Err(EFAULT));
    let (held, _) = IterSource::import_buf(area.at(3 * PAGE_SIZE), 10, |iter| {
        iter.extract::<1>(10).map(|held| held.len())
    })?;
    same!(held, Ok(10));
    same!(pinned_pages(), before);
    Ok(())
}

pub(super) fn of_nothing() -> Verdict {
    let area = UserArea::new(1)?;
    let array = UserArea::new(1)?;
    let vec = write_iovec(&array, &area, [(0, 0), (5, 0), (7, 3)].into_iter())?;
    let (verdict, _) = IterSource::import(vec, 3, |iter| -> Verdict {
        let none = iter.extract::<2>(0)?;
        same!(none.is_empty(), true);
        same!(none.is_pinned(), false);
        // Empty segments are passed over.
        let held = iter.extract::<2>(100)?;
        same!(held.len(), 3);
        same!(held.offset(), 7);
        same!(iter.extract::<2>(100)?.is_empty(), true);
        Ok(())
    })?;
    verdict?;
    let (held, _) = IterDest::with_discard(10, |iter| iter.extract::<1>(10).map(|held| held.len()));
    same!(held, Err(EFAULT));
    let (filled, _) = IterDest::with_discard(10, |iter| {
        ScatterDest::new(2).and_then(|mut list| list.fill(iter, 10, 2))
    });
    same!(filled, Err(EFAULT));
    Ok(())
}

pub(super) fn scatterlist_to_write_to() -> Verdict {
    let area = UserArea::new(3)?;
    let image = patterned(3 * PAGE_SIZE)?;
    let before = pinned_pages();
    let (verdict, _) = IterDest::import_buf(area.at(9), 2 * PAGE_SIZE, |iter| -> Verdict {
        let mut list = ScatterDest::new(8)?;
        // More than there are is what there is.
        same!(list.fill(iter, usize::MAX, 8), Ok(2 * PAGE_SIZE));
        same!(list.entries(), 3);
        same!(pinned_pages(), before + 3);
        same!(list.copy_from(&image), 2 * PAGE_SIZE);
        same!(list.fill(iter, usize::MAX, 8), Ok(0));
        Ok(())
    })?;
    verdict?;
    same!(pinned_pages(), before);
    let mut got = buffer(3 * PAGE_SIZE)?;
    area.read(0, &mut got)?;
    let mut want = buffer(3 * PAGE_SIZE)?;
    want[9..9 + 2 * PAGE_SIZE].copy_from_slice(&image[..2 * PAGE_SIZE]);
    same_bytes(&got, &want)
}

/// Nothing behind the last entry is looked for, whatever C has made of its mark.
pub(super) fn scatterlist_that_is_full() -> Verdict {
    let area = UserArea::new(4)?;
    let image = patterned(4 * PAGE_SIZE)?;
    area.write(0, &image)?;
    let (verdict, _) = IterSource::import_buf(area.at(0), 4 * PAGE_SIZE, |iter| -> Verdict {
        // No more than it was made for.
        let start = iter.checkpoint();
        same!(
            ScatterSource::new(3)?.fill(iter, usize::MAX, 4),
            Ok(3 * PAGE_SIZE)
        );
        iter.rollback(start);
        let mut list = ScatterSource::new(4)?;
        same!(list.fill(iter, usize::MAX, 4), Ok(4 * PAGE_SIZE));
        let mut got = buffer(5 * PAGE_SIZE)?;
        same!(list.copy_to(&mut got), 4 * PAGE_SIZE);
        same_bytes(&got[..4 * PAGE_SIZE], &image)
    })?;
    verdict?;
    let (verdict, _) = IterDest::import_buf(area.at(0), 4 * PAGE_SIZE, |iter| -> Verdict {
        let mut list = ScatterDest::new(4)?;
        same!(list.fill(iter, usize::MAX, 4), Ok(4 * PAGE_SIZE));
        same!(list.copy_from(&patterned(5 * PAGE_SIZE)?), 4 * PAGE_SIZE);
        Ok(())
    })?;
    verdict
}

pub(super) fn scatterlist_keeps_what_it_has() -> Verdict {
    let area = UserArea::new(4)?;
    let image = patterned(4 * PAGE_SIZE)?;
    area.write(0, &image)?;
    area.unmap(3)?;
    let before = pinned_pages();
    let (verdict, _) = IterSource::import_buf(area.at(0), 4 * PAGE_SIZE, |iter| -> Verdict {
        let mut list = ScatterSource::new(8)?;
        same!(list.fill(iter, PAGE_SIZE, 8), Ok(PAGE_SIZE));
        // The second and third page are there, the fourth is not.
        same!(list.fill(iter, 3 * PAGE_SIZE, 7), Err(EFAULT));
        same!(iter.count(), PAGE_SIZE);
        same!(list.entries(), 1);
        same!(pinned_pages(), before + 1);
        same!(list.fill(iter, 2 * PAGE_SIZE, 7), Ok(2 * PAGE_SIZE));
        same!(pinned_pages(), before + 3);
        let mut got = buffer(4 * PAGE_SIZE)?;
        same!(list.copy_to(&mut got), 3 * PAGE_SIZE);
        same_bytes(&got[..3 * PAGE_SIZE], &image[..3 * PAGE_SIZE])
    })?;
    verdict?;
    same!(pinned_pages(), before);
    Ok(())
}
