// SPDX-License-Identifier: GPL-2.0

//! Checksums while copying, against the same by hand.

use super::{buffer, kinds::each_source, kinds::write_iovec, patterned, same, same_bytes, Verdict};
use ferrio::{
    iov::{Crc32c, InternetSum, IterSource},
    user_area::UserArea,
};
use kernel::{page::PAGE_SIZE, prelude::*};

/// The polynomial of Castagnoli, bit by bit.
fn crc_by_hand(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 != 0 {
                crc >> 1 ^ 0x82f6_3b78
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

/// RFC 1071, in words as they lie in memory.
fn sum_by_hand(bytes: &[u8]) -> u16 {
    let mut sum = 0u64;
    for word in bytes.chunks(2) {
        sum += u64::from(u16::from_ne_bytes([
            word[0],
            word.get(1).copied().unwrap_or(0),
        ]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

const LENS: [usize; 6] = [1, 0, 1000, 333, 2049, 7];
const SUM: usize = 3390;

pub(super) fn crc32c() -> Verdict {
    same!(Crc32c::new().value(), 0);
    let mut sum = Crc32c::new();
    sum.update(b"12345");
    sum.update(b"");
    sum.update(b"6789");
    same!(sum.value(), 0xe306_9283);
    let image = patterned(SUM)?;
    same!(crc_by_hand(b"123456789"), 0xe306_9283);
    each_source(&LENS, &image, |_, iter| {
        let mut buf = buffer(SUM + 10)?;
        let mut sum = Crc32c::new();
        same!(
            iter.copy_from_crc32c(&mut buf[..1501], &mut sum).bytes(),
            1501
        );
        same!(sum.value(), crc_by_hand(&image[..1501]));
        // Only of what there is.
        same!(
            iter.copy_from_crc32c(&mut buf[1501..], &mut sum).bytes(),
            SUM - 1501
        );
        same!(sum.value(), crc_by_hand(&image));
        same_bytes(&buf[..SUM], &image)
    })
}

pub(super) fn internet() -> Verdict {
    let image = patterned(SUM)?;
    same!(InternetSum::new().fold(), 0xffff);
    each_source(&LENS, &image, |_, iter| {
        let mut buf = buffer(SUM)?;
        let mut sum = InternetSum::new();
        same!(iter.copy_from_sum(&mut buf[..1500], &mut sum), Ok(()));
        same!(sum.fold(), sum_by_hand(&image[..1500]));
        same!(iter.copy_from_sum(&mut buf[1500..], &mut sum), Ok(()));
        same!(sum.fold(), sum_by_hand(&image));
        same_bytes(&buf, &image)?;
        same!(iter.copy_from_sum(&mut buf[..1], &mut sum), Err(EINVAL));
        Ok(())
    })
}

pub(super) fn of_what_faults() -> Verdict {
    // Before there is a hole that it could fill.
    let array = UserArea::new(1)?;
    let area = UserArea::new(2)?;
    area.unmap(1)?;
    let image = patterned(PAGE_SIZE)?;
    area.write(0, &image)?;
    let at = PAGE_SIZE - 10;
    let (verdict, moved) = IterSource::import_buf(area.at(at), 20, |iter| -> Verdict {
        let mut buf = [0; 20];
        let mut sum = InternetSum::new();
        same!(iter.copy_from_sum(&mut buf[..4], &mut sum), Ok(()));
        let before = sum;
        same!(iter.copy_from_sum(&mut buf, &mut sum), Err(EINVAL));
        same!(iter.copy_from_sum(&mut buf[..16], &mut sum), Err(EFAULT));
        same!(sum == before, true);
        same!(iter.count(), 4);
        same!(iter.faulted(), true);
        // Of what arrives, however little.
        let mut crc = Crc32c::new();
        let copied = iter.copy_from_crc32c(&mut buf, &mut crc);
        same!(copied.faulted(), true);
        same!(crc.value(), crc_by_hand(&image[at + 4..][..copied.bytes()]));
        Ok(())
    })?;
    verdict?;
    same!(moved <= 10, true);

    // The first segment has been summed up by the time that the second one faults.
    let vec = write_iovec(&array, &area, [(0, 10), (PAGE_SIZE, 10)].into_iter())?;
    let (verdict, moved) = IterSource::import(vec, 2, |iter| -> Verdict {
        let mut sum = InternetSum::new();
        same!(iter.copy_from_sum(&mut [0; 20], &mut sum), Err(EFAULT));
        same!(sum == InternetSum::new(), true);
        Ok(())
    })?;
    same!(moved, 0);
    verdict
}
