// SPDX-License-Identifier: GPL-2.0
// error: E0599

//! What a read puts its bytes into is not read.

use ferrio::iov::IterDest;

fn driver(iter: &mut IterDest<'_>) {
    let mut bytes = [0; 4];
    #[cfg(not(wrong))]
    let _ = iter.copy_to(&mut bytes);
    #[cfg(wrong)]
    let _ = iter.copy_from(&mut bytes);
}
