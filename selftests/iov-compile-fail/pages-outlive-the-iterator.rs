// SPDX-License-Identifier: GPL-2.0
// error: E0505

//! Pages are not given back while an iterator is made of them.

use ferrio::{
    iov::{IterDest, PageSlice},
    pages::PageVec,
};
use kernel::prelude::*;

fn driver(pages: PageVec) -> Result<usize> {
    let part = [PageSlice::new(pages.page(0).ok_or(EINVAL)?, 0, 10)?];
    #[cfg(wrong)]
    drop(pages);
    let (zeroed, _) = IterDest::with_pages(&part, |iter| iter.zero(10).bytes())?;
    Ok(zeroed)
}
