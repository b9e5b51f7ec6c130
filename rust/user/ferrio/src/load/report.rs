// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is known of a blob.

use crate::output::{bytes, plain, plain_json};
use ferrio_file_loader_sys::{abi, Blob};
use serde::Serialize;
use std::fmt::Write;

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn purpose(blob: &Blob) -> &'static str {
    match blob.info.purpose {
        abi::FERRIO_FL_FIRMWARE => "firmware",
        abi::FERRIO_FL_POLICY => "policy",
        abi::FERRIO_FL_X509_CERTIFICATE => "certificate",
        _ => "unknown",
    }
}

/// As `fsverity digest` prints it; `None`: the file has none.
fn verity(blob: &Blob) -> Option<String> {
    let name = match blob.info.verity_algorithm {
        0 => return None,
        1 => "sha256",
        2 => "sha512",
        _ => "unknown",
    };
    let digest = blob.info.verity.get(..blob.info.verity_bytes as usize)?;
    Some(format!("{name}:{}", hex(digest)))
}

/// Seconds since 1970, which `date -d @…` reads.
fn time(blob: &Blob) -> String {
    format!("{}.{:09}", blob.info.mtime_sec, blob.info.mtime_nsec)
}

fn milliseconds(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000_000, ns / 1000 % 1000)
}

pub(super) fn text(blob: &Blob) -> String {
    let info = &blob.info;
    let path = blob
        .path
        .as_deref()
        .map_or("-".into(), |path| plain(&path.to_string_lossy()));
    let verity = verity(blob).unwrap_or("none".into());
    format!(
        "path    {path}\n\
         bytes   {} ({})\n\
         sha256  {}\n\
         verity  {verity}\n\
         file    device {}:{}, inode {}, modified @{}\n\
         loaded  as {}, by user {}\n\
         took    open {}, memory {}, read {}, digest {} ms\n",
        info.bytes,
        bytes(info.bytes),
        hex(&info.sha256),
        info.dev_major,
        info.dev_minor,
        info.inode,
        time(blob),
        purpose(blob),
        info.uid,
        milliseconds(info.open_ns),
        milliseconds(info.memory_ns),
        milliseconds(info.read_ns),
        milliseconds(info.digest_ns),
    )
}

#[derive(Serialize)]
struct Object<'a> {
    path: Option<String>,
    bytes: u64,
    sha256: String,
    verity: Option<String>,
    device: String,
    inode: u64,
    modified: String,
    purpose: &'a str,
    uid: u32,
    open_ns: u64,
    memory_ns: u64,
    read_ns: u64,
    digest_ns: u64,
}

pub(super) fn json(blob: &Blob) -> serde_json::Result<String> {
    let info = &blob.info;
    let object = Object {
        path: blob
            .path
            .as_deref()
            .map(|path| path.to_string_lossy().into_owned()),
        bytes: info.bytes,
        sha256: hex(&info.sha256),
        verity: verity(blob),
        device: format!("{}:{}", info.dev_major, info.dev_minor),
        inode: info.inode,
        modified: time(blob),
        purpose: purpose(blob),
        uid: info.uid,
        open_ns: info.open_ns,
        memory_ns: info.memory_ns,
        read_ns: info.read_ns,
        digest_ns: info.digest_ns,
    };
    serde_json::to_string(&object).map(|text| plain_json(&text) + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob() -> Blob {
        let mut info = abi::ferrio_fl_blob::new();
        (info.bytes, info.uid, info.purpose) = (5000, 7, abi::FERRIO_FL_POLICY);
        info.sha256[0] = 0xab;
        (info.dev_major, info.dev_minor, info.inode) = (8, 1, 42);
        (info.mtime_sec, info.mtime_nsec) = (1_700_000_000, 5);
        info.read_ns = 12_345_678;
        Blob::new(info, Some("/etc/a\u{1b}b".into()))
    }

    #[test]
    fn for_people() {
        let zeros = "00".repeat(31);
        assert_eq!(
            text(&blob()),
            format!(
                "path    /etc/a\\u{{1b}}b\n\
                 bytes   5000 (4.8 KiB)\n\
                 sha256  ab{zeros}\n\
                 verity  none\n\
                 file    device 8:1, inode 42, modified @1700000000.000000005\n\
                 loaded  as policy, by user 7\n\
                 took    open 0.000, memory 0.000, read 12.345, digest 0.000 ms\n"
            )
        );
    }

    #[test]
    fn for_programs() {
        let line = json(&blob()).unwrap();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["inode"], 42);
        assert_eq!(value["verity"], serde_json::Value::Null);
        assert_eq!(value["device"], "8:1");
        assert!(line.ends_with("}\n"));
    }
}
