// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the checks look at: files below a root, and what only the running system can tell.

use crate::{root::Root, status::MODULES};
use rustix::process::{geteuid, getgroups};
use std::{fs::File, os::fd::AsFd, process::Command};

/// What a user has of rings, or of loaded files, and may have.
#[derive(Clone, Copy)]
pub(super) struct Usage {
    pub(super) held: u64,
    pub(super) max_held: u64,
    pub(super) bytes: u64,
    pub(super) max_bytes: u64,
}

pub(super) struct System<'a> {
    pub(super) root: &'a Root,
    /// As `uname -r` has it; empty if it is not known.
    pub(super) release: String,
    pub(super) is_root: bool,
    /// Of the caller, less the user's own one.
    pub(super) groups: Vec<u32>,
    /// `None` if the device cannot be asked.
    pub(super) rings: Option<Usage>,
    pub(super) loads: Option<Usage>,
    /// The first line of what a tool says to `--version`.
    pub(super) version: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> System<'a> {
    pub(super) fn here(root: &'a Root) -> Self {
        if !root.is_live() {
            return Self::of(root);
        }
        System {
            is_root: geteuid().is_root(),
            groups: getgroups()
                .unwrap_or_default()
                .into_iter()
                .map(rustix::fs::Gid::as_raw)
                .collect(),
            rings: rings(),
            loads: loads(),
            version: &version,
            ..Self::of(root)
        }
    }

    /// Of nothing but the files: the system that runs is another one.
    pub(super) fn of(root: &'a Root) -> Self {
        System {
            root,
            release: root.text("/proc/sys/kernel/osrelease").unwrap_or_default(),
            is_root: false,
            groups: Vec::new(),
            rings: None,
            loads: None,
            version: &|_| None,
        }
    }

    pub(super) fn is_loaded(&self, module: &str) -> bool {
        self.root.exists(format!("/sys/module/{module}"))
    }

    /// Where depmod found it, below `/lib/modules/RELEASE`.
    pub(super) fn installed(&self, module: &str) -> Option<String> {
        let list = self
            .root
            .text(format!("/lib/modules/{}/modules.dep", self.release))
            .ok()?;
        let names = list.lines().filter_map(|line| line.split_once(':'));
        names
            .map(|(name, _)| name)
            .find(|name| {
                let file = name.rsplit('/').next().unwrap_or(name);
                let module_of = file.split_once(".ko").map(|(module, _)| module);
                module_of == Some(module)
            })
            .map(str::to_owned)
    }

    pub(super) fn has(&self, module: &str) -> bool {
        self.is_loaded(module) || self.installed(module).is_some()
    }

    /// Whether every module is there, so that none has to be built.
    pub(super) fn has_modules(&self) -> bool {
        MODULES.into_iter().all(|module| self.has(module))
    }
}

fn device(path: &str) -> Option<File> {
    File::options().read(true).write(true).open(path).ok()
}

/// This makes a ring, and closes it.
fn rings() -> Option<Usage> {
    let ring = device("/dev/ringbuffer")?;
    let info = ferrio_ringbuffer_sys::get_info(ring.as_fd()).ok()?;
    Some(Usage {
        // Less that one.
        held: info.user_rings.saturating_sub(1),
        max_held: info.user_max_rings,
        bytes: info.user_bytes,
        max_bytes: info.user_max_bytes,
    })
}

fn loads() -> Option<Usage> {
    let loader = device("/dev/file_loader")?;
    let info = ferrio_file_loader_sys::get_info(loader.as_fd()).ok()?;
    Some(Usage {
        held: info.user_blobs,
        max_held: info.user_max_blobs,
        bytes: info.user_bytes,
        max_bytes: info.user_max_bytes,
    })
}

fn version(tool: &str) -> Option<String> {
    // Not where the caller happens to be: rustup runs what a file there, of anybody, names.
    let said = Command::new(tool)
        .arg("--version")
        .current_dir("/")
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    (said.status.success() && !line.is_empty()).then_some(line)
}

#[cfg(test)]
pub(super) mod tests {
    use super::{super::Finding, *};
    use crate::root::tests::Tree;

    pub(crate) const RELEASE: &str = "7.3.4+deb13-amd64";
    const DIR: &str = "/lib/modules/7.3.4+deb13-amd64";

    /// A system of files, and what else it is.
    pub(crate) struct Made {
        pub(crate) tree: Tree,
        root: Root,
        pub(crate) is_root: bool,
        pub(crate) groups: Vec<u32>,
        pub(crate) rings: Option<Usage>,
        pub(crate) loads: Option<Usage>,
        pub(crate) version: fn(&str) -> Option<String>,
    }

    impl Made {
        pub(crate) fn system(&self) -> System<'_> {
            System {
                is_root: self.is_root,
                groups: self.groups.clone(),
                rings: self.rings,
                loads: self.loads,
                version: &self.version,
                ..System::of(&self.root)
            }
        }

        /// Of a file in the directory of the release's modules.
        pub(crate) fn module_file(&self, name: &str, text: impl AsRef<[u8]>) {
            self.tree.write(format!("{DIR}/{name}"), text);
        }

        pub(crate) fn remove(&self, path: &str) {
            let path = self.root.at(path);
            if path.is_dir() && !path.is_symlink() {
                std::fs::remove_dir_all(path).expect("a directory");
            } else {
                std::fs::remove_file(path).expect("a file");
            }
        }

        pub(crate) fn node(&self, name: &str, target: &str, number: &str) {
            self.tree.link(&format!("/dev/{name}"), target);
            self.tree
                .write(format!("/sys/class/misc/{name}/dev"), number);
        }
    }

    /// Debian's kernel, all modules loaded, nothing to complain of.
    pub(crate) fn sound() -> Made {
        let tree = Tree::new();
        let root = tree.root();
        let made = Made {
            tree,
            root,
            is_root: true,
            groups: vec![],
            rings: Some(Usage {
                held: 1,
                max_held: 1024,
                bytes: 65536,
                max_bytes: 64 << 20,
            }),
            loads: Some(Usage {
                held: 2,
                max_held: 256,
                bytes: 4096,
                max_bytes: 256 << 20,
            }),
            version: |tool| match tool {
                "rustc" => Some("rustc 1.85.1 (4eb161250 2025-03-15)".into()),
                "bindgen" => Some("bindgen 0.71.1".into()),
                _ => None,
            },
        };
        let tree = &made.tree;
        tree.write("/proc/sys/kernel/osrelease", format!("{RELEASE}\n"));
        tree.write(
            format!("/boot/config-{RELEASE}"),
            "CONFIG_RUST=y\nCONFIG_MODULES=y\nCONFIG_MODULE_SIG=y\n\
             # CONFIG_MODULE_SIG_FORCE is not set\n# CONFIG_KUNIT is not set\n\
             CONFIG_RUSTC_VERSION_TEXT=\"rustc 1.85.1 (4eb161250 2025-03-15)\"\n\
             CONFIG_BINDGEN_VERSION_TEXT=\"bindgen 0.71.1\"\n",
        );
        for name in super::super::tree::METADATA {
            made.module_file(&format!("build/{name}"), "");
        }
        made.module_file("build/Makefile", "");
        let mut dep = String::new();
        for (name, target, number) in [
            ("ringbuffer", "/dev/null", "1:3"),
            ("file_loader", "/dev/zero", "1:5"),
            ("iov_copy", "/dev/full", "1:7"),
        ] {
            tree.write(
                format!("/sys/module/{name}/version"),
                env!("CARGO_PKG_VERSION"),
            );
            tree.write(format!("/sys/module/{name}/initstate"), "live");
            dep += &format!("updates/ferrio/{name}.ko: kernel/lib/other.ko\n");
            made.module_file(&format!("updates/ferrio/{name}.ko"), "");
            made.node(name, target, number);
        }
        made.module_file("modules.dep", dep);
        tree.write("/etc/group", "root:x:0:\nferrio:x:77:\n");
        tree.write(
            "/sys/kernel/security/lockdown",
            "[none] integrity confidentiality\n",
        );
        tree.write("/proc/self/cgroup", "0::/user\n");
        tree.write("/sys/fs/cgroup/user/memory.max", "max\n");
        tree.write("/sys/fs/cgroup/user/memory.current", "4096\n");
        made
    }

    /// The finding of a check; there has to be one, and no other.
    pub(crate) fn only(findings: Vec<Finding>, check: &str) -> Finding {
        let mut found: Vec<_> = findings
            .into_iter()
            .filter(|finding| finding.check == check)
            .collect();
        assert_eq!(found.len(), 1, "{check}");
        found.remove(0)
    }

    #[test]
    fn a_module_is_found_by_its_whole_name() {
        let made = sound();
        made.module_file(
            "modules.dep",
            "kernel/a/iov_copy_other.ko.xz:\nextra/iov_copy.ko.zst: extra/ringbuffer.ko\n",
        );
        let system = made.system();
        assert_eq!(
            system.installed("iov_copy").as_deref(),
            Some("extra/iov_copy.ko.zst")
        );
        assert_eq!(system.installed("ringbuffer"), None);
    }

    #[test]
    fn tools_tell_their_first_line() {
        assert_eq!(version("/there/is/no/such/tool"), None);
        let cargo = version(env!("CARGO")).expect("what runs this test");
        assert!(cargo.starts_with("cargo "), "{cargo}");
    }
}
