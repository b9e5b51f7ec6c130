// SPDX-License-Identifier: GPL-2.0
// error: E0521

//! In a part of an iterator there is nothing before the part.

use ferrio::iov::IterSource;

fn driver<'i>(iter: &mut IterSource<'i>) {
    let mark = iter.checkpoint();
    iter.limited(10, |part| {
        part.advance(3);
        #[cfg(wrong)]
        part.rollback(mark);
    });
    iter.rollback(mark);
}
