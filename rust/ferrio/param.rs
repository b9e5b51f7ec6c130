// SPDX-License-Identifier: GPL-2.0

//! Module parameters that can be read and changed in sysfs.
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)
//!
//! Parameters of the `module!` macro do not appear in `/sys/module/*/parameters`.

use kernel::sync::atomic::{Atomic, Relaxed};

/// The storage of a parameter of C type `unsigned long`.
#[repr(transparent)]
pub struct Ulong(Atomic<usize>);

impl Ulong {
    /// The value before insmod and sysfs had their say.
    pub const fn new(default: usize) -> Self {
        Ulong(Atomic::new(default))
    }

    /// The value of now; sysfs may change it at any time.
    pub fn get(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// Declares `static NAME: Ulong`, a module parameter of mode 0644.
///
/// `ulong_param!(static LIMIT: crate::LocalModule, "limit" = 5, "what it is for");`
#[macro_export]
macro_rules! ulong_param {
    (
        $(#[$doc:meta])*
        static $name:ident: $module:ty, $text:literal = $default:expr, $help:literal
    ) => {
        $(#[$doc])*
        static $name: $crate::param::Ulong = $crate::param::Ulong::new($default);

        const _: () = {
            const TEXT: &[u8] = concat!($text, "\0").as_bytes();

            #[used]
            #[link_section = "__param"]
            static PARAM: ::kernel::module_param::KernelParam =
                ::kernel::module_param::KernelParam::new(::kernel::bindings::kernel_param {
                    name: TEXT.as_ptr().cast(),
                    mod_: <$module as ::kernel::ModuleMetadata>::THIS_MODULE.as_ptr(),
                    ops: &raw const ::kernel::bindings::param_ops_ulong,
                    perm: 0o644,
                    level: -1,
                    flags: 0,
                    // param_set_ulong() stores one aligned unsigned long, as an atomic does.
                    __bindgen_anon_1: ::kernel::bindings::kernel_param__bindgen_ty_1 {
                        arg: (&raw const $name).cast_mut().cast(),
                    },
                });

            #[used]
            #[link_section = ".modinfo"]
            static INFO: [u8; concat!("parm=", $text, ":", $help, "\0").len()] =
                $crate::param::bytes(concat!("parm=", $text, ":", $help, "\0"));

            #[used]
            #[link_section = ".modinfo"]
            static KIND: [u8; concat!("parmtype=", $text, ":ulong\0").len()] =
                $crate::param::bytes(concat!("parmtype=", $text, ":ulong\0"));
        };
    };
}
pub use ulong_param;

/// A string as an array, which is what a section can hold.
#[doc(hidden)]
pub const fn bytes<const N: usize>(text: &str) -> [u8; N] {
    let mut out = [0; N];
    let mut i = 0;
    while i < N {
        out[i] = text.as_bytes()[i];
        i += 1;
    }
    out
}
