// SPDX-License-Identifier: MIT OR Apache-2.0

//! Devices: whether a node is that of the module, and who may open it.

use super::model::Device;
use crate::root::Root;
use rustix::fs::{accessat, major, minor, Access, AtFlags, CWD};
use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
};

pub(crate) fn look(root: &Root, name: &str) -> Device {
    let path = format!("/dev/{name}");
    let at = root.at(&path);
    let node = fs::metadata(&at).ok();
    let number = node
        .as_ref()
        .filter(|node| node.file_type().is_char_device())
        .map(|node| format!("{}:{}", major(node.rdev()), minor(node.rdev())));
    let registered = root.text(format!("/sys/class/misc/{name}/dev")).ok();
    let access = Access::READ_OK | Access::WRITE_OK;
    Device {
        path,
        exists: node.is_some(),
        right: number.is_some() && number == registered,
        mode: node
            .as_ref()
            .map(|node| format!("{:04o}", node.mode() & 0o7777)),
        owner: node
            .as_ref()
            .map(|node| name_of(root, "/etc/passwd", node.uid())),
        group: node
            .as_ref()
            .map(|node| name_of(root, "/etc/group", node.gid())),
        number,
        registered,
        // Opening it would make a ring, or wake somebody who watches.
        may_open: accessat(CWD, &at, access, AtFlags::EACCESS).is_ok(),
    }
}

/// The name in the first field of the line whose third one is `id`; else the number.
fn name_of(root: &Root, list: &str, id: u32) -> String {
    let text = root.text(list).unwrap_or_default();
    let number = id.to_string();
    let name = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then_some(name)
    });
    name.map_or(number.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::tests::Tree;

    /// `/dev/null` and 1:3 are what each machine has.
    fn tree(registered: &str) -> Tree {
        let tree = Tree::new();
        tree.link("/dev/ringbuffer", "/dev/null");
        tree.write("/sys/class/misc/ringbuffer/dev", registered);
        tree.write("/etc/passwd", "other:x:1:2::/:\nroot:x:0:0::/:\n");
        tree.write("/etc/group", "wheel:x:0:other\n");
        tree
    }

    #[test]
    fn one_of_the_module() {
        let seen = look(&tree("1:3\n").root(), "ringbuffer");
        assert_eq!(
            seen,
            Device {
                path: "/dev/ringbuffer".into(),
                exists: true,
                right: true,
                number: Some("1:3".into()),
                registered: Some("1:3".into()),
                mode: Some("0666".into()),
                owner: Some("root".into()),
                group: Some("wheel".into()),
                may_open: true,
            }
        );
    }

    #[test]
    fn one_of_another_number() {
        let seen = look(&tree("10:3").root(), "ringbuffer");
        assert!(seen.exists && !seen.right);
    }

    #[test]
    fn a_file_where_a_device_should_be() {
        let tree = Tree::new();
        tree.write("/dev/ringbuffer", "");
        tree.write("/sys/class/misc/ringbuffer/dev", "1:3");
        let seen = look(&tree.root(), "ringbuffer");
        assert!(seen.exists && !seen.right);
        assert_eq!(seen.number, None);
    }

    #[test]
    fn none() {
        let seen = look(&Tree::new().root(), "ringbuffer");
        assert!(!seen.exists && !seen.right && !seen.may_open);
        assert_eq!((seen.mode, seen.registered), (None, None));
    }

    #[test]
    fn an_owner_without_a_name() {
        assert_eq!(name_of(&tree("").root(), "/etc/passwd", 12), "12");
    }
}
