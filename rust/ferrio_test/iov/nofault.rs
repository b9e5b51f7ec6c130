// SPDX-License-Identifier: GPL-2.0

//! Copies that bring nothing in, under a spinlock, and bringing in before.

use super::{patterned, same, same_bytes, Verdict};
use ferrio::{
    folio::Folio,
    iov::{IterDest, IterSource},
    pages::PageVec,
    user_area::UserArea,
};
use kernel::{new_spinlock, page::PAGE_SIZE, prelude::*, sync::SpinLock};

pub(super) fn brings_nothing_in() -> Verdict {
    let lock: Pin<KBox<SpinLock<()>>> = KBox::pin_init(new_spinlock!(()), GFP_KERNEL)?;
    let pages = PageVec::new(PAGE_SIZE)?;
    let page = pages.page(0).ok_or(EINVAL)?;
    let folio = Folio::new(1)?;
    // Nobody has touched it: there is no page yet.
    let area = UserArea::new(1)?;
    let (verdict, moved) = IterDest::import_buf(area.at(0), 100, |iter| -> Verdict {
        // Under a lock no copy brings anything in; this one does not without one either.
        same!(iter.copy_page_nofault(page, 0, 100).bytes(), 0);
        let guard = lock.lock();
        let copied = iter.copy_page_nofault(page, 0, 100);
        drop(guard);
        same!(copied.bytes(), 0);
        same!(copied.faulted(), true);
        // The call has not failed by it.
        same!(iter.faulted(), false);
        same!(iter.moved().map(|moved| moved.bytes()), Ok(0));
        Ok(())
    })?;
    verdict?;
    same!(moved, 0);
    let (verdict, _) = IterSource::import_buf(area.at(0), 100, |iter| -> Verdict {
        same!(iter.copy_folio_nofault(&folio, 0, 100).bytes(), 0);
        same!(iter.copy_page_nofault(page, 0, 100).bytes(), 0);
        let guard = lock.lock();
        let copied = iter.copy_folio_nofault(&folio, 0, 100);
        let page = iter.copy_page_nofault(page, 0, 100);
        drop(guard);
        same!(copied.bytes(), 0);
        same!(copied.faulted(), true);
        same!(page.bytes(), 0);
        same!(page.faulted(), true);
        same!(iter.faulted(), false);
        Ok(())
    })?;
    verdict
}

pub(super) fn after_prefault() -> Verdict {
    let lock: Pin<KBox<SpinLock<()>>> = KBox::pin_init(new_spinlock!(()), GFP_KERNEL)?;
    let image = patterned(PAGE_SIZE)?;
    let pages = PageVec::new(PAGE_SIZE)?;
    let page = pages.page(0).ok_or(EINVAL)?;
    let _ = IterSource::with_slice(&image, |iter| iter.copy_page(page, 0, PAGE_SIZE));
    let area = UserArea::new(2)?;
    let at = PAGE_SIZE - 50;
    let (verdict, moved) = IterDest::import_buf(area.at(at), 100, |iter| -> Verdict {
        let ready = iter.prefault(100);
        same!(ready.bytes(), 100);
        same!(ready.faulted(), false);
        same!(iter.count(), 0);
        let guard = lock.lock();
        let copied = iter.copy_page_nofault(page, 7, 100);
        drop(guard);
        same!(copied.bytes(), 100);
        same!(copied.faulted(), false);
        Ok(())
    })?;
    verdict?;
    same!(moved, 100);
    let mut back = [0; 100];
    area.read(at, &mut back)?;
    same_bytes(&back, &image[7..107])?;

    let folio = Folio::new(1)?;
    let (verdict, moved) = IterSource::import_buf(area.at(at), 100, |iter| -> Verdict {
        same!(iter.prefault(100).bytes(), 100);
        let guard = lock.lock();
        let copied = iter.copy_folio_nofault(&folio, PAGE_SIZE - 10, 100);
        drop(guard);
        same!(copied.bytes(), 100);
        same!(copied.faulted(), false);
        Ok(())
    })?;
    verdict?;
    same!(moved, 100);
    let mut back = [0; 100];
    let (copied, _) = IterDest::with_slice(&mut back, |iter| {
        iter.copy_folio(&folio, PAGE_SIZE - 10, 100)
    });
    same!(copied.bytes(), 100);
    same_bytes(&back, &image[7..107])
}

pub(super) fn prefault_says_what_is_missing() -> Verdict {
    let area = UserArea::new(3)?;
    area.unmap(2)?;
    area.renew(1, false)?;
    // By pages: the first of three is there to be written, and the second to be read.
    let (verdict, _) = IterDest::import_buf(area.at(0), 3 * PAGE_SIZE, |iter| -> Verdict {
        same!(iter.prefault(PAGE_SIZE).bytes(), PAGE_SIZE);
        same!(iter.faulted(), false);
        let ready = iter.prefault(usize::MAX);
        same!(ready.bytes(), PAGE_SIZE);
        same!(ready.faulted(), true);
        same!(iter.moved().map(|moved| moved.bytes()), Err(EFAULT));
        Ok(())
    })?;
    verdict?;
    let (verdict, _) = IterSource::import_buf(area.at(0), 3 * PAGE_SIZE, |iter| -> Verdict {
        same!(iter.prefault(2 * PAGE_SIZE).bytes(), 2 * PAGE_SIZE);
        same!(iter.faulted(), false);
        let ready = iter.prefault(usize::MAX);
        same!(ready.bytes(), 2 * PAGE_SIZE);
        same!(ready.faulted(), true);
        Ok(())
    })?;
    verdict?;
    // The kernel's memory is there.
    let (ready, _) = IterSource::with_slice(&[0; 10], |iter| iter.prefault(20));
    same!(ready.bytes(), 10);
    same!(ready.faulted(), false);
    Ok(())
}
