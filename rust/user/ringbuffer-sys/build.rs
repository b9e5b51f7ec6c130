// SPDX-License-Identifier: MIT OR Apache-2.0

//! Makes the mirror of the ABI from `rust/uapi/ferrio/ringbuffer.h`, by the bindgen that builds the
//! kernel's own bindings. `BINDGEN` names another one. With the feature `c`, compiles C's
//! `ferrio/ring.h` and makes its mirror as well.

mod mirror;

use mirror::{bindgen, UAPI};
#[cfg(feature = "c")]
use std::path::Path;
use std::{env, path::PathBuf};

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
