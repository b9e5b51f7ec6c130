// SPDX-License-Identifier: GPL-2.0

//! Random calls of a source.

use super::{image::Image, Cursor, Run, ARENA};
use crate::iov_cases::{holds, same, same_bytes, Failure, Verdict};
use ferrio::iov::{Checkpoint, Copied, Crc32c, InternetSum, IterDest, IterSource};
use kernel::{page::PAGE_SIZE, prelude::*};

/// Whether a copy of `asked` bytes may have gone so; moves the cursor.
pub(super) fn went(
    run: &Run,
    image: &Image,
    cursor: &mut Cursor,
    asked: usize,
    copied: Copied,
    sticky: bool,
) -> Verdict {
    let n = asked.min(cursor.left());
    let most = image.before_hole(cursor.at, cursor.at + n);
    let got = copied.bytes();
    holds!(got <= most);
    same!(copied.faulted(), got < n);
    // Into a segment as far as the hole, or nearly so: that is the processor's affair.
    holds!(run.injected || !sticky || got + 64 > most);
    cursor.at += got;
    cursor.faulted |= sticky && got < n;
    Ok(())
}

/// What it says of itself has to be the model's.
fn agrees(image: &Image, iter: &IterSource<'_>, cursor: &Cursor) -> Verdict {
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

/// Random calls until the round ends, or, in a part, for a while. Returns where it is then.
pub(super) fn steps<'i>(
    run: &mut Run,
    image: &mut Image,
    iter: &mut IterSource<'i>,
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
        let mut got = core::mem::replace(&mut run.scratch, VVec::new());
        let mut want = core::mem::replace(&mut run.other, VVec::new());
        image.read(at, &mut want[..n]);
        match run.random.below(16) {
            0..=3 => {
                let copied = iter.copy_from(&mut got[..asked]);
                went(run, image, &mut cursor, asked, copied, true)?;
                same_bytes(&got[..copied.bytes()], &want[..copied.bytes()])?;
            }
            4 => {
                let result = iter.copy_from_exact(&mut got[..asked]);
                exactly(run, image, &mut cursor, asked, result)?;
                if result.is_ok() {
                    same_bytes(&got[..asked], &want[..asked])?;
                }
            }
            5 => {
                let to = run.random.below(PAGE_SIZE * 2);
                let asked = asked.min(ARENA - to);
                let copied = iter.copy_folio(&run.side, to, asked);
                went(run, image, &mut cursor, asked, copied, true)?;
                let _ = IterDest::with_slice(&mut got[..asked], |dest| {
                    dest.copy_folio(&run.side, to, asked)
                });
                same_bytes(&got[..copied.bytes()], &want[..copied.bytes()])?;
            }
            6 => {
                let copied = iter.copy_folio_nofault(&run.side, 0, asked);
                went(run, image, &mut cursor, asked, copied, false)?;
                let _ = IterDest::with_slice(&mut got[..asked], |dest| {
                    dest.copy_folio(&run.side, 0, asked)
                });
                same_bytes(&got[..copied.bytes()], &want[..copied.bytes()])?;
            }
            7 => {
                let copied = iter.copy_from_nocache(&mut got[..asked]);
                went(run, image, &mut cursor, asked, copied, true)?;
                same_bytes(&got[..copied.bytes()], &want[..copied.bytes()])?;
            }
            8 => {
                let mut sum = Crc32c::new();
                let copied = iter.copy_from_crc32c(&mut got[..asked], &mut sum);
                went(run, image, &mut cursor, asked, copied, true)?;
                same_bytes(&got[..copied.bytes()], &want[..copied.bytes()])?;
                let mut again = Crc32c::new();
                again.update(&want[..copied.bytes()]);
                same!(sum.value(), again.value());
            }
            9 => {
                let mut sum = InternetSum::new();
                let result = iter.copy_from_sum(&mut got[..asked], &mut sum);
                exactly(run, image, &mut cursor, asked, result)?;
                if result.is_ok() {
                    same_bytes(&got[..asked], &want[..asked])?;
                }
            }
            10 => {
                same!(iter.advance(asked), n);
                cursor.at += n;
            }
            11 => {
                let mut ahead = cursor;
                let copied = iter.peek(|copy| copy.copy_from(&mut got[..asked]));
                went(run, image, &mut ahead, asked, copied, true)?;
                same_bytes(&got[..copied.bytes()], &want[..copied.bytes()])?;
            }
            12 => {
                let slot = run.random.below(marks.len());
                match marks[slot] {
                    // One that lies ahead asks for nothing.
                    Some((mark, was)) if run.random.once_in(2) => {
                        iter.rollback(mark);
                        cursor.at = cursor.at.min(was);
                    }
                    _ => marks[slot] = Some((iter.checkpoint(), at)),
                }
            }
            13 if depth < 3 => {
                run.scratch = got;
                run.other = want;
                let part = cursor.limited(asked);
                let after = iter.limited(asked, |iter| steps(run, image, iter, part, depth + 1))?;
                cursor.at = after.at;
                cursor.faulted |= after.faulted;
                agrees(image, iter, &cursor)?;
                continue;
            }
            14 => {
                let ready = iter.prefault(asked);
                let mut ahead = cursor;
                // By pages, and to the border exactly.
                went(run, image, &mut ahead, asked, ready, true)?;
                cursor.faulted = ahead.faulted;
            }
            _ => match iter.extract::<3>(asked) {
                Ok(held) => {
                    holds!(held.len() <= image.before_hole(at, at + n));
                    same!(held.is_empty(), n == 0);
                    let (copied, _) =
                        IterDest::with_slice(&mut got, |dest| held.copy_to(0, held.len(), dest));
                    same!(copied.bytes(), held.len());
                    same_bytes(&got[..held.len()], &want[..held.len()])?;
                    cursor.at += held.len();
                }
                Err(err) => {
                    same!(err.to_errno(), EFAULT.to_errno());
                    same!(image.before_hole(at, at + n), 0);
                    cursor.faulted = true;
                }
            },
        }
        run.scratch = got;
        run.other = want;
        agrees(image, iter, &cursor)?;
        if depth > 0 && run.random.once_in(5) {
            break;
        }
    }
    Ok(cursor)
}

/// Whether a copy of all or nothing may have ended so; moves the cursor.
pub(super) fn exactly(
    run: &Run,
    image: &Image,
    cursor: &mut Cursor,
    asked: usize,
    result: Result,
) -> Verdict {
    if asked > cursor.left() {
        same!(result, Err(EINVAL));
        return Ok(());
    }
    let whole = image.before_hole(cursor.at, cursor.at + asked) == asked;
    match result {
        Ok(()) => {
            holds!(whole);
            cursor.at += asked;
        }
        Err(err) => {
            same!(Err::<(), Error>(err), Err(EFAULT));
            holds!(!whole || run.injected);
            cursor.faulted = true;
        }
    }
    Ok(())
}
