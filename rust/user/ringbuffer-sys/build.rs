// SPDX-License-Identifier: MIT OR Apache-2.0

//! Makes the mirror of the ABI from `rust/uapi/ferrio/ringbuffer.h`, by the bindgen that builds the
//! kernel's own bindings. `BINDGEN` names another one. With the feature `c`, compiles C's
//! `ferrio/ring.h` and makes its mirror as well.

mod kernel_doc;

use kernel_doc::Mirror;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

const UAPI: &str = "../../uapi";
#[cfg(feature = "c")]
const LIBRARY: &str = "../include";

fn main() {
    println!("cargo:rerun-if-env-changed=BINDGEN");
    println!("cargo:rerun-if-changed={UAPI}");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    bindgen(
        "../../uapi/bindgen_ringbuffer.h",
        &out.join("uapi.rs"),
        &[
            "--allowlist-item=(FERRIO_RB|ferrio_rb)_.*",
            // They grow at their ends.
            "--with-attribute-custom-struct=ferrio_rb_.*=#[non_exhaustive]",
        ],
        &[
            "../../uapi/ferrio/ringbuffer.h",
            "../../uapi/bindgen_ringbuffer.h",
        ],
    );
    #[cfg(feature = "c")]
    library(&out);
}

/// All of it is static and inline: bindgen writes a function that can be linked around each, and
/// no prototype is written by hand.
#[cfg(feature = "c")]
fn library(out: &Path) {
    println!("cargo:rerun-if-changed={LIBRARY}");
    println!("cargo:rerun-if-changed=c_library.h");
    let wrappers = out.join("wrappers");
    bindgen(
        "c_library.h",
        &out.join("c_library.rs"),
        &[
            "--allowlist-function=ring(buffer|_record).*",
            "--allowlist-type=ring(buffer|_records)",
            "--blocklist-type=ferrio_rb_.*",
            "--raw-line=use crate::abi::*;",
            // The C library's.
            "--with-attribute-custom-struct=timespec=#[doc(hidden)]",
            "--experimental",
            "--wrap-static-fns",
            "--wrap-static-fns-path",
            wrappers.to_str().expect("a path in UTF-8"),
        ],
        &[
            "ring.h",
            "ring-map.h",
            "ring-call.h",
            "ring-end.h",
            "ring-many.h",
            "ring-records.h",
        ]
        .map(|name| format!("{LIBRARY}/ferrio/{name}")),
    );
    cc::Build::new()
        .file(wrappers.with_extension("c"))
        .includes([UAPI, LIBRARY, "."])
        .warnings(true)
        .extra_warnings(true)
        .warnings_into_errors(true)
        .compile("ferrio_ring_c");
}

/// The options that the module's mirror has as well.
fn common() -> Vec<String> {
    let name = Path::new(UAPI).join("bindgen_parameters");
    let text = read(&name);
    let options = text.lines().filter(|line| line.starts_with("--"));
    options.map(str::to_owned).collect()
}

fn read(name: &Path) -> String {
    fs::read_to_string(name).unwrap_or_else(|error| panic!("{}: {error}", name.display()))
}

/// The words of the mirror's documents come from `documents`.
fn bindgen(header: &str, output: &Path, arguments: &[&str], documents: &[impl AsRef<Path>]) {
    let bindgen = PathBuf::from(env::var_os("BINDGEN").unwrap_or_else(|| "bindgen".into()));
    let target = env::var("TARGET").expect("cargo sets TARGET");
    let status = Command::new(&bindgen)
        .arg(header)
        .args(common())
        .args(["--generate-cstr", "--with-derive-default"])
        .args(["--formatter", "none", "--no-doc-comments"])
        .args(arguments)
        .arg("-o")
        .arg(output)
        .args(["--", "-I../../uapi", "-I../include"])
        .arg(format!("--target={target}"))
        .status();
    match status {
        Ok(status) if status.success() => document(output, documents),
        Ok(status) => panic!(
            "{}: {status}: what it says is above; 0.71 is needed, name it in BINDGEN",
            bindgen.display()
        ),
        Err(error) => panic!(
            "{}: {error}: install 0.71 (Debian 13: apt install bindgen; else cargo install \
             bindgen-cli --version 0.71.1), or name it in BINDGEN",
            bindgen.display()
        ),
    }
}

fn document(output: &Path, headers: &[impl AsRef<Path>]) {
    let mut mirror = Mirror::new(&read(output));
    for header in headers {
        mirror.document(&read(header.as_ref()));
    }
    fs::write(output, mirror.into_text())
        .unwrap_or_else(|error| panic!("{}: {error}", output.display()));
}
