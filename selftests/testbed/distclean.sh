#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# distclean.sh - remove the cache and the results of this working tree
#
# Only what the scripts of the test bed make is removed, by name: the cache
# may be a directory that holds other things too.  A mount is never followed.
set -eu
FERRIO_VERB=distclean
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
# shellcheck source=prep-lib.sh
. "$FERRIO_BED/prep-lib.sh"

ours=(root root.tmp install debs kver stock modules src kdir testkernel config lock accel cargo checkpatch)

# Mounts beneath the cache in any mount name space that can be seen: a build
# or a guest may be running in the root at this moment.
mounts() {
	local f
	for f in /proc/[0-9]*/mountinfo; do
		awk -v dir="$FERRIO_CACHE/" -v f="$f" 'index($5 "/", dir) == 1 {
			split(f, p, "/")
			print "pid " p[3] ": " $5
		}' "$f" 2>/dev/null || true
	done | sort -u
}

[ -d "$FERRIO_CACHE" ] || {
	rm -rf --one-file-system "$FERRIO_OUT"
	echo "no cache in $FERRIO_CACHE"
	exit 0
}
FERRIO_CACHE=$(cd "$FERRIO_CACHE" && pwd -P)
busy=$(mounts)
[ -z "$busy" ] || die "something is mounted beneath $FERRIO_CACHE, nothing is removed; end what uses it, then run 'make distclean' again:
$(echo "$busy" | head -n 5 | sed 's/^/  /')"
for d in "${ours[@]}"; do
	[ -e "$FERRIO_CACHE/$d" ] || continue
	[ -O "$FERRIO_CACHE/$d" ] || [ "$(id -u)" = 0 ] ||
		die "$FERRIO_CACHE/$d is not yours; run: sudo $(again)"
	step "remove $d" rm -rf --one-file-system "$FERRIO_CACHE/$d"
done
left=$(ls -A "$FERRIO_CACHE")
if [ -n "$left" ]; then
	echo "left in $FERRIO_CACHE, not ours: $(echo "$left" | xargs)"
else
	rmdir "$FERRIO_CACHE"
fi
rm -rf --one-file-system "$FERRIO_OUT"
