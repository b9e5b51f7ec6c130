# SPDX-License-Identifier: GPL-2.0
"""check-crate-docs.py JSON...: what rustdoc wrote of crates (--output-format json)

Prints each public function, method and macro, and each type, constant and trait
outside of generated mirrors, whose documents lack a section: Examples, Cost, and
Errors of those that return a Result.  Fails if there are any, or if there was
nothing to look at.
"""

import json
import sys

FUNCTIONS = {"function", "macro"}
OTHERS = {"struct", "enum", "union", "trait", "constant", "assoc_const", "static", "type_alias"}
# Made from headers, which say what each thing is.
GENERATED = "/out/"


def sections(item):
    lines = (item["docs"] or "").splitlines()
    return {line.removeprefix("# ").strip() for line in lines if line.startswith("# ")}


def returns_result(function):
    output = function["sig"]["output"] or {}
    path = output.get("resolved_path") or {}
    name = path.get("path", path.get("name", ""))
    return name.split("::")[-1] == "Result"


def of_traits(index):
    """Methods that a trait's documents are about."""
    found = set()
    for item in index.values():
        body = item["inner"].get("impl")
        if body and body["trait"]:
            found.update(str(member) for member in body["items"])
    return found


def lacks(name):
    """Looks at one crate: how many items there were, and (place, what is missing)."""
    with open(name, encoding="utf-8") as file:
        crate = json.load(file)
    index = crate["index"]
    others = of_traits(index)
    looked, found = 0, []
    for key, item in index.items():
        kind = next(iter(item["inner"]))
        if item["crate_id"] != 0 or key in others or kind not in FUNCTIONS | OTHERS:
            continue
        place = item["span"] or {"filename": "?", "begin": [0]}
        if kind in OTHERS and GENERATED in "/" + place["filename"]:
            continue
        wanted = {"Examples", "Cost"}
        if kind == "function" and returns_result(item["inner"][kind]):
            wanted.add("Errors")
        looked += 1
        where = (place["filename"], place["begin"][0])
        found += [(*where, f"{item['name']}: no # {section}")
                  for section in sorted(wanted - sections(item))]
    return looked, found


def main():
    bad = len(sys.argv) < 2
    for name in sys.argv[1:]:
        looked, found = lacks(name)
        for filename, line, text in sorted(found):
            print(f"{filename}:{line}: {text}")
        if not looked:
            print(f"{name}: nothing is public")
        bad = bad or found or not looked
    sys.exit(1 if bad else 0)


main()
