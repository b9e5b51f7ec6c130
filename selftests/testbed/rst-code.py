#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""rst-code.py PAGE c|rust: a module of all code blocks of a page in that language.

What a page shows is to compile as it is: those in C are one file, those in Rust are
modules of one crate.  Exit status 1 if there is none.
"""
import re
import sys
import textwrap

CRATE = """\
#![allow(dead_code)]
#![deny(unused_imports, unused_mut, unused_variables)]
kernel::prelude::module! {
    type: Page,
    name: "page_rust",
    authors: ["The ferrio developers"],
    description: "The code blocks of a page",
    license: "GPL",
}
struct Page;
impl kernel::Module for Page {
    fn init(_module: &'static kernel::ThisModule) -> kernel::error::Result<Self> {
        Ok(Page)
    }
}
"""


def blocks(page, language):
    """Yields the text of each."""
    lines = iter(page.splitlines())
    for line in lines:
        if line.rstrip() != f".. code-block:: {language}":
            continue
        code = []
        for line in lines:
            if line and not line.startswith(" "):
                break
            code.append(line)
        yield textwrap.dedent("\n".join(code)).strip() + "\n"


def main(path, language):
    with open(path, encoding="utf-8") as page:
        found = list(blocks(page.read(), language))
    if language == "rust":
        found = [f"mod block{number} {{\n{code}}}\n" for number, code in enumerate(found)]
        print(CRATE)
    print("\n".join(found))
    return 0 if found else 1


if __name__ == "__main__":
    if len(sys.argv) != 3 or not re.fullmatch("c|rust", sys.argv[2]):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
