// SPDX-License-Identifier: MIT OR Apache-2.0

//! What modules are built with: a build tree with Rust metadata, and the tools that made it.

use super::{config::Config, system::System, Finding};

/// What a module in Rust needs of its kernel's tree, beyond what one in C does.
pub(super) const METADATA: [&str; 6] = [
    "rust/libcore.rmeta",
    "rust/libffi.rmeta",
    "rust/libbindings.rmeta",
    "rust/libkernel.rmeta",
    "rust/libmacros.so",
    "scripts/target.json",
];

pub(super) fn look(system: &System, config: &Config) -> Vec<Finding> {
    let mut findings = vec![tree(system)];
    findings.extend(metadata(system));
    findings.push(rustc(system, config));
    findings.push(bindgen(system));
    findings
}

/// Where the modules are there already, nobody has to build any.
fn lacking(system: &System, check: &str, found: &str, advice: String) -> Finding {
    if system.has_modules() {
        return Finding::ok(check, format!("{found}; not needed, the modules are there"));
    }
    Finding::fail(check, found, advice)
}

fn build(system: &System) -> String {
    format!("/lib/modules/{}/build", system.release)
}

fn tree(system: &System) -> Finding {
    let build = build(system);
    if system.root.exists(format!("{build}/Makefile")) {
        return Finding::ok("build-tree", build);
    }
    let advice = match family(system) {
        Some("arch") => "pacman -S linux-headers".to_owned(),
        Some("fedora") => format!("dnf install kernel-devel-{}", system.release),
        Some(_) => format!("apt-get install linux-headers-{}", system.release),
        None => "install the package of the kernel's headers".to_owned(),
    };
    let found = format!("no build tree in {build}");
    lacking(system, "build-tree", &found, advice)
}

fn metadata(system: &System) -> Option<Finding> {
    let build = build(system);
    if !system.root.exists(format!("{build}/Makefile")) {
        return None;
    }
    let missing: Vec<_> = METADATA
        .into_iter()
        .filter(|name| !system.root.exists(format!("{build}/{name}")))
        .collect();
    if missing.is_empty() {
        return Some(Finding::ok(
            "metadata",
            format!("{build}/rust has the kernel's crates"),
        ));
    }
    let found = format!(
        "no Rust metadata: {} missing in {build}",
        missing.join(", ")
    );
    let advice = match family(system) {
        Some("ubuntu") => format!("apt-get install linux-lib-rust-{}", system.release),
        Some("debian") => "install ferrio-dkms, which makes it; or, with ferrio's sources: \
                           make kdir"
            .to_owned(),
        _ => format!("with ferrio's sources: make check-kdir KDIR={build}, which knows more"),
    };
    Some(lacking(system, "metadata", &found, advice))
}

/// Metadata is for exactly the compiler that made it.
fn rustc(system: &System, config: &Config) -> Finding {
    let Some(version) = (system.version)("rustc") else {
        return not_installed(system, "rustc", ["rust", "rust"]);
    };
    let wanted = config
        .value("RUSTC_VERSION_TEXT")
        .filter(|text| !text.is_empty());
    match wanted {
        Some(wanted) if wanted != version => {
            let found = format!("here is {version}, the kernel was built by {wanted}");
            let advice = "put the distribution's own rustc first in PATH".to_owned();
            lacking(system, "rustc", &found, advice)
        }
        _ => Finding::ok("rustc", version),
    }
}

/// Another one than the kernel's can do as well.
fn bindgen(system: &System) -> Finding {
    match (system.version)("bindgen") {
        Some(version) => Finding::ok("bindgen", version),
        None => not_installed(system, "bindgen", ["rust-bindgen", "bindgen-cli"]),
    }
}

/// Arch and Fedora have other names for the packages.
fn not_installed(system: &System, name: &str, [arch, fedora]: [&str; 2]) -> Finding {
    let advice = match family(system) {
        Some("arch") => format!("pacman -S {arch}"),
        Some("fedora") => format!("dnf install {fedora}"),
        Some(_) => format!("apt-get install {name}"),
        None => "install it".to_owned(),
    };
    lacking(system, name, &format!("{name} is not installed"), advice)
}

/// Of the distribution.
fn family(system: &System) -> Option<&'static str> {
    let text = system.root.text("/etc/os-release").unwrap_or_default();
    let words: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or(line.strip_prefix("ID_LIKE=")))
        .flat_map(|value| value.trim_matches(['"', '\'']).split(' '))
        .collect();
    // Ubuntu is like Debian, but has the metadata in a package.
    let known = ["ubuntu", "debian", "arch", "fedora"];
    known.into_iter().find(|name| words.contains(name))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            system::tests::{only, sound, Made},
            Verdict,
        },
        *,
    };

    /// Without modules, so that they have to be built.
    fn to_build() -> Made {
        let made = sound();
        made.remove("/sys/module");
        made.module_file("modules.dep", "");
        made.tree.write("/etc/os-release", "NAME=x\nID=debian\n");
        made
    }

    fn seen(made: &Made, check: &str) -> (Verdict, String, Option<String>) {
        let system = made.system();
        let finding = only(look(&system, &Config::read(&system)), check);
        (finding.verdict, finding.found, finding.advice)
    }

    const BUILD: &str = "/lib/modules/7.3.4+deb13-amd64/build";

    #[test]
    fn a_tree_with_all() {
        let made = to_build();
        let system = made.system();
        let findings = look(&system, &Config::read(&system));
        assert_eq!(findings.len(), 4);
        assert!(findings
            .iter()
            .all(|finding| finding.verdict == Verdict::Ok));
    }

    #[test]
    fn no_tree() {
        let made = to_build();
        made.remove(BUILD);
        let advice = Some("apt-get install linux-headers-7.3.4+deb13-amd64".to_owned());
        let found = format!("no build tree in {BUILD}");
        assert_eq!(seen(&made, "build-tree"), (Verdict::Fail, found, advice));
    }

    #[test]
    fn no_tree_and_none_needed() {
        let made = sound();
        made.remove(BUILD);
        let found = format!("no build tree in {BUILD}; not needed, the modules are there");
        assert_eq!(seen(&made, "build-tree"), (Verdict::Ok, found, None));
    }

    #[test]
    fn each_part_of_the_metadata() {
        for name in METADATA {
            let made = to_build();
            made.remove(&format!("{BUILD}/{name}"));
            let (verdict, found, advice) = seen(&made, "metadata");
            assert_eq!(verdict, Verdict::Fail);
            assert_eq!(
                found,
                format!("no Rust metadata: {name} missing in {BUILD}")
            );
            let expected = "install ferrio-dkms, which makes it; or, with ferrio's sources: \
                            make kdir";
            assert_eq!(advice.as_deref(), Some(expected));
        }
    }

    #[test]
    fn advice_is_the_distribution_s() {
        let made = to_build();
        made.remove(&format!("{BUILD}/rust/libcore.rmeta"));
        for (os, expected) in [
            (
                "ID=mint\nID_LIKE=\"ubuntu debian\"",
                "apt-get install linux-lib-rust-7.3.4",
            ),
            ("ID=debian", "install ferrio-dkms"),
            (
                "ID=arch",
                "with ferrio's sources: make check-kdir KDIR=/lib/modules/7.3.4",
            ),
            (
                "",
                "with ferrio's sources: make check-kdir KDIR=/lib/modules/7.3.4",
            ),
        ] {
            made.tree.write("/etc/os-release", os);
            let advice = seen(&made, "metadata").2.expect("advice");
            assert!(advice.starts_with(expected), "{advice}");
        }
    }

    #[test]
    fn another_compiler() {
        let mut made = to_build();
        made.version = |_| Some("rustc 1.85.1 (of somebody else)".into());
        let found = "here is rustc 1.85.1 (of somebody else), the kernel was built by rustc \
                     1.85.1 (4eb161250 2025-03-15)";
        let (verdict, seen, _) = seen(&made, "rustc");
        assert_eq!((verdict, &*seen), (Verdict::Fail, found));
    }

    #[test]
    fn another_bindgen_will_do() {
        let mut made = to_build();
        made.version = |_| Some("bindgen 0.72.0".into());
        let found = "bindgen 0.72.0".to_owned();
        assert_eq!(seen(&made, "bindgen"), (Verdict::Ok, found, None));
    }

    #[test]
    fn no_tools() {
        let mut made = to_build();
        made.version = |_| None;
        for name in ["rustc", "bindgen"] {
            let advice = Some(format!("apt-get install {name}"));
            let found = format!("{name} is not installed");
            assert_eq!(seen(&made, name), (Verdict::Fail, found, advice));
        }
    }
}
