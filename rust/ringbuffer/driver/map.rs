// SPDX-License-Identifier: GPL-2.0

//! Windows of the files of other drivers: those of the end that programs have, in the file of the
//! driver itself. That of write(2) begins behind that of read(2), if there are both.

use super::Device;
use crate::{end::Kind, memory::Memory, ring::Ring, rw::Rw};
use ferrio::{
    chardev::{can_read, can_write},
    export::files::CalledFile,
    mapping::lent::{map_lent, LentVma, Shown},
    pages::PageRef,
    word::Word,
};
use kernel::{
    prelude::*,
    sync::{atomic::Relaxed, Arc},
};

/// A ring, and at which page of the file its window begins.
struct RingAt {
    ring: Arc<Ring>,
    base: usize,
}

impl Shown for RingAt {
    fn page(&self, index: usize) -> Option<PageRef<'_>> {
        self.ring.memory()?.page(index.checked_sub(self.base)?)
    }

    fn opened(&self, _writable: bool) {
        self.ring.maps.fetch_add(1, Relaxed);
    }

    fn closed(&self, writable: bool) {
        self.ring.maps.fetch_sub(1, Relaxed);
        if writable {
            self.ring.rouse();
        }
    }
}

/// `->mmap`.
///
/// # Errors
///
/// `EINVAL`: no window of an end that there is; those of [`map_lent`]. `EBADF`: the file is not
/// open for it, or has given it up. `ENOMEM`.
pub(crate) fn mmap(device: &Device, called: CalledFile<'_>, vma: LentVma<'_>) -> Result {
    let file = called.file();
    let mut base = 0;
    for (rw, kind, open) in [
        (Rw::Read, Kind::Consumer, can_read(file)),
        (Rw::Write, Kind::Producer, can_write(file)),
    ] {
        let Some((ring, holds)) = device.held(rw) else {
            continue;
        };
        let all = Memory::window(ring.size());
        for window in kind.windows(all).into_iter().flatten() {
            if (vma.first(), vma.count()) != (base + window.first, window.count) {
                continue;
            }
            // An end that was given up is nobody's to move any more.
            if !open || holds.load_relaxed() & rw.bit() == 0 {
                return Err(EBADF);
            }
            let shown = RingAt {
                ring: ring.clone(),
                base,
            };
            return map_lent(vma, Arc::new(shown, GFP_KERNEL_ACCOUNT)?, window.rights);
        }
        base += all;
    }
    Err(EINVAL)
}
