// SPDX-License-Identifier: GPL-2.0

//! Random calls of a destination.

use super::{
    image::Image,
    source::{exactly, went},
    Cursor, Run,
};
use crate::iov_cases::{holds, same, Failure, Verdict};
use ferrio::iov::{Checkpoint, IterDest, IterSource};
use kernel::{page::PAGE_SIZE, prelude::*};

fn agrees(image: &Image, iter: &IterDest<'_>, cursor: &Cursor) -> Verdict {
    let (at, end) = (cursor.at, cursor.end);
    same!(iter.len(), cursor.left());
    same!(iter.count(), at - cursor.start);
    same!(iter.faulted(), cursor.faulted);
    same!(iter.moved().map(|moved| moved.bytes()), cursor.moved());
    same!(iter.npages(100), image.pages(at, end));
    same!(iter.alignment() & (PAGE_SIZE - 1), image.alignment(at, end));
    holds!(iter.single_seg_count() <= cursor.left());
    if let Some(rest) = image.rest_of_segment(at, end) {
        same!(iter.single_seg_count(), rest);
    }
    Ok(())
}

/// A copy of `bytes` to `at` has brought `got` of them; what is behind, up to the hole, may have
/// come or not.
fn came(
    run: &Run,
    image: &mut Image,
    at: usize,
    bytes: &[u8],
    got: usize,
    look: &mut [u8],
) -> Verdict {
    image.write(at, &bytes[..got]);
    let most = image.before_hole(at, at + bytes.len());
    if got == most || !run.in_user {
        return Ok(());
    }
    let mut behind = got;
    let mut pieces = [(0, 0); super::MAX_SEGMENTS];
    let mut count = 0;
    for piece in image.pieces(at + got, at + most) {
        pieces[count] = (piece.start, piece.end);
        count += 1;
    }
    for (from, to) in &pieces[..count] {
        let now = &mut look[..to - from];
        run.look(*from, now)?;
        for (index, byte) in now.iter().enumerate() {
            let place = from + index;
            if *byte != image.bytes[place] {
                same!(*byte, bytes[behind]);
                image.bytes[place] = *byte;
            }
            behind += 1;
        }
    }
    Ok(())
}

/// As [`source::steps`](super::source::steps).
pub(super) fn steps<'i>(
    run: &mut Run,
    image: &mut Image,
    iter: &mut IterDest<'i>,
    mut cursor: Cursor,
    depth: u32,
) -> core::result::Result<Cursor, Failure> {
    let mut marks: [Option<(Checkpoint<'i>, usize)>; 4] = [None; 4];
    while run.done < run.round_end {
        run.done += 1;
        let asked = run.random.len(cursor.left());
        let n = asked.min(cursor.left());
        let at = cursor.at;
        // Taken out, so that `run` can be used beside it.
        let mut bytes = core::mem::replace(&mut run.scratch, VVec::new());
        let mut look = core::mem::replace(&mut run.other, VVec::new());
        run.random.fill(&mut bytes[..asked.min(64)]);
        match run.random.below(14) {
            0..=3 => {
                let copied = iter.copy_to(&bytes[..asked]);
                went(run, image, &mut cursor, asked, copied, true)?;
                came(run, image, at, &bytes[..n], copied.bytes(), &mut look)?;
            }
            4 => {
                let result = iter.copy_to_exact(&bytes[..asked]);
                exactly(run, image, &mut cursor, asked, result)?;
                match result {
                    Ok(()) => image.write(at, &bytes[..n]),
                    Err(err) if err == EFAULT => {
                        came(run, image, at, &bytes[..n], 0, &mut look)?;
                    }
                    Err(_) => (),
                }
            }
            5 => {
                let _ = IterSource::with_slice(&bytes[..asked], |from| {
                    from.copy_folio(&run.side, 0, asked)
                });
                let copied = iter.copy_folio(&run.side, 0, asked);
                went(run, image, &mut cursor, asked, copied, true)?;
                came(run, image, at, &bytes[..n], copied.bytes(), &mut look)?;
            }
            6 => {
                let asked = asked.min(PAGE_SIZE);
                let n = n.min(PAGE_SIZE);
                let pages = &run.page;
                let page = pages.page(0).ok_or(EINVAL)?;
                let _ =
                    IterSource::with_slice(&bytes[..asked], |from| from.copy_page(page, 0, asked));
                let copied = iter.copy_page_nofault(page, 0, asked);
                went(run, image, &mut cursor, asked, copied, false)?;
                came(run, image, at, &bytes[..n], copied.bytes(), &mut look)?;
            }
            7 => {
                let zeroed = iter.zero(asked);
                went(run, image, &mut cursor, asked, zeroed, true)?;
                bytes[..n].fill(0);
                came(run, image, at, &bytes[..n], zeroed.bytes(), &mut look)?;
            }
            8 => {
                same!(iter.advance(asked), n);
                cursor.at += n;
            }
            9 => {
                let mut ahead = cursor;
                let copied = iter.peek(|copy| copy.copy_to(&bytes[..asked]));
                went(run, image, &mut ahead, asked, copied, true)?;
                came(run, image, at, &bytes[..n], copied.bytes(), &mut look)?;
            }
            10 => {
                let slot = run.random.below(marks.len());
                match marks[slot] {
                    Some((mark, was)) if run.random.once_in(2) => {
                        iter.rollback(mark);
                        cursor.at = cursor.at.min(was);
                    }
                    _ => marks[slot] = Some((iter.checkpoint(), at)),
                }
            }
            11 if depth < 3 => {
                run.scratch = bytes;
                run.other = look;
                let part = cursor.limited(asked);
                let after = iter.limited(asked, |iter| steps(run, image, iter, part, depth + 1))?;
                cursor.at = after.at;
                cursor.faulted |= after.faulted;
                agrees(image, iter, &cursor)?;
                continue;
            }
            12 => {
                let ready = iter.prefault(asked);
                let mut ahead = cursor;
                went(run, image, &mut ahead, asked, ready, true)?;
                cursor.faulted = ahead.faulted;
            }
            _ => match iter.extract::<3>(asked) {
                Ok(mut held) => {
                    holds!(held.len() <= image.before_hole(at, at + n));
                    same!(held.is_empty(), n == 0);
                    let (copied, _) = IterSource::with_slice(&bytes[..asked], |from| {
                        held.copy_from(0, held.len(), from)
                    });
                    same!(copied.bytes(), held.len());
                    image.write(at, &bytes[..held.len()]);
                    cursor.at += held.len();
                }
                Err(err) => {
                    same!(err.to_errno(), EFAULT.to_errno());
                    same!(image.before_hole(at, at + n), 0);
                    cursor.faulted = true;
                }
            },
        }
        run.scratch = bytes;
        run.other = look;
        agrees(image, iter, &cursor)?;
        if depth > 0 && run.random.once_in(5) {
            break;
        }
    }
    Ok(cursor)
}
