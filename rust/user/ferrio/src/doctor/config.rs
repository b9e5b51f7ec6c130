// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kernel's configuration, from the first place that has it.

use super::system::System;
use flate2::read::GzDecoder;
use std::{collections::HashMap, fs::File, io::Read};

/// Of the kernel that runs, but only a few have it.
const PACKED: &str = "/proc/config.gz";

#[derive(Default)]
pub(super) struct Config {
    /// Where it was found; `None`: nowhere.
    pub(super) from: Option<String>,
    options: HashMap<String, String>,
}

impl Config {
    pub(super) fn read(system: &System) -> Self {
        let release = &system.release;
        let places = [
            format!("/boot/config-{release}"),
            format!("/lib/modules/{release}/config"),
            PACKED.to_owned(),
            format!("/lib/modules/{release}/build/.config"),
            format!("/lib/modules/{release}/build/include/config/auto.conf"),
        ];
        let found = places
            .into_iter()
            .find_map(|place| Some((text(system, &place)?, place)));
        found.map_or_else(Config::default, |(text, place)| Config {
            from: Some(place),
            options: text.lines().filter_map(option).collect(),
        })
    }

    /// Whether it is on, in the kernel or as a module.
    pub(super) fn has(&self, name: &str) -> bool {
        matches!(self.value(name), Some("y" | "m"))
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }
}

fn text(system: &System, place: &str) -> Option<String> {
    if place != PACKED {
        return system.root.text(place).ok();
    }
    let mut text = String::new();
    let file = File::open(system.root.at(place)).ok()?;
    GzDecoder::new(file).read_to_string(&mut text).ok()?;
    Some(text)
}

fn option(line: &str) -> Option<(String, String)> {
    let (name, value) = line.strip_prefix("CONFIG_")?.split_once('=')?;
    Some((name.to_owned(), value.trim_matches('"').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{
        super::system::tests::{sound, RELEASE},
        *,
    };
    use flate2::{write::GzEncoder, Compression};
    use std::io::Write;

    #[test]
    fn options_and_what_is_none() {
        let config = Config::read(&sound().system());
        assert_eq!(config.from, Some(format!("/boot/config-{RELEASE}")));
        assert!(config.has("RUST") && !config.has("KUNIT"));
        assert_eq!(config.value("BINDGEN_VERSION_TEXT"), Some("bindgen 0.71.1"));
    }

    #[test]
    fn a_compressed_one() {
        let made = sound();
        made.remove(&format!("/boot/config-{RELEASE}"));
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed
            .write_all(b"CONFIG_KUNIT=m\n")
            .expect("a vector takes it");
        made.tree
            .write("/proc/config.gz", packed.finish().expect("all of it"));
        let config = Config::read(&made.system());
        assert_eq!(config.from.as_deref(), Some("/proc/config.gz"));
        assert!(config.has("KUNIT"));
    }

    #[test]
    fn that_of_the_build_tree() {
        let made = sound();
        made.remove(&format!("/boot/config-{RELEASE}"));
        made.module_file("build/.config", "CONFIG_RUST=y\n");
        assert!(Config::read(&made.system()).has("RUST"));
    }
}
