// SPDX-License-Identifier: MIT OR Apache-2.0

//! There is one version, in the file VERSION; where the sources are without it, it is cargo's.

use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../../../VERSION");
    let here = env::var("CARGO_PKG_VERSION").expect("cargo sets CARGO_PKG_VERSION");
    if let Ok(text) = fs::read_to_string("../../../VERSION") {
        let there = text.trim();
        assert_eq!(
            here, there,
            "version of Cargo.toml, and of the file VERSION"
        );
    }
}
