// SPDX-License-Identifier: GPL-2.0
// error: E0599

//! `iov_iter_discard()` knows one direction, and is a BUG with the other.

use ferrio::iov::{IterDest, IterSource};

fn driver() -> usize {
    #[cfg(not(wrong))]
    return IterDest::with_discard(10, |iter| iter.advance(10)).0;
    #[cfg(wrong)]
    return IterSource::with_discard(10, |iter| iter.advance(10)).0;
}
