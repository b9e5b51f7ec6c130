// SPDX-License-Identifier: MIT OR Apache-2.0

//! Digests and sizes, as they are written on a command line.

use std::str::FromStr;

/// The text after `:` in hexadecimal.
fn digits(text: &str) -> Result<Vec<u8>, String> {
    let wrong = || format!("{text}: no digest, which is hexadecimal digits, two for each byte");
    if text.is_empty() || text.len() % 2 != 0 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong()))
        .collect()
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sha256(pub(super) [u8; 32]);

impl FromStr for Sha256 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digest = digits(text)?.try_into();
        let wrong = |has: Vec<u8>| format!("a SHA-256 has 64 digits, this has {}", 2 * has.len());
        digest.map(Sha256).map_err(wrong)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verity(pub(super) ferrio_file_loader_sys::Verity);

impl FromStr for Verity {
    type Err = String;

    /// As `fsverity digest` prints it.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, digest) = text.split_once(':').unwrap_or(("", text));
        // FS_VERITY_HASH_ALG_* of linux/fsverity.h, and its bytes.
        let (algorithm, bytes) = match name {
            "sha256" => (1, 32),
            "sha512" => (2, 64),
            _ => return Err("it begins with sha256: or sha512:".into()),
        };
        let digest = digits(digest)?;
        if digest.len() != bytes {
            return Err(format!(
                "a digest of {name} has {} digits, this has {}",
                2 * bytes,
                2 * digest.len()
            ));
        }
        Ok(Verity(ferrio_file_loader_sys::Verity { algorithm, digest }))
    }
}

/// 4096, 64K, 256M, 1G: powers of 1024.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let end = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match &text[end.len()..] {
        "" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        other => return Err(format!("{other}: no unit, which is K, M or G")),
    };
    let number: u64 = end
        .parse()
        .map_err(|_| format!("{text}: no number of bytes, as 4096, 64K or 256M is"))?;
    let limit = u64::MAX >> shift;
    if number > limit {
        return Err(format!("{text}: too large"));
    }
    Ok(number << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let seen = ["0", "4096", "64K", "2MiB", "1G"].map(|text| bytes(text).unwrap());
        assert_eq!(seen, [0, 4096, 65536, 2 << 20, 1 << 30]);
        for wrong in ["", "K", "1T", "-1", "1.5M", "18014398509481984K", "K1"] {
            bytes(wrong).unwrap_err();
        }
    }

    #[test]
    fn digests() {
        let text = "00ff".repeat(16);
        assert_eq!(text.parse::<Sha256>().unwrap().0[..2], [0, 255]);
        for wrong in ["", "0", "zz", "00", &"00".repeat(33), &format!("{text}0")] {
            wrong.parse::<Sha256>().unwrap_err();
        }
    }

    #[test]
    fn digests_of_verity() {
        let pin: Verity = format!("sha512:{}", "0a".repeat(64)).parse().unwrap();
        assert_eq!((pin.0.algorithm, pin.0.digest), (2, vec![10; 64]));
        for wrong in [
            "sha256:00".to_owned(),
            "00".repeat(32),
            format!("md5:{}", "00".repeat(32)),
        ] {
            wrong.parse::<Verity>().unwrap_err();
        }
    }
}
