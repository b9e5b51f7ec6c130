// SPDX-License-Identifier: GPL-2.0
// error: E0599

//! What a write takes its bytes from is not written to.

use ferrio::iov::IterSource;

fn driver(iter: &mut IterSource<'_>) {
    let mut bytes = [0; 4];
    #[cfg(not(wrong))]
    let _ = iter.copy_from(&mut bytes);
    #[cfg(wrong)]
    let _ = iter.copy_to(&mut bytes);
}
