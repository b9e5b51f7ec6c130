#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Uses the sample `load` as somebody does who has just read of it: what it prints, and
# whether each of its errors says what happened and what to do.
#
# shellcheck disable=SC2094 # a file that is open for writing is a test
set -u

here=$(cd "$(dirname "$0")" && pwd)
load=$here/load
dir=/tmp/load-test
number=0 failed=0

# NAME WANTED GOT
same()
{
	number=$((number + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $number $1"
		return
	fi
	echo "$3" | sed 's/^/# printed: /'
	echo "$2" | sed 's/^/# not:     /'
	echo "not ok $number $1"
	failed=1
}

# What it says, its name and the place of the files left out; then its status.
said()
{
	"$@" 2>&1 >/dev/null | sed "s|^load: ||; s|$dir/||"
}

echo "TAP version 13"
if [ ! -c /dev/file_loader ]; then
	echo "1..0 # SKIP no /dev/file_loader: insmod file_loader.ko"
	exit 4
fi
echo "1..17"
mkdir "$dir"
chmod 755 "$dir"
printf abc >"$dir/abc"
abc=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
touch -d '2026-11-22 12:00:00' "$dir/abc"

# Times differ from run to run, and so does where the file lies.
provenance()
{
	sed -E 's/device [0-9]+:[0-9]+/device M:N/; s/[0-9]+\.[0-9]{3}/T/g'
}

want="path    $dir/abc
bytes   3
sha256  $abc
file    device M:N, inode $(stat -c %i "$dir/abc"), modified Sun Nov 22 12:00:00 2026
loaded  as firmware, by user 0; open T, memory T, read T, digest T ms"
same provenance "$want" "$(TZ=UTC "$load" "$dir/abc" 2>&1 >/dev/null | provenance)"
same as_pid_1 "$want" "$(TZ=UTC "$load" -i "$dir/abc" 2>&1 >/dev/null | provenance)"
same content abc "$("$load" -m 3 -s $abc "$dir/abc" 2>/dev/null)"

same no_such_file 'none: No such file or directory' "$(said "$load" "$dir/none")"
same no_such_path 'none: open: No such file or directory; look at the path, and at who may read it; -i needs CAP_SYS_ADMIN' \
	"$(said "$load" -i "$dir/none")"
same directory ': type: No regular file; only regular files can be loaded' \
	"$(said "$load" "$dir/")"
same writer 'abc: busy: Text file busy; close it where it is open for writing' \
	"$(said "$load" "$dir/abc" 3>>"$dir/abc")"
same too_large 'abc: size: File too large; it is empty, or has more bytes than -m allows, or 256 MiB' \
	"$(said "$load" -m 2 "$dir/abc")"
same other_content 'abc: digest: Bad message; it is not what -s or -v names' \
	"$(said "$load" -s "$(echo $abc | tr 0-9 1-90)" "$dir/abc")"
same no_verity 'abc: digest: No data available; it is not what -s or -v names' \
	"$(said "$load" -v $abc "$dir/abc")"
same usage 'usage: load [-i (as PID 1 finds it)] [-m BYTES] [-s SHA256] [-v VERITY_SHA256] FILE, status 2' \
	"$(said "$load"), status $("$load" -x "$dir/abc" 2>/dev/null; echo $?)"
same no_digest 'abc: no SHA-256: that is 64 hexadecimal digits, status 2' \
	"$(said "$load" -s abc "$dir/abc"), status $("$load" -s abc "$dir/abc" 2>/dev/null; echo $?)"
same no_number '1M: no number of bytes, as 4096 or 0x1000 is' "$(said "$load" -m 1M "$dir/abc")"
# Nothing that insmod would mend.
# shellcheck disable=SC2016 # for the inner shell
same no_descriptor_for_it '/dev/file_loader: Too many open files; see file_loader(4)' \
	"$(said sh -c 'ulimit -n 3; exec "$0" "$1"' "$load" "$dir/abc")"

# Root of a user namespace has the file, and not the right.
same no_privilege 'abc: open: Operation not permitted; look at the path, and at who may read it; -i needs CAP_SYS_ADMIN' \
	"$(said unshare -r "$load" -i "$dir/abc")"
same nobody "/dev/file_loader: Permission denied; it is root's" \
	"$(said su -s /bin/sh nobody -c "'$load' '$dir/abc'")"
# A root directory without devices, as where the module is not inserted.
cp "$load" "$dir/load"
same no_module '/dev/file_loader: No such file or directory; insmod file_loader.ko' \
	"$(said chroot "$dir" /load /abc)"
rm -r "$dir"
exit $failed
