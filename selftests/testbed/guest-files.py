#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""guest-files.py STREAM DIR: unpacks what a guest sent with guest-put.

STREAM holds "begin-base64 MODE NAME" ... "====" blocks as uuencode -m writes
them (the module that could read them has left Python's library).
"""
import base64
import binascii
import os
import sys


def blocks(lines):
    """Yields (name, data); raises ValueError for a damaged or cut stream."""
    name, body = None, []
    for line in lines:
        line = line.rstrip("\r\n")
        if name is None:
            if line.startswith("begin-base64 "):
                name, body = line.split(" ", 2)[2], []
            elif line:
                raise ValueError(f"not a file: {line[:60]!r}")
        elif line == "====":
            try:
                data = base64.b64decode("".join(body), validate=True)
            except binascii.Error as err:
                raise ValueError(f"{name}: {err}") from err
            yield name, data
            name = None
        else:
            body.append(line)
    if name is not None:
        raise ValueError(f"{name}: cut off")


def main(stream, to):
    os.makedirs(to, exist_ok=True)
    try:
        with open(stream, encoding="ascii", errors="replace") as lines:
            for name, data in blocks(lines):
                if "/" in name or name in ("", ".", ".."):
                    raise ValueError(f"{name!r} is no file name")
                with open(os.path.join(to, name), "wb") as out:
                    out.write(data)
    except ValueError as err:
        sys.exit(f"guest-files.py: {stream}: {err}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
