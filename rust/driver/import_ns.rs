// SPDX-License-Identifier: GPL-2.0

//! `MODULE_IMPORT_NS()` of a header, which only C sees: for the crate over that header.

const KEY: &[u8] = b"import_ns=";

/// How long the line is.
pub(crate) const fn len(name: &[u8]) -> usize {
    KEY.len() + name.len()
}

/// The line of `.modinfo` for a name that ends in a zero.
pub(crate) const fn line<const N: usize>(name: &[u8]) -> [u8; N] {
    let mut text = [0; N];
    let mut at = 0;
    while at < N {
        text[at] = if at < KEY.len() {
            KEY[at]
        } else {
            name[at - KEY.len()]
        };
        at += 1;
    }
    text
}
