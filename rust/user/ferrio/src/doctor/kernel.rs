// SPDX-License-Identifier: MIT OR Apache-2.0

//! The kernel that runs: whether modules in Rust can be built for it, and loaded.

use super::{config::Config, system::System, Finding};
use crate::status::MODULES;
use std::{fs, path::Path};

/// What `sign-file` leaves at the end of a module.
const SIGNED: &[u8] = b"~Module signature appended~\n";

pub(super) fn look(system: &System, config: &Config) -> Vec<Finding> {
    let mut findings = vec![release(system), place(config)];
    if config.from.is_some() {
        findings.push(rust(config));
        findings.push(modules(config));
    }
    findings.push(signature(system, config));
    if config.from.is_some() {
        findings.push(kunit(config));
    }
    findings
}

fn release(system: &System) -> Finding {
    if system.release.is_empty() {
        let advice = "mount -t proc proc /proc";
        return Finding::fail("kernel", "no /proc/sys/kernel/osrelease", advice);
    }
    Finding::ok("kernel", &system.release)
}

fn place(config: &Config) -> Finding {
    match &config.from {
        Some(place) => Finding::ok("config", place),
        None => Finding::warn(
            "config",
            "the kernel's configuration is neither in /boot nor in /proc/config.gz",
            "install the package of the kernel's headers, to know more",
        ),
    }
}

fn rust(config: &Config) -> Finding {
    if config.has("RUST") {
        return Finding::ok("rust", "CONFIG_RUST=y");
    }
    Finding::fail(
        "rust",
        "CONFIG_RUST is off: this kernel takes no modules in Rust",
        "boot a kernel with it (Debian 13: linux-image-amd64 of trixie-backports)",
    )
}

fn modules(config: &Config) -> Finding {
    if config.has("MODULES") {
        return Finding::ok("modules", "CONFIG_MODULES=y");
    }
    Finding::fail(
        "modules",
        "CONFIG_MODULES is off: this kernel takes no modules",
        "boot a kernel with it",
    )
}

/// Why modules without a signature are refused; `None` if they are not.
fn enforced(system: &System, config: &Config) -> Option<String> {
    let lockdown = system
        .root
        .text("/sys/kernel/security/lockdown")
        .unwrap_or_default();
    let state = lockdown.split(['[', ']']).nth(1).unwrap_or("none");
    if state != "none" {
        return Some(format!("the kernel is locked down ({state})"));
    }
    let parameter = system
        .root
        .text("/sys/module/module/parameters/sig_enforce");
    match parameter.as_deref() {
        Ok("Y") => Some("the kernel enforces signatures (module.sig_enforce)".into()),
        Ok(_) => None,
        Err(_) => config
            .has("MODULE_SIG_FORCE")
            .then(|| "the kernel enforces signatures (CONFIG_MODULE_SIG_FORCE=y)".into()),
    }
}

fn signature(system: &System, config: &Config) -> Finding {
    let Some(why) = enforced(system, config) else {
        return Finding::ok("signature", "modules without a signature are taken");
    };
    let mut unsigned = Vec::new();
    let mut packed = Vec::new();
    for module in MODULES {
        let Some(name) = system.installed(module) else {
            continue;
        };
        let path = system
            .root
            .at(format!("/lib/modules/{}/{name}", system.release));
        if Path::new(&name).extension() != Some("ko".as_ref()) {
            packed.push(module);
        } else if !fs::read(path).is_ok_and(|bytes| bytes.ends_with(SIGNED)) {
            unsigned.push(module);
        }
    }
    if !unsigned.is_empty() {
        return Finding::fail(
            "signature",
            format!("{why}, and these have none: {}", unsigned.join(", ")),
            "sign them: make sign KEY= CERT=, Documentation/signing.rst",
        );
    }
    if !packed.is_empty() {
        return Finding::warn(
            "signature",
            format!(
                "{why}; whether these have one is compressed: {}",
                packed.join(", ")
            ),
            format!("look: modinfo -F signer {}", packed[0]),
        );
    }
    Finding::ok("signature", format!("{why}; what is installed has one"))
}

fn kunit(config: &Config) -> Finding {
    let text = if config.has("KUNIT") {
        "CONFIG_KUNIT is on: the KUnit modules can be loaded, too"
    } else {
        "CONFIG_KUNIT is off, which only the tests inside the kernel want"
    };
    Finding::ok("kunit", text)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            system::tests::{only, sound, Made, RELEASE},
            Verdict,
        },
        *,
    };

    fn seen(made: &Made, check: &str) -> Finding {
        let system = made.system();
        only(look(&system, &Config::read(&system)), check)
    }

    fn configured(text: &str) -> Made {
        let made = sound();
        made.tree.write(format!("/boot/config-{RELEASE}"), text);
        made
    }

    fn says(finding: &Finding, verdict: Verdict, found: &str) {
        assert_eq!((finding.verdict, &*finding.found), (verdict, found));
        assert_eq!(finding.advice.is_some(), verdict != Verdict::Ok);
    }

    #[test]
    fn no_proc() {
        let made = sound();
        made.remove("/proc/sys");
        let found = "no /proc/sys/kernel/osrelease";
        says(&seen(&made, "kernel"), Verdict::Fail, found);
    }

    #[test]
    fn no_configuration() {
        let made = sound();
        made.remove(&format!("/boot/config-{RELEASE}"));
        assert_eq!(seen(&made, "config").verdict, Verdict::Warn);
        let system = made.system();
        let findings = look(&system, &Config::read(&system));
        assert!(findings.iter().all(|finding| finding.check != "rust"));
    }

    #[test]
    fn a_kernel_without_rust() {
        let made = configured("CONFIG_MODULES=y\n# CONFIG_RUST is not set\n");
        let found = "CONFIG_RUST is off: this kernel takes no modules in Rust";
        says(&seen(&made, "rust"), Verdict::Fail, found);
    }

    #[test]
    fn a_kernel_without_modules() {
        let made = configured("CONFIG_RUST=y\n");
        let found = "CONFIG_MODULES is off: this kernel takes no modules";
        says(&seen(&made, "modules"), Verdict::Fail, found);
    }

    #[test]
    fn kunit_is_told() {
        let found = "CONFIG_KUNIT is on: the KUnit modules can be loaded, too";
        says(
            &seen(&configured("CONFIG_KUNIT=m\n"), "kunit"),
            Verdict::Ok,
            found,
        );
        let found = "CONFIG_KUNIT is off, which only the tests inside the kernel want";
        says(&seen(&sound(), "kunit"), Verdict::Ok, found);
    }

    #[test]
    fn locked_down_and_not_signed() {
        let made = sound();
        made.tree.write(
            "/sys/kernel/security/lockdown",
            "none [integrity] confidentiality",
        );
        made.module_file("updates/ferrio/iov_copy.ko", [b"ELF", SIGNED].concat());
        let found = "the kernel is locked down (integrity), and these have none: ringbuffer, \
                     file_loader";
        says(&seen(&made, "signature"), Verdict::Fail, found);
    }

    #[test]
    fn enforced_and_signed() {
        let made = sound();
        made.tree
            .write("/sys/module/module/parameters/sig_enforce", "Y\n");
        for module in MODULES {
            made.module_file(
                &format!("updates/ferrio/{module}.ko"),
                [b"ELF", SIGNED].concat(),
            );
        }
        let found =
            "the kernel enforces signatures (module.sig_enforce); what is installed has one";
        says(&seen(&made, "signature"), Verdict::Ok, found);
    }

    #[test]
    fn configured_to_enforce() {
        let made = configured("CONFIG_MODULE_SIG_FORCE=y\n");
        assert_eq!(seen(&made, "signature").verdict, Verdict::Fail);
        // What is in force counts.
        made.tree
            .write("/sys/module/module/parameters/sig_enforce", "N\n");
        assert_eq!(seen(&made, "signature").verdict, Verdict::Ok);
    }

    #[test]
    fn a_signature_that_is_compressed() {
        let made = sound();
        made.tree
            .write("/sys/module/module/parameters/sig_enforce", "Y\n");
        made.module_file("modules.dep", "updates/ferrio/iov_copy.ko.xz:\n");
        let seen = seen(&made, "signature");
        let found =
            "the kernel enforces signatures (module.sig_enforce); whether these have one is \
                     compressed: iov_copy";
        says(&seen, Verdict::Warn, found);
        assert_eq!(
            seen.advice.as_deref(),
            Some("look: modinfo -F signer iov_copy")
        );
    }
}
