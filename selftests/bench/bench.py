#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""bench.py ICOUNT WALL CSV: evaluates what two bench guests printed.

ICOUNT is the output of the guest whose clock counts instructions, WALL that of
the guest with a real clock; both hold lines of the bench programs, behind the
name of the bench:

    BENCH PEER SIZE MESSAGES NANOSECONDS

The result goes to CSV and, as tables with the verdicts, to stdout.  Exit status
1 when one of LIMITS is not kept.
"""
import collections
import operator
import os
import statistics
import sys

# What each bench compares.
PEERS = {"pipe": ("syscall", "pipe"),
         "stream": ("mapped", "syscall", "pipe", "unix")}
SIZES = {16: 1000000, 65536: 10000}
ROUNDS = {"instructions": 2, "wall_ns": 5}
HEADER = "bench,peer,size,measure,value,unit"
UNITS = {"instructions": "instructions/message", "wall_ns": "ns/message"}

# What is promised: bench, measure, size, peer, compared with (None: nothing, a
# number by itself), how, limit.
Limit = collections.namedtuple("Limit", "bench measure size peer by how limit")
LIMITS = (
    Limit("pipe", "instructions", 16, "syscall", "pipe", "<=", 1.1),
    Limit("pipe", "instructions", 65536, "syscall", "pipe", "<=", 1.1),
    Limit("stream", "instructions", 16, "mapped", None, "<=", 70),
    Limit("stream", "instructions", 16, "pipe", "mapped", ">=", 30),
    Limit("stream", "instructions", 65536, "pipe", "mapped", ">=", 2),
    Limit("stream", "wall_ns", 16, "pipe", "mapped", ">=", 12),
)
HOW = {"<=": operator.le, ">=": operator.ge}


def rounds(path, measure):
    """Costs per message of each round, by (bench, peer, size)."""
    found = collections.defaultdict(list)
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
                bench, peer = words[:2]
                size, messages, cost = map(int, words[2:])
                least = SIZES[size]
                PEERS[bench].index(peer)
            except (ValueError, KeyError):
                sys.exit(f"bench.py: {path}: not a result: {line!r}")
            if messages < least:
                sys.exit(f"bench.py: {path}: {messages} messages of {size} "
                         f"bytes, {least} are needed")
            found[bench, peer, size].append(cost / messages)
    if not ended:
        sys.exit(f"bench.py: {path} is cut off: see the log of the guest")
    for key in ((b, p, s) for b in PEERS for p in PEERS[b] for s in SIZES):
        if len(found[key]) < ROUNDS[measure]:
            sys.exit(f"bench.py: {path}: {len(found[key])} rounds of "
                     f"{' '.join(map(str, key))}, {ROUNDS[measure]} are needed")
    return found


def write_csv(path, values):
    """values: {(measure, bench, peer, size): cost}; put in place in one step."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path + ".new", "w", encoding="ascii") as out:
        print(HEADER, file=out)
        for (measure, bench, peer, size), value in values.items():
            print(bench, peer, size, measure, f"{value:.1f}", UNITS[measure],
                  sep=",", file=out)
    os.replace(path + ".new", path)


def print_table(bench, values, spread):
    """A row for each measure and size, the peers beside each other."""
    peers = PEERS[bench]
    print(f"bench {bench}: per message, both sides together; "
          f"in brackets the spread of the rounds")
    print(f"{'measure':13} {'size':>6}" + "".join(f"{p:>20}" for p in peers))
    for measure in UNITS:
        for size in SIZES:
            cells = []
            for peer in peers:
                key = measure, bench, peer, size
                cells.append(f"{values[key]:.0f} ({spread[key]:.1%})")
            print(f"{measure:13} {size:6}" + "".join(f"{c:>20}" for c in cells))
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


def main(icount, wall, csv):
    values = {}
    spread = {}
    for measure, path in (("instructions", icount), ("wall_ns", wall)):
        for key, costs in rounds(path, measure).items():
            middle = statistics.median(costs)
            values[measure, *key] = middle
            spread[measure, *key] = (max(costs) - min(costs)) / middle
    write_csv(csv, values)
    for bench in PEERS:
        print_table(bench, values, spread)
    broken = sum(not verdict(limit, values) for limit in LIMITS)
    print(f"{len(LIMITS) - broken} of {len(LIMITS)} promises kept")
    return 1 if broken else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
