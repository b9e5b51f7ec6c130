// SPDX-License-Identifier: GPL-2.0

//! Random calls of `ferrio::iov`, and beside them a model of what they have to do.
//!
//! A round makes an iterator of a random kind over random segments of an arena, makes some tens of
//! random calls with it, and compares each answer with the model's; at the end it compares the
//! arenas byte by byte. The model knows nothing of iterators: it is an image of the arena and a
//! position among the bytes of the segments.
//!
//! A round depends on its seed alone, so one that fails can be had again.

mod dest;
mod image;
mod source;

use crate::iov_cases::{same_bytes, Failure, Verdict};
use ferrio::{
    folio::Folio,
    iov::{IoSlice, IoSliceMut, IterDest, IterSource, PageSlice},
    pages::PageVec,
    user_area::UserArea,
};
use image::{Image, ARENA, MAX_SEGMENTS};
use kernel::{page::PAGE_SIZE, prelude::*};

/// Numbers that look random (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Once in `n` times.
    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A length: often small, sometimes 0, sometimes more than there is.
    fn len(&mut self, left: usize) -> usize {
        match self.below(10) {
            0 => 0,
            1 => 1,
            2..=5 => self.below(100),
            6..=7 => self.below(left + 1),
            8 => left,
            _ => self.below(ARENA),
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_ne_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

/// Where an iterator should be.
#[derive(Clone, Copy)]
struct Cursor {
    /// Where it, or the part of it, began.
    start: usize,
    at: usize,
    end: usize,
    faulted: bool,
}

impl Cursor {
    fn left(&self) -> usize {
        self.end - self.at
    }

    /// For a part of it.
    fn limited(&self, most: usize) -> Self {
        Cursor {
            start: self.at,
            at: self.at,
            end: self.at + self.left().min(most),
            faulted: false,
        }
    }

    fn moved(&self) -> Result<usize> {
        match self.at - self.start {
            0 if self.faulted => Err(EFAULT),
            moved => Ok(moved),
        }
    }
}

/// What all rounds of a call share; after one that failed it is of no use any more.
pub(crate) struct Run {
    random: Random,
    /// Copies fail by themselves now and then.
    injected: bool,
    /// Calls made, and to be made in this round.
    pub(crate) done: u64,
    round_end: u64,
    scratch: VVec<u8>,
    other: VVec<u8>,
    area: UserArea,
    array: UserArea,
    folio: Option<Folio>,
    /// Another, to copy to and from.
    side: Folio,
    page: PageVec,
    kernel: VVec<u8>,
    image: VVec<u8>,
    /// Whether the arena of this round is the caller's memory.
    in_user: bool,
}

/// Pages of the arena, as an order: more than one extraction takes, and no more, as a round makes
/// and compares whole arenas several times.
const ORDER: u32 = 2;

/// Makes a call of ours again that injection makes fail.
pub(crate) fn insist<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
    for _ in 0..1000 {
        match call() {
            Err(err) if err == EFAULT => (),
            result => return result,
        }
    }
    call()
}

impl Run {
    pub(crate) fn new(injected: bool) -> Result<Self> {
        let pages = 1 << ORDER;
        Ok(Run {
            random: Random(0),
            injected,
            done: 0,
            round_end: 0,
            scratch: VVec::from_elem(0, ARENA, GFP_KERNEL)?,
            other: VVec::from_elem(0, ARENA, GFP_KERNEL)?,
            area: UserArea::new(pages)?,
            array: UserArea::new(1)?,
            folio: Some(Folio::new(ORDER)?),
            side: Folio::new(ORDER)?,
            page: PageVec::new(PAGE_SIZE)?,
            in_user: false,
            kernel: VVec::from_elem(0, ARENA, GFP_KERNEL)?,
            image: VVec::from_elem(0, ARENA, GFP_KERNEL)?,
        })
    }

    /// One round.
    pub(crate) fn round(&mut self, seed: u64) -> Verdict {
        self.random = Random(seed);
        self.round_end = self.done + 60;
        let bytes = core::mem::replace(&mut self.image, VVec::new());
        let mut image = Image::new(&mut self.random, bytes);
        let dest = self.random.once_in(2);
        let kind = self.random.below(4);
        self.in_user = kind < 2;
        match kind {
            0 => {
                image.one_segment();
                self.ubuf(&mut image, dest)?;
            }
            1 => self.iovec(&mut image, dest)?,
            2 => self.kvec(&mut image, dest)?,
            _ => self.bvec(&mut image, dest)?,
        }
        self.image = image.bytes;
        Ok(())
    }

    /// The arena in the caller's memory, sometimes with a hole.
    fn fill_user(&mut self, image: &mut Image) -> Result {
        insist(|| self.area.write(0, &image.bytes))?;
        if self.random.once_in(4) {
            let hole = self.random.below(1 << ORDER);
            self.area.unmap(hole)?;
            image.hole = Some(hole);
        }
        Ok(())
    }

    fn compare_user(&mut self, image: &Image) -> Verdict {
        if let Some(hole) = image.hole {
            self.area.renew(hole, true)?;
            // Nothing can have come there.
            let page = image.page(hole);
            insist(|| self.area.write(page.start, &image.bytes[page.clone()]))?;
        }
        insist(|| self.area.read(0, &mut self.scratch))?;
        same_bytes(&self.scratch, &image.bytes)
    }

    fn ubuf(&mut self, image: &mut Image, dest: bool) -> Verdict {
        self.fill_user(image)?;
        let (from, len) = image.segments()[0];
        let at = self.area.at(from);
        let cursor = image.cursor();
        if dest {
            IterDest::import_buf(at, len, |iter| dest::steps(self, image, iter, cursor, 0))?
                .0
                .map(drop)?;
        } else {
            IterSource::import_buf(at, len, |iter| source::steps(self, image, iter, cursor, 0))?
                .0
                .map(drop)?;
        }
        self.compare_user(image)
    }

    fn iovec(&mut self, image: &mut Image, dest: bool) -> Verdict {
        self.fill_user(image)?;
        for (index, (from, len)) in image.segments().iter().enumerate() {
            let mut bytes = [0; 16];
            let address = self.area.at(*from).as_const_ptr() as usize;
            bytes[..8].copy_from_slice(&address.to_ne_bytes());
            bytes[8..].copy_from_slice(&len.to_ne_bytes());
            insist(|| self.array.write(index * 16, &bytes))?;
        }
        let vec = self.array.at(0);
        let count = image.segments().len() as u32;
        let cursor = image.cursor();
        if dest {
            IterDest::import(vec, count, |iter| dest::steps(self, image, iter, cursor, 0))?
                .0
                .map(drop)?;
        } else {
            IterSource::import(vec, count, |iter| {
                source::steps(self, image, iter, cursor, 0)
            })?
            .0
            .map(drop)?;
        }
        self.compare_user(image)
    }

    fn kvec(&mut self, image: &mut Image, dest: bool) -> Verdict {
        let mut kernel = core::mem::replace(&mut self.kernel, VVec::new());
        kernel.copy_from_slice(&image.bytes);
        let cursor = image.cursor();
        let verdict = if dest {
            let mut parts: KVec<IoSliceMut<'_>> = KVec::with_capacity(MAX_SEGMENTS, GFP_KERNEL)?;
            // In the order of addresses, as these have to be slices that have no byte twice.
            image.sort();
            let mut rest = &mut kernel[..];
            let mut end = 0;
            for (from, len) in image.segments() {
                let (part, tail) = core::mem::take(&mut rest)[from - end..].split_at_mut(*len);
                rest = tail;
                end = from + len;
                parts.push(IoSliceMut::new(part), GFP_KERNEL)?;
            }
            IterDest::with_vec(&mut parts, |iter| dest::steps(self, image, iter, cursor, 0))?
                .0
                .map(drop)
        } else {
            let mut parts: KVec<IoSlice<'_>> = KVec::with_capacity(MAX_SEGMENTS, GFP_KERNEL)?;
            for (from, len) in image.segments() {
                parts.push(IoSlice::new(&kernel[*from..from + len]), GFP_KERNEL)?;
            }
            IterSource::with_vec(&parts, |iter| source::steps(self, image, iter, cursor, 0))?
                .0
                .map(drop)
        };
        self.kernel = kernel;
        verdict?;
        same_bytes(&self.kernel, &image.bytes)
    }

    fn bvec(&mut self, image: &mut Image, dest: bool) -> Verdict {
        let folio = self.folio.take().ok_or(EINVAL)?;
        let (copied, _) =
            IterSource::with_slice(&image.bytes, |iter| iter.copy_folio(&folio, 0, ARENA));
        if copied.bytes() != ARENA {
            return Err(Failure::from(EIO));
        }
        let mut parts: KVec<PageSlice<'_>> = KVec::with_capacity(MAX_SEGMENTS, GFP_KERNEL)?;
        for (from, len) in image.segments().iter().filter(|(_, len)| *len > 0) {
            parts.push(PageSlice::of_folio(&folio, *from, *len)?, GFP_KERNEL)?;
        }
        let cursor = image.cursor();
        let verdict = if dest {
            IterDest::with_pages(&parts, |iter| dest::steps(self, image, iter, cursor, 0))?
                .0
                .map(drop)
        } else {
            IterSource::with_pages(&parts, |iter| source::steps(self, image, iter, cursor, 0))?
                .0
                .map(drop)
        };
        verdict?;
        let _ = IterDest::with_slice(&mut self.scratch, |iter| iter.copy_folio(&folio, 0, ARENA));
        drop(parts);
        self.folio = Some(folio);
        same_bytes(&self.scratch, &image.bytes)
    }

    /// The bytes of the image's arena as they really are, from memory of the caller; only after a
    /// fault, to see how much of a copy came to be.
    fn look(&self, from: usize, to: &mut [u8]) -> Result {
        insist(|| self.area.read(from, to))
    }
}
