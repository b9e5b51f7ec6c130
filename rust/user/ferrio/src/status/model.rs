// SPDX-License-Identifier: MIT OR Apache-2.0

//! What `ferrio status --json` prints. The names are stable: they are in
//! `Documentation/ferrio-command.rst`, and new ones may come.

use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Status {
    /// Of this format.
    pub(crate) format: u32,
    pub(crate) modules: Vec<Module>,
    pub(crate) devices: Vec<Device>,
    pub(crate) rings: Vec<Ring>,
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) files: Vec<LoadedFile>,
    pub(crate) not_inspected: u64,
}

pub(crate) const FORMAT: u32 = 1;

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Module {
    pub(crate) name: &'static str,
    pub(crate) loaded: bool,
    pub(crate) state: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) references: Option<u64>,
    pub(crate) taint: Option<String>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Device {
    pub(crate) path: String,
    pub(crate) exists: bool,
    /// A character device with the number that the module has.
    pub(crate) right: bool,
    pub(crate) number: Option<String>,
    pub(crate) registered: Option<String>,
    /// In octal, as chmod has it.
    pub(crate) mode: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) group: Option<String>,
    /// For reading and writing, by the caller.
    pub(crate) may_open: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Ring {
    pub(crate) id: u64,
    /// Of the device that was opened; not known if only its ends are open.
    pub(crate) device: Option<String>,
    pub(crate) size: u64,
    pub(crate) allocated: bool,
    pub(crate) written: u64,
    pub(crate) read: u64,
    pub(crate) fill: u64,
    /// Bytes a second.
    pub(crate) write_rate: Option<f64>,
    pub(crate) read_rate: Option<f64>,
    pub(crate) windows: u64,
    pub(crate) corrupt: &'static str,
    pub(crate) misuse: u64,
    pub(crate) records: Option<Records>,
    pub(crate) consumer: End,
    pub(crate) producer: End,
    pub(crate) holders: Vec<Holder>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Records {
    pub(crate) many: bool,
    pub(crate) drop: bool,
    pub(crate) lost_full: u64,
    pub(crate) lost_too_large: u64,
    pub(crate) lost_aborted: u64,
    pub(crate) lost_peer: u64,
    pub(crate) discarded: u64,
}

impl Records {
    pub(crate) fn lost(&self) -> u64 {
        self.lost_full + self.lost_too_large + self.lost_aborted + self.lost_peer
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct End {
    /// Open files and mappings, whoever has them; copies of a descriptor are one open file.
    pub(crate) holders: u64,
    pub(crate) arms: u64,
    pub(crate) wakes: u64,
    pub(crate) suppressed: u64,
    pub(crate) sleeps: u64,
    pub(crate) spurious: u64,
    /// Wakes a second.
    pub(crate) wake_rate: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    pub(crate) comm: String,
    pub(crate) fd: u32,
    pub(crate) kind: String,
}

/// An end that a process has mapped.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Mapping {
    pub(crate) pid: u32,
    pub(crate) comm: String,
    pub(crate) kind: &'static str,
    /// Known as long as somebody has a descriptor of that end.
    pub(crate) ring: Option<u64>,
    pub(crate) size: u64,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct LoadedFile {
    pub(crate) pid: u32,
    pub(crate) comm: String,
    pub(crate) fd: u32,
    pub(crate) bytes: u64,
    pub(crate) source: &'static str,
    pub(crate) purpose: &'static str,
    pub(crate) sha256: Option<String>,
}
