// SPDX-License-Identifier: GPL-2.0

//! `/dev/ringbuffer`: rings that kernel and user space share.
//!
//! The ABI is in `rust/uapi/ferrio/ringbuffer.h` and `Documentation/abi/ringbuffer.rst`; that for
//! other modules in `rust/driver/include/ferrio_ring.h` and `Documentation/ring_driver.rst`.

mod alarm;
mod calls;
mod driver;
mod end;
mod export;
mod fdinfo;
mod level;
mod memory;
mod polling;
mod ring;
mod rw;
mod size;
mod slots;
mod splice;
mod stream;
mod uapi;
mod users;
mod view;
mod wish;
mod words;

use end::End;
use ferrio::{chardev::Registration, pages::LivePages};
use kernel::{debugfs, prelude::*};

module! {
    type: RingbufferModule,
    name: "ringbuffer",
    authors: ["The ferrio developers"],
    description: "Rings shared by kernel and user space",
    license: "GPL",
}

/// What exists while the module is loaded. Fields are dropped in order: the node goes first.
#[pin_data]
struct RingbufferModule {
    #[pin]
    device: Registration<End>,
    /// `/sys/kernel/debug/ringbuffer/live_pages`.
    #[pin]
    live_pages: debugfs::File<LivePages>,
    debugfs: debugfs::Dir,
}

impl kernel::InPlaceModule for RingbufferModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let dir = debugfs::Dir::new(c"ringbuffer");
        try_pin_init!(Self {
            live_pages <- dir.read_only_file(c"live_pages", LivePages),
            debugfs: dir.clone(),
            device <- Registration::new(users::nobody()?),
        })
    }
}
