// SPDX-License-Identifier: GPL-2.0
// error: E0521

//! Going back in one iterator to where another one was could leave its memory.

use ferrio::iov::{IterDest, IterSource};

fn driver<'i>(iter: &mut IterDest<'i>, bytes: &[u8]) {
    let _mark = iter.checkpoint();
    IterDest::with_slice(&mut [0; 4], |other| {
        let _ = other.copy_to(bytes);
        #[cfg(not(wrong))]
        other.rollback(other.checkpoint());
        #[cfg(wrong)]
        other.rollback(_mark);
    });
}
