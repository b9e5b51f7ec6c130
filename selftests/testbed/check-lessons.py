#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""check-lessons.py: compares Documentation/lessons.rst with manifest and mutants.

Each lesson names tests that have to be in the manifest, and mutants that have to
be there; at least one of its mutants is to be killed by one of its tests.
"""
import collections
import os
import re
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PAGE = "Documentation/lessons.rst"


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as text:
        return text.read()


def lessons():
    """{"C1": {"test": [...], "mutant": [...]}}"""
    found = {}
    for line in read(PAGE).splitlines():
        head = re.match(r"([CI]\d+): ", line)
        item = re.match(r" +\* (test|mutant): (\S+)$", line)
        if head:
            found[head[1]] = current = collections.defaultdict(list)
        elif item:
            current[item[1]].append(item[2])
    return found


def wrong(lesson, manifest):
    """Yields what is wrong with @lesson."""
    for test in lesson["test"]:
        if test not in manifest:
            yield f"{test} is not in selftests/manifest"
    killers = set()
    for mutant in lesson["mutant"]:
        try:
            patch = read(f"selftests/mutants/{mutant}.patch")
        except FileNotFoundError:
            yield f"selftests/mutants/{mutant}.patch is missing"
            continue
        killers.update(re.findall(r"^# kills: (\S+) @", patch, re.M))
    if not killers & set(lesson["test"]):
        yield "none of its mutants is killed by one of its tests"


def main():
    manifest = {line.split(" | ")[0] for line in
                read("selftests/manifest").splitlines() if " | " in line}
    found = lessons()
    bad = [f"{PAGE}: {name}: {what}" for name, lesson in found.items()
           for what in wrong(lesson, manifest)]
    print("\n".join(bad) if bad else f"{len(found)} lessons are kept")
    return 1 if bad or not found else 0


if __name__ == "__main__":
    sys.exit(main())
