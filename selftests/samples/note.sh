#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What the driver samples/ferrio_note_main.rs keeps: the last of what was written.
set -eu

printf 'the first' >/dev/ferrio_note
printf 'second' >/dev/ferrio_note
whole=$(cat /dev/ferrio_note)
# From where a short read has left the position.
middle=$({ dd bs=2 count=1 of=/dev/null 2>/dev/null; cat; } </dev/ferrio_note)
echo "$whole, and from the middle: $middle"
