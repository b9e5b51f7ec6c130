#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-kdir.sh [kdir] - say what is wrong with a kernel build tree
#
# The tree is looked at with the tools that a build in it would use: those of
# the Debian 13 root for the trees in the cache, the caller's for others.
set -eu
[ $# -le 1 ] || { echo "usage: check-kdir.sh [kdir]" >&2; exit 2; }
kdir=${1:-/lib/modules/$(uname -r)/build}
FERRIO_VERB=${FERRIO_VERB:-check-kdir KDIR=$kdir}
# shellcheck source=env.sh
. "$(dirname "$0")/env.sh"

if in_cache "$kdir"; then
	in_root python3 "$FERRIO_BED/check-kdir.py" "$kdir"
else
	command -v python3 >/dev/null || die "python3 is missing; install it"
	exec python3 "$FERRIO_BED/check-kdir.py" "$kdir"
fi
