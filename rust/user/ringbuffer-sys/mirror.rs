// SPDX-License-Identifier: MIT OR Apache-2.0

//! Mirrors of C headers, for the build scripts of the crates whose names end in `-sys`.

#[path = "kernel_doc.rs"]
mod kernel_doc;

use kernel_doc::Mirror;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Beside the crates, in the source as well as where it is installed.
pub(crate) const UAPI: &str = "../../uapi";

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
pub(crate) fn bindgen(
    header: &str,
    output: &Path,
    arguments: &[&str],
    documents: &[impl AsRef<Path>],
) {
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
