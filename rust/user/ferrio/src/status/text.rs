// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ferrio status` for people.

use super::model::{Device, End, Holder, LoadedFile, Mapping, Module, Records, Ring, Status};
use crate::output::{bytes, plain};
use std::io::{self, Write};

pub(super) fn write(status: &Status, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "modules")?;
    for module in &status.modules {
        writeln!(out, "  {:<12} {}", module.name, of_module(module))?;
    }
    writeln!(out, "devices")?;
    for device in &status.devices {
        writeln!(out, "  {:<17} {}", device.path, of_device(device))?;
    }
    writeln!(out, "rings: {}", status.rings.len())?;
    for ring in &status.rings {
        of_ring(ring, out)?;
    }
    if !status.mappings.is_empty() {
        writeln!(out, "mapped ends: {}", status.mappings.len())?;
    }
    for mapping in &status.mappings {
        writeln!(out, "  {}", of_mapping(mapping))?;
    }
    writeln!(out, "loaded files: {}", status.files.len())?;
    for file in &status.files {
        writeln!(out, "  {}", of_file(file))?;
    }
    match status.not_inspected {
        0 => Ok(()),
        1 => writeln!(out, "1 process of another user not looked at: run as root"),
        count => writeln!(
            out,
            "{count} processes of other users not looked at: run as root"
        ),
    }
}

fn of_module(module: &Module) -> String {
    if !module.loaded {
        return format!("not loaded: modprobe {}", module.name);
    }
    let mut words = vec![module.version.as_deref().map_or("no version".into(), plain)];
    // Anything else is on its way there, or away.
    words.extend(
        module
            .state
            .as_deref()
            .filter(|&state| state != "live")
            .map(plain),
    );
    words.extend(module.references.map(|count| counted(count, "reference")));
    words.extend(
        module
            .taint
            .as_deref()
            .filter(|taint| !taint.is_empty())
            .map(|taint| format!("taint {}", plain(taint))),
    );
    words.join(", ")
}

fn of_device(device: &Device) -> String {
    if !device.exists {
        return "is not there".into();
    }
    let part = |text: &Option<String>| text.as_deref().map_or("?".into(), plain);
    let mut text = format!(
        "{:<7} {} {}:{}",
        part(&device.number),
        part(&device.mode),
        part(&device.owner),
        part(&device.group)
    );
    if !device.right {
        text += &match &device.registered {
            Some(number) => format!(", not the device {}, which the module has", plain(number)),
            None => ", but no module has it".to_owned(),
        };
    }
    text + if device.may_open {
        ", yours to open"
    } else {
        ", not yours to open"
    }
}

fn of_ring(ring: &Ring, out: &mut impl Write) -> io::Result<()> {
    let device = ring.device.as_deref().map_or("ends only".into(), plain);
    let kind = if ring.records.is_some() {
        "records"
    } else {
        "bytes"
    };
    let filled = match ring.fill.saturating_mul(100).checked_div(ring.size) {
        Some(percent) if ring.allocated => format!("{percent} % full ({})", bytes(ring.fill)),
        _ => "not used yet".into(),
    };
    writeln!(
        out,
        "  {:<4} {device}, {} of {kind}, {filled}",
        ring.id,
        bytes(ring.size)
    )?;
    if ring.corrupt != "no" {
        writeln!(
            out,
            "       CORRUPT: an impossible position ({})",
            ring.corrupt
        )?;
    }
    let rows = [
        ("written", ring.written, ring.write_rate, &ring.producer),
        ("read", ring.read, ring.read_rate, &ring.consumer),
    ];
    for (what, position, rate, end) in rows {
        writeln!(
            out,
            "       {what:<8} {:>10} {:>14}   {}",
            bytes(position),
            per_second(rate),
            of_end(end)
        )?;
    }
    if let Some(records) = &ring.records {
        writeln!(out, "       {}", of_records(records))?;
    }
    for holder in &ring.holders {
        writeln!(out, "       {}", of_holder(holder))?;
    }
    Ok(())
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // not negative
fn per_second(rate: Option<f64>) -> String {
    rate.map_or("-".into(), |rate| format!("{}/s", bytes(rate as u64)))
}

fn of_end(end: &End) -> String {
    let rate = end
        .wake_rate
        .map_or(String::new(), |rate| format!(" ({rate:.0}/s)"));
    format!(
        "{}, {}{rate}, {}",
        counted(end.holders, "holder"),
        counted(end.wakes, "wake"),
        counted(end.sleeps, "sleep")
    )
}

fn of_records(records: &Records) -> String {
    let mut text = if records.many {
        "many producers"
    } else {
        "one producer"
    }
    .to_owned();
    text += if records.drop {
        ", which drop"
    } else {
        ", which wait"
    };
    text += &format!(", {} lost", records.lost());
    if records.lost() != 0 {
        text += &format!(
            " ({} full, {} too large, {} aborted, {} peer)",
            records.lost_full, records.lost_too_large, records.lost_aborted, records.lost_peer
        );
    }
    text + &format!(", {} taken back", records.discarded)
}

fn of_holder(holder: &Holder) -> String {
    format!(
        "{}[{}] fd {}: {}",
        plain(&holder.comm),
        holder.pid,
        holder.fd,
        plain(&holder.kind)
    )
}

fn of_mapping(mapping: &Mapping) -> String {
    let (comm, size) = (plain(&mapping.comm), bytes(mapping.size));
    let ring = match mapping.ring {
        Some(id) => format!("ring {id}, {size}"),
        None => format!("a ring of {size}, its descriptor is closed"),
    };
    format!("{comm}[{}]: {} of {ring}", mapping.pid, mapping.kind)
}

fn of_file(file: &LoadedFile) -> String {
    let digest = file.sha256.as_deref().map_or("no digest".into(), plain);
    format!(
        "{}[{}] fd {}: {} for {}, sha256 {digest}",
        plain(&file.comm),
        file.pid,
        file.fd,
        bytes(file.bytes),
        file.purpose
    )
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{
        fdinfo::{tests::lines, Fdinfo},
        model::FORMAT,
    };

    fn text(status: &Status) -> String {
        let mut out = Vec::new();
        write(status, &mut out).expect("a vector takes it");
        String::from_utf8(out).expect("text")
    }

    fn nothing() -> Status {
        Status {
            format: FORMAT,
            modules: vec![],
            devices: vec![],
            rings: vec![],
            mappings: vec![],
            files: vec![],
            not_inspected: 0,
        }
    }

    #[test]
    fn a_ring_with_all_there_is() {
        let info = lines("rb", 7, 3072, 1024)
            + "rb-kind:\tplain\nrb-records:\t7\nrb-lost-full:\t3\nrb-discarded:\t2\n";
        let mut ring = Fdinfo::new(&info).rings().next().expect("a ring").0;
        ring.corrupt = "producer";
        ring.write_rate = Some(2048.0);
        ring.producer.wake_rate = Some(7.4);
        ring.holders.push(Holder {
            pid: 12,
            comm: "a\x1b[2Jb".into(),
            fd: 3,
            kind: "plain".into(),
        });
        let status = Status {
            rings: vec![ring],
            not_inspected: 12,
            ..nothing()
        };
        let expected = "\
modules
devices
rings: 1
  7    ends only, 4 KiB of records, 50 % full (2 KiB)
       CORRUPT: an impossible position (producer)
       written       3 KiB        2 KiB/s   3 holders, 22 wakes (7/s), 24 sleeps
       read          1 KiB              -   2 holders, 12 wakes, 14 sleeps
       many producers, which drop, 3 lost (3 full, 0 too large, 0 aborted, 0 peer), 2 taken back
       a\\u{1b}[2Jb[12] fd 3: plain
loaded files: 0
12 processes of other users not looked at: run as root
";
        assert_eq!(text(&status), expected);
    }

    #[test]
    fn a_ring_that_nobody_used() {
        let info = lines("rb", 7, 0, 0).replace("allocated:\t1", "allocated:\t0");
        let ring = Fdinfo::new(&info).rings().next().expect("a ring").0;
        let seen = text(&Status {
            rings: vec![ring],
            ..nothing()
        });
        assert!(
            seen.contains("7    ends only, 4 KiB of bytes, not used yet\n"),
            "{seen}"
        );
        assert!(!seen.contains("CORRUPT"));
    }

    #[test]
    fn modules_and_devices() {
        let module = Module {
            name: "ringbuffer",
            loaded: true,
            state: Some("live".into()),
            version: Some("0.1.0".into()),
            references: Some(1),
            taint: Some("OE".into()),
        };
        let absent = Module {
            name: "iov_copy",
            loaded: false,
            ..module
        };
        let device = Device {
            path: "/dev/ringbuffer".into(),
            exists: true,
            right: false,
            number: Some("1:3".into()),
            registered: Some("10:5".into()),
            mode: Some("0600".into()),
            owner: Some("root".into()),
            group: Some("ferrio".into()),
            may_open: false,
        };
        let module = Module {
            name: "ringbuffer",
            loaded: true,
            state: Some("going".into()),
            version: Some("0.1.0".into()),
            references: Some(1),
            taint: Some("OE".into()),
        };
        let status = Status {
            modules: vec![module, absent],
            devices: vec![device],
            not_inspected: 1,
            ..nothing()
        };
        let expected = "\
modules
  ringbuffer   0.1.0, going, 1 reference, taint OE
  iov_copy     not loaded: modprobe iov_copy
devices
  /dev/ringbuffer   1:3     0600 root:ferrio, not the device 10:5, which the module has, not \
yours to open
rings: 0
loaded files: 0
1 process of another user not looked at: run as root
";
        assert_eq!(text(&status), expected);
    }

    #[test]
    fn mapped_ends_and_loaded_files() {
        let mapping = |kind, ring| Mapping {
            pid: 5,
            comm: "m".into(),
            kind,
            ring,
            size: 65536,
        };
        let file = LoadedFile {
            pid: 6,
            comm: "load".into(),
            fd: 3,
            bytes: 1000,
            source: "path",
            purpose: "policy",
            sha256: Some("00ff".into()),
        };
        let status = Status {
            mappings: vec![mapping("consumer", None), mapping("producer", Some(4))],
            files: vec![file],
            ..nothing()
        };
        let expected = "\
modules
devices
rings: 0
mapped ends: 2
  m[5]: consumer of a ring of 64 KiB, its descriptor is closed
  m[5]: producer of ring 4, 64 KiB
loaded files: 1
  load[6] fd 3: 1000 B for policy, sha256 00ff
";
        assert_eq!(text(&status), expected);
    }
}
