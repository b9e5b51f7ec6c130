// SPDX-License-Identifier: MIT OR Apache-2.0

//! The modules: installed, loaded, and of which version.

use super::{system::System, Finding};
use crate::status::MODULES;

const OURS: &str = env!("CARGO_PKG_VERSION");

pub(super) fn look(system: &System) -> Vec<Finding> {
    MODULES
        .into_iter()
        .map(|module| one(system, module))
        .collect()
}

fn one(system: &System, module: &str) -> Finding {
    let check = format!("module-{module}");
    let installed = system.installed(module);
    if !system.is_loaded(module) {
        return match installed {
            Some(name) => Finding::warn(
                check,
                format!("installed ({name}), not loaded"),
                format!("modprobe {module}"),
            ),
            None => absent(system, check, module),
        };
    }
    let version = system
        .root
        .text(format!("/sys/module/{module}/version"))
        .unwrap_or_default();
    if version != OURS {
        let version = if version.is_empty() {
            "no version"
        } else {
            &version
        };
        return Finding::warn(
            check,
            format!("loaded, {version}; this command is {OURS}"),
            format!("rmmod {module}; modprobe {module}, once both are of one version"),
        );
    }
    if installed.is_none() {
        return Finding::warn(
            check,
            format!("loaded, {version}; not installed, so gone after the next boot"),
            "with ferrio's sources: make modules_install",
        );
    }
    Finding::ok(check, format!("loaded, {version}"))
}

/// Who wants one of them alone has nothing to mend.
fn absent(system: &System, check: String, module: &str) -> Finding {
    let found = "neither installed nor loaded";
    let advice = format!("install ferrio-dkms, or make and insmod out/build/default/{module}.ko");
    if MODULES.into_iter().any(|module| system.has(module)) {
        return Finding::warn(check, found, advice);
    }
    Finding::fail(check, found, advice)
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

    fn seen(made: &Made) -> (Verdict, String, Option<String>) {
        let finding = only(look(&made.system()), "module-iov_copy");
        (finding.verdict, finding.found, finding.advice)
    }

    #[test]
    fn loaded() {
        assert_eq!(
            seen(&sound()),
            (Verdict::Ok, format!("loaded, {OURS}"), None)
        );
    }

    #[test]
    fn installed_only() {
        let made = sound();
        made.remove("/sys/module/iov_copy");
        let found = "installed (updates/ferrio/iov_copy.ko), not loaded".to_owned();
        assert_eq!(
            seen(&made),
            (Verdict::Warn, found, Some("modprobe iov_copy".into()))
        );
    }

    #[test]
    fn loaded_only() {
        let made = sound();
        made.module_file("modules.dep", "");
        let found = format!("loaded, {OURS}; not installed, so gone after the next boot");
        let advice = Some("with ferrio's sources: make modules_install".to_owned());
        assert_eq!(seen(&made), (Verdict::Warn, found, advice));
    }

    #[test]
    fn of_another_version() {
        let made = sound();
        made.tree.write("/sys/module/iov_copy/version", "0.0.9\n");
        let (verdict, found, _) = seen(&made);
        let expected = format!("loaded, 0.0.9; this command is {OURS}");
        assert_eq!((verdict, found), (Verdict::Warn, expected));
    }

    #[test]
    fn one_that_is_absent_is_a_warning() {
        let made = sound();
        made.remove("/sys/module/iov_copy");
        made.module_file("modules.dep", "updates/ferrio/ringbuffer.ko:\n");
        let (verdict, found, _) = seen(&made);
        assert_eq!(
            (verdict, &*found),
            (Verdict::Warn, "neither installed nor loaded")
        );
    }

    #[test]
    fn all_that_are_absent_are_a_failure() {
        let made = sound();
        made.remove("/sys/module");
        made.module_file("modules.dep", "");
        let (verdict, found, advice) = seen(&made);
        assert_eq!(
            (verdict, &*found),
            (Verdict::Fail, "neither installed nor loaded")
        );
        let expected = "install ferrio-dkms, or make and insmod out/build/default/iov_copy.ko";
        assert_eq!(advice.as_deref(), Some(expected));
    }
}
