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
    for kind, method in table.HASHED:
        out.append(f"{kind} {method} hash bytes={SIZE} ns=1000000 capacity=65536 "
                   f"sha256={SUMS['file']}")
    for name in ("tar", "yes"):
        out.append(f"chain {name} start=1.0 end=2.5 sha256={SUMS[name]}")
    for kind, method in table.MOVES:
        out.append(f"{kind} {method} count bytes={PART} ns=9 capacity=65536 calls=1024")
        out += [f"{kind} {method} plain bytes={PART} ns={ns} capacity=65536"
                for ns in (1000000, 300000000, 100000000, 90000000, 200000000,
                           95000000, 110000000)]
    return out + ["end"]


# What the peers cost by (bench, peer); kept with room to spare.
COST = {("pipe", "syscall"): 1099, ("pipe", "pipe"): 1000,
        ("stream", "mapped"): 70, ("stream", "syscall"): 2400,
        ("stream", "pipe"): 2100, ("stream", "unix"): 5000,
        ("iov", "iov_copy"): 1000, ("iov", "twin"): 1000, ("iov", "memfd"): 1000}


def good_bench(which="instructions", **other):
    """Five rounds, each message for its cost; other: {bench_peer: cost}."""
    out = ["# clock tsc"]
    for _ in range(5):
        for (bench_, peer), cost in COST.items():
            cost = other.get(f"{bench_}_{peer}", cost)
            if which not in bench.BENCHES[bench_].measures:
                continue
            for size, least in bench.BENCHES[bench_].sizes.items():
                out.append(f"{bench_} {peer} {size} {least} {cost * least}")
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
    return call(bench.main, *paths, *bench.BENCHES) + (paths[2],)


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
    status, out, csv = bench_verdict(good_bench(), good_bench("wall_ns"), work)
    with open(csv, encoding="ascii") as lines:
        found = lines.read().splitlines()
    return (status == 0 and "14 of 14 promises kept" in out
            and found[0] == bench.HEADER
            and "pipe,syscall,16,instructions,1099.0,instructions/message" in found
            and "stream,unix,65536,wall_ns,5000.0,ns/message" in found
            and "iov,memfd,readv-64,instructions,1000.0,instructions/call" in found
            and len(found) == 1 + 2 * 2 * (2 + 4) + 6 * 3)


def test_bench_exceeded(work):
    """Each promise decides: just broken by the first guest, or by the second."""
    good = good_bench("wall_ns")
    for icount, wall, line in (
            (good_bench(pipe_syscall=1101), good, "pipe 16 instructions: syscall / pipe"),
            (good_bench(pipe_syscall=1101), good, "pipe 65536 instructions: syscall / pipe"),
            (good_bench(stream_mapped=71, stream_pipe=2200), good,
             "stream 16 instructions: mapped"),
            (good_bench(stream_pipe=2099), good, "stream 16 instructions: pipe / mapped"),
            (good_bench(stream_pipe=139), good, "stream 65536 instructions: pipe / mapped"),
            (good_bench(iov_iov_copy=1031), good, "iov readv-1 instructions: iov_copy / twin"),
            (good_bench(iov_iov_copy=1031), good, "iov writev-64 instructions: iov_copy / twin"),
            (good_bench(iov_memfd=900), good, "iov readv-64 instructions: iov_copy / memfd"),
            (good_bench(iov_memfd=999), good, "iov pread-65536 instructions: iov_copy / memfd"),
            (good_bench(), good_bench("wall_ns", stream_pipe=839),
             "stream 16 wall_ns: pipe / mapped")):
        status, out, _ = bench_verdict(icount, wall, work)
        broken = [row for row in out.splitlines() if row.endswith("NOT KEPT")]
        if status != 1 or not any(row.startswith(line + " ") for row in broken):
            print(f"# not seen: {line}: {broken}")
            return False
    return True


def test_bench_wall_does_not_decide(work):
    """What the machine's clock says of the other peers promises nothing."""
    return bench_verdict(good_bench(), good_bench("wall_ns", pipe_syscall=9999),
                         work)[0] == 0


def test_bench_of_some(work):
    """One bench by itself is judged alone, and the others' lines stay."""
    *_, csv = bench_verdict(good_bench(), good_bench("wall_ns"), work)
    path = os.path.join(work, "icount")
    write([line for line in good_bench(iov_twin=1001, pipe_syscall=9999)
           if line.startswith(("#", "iov"))], path)
    status, out = call(bench.main, path, path, csv, "iov")
    with open(csv, encoding="ascii") as lines:
        found = lines.read().splitlines()
    return (status == 0 and "8 of 8 promises kept" in out
            and "pipe,syscall,16,instructions,1099.0,instructions/message" in found
            and "iov,twin,readv-1,instructions,1001.0,instructions/call" in found
            and len(found) == 1 + 2 * 2 * (2 + 4) + 6 * 3)


def test_bench_too_little(work):
    def bad(good):
        few = [line.replace("16 1000000 ", "16 999999 ") for line in good]
        rounds = [line for line in good if not line.startswith("stream unix 16")]
        return few, rounds, good[:-1], good + ["Killed"], []

    icount, wall = good_bench(), good_bench("wall_ns")
    return (all(bench_verdict(lines, wall, work)[0] == 1 for lines in bad(icount))
            and all(bench_verdict(icount, lines, work)[0] == 1 for lines in bad(wall)))


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
