// SPDX-License-Identifier: GPL-2.0

//! Going back, looking ahead, parts, zeroes, and what an iterator says of itself.

use super::{
    kinds::{each_dest, each_source, place, Kind},
    same, same_bytes, Verdict,
};
use ferrio::iov::{total_len, IterDest, MAX_RW_COUNT};
use kernel::{page::PAGE_SIZE, prelude::*};

/// Some are empty: at the start, in a row, at the end.
const LENS: [usize; 8] = [0, 5, 0, 0, 7, 12, 1, 0];
const SUM: usize = 25;
const TEXT: &[u8; SUM] = b"abcdefghijklmnopqrstuvwxy";

pub(super) fn rollback_across_segments() -> Verdict {
    each_dest(&LENS, b"abcABCDEFGHIJKLpqrstuvwxY", |_, iter| {
        let start = iter.checkpoint();
        same!(iter.copy_to(b"XXXX").bytes(), 4);
        iter.rollback(start);
        same!(iter.count(), 0);
        same!(iter.copy_to(b"abc").bytes(), 3);
        let mark = iter.checkpoint();
        // From every place back to the mark.
        for len in 1..=SUM - 3 {
            same!(iter.copy_to(&TEXT[3..3 + len]).bytes(), len);
            let ahead = iter.checkpoint();
            iter.rollback(mark);
            same!(iter.count(), 3);
            same!(iter.len(), SUM - 3);
            // One that lies ahead asks for nothing.
            iter.rollback(ahead);
            same!(iter.count(), 3);
        }
        same!(iter.copy_to(b"ABCDEFGHIJKL").bytes(), 12);
        iter.rollback(iter.checkpoint());
        same!(iter.moved().map(|moved| moved.bytes()), Ok(15));
        same!(iter.advance(9), 9);
        same!(iter.copy_to(b"YZ").bytes(), 1);
        Ok(())
    })?;
    each_source(&LENS, TEXT, |_, iter| {
        for from in 0..SUM {
            let start = iter.checkpoint();
            for len in 1..=SUM - from {
                let mut buf = [0; SUM];
                same!(iter.copy_from(&mut buf[..len]).bytes(), len);
                iter.rollback(start);
                same!(iter.count(), from);
                same_bytes(&buf[..len], &TEXT[from..from + len])?;
            }
            same!(iter.advance(1), 1);
        }
        Ok(())
    })
}

pub(super) fn peek_moves_nothing() -> Verdict {
    each_source(&LENS, TEXT, |_, iter| {
        let mut buf = [0; SUM];
        same!(iter.copy_from(&mut buf[..4]).bytes(), 4);
        let mut ahead = [0; SUM];
        let seen = iter.peek(|copy| {
            let copied = copy.copy_from(&mut ahead);
            (copied.bytes(), copy.len(), copy.count())
        });
        same!(seen.0, SUM - 4);
        same!(seen.1, 0);
        same!(seen.2, SUM - 4);
        same_bytes(&ahead[..SUM - 4], &TEXT[4..])?;
        same!(iter.count(), 4);
        same!(iter.len(), SUM - 4);
        same!(iter.copy_from(&mut buf[4..]).bytes(), SUM - 4);
        same_bytes(&buf, TEXT)
    })?;
    // What is written ahead is there, and can be written again.
    each_dest(&LENS, b"abCDefghijklmnopqrstuvwxy", |_, iter| {
        let ahead = iter.peek(|copy| copy.copy_to(TEXT).bytes());
        same!(ahead, SUM);
        same!(iter.moved().map(|moved| moved.bytes()), Ok(0));
        same!(iter.advance(2), 2);
        same!(iter.copy_to(b"CD").bytes(), 2);
        Ok(())
    })
}

pub(super) fn limited_comes_back() -> Verdict {
    each_dest(&LENS, b"abcABCDEFGHIJKLMNOPQRSTUV", |_, iter| {
        let inside = iter.limited(3, |part| -> Verdict {
            same!(part.len(), 3);
            // The end of the part is no fault.
            let copied = part.copy_to(TEXT);
            same!(copied.bytes(), 3);
            same!(copied.faulted(), false);
            same!(part.is_empty(), true);
            same!(part.moved().map(|moved| moved.bytes()), Ok(3));
            Ok(())
        });
        inside?;
        same!(iter.len(), SUM - 3);
        same!(iter.count(), 3);
        // Left early, in a part of a part, at its start and behind its end.
        let error = iter.limited(10, |part| -> Result {
            part.limited(4, |_| Err::<(), Error>(ENOSPC))?;
            Ok(())
        });
        same!(error, Err(ENOSPC));
        same!(iter.len(), SUM - 3);
        same!(iter.limited(0, |part| part.copy_to(TEXT).bytes()), 0);
        let more = iter.limited(usize::MAX, |part| {
            part.limited(2, |part| part.copy_to(b"ABCD").bytes()) + part.copy_to(b"CDEF").bytes()
        });
        same!(more, 6);
        same!(iter.len(), SUM - 9);
        same!(iter.copy_to(b"GHIJKLMNOPQRSTUV").bytes(), 16);
        same!(iter.len(), 0);
        Ok(())
    })
}

pub(super) fn limited_does_not_go_back_behind() -> Verdict {
    each_source(&LENS, TEXT, |_, iter| {
        let mut buf = [0; SUM];
        same!(iter.copy_from(&mut buf[..8]).bytes(), 8);
        iter.limited(6, |part| -> Verdict {
            let start = part.checkpoint();
            same!(part.copy_from(&mut buf[8..12]).bytes(), 4);
            let middle = part.checkpoint();
            same!(part.copy_from(&mut buf[12..]).bytes(), 2);
            part.rollback(middle);
            same!(part.count(), 4);
            same!(part.len(), 2);
            part.rollback(start);
            same!(part.count(), 0);
            same!(part.len(), 6);
            same!(part.copy_from(&mut buf[8..]).bytes(), 6);
            Ok(())
        })?;
        same!(iter.count(), 14);
        same!(iter.copy_from(&mut buf[14..]).bytes(), SUM - 14);
        same_bytes(&buf, TEXT)
    })
}

pub(super) fn advance_stops_at_the_end() -> Verdict {
    each_source(&LENS, TEXT, |_, iter| {
        same!(iter.advance(0), 0);
        same!(iter.advance(SUM - 1), SUM - 1);
        let mut byte = [0];
        same!(iter.peek(|copy| copy.copy_from(&mut byte).bytes()), 1);
        same!(byte[0], b'y');
        same!(iter.advance(usize::MAX), 1);
        same!(iter.advance(1), 0);
        same!(iter.count(), SUM);
        Ok(())
    })?;
    // Memory that is somebody's already is left as it is.
    let mut want = [0xee; SUM];
    want[24] = b'!';
    each_dest(&LENS, &want, |_, iter| {
        same!(iter.advance(24), 24);
        same!(iter.copy_to(b"!!").bytes(), 1);
        same!(iter.moved().map(|moved| moved.bytes()), Ok(SUM));
        Ok(())
    })
}

pub(super) fn zero_every_kind() -> Verdict {
    let mut want = [0xee; SUM];
    want[3..20].fill(0);
    each_dest(&LENS, &want, |_, iter| {
        same!(iter.advance(3), 3);
        let zeroed = iter.zero(17);
        same!(zeroed.bytes(), 17);
        same!(zeroed.faulted(), false);
        same!(iter.count(), 20);
        Ok(())
    })?;
    each_dest(&LENS, &[0; SUM], |_, iter| {
        let zeroed = iter.zero(usize::MAX);
        same!(zeroed.bytes(), SUM);
        same!(zeroed.faulted(), false);
        same!(iter.len(), 0);
        Ok(())
    })
}

pub(super) fn queries_every_kind() -> Verdict {
    const LENS: [usize; 4] = [8, 64, 2048, 16];
    const SUM: usize = 2136;
    let low = PAGE_SIZE - 1;
    let ored =
        |from: usize| (from..4).fold(0, |all, index| all | place(index) & low | LENS[index]) & low;
    let body = |kind: Kind, iter: &IterDest<'_>, segment: usize, skip: usize| -> Verdict {
        let user = matches!(kind, Kind::Ubuf | Kind::Iovec);
        same!(iter.is_user_backed(), user);
        if kind == Kind::Ubuf {
            let left = SUM - LENS[..segment].iter().sum::<usize>() - skip;
            same!(iter.single_seg_count(), left);
            same!(iter.npages(100), 1);
            same!(
                iter.alignment() & low,
                (place(0) + SUM - left) & low | left & low
            );
            same!(iter.gap_alignment(), Some(0));
            return Ok(());
        }
        same!(iter.single_seg_count(), LENS[segment] - skip);
        same!(iter.npages(100), 4 - segment);
        same!(iter.npages(2), (4 - segment).min(2));
        let first = (place(segment) + skip) & low | LENS[segment] - skip;
        same!(iter.alignment() & low, (first | ored(segment + 1)) & low);
        // Where the segments touch, or do not.
        let gaps = (segment + 1..4).fold(0, |all, index| {
            all | place(index) | place(index - 1) + LENS[index - 1]
        });
        let gaps = (kind == Kind::Iovec && skip == 0).then_some(gaps & low);
        same!(iter.gap_alignment().map(|gaps| gaps & low), gaps);
        Ok(())
    };
    each_dest(&LENS, &[0xee; SUM], |kind, iter| {
        body(kind, iter, 0, 0)?;
        iter.advance(3);
        body(kind, iter, 0, 3)?;
        iter.advance(5);
        body(kind, iter, 1, 0)?;
        iter.advance(64 + 48);
        body(kind, iter, 2, 48)?;
        iter.limited(1000, |part| -> Verdict {
            same!(part.single_seg_count(), 1000);
            same!(part.npages(100), 1);
            Ok(())
        })?;
        iter.advance(2000 + 16);
        same!(iter.npages(100), 0);
        same!(iter.alignment(), 0);
        same!(iter.single_seg_count(), 0);
        Ok(())
    })
}

pub(super) fn lengths_do_not_wrap() -> Verdict {
    same!(total_len([]), Ok(0));
    same!(total_len([1, 2, 3]), Ok(6));
    same!(total_len([MAX_RW_COUNT - 1, 1]), Ok(MAX_RW_COUNT));
    same!(total_len([MAX_RW_COUNT, 1]), Err(EINVAL));
    same!(total_len([usize::MAX, 1, 4]), Err(EINVAL));
    same!(
        total_len([usize::MAX / 2 + 1, usize::MAX / 2 + 1]),
        Err(EINVAL)
    );
    Ok(())
}
