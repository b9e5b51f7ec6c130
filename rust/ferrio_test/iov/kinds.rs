// SPDX-License-Identifier: GPL-2.0

//! The same segments as each kind of iterator.

use super::{buffer, same, same_bytes, Verdict};
use core::mem;
use ferrio::{
    iov::{IoSlice, IoSliceMut, IterDest, IterSource, PageSlice},
    pages::PageVec,
    user_area::UserArea,
};
use kernel::{page::PAGE_SIZE, prelude::*, uaccess::UserPtr};

/// What an iterator is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One buffer of a process: the segments are one.
    Ubuf,
    Iovec,
    Kvec,
    /// Without its empty segments.
    Bvec,
}

/// Where the segment `index` begins: each has a page of its own.
pub(super) fn place(index: usize) -> usize {
    index * PAGE_SIZE + 100 + index
}

/// Writes an array of `struct iovec`, given as offsets in `area` and lengths, to its start.
pub(super) fn write_iovec(
    array: &UserArea,
    area: &UserArea,
    segments: impl Iterator<Item = (usize, usize)>,
) -> Result<UserPtr> {
    for (index, (offset, len)) in segments.enumerate() {
        let mut bytes = [0; 16];
        let address = area.at(offset).as_const_ptr() as usize;
        bytes[..8].copy_from_slice(&address.to_ne_bytes());
        bytes[8..].copy_from_slice(&len.to_ne_bytes());
        array.write(index * 16, &bytes)?;
    }
    Ok(array.at(0))
}

/// The segments in a buffer that has them at [`place`].
fn segments(lens: &[usize]) -> impl Iterator<Item = (usize, usize)> + '_ {
    lens.iter()
        .enumerate()
        .map(|(index, len)| (place(index), *len))
}

/// The segments of `from`, one after the other.
fn gathered(from: &[u8], lens: &[usize]) -> Result<VVec<u8>> {
    let mut all = VVec::new();
    for (at, len) in segments(lens) {
        all.extend_from_slice(&from[at..at + len], GFP_KERNEL)?;
    }
    Ok(all)
}

/// Puts `bytes` into the segments of `to`.
fn scattered(to: &mut [u8], lens: &[usize], mut bytes: &[u8]) {
    for (at, len) in segments(lens) {
        let (part, rest) = bytes.split_at(len);
        to[at..at + len].copy_from_slice(part);
        bytes = rest;
    }
}

fn page_parts<'m>(pages: &'m PageVec, lens: &[usize]) -> Result<KVec<PageSlice<'m>>> {
    let mut parts = KVec::with_capacity(lens.len(), GFP_KERNEL)?;
    for (at, len) in segments(lens).filter(|(_, len)| *len > 0) {
        let page = pages.page(at / PAGE_SIZE).ok_or(EINVAL)?;
        parts.push(PageSlice::new(page, at % PAGE_SIZE, len)?, GFP_KERNEL)?;
    }
    Ok(parts)
}

/// Runs `body` with a destination of each kind over segments of these lengths, less than a page
/// each, full of 0xee; afterwards they have to hold `want`.
pub(super) fn each_dest(
    lens: &[usize],
    want: &[u8],
    body: impl for<'b> Fn(Kind, &mut IterDest<'b>) -> Verdict,
) -> Verdict {
    let sum = lens.iter().sum();
    let size = lens.len() * PAGE_SIZE;
    let mut buf = buffer(size)?;
    buf.fill(0xee);

    let area = UserArea::new(lens.len())?;
    area.write(0, &buf)?;
    IterDest::import_buf(area.at(place(0)), sum, |iter| body(Kind::Ubuf, iter))?.0?;
    let mut all = buffer(sum)?;
    area.read(place(0), &mut all)?;
    same_bytes(&all, want)?;

    area.write(0, &buf)?;
    let array = UserArea::new(1)?;
    let vec = write_iovec(&array, &area, segments(lens))?;
    IterDest::import(vec, lens.len() as u32, |iter| body(Kind::Iovec, iter))?.0?;
    let mut image = buffer(size)?;
    area.read(0, &mut image)?;
    same_bytes(&gathered(&image, lens)?, want)?;

    let pages = PageVec::new(size)?;
    let _ = IterSource::with_slice(&buf, |iter| pages.copy_from(0, size, iter));
    IterDest::with_pages(&page_parts(&pages, lens)?, |iter| body(Kind::Bvec, iter))?.0?;
    let (copied, _) = IterDest::with_slice(&mut image, |iter| pages.copy_to(0, size, iter));
    same!(copied.bytes(), size);
    same_bytes(&gathered(&image, lens)?, want)?;

    let mut parts = KVec::with_capacity(lens.len(), GFP_KERNEL)?;
    let mut rest = &mut buf[..];
    let mut end = 0;
    for (at, len) in segments(lens) {
        let (part, tail) = mem::take(&mut rest)[at - end..].split_at_mut(len);
        rest = tail;
        end = at + len;
        parts.push(IoSliceMut::new(part), GFP_KERNEL)?;
    }
    IterDest::with_vec(&mut parts, |iter| body(Kind::Kvec, iter))?.0?;
    drop(parts);
    same_bytes(&gathered(&buf, lens)?, want)
}

/// Runs `body` with a source of each kind over segments of these lengths, less than a page each,
/// which hold `bytes`.
pub(super) fn each_source(
    lens: &[usize],
    bytes: &[u8],
    body: impl for<'b> Fn(Kind, &mut IterSource<'b>) -> Verdict,
) -> Verdict {
    let sum = lens.iter().sum();
    let size = lens.len() * PAGE_SIZE;
    let mut buf = buffer(size)?;
    scattered(&mut buf, lens, bytes);

    let area = UserArea::new(lens.len())?;
    area.write(place(0), bytes)?;
    IterSource::import_buf(area.at(place(0)), sum, |iter| body(Kind::Ubuf, iter))?.0?;

    area.write(0, &buf)?;
    let array = UserArea::new(1)?;
    let vec = write_iovec(&array, &area, segments(lens))?;
    IterSource::import(vec, lens.len() as u32, |iter| body(Kind::Iovec, iter))?.0?;

    let pages = PageVec::new(size)?;
    let _ = IterSource::with_slice(&buf, |iter| pages.copy_from(0, size, iter));
    IterSource::with_pages(&page_parts(&pages, lens)?, |iter| body(Kind::Bvec, iter))?.0?;

    let mut parts = KVec::with_capacity(lens.len(), GFP_KERNEL)?;
    for (at, len) in segments(lens) {
        parts.push(IoSlice::new(&buf[at..at + len]), GFP_KERNEL)?;
    }
    IterSource::with_vec(&parts, |iter| body(Kind::Kvec, iter))?.0
}
