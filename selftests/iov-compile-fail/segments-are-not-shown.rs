// SPDX-License-Identifier: GPL-2.0
// error: E0616
// says: field `0` of struct `IterDest

//! Who looks at segments breaks when the kernel makes them in another way.

use ferrio::iov::IterDest;

fn driver(iter: &mut IterDest<'_>) -> usize {
    #[cfg(not(wrong))]
    return iter.single_seg_count();
    #[cfg(wrong)]
    return iter.0.raw;
}
