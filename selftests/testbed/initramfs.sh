#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Initramfs archives for guests.
#
#   initramfs.sh base          makes the base archive if it is not current and
#                              prints its path: busybox, init, verdict program
#   initramfs.sh pack DIR OUT  packs the tree DIR into the archive OUT
#
# The kernel unpacks archives one after another, so extra files are an archive
# of their own behind the base, uncompressed: a 150 MiB file costs one copy.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh
. "$here/env.sh"

dir=$FERRIO_OUT/initramfs

pack() # DIR OUT
{
	local from to

	from=$(realpath "$1")
	to=$(realpath -m "$2")
	mkdir -p "$(dirname "$to")"
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_root sh -eu -c '
		cd "$1"
		find . -mindepth 1 -print0 | LC_ALL=C sort -z |
			cpio --quiet -0 -o -H newc -R +0:+0 >"$2.part.$$"
		mv "$2.part.$$" "$2"
	' sh "$from" "$to"
}

base()
{
	local want tree file

	want=$(cat "$0" "$here"/guest-* | sha256sum)
	if [ -f "$dir/base.cpio" ] && [ "$(cat "$dir/base.stamp")" = "$want" ]; then
		return
	fi
	mkdir -p "$dir"
	tree=$(mktemp -d "$dir/base.XXXXXX")
	chmod 755 "$tree"
	mkdir -p "$tree"/{bin,dev,etc,proc,root,sys,tmp,lib/ferrio}
	# where the kernel looks for modprobe
	ln -s bin "$tree/sbin"
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_root sh -eu -c '
		busybox=$(command -v busybox)
		cp "$busybox" "$2/bin/busybox"
		busybox --list | while read -r applet; do
			[ "$applet" = busybox ] || ln -s busybox "$2/bin/$applet"
		done
		gcc -O2 -Wall -Wextra -Werror -static \
			-o "$2/bin/guest-exit" "$1/guest-exit.c"
		strip "$2/bin/guest-exit"
	' sh "$here" "$tree"
	install -m 755 "$here/guest-init" "$tree/init"
	install -m 755 "$here/guest-put" "$tree/bin/guest-put"
	for file in "$here"/guest-*; do
		case $file in
		*.c | *.py | */guest-init | */guest-put) ;;
		*) install -m 755 "$file" "$tree/lib/ferrio/" ;;
		esac
	done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$tree/etc/passwd"
	echo 'nobody:x:65534:65534:nobody:/:/bin/false' >>"$tree/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$tree/etc/group"
	pack "$tree" "$dir/base.cpio"
	rm -r "$tree"
	echo "$want" >"$dir/base.stamp"
}

case ${1-} in
base)
	[ $# = 1 ]
	mkdir -p "$dir"
	exec 9>"$dir/lock"
	flock 9
	base
	echo "$dir/base.cpio"
	;;
pack)
	[ $# = 3 ]
	pack "$2" "$3"
	;;
*)
	sed -n 's/^#   //p' "$0" >&2
	exit 2
	;;
esac
