// SPDX-License-Identifier: MIT OR Apache-2.0

//! `/proc/PID/fdinfo/FD` of rings and of loaded files. The keys are ABI:
//! `Documentation/abi/ringbuffer.rst`, `ring_driver.rst`, `abi/file_loader.rst`.

use super::model::{End, Records, Ring};
use std::collections::HashMap;

/// The prefixes of keys, and what a descriptor with them is, which `rb-kind` says itself.
const PREFIXES: [(&str, Option<&str>); 3] = [
    ("rb", None),
    ("rbr", Some("consumer")),
    ("rbw", Some("producer")),
];

/// `FERRIO_RB_RECORDS_MANY` and `_DROP`.
const MANY: u64 = 1 << 1;
const DROP: u64 = 1 << 2;

pub(crate) struct Fdinfo<'a>(HashMap<&'a str, &'a str>);

impl<'a> Fdinfo<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        Fdinfo(lines.map(|(key, value)| (key, value.trim())).collect())
    }

    /// The rings that it is of, each with what the descriptor is of it.
    pub(crate) fn rings(&self) -> impl Iterator<Item = (Ring, &'a str)> + '_ {
        PREFIXES.iter().filter_map(|&(prefix, kind)| {
            let kind = kind.or_else(|| self.0.get("rb-kind").copied());
            Some((
                Keys { info: self, prefix }.ring()?,
                kind.unwrap_or("unknown"),
            ))
        })
    }

    /// Of the file, as `/proc/PID/maps` has it too: each end has one of its own.
    pub(crate) fn inode(&self) -> Option<u64> {
        self.number("ino")
    }

    /// Bytes, source, purpose and digest, if it is of a loaded file.
    pub(crate) fn loaded(&self) -> Option<(u64, &'static str, &'static str, Option<String>)> {
        let bytes = self.number("fl-bytes")?;
        let source = match self.number("fl-source") {
            Some(1) => "fd",
            Some(2) => "path",
            Some(3) => "bytes",
            _ => "unknown",
        };
        let purpose = match self.number("fl-purpose") {
            Some(1) => "firmware",
            Some(2) => "policy",
            Some(3) => "x509-certificate",
            _ => "unknown",
        };
        let digest = self.0.get("fl-sha256").map(|&digest| digest.to_owned());
        Some((bytes, source, purpose, digest))
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.0.get(key)?.parse().ok()
    }
}

struct Keys<'a> {
    info: &'a Fdinfo<'a>,
    prefix: &'a str,
}

impl Keys<'_> {
    fn find(&self, key: &str) -> Option<u64> {
        self.info.number(&format!("{}-{key}", self.prefix))
    }

    /// A key that a module of another version may not have.
    fn get(&self, key: &str) -> u64 {
        self.find(key).unwrap_or(0)
    }

    fn ring(&self) -> Option<Ring> {
        let (written, read) = (self.get("written"), self.get("read"));
        let records = self.find("records").map(|bits| Records {
            many: bits & MANY != 0,
            drop: bits & DROP != 0,
            lost_full: self.get("lost-full"),
            lost_too_large: self.get("lost-too-large"),
            lost_aborted: self.get("lost-aborted"),
            lost_peer: self.get("lost-peer"),
            discarded: self.get("discarded"),
        });
        Some(Ring {
            id: self.find("id")?,
            device: None,
            size: self.get("size"),
            allocated: self.get("allocated") != 0,
            written,
            read,
            fill: written.saturating_sub(read),
            write_rate: None,
            read_rate: None,
            windows: self.get("maps"),
            corrupt: corrupt(self.get("corrupt")),
            misuse: self.get("misuse"),
            records,
            consumer: self.end("consumer"),
            producer: self.end("producer"),
            holders: Vec::new(),
        })
    }

    fn end(&self, name: &str) -> End {
        let count = |what: &str| self.get(&format!("{name}-{what}"));
        End {
            holders: self.get(&format!("{name}s")),
            arms: count("arms"),
            wakes: count("wakes"),
            suppressed: count("suppressed"),
            sleeps: count("sleeps"),
            spurious: count("spurious"),
            wake_rate: None,
        }
    }
}

/// `FERRIO_RB_CORRUPT_*`: whose position was impossible, and who saw it.
fn corrupt(number: u64) -> &'static str {
    match number {
        0 => "no",
        1 => "producer",
        2 => "consumer",
        3 => "producer-told",
        4 => "consumer-told",
        _ => "unknown",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Of a ring of 4096 bytes, with each number another one.
    pub(crate) fn lines(prefix: &str, id: u64, written: u64, read: u64) -> String {
        let mut text = format!("pos:\t0\nflags:\t02\n{prefix}-id:\t{id}\n");
        let numbers = [
            ("size", 4096),
            ("allocated", 1),
            ("written", written),
            ("read", read),
            ("consumers", 2),
            ("producers", 3),
            ("maps", 4),
            ("corrupt", 0),
            ("misuse", 5),
            ("consumer-arms", 11),
            ("consumer-wakes", 12),
            ("consumer-suppressed", 13),
            ("consumer-sleeps", 14),
            ("consumer-spurious", 15),
            ("producer-arms", 21),
            ("producer-wakes", 22),
            ("producer-suppressed", 23),
            ("producer-sleeps", 24),
            ("producer-spurious", 25),
        ];
        for (key, value) in numbers {
            text += &format!("{prefix}-{key}:\t{value}\n");
        }
        text
    }

    fn only(text: &str) -> (Ring, String) {
        let info = Fdinfo::new(text);
        let mut rings: Vec<_> = info.rings().collect();
        assert_eq!(rings.len(), 1);
        let (ring, kind) = rings.remove(0);
        (ring, kind.to_owned())
    }

    #[test]
    fn every_key_has_its_place() {
        let (ring, kind) = only(&(lines("rb", 7, 1000, 300) + "rb-kind:\tproducer\n"));
        assert_eq!(kind, "producer");
        assert_eq!((ring.id, ring.size, ring.allocated), (7, 4096, true));
        assert_eq!((ring.written, ring.read, ring.fill), (1000, 300, 700));
        assert_eq!((ring.windows, ring.misuse, ring.corrupt), (4, 5, "no"));
        assert_eq!(ring.records, None);
        let end = |holders, first| End {
            holders,
            arms: first,
            wakes: first + 1,
            suppressed: first + 2,
            sleeps: first + 3,
            spurious: first + 4,
            wake_rate: None,
        };
        assert_eq!(ring.consumer, end(2, 11));
        assert_eq!(ring.producer, end(3, 21));
    }

    #[test]
    fn losses_of_records() {
        let text = lines("rb", 1, 0, 0)
            + "rb-records:\t5\nrb-lost-full:\t1\nrb-lost-too-large:\t20\n\
               rb-lost-aborted:\t300\nrb-lost-peer:\t4000\nrb-discarded:\t6\n";
        let records = only(&text).0.records.expect("records");
        assert_eq!((records.many, records.drop), (false, true));
        assert_eq!((records.lost(), records.discarded), (4321, 6));
    }

    #[test]
    fn a_driver_has_a_ring_for_each_direction() {
        let text = lines("rbr", 3, 50, 40) + &lines("rbw", 4, 9, 9);
        let info = Fdinfo::new(&text);
        let seen: Vec<_> = info
            .rings()
            .map(|(ring, kind)| (ring.id, ring.fill, kind))
            .collect();
        assert_eq!(seen, [(3, 10, "consumer"), (4, 0, "producer")]);
    }

    #[test]
    fn a_position_that_went_on_meanwhile_is_not_negative() {
        assert_eq!(only(&lines("rb", 1, 5, 6)).0.fill, 0);
    }

    #[test]
    fn who_is_to_blame() {
        let names = [0, 1, 2, 3, 4, 5].map(corrupt);
        let expected = "no producer consumer producer-told consumer-told unknown";
        assert_eq!(names.join(" "), expected);
    }

    #[test]
    fn what_is_no_ring() {
        let info = Fdinfo::new("pos:\t0\nflags:\t02\nic-bytes:\t12\n");
        assert_eq!(info.rings().count(), 0);
        assert_eq!(info.loaded(), None);
    }

    #[test]
    fn a_loaded_file() {
        let text = "fl-bytes:\t4096\nfl-source:\t2\nfl-purpose:\t3\nfl-sha256:\tab12\n";
        let expected = (4096, "path", "x509-certificate", Some("ab12".to_owned()));
        assert_eq!(Fdinfo::new(text).loaded(), Some(expected));
    }
}
