#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Debian's fio on the device, of its default size, with several engines: random reads
# and writes, each block checked against its sum right after it was written, as another
# open would see another memory.  For the same reason less is moved than there is room
# for, and one request after the other: else fio opens the device again for the last blocks.
#
# fio keeps the sums inside the blocks, so a block that comes back from another place,
# or from before, fails as well.

# Not in the PATH of a guest.
PATH=$PATH:/usr/bin
number=0
failed=0

# ENGINE [OPTION...]
engine()
{
	name=$1
	shift
	number=$((number + 1))
	# Terse, version 3: field 5 is the error, 6 and 47 are KiB read and written.
	line=$(fio --name="$name" --thread --filename=/dev/iov_copy --size=8m --io_size=4m \
		--ioengine="$name" --rw=randrw --bs=512-16k --verify=crc32c \
		--verify_backlog=1 --verify_fatal=1 --verify_state_save=0 --randseed=4711 \
		--output-format=terse --terse-version=3 "$@" 2>&1)
	status=$?
	terse=$(echo "$line" | grep '^3;fio')
	error=$(echo "$terse" | cut -d ';' -f 5)
	read=$(echo "$terse" | cut -d ';' -f 6)
	written=$(echo "$terse" | cut -d ';' -f 47)
	echo "# $name: read ${read:-?} KiB, wrote ${written:-?} KiB"
	if [ "$status" = 0 ] && [ "$error" = 0 ] &&
		[ "${written:-0}" -gt 2048 ] && [ "${read:-0}" -gt "$written" ]; then
		echo "ok $number $name"
	else
		echo "$line" | sed 's/^/# /'
		echo "not ok $number $name"
		failed=1
	fi
}

echo "TAP version 13"
if ! command -v fio >/dev/null; then
	echo "1..0 # SKIP no fio here: the guest of make check brings it"
	exit 4
fi
if [ ! -c /dev/iov_copy ]; then
	echo "1..0 # SKIP no /dev/iov_copy: insmod iov_copy.ko"
	exit 4
fi
echo "1..3"
engine psync
engine pvsync2
engine io_uring --iodepth=1
exit $failed
