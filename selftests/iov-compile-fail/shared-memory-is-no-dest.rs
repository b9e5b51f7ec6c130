// SPDX-License-Identifier: GPL-2.0
// error: E0308

//! Memory that may only be read is no destination.

use ferrio::iov::{IoSlice, IoSliceMut};

fn driver(buf: &[u8]) {
    #[cfg(not(wrong))]
    let _part = IoSlice::new(buf);
    #[cfg(wrong)]
    let _part = IoSliceMut::new(buf);
}
