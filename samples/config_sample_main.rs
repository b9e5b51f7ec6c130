// SPDX-License-Identifier: GPL-2.0

//! A driver in Rust that loads its configuration by `file_loader.ko` when it is inserted, and shows
//! it in `/sys/kernel/debug/config_sample/config`. `config_c_sample.c` is the same in C.

use ferrio_file::{FileBytes, Load, Purpose};
use kernel::{debugfs, fs::file, prelude::*, uaccess::UserSliceWriter};

module! {
    type: ConfigSample,
    name: "config_sample",
    authors: ["The ferrio developers"],
    description: "A sample driver in Rust that loads its configuration",
    license: "GPL",
}

/// The largest configuration, in bytes.
const MAX_BYTES: u64 = 4096;

ferrio_file::str_param!(static PATH: crate::LocalModule, "path" = c"/etc/config_sample",
    "File with the configuration (default /etc/config_sample)");
ferrio_file::str_param!(static PIN: crate::LocalModule, "sha256" = c"",
    "SHA-256 that it has to have, 64 digits (default: any)");

struct Config(FileBytes);

impl debugfs::BinaryWriter for Config {
    fn write_to_slice(&self, to: &mut UserSliceWriter, at: &mut file::Offset) -> Result<usize> {
        to.write_slice_file(&self.0, at)
    }
}

#[pin_data]
struct ConfigSample {
    #[pin]
    config: debugfs::File<Config>,
    dir: debugfs::Dir,
}

impl kernel::InPlaceModule for ConfigSample {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let dir = debugfs::Dir::new(c"config_sample");
        try_pin_init!(Self {
            config <- dir.read_binary_file(c"config", Config(load()?)),
            dir: dir.clone(),
        })
    }
}

fn load() -> Result<FileBytes> {
    let mut load = Load::new(Purpose::Policy, MAX_BYTES);
    if !PIN.get().is_empty() {
        let pinned = load.pin_sha256_text(PIN.get());
        load = pinned.inspect_err(|_| pr_err!("no configuration: sha256= is no 64 digits\n"))?;
    }
    load.path(PATH.get()).map_err(|error| {
        pr_err!("no configuration: {:?}: {error}\n", PATH.get());
        error.errno
    })
}
