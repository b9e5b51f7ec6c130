#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Does make distclean remove what is ours, and nothing else?
set -eu
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"
# shellcheck source=prep-ktap.sh
. "$FERRIO_BED/prep-ktap.sh"

tmp=$(mktemp -d /tmp/ferrio-distclean.XXXXXX)
cache=$tmp/cache
holder=
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	if [ -n "$holder" ]; then kill "$holder" 2>/dev/null || true; fi
	rm -rf --one-file-system "$tmp"
}
trap cleanup EXIT

fill() {
	mkdir -p "$cache/root/etc" "$cache/kdir/x" "$cache/debs" "$tmp/out/log"
	: >"$cache/root/etc/passwd"
	: >"$cache/debs/a.deb"
}

clean() {
	set +e
	FERRIO_CACHE=$cache FERRIO_OUT=$tmp/out FERRIO_ROOT=$cache/root \
		"$FERRIO_BED/distclean.sh" 2>&1
	echo "status $?"
	set -e
}

plan_tests 6

fill
out=$(clean)
same removes-the-cache "status 0 " \
	"$(echo "$out" | tail -n 1) $(ls -d "$cache" "$tmp/out" 2>/dev/null)"
same nothing-to-remove "no cache in $cache
status 0" "$(clean)"

# The cache may be a directory that holds other things.
fill
: >"$cache/letter"
ln -s "$tmp/elsewhere" "$cache/src"
mkdir "$tmp/elsewhere"
: >"$tmp/elsewhere/photo"
out=$(clean)
same leaves-what-is-not-ours "left in $cache, not ours: letter
status 0 letter" "$(echo "$out" | tail -n 2) $(ls -A "$cache")"
same does-not-follow-links photo "$(ls "$tmp/elsewhere")"

# A mount in a name space of its own, as a build in the root makes it.
fill
mkdir -p "$cache/root/work" "$tmp/precious"
: >"$tmp/precious/source"
space=(unshare --mount --propagation private)
[ "$(id -u)" = 0 ] || space+=(--map-root-user)
# shellcheck disable=SC2016 # expanded by the inner shell
"${space[@]}" sh -euc 'mount --bind "$1" "$2"; : >"$3"; exec sleep 60' sh \
	"$tmp/precious" "$cache/root/work" "$tmp/mounted" &
holder=$!
for _ in $(seq 100); do
	[ ! -e "$tmp/mounted" ] || break
	sleep 0.1
done
same refuses-when-mounted "distclean.sh: something is mounted beneath $cache, nothing is removed; end what uses it, then run 'make distclean' again:
  pid $holder: $cache/root/work
status 1" "$(clean)"
same removes-nothing-then "passwd a.deb source" "$(ls "$cache/root/etc") $(ls \
	"$cache/debs") $(ls "$tmp/precious")"
end_tests
