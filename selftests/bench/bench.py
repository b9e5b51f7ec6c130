#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""bench.py ICOUNT WALL CSV: evaluates what two bench guests printed.

ICOUNT is the output of the guest whose clock counts instructions, WALL that of
the guest with a real clock; both hold lines of bench-pipe:

    KIND SIZE MESSAGES NANOSECONDS

The result goes to CSV and, as a table with the verdict, to stdout.  Exit
status 1 when the ring costs more than LIMIT times what the pipe costs.
"""
import collections
import os
import statistics
import sys

LIMIT = 1.1
# What the documents call the kinds: the ring by read() and write().
PEERS = {"ring": "syscall", "pipe": "pipe"}
SIZES = {16: 1000000, 65536: 10000}
ROUNDS = {"instructions": 2, "wall_ns": 5}
HEADER = "bench,peer,size,measure,value,unit"
UNITS = {"instructions": "instructions/message", "wall_ns": "ns/message"}


def rounds(path, measure):
    """Costs per message of each round, by (kind, size)."""
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
                kind = words[0]
                size, messages, cost = map(int, words[1:])
                least = SIZES[size]
                PEERS[kind]
            except (ValueError, KeyError):
                sys.exit(f"bench.py: {path}: not a result: {line!r}")
            if messages < least:
                sys.exit(f"bench.py: {path}: {messages} messages of {size} "
                         f"bytes, {least} are needed")
            found[kind, size].append(cost / messages)
    if not ended:
        sys.exit(f"bench.py: {path} is cut off: see the log of the guest")
    for kind in PEERS:
        for size in SIZES:
            if len(found[kind, size]) < ROUNDS[measure]:
                sys.exit(f"bench.py: {path}: {len(found[kind, size])} rounds of "
                         f"{kind} {size}, {ROUNDS[measure]} are needed")
    return found


def write_csv(path, values):
    """values: {(measure, kind, size): cost}; put in place in one step."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path + ".new", "w", encoding="ascii") as out:
        print(HEADER, file=out)
        for (measure, kind, size), value in values.items():
            print("pipe", PEERS[kind], size, measure, f"{value:.1f}",
                  UNITS[measure], sep=",", file=out)
    os.replace(path + ".new", path)


def main(icount, wall, csv):
    values = {}
    spread = {}
    for measure, path in (("instructions", icount), ("wall_ns", wall)):
        for (kind, size), costs in rounds(path, measure).items():
            middle = statistics.median(costs)
            values[measure, kind, size] = middle
            spread[measure, kind, size] = (max(costs) - min(costs)) / middle
    write_csv(csv, values)

    print(f"{'measure':13} {'size':>6} {'ring':>10} {'pipe':>10} "
          f"{'ring/pipe':>9}  spread of the rounds")
    worst = 0
    for measure in UNITS:
        for size in SIZES:
            ring = values[measure, "ring", size]
            pipe = values[measure, "pipe", size]
            if measure == "instructions":
                worst = max(worst, ring / pipe)
            print(f"{measure:13} {size:6} {ring:10.0f} {pipe:10.0f} "
                  f"{ring / pipe:9.3f}  "
                  f"{spread[measure, 'ring', size]:.1%}, "
                  f"{spread[measure, 'pipe', size]:.1%}")
    within = worst <= LIMIT
    print(f"instructions: at worst {worst:.3f} times the pipe's, the limit is "
          f"{LIMIT}: {'kept' if within else 'EXCEEDED'}")
    return 0 if within else 1


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
