#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-kdir.sh [kdir] - say what is wrong with a kernel build tree
#
# The tree is looked at with the tools that a build in it would use: those of
# the Debian 13 root for the trees in the cache, the caller's for others.
set -eu
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"

kdir=${1:-/lib/modules/$(uname -r)/build}
real=$(readlink -m "$kdir")
case $real/ in
"$(readlink -m "$FERRIO_CACHE")"/*)
	in_root python3 "$FERRIO_BED/check-kdir.py" "$real"
	;;
*)
	command -v python3 >/dev/null || die "python3 is missing; install it"
	exec python3 "$FERRIO_BED/check-kdir.py" "$kdir"
	;;
esac
