#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""bench.py ICOUNT WALL CSV BENCH...: evaluates what two bench guests printed.

ICOUNT is the output of the guest whose clock counts instructions, WALL that of
the guest with a real clock; both hold lines of the bench programs, behind the
name of the bench:

    BENCH PEER SIZE COUNT NANOSECONDS

SIZE is that of a message, or names what a call does; COUNT is how many there
were.  The result goes to CSV and, as tables with the verdicts, to stdout.  Exit
status 1 when one of LIMITS is not kept.
"""
import collections
import operator
import os
import statistics
import sys

# What each bench compares, in which sizes, at least how many times, and how it is
# measured.
Bench = collections.namedtuple("Bench", "peers sizes measures per")
MESSAGES = {"16": 1000000, "65536": 10000}
BOTH = ("instructions", "wall_ns")
BENCHES = {
    "pipe": Bench(("syscall", "pipe"), MESSAGES, BOTH, "message"),
    "stream": Bench(("mapped", "syscall", "pipe", "unix"), MESSAGES, BOTH,
                    "message"),
    "iov": Bench(("iov_copy", "twin", "memfd"),
                 {"readv-1": 100000, "writev-1": 100000,
                  "readv-64": 20000, "writev-64": 20000,
                  "pread-65536": 10000, "pread-1048576": 1000},
                 BOTH[:1], "call"),
}
ROUNDS = {"instructions": 2, "wall_ns": 5}
HEADER = "bench,peer,size,measure,value,unit"
UNITS = {"instructions": "instructions", "wall_ns": "ns"}

# What is promised: bench, measure, size, peer, compared with (None: nothing, a
# number by itself), how, limit.
Limit = collections.namedtuple("Limit", "bench measure size peer by how limit")
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
)
HOW = {"<=": operator.le, ">=": operator.ge}


def series(benches, measure):
    """What has to be there: (bench, peer, size)."""
    for name in benches:
        bench = BENCHES[name]
        if measure in bench.measures:
            yield from ((name, p, s) for p in bench.peers for s in bench.sizes)


def rounds(path, benches, measure):
    """Costs per message or call of each round, by (bench, peer, size)."""
    found = {key: [] for key in series(benches, measure)}
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
                name, peer, size = words[:3]
                count, cost = map(int, words[3:])
                costs = found[name, peer, size]
                least = BENCHES[name].sizes[size]
            except (ValueError, KeyError):
                sys.exit(f"bench.py: {path}: not a result: {line!r}")
            if count < least:
                sys.exit(f"bench.py: {path}: {name} {size} {count} times, "
                         f"{least} are needed")
            costs.append(cost / count)
    if not ended:
        sys.exit(f"bench.py: {path} is cut off: see the log of the guest")
    for key, costs in found.items():
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


def write_csv(path, values, benches):
    """values: {(measure, bench, peer, size): cost}; put in place in one step."""
    kept = list(kept_lines(path, benches))
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path + ".new", "w", encoding="ascii") as out:
        print(HEADER, *kept, sep="\n", file=out)
        for (measure, bench, peer, size), value in values.items():
            unit = f"{UNITS[measure]}/{BENCHES[bench].per}"
            print(bench, peer, size, measure, f"{value:.1f}", unit, sep=",",
                  file=out)
    os.replace(path + ".new", path)


def print_table(name, values, spread):
    """A row for each measure and size, the peers beside each other."""
    bench = BENCHES[name]
    print(f"bench {name}: per {bench.per}, all sides together; "
          f"in brackets the spread of the rounds")
    print(f"{'measure':13} {'size':>13}"
          + "".join(f"{p:>20}" for p in bench.peers))
    for measure in bench.measures:
        for size in bench.sizes:
            cells = []
            for peer in bench.peers:
                key = measure, name, peer, size
                cells.append(f"{values[key]:.0f} ({spread[key]:.1%})")
            print(f"{measure:13} {size:>13}"
                  + "".join(f"{c:>20}" for c in cells))
    print()


def verdict(limit, values):
    """Prints the line of @limit; whether it is kept."""
    value = values[limit.measure, limit.bench, limit.peer, limit.size]
    what = f"{limit.bench} {limit.size} {limit.measure}: {limit.peer}"
    if limit.by:
        value /= values[limit.measure, limit.bench, limit.by, limit.size]
        what += f" / {limit.by}"
    kept = HOW[limit.how](value, limit.limit)
    print(f"{what} {value:.3f}, promised {limit.how} {limit.limit}: "
          f"{'kept' if kept else 'NOT KEPT'}")
    return kept


def main(icount, wall, csv, *benches):
    values = {}
    spread = {}
    for measure, path in (("instructions", icount), ("wall_ns", wall)):
        if not any(measure in BENCHES[name].measures for name in benches):
            continue
        for key, costs in rounds(path, benches, measure).items():
            middle = statistics.median(costs)
            values[measure, *key] = middle
            spread[measure, *key] = (max(costs) - min(costs)) / middle
    write_csv(csv, values, benches)
    for name in benches:
        print_table(name, values, spread)
    limits = [limit for limit in LIMITS if limit.bench in benches]
    broken = sum(not verdict(limit, values) for limit in limits)
    print(f"{len(limits) - broken} of {len(limits)} promises kept")
    return 1 if broken else 0


if __name__ == "__main__":
    if len(sys.argv) < 5 or not set(sys.argv[4:]) <= set(BENCHES):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
