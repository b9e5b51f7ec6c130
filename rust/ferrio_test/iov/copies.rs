// SPDX-License-Identifier: GPL-2.0

//! Copies: memory of a process, faults, all or nothing.

use super::{
    buffer, holds,
    kinds::{each_dest, each_source, write_iovec},
    patterned, same, same_bytes,
    twins::{RANGES, SIZE},
    Verdict,
};
use ferrio::{
    folio::Folio,
    iov::{IterDest, IterSource},
    pages::PageVec,
    user_area::UserArea,
};
use kernel::{page::PAGE_SIZE, prelude::*};

pub(super) fn to_ubuf() -> Verdict {
    let area = UserArea::new(SIZE / PAGE_SIZE)?;
    let scratch = patterned(SIZE)?;
    let len = SIZE - 0x127;
    let (copied, moved) = IterDest::import_buf(area.at(0x27), len, |iter| iter.copy_to(&scratch))?;
    same!(copied.bytes(), len);
    same!(copied.faulted(), false);
    same!(moved, len);
    let mut image = buffer(SIZE)?;
    area.read(0, &mut image)?;
    holds!(image[..0x27].iter().all(|byte| *byte == 0));
    same_bytes(&image[0x27..0x27 + len], &scratch[..len])?;
    holds!(image[0x27 + len..].iter().all(|byte| *byte == 0));
    Ok(())
}

pub(super) fn from_ubuf() -> Verdict {
    let area = UserArea::new(SIZE / PAGE_SIZE)?;
    let image = patterned(SIZE)?;
    area.write(0, &image)?;
    let mut scratch = buffer(SIZE)?;
    let len = SIZE - 0x127;
    let (copied, moved) =
        IterSource::import_buf(area.at(0x27), len, |iter| iter.copy_from(&mut scratch))?;
    same!(copied.bytes(), len);
    same!(copied.faulted(), false);
    same!(moved, len);
    same_bytes(&scratch[..len], &image[0x27..0x27 + len])?;
    holds!(scratch[len..].iter().all(|byte| *byte == 0));
    Ok(())
}

pub(super) fn to_iovec() -> Verdict {
    let area = UserArea::new(SIZE / PAGE_SIZE)?;
    let array = UserArea::new(1)?;
    let scratch = patterned(SIZE)?;
    let vec = write_iovec(
        &array,
        &area,
        RANGES.iter().map(|(from, to)| (*from, to - from)),
    )?;
    let (copied, moved) = IterDest::import(vec, 8, |iter| iter.copy_to(&scratch))?;
    let size = RANGES.iter().map(|(from, to)| to - from).sum();
    same!(copied.bytes(), size);
    same!(copied.faulted(), false);
    same!(moved, size);
    let mut want = buffer(SIZE)?;
    let mut at = 0;
    for (from, to) in RANGES {
        want[from..to].copy_from_slice(&scratch[at..at + to - from]);
        at += to - from;
    }
    let mut image = buffer(SIZE)?;
    area.read(0, &mut image)?;
    same_bytes(&image, &want)
}

pub(super) fn from_iovec() -> Verdict {
    let area = UserArea::new(SIZE / PAGE_SIZE)?;
    let array = UserArea::new(1)?;
    let image = patterned(SIZE)?;
    area.write(0, &image)?;
    let vec = write_iovec(
        &array,
        &area,
        RANGES.iter().map(|(from, to)| (*from, to - from)),
    )?;
    let mut scratch = buffer(SIZE)?;
    let (copied, _) = IterSource::import(vec, 8, |iter| iter.copy_from(&mut scratch))?;
    let size = RANGES.iter().map(|(from, to)| to - from).sum();
    same!(copied.bytes(), size);
    same!(copied.faulted(), false);
    let mut at = 0;
    for (from, to) in RANGES {
        same_bytes(&scratch[at..at + to - from], &image[from..to])?;
        at += to - from;
    }
    Ok(())
}

pub(super) fn across_a_folio() -> Verdict {
    let folio = Folio::new(2)?;
    let size = 4 * PAGE_SIZE;
    same!(folio.len(), size);
    let image = patterned(size)?;
    let (copied, _) = IterSource::with_slice(&image, |iter| iter.copy_folio(&folio, 0, size));
    same!(copied.bytes(), size);
    let mut back = buffer(size)?;
    let from = PAGE_SIZE - 5;
    let (copied, _) = IterDest::with_slice(&mut back, |iter| {
        iter.copy_folio(&folio, from, 2 * PAGE_SIZE)
    });
    same!(copied.bytes(), 2 * PAGE_SIZE);
    same_bytes(&back[..2 * PAGE_SIZE], &image[from..from + 2 * PAGE_SIZE])?;
    // What is behind its end is not there.
    let (copied, _) = IterDest::with_slice(&mut back, |iter| {
        iter.copy_folio(&folio, size - 3, usize::MAX)
    });
    same!(copied.bytes(), 3);
    same!(copied.faulted(), false);
    let (copied, _) = IterSource::with_slice(&image, |iter| iter.copy_folio(&folio, size + 1, 1));
    same!(copied.bytes(), 0);
    same!(Folio::new(u32::MAX).map(|_| ()), Err(EINVAL));
    Ok(())
}

pub(super) fn ends_with_the_page() -> Verdict {
    let pages = PageVec::new(PAGE_SIZE)?;
    let page = pages.page(0).ok_or(EINVAL)?;
    let image = patterned(PAGE_SIZE)?;
    let (copied, _) = IterSource::with_slice(&image, |iter| iter.copy_page(page, 10, usize::MAX));
    same!(copied.bytes(), PAGE_SIZE - 10);
    same!(copied.faulted(), false);
    let mut back = [0; 8];
    let (copied, _) = IterDest::with_slice(&mut back, |iter| iter.copy_page(page, 4090, 8));
    same!(copied.bytes(), 6);
    same_bytes(&back[..6], &image[4080..4086])?;
    let (copied, _) = IterDest::with_slice(&mut back, |iter| iter.copy_page(page, 5000, 8));
    same!(copied.bytes(), 0);
    let (copied, _) = IterDest::with_slice(&mut back, |iter| {
        iter.copy_page_nofault(page, usize::MAX, usize::MAX)
    });
    same!(copied.bytes(), 0);
    Ok(())
}

pub(super) fn ends_with_the_iterator() -> Verdict {
    each_dest(&[3, 4], b"abcdefg", |_, iter| {
        let copied = iter.copy_to(b"abcdefghij");
        same!(copied.bytes(), 7);
        same!(copied.faulted(), false);
        same!(iter.faulted(), false);
        same!(iter.copy_to(b"more").bytes(), 0);
        let moved = iter.moved()?;
        same!(moved.bytes(), 7);
        same!(moved.faulted(), false);
        Ok(())
    })?;
    each_source(&[3, 4], b"abcdefg", |_, iter| {
        let mut buf = [0xff; 10];
        let copied = iter.copy_from(&mut buf);
        same!(copied.bytes(), 7);
        same!(copied.faulted(), false);
        same_bytes(&buf, b"abcdefg\xff\xff\xff")?;
        same!(iter.copy_from(&mut buf).bytes(), 0);
        same!(iter.moved()?.faulted(), false);
        Ok(())
    })
}

/// Four segments of 100 bytes, one a page, of which one page is missing.
fn with_a_hole(hole: usize) -> Result<(UserArea, UserArea)> {
    let area = UserArea::new(4)?;
    let array = UserArea::new(1)?;
    area.write(0, &patterned(4 * PAGE_SIZE)?)?;
    area.unmap(hole)?;
    write_iovec(&array, &area, (0..4).map(|index| (index * PAGE_SIZE, 100)))?;
    Ok((area, array))
}

pub(super) fn ends_at_a_fault() -> Verdict {
    for hole in 0..4 {
        let moved = if hole == 0 {
            Err(EFAULT)
        } else {
            Ok(hole * 100)
        };
        let (area, array) = with_a_hole(hole)?;
        let scratch = patterned(400)?;
        IterDest::import(array.at(0), 4, |iter| -> Verdict {
            let copied = iter.copy_to(&scratch);
            same!(copied.bytes(), hole * 100);
            same!(copied.faulted(), true);
            same!(iter.faulted(), true);
            same!(iter.len(), 400 - hole * 100);
            same!(iter.moved().map(|moved| moved.bytes()), moved);
            holds!(iter.moved().map_or(true, |moved| moved.faulted()));
            // It stays where it is.
            same!(iter.zero(1).bytes(), 0);
            Ok(())
        })?
        .0?;
        let mut part = [0; 100];
        for index in 0..hole {
            area.read(index * PAGE_SIZE, &mut part)?;
            same_bytes(&part, &scratch[index * 100..][..100])?;
        }
        let (_area, array) = with_a_hole(hole)?;
        let pages = PageVec::new(PAGE_SIZE)?;
        IterSource::import(array.at(0), 4, |iter| -> Verdict {
            let copied = pages.copy_from(0, 400, iter);
            same!(copied.bytes(), hole * 100);
            same!(copied.faulted(), true);
            same!(iter.moved().map(|moved| moved.bytes()), moved);
            Ok(())
        })?
        .0?;
    }
    Ok(())
}

pub(super) fn ends_in_a_segment() -> Verdict {
    let area = UserArea::new(2)?;
    area.unmap(1)?;
    let scratch = patterned(PAGE_SIZE)?;
    area.write(0, &scratch)?;
    // How near to the border a copy comes is the processor's affair; not beyond, and in order.
    let near = |bytes: usize| bytes <= 3000 && bytes > 3000 - 64;
    let at = PAGE_SIZE - 3000;
    let mut back = buffer(PAGE_SIZE)?;
    let (copied, moved) =
        IterSource::import_buf(area.at(at), 4000, |iter| iter.copy_from(&mut back))?;
    holds!(near(copied.bytes()));
    same!(copied.faulted(), true);
    same!(moved, copied.bytes());
    same_bytes(&back[..moved], &scratch[at..at + moved])?;

    let (copied, moved) = IterDest::import_buf(area.at(at), 4000, |iter| iter.copy_to(&scratch))?;
    holds!(near(copied.bytes()));
    same!(copied.faulted(), true);
    same!(moved, copied.bytes());
    area.read(at, &mut back[..3000])?;
    same_bytes(&back[..moved], &scratch[..moved])
}

pub(super) fn to_what_is_read_only() -> Verdict {
    let area = UserArea::new(1)?;
    area.renew(0, false)?;
    let (moved, _) = IterDest::import_buf(area.at(0), 10, |iter| {
        let copied = iter.copy_to(b"ab");
        (copied, iter.moved().map(|moved| moved.bytes()))
    })?;
    same!(moved.0.bytes(), 0);
    same!(moved.0.faulted(), true);
    same!(moved.1, Err(EFAULT));
    let mut buf = [1; 10];
    let (copied, _) = IterSource::import_buf(area.at(0), 10, |iter| iter.copy_from(&mut buf))?;
    same!(copied.bytes(), 10);
    same_bytes(&buf, &[0; 10])
}

pub(super) fn exactly_or_not() -> Verdict {
    each_dest(&[3, 4], b"abcdefg", |_, iter| {
        same!(iter.copy_to_exact(b"abcdefgh"), Err(EINVAL));
        same!(iter.count(), 0);
        same!(iter.copy_to_exact(b"abcde"), Ok(()));
        same!(iter.copy_to_exact(b"fgh"), Err(EINVAL));
        same!(iter.copy_to_exact(b"fg"), Ok(()));
        same!(iter.copy_to_exact(b""), Ok(()));
        same!(iter.moved().map(|moved| moved.bytes()), Ok(7));
        Ok(())
    })?;
    each_source(&[3, 4], b"abcdefg", |_, iter| {
        let mut buf = [0xff; 8];
        same!(iter.copy_from_exact(&mut buf), Err(EINVAL));
        same_bytes(&buf, &[0xff; 8])?;
        same!(iter.copy_from_exact(&mut buf[..7]), Ok(()));
        same_bytes(&buf, b"abcdefg\xff")
    })?;
    for hole in 0..4 {
        let (_area, array) = with_a_hole(hole)?;
        let mut buf = [0; 399];
        IterDest::import(array.at(0), 4, |iter| -> Verdict {
            same!(iter.advance(1), 1);
            same!(iter.copy_to_exact(&buf), Err(EFAULT));
            same!(iter.count(), 1);
            same!(iter.len(), 399);
            same!(iter.faulted(), true);
            Ok(())
        })?
        .0?;
        IterSource::import(array.at(0), 4, |iter| -> Verdict {
            same!(iter.copy_from_exact(&mut buf), Err(EFAULT));
            same!(iter.count(), 0);
            same!(iter.moved().map(|moved| moved.bytes()), Err(EFAULT));
            Ok(())
        })?
        .0?;
    }
    Ok(())
}

pub(super) fn around_the_cache() -> Verdict {
    each_source(&[1000, 0, 3000], &patterned(4000)?, |_, iter| {
        let mut buf = buffer(5000)?;
        same!(iter.prefault(4000).bytes(), 4000);
        let copied = iter.copy_from_nocache(&mut buf);
        same!(copied.bytes(), 4000);
        same!(copied.faulted(), false);
        same_bytes(&buf[..4000], &patterned(4000)?)?;
        same!(buf[4000], 0);
        Ok(())
    })
}

pub(super) fn around_the_cache_with_a_hole() -> Verdict {
    // Nobody has touched it, so there is no page yet: one comes, and it is zeros.
    let area = UserArea::new(1)?;
    let mut buf = [0xff; 100];
    let (verdict, moved) = IterSource::import_buf(area.at(10), 100, |iter| -> Verdict {
        let copied = iter.copy_from_nocache(&mut buf);
        same!(copied.bytes(), 100);
        same!(copied.faulted(), false);
        same!(iter.faulted(), false);
        Ok(())
    })?;
    verdict?;
    same!(moved, 100);
    same_bytes(&buf, &[0; 100])?;
    // Where nothing can come the call has failed, and nothing was written.
    for hole in 0..4 {
        let moved = if hole == 0 {
            Err(EFAULT)
        } else {
            Ok(hole * 100)
        };
        let (_area, array) = with_a_hole(hole)?;
        let mut buf = [0xff; 400];
        IterSource::import(array.at(0), 4, |iter| -> Verdict {
            let copied = iter.copy_from_nocache(&mut buf);
            same!(copied.bytes(), hole * 100);
            same!(copied.faulted(), true);
            same!(iter.faulted(), true);
            same!(iter.len(), 400 - hole * 100);
            same!(iter.moved().map(|moved| moved.bytes()), moved);
            Ok(())
        })?
        .0?;
        for index in 0..hole {
            let part = &buf[index * 100..][..100];
            same_bytes(part, &patterned(4 * PAGE_SIZE)?[index * PAGE_SIZE..][..100])?;
        }
        same_bytes(&buf[hole * 100..], &[0xff; 400][hole * 100..])?;
    }
    Ok(())
}

pub(super) fn append_no_more_than_allowed() -> Verdict {
    each_source(&[3, 4], b"abcdefg", |_, iter| {
        let mut vec = KVVec::<u8>::new();
        vec.push(b'>', GFP_KERNEL)?;
        same!(
            iter.append_to(&mut vec, 5).map(|copied| copied.bytes()),
            Ok(5)
        );
        same_bytes(&vec, b">abcde")?;
        same!(iter.len(), 2);
        let copied = iter.append_to(&mut vec, usize::MAX)?;
        same!(copied.bytes(), 2);
        same!(copied.faulted(), false);
        same_bytes(&vec, b">abcdefg")?;
        same!(iter.append_to(&mut vec, 10)?.bytes(), 0);
        Ok(())
    })?;
    // Made for what is allowed, not for what the program says it has.
    let area = UserArea::new(1)?;
    area.write(0, b"program")?;
    let mut vec = KVVec::<u8>::new();
    let (copied, _) =
        IterSource::import_buf(area.at(0), 100 << 20, |iter| iter.append_to(&mut vec, 7))?;
    same!(copied?.bytes(), 7);
    same_bytes(&vec, b"program")?;
    holds!(vec.capacity() <= PAGE_SIZE);
    // What faults is not in the vector.
    area.unmap(0)?;
    let (copied, _) =
        IterSource::import_buf(area.at(0), 100, |iter| iter.append_to(&mut vec, 100))?;
    let copied = copied?;
    same!(copied.bytes(), 0);
    same!(copied.faulted(), true);
    same!(vec.len(), 7);
    Ok(())
}

pub(super) fn discard_keeps_nothing() -> Verdict {
    let (verdict, moved) = IterDest::with_discard(10, |iter| -> Verdict {
        same!(iter.copy_to(b"abc").bytes(), 3);
        let mark = iter.checkpoint();
        same!(iter.zero(2).bytes(), 2);
        same!(iter.advance(1), 1);
        iter.rollback(mark);
        same!(iter.len(), 7);
        same!(iter.npages(10), 0);
        same!(iter.alignment(), 0);
        same!(iter.limited(2, |part| part.copy_to(b"def").bytes()), 2);
        same!(iter.copy_to(b"0123456789").bytes(), 5);
        same!(iter.faulted(), false);
        Ok(())
    });
    verdict?;
    same!(moved, 10);
    Ok(())
}
