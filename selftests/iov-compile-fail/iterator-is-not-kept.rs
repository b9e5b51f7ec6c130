// SPDX-License-Identifier: GPL-2.0
// error: E0521

//! An iterator ends with its closure: its segments are on the stack.

use ferrio::iov::IterSource;

fn driver() -> usize {
    let mut kept = None;
    IterSource::with_slice(&[0; 4], |iter| {
        #[cfg(not(wrong))]
        {
            kept = Some(iter.len());
        }
        #[cfg(wrong)]
        {
            kept = Some(iter);
        }
    });
    kept.map_or(0, |kept| core::mem::size_of_val(&kept))
}
