// SPDX-License-Identifier: GPL-2.0

//! The model: what an arena should hold, and which bytes of it an iterator has.

use super::{Cursor, Random, ORDER};
use core::ops::Range;
use kernel::{page::PAGE_SIZE, prelude::*};

/// The size of an arena in bytes.
pub(super) const ARENA: usize = PAGE_SIZE << ORDER;

/// More than fit on the stack of an import.
pub(super) const MAX_SEGMENTS: usize = 12;

pub(super) struct Image {
    pub(super) bytes: VVec<u8>,
    /// The page that is missing in the caller's memory.
    pub(super) hole: Option<usize>,
    segments: [(usize, usize); MAX_SEGMENTS],
    count: usize,
}

impl Image {
    /// With random segments, none of which has a byte of another, of `bytes`, which get random
    /// values; `bytes` has [`ARENA`] of them.
    pub(super) fn new(random: &mut Random, mut bytes: VVec<u8>) -> Self {
        // One page that differs everywhere is enough, and quicker.
        let (first, rest) = bytes.split_at_mut(PAGE_SIZE);
        random.fill(first);
        for page in rest.chunks_exact_mut(PAGE_SIZE) {
            let at = random.below(PAGE_SIZE);
            page[..PAGE_SIZE - at].copy_from_slice(&first[at..]);
            page[PAGE_SIZE - at..].copy_from_slice(&first[..at]);
        }
        let mut image = Image {
            bytes,
            hole: None,
            segments: [(0, 0); MAX_SEGMENTS],
            count: random.below(MAX_SEGMENTS) + 1,
        };
        // Each has a share of the arena to be in.
        let share = ARENA / image.count;
        for index in 0..image.count {
            let len = match random.below(8) {
                0..=1 => 0,
                2 => 1,
                3..=5 => random.below(200),
                6 => random.below(share),
                _ => share,
            };
            let from = index * share + random.below(share - len + 1);
            image.segments[index] = (from, len);
        }
        // In any order.
        for index in (1..image.count).rev() {
            image.segments.swap(index, random.below(index + 1));
        }
        image
    }

    pub(super) fn segments(&self) -> &[(usize, usize)] {
        &self.segments[..self.count]
    }

    /// Keeps one of them.
    pub(super) fn one_segment(&mut self) {
        self.count = 1;
    }

    pub(super) fn sort(&mut self) {
        // By hand: objtool does not know that the panics in core's sort() do not return.
        for index in 1..self.count {
            for place in (1..=index).rev() {
                if self.segments[place - 1] > self.segments[place] {
                    self.segments.swap(place - 1, place);
                }
            }
        }
    }

    pub(super) fn cursor(&self) -> Cursor {
        Cursor {
            start: 0,
            at: 0,
            end: self.segments().iter().map(|(_, len)| len).sum(),
            faulted: false,
        }
    }

    pub(super) fn page(&self, index: usize) -> Range<usize> {
        index * PAGE_SIZE..(index + 1) * PAGE_SIZE
    }

    /// The segments of the iterator's bytes from `at` to `end`: where in the arena, and how many.
    pub(super) fn pieces(
        &self,
        at: usize,
        end: usize,
    ) -> impl Iterator<Item = Range<usize>> + use<'_> {
        let mut first = 0;
        self.segments().iter().filter_map(move |(from, len)| {
            let begin = first.max(at);
            let stop = (first + len).min(end);
            let skipped = first;
            first += len;
            (begin < stop).then(|| from + begin - skipped..from + stop - skipped)
        })
    }

    /// How many of the bytes from `at` to `end` come before the hole.
    pub(super) fn before_hole(&self, at: usize, end: usize) -> usize {
        let Some(hole) = self.hole.map(|hole| self.page(hole)) else {
            return end - at;
        };
        let mut sum = 0;
        for piece in self.pieces(at, end) {
            if piece.start < hole.end && hole.start < piece.end {
                return sum + hole.start.saturating_sub(piece.start);
            }
            sum += piece.len();
        }
        sum
    }

    /// How many pages the bytes from `at` to `end` touch.
    pub(super) fn pages(&self, at: usize, end: usize) -> usize {
        self.pieces(at, end)
            .map(|piece| piece.end.div_ceil(PAGE_SIZE) - piece.start / PAGE_SIZE)
            .sum()
    }

    /// The low bits of all their addresses and lengths.
    pub(super) fn alignment(&self, at: usize, end: usize) -> usize {
        self.pieces(at, end)
            .fold(0, |all, piece| all | piece.start | piece.len())
            & (PAGE_SIZE - 1)
    }

    /// What is left of the segment of the byte `at`, if that is not its first one.
    pub(super) fn rest_of_segment(&self, at: usize, end: usize) -> Option<usize> {
        let mut first = 0;
        for (_, len) in self.segments() {
            if first < at && at < first + len {
                return Some((first + len).min(end) - at);
            }
            first += len;
        }
        None
    }

    /// Copies the iterator's bytes from `at` on.
    pub(super) fn read(&self, at: usize, to: &mut [u8]) {
        let mut done = 0;
        for piece in self.pieces(at, at + to.len()) {
            let len = piece.len();
            to[done..done + len].copy_from_slice(&self.bytes[piece]);
            done += len;
        }
    }

    /// The iterator's bytes from `at` on are these now.
    pub(super) fn write(&mut self, at: usize, from: &[u8]) {
        let mut done = 0;
        let mut first = 0;
        for index in 0..self.count {
            let (start, len) = self.segments[index];
            let begin = first.max(at);
            let stop = (first + len).min(at + from.len());
            if begin < stop {
                let place = start + begin - first;
                let n = stop - begin;
                self.bytes[place..place + n].copy_from_slice(&from[done..done + n]);
                done += n;
            }
            first += len;
        }
    }
}
