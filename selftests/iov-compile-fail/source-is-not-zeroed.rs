// SPDX-License-Identifier: GPL-2.0
// error: E0599

//! `iov_iter_zero()` does not look at the direction, and would overwrite a source.

use ferrio::iov::IterSource;

fn driver(iter: &mut IterSource<'_>) {
    #[cfg(not(wrong))]
    iter.advance(1);
    #[cfg(wrong)]
    let _ = iter.zero(1);
}
