#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Judges test results against the manifest.

results.py --manifest FILE [--places host,test,stock] [--only PREFIX]... STREAM...
results.py --manifest FILE --programs PLACE PREFIX
results.py --status FILE PREFIX ID...

A STREAM is PLACE:PREFIX:VERDICT:FILE, a file with KTAP or TAP from one guest or
program and how it ended (pass, fail or none).  PREFIX goes in front of its test
ids; a trailing "!" asks for a row PREFIX/guest/verdict of its own.

The manifest has one line a test: `test id | requirement | place,place`, and
comments behind #.  Every test has to run and pass where it is listed and may be
skipped only where it is not; one that ran without being listed is a failure.
A place of "-" is for what skips by design wherever it comes along.

--programs lists DIR:PROGRAM for the tests of PLACE whose id starts with PREFIX/.
--status prints PASS, FAIL, SKIP or MISSING for each ID of one KTAP file.
"""
import argparse
import collections
import os
import re
import sys

PASS, FAIL, SKIP = "PASS", "FAIL", "SKIP"
ABSENT = "did not run"
# A result without a name: planned, but cut away.  No test can be called this.
NAMELESS = "(no name)"
PLACES = ("host", "test", "stock", "install")
# What is meant if none is named: the others are asked for.
USUAL = ("host", "test", "stock")
Row = collections.namedtuple("Row", "place id status why")
Line = collections.namedtuple("Line", "requirement places")


def kunit_parser():
    """The kernel's own KTAP parser, of the kernel that is tested."""
    where = os.path.join(os.environ.get("KSRC", ""), "tools/testing/kunit")
    if not os.path.exists(os.path.join(where, "kunit_parser.py")):
        sys.exit(f"results.py: no kunit_parser.py in {where!r}: run make kdir, "
                 "or set KSRC to a kernel source")
    sys.path.insert(0, where)
    import kunit_parser as parser
    from kunit_printer import null_printer
    return parser, null_printer


def name_of(test):
    """kselftest's runner names a program 'selftests: DIR: PROGRAM'."""
    name = test.name.strip()
    match = re.fullmatch(r"selftests: ([^:]+): (\S+)", name)
    if match:
        name = f"{match.group(1)}/{match.group(2)}"
    name = re.sub(r"\.sh$", "", name)
    # A program named as its directory adds no level: kunit/kunit/SUITE/CASE.
    return re.sub(r"^([^/]+)/\1$", r"\1", name)


def flatten(parser, test, path):
    """Yields (id, status, why) for the leaves of a parsed test."""
    status = parser.TestStatus
    below = [row for sub in test.subtests
             for row in flatten(parser, sub, path + [name_of(sub) or NAMELESS])]
    here = "/".join(path)
    yield from below
    if test.status == status.SKIPPED:
        if not below:
            yield here, SKIP, test.skip_reason
    elif test.status == status.SUCCESS:
        if not below:
            yield here, PASS, ""
    elif not any(result == FAIL for _, result, _ in below):
        # The whole says no although no part does: it crashed, was killed, ran
        # less than it had planned, or failed after its last part.
        reason = {status.TEST_CRASHED: "crashed or cut off",
                  status.NO_TESTS: "no tests run",
                  status.FAILURE: "failed"}.get(test.status, "no results")
        tail = "; ".join(line.strip() for line in test.log[-4:])
        yield here, FAIL, f"{reason}{': ' + tail if tail else ''}"


# The manifest knows no expected failure; XFAIL would pass as "ok".
EXPECTED = re.compile(r"^\s*(?:not )?ok \d+ (?:- )?(.*?) ?# (XFAIL|XPASS)\b")


def parse(text, prefix=""):
    """Returns [(id, status, why)] of one KTAP or TAP stream."""
    parser, printer = kunit_parser()
    lines = [line.rstrip("\r") for line in text.split("\n")]
    main = parser.parse_run_tests(lines, printer)
    rows = []
    if main.status == parser.TestStatus.FAILURE_TO_PARSE_TESTS:
        rows.append(("ktap", FAIL, "no KTAP in the output"))
    for sub in main.subtests:
        rows.extend(flatten(parser, sub, [name_of(sub) or NAMELESS]))
        # What a cut took away is planned, but has no name: once is enough.
        if rows and rows[-1][0] == NAMELESS:
            break
    if not main.subtests and not rows:
        rows.append(("ktap", FAIL, "no test in the output"))
    for line in lines:
        match = EXPECTED.match(line)
        if match:
            rows.append((match.group(1).strip() or "xfail", FAIL,
                         f"{match.group(2)} is no result here"))
        elif line.lstrip().startswith("Bail out!"):
            rows.append(("bailout", FAIL, line.strip()))
    # The parser's own complaints: wrong numbers, missing results, plans.
    if main.counts.errors and not any(row[1] == FAIL for row in rows):
        rows.append(("ktap", FAIL, f"{main.counts.errors} errors in the KTAP"))
    return [(f"{prefix}/{id}" if prefix else id, status, why)
            for id, status, why in rows]


def read_stream(spec):
    """Returns the rows of PLACE:PREFIX:VERDICT:FILE."""
    place, prefix, verdict, path = spec.split(":", 3)
    if place not in PLACES or verdict not in ("pass", "fail", "none"):
        sys.exit(f"results.py: {spec!r} is not PLACE:PREFIX:VERDICT:FILE")
    guest = prefix.endswith("!")
    prefix = prefix.rstrip("!")
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError as err:
        text = f"# {err}\n"
    rows = parse(text, prefix)
    # Two ways lead out of a guest or program; they have to tell the same.
    bad = any(status == FAIL for _, status, _ in rows)
    why = {(False, "fail"): "ended with failure, but no result says why",
           (True, "pass"): "ended with success, but a result failed",
           (True, "none"): "ended without verdict",
           (False, "none"): "ended without verdict"}.get((bad, verdict))
    if guest or why:
        id = f"{prefix}/guest/verdict".lstrip("/") if guest else f"{prefix}/verdict"
        rows.append((id, FAIL if why else PASS, why or ""))
    return [Row(place, *row) for row in rows]


def read_manifest(path):
    """Returns {id: Line}; leaves with a message for a line it cannot read."""
    lines, wrong = {}, []
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            text = text.split("#", 1)[0].strip()
            if not text:
                continue
            fields = [field.strip() for field in text.split("|")]
            places = fields[2].split(",") if len(fields) == 3 else [""]
            if places == ["-"]:
                places = []
            if (not all(fields) or set(places) - set(PLACES)
                    or not re.fullmatch(r"[a-z]+\.\w+", fields[1])):
                wrong.append(f"{path}:{number}: not 'id | prefix.section | places'")
            elif fields[0] in lines:
                wrong.append(f"{path}:{number}: {fields[0]} is listed twice")
            else:
                lines[fields[0]] = Line(fields[1], places)
    if wrong:
        sys.exit("\n".join(wrong))
    return lines


def judge(manifest, rows, places, only=()):
    """Returns [Row]: the results with those added that should be there."""
    def wanted(id):
        return not only or any(id == p or id.startswith(p + "/") for p in only)

    # A program that skips as a whole stands for all its tests.
    groups = {id[:end] for id in manifest for end in range(len(id)) if id[end] == "/"}
    judged, seen = [], set()
    for row in rows:
        line = manifest.get(row.id)
        listed = line is not None and row.place in line.places
        if (row.place, row.id) in seen:
            row = row._replace(status=FAIL, why="two tests have this id")
        elif line is None and row.status == SKIP and row.id in groups:
            pass
        elif line is None and row.status != FAIL:
            row = row._replace(status=FAIL, why="ran, but is not in the manifest")
        elif listed and row.status == SKIP:
            row = row._replace(status=FAIL,
                               why=f"skipped where it has to run: {row.why}")
        elif line is not None and not listed and row.status == PASS:
            row = row._replace(status=FAIL, why="ran, but the manifest "
                               f"lists it for {','.join(line.places) or 'no place'} only")
        seen.add((row.place, row.id))
        judged.append(row)
    for id, line in manifest.items():
        for place in line.places:
            if place in places and (place, id) not in seen and wanted(id):
                judged.append(Row(place, id, FAIL, ABSENT))
    return judged


def report(rows, places):
    """Prints failures, counts per place, the total; returns whether all is well."""
    silent = [place for place in places
              if all(row.why == ABSENT for row in rows if row.place == place)]
    for place in silent:
        print(f"FAILED {place}: not one of its tests ran")
    for row in rows:
        if row.status == FAIL and row.place not in silent:
            print(f"FAILED {row.place}: {row.id}{': ' + row.why if row.why else ''}")

    def counts(some):
        count = collections.Counter(row.status for row in some)
        return f"{count[PASS]} passed, {count[FAIL]} failed, {count[SKIP]} skipped"

    for place in places:
        print(f"{place + ':':6} {counts([r for r in rows if r.place == place])}")
    print(counts(rows), flush=True)
    passed = any(row.status == PASS for row in rows)
    return passed and not any(row.status == FAIL for row in rows)


def programs(manifest, place, prefix):
    """DIR:PROGRAM of the tests that ask for a guest of their own."""
    found = []
    for id, line in manifest.items():
        parts = id.split("/")
        if place in line.places and parts[0] == prefix and len(parts) > 3:
            program = f"{parts[1]}:{parts[2]}"
            if program not in found:
                found.append(program)
    return found


def main():
    args = argparse.ArgumentParser(usage=__doc__)
    args.add_argument("--manifest")
    args.add_argument("--places", default=",".join(USUAL))
    args.add_argument("--only", action="append", default=[])
    args.add_argument("--programs", nargs=2)
    args.add_argument("--status", action="store_true")
    args.add_argument("streams", nargs="*")
    args = args.parse_args()

    if args.status:
        path, prefix, *ids = args.streams
        with open(path, encoding="utf-8", errors="replace") as file:
            found = {id: status for id, status, _ in parse(file.read(), prefix)}
        for id in ids:
            print(found.get(id, "MISSING"), id)
        return 0
    manifest = read_manifest(args.manifest)
    if args.programs:
        print("\n".join(programs(manifest, *args.programs)))
        return 0
    places = args.places.split(",")
    rows = [row for spec in args.streams for row in read_stream(spec)]
    return 0 if report(judge(manifest, rows, places, args.only), places) else 1


if __name__ == "__main__":
    sys.exit(main())
