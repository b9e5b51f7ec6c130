#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs the samples with the devices that they are for, and compares what they print.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
failed=0

# NAME STATUS OUTPUT: what the program has to end with and print.
sample()
{
	number=$((number + 1))
	status=0
	output=$("$here/$1" 2>&1) || status=$?
	if [ "$status" = "$2" ] && [ "$output" = "$3" ]; then
		echo "ok $number $1"
		return
	fi
	echo "# status $status, printed: $output"
	echo "not ok $number $1"
	failed=1
}

echo "TAP version 13"
if [ ! -c /dev/ringbuffer ]; then
	echo "1..0 # SKIP no /dev/ringbuffer: insmod ringbuffer.ko"
	exit 4
fi
if [ ! -c /dev/ferrio_note ]; then
	echo "1..0 # SKIP no /dev/ferrio_note: insmod ferrio_note.ko"
	exit 4
fi
echo "1..3"
number=0
sample hello 0 'hello from the other process'
sample mapped 0 'message 1, read where it was written
message 2, read where it was written
message 3, read where it was written'
sample note.sh 0 'second, and from the middle: cond'
exit $failed
