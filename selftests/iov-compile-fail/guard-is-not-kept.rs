// SPDX-License-Identifier: GPL-2.0
// error: E0521

//! Pages of the kernel are only listed, so a guard ends before their memory does.

use ferrio::iov::IterSource;
use kernel::prelude::*;

fn driver() -> Result<usize> {
    let buf = KVVec::from_elem(0, 4096, GFP_KERNEL)?;
    let mut kept = None;
    IterSource::with_slice(&buf, |iter| {
        let held = iter.extract::<1>(10);
        #[cfg(not(wrong))]
        {
            kept = held.map(|held| held.len()).ok();
        }
        #[cfg(wrong)]
        {
            kept = held.ok();
        }
    });
    drop(buf);
    Ok(kept.map_or(0, |kept| core::mem::size_of_val(&kept)))
}
