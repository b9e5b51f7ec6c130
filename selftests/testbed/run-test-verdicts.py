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
SUMS = {"file": "f" * 64, "image": "e" * 64, "tar": "a" * 64, "yes": "b" * 64}


def good_run():
    """What guest-run prints when all is well."""
    out = ["# write -> read", "# 5%"]
    for name, what in table.LOADS.items():
        out.append(f"chain {name} start=0.5 end=0.9 sha256={SUMS[what]}")
        out += [f"said {name} {key}  {SUMS[what] if key == 'sha256' else 'of ' + name}"
                for key in table.PROVENANCE]
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
    for driver in table.TIMERS:
        out += [f"timer {driver} {how} 2000 records, mapped, in 0.400 s: 5000/s; 3 periods "
                "without the timer, 5 records lost, told by 2 gaps" for how in table.TIMED]
    return out + ["end"]


# What the peers cost by (bench, peer); kept with room to spare.
COST = {("pipe", "syscall"): 1099, ("pipe", "pipe"): 1000,
        ("stream", "mapped"): 70, ("stream", "syscall"): 2400,
        ("stream", "pipe"): 2100, ("stream", "unix"): 5000,
        ("iov", "iov_copy"): 1000, ("iov", "twin"): 1000, ("iov", "memfd"): 1000,
        ("load", "file_loader"): 1000, ("load", "sha256sum"): 1000,
        ("load", "sha256sum-next"): 900, ("load", "blob"): 1000,
        ("load", "file"): 1000, ("load", "populated"): 1000,
        ("ring_driver", "c-mapped"): 70, ("ring_driver", "rust-mapped"): 70,
        ("ring_driver", "c-syscall"): 1000, ("ring_driver", "rust-syscall"): 1000,
        ("ring_driver", "twin"): 1000,
        ("records", "bpf"): 1000, ("records", "bpf-output"): 1000,
        ("records", "mapped"): 900}
GUESTS = {"icount": bench.GUESTS[0], "wall": bench.GUESTS[1]}
# A file of 1 MiB may be charged as this.
MOST_CHARGED = 1048576 + 52428 + 262144


# The header, two for each size of messages, one for each call, load, service, message of
# a driver, and for each kind of work on records.
LINES = (1 + 2 * 2 * (2 + 4) + 6 * 3 + (3 * 3 + 3 + 3 + 2 * 2) + 2 * 5 +
         2 * (2 * (2 * 3 + 1) + 2 * 3))


def good_bench(guest="icount", **other):
    """Five rounds, each message for its cost; other: {bench_peer: cost}, with
    `peak` for what is charged to file_loader."""
    out = ["# clock tsc"]
    wanted = bench.series(bench.BENCHES, GUESTS[guest])
    for (measure, bench_, peer, size), (least, _) in wanted.items():
        name = f"{bench_}_{peer}".replace("-", "_")
        cost = other.get(name, COST[bench_, peer])
        if measure == "bytes":
            cost = other.get("peak", 1048576)
        out += [f"{bench_} {peer} {size} {least} {cost * least}"] * 5
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


def test_run_wrong_load(work):
    """The kernel's sum decides, and so does the one behind the ring."""
    good = good_run()
    for i, line in enumerate(good):
        if line.startswith(("chain archive", "said archive sha256", "chain image")):
            bad = good[:i] + [line.replace(line[-64:], "0" * 64)] + good[i + 1:]
            status, out = run_verdict(bad, work)
            if status == 0 or out.count("DIFFERENT") != 1:
                print(f"# not seen: {line}")
                return False
    return "path    of image" in run_verdict(good, work)[1]


def test_run_wrong_count_of_bytes(work):
    bad = [line.replace(f"plain bytes={PART}", f"plain bytes={PART - 1}")
           for line in good_run()]
    return run_verdict(bad, work)[0] == 1


def test_run_message_is_shown(work):
    status, out = run_verdict(["ring-move: read: Broken"] + good_run(), work)
    return status == 0 and "guest: ring-move: read: Broken" in out


def test_bench_kept(work):
    status, out, csv = bench_verdict(good_bench(), good_bench("wall"), work)
    with open(csv, encoding="ascii") as lines:
        found = lines.read().splitlines()
    return (status == 0 and "40 of 40 promises kept" in out
            and found[0] == bench.HEADER
            and "pipe,syscall,16,instructions,1099.0,instructions/message" in found
            and "stream,unix,65536,wall_ns,5000.0,ns/message" in found
            and "iov,memfd,readv-64,instructions,1000.0,instructions/call" in found
            and "load,sha256sum-next,sum-16777216,instructions,900.0,instructions/file"
            in found
            and "load,file_loader,peak-16777216,bytes,1048576.0,bytes/file" in found
            and len(found) == LINES)


def test_bench_exceeded(work):
    """Each promise decides: just broken by the first guest, or by the second."""
    good = good_bench("wall")
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
            (good_bench(load_file_loader=1001), good,
             "load sum-1048576 instructions: file_loader / sha256sum"),
            (good_bench(load_file_loader=1001), good,
             "load sum-16777216 instructions: file_loader / sha256sum"),
            (good_bench(load_file_loader=1071), good,
             "load sum-134217728 instructions: file_loader / sha256sum"),
            (good_bench(load_blob=1001), good, "load map-16777216 instructions: blob / file"),
            (good_bench(load_populated=999), good,
             "load map-16777216 instructions: blob / populated"),
            (good_bench(load_blob=1001), good, "load pread-65536 instructions: blob / file"),
            (good_bench(peak=MOST_CHARGED + 1), good, "load peak-1048576 bytes: file_loader"),
            (good_bench(), good_bench("wall", stream_pipe=839),
             "stream 16 wall_ns: pipe / mapped")):
        status, out, _ = bench_verdict(icount, wall, work)
        broken = [row for row in out.splitlines() if row.endswith("NOT KEPT")]
        if status != 1 or not any(row.startswith(line + " ") for row in broken):
            print(f"# not seen: {line}: {broken}")
            return False
    return True


def test_bench_charge_is_allowed(work):
    """A group may have to pay for 5 % more than the file, and for a batch."""
    status, out, _ = bench_verdict(good_bench(peak=MOST_CHARGED), good_bench("wall"), work)
    return status == 0 and f"file_loader {MOST_CHARGED}.000, promised" in out


def test_bench_remarks(work):
    """What the guest says of itself is shown."""
    said = "# sha256: sha256_blocks_*: ni; OPENSSL_ia32cap=0x1"
    status, out, _ = bench_verdict([said] + good_bench(), good_bench("wall"), work)
    return status == 0 and said[2:] in out.splitlines()


def test_bench_wall_does_not_decide(work):
    """What the machine's clock says of the other peers promises nothing."""
    return bench_verdict(good_bench(), good_bench("wall", pipe_syscall=9999),
                         work)[0] == 0


def test_bench_of_some(work):
    """One bench by itself is judged alone, and the others' lines stay."""
    *_, csv = bench_verdict(good_bench(), good_bench("wall"), work)
    path = os.path.join(work, "icount")
    write([line for line in good_bench(iov_twin=1001, pipe_syscall=9999)
           if line.startswith(("#", "iov"))], path)
    status, out = call(bench.main, path, path, csv, "iov")
    with open(csv, encoding="ascii") as lines:
        found = lines.read().splitlines()
    return (status == 0 and "8 of 8 promises kept" in out
            and "pipe,syscall,16,instructions,1099.0,instructions/message" in found
            and "iov,twin,readv-1,instructions,1001.0,instructions/call" in found
            and len(found) == LINES)


def test_bench_too_little(work):
    def bad(good):
        few = [line.replace("16 1000000 ", "16 999999 ") for line in good]
        rounds = [line for line in good if not line.startswith("stream unix 16")]
        return few, rounds, good[:-1], good + ["Killed"], []

    icount, wall = good_bench(), good_bench("wall")
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
