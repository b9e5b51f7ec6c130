// SPDX-License-Identifier: MIT OR Apache-2.0

//! What processes hold of rings and loaded files, as far as the caller may look at them.

use super::{
    fdinfo::Fdinfo,
    model::{Holder, LoadedFile, Mapping, Ring},
};
use crate::root::Root;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, BufRead, BufReader},
    path::Path,
};

/// Links of ends, and of loaded files, which have no name in a file system.
const END: &str = "anon_inode:ringbuffer";
const LOADED: &str = "anon_inode:[file_loader]";
/// Of a kernel thread, in the flags of `/proc/PID/stat`: it has no descriptors.
const PF_KTHREAD: u64 = 0x0020_0000;

#[derive(Default)]
pub(crate) struct Found {
    pub(crate) rings: BTreeMap<u64, Ring>,
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) files: Vec<LoadedFile>,
    /// Processes that the caller may not look at.
    pub(crate) not_inspected: u64,
    /// The ring of each end's inode.
    ends: BTreeMap<u64, u64>,
}

pub(crate) fn look(root: &Root) -> io::Result<Found> {
    let mut found = Found::default();
    let mut windows = Vec::new();
    let pids = numbers(&root.at("/proc"));
    for pid in pids.map_err(|error| io::Error::new(error.kind(), format!("/proc: {error}")))? {
        let process = Process {
            root,
            pid,
            comm: root.text(format!("/proc/{pid}/comm")).unwrap_or_default(),
        };
        // Who is gone meanwhile holds nothing.
        if let Err(error) = process.look(&mut found, &mut windows) {
            if error.kind() == io::ErrorKind::PermissionDenied && !process.is_kernels() {
                found.not_inspected += 1;
            }
        }
    }
    // Whoever has the descriptor may come behind who has the mapping.
    found
        .mappings
        .extend(windows.into_iter().map(|(inode, window)| Mapping {
            ring: inode.and_then(|inode| found.ends.get(&inode).copied()),
            ..window
        }));
    Ok(found)
}

/// The entries of a directory that are numbers, in order.
fn numbers(dir: &Path) -> io::Result<BTreeSet<u32>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(dir)? {
        found.extend(
            entry?
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<u32>().ok()),
        );
    }
    Ok(found)
}

struct Process<'a> {
    root: &'a Root,
    pid: u32,
    comm: String,
}

impl Process<'_> {
    fn is_kernels(&self) -> bool {
        let stat = self
            .root
            .text(format!("/proc/{}/stat", self.pid))
            .unwrap_or_default();
        // A name may have blanks and parentheses.
        let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
        let flags = behind
            .split_whitespace()
            .nth(6)
            .and_then(|flags| flags.parse::<u64>().ok());
        flags.is_some_and(|flags| flags & PF_KTHREAD != 0)
    }

    fn look(&self, found: &mut Found, windows: &mut Vec<(Option<u64>, Mapping)>) -> io::Result<()> {
        let dir = format!("/proc/{}", self.pid);
        let mut names = BTreeSet::from([END.to_owned()]);
        for fd in numbers(&self.root.at(format!("{dir}/fd")))? {
            match self.look_at(fd, found) {
                Ok(name) => names.extend(name),
                // It was closed meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        // There may be a million of them, and each of a long name.
        let maps = BufReader::new(File::open(self.root.at(format!("{dir}/maps")))?);
        for line in maps.split(b'\n') {
            windows.extend(self.window(&String::from_utf8_lossy(&line?), &names));
        }
        Ok(())
    }

    /// The name of its file, if it is one of a ring.
    fn look_at(&self, fd: u32, found: &mut Found) -> io::Result<Option<String>> {
        let link = fs::read_link(self.root.at(format!("/proc/{}/fd/{fd}", self.pid)))?;
        let link = link.to_string_lossy().into_owned();
        // All else has no such keys; a device may be in the /dev of another root.
        if ![END, LOADED].contains(&&*link) && !link.contains("/dev/") {
            return Ok(None);
        }
        let text = self.root.text(format!("/proc/{}/fdinfo/{fd}", self.pid))?;
        let info = Fdinfo::new(&text);
        if let Some((bytes, source, purpose, sha256)) = info.loaded() {
            found.files.push(LoadedFile {
                pid: self.pid,
                comm: self.comm.clone(),
                fd,
                bytes,
                source,
                purpose,
                sha256,
            });
        }
        let mut is_ring = false;
        for (seen, kind) in info.rings() {
            is_ring = true;
            let ring = found.rings.entry(seen.id).or_insert(seen);
            // A node's inode is that of every open of it.
            if link == END {
                found
                    .ends
                    .extend(info.inode().map(|inode| (inode, ring.id)));
            } else {
                ring.device = Some(link.clone());
            }
            ring.holders.push(Holder {
                pid: self.pid,
                comm: self.comm.clone(),
                fd,
                kind: kind.to_owned(),
            });
        }
        Ok(is_ring.then_some(link))
    }

    /// The window of a line of `/proc/PID/maps` that has data, and its inode, if that is of one
    /// end: a device's is of all that have it open. The first three pages
    /// have words: one is the consumer's to write, one the kernel's, one the producer's. The data
    /// is behind them, twice. `Documentation/abi/ringbuffer.rst` has who maps what.
    fn window(&self, line: &str, names: &BTreeSet<String>) -> Option<(Option<u64>, Mapping)> {
        let page = rustix::param::page_size() as u64;
        let mut fields = line.split_whitespace();
        let (from, to) = fields.next()?.split_once('-')?;
        let hex = |text| u64::from_str_radix(text, 16).ok();
        let bytes = hex(to)?.checked_sub(hex(from)?)?;
        let writable = fields.next()?.contains('w');
        let first = hex(fields.next()?)? / page;
        let inode = fields.nth(1)?.parse().ok()?;
        let name = fields.next()?;
        if !names.contains(name) {
            return None;
        }
        let (kind, words) = match (first, writable) {
            (0, false) if bytes > 2 * page => ("observer", 3),
            (1, false) => ("consumer", 2),
            (2, true) => ("producer", 1),
            _ => return None,
        };
        let window = Mapping {
            pid: self.pid,
            comm: self.comm.clone(),
            kind,
            ring: None,
            size: bytes.checked_sub(words * page)? / 2,
        };
        Some(((name == END).then_some(inode), window))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{super::fdinfo::tests::lines, *};
    use crate::root::tests::Tree;

    pub(crate) fn process(tree: &Tree, pid: u32, comm: &str) {
        tree.write(format!("/proc/{pid}/comm"), format!("{comm}\n"));
        tree.write(format!("/proc/{pid}/maps"), "");
        tree.dir(&format!("/proc/{pid}/fd"));
    }

    pub(crate) fn open(tree: &Tree, pid: u32, fd: u32, link: &str, info: &str) {
        tree.link(&format!("/proc/{pid}/fd/{fd}"), link);
        tree.write(format!("/proc/{pid}/fdinfo/{fd}"), info);
    }

    #[test]
    fn descriptors_of_a_ring_are_its_holders() {
        let tree = Tree::new();
        tree.write("/proc/meminfo", "");
        process(&tree, 20, "reader");
        process(&tree, 3, "writer");
        let info = |kind: &str, id| lines("rb", id, 9, 4) + &format!("rb-kind:\t{kind}\n");
        open(&tree, 20, 0, "anon_inode:ringbuffer", &info("consumer", 5));
        open(&tree, 3, 7, "/dev/ringbuffer", &info("plain", 5));
        open(&tree, 3, 8, "anon_inode:ringbuffer", &info("observer", 6));
        let found = look(&tree.root()).expect("a look");
        assert_eq!(found.rings.keys().collect::<Vec<_>>(), [&5, &6]);
        let ring = &found.rings[&5];
        assert_eq!(
            (ring.fill, ring.device.as_deref()),
            (5, Some("/dev/ringbuffer"))
        );
        let holders: Vec<_> = ring
            .holders
            .iter()
            .map(|holder| (holder.pid, &*holder.comm, holder.fd, &*holder.kind))
            .collect();
        assert_eq!(
            holders,
            [(3, "writer", 7, "plain"), (20, "reader", 0, "consumer")]
        );
        assert_eq!(found.rings[&6].device, None);
        assert_eq!(found.not_inspected, 0);
    }

    #[test]
    fn a_ring_in_a_driver() {
        let tree = Tree::new();
        process(&tree, 3, "reader");
        open(&tree, 3, 4, "/chroot/dev/sensor", &lines("rbr", 2, 8, 0));
        let found = look(&tree.root()).expect("a look");
        assert_eq!(
            found.rings[&2].device.as_deref(),
            Some("/chroot/dev/sensor")
        );
        assert_eq!(found.rings[&2].holders[0].kind, "consumer");
    }

    #[test]
    fn other_files_are_not_looked_at() {
        let tree = Tree::new();
        process(&tree, 3, "writer");
        open(&tree, 3, 4, "/tmp/file", &lines("rb", 2, 8, 0));
        assert!(look(&tree.root()).expect("a look").rings.is_empty());
    }

    #[test]
    fn a_descriptor_that_is_closed_meanwhile() {
        let tree = Tree::new();
        process(&tree, 3, "writer");
        tree.link("/proc/3/fd/4", "/dev/ringbuffer");
        open(&tree, 3, 5, "/dev/ringbuffer", &lines("rb", 2, 8, 0));
        assert_eq!(look(&tree.root()).expect("a look").rings.len(), 1);
    }

    #[test]
    fn a_loaded_file_is_found() {
        let tree = Tree::new();
        process(&tree, 3, "load");
        let info = "fl-bytes:\t12\nfl-source:\t1\nfl-purpose:\t1\nfl-sha256:\t00ff\n";
        open(&tree, 3, 4, "anon_inode:[file_loader]", info);
        let expected = LoadedFile {
            pid: 3,
            comm: "load".into(),
            fd: 4,
            bytes: 12,
            source: "fd",
            purpose: "firmware",
            sha256: Some("00ff".into()),
        };
        assert_eq!(look(&tree.root()).expect("a look").files, [expected]);
    }

    #[test]
    fn windows_tell_which_end_they_are_of() {
        let tree = Tree::new();
        process(&tree, 3, "mapper");
        let page = rustix::param::page_size();
        let mut text = "00400000-00401000 r-xp 00000000 08:01 12 /bin/mapper\n".to_owned();
        for (protection, first, pages, name) in [
            ("rw-s", 0, 1, "anon_inode:ringbuffer"),
            ("r--s", 1, 2 + 2, "anon_inode:ringbuffer"),
            ("r--s", 0, 2, "anon_inode:ringbuffer"),
            ("rw-s", 2, 1 + 4, "anon_inode:ringbuffer"),
            ("r--s", 0, 3 + 8, "anon_inode:ringbuffer"),
            ("rw-s", 2, 1 + 4, "/dev/other"),
        ] {
            let (end, offset) = (0x10_0000 + pages * page, first * page);
            text += &format!("100000-{end:x} {protection} {offset:08x} 00:0e 1056     {name}\n");
        }
        tree.write("/proc/3/maps", text);
        let found = look(&tree.root()).expect("a look");
        let seen: Vec<_> = found
            .mappings
            .iter()
            .map(|map| (map.kind, map.size))
            .collect();
        let bytes = |pages: usize| (pages * page) as u64;
        let expected = [
            ("consumer", bytes(1)),
            ("producer", bytes(2)),
            ("observer", bytes(4)),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_mapping_is_of_the_ring_whose_end_has_its_inode() {
        let tree = Tree::new();
        process(&tree, 3, "mapper");
        process(&tree, 4, "other");
        let page = rustix::param::page_size();
        let mut text = String::new();
        for inode in [1201, 1202, 1203] {
            let (end, offset) = (0x10_0000 + 3 * page, 2 * page);
            text +=
                &format!("100000-{end:x} rw-s {offset:x} 00:13 {inode} anon_inode:ringbuffer\n");
        }
        // One of a driver, whose node has the number of another file system's inode.
        text += &format!(
            "100000-{:x} rw-s {:x} 00:06 1202 /dev/ring_test\n",
            0x10_0000 + 3 * page,
            2 * page
        );
        tree.write("/proc/3/maps", text);
        open(&tree, 3, 7, "/dev/ring_test", &lines("rbr", 7, 0, 0));
        let info = |inode, id| format!("ino:\t{inode}\n{}", lines("rb", id, 0, 0));
        open(&tree, 4, 5, "anon_inode:ringbuffer", &info(1202, 8));
        // A node, whose inode says nothing.
        open(&tree, 4, 6, "/dev/ringbuffer", &info(1203, 9));
        let found = look(&tree.root()).expect("a look");
        let rings: Vec<_> = found.mappings.iter().map(|mapping| mapping.ring).collect();
        assert_eq!(rings, [None, Some(8), None, None]);
    }

    #[test]
    fn kernel_threads_have_flags() {
        let tree = Tree::new();
        let root = tree.root();
        let is_kernels = |stat: &str| {
            tree.write("/proc/2/stat", stat);
            let comm = String::new();
            Process {
                root: &root,
                pid: 2,
                comm,
            }
            .is_kernels()
        };
        assert!(is_kernels("2 (a) b) S 0 0 0 0 -1 2129984 0 0"));
        assert!(!is_kernels("2 (a) b) S 0 0 0 0 -1 4194560 0 0"));
    }
}
