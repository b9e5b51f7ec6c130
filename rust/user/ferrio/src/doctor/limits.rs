// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the caller has left: rings and loaded files, their memory, and memory at all.

use super::{
    system::{System, Usage},
    Finding,
};
use crate::output::bytes;

/// Less than that is too little for a ring and what is around it.
const LITTLE: u64 = 1 << 20;

pub(super) fn look(system: &System) -> Vec<Finding> {
    let mut findings = Vec::new();
    if system.is_loaded("ringbuffer") {
        findings.push(match system.rings {
            Some(usage) => left(usage, "ringbuffer", "rings", "max_rings"),
            None => Finding::warn(
                "limits-ringbuffer",
                "/dev/ringbuffer cannot be asked for its limits",
                "see what is said of device-ringbuffer; or the limit of rings is reached",
            ),
        });
    }
    // Who may not open it is told so by device-file_loader.
    if let Some(usage) = system.loads.filter(|_| system.is_loaded("file_loader")) {
        findings.push(left(usage, "file_loader", "loaded files", "max_blobs"));
    }
    findings.push(memory(system));
    findings
}

fn left(usage: Usage, module: &str, what: &str, parameter: &str) -> Finding {
    let check = format!("limits-{module}");
    let found = format!(
        "{} of {} {what}, {} of {} of their memory",
        usage.held,
        usage.max_held,
        bytes(usage.bytes),
        bytes(usage.max_bytes)
    );
    let short = |has: u64, max: u64| has >= max - max / 10;
    if short(usage.held, usage.max_held) || short(usage.bytes, usage.max_bytes) {
        return Finding::warn(
            check,
            format!("{found}: a tenth or less is left"),
            format!(
                "ferrio status shows who holds them; root can set user_{parameter} and \
                 user_max_bytes in /sys/module/{module}/parameters"
            ),
        );
    }
    Finding::ok(check, found)
}

/// Rings and loaded files are charged to the memory cgroup, and a full one is ENOMEM.
fn memory(system: &System) -> Finding {
    match room(system) {
        None => Finding::ok("memory", "no memory cgroup has a limit"),
        Some((left, group)) if left < LITTLE => Finding::warn(
            "memory",
            format!("the cgroup {group} has {} left", bytes(left)),
            format!("raise /sys/fs/cgroup{group}/memory.max, or end what fills it"),
        ),
        Some((left, group)) => Finding::ok(
            "memory",
            format!("the cgroup {group} has {} left", bytes(left)),
        ),
    }
}

/// The least of the group's and those above it.
fn room(system: &System) -> Option<(u64, String)> {
    let text = system.root.text("/proc/self/cgroup").ok()?;
    let mut group = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mut least: Option<(u64, String)> = None;
    // Of a group outside of our name space there is nothing to see.
    while !group.contains("..") {
        let number = |what: &str| {
            system
                .root
                .number(format!("/sys/fs/cgroup{group}/memory.{what}"))
        };
        if let (Some(max), Some(current)) = (number("max"), number("current")) {
            let left = max.saturating_sub(current);
            if least.as_ref().is_none_or(|(least, _)| left < *least) {
                least = Some((left, group.to_owned()));
            }
        }
        let Some((above, _)) = group.rsplit_once('/') else {
            break;
        };
        group = above;
    }
    least
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            system::{
                tests::{only, sound, Made},
                Usage,
            },
            Verdict,
        },
        *,
    };

    fn seen(made: &Made, check: &str) -> (Verdict, String) {
        let finding = only(look(&made.system()), check);
        (finding.verdict, finding.found)
    }

    #[test]
    fn what_is_used_of_what() {
        let rings = "1 of 1024 rings, 64 KiB of 64 MiB of their memory".to_owned();
        assert_eq!(seen(&sound(), "limits-ringbuffer"), (Verdict::Ok, rings));
        let loads = "2 of 256 loaded files, 4 KiB of 256 MiB of their memory".to_owned();
        assert_eq!(seen(&sound(), "limits-file_loader"), (Verdict::Ok, loads));
    }

    #[test]
    fn a_tenth_is_little() {
        for (held, size, verdict) in [
            (89, 0, Verdict::Ok),
            (90, 0, Verdict::Warn),
            (0, 899, Verdict::Ok),
            (0, 900, Verdict::Warn),
        ] {
            let usage = Some(Usage {
                held,
                max_held: 100,
                bytes: size,
                max_bytes: 1000,
            });
            let mut made = sound();
            (made.rings, made.loads) = (usage, usage);
            for check in ["limits-ringbuffer", "limits-file_loader"] {
                assert_eq!(seen(&made, check).0, verdict, "{check} {held} {size}");
            }
        }
    }

    #[test]
    fn a_device_that_does_not_answer() {
        let mut made = sound();
        (made.rings, made.loads) = (None, None);
        let found = "/dev/ringbuffer cannot be asked for its limits".to_owned();
        assert_eq!(seen(&made, "limits-ringbuffer"), (Verdict::Warn, found));
        let checks: Vec<_> = look(&made.system())
            .into_iter()
            .map(|it| it.check)
            .collect();
        assert_eq!(checks, ["limits-ringbuffer", "memory"]);
    }

    fn grouped(max: &str, above: &str) -> Made {
        let made = sound();
        made.tree.write("/proc/self/cgroup", "1:cpu:/\n0::/a/b\n");
        for (group, max) in [("a/b", max), ("a", above)] {
            made.tree
                .write(format!("/sys/fs/cgroup/{group}/memory.max"), max);
            made.tree.write(
                format!("/sys/fs/cgroup/{group}/memory.current"),
                "1048576\n",
            );
        }
        made
    }

    #[test]
    fn no_limit() {
        let found = "no memory cgroup has a limit".to_owned();
        assert_eq!(
            seen(&grouped("max\n", "max\n"), "memory"),
            (Verdict::Ok, found.clone())
        );
        let made = sound();
        made.remove("/proc/self/cgroup");
        assert_eq!(seen(&made, "memory"), (Verdict::Ok, found));
    }

    #[test]
    fn the_least_room_counts() {
        let found = "the cgroup /a/b has 4 MiB left".to_owned();
        assert_eq!(
            seen(&grouped("5242880", "9999999"), "memory"),
            (Verdict::Ok, found)
        );
        let found = "the cgroup /a has 512 KiB left".to_owned();
        assert_eq!(
            seen(&grouped("5242880", "1572864"), "memory"),
            (Verdict::Warn, found)
        );
    }
}
