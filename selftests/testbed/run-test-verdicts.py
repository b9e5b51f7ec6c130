#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of the verdicts of `make run` and `make bench`; prints TAP.

Each gets made-up output of a guest, once as it should be, then with one thing
wrong at a time.
"""
import contextlib
import io
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "run"), os.path.join(HERE, "..", "bench")]
import bench  # noqa: E402
import table  # noqa: E402

SIZE = 40 << 20
PART = table.PART
SUMS = {"file": "f" * 64, "tar": "a" * 64, "yes": "b" * 64}


def good_run():
    """What guest-run prints when all is well."""
    out = ["# write -> read", "# 5%"]
    for method in ("write", "splice"):
        out.append(f"ring {method} hash bytes={SIZE} ns=1000000 capacity=65536 "
                   f"sha256={SUMS['file']}")
    for name in ("tar", "yes"):
        out.append(f"chain {name} start=1.0 end=2.5 sha256={SUMS[name]}")
    for kind, method in table.MOVES:
        out.append(f"{kind} {method} count bytes={PART} ns=9 capacity=65536 calls=1024")
        out += [f"{kind} {method} plain bytes={PART} ns={ns} capacity=65536"
                for ns in (1000000, 300000000, 100000000, 90000000, 200000000,
                           95000000, 110000000)]
    return out + ["end"]


def good_bench(cost):
    """Two rounds and five, by peer and size, each message for cost[kind]."""
    out = ["# clock tsc"]
    for _ in range(5):
        for kind in ("ring", "pipe"):
            out.append(f"{kind} 16 1000000 {cost[kind] * 1000000}")
            out.append(f"{kind} 65536 10000 {cost[kind] * 10000}")
    return out + ["# end"]


def write(lines, path):
    with open(path, "w", encoding="ascii") as out:
        out.writelines(line + "\n" for line in lines)


def call(main, *args):
    """Returns (status, output)."""
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            status = main(*args)
    except SystemExit as stop:
        out.write(str(stop.code))
        status = 0 if stop.code in (0, None) else 1
    return status, out.getvalue()


def run_verdict(lines, work):
    path = os.path.join(work, "run")
    write(lines, path)
    sums = [f"{name}={value}" for name, value in SUMS.items()]
    return call(table.main, path, str(SIZE), os.path.join(work, "md"), *sums)


def bench_verdict(icount, wall, work):
    paths = [os.path.join(work, name) for name in ("icount", "wall", "csv")]
    write(icount, paths[0])
    write(wall, paths[1])
    return call(bench.main, *paths) + (paths[2],)


def test_run_good(work):
    status, out = run_verdict(good_run(), work)
    row = [line for line in out.splitlines() if "AF_UNIX" in line][0].split()
    with open(os.path.join(work, "md"), encoding="utf-8") as lines:
        last = lines.read().splitlines()[-1]
    return (status == 0 and row[-2:] == ["32.00", "65536"] and "336" in row
            and last == "| AF_UNIX stream | write() → read() | 336 (of 112 to 33554) | 32.0 |")


def test_run_every_line_counts(work):
    lines = good_run()
    for i, line in enumerate(lines):
        if line.startswith("#"):
            continue
        if run_verdict(lines[:i] + lines[i + 1:], work)[0] == 0:
            print(f"# without {line!r} it succeeds")
            return False
    return True


def test_run_wrong_sum(work):
    good = good_run()
    for name, value in SUMS.items():
        bad = [line.replace(value, "0" + value[1:]) for line in good]
        status, out = run_verdict(bad, work)
        if status == 0 or "DIFFERENT" not in out:
            print(f"# a wrong {name} is not seen")
            return False
    return True


def test_run_wrong_count_of_bytes(work):
    bad = [line.replace(f"plain bytes={PART}", f"plain bytes={PART - 1}")
           for line in good_run()]
    return run_verdict(bad, work)[0] == 1


def test_run_message_is_shown(work):
    status, out = run_verdict(["ring-move: read: Broken"] + good_run(), work)
    return status == 0 and "guest: ring-move: read: Broken" in out


def test_bench_kept(work):
    cost = {"ring": 1099, "pipe": 1000}
    status, out, csv = bench_verdict(good_bench(cost), good_bench(cost), work)
    with open(csv, encoding="ascii") as lines:
        found = lines.read().splitlines()
    return (status == 0 and "kept" in out and found[0] == bench.HEADER
            and "pipe,syscall,16,instructions,1099.0,instructions/message" in found
            and "pipe,pipe,65536,wall_ns,1000.0,ns/message" in found
            and len(found) == 9)


def test_bench_exceeded(work):
    status, out, _ = bench_verdict(good_bench({"ring": 1101, "pipe": 1000}),
                                   good_bench({"ring": 1, "pipe": 1}), work)
    return status == 1 and "EXCEEDED" in out


def test_bench_wall_does_not_decide(work):
    return bench_verdict(good_bench({"ring": 1, "pipe": 1}),
                         good_bench({"ring": 9, "pipe": 1}), work)[0] == 0


def test_bench_too_little(work):
    good = good_bench({"ring": 1, "pipe": 1})
    few = [line.replace("16 1000000 ", "16 999999 ") for line in good]
    rounds = [line for line in good if not line.startswith("ring 16")]
    return all(bench_verdict(bad, good, work)[0] == 1 and
               bench_verdict(good, bad, work)[0] == 1
               for bad in (few, rounds, good[:-1], good + ["Killed"], []))


def main():
    tests = [(name[len("test_"):], test) for name, test in globals().items()
             if name.startswith("test_")]
    print("TAP version 13")
    print(f"1..{len(tests)}")
    failed = 0
    for number, (name, test) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as work:
            good = test(work)
        print("ok" if good else "not ok", number, name)
        failed += not good
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
