// SPDX-License-Identifier: GPL-2.0
// error: E0521 none

//! The proof of one call is not that of another.

use ferrio::iov::{IterDest, Moved};
use kernel::prelude::*;

fn driver<'i>(iter: &mut IterDest<'i>) -> Result<Moved<'i>> {
    let mut kept = None;
    IterDest::with_slice(&mut [0; 4], |other| {
        #[cfg(wrong)]
        {
            kept = Some(other.moved());
        }
        other.advance(4)
    });
    kept.take().unwrap_or_else(|| iter.moved())
}
