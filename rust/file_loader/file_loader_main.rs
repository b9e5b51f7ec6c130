// SPDX-License-Identifier: GPL-2.0

//! `/dev/file_loader`: files that the kernel reads once, and serves as blobs that nobody changes.
//!
//! The ABI is in `rust/uapi/ferrio/file_loader.h` and `Documentation/abi/file_loader.rst`; how it
//! is built is in `Documentation/file_loader.rst`.

mod abi;
mod blob;
mod device;
mod export;
mod failure;
mod info;
mod load;
mod pins;
mod request;
mod uapi;
mod users;

use device::Loader;
use ferrio::{chardev::Registration, pages::LivePages};
use kernel::{debugfs, prelude::*};

module! {
    type: FileLoaderModule,
    name: "file_loader",
    authors: ["The ferrio developers"],
    description: "Files that the kernel reads once and serves unchanged",
    license: "GPL",
}

/// What exists while the module is loaded. Fields are dropped in order: the node goes first.
#[pin_data]
struct FileLoaderModule {
    #[pin]
    device: Registration<Loader>,
    /// `/sys/kernel/debug/file_loader/live_pages`.
    #[pin]
    live_pages: debugfs::File<LivePages>,
    debugfs: debugfs::Dir,
}

impl kernel::InPlaceModule for FileLoaderModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let dir = debugfs::Dir::new(c"file_loader");
        try_pin_init!(Self {
            live_pages <- dir.read_only_file(c"live_pages", LivePages),
            debugfs: dir.clone(),
            device <- Registration::new(users::nobody()?),
        })
    }
}
