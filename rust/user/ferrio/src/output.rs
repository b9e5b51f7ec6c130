// SPDX-License-Identifier: MIT OR Apache-2.0

//! What goes to the standard output.

use std::{
    fmt::{Display, Write as _},
    io::{self, Write as _},
    path::Path,
};

/// Whoever reads has enough (`ferrio status | head`): not an error.
pub(crate) fn or_enough(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Text of somebody else, such as the name of a process, which can do nothing to a terminal.
pub(crate) fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            safe.extend(letter.escape_default());
        } else {
            safe.push(letter);
        }
    }
    safe
}

/// The name of a file, which may be somebody else's, too.
pub(crate) fn shown(path: &Path) -> String {
    plain(&path.to_string_lossy())
}

/// JSON that can be looked at: what it leaves of control characters, DEL and those above it, can
/// only be in strings.
pub(crate) fn plain_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for letter in json.chars() {
        if matches!(letter, '\u{7f}'..='\u{9f}') {
            let _ = write!(safe, "\\u{:04x}", u32::from(letter));
        } else {
            safe.push(letter);
        }
    }
    safe
}

/// A line on the standard error; where that takes nothing, there is nobody to tell.
pub(crate) fn complain(text: impl Display) {
    let _ = writeln!(io::stderr(), "ferrio: {text}");
}

/// A number of bytes, for people: whole, or with one digit behind the point, rounded down.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut unit = "B";
    let mut shift = 0;
    for (larger, at) in UNITS.iter().zip((10..).step_by(10)) {
        if count >> at == 0 {
            break;
        }
        (unit, shift) = (larger, at);
    }
    let whole = count >> shift;
    // Of what is behind it, the first digit.
    let rest = u128::from(count) - (u128::from(whole) << shift);
    match (rest * 10) >> shift {
        0 => format!("{whole} {unit}"),
        digit => format!("{whole}.{digit} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_bytes() {
        let seen = [
            0,
            1023,
            1024,
            1536,
            65536,
            1_048_575,
            1 << 20,
            5 << 30,
            u64::MAX,
        ]
        .map(bytes);
        let expected = [
            "0 B",
            "1023 B",
            "1 KiB",
            "1.5 KiB",
            "64 KiB",
            "1023.9 KiB",
            "1 MiB",
            "5 GiB",
            "15.9 EiB",
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn nothing_that_moves_a_cursor() {
        assert_eq!(plain("a\x1b[2J\u{9b}b\nc é"), "a\\u{1b}[2J\\u{9b}b\\nc é");
    }

    #[test]
    fn json_moves_no_cursor() {
        assert_eq!(plain_json("[\"a\u{9b}\u{7f}é\"]"), "[\"a\\u009b\\u007fé\"]");
    }

    #[test]
    fn a_reader_who_has_enough() {
        assert!(or_enough(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        let full = or_enough(Err(io::ErrorKind::StorageFull.into()));
        assert_eq!(
            full.map_err(|error| error.kind()),
            Err(io::ErrorKind::StorageFull)
        );
    }
}
