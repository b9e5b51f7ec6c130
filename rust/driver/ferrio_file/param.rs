// SPDX-License-Identifier: GPL-2.0

//! A text as a module parameter, for a path or a digest: `module!` knows numbers alone.
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)

/// Declares `static NAME: StrParam`, a module parameter of mode 0444.
///
/// `str_param!(static FILE: crate::LocalModule, "file" = c"/etc/mine.conf", "what it is for");`
#[macro_export]
macro_rules! str_param {
    (
        $(#[$doc:meta])*
        static $name:ident: $module:ty, $text:literal = $default:expr, $help:literal
    ) => {
        $(#[$doc])*
        static $name: $crate::StrParam = $crate::StrParam::new($default);

        const _: () = {
            const TEXT: &[u8] = concat!($text, "\0").as_bytes();

            #[used]
            #[link_section = "__param"]
            static PARAM: ::kernel::module_param::KernelParam =
                ::kernel::module_param::KernelParam::new(::kernel::bindings::kernel_param {
                    name: TEXT.as_ptr().cast(),
                    mod_: <$module as ::kernel::ModuleMetadata>::THIS_MODULE.as_ptr(),
                    ops: &raw const ::kernel::bindings::param_ops_charp,
                    perm: 0o444,
                    level: -1,
                    flags: 0,
                    // param_set_charp() stores one pointer.
                    __bindgen_anon_1: ::kernel::bindings::kernel_param__bindgen_ty_1 {
                        arg: (&raw const $name).cast_mut().cast(),
                    },
                });

            #[used]
            #[link_section = ".modinfo"]
            static INFO: [u8; concat!("parm=", $text, ":", $help, "\0").len()] =
                $crate::bytes(concat!("parm=", $text, ":", $help, "\0"));

            #[used]
            #[link_section = ".modinfo"]
            static KIND: [u8; concat!("parmtype=", $text, ":charp\0").len()] =
                $crate::bytes(concat!("parmtype=", $text, ":charp\0"));
        };
    };
}

/// A string as an array, which is what a section can hold.
#[doc(hidden)]
pub const fn bytes<const N: usize>(text: &str) -> [u8; N] {
    let mut out = [0; N];
    let mut at = 0;
    while at < N {
        out[at] = text.as_bytes()[at];
        at += 1;
    }
    out
}
