// SPDX-License-Identifier: GPL-2.0

//! `/dev/iov_copy`: sparse memory behind every call that reads or writes.
//!
//! The ABI is in `rust/uapi/ferrio/iov_copy.h` and `Documentation/abi/iov_copy.rst`; how it is
//! built is in `Documentation/iov_copy.rst`.

mod calls;
mod copyv;
mod file;
mod memory;
mod quota;
mod size;
mod uapi;

use ferrio::{chardev::Registration, iov::PinnedPages, pages::LivePages};
use kernel::{debugfs, prelude::*};
use memory::Memory;

module! {
    type: IovCopyModule,
    name: "iov_copy",
    authors: ["The ferrio developers"],
    description: "The iov_iter copy path as a device",
    license: "GPL",
}

/// What exists while the module is loaded. Fields are dropped in order: the node goes first.
#[pin_data]
struct IovCopyModule {
    #[pin]
    device: Registration<Memory>,
    /// `/sys/kernel/debug/iov_copy/live_pages`.
    #[pin]
    live_pages: debugfs::File<LivePages>,
    /// `/sys/kernel/debug/iov_copy/pinned_pages`.
    #[pin]
    pinned_pages: debugfs::File<PinnedPages>,
    debugfs: debugfs::Dir,
}

impl kernel::InPlaceModule for IovCopyModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let dir = debugfs::Dir::new(c"iov_copy");
        try_pin_init!(Self {
            live_pages <- dir.read_only_file(c"live_pages", LivePages),
            pinned_pages <- dir.read_only_file(c"pinned_pages", PinnedPages),
            debugfs: dir.clone(),
            device <- Registration::new(()),
        })
    }
}
