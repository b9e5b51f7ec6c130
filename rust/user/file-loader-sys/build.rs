// SPDX-License-Identifier: MIT OR Apache-2.0

//! Makes the mirror of the ABI from `rust/uapi/ferrio/file_loader.h`, by the bindgen that builds
//! the kernel's own bindings. `BINDGEN` names another one.

#[path = "../ringbuffer-sys/mirror.rs"]
mod mirror;

use mirror::{bindgen, UAPI};
use std::{env, path::PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=BINDGEN");
    println!("cargo:rerun-if-changed={UAPI}");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    bindgen(
        "../../uapi/bindgen_file_loader.h",
        &out.join("uapi.rs"),
        &[
            "--allowlist-item=(FERRIO_FL|ferrio_fl)_.*",
            // They grow at their ends.
            "--with-attribute-custom-struct=ferrio_fl_.*=#[non_exhaustive]",
        ],
        &[
            "../../uapi/ferrio/file_loader.h",
            "../../uapi/bindgen_file_loader.h",
        ],
    );
}
