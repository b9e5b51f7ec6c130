// SPDX-License-Identifier: GPL-2.0
// error: E0499

//! While there is an iterator over memory, nobody else writes to it.

use ferrio::iov::IterDest;

fn driver(mut buf: [u8; 4]) {
    let slice = &mut buf;
    let (_, moved) = IterDest::with_slice(slice, |iter| {
        #[cfg(wrong)]
        {
            buf[0] = 1;
        }
        iter.copy_to(b"text").bytes()
    });
    buf[0] = moved as u8;
}
