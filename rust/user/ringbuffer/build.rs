// SPDX-License-Identifier: MIT OR Apache-2.0

//! Makes the crate's mirror of the ABI from `rust/uapi/ferrio/ringbuffer.h`, by the bindgen that
//! builds the kernel's own bindings. `BINDGEN` names another one.

use std::{env, path::PathBuf, process::Command};

fn main() {
    println!("cargo:rerun-if-env-changed=BINDGEN");
    println!("cargo:rerun-if-changed=uapi_helper.h");
    println!("cargo:rerun-if-changed=../../uapi/ferrio/ringbuffer.h");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("uapi.rs");
    let bindgen = PathBuf::from(env::var_os("BINDGEN").unwrap_or_else(|| "bindgen".into()));
    let status = Command::new(&bindgen)
        .args(["uapi_helper.h", "--use-core", "--no-prepend-enum-name"])
        .args([
            "--generate-cstr",
            "--with-derive-default",
            "--formatter",
            "none",
        ])
        .args(["--default-enum-style", "consts"])
        .args(["--allowlist-item", "(FERRIO_RB|ferrio_rb)_.*"])
        .arg("-o")
        .arg(&out)
        .args(["--", "-I../../uapi"])
        .arg(format!(
            "--target={}",
            env::var("TARGET").expect("cargo sets TARGET")
        ))
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => panic!(
            "{}: {status}: 0.71 is needed (Debian 13's); name it in BINDGEN",
            bindgen.display()
        ),
        Err(error) => panic!(
            "{}: {error}: install 0.71 (Debian 13: apt install bindgen), or name it in BINDGEN",
            bindgen.display()
        ),
    }
}
