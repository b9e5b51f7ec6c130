// SPDX-License-Identifier: GPL-2.0
// error: E0308

//! A driver's own count is no result: it could be of bytes that nobody moved.

use ferrio::iov::{IterDest, Moved};
use kernel::prelude::*;

fn driver<'i>(iter: &mut IterDest<'i>) -> Result<Moved<'i>> {
    let _copied = iter.copy_to(b"text").bytes();
    #[cfg(not(wrong))]
    return iter.moved();
    #[cfg(wrong)]
    return Ok(_copied);
}
