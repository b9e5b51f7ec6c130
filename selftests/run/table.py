#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""table.py RESULTS BYTES TABLE NAME=SHA256...: the verdict on `make run`.

RESULTS is what guest-run printed; BYTES the size of the file.  NAME is `file`
or a chain, SHA256 what the host computed for it.  Prints what arrived and how
fast; exit status 1 unless everything arrived, unchanged.  The rates go to the
file TABLE too, as README.md shows them.
"""
import os
import re
import statistics
import sys

MIB = 1 << 20
MOVES = (("ring", "write"), ("ring", "splice"), ("ring", "sendfile"),
         ("ring", "mapped"), ("mapped", "write"), ("mapped", "splice"),
         ("mapped", "mapped"), ("pipe", "write"), ("unix", "write"))
# "mapped" as a kind is a ring whose receiver has mapped its end.
NAMES = {"ring": "ring", "mapped": "ring", "pipe": "pipe", "unix": "AF_UNIX stream"}
HASHED = tuple(move for move in MOVES
               if move[0] in ("ring", "mapped") and move[1] != "sendfile")
# What samples/load loads, and which of the host's sums that has.
LOADS = {"archive": "file", "image": "image"}
PROVENANCE = ("path", "bytes", "sha256", "file", "loaded")
CHAINS = {"tar": "tar | zstd | sha256sum", "yes": "yes | head -c | sha256sum"}
# Drivers of which each open file is a ring of records, and what samples/ring_timer says of it.
TIMERS = {"ring_timer_sample": "Rust", "ring_timer_c_sample": "C"}
TIMED = ("read", "mapped", "stopped")
RECORDS = re.compile(r"\d+ records, (mapped|by read\(\)), in [\d.]+ s: \d+/s; "
                     r"\d+ periods without the timer, \d+ records lost, told by \d+ gaps$")
ROUNDS = 7
# Rates and system calls are of the file's first bytes; see guest-run.
PART = 32 * MIB


def receiver(kind):
    return "mapped" if kind == "mapped" else "read"


def fields(words):
    return dict(word.split("=", 1) for word in words)


def read(path):
    """Returns {("move", kind, method, mode): [fields...], ("chain", name): [...]}.

    ("said", name) has the lines of samples/load, ("timer", driver, how) those of
    samples/ring_timer.
    """
    found = {}
    ended = False
    with open(path, encoding="ascii", errors="replace") as lines:
        for line in lines:
            words = line.split()
            if not words or words[0] == "#":
                continue
            if words == ["end"]:
                ended = True
            elif words[0] == "chain" and len(words) == 5:
                found.setdefault(("chain", words[1]), []).append(fields(words[2:]))
            elif words[0] == "said" and len(words) > 2:
                found.setdefault(("said", words[1]), []).append(words[2:])
            elif words[0] == "timer" and len(words) > 3:
                found.setdefault(tuple(words[:3]), []).append(" ".join(words[3:]))
            elif tuple(words[:2]) in MOVES and len(words) > 3:
                found.setdefault(("move", *words[:3]), []).append(fields(words[3:]))
            else:
                # A message of a program: it says what went wrong.
                print("guest:", line.strip())
    return found, ended


def arrived(found, expected):
    """Compares the sums; returns whether all are there and right."""
    rows = [(f"{method} -> {receiver(kind)}", found.get(("move", kind, method, "hash")), "file")
            for kind, method in HASHED]
    rows += [(text, found.get(("chain", name)), name)
             for name, text in CHAINS.items()]
    good = True
    print("sha256 at the receiver, and what the host says to it:")
    for text, got, want in rows:
        if not got:
            print(f"  {text:26} did not come to its end")
            good = False
            continue
        got = got[0]
        if "ns" in got:
            took = int(got["ns"]) / 1e9
        else:
            took = float(got["end"]) - float(got["start"])
        same = got["sha256"] == expected[want]
        good = good and same
        print(f"  {text:26} {got['sha256'][:16]}…  "
              f"{'same' if same else 'DIFFERENT: ' + expected[want]}  {took:6.1f} s")
    return good


def loaded(found, expected):
    """What the kernel says of the files that it loaded, and what a ring gave of them."""
    good = True
    print("loaded by file_loader.ko, and read from a ring:")
    for name, want in LOADS.items():
        said = {line[0]: " ".join(line[1:]) for line in found.get(("said", name), [])}
        came = found.get(("chain", name), [{}])[0]
        for key, text in said.items():
            print(f"  {key:7} {text}")
        if any(key not in said for key in PROVENANCE) or not came.get("sha256"):
            print(f"  {name} did not come to its end")
            good = False
            continue
        took = float(came["end"]) - float(came["start"])
        for what, got in (("by the kernel", said["sha256"]),
                          ("behind the ring", came["sha256"])):
            same = got == expected[want]
            good = good and same
            print(f"  {'':7} sha256 {what}, and the host's: "
                  f"{'same' if same else 'DIFFERENT: ' + got + ', ' + expected[want]}")
        print(f"  {'':7} {took:.1f} s in all\n")
    return good


def timed(found):
    """What a program got of a timer's interrupts; returns whether nothing is missing."""
    good = True
    print("records that a driver writes in a timer's interrupt, one each 200 us, as "
          "samples/ring_timer got them:")
    for driver, language in TIMERS.items():
        for how in TIMED:
            said = found.get(("timer", driver, how), [""])[0]
            if not RECORDS.match(said):
                said = f"{how} did not come to its end"
                good = False
            print(f"  {language:5} {said}")
    print("  the last of each slept at first; all compare what the records say with gaps and "
          "the kernel's count\n")
    return good


def table(found, size, path):
    """Prints rates and system calls; returns whether none is missing."""
    good = True
    rows = ["| channel, 64 KiB | moved by | MB/s | system calls per MiB |",
            "|---|---|---|---|"]
    size = min(size, PART)
    print(f"rates (median of {ROUNDS}) and system calls, of {size / MIB:.0f} MiB, "
          "64 KiB a call:")
    print(f"  {'channel':15} {'moved by':16} {'MB/s':>7} {'of':>12} {'system calls/MiB':>17} "
          f"{'capacity':>9}")
    for kind, method in MOVES:
        plain = found.get(("move", kind, method, "plain"), [])
        count = found.get(("move", kind, method, "count"), [])
        text = f"  {NAMES[kind]:15} {method + ' -> ' + receiver(kind):16}"
        if len(plain) < ROUNDS or not count:
            print(f"{text} did not come to its end")
            good = False
            continue
        if any(int(run["bytes"]) != size for run in plain + count):
            print(f"{text} moved another number of bytes than {size}")
            good = False
            continue
        rates = [size / int(run["ns"]) * 1e3 for run in plain]
        rate = statistics.median(rates)
        spread = f"{min(rates):.0f} to {max(rates):.0f}"
        calls = int(count[0]["calls"]) / (size / MIB)
        print(f"{text} {rate:7.0f} {spread:>12} {calls:17.2f} "
              f"{plain[0]['capacity']:>9}")
        sides = [side if side == "mapped" else side + "()"
                 for side in (method, receiver(kind))]
        rows.append(f"| {NAMES[kind]} | {' → '.join(sides)} | {rate:.0f} "
                    f"(of {spread}) | {calls:.1f} |")
    if good:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.writelines(row + "\n" for row in rows)
    return good


def main(path, size, markdown, *sums):
    found, ended = read(path)
    expected = dict(word.split("=", 1) for word in sums)
    good = loaded(found, expected)
    good = arrived(found, expected) and good
    print()
    good = timed(found) and good
    good = table(found, int(size), markdown) and good
    if not ended:
        print("the guest did not come to its end")
    return 0 if good and ended else 1


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
