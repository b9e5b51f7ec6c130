#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""bench.py ICOUNT WALL CSV BENCH...: evaluates what two bench guests printed.

ICOUNT is the output of the guest whose clock counts instructions, WALL that of
the guest with a real clock; both hold lines of the bench programs, behind the
name of the bench:

    BENCH PEER SIZE COUNT NANOSECONDS

SIZE is that of a message, or names what a call does; COUNT is how many there
were.  Where memory is what it costs, bytes are in the place of NANOSECONDS.  The
result goes to CSV and, as tables with the verdicts, to stdout.  Exit
status 1 when one of LIMITS is not kept.
"""
import collections
import operator
import os
import statistics
import sys

# What each bench compares, in which sizes, at least how many times, and how it is
# measured: one table or several, which have no row of a peer in common.
Bench = collections.namedtuple("Bench", "peers sizes measures per")
LOADED = (1 << 20, 16 << 20, 128 << 20)
MESSAGES = {"16": 1000000, "65536": 10000}
BOTH = ("instructions", "wall_ns")
RECORDS = {"full": 200000, "quiet": 200000, "each": 20000, "asleep": 2000}


def records(*works):
    """The rows of these works, and the producer's side of each that has one."""
    return {f"{work}{part}-{size}": RECORDS[work] for size in (16, 64)
            for work in works for part in ("", "-producer")
            if work != "asleep" or not part}


BENCHES = {
    "pipe": [Bench(("syscall", "pipe"), MESSAGES, BOTH, "message")],
    "stream": [Bench(("mapped", "syscall", "pipe", "unix"), MESSAGES, BOTH,
                     "message")],
    "iov": [Bench(("iov_copy", "twin", "memfd"),
                  {"readv-1": 100000, "writev-1": 100000,
                   "readv-64": 20000, "writev-64": 20000,
                   "pread-65536": 10000, "pread-1048576": 1000},
                  BOTH[:1], "call")],
    "ring_driver": [Bench(("c-mapped", "rust-mapped", "c-syscall",
                           "rust-syscall", "twin"),
                          {"read-16": 1000000, "write-16": 1000000},
                          BOTH[:1], "message")],
    "load": [Bench(("file_loader", "sha256sum", "sha256sum-next"),
                   {"sum-1048576": 8, "sum-16777216": 2, "sum-134217728": 1},
                   BOTH[:1], "file"),
             Bench(("file_loader",),
                   {"peak-1048576": 1, "peak-16777216": 1, "peak-134217728": 1},
                   ("bytes",), "file"),
             Bench(("blob", "file", "populated"), {"map-16777216": 4},
                   BOTH[:1], "call"),
             Bench(("blob", "file"), {"pread-65536": 256, "pread-1048576": 16},
                   BOTH[:1], "call")],
    "records": [Bench(("bpf", "bpf-output"), records(*RECORDS), BOTH[:1],
                      "record"),
                Bench(("mapped",), records("full", "quiet", "each"), BOTH[:1],
                      "record")],
}
# The guest that counts instructions, and the one with a real clock.
GUESTS = (("instructions", "bytes"), ("wall_ns",))
ROUNDS = {"instructions": 2, "bytes": 2, "wall_ns": 5}
HEADER = "bench,peer,size,measure,value,unit"
UNITS = {"instructions": "instructions", "bytes": "bytes", "wall_ns": "ns"}


def most_charged(size):
    """A file, 5 % of it, and what a CPU takes from a cgroup's budget at once."""
    return size + size // 20 + (64 << 12)



# What is promised: bench, measure, size, peer, compared with (None: nothing, a
# number by itself), how, limit, and of which size that is (None: the same).
Limit = collections.namedtuple("Limit", "bench measure size peer by how limit of",
                               defaults=(None,))
LIMITS = (
    Limit("pipe", "instructions", "16", "syscall", "pipe", "<=", 1.1),
    Limit("pipe", "instructions", "65536", "syscall", "pipe", "<=", 1.1),
    Limit("stream", "instructions", "16", "mapped", None, "<=", 70),
    Limit("stream", "instructions", "16", "pipe", "mapped", ">=", 30),
    Limit("stream", "instructions", "65536", "pipe", "mapped", ">=", 2),
    Limit("stream", "wall_ns", "16", "pipe", "mapped", ">=", 12),
    *(Limit("iov", "instructions", size, "iov_copy", "twin", "<=", 1.03)
      for size in ("readv-1", "writev-1", "readv-64", "writev-64")),
    *(Limit("iov", "instructions", size, "iov_copy", "memfd", "<=", 1.1)
      for size in ("readv-64", "writev-64")),
    *(Limit("iov", "instructions", size, "iov_copy", "memfd", "<=", 1.0)
      for size in ("pread-65536", "pread-1048576")),
    *(Limit("ring_driver", "instructions", size, f"{driver}-mapped", None, "<=", 80)
      for size in ("read-16", "write-16") for driver in ("c", "rust")),
    *(Limit("ring_driver", "instructions", size, f"{driver}-syscall", "twin",
            "<=", 1.1)
      for size in ("read-16", "write-16") for driver in ("c", "rust")),
    *(Limit("load", "instructions", f"sum-{size}", "file_loader", "sha256sum",
            "<=", 1.0) for size in LOADED),
    *(Limit("load", "bytes", f"peak-{size}", "file_loader", None, "<=",
            most_charged(size)) for size in LOADED),
    Limit("load", "instructions", "map-16777216", "blob", "file", "<=", 1.0),
    Limit("load", "instructions", "map-16777216", "blob", "populated", "<=", 1.0),
    *(Limit("load", "instructions", size, "blob", "file", "<=", 1.0)
      for size in ("pread-65536", "pread-1048576")),
    *(Limit("records", "instructions", f"each-producer-{size}", "mapped", "mapped",
            "<=", 2.0, f"full-producer-{size}") for size in (16, 64)),
    *(Limit("records", "instructions", f"{work}-{size}", "mapped", "bpf", "<=", 0.99)
      for size in (16, 64) for work in ("full", "quiet", "each")),
)
HOW = {"<=": operator.le, ">=": operator.ge}


def series(benches, measures):
    """What has to be there: {(measure, bench, peer, size): (least count, what of)}."""
    return {(measure, name, peer, size): (least, bench.per)
            for name in benches for bench in BENCHES[name]
            for measure in measures if measure in bench.measures
            for peer in bench.peers for size, least in bench.sizes.items()}


def rounds(path, wanted):
    """Costs per message or call of each round, by the keys of @wanted."""
    found = {key: [] for key in wanted}
    keys = {key[1:]: key for key in wanted}
    ended = False
    with open(path, encoding="ascii", errors="replace") as lines:
        for line in lines:
            line = line.strip()
            if line == "# end":
                ended = True
            if not line or line.startswith("#"):
                continue
            words = line.split()
            try:
                count, cost = map(int, words[3:])
                key = keys[tuple(words[:3])]
            except (ValueError, KeyError):
                sys.exit(f"bench.py: {path}: not a result: {line!r}")
            least, _ = wanted[key]
            if count < least:
                sys.exit(f"bench.py: {path}: {line!r}: {count} times, "
                         f"{least} are needed")
            found[key].append(cost / count)
    if not ended:
        sys.exit(f"bench.py: {path} is cut off: see the log of the guest")
    for (measure, *key), costs in found.items():
        if len(costs) < ROUNDS[measure]:
            sys.exit(f"bench.py: {path}: {len(costs)} rounds of "
                     f"{' '.join(key)}, {ROUNDS[measure]} are needed")
    return found


def kept_lines(path, benches):
    """What an earlier run has left of benches that did not run now."""
    try:
        with open(path, encoding="ascii") as lines:
            for line in lines:
                name = line.split(",")[0]
                if name in BENCHES and name not in benches:
                    yield line.rstrip("\n")
    except FileNotFoundError:
        pass


def write_csv(path, values, wanted, benches):
    """values: {(measure, bench, peer, size): cost}; put in place in one step."""
    kept = list(kept_lines(path, benches))
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path + ".new", "w", encoding="ascii") as out:
        print(HEADER, *kept, sep="\n", file=out)
        for key, value in values.items():
            measure, bench, peer, size = key
            unit = f"{UNITS[measure]}/{wanted[key][1]}"
            print(bench, peer, size, measure, f"{value:.1f}", unit, sep=",",
                  file=out)
    os.replace(path + ".new", path)


def print_table(name, bench, values, spread):
    """A row for each measure and size, the peers beside each other."""
    print(f"bench {name}: per {bench.per}, all sides together; "
          f"in brackets the spread of the rounds")
    print(f"{'measure':13} {'size':>18}"
          + "".join(f"{p:>20}" for p in bench.peers))
    for measure in bench.measures:
        for size in bench.sizes:
            cells = []
            for peer in bench.peers:
                key = measure, name, peer, size
                cells.append(f"{values[key]:.0f} ({spread[key]:.1%})")
            print(f"{measure:13} {size:>18}"
                  + "".join(f"{c:>20}" for c in cells))
    print()


def print_remarks(path):
    """What the guest says about itself."""
    with open(path, encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith("# ") and line.strip() != "# end":
                print(line.strip()[2:])


def verdict(limit, values):
    """Prints the line of @limit; whether it is kept."""
    value = values[limit.measure, limit.bench, limit.peer, limit.size]
    what = f"{limit.bench} {limit.size} {limit.measure}: {limit.peer}"
    if limit.by:
        size = limit.of or limit.size
        value /= values[limit.measure, limit.bench, limit.by, size]
        what += f" / {limit.by}" + (f" of {limit.of}" if limit.of else "")
    kept = HOW[limit.how](value, limit.limit)
    print(f"{what} {value:.3f}, promised {limit.how} {limit.limit}: "
          f"{'kept' if kept else 'NOT KEPT'}")
    return kept


def main(icount, wall, csv, *benches):
    values = {}
    spread = {}
    wanted = {}
    for measures, path in zip(GUESTS, (icount, wall)):
        here = series(benches, measures)
        if not here:
            continue
        wanted |= here
        for key, costs in rounds(path, here).items():
            values[key] = middle = statistics.median(costs)
            spread[key] = (max(costs) - min(costs)) / middle
    write_csv(csv, values, wanted, benches)
    for name in benches:
        for bench in BENCHES[name]:
            print_table(name, bench, values, spread)
    print_remarks(icount)
    limits = [limit for limit in LIMITS if limit.bench in benches]
    broken = sum(not verdict(limit, values) for limit in limits)
    print(f"{len(limits) - broken} of {len(limits)} promises kept")
    return 1 if broken else 0


if __name__ == "__main__":
    if len(sys.argv) < 5 or not set(sys.argv[4:]) <= set(BENCHES):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
