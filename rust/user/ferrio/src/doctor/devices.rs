// SPDX-License-Identifier: MIT OR Apache-2.0

//! The devices of modules that are loaded, and who may open them.

use super::{system::System, Finding};
use crate::status::{self, MODULES};

const GROUP: &str = "ferrio";

pub(super) fn look(system: &System) -> Vec<Finding> {
    let loaded = MODULES
        .into_iter()
        .filter(|module| system.is_loaded(module));
    let mut findings: Vec<_> = loaded.map(|module| one(system, module)).collect();
    findings.push(group(system));
    findings
}

fn one(system: &System, module: &str) -> Finding {
    let check = format!("device-{module}");
    let device = status::device(system.root, module);
    let path = &device.path;
    let Some(registered) = device.registered else {
        let found = format!("/sys/class/misc/{module} is not there");
        return Finding::warn(check, found, "mount -t sysfs sysfs /sys");
    };
    if !device.exists {
        let found = format!("{path} is not there");
        let advice = "mount -t devtmpfs devtmpfs /dev, or have udev make it".to_owned();
        return Finding::fail(check, found, advice);
    }
    if !device.right {
        return Finding::fail(
            check,
            format!("{path} is not the device {registered}, which the module has"),
            format!("rm {path}; mknod {path} c {}", registered.replace(':', " ")),
        );
    }
    let (mode, group) = (
        device.mode.unwrap_or_default(),
        device.group.unwrap_or_default(),
    );
    let found = format!("{path} {registered} {mode}, group {group}");
    if device.may_open {
        return Finding::ok(check, found);
    }
    let found = format!("{found}: not yours to open");
    if module == "ringbuffer" {
        // The module makes it for everybody.
        return Finding::fail(
            check,
            found,
            format!("chmod 666 {path}; see who changed it"),
        );
    }
    let advice = if group == GROUP {
        format!("usermod -aG {GROUP} USER, and log in again; or sudo")
    } else {
        "sudo; or install 60-ferrio.rules, which gives it to the group ferrio".to_owned()
    };
    Finding::warn(check, found, advice)
}

fn group(system: &System) -> Finding {
    let list = system.root.text("/etc/group").unwrap_or_default();
    let number = list.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == GROUP).then(|| fields.nth(1)?.parse::<u32>().ok())?
    });
    match number {
        None => Finding::warn(
            "group",
            format!("there is no group {GROUP}: the devices but /dev/ringbuffer are root's alone"),
            format!(
                "systemd-sysusers, once sysusers.d/ferrio.conf is installed; \
                 or: groupadd -r {GROUP}"
            ),
        ),
        Some(_) if system.is_root => {
            Finding::ok("group", format!("{GROUP} is there; you are root"))
        }
        Some(number) if system.groups.contains(&number) => {
            Finding::ok("group", format!("you are in {GROUP}"))
        }
        Some(_) => Finding::warn(
            "group",
            format!("you are not in {GROUP}, who may open /dev/file_loader and /dev/iov_copy"),
            format!("usermod -aG {GROUP} USER, and log in again; or sudo"),
        ),
    }
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

    fn seen(made: &Made, check: &str) -> (Verdict, String, Option<String>) {
        let finding = only(look(&made.system()), check);
        (finding.verdict, finding.found, finding.advice)
    }

    #[test]
    fn one_that_is_right() {
        let made = sound();
        made.tree.write("/etc/group", "root:x:0:\n");
        let found = "/dev/ringbuffer 1:3 0666, group root".to_owned();
        assert_eq!(seen(&made, "device-ringbuffer"), (Verdict::Ok, found, None));
    }

    #[test]
    fn one_without_a_node() {
        let made = sound();
        made.remove("/dev/iov_copy");
        let (verdict, found, _) = seen(&made, "device-iov_copy");
        assert_eq!(
            (verdict, &*found),
            (Verdict::Fail, "/dev/iov_copy is not there")
        );
    }

    #[test]
    fn a_node_of_another_device() {
        let made = sound();
        made.tree.write("/sys/class/misc/iov_copy/dev", "10:120\n");
        let found = "/dev/iov_copy is not the device 10:120, which the module has".to_owned();
        let advice = Some("rm /dev/iov_copy; mknod /dev/iov_copy c 10 120".to_owned());
        assert_eq!(
            seen(&made, "device-iov_copy"),
            (Verdict::Fail, found, advice)
        );
    }

    #[test]
    fn no_sysfs() {
        let made = sound();
        made.remove("/sys/class");
        let (verdict, found, _) = seen(&made, "device-iov_copy");
        assert_eq!(
            (verdict, &*found),
            (Verdict::Warn, "/sys/class/misc/iov_copy is not there")
        );
    }

    #[test]
    fn of_a_module_that_is_not_loaded_nothing_is_said() {
        let made = sound();
        made.remove("/sys/module/iov_copy");
        let findings = look(&made.system());
        assert!(findings
            .iter()
            .all(|finding| finding.check != "device-iov_copy"));
    }

    #[test]
    fn no_group() {
        let made = sound();
        made.tree.write("/etc/group", "ferrio2:x:77:\n");
        assert_eq!(seen(&made, "group").0, Verdict::Warn);
    }

    #[test]
    fn who_is_in_the_group() {
        let mut made = sound();
        made.is_root = false;
        assert_eq!(seen(&made, "group").0, Verdict::Warn);
        made.groups = vec![5, 77];
        assert_eq!(
            seen(&made, "group"),
            (Verdict::Ok, "you are in ferrio".into(), None)
        );
    }
}
