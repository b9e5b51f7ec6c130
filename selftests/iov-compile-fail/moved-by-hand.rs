// SPDX-License-Identifier: GPL-2.0
// error: E0451

//! Nobody says what was moved but the iterator.

use ferrio::iov::{IterDest, Moved};
use kernel::prelude::*;

fn driver<'i>(iter: &mut IterDest<'i>) -> Result<Moved<'i>> {
    let moved = iter.moved()?;
    #[cfg(wrong)]
    let moved = Moved { bytes: 4, ..moved };
    Ok(moved)
}
